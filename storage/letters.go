package storage

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"slices"
	"time"

	"syncd/source/school"
)

// mediaRow is a picture or file as it is kept, or the word that it is not:
// then it has neither id nor hash.
type mediaRow struct {
	school.MediaRef

	ref  school.Ref
	hash []byte
}

// letterRow is a letter as it is kept, without its texts.
type letterRow struct {
	id        int64
	ref       school.Ref
	published int64
	updated   int64
	modified  sql.NullInt64 // not valid: to be read again
	sum       string
	media     []mediaRow
	hidden    bool // another platform leads
	seen      bool
}

// letterPut is a letter to be added (id 0) or changed.
type letterPut struct {
	id       int64
	ref      school.Ref
	letter   school.Letter
	modified int64
	sum      string
	media    []mediaRow
	quiet    bool // nothing that is shown differs
	hidden   bool // as in entryPut
}

func (l *letterRow) blobs() []string {
	var out []string
	for _, m := range l.media {
		if m.Absent == school.AbsentNot {
			out = append(out, m.ID)
		}
	}
	return out
}

// KnownNews returns the news that is kept of a child, by the platform's key,
// with the platform's time of modification: what need not be read again.
// A child that is not known has none.
func (db *DB) KnownNews(
	ctx context.Context, platform school.PlatformID, child school.Ref,
) (map[school.Ref]time.Time, error) {
	known := map[school.Ref]time.Time{}
	err := db.cache.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var ref string
			var modified int64
			err := r.Scan(&ref, &modified)
			known[school.Ref(ref)] = instant(modified)
			return err
		}, `SELECT l.ref, l.modified FROM identity i JOIN letter l ON l.identity = i.id
			WHERE i.hash = ? AND l.kind = ? AND l.modified IS NOT NULL AND l.ref <> ''`,
			db.identityHash(platform, child), school.KindNews)
		return err
	})
	return known, wrap("known news", err)
}

// Letters returns the letters of the children and kinds (nil: all), the
// newest first; limit 0 means all of them.
func (db *DB) Letters(
	ctx context.Context, children []school.ChildNumber, kinds []school.Kind, limit int,
) ([]school.Letter, error) {
	c, err := list(children)
	if err != nil {
		return nil, wrap("letters", err)
	}
	k, err := list(kinds)
	if err != nil {
		return nil, wrap("letters", err)
	}
	if limit <= 0 {
		limit = -1
	}
	type row struct {
		id     int64
		letter school.Letter
	}
	var found []row
	media := map[int64][]school.MediaRef{}
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		found, err = rows(ctx, tx, func(r *sql.Rows, v *row) error {
			l := &v.letter
			var name string
			var published, updated, first int64
			err := r.Scan(&v.id, &l.Child, &name, &l.Kind, &l.UID, &published, &updated, &first,
				&l.Title, &l.Author, &l.Source, &l.URL, &l.Summary, &l.HTML)
			l.ChildName = school.Child{Name: name}.FirstName()
			l.Published, l.Updated, l.FirstSeen = instant(published), instant(updated), instant(first)
			return err
		}, `SELECT l.id, i.number, p.name, l.kind, l.uid, l.published, l.updated, l.first_seen,
				l.title, l.author, l.source, l.url, l.summary, l.html
			FROM letter l JOIN member i ON i.id = l.identity JOIN profile p ON p.identity = i.id
			WHERE l.hidden = 0 AND (?1 IS NULL OR i.number IN (SELECT value FROM json_each(?1)))
			AND (?2 IS NULL OR l.kind IN (SELECT value FROM json_each(?2)))
			ORDER BY l.published DESC, l.uid, l.id LIMIT ?3`, c, k, limit)
		if err != nil {
			return err
		}
		for _, v := range found {
			m, err := rows(ctx, tx, func(r *sql.Rows, m *school.MediaRef) error {
				return r.Scan(&m.ID, &m.Name, &m.Type, &m.Alt, &m.Length, &m.Image, &m.Text, &m.Absent)
			}, "SELECT id, name, type, alt, length, image, text, reason FROM ("+allMedia+") WHERE letter = ? ORDER BY position", v.id)
			if err != nil {
				return err
			}
			media[v.id] = m
		}
		return nil
	})
	out := make([]school.Letter, len(found))
	for i, v := range found {
		v.letter.Media = media[v.id]
		out[i] = v.letter
	}
	return out, wrap("letters", err)
}

// CountLetters is how many letters of the children and kinds (nil: all)
// [DB.Letters] would return.
func (db *DB) CountLetters(ctx context.Context, children []school.ChildNumber, kinds []school.Kind) (n int, err error) {
	c, err := list(children)
	if err != nil {
		return 0, wrap("count letters", err)
	}
	k, err := list(kinds)
	if err != nil {
		return 0, wrap("count letters", err)
	}
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM letter l JOIN member i ON i.id = l.identity
			WHERE l.hidden = 0 AND (?1 IS NULL OR i.number IN (SELECT value FROM json_each(?1)))
			AND (?2 IS NULL OR l.kind IN (SELECT value FROM json_each(?2)))`, c, k).Scan(&n)
	})
	return n, wrap("count letters", err)
}

// allMedia is what letters bring, kept or absent.
const allMedia = `SELECT letter, position, image, ref, name, type, alt, text, id, length, hash, '' AS reason FROM media
	UNION ALL SELECT letter, position, image, ref, name, type, alt, text, '', 0, NULL, reason FROM absent`

func (a *applying) loadLetters(ctx context.Context, tx *sql.Tx) error {
	a.letters = map[key]*letterRow{}
	byID := map[int64]*letterRow{}
	_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
		var k key
		var ref string
		l := &letterRow{}
		err := r.Scan(&l.id, &k.kind, &k.uid, &ref, &l.published, &l.updated, &l.modified, &l.sum, &l.hidden)
		l.ref = school.Ref(ref)
		a.letters[k], byID[l.id] = l, l
		return err
	}, "SELECT id, kind, uid, ref, published, updated, modified, print, hidden FROM letter WHERE identity = ?", a.id.id)
	if err != nil {
		return err
	}
	_, err = rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
		var letter int64
		var ref string
		var m mediaRow
		err := r.Scan(&letter, &m.ID, &m.Image, &m.Length, &m.hash, &ref, &m.Name, &m.Type, &m.Alt, &m.Text, &m.Absent)
		m.ref = school.Ref(ref)
		if l := byID[letter]; l != nil {
			l.media = append(l.media, m)
		}
		return err
	}, `SELECT m.letter, m.id, m.image, m.length, m.hash, m.ref, m.name, m.type, m.alt, m.text, m.reason
		FROM (`+allMedia+`) m JOIN letter l ON l.id = m.letter WHERE l.identity = ? ORDER BY m.letter, m.position`, a.id.id)
	return err
}

// arrival is one undated thing of the snapshot.
type arrival struct {
	ref      school.Ref
	letter   school.Letter
	modified time.Time
	images   []school.Media
	files    []school.Media
}

func (a *applying) workLetters() error {
	unchanged := make(map[school.Ref]bool, len(a.s.Unchanged))
	for _, r := range a.s.Unchanged {
		unchanged[r] = true
	}
	for k, l := range a.letters {
		if k.kind == school.KindNews && unchanged[l.ref] {
			l.seen = true
		}
	}
	all := make([]arrival, 0, len(a.s.News)+len(a.s.Notices))
	for _, n := range a.s.News {
		all = append(all, arrival{n.Ref, n.Letter(), n.Modified, n.Images, n.Files})
	}
	for _, n := range a.s.Notices {
		all = append(all, arrival{ref: n.Ref, letter: n.Letter(), modified: n.Sent})
	}
	last := make(map[key]int, len(all))
	for i := range all {
		if all[i].letter.UID == "" {
			return errors.New("a letter has no UID: the snapshot is not normalised")
		}
		last[key{all[i].letter.Kind, all[i].letter.UID}] = i
	}
	for i := range all {
		if last[key{all[i].letter.Kind, all[i].letter.UID}] != i {
			continue
		}
		if err := a.workLetter(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) workLetter(in *arrival) error {
	l := &in.letter
	have := a.letters[key{l.Kind, l.UID}]
	if a.expiredLetter(l.Kind, l.Published) {
		if have != nil {
			have.seen = true // until it is swept
		}
		return nil
	}
	if a.expiredPictures(l.Published) {
		in.images = nil
	}
	media, fresh, err := a.workMedia(in, have)
	if err != nil {
		return err
	}
	put := letterPut{ref: in.ref, letter: *l, modified: unix(in.modified), sum: a.fp.letter(l, media), media: media, hidden: a.joined}
	put.letter.Updated = time.Unix(a.updated(in, have), 0)
	if have == nil {
		a.changes.Added[l.Kind]++
		a.letterPuts = append(a.letterPuts, put)
		return nil
	}
	have.seen = true
	put.id, put.hidden = have.id, have.hidden
	switch {
	case have.sum != put.sum, fresh:
		a.changes.Changed[l.Kind]++
		for _, id := range have.blobs() {
			if !slices.ContainsFunc(media, func(m mediaRow) bool { return m.ID == id }) {
				a.oldBlobs = append(a.oldBlobs, id)
			}
		}
	case have.modified.Valid && have.modified.Int64 == put.modified && have.ref == put.ref:
		return nil
	default:
		put.quiet = true
	}
	a.letterPuts = append(a.letterPuts, put)
	return nil
}

// updated returns when the content changed: by the school's own time where
// that can be believed, else now. It never goes back.
func (a *applying) updated(in *arrival, have *letterRow) int64 {
	school, before := unix(in.modified), int64(0)
	if have != nil {
		before = have.updated
	}
	if in.modified.After(in.letter.Published) && school <= a.now && school > before {
		return school
	}
	return max(a.now, before)
}

// workMedia finds for each picture and file of a letter the one that is kept
// already, or writes it. A file that was not read this time stays as it is;
// one that was never read, or has no room, is absent. fresh reports that a
// file was written.
func (a *applying) workMedia(in *arrival, have *letterRow) (out []mediaRow, fresh bool, err error) {
	var kept []mediaRow
	if have != nil && have.modified.Valid { // else its files are gone
		kept = slices.DeleteFunc(slices.Clone(have.media), func(m mediaRow) bool { return m.Absent != school.AbsentNot })
	}
	for i, m := range slices.Concat(in.images, in.files) {
		row := mediaRow{
			MediaRef: school.MediaRef{Name: m.Name, Type: m.Type, Alt: m.Alt, Image: i < len(in.images), Text: m.Text},
			ref:      m.Ref,
		}
		if m.Data != nil {
			sum := sha256.Sum256(m.Data)
			row.hash, row.Length = sum[:], int64(len(m.Data))
		}
		at := slices.IndexFunc(kept, func(k mediaRow) bool {
			return k.Image == row.Image && (bytes.Equal(k.hash, row.hash) || m.Data == nil && k.ref == m.Ref)
		})
		switch {
		case at >= 0:
			row.ID, row.hash, row.Length = kept[at].ID, kept[at].hash, kept[at].Length
			if m.Data == nil {
				row.Text = kept[at].Text
			}
			kept = slices.Delete(kept, at, at+1)
		case m.Data == nil:
			row.Absent = cmp.Or(m.Absent, school.AbsentUnread)
		case !a.room.takes(row.Length, unix(in.letter.Published), a.db.mediaLimit):
			a.crowded++
			row.Absent, row.hash, row.Length = school.AbsentRoom, nil, 0
		default:
			if row.ID, _, err = a.db.blobs.Put(bytes.NewReader(m.Data)); err != nil {
				return nil, false, err
			}
			a.newBlobs = append(a.newBlobs, row.ID)
			fresh = true
		}
		out = append(out, row)
	}
	return out, fresh, nil
}

// storedLetters lists for the guard what is kept of a kind.
func (a *applying) storedLetters(kind school.Kind, g *guard) []stored {
	var all []stored
	for k, l := range a.letters {
		if k.kind == kind && a.listed(kind, l.published) {
			all = append(all, stored{key: k, missing: !l.seen})
		}
	}
	for i := range a.letterPuts {
		if p := &a.letterPuts[i]; p.id == 0 && p.letter.Kind == kind {
			g.added = append(g.added, 0)
		}
	}
	return all
}

func (a *applying) writeLetters(ctx context.Context, tx *sql.Tx, log *changeLog) error {
	for i := range a.letterPuts {
		p := &a.letterPuts[i]
		if err := a.writeLetter(ctx, tx, p); err != nil {
			return err
		}
		if p.quiet || p.hidden {
			continue
		}
		if err := log.add(ctx, a.id.number, p.letter.Kind, p.letter.UID, false); err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) writeLetter(ctx context.Context, tx *sql.Tx, p *letterPut) error {
	l := &p.letter
	if p.quiet {
		const query = "UPDATE letter SET ref = ?, modified = ? WHERE id = ?"
		_, err := tx.ExecContext(ctx, query, string(p.ref), p.modified, p.id)
		return err
	}
	if p.id == 0 {
		const query = `INSERT INTO letter (identity, kind, uid, ref, published, updated, modified, first_seen, print,
			title, author, source, url, summary, html, hidden) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`
		err := tx.QueryRowContext(ctx, query, a.id.id, l.Kind, l.UID, string(p.ref), unix(l.Published), unix(l.Updated),
			p.modified, a.now, []byte(p.sum), l.Title, l.Author, l.Source, l.URL, l.Summary, l.HTML, number(p.hidden)).Scan(&p.id)
		if err != nil {
			return err
		}
	} else {
		const query = `UPDATE letter SET ref = ?, published = ?, updated = ?, modified = ?, print = ?,
			title = ?, author = ?, source = ?, url = ?, summary = ?, html = ? WHERE id = ?`
		_, err := tx.ExecContext(ctx, query, string(p.ref), unix(l.Published), unix(l.Updated), p.modified, []byte(p.sum),
			l.Title, l.Author, l.Source, l.URL, l.Summary, l.HTML, p.id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM media WHERE letter = ?1; DELETE FROM absent WHERE letter = ?1", p.id); err != nil {
			return err
		}
	}
	for i, m := range p.media {
		if m.Absent != school.AbsentNot {
			const query = `INSERT INTO absent (letter, position, image, ref, name, type, alt, text, reason)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
			_, err := tx.ExecContext(ctx, query, p.id, i, number(m.Image), string(m.ref), m.Name, m.Type, m.Alt, m.Text, m.Absent)
			if err != nil {
				return err
			}
			continue
		}
		const query = `INSERT INTO media (id, letter, position, image, length, hash, ref, name, type, alt, text)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
		_, err := tx.ExecContext(ctx, query, m.ID, p.id, i, number(m.Image), m.Length, m.hash, string(m.ref), m.Name, m.Type, m.Alt, m.Text)
		if err != nil {
			return err
		}
	}
	return nil
}
