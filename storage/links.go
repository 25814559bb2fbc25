package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"syncd/source/school"
)

// TokenUse says which of a link's tokens is meant.
type TokenUse string

// The uses.
const (
	TokenPage      TokenUse = "page"
	TokenCalendars TokenUse = "calendars"
	TokenFeeds     TokenUse = "feeds"
)

// Secrets are what a link is checked against: SHA-256 of each token and of
// the app password, and the random key from which its media ids are made. No
// token can be found from them. They print as [redacted].
type Secrets struct {
	Page, Calendars, Feeds, Password [32]byte
	Media                            [32]byte
}

// String implements [fmt.Stringer] without showing anything.
func (Secrets) String() string { return school.Redacted }

// Format implements [fmt.Formatter], so that no verb shows anything.
func (Secrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, school.Redacted) }

// LogValue implements [slog.LogValuer] without showing anything.
func (Secrets) LogValue() slog.Value { return slog.StringValue(school.Redacted) }

const linkColumns = `id, label, children, kinds, prefix, cancelled, language, merged, day, utc,
	options_changed, generation, created, expires, revoked, suspended, last_used, detail, history, quiet`

// Links lists all links, the revoked ones too, oldest first.
func (db *DB) Links(ctx context.Context) ([]school.Link, error) {
	return db.links(ctx, "links", "SELECT "+linkColumns+" FROM link ORDER BY created, id")
}

// Link returns one link, revoked or not.
func (db *DB) Link(ctx context.Context, id school.LinkID) (school.Link, error) {
	return one(db.links(ctx, "link", "SELECT "+linkColumns+" FROM link WHERE id = ?", id))
}

// LinkByToken returns the link that a token belongs to, by the token's hash.
// Links that are not live answer [fs.ErrNotExist] like unknown ones. Reached
// by a token that was replaced, the link expires when that token does.
func (db *DB) LinkByToken(ctx context.Context, use TokenUse, hash [32]byte) (school.Link, error) {
	switch use {
	case TokenPage, TokenCalendars, TokenFeeds:
	default:
		return school.Link{}, errors.New("storage: link by token: unknown use")
	}
	l, err := one(db.links(ctx, "link by token",
		"SELECT "+linkColumns+" FROM link WHERE id = (SELECT link FROM secrets WHERE "+string(use)+" = ?)", hash[:]))
	if errors.Is(err, fs.ErrNotExist) {
		l, err = db.linkByReplaced(ctx, use, hash)
	}
	if err == nil && !l.Live(db.now()) {
		return school.Link{}, wrap("link by token", sql.ErrNoRows)
	}
	return l, err
}

// AddLink stores a new link under the ID that the caller chose. Created,
// OptionsChanged and Generation are set here. Both files are written.
func (db *DB) AddLink(ctx context.Context, l school.Link, s Secrets) error {
	if l.ID == "" {
		return errors.New("storage: add link: an id is required")
	}
	now := time.Unix(db.second(), 0).UTC()
	l.Created, l.OptionsChanged, l.Generation = now, now, rand.Text()
	return db.both(ctx, "add link", func(tx *sql.Tx) error {
		values, err := linkValues(l)
		if err != nil {
			return err
		}
		const query = "INSERT INTO link (" + linkColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		if _, err := tx.ExecContext(ctx, query, values...); err != nil {
			return err
		}
		return putSecrets(ctx, tx, l.ID, s)
	})
}

// PutLink changes a link's label, scope, options, expiry and suspension. A
// changed scope or changed options give it a new OptionsChanged and
// Generation; what l says about these, and about Created, Revoked and
// LastUsed, does not count. Both files are written when something changed.
func (db *DB) PutLink(ctx context.Context, l school.Link) error {
	have, err := db.Link(ctx, l.ID)
	if err != nil {
		return err
	}
	if sameButScope(have, l) && sameScope(have, l) {
		return nil
	}
	return db.both(ctx, "put link", func(tx *sql.Tx) error {
		found, err := rows(ctx, tx, scanLink, "SELECT "+linkColumns+" FROM link WHERE id = ?", l.ID)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return sql.ErrNoRows
		}
		have := found[0]
		l.Created, l.Revoked, l.LastUsed = have.Created, have.Revoked, have.LastUsed
		l.OptionsChanged, l.Generation = have.OptionsChanged, have.Generation
		if !sameScope(have, l) {
			l.OptionsChanged, l.Generation = time.Unix(db.second(), 0).UTC(), rand.Text()
		}
		values, err := linkValues(l)
		if err != nil {
			return err
		}
		const query = `UPDATE link SET label = ?2, children = ?3, kinds = ?4, prefix = ?5, cancelled = ?6, language = ?7,
			merged = ?8, day = ?9, utc = ?10, options_changed = ?11, generation = ?12, created = ?13, expires = ?14,
			revoked = ?15, suspended = ?16, last_used = ?17, detail = ?18, history = ?19, quiet = ?20 WHERE id = ?1`
		_, err = tx.ExecContext(ctx, query, values...)
		return err
	})
}

// RevokeLink ends a link for good: its secrets are removed, the rest stays to
// be shown. Both files are written. Revoking it again does nothing.
func (db *DB) RevokeLink(ctx context.Context, id school.LinkID) error {
	return db.both(ctx, "revoke link", func(tx *sql.Tx) error {
		const query = "UPDATE link SET revoked = iif(revoked = 0, ?, revoked) WHERE id = ?"
		if err := must(exec(ctx, tx, query, db.second(), id)); err != nil {
			return err
		}
		for _, table := range []string{"secrets", "replaced"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE link = ?", id); err != nil { //nolint:gosec // the two names above
				return err
			}
		}
		return nil
	})
}

// Secrets returns what the link is checked against; [fs.ErrNotExist] when it
// was revoked.
func (db *DB) Secrets(ctx context.Context, id school.LinkID) (s Secrets, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		s, err = secretsOf(ctx, tx, id)
		return err
	})
	return s, wrap("secrets", err)
}

func secretsOf(ctx context.Context, tx *sql.Tx, id school.LinkID) (s Secrets, err error) {
	var v [5][]byte
	const query = "SELECT page, calendars, feeds, password, media FROM secrets WHERE link = ?"
	err = tx.QueryRowContext(ctx, query, id).Scan(&v[0], &v[1], &v[2], &v[3], &v[4])
	for i, into := range []*[32]byte{&s.Page, &s.Calendars, &s.Feeds, &s.Password, &s.Media} {
		copy(into[:], v[i])
	}
	return s, err
}

// LinkPassword returns the hash of a live link's app password.
func (db *DB) LinkPassword(ctx context.Context, id school.LinkID) ([32]byte, error) {
	s, err := db.liveSecrets(ctx, id)
	return s.Password, err
}

// LinkMediaKey returns the key from which a live link's media ids are made.
func (db *DB) LinkMediaKey(ctx context.Context, id school.LinkID) ([32]byte, error) {
	s, err := db.liveSecrets(ctx, id)
	return s.Media, err
}

func (db *DB) liveSecrets(ctx context.Context, id school.LinkID) (Secrets, error) {
	l, err := db.Link(ctx, id)
	if err != nil {
		return Secrets{}, err
	}
	if !l.Live(db.now()) {
		return Secrets{}, wrap("secrets", sql.ErrNoRows)
	}
	return db.Secrets(ctx, id)
}

func putSecrets(ctx context.Context, tx *sql.Tx, id school.LinkID, s Secrets) error {
	const query = "INSERT INTO secrets (link, page, calendars, feeds, password, media) VALUES (?, ?, ?, ?, ?, ?)"
	_, err := tx.ExecContext(ctx, query, id, s.Page[:], s.Calendars[:], s.Feeds[:], s.Password[:], s.Media[:])
	return err
}

func sameScope(a, b school.Link) bool {
	return a.Options == b.Options &&
		(a.Children == nil) == (b.Children == nil) && slices.Equal(a.Children, b.Children) &&
		(a.Kinds == nil) == (b.Kinds == nil) && slices.Equal(a.Kinds, b.Kinds)
}

func sameButScope(a, b school.Link) bool {
	return a.Label == b.Label && unix(a.Expires) == unix(b.Expires) && unix(a.Suspended) == unix(b.Suspended)
}

func (db *DB) links(ctx context.Context, op, query string, args ...any) (out []school.Link, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, scanLink, query, args...)
		return err
	})
	return out, wrap(op, err)
}

func one(found []school.Link, err error) (school.Link, error) {
	if err == nil && len(found) == 0 {
		err = wrap("link", sql.ErrNoRows)
	}
	if err != nil {
		return school.Link{}, err
	}
	return found[0], nil
}

// linkValues returns the values of linkColumns.
func linkValues(l school.Link) ([]any, error) {
	children, err := list(l.Children)
	if err != nil {
		return nil, err
	}
	kinds, err := list(l.Kinds)
	if err != nil {
		return nil, err
	}
	o := l.Options
	return []any{
		l.ID, l.Label, children, kinds, number(o.Prefix), o.Cancelled, o.Language, number(o.Merged), number(o.Day),
		number(o.UTC), unix(l.OptionsChanged), l.Generation, unix(l.Created), unix(l.Expires), unix(l.Revoked),
		unix(l.Suspended), unix(l.LastUsed), o.Detail, o.History, number(o.Quiet),
	}, nil
}

func scanLink(r *sql.Rows, l *school.Link) error {
	var children, kinds sql.NullString
	var t [6]int64
	o := &l.Options
	err := r.Scan(&l.ID, &l.Label, &children, &kinds, &o.Prefix, &o.Cancelled, &o.Language, &o.Merged, &o.Day, &o.UTC,
		&t[0], &l.Generation, &t[1], &t[2], &t[3], &t[4], &t[5], &o.Detail, &o.History, &o.Quiet)
	if err != nil {
		return err
	}
	for i, into := range []*time.Time{&l.OptionsChanged, &l.Created, &l.Expires, &l.Revoked, &l.Suspended, &l.LastUsed} {
		*into = instant(t[i])
	}
	if l.Children, err = unlist[school.ChildNumber](children); err != nil {
		return err
	}
	l.Kinds, err = unlist[school.Kind](kinds)
	return err
}
