package storage

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"syncd/source/school"
)

// What is told about entries that changed.
const (
	newsHorizon = 90  // days ahead; a new entry beyond them is no news yet
	maxTold     = 500 // differences that are kept of one child at one platform
)

// heard leaves out what another platform leads in, so that nothing of it is
// shown.
const heard = `(NOT EXISTS (SELECT 1 FROM entry e WHERE e.identity = d.identity AND e.kind = d.kind AND e.hidden = 1)
	OR EXISTS (SELECT 1 FROM entry e WHERE e.identity = d.identity AND e.kind = d.kind AND e.hidden = 0))`

// Differences lists what was told about the children's entries (nil: all
// children), the newest first; limit 0 means all of it.
func (db *DB) Differences(ctx context.Context, children []school.ChildNumber, limit int) (out []school.Difference, err error) {
	c, err := list(children)
	if err != nil {
		return nil, wrap("differences", err)
	}
	if limit <= 0 {
		limit = -1
	}
	loc := school.Stockholm()
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, d *school.Difference) error {
			var name, before, after string
			var at int64
			if err := r.Scan(&d.UID, &d.Kind, &d.Child, &name, &at, &before, &after); err != nil {
				return err
			}
			d.ChildName, d.Seen = school.Child{Name: name}.FirstName(), instant(at)
			if d.Before, err = parseFace(before, loc); err != nil {
				return err
			}
			d.After, err = parseFace(after, loc)
			return err
		}, `SELECT d.uid, d.kind, i.number, p.name, d.at, d.before, d.after
			FROM difference d JOIN member i ON i.id = d.identity JOIN profile p ON p.identity = i.id
			WHERE (?1 IS NULL OR i.number IN (SELECT value FROM json_each(?1))) AND `+heard+` ORDER BY d.at DESC, d.id LIMIT ?2`, c, limit)
		return err
	})
	return out, wrap("differences", err)
}

// Told returns a word that is another one whenever [DB.Differences] of the
// children (nil: all) is.
func (db *DB) Told(ctx context.Context, children []school.ChildNumber) (mark string, err error) {
	c, err := list(children)
	if err != nil {
		return "", wrap("told", err)
	}
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		const query = `SELECT count(*) || '-' || coalesce(max(d.id), 0) || '-' || coalesce((SELECT uid FROM difference ORDER BY id DESC LIMIT 1), '')
			FROM difference d JOIN member i ON i.id = d.identity
			WHERE (?1 IS NULL OR i.number IN (SELECT value FROM json_each(?1))) AND ` + heard
		return tx.QueryRowContext(ctx, query, c).Scan(&mark)
	})
	return mark, wrap("told", err)
}

// face is a [school.Face] as it is kept.
type face struct {
	Title  string        `json:"title"`
	Place  string        `json:"place,omitempty"`
	AllDay bool          `json:"all_day,omitempty"`
	Starts int64         `json:"starts"`
	Ends   int64         `json:"ends"`
	Status school.Status `json:"status,omitempty"`
	Text   string        `json:"text,omitempty"`
}

func parseFace(s string, loc *time.Location) (*school.Face, error) {
	if s == "" {
		return nil, nil //nolint:nilnil // no face at all is one of the two things that a difference may hold
	}
	var f face
	if err := json.Unmarshal([]byte(s), &f); err != nil {
		return nil, fmt.Errorf("decode difference: %w", err)
	}
	out := &school.Face{Title: f.Title, Place: f.Place, Status: f.Status, Text: f.Text}
	if f.AllDay {
		out.Span = school.Span{AllDay: true, Days: school.Window{From: dateOf(f.Starts), To: dateOf(f.Ends)}}
	} else {
		out.Span = school.Timed(time.Unix(f.Starts, 0).In(loc), time.Unix(f.Ends, 0).In(loc))
	}
	return out, nil
}

func formatFace(f *school.Face) (string, error) {
	if f == nil {
		return "", nil
	}
	t := timesOf(f.Span)
	b, err := json.Marshal(face{
		Title: f.Title, Place: f.Place, AllDay: f.Span.AllDay, Starts: t.starts, Ends: t.ends, Status: f.Status, Text: f.Text,
	})
	if err != nil {
		return "", fmt.Errorf("encode difference: %w", err)
	}
	return string(b), nil
}

// tells reports whether what happens to entries of a kind is told. Lunches
// are no news, and derived kinds repeat what they are derived from.
func tells(k school.Kind) bool {
	switch k {
	case school.KindEvents, school.KindLessons, school.KindHomework, school.KindCare:
		return true
	case school.KindDay, school.KindMeals, school.KindKit, school.KindFamily,
		school.KindNews, school.KindNotices, school.KindChanges, school.KindAll:
		return false
	}
	return false
}

// told is one difference on its way in.
type told struct {
	kind          school.Kind
	before, after *school.Face
}

// day is the day that puts a difference in order, and last the last one that
// it concerns.
func (t told) days(loc *time.Location) (day, last int64) {
	for _, f := range []*school.Face{t.before, t.after} {
		if f == nil {
			continue
		}
		start, end := f.Span.Bounds(loc)
		d := dayNumber(school.DateOf(start.In(loc)))
		if day == 0 || d < day {
			day = d
		}
		if end.After(start) {
			end = end.Add(-time.Second)
		}
		last = max(last, dayNumber(school.DateOf(end.In(loc))))
	}
	return day, last
}

func (t told) title() string {
	if t.before != nil {
		return t.before.Title
	}
	return t.after.Title
}

// differences works out what there is to tell about the entries that are
// about to be written. It has to be called before they are.
func (a *applying) differences(ctx context.Context, tx *sql.Tx) ([]told, error) {
	if a.changes.First || a.unwanted.kind(a.id.id, school.KindChanges) {
		return nil, nil // everything is new, or nobody wants to be told
	}
	var changed, added []told
	for i := range a.entryPuts {
		p := &a.entryPuts[i]
		if p.quiet || !tells(p.entry.Kind) {
			continue
		}
		after := p.entry.Looks(a.textPrint(p.entry.Body))
		if p.id == 0 {
			if a.expected(p) {
				added = append(added, told{kind: p.entry.Kind, after: &after})
			}
			continue
		}
		before, err := a.stored(ctx, tx, key{p.entry.Kind, p.entry.UID})
		if err != nil {
			return nil, err
		}
		changed = append(changed, told{p.entry.Kind, before, &after})
	}
	gone, err := a.gone(ctx, tx)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(changed, pair(gone, added, a.loc))
	all = slices.DeleteFunc(all, func(t told) bool { return !a.noticed(t) })
	slices.SortStableFunc(all, func(x, y told) int {
		xd, _ := x.days(a.loc)
		yd, _ := y.days(a.loc)
		return cmp.Or(cmp.Compare(xd, yd), strings.Compare(string(x.kind), string(y.kind)), strings.Compare(x.title(), y.title()))
	})
	return all, nil
}

// noticed reports whether a difference concerns today or later and is more
// than another key. That something goes which was called off is no news.
func (a *applying) noticed(t told) bool {
	_, last := t.days(a.loc)
	switch {
	case last < a.today:
		return false
	case t.after == nil:
		return t.before.Status != school.StatusCancelled
	case t.before == nil:
		return a.newsworthy(t)
	}
	return !t.before.Same(*t.after)
}

// gone returns the entries that are about to be deleted.
func (a *applying) gone(ctx context.Context, tx *sql.Tx) ([]told, error) {
	var gone []told
	for _, k := range a.drops {
		if !tells(k.kind) {
			continue
		}
		before, err := a.stored(ctx, tx, k)
		if err != nil {
			return nil, err
		}
		gone = append(gone, told{kind: k.kind, before: before})
	}
	return gone, nil
}

// expected reports whether the kind was read before, so that something new in
// it is more than a first look.
func (a *applying) expected(p *entryPut) bool {
	if a.known[p.entry.Kind] {
		return true
	}
	for k := range a.entries {
		if k.kind == p.entry.Kind {
			return true
		}
	}
	return false
}

// newsworthy reports whether a new entry is told. Timetables and care times
// arrive week by week: only what comes into a week that is known already is
// news there.
func (a *applying) newsworthy(t told) bool {
	day, _ := t.days(a.loc)
	switch t.kind {
	case school.KindLessons, school.KindCare:
		for k, e := range a.entries {
			if k.kind == t.kind && week(e.times.day) == week(day) {
				return true
			}
		}
		return false
	default:
		return day <= a.today+newsHorizon
	}
}

// pair joins what is gone and what is new where it is the same thing under
// another key: most of all a lesson at another time.
func pair(gone, added []told, loc *time.Location) []told {
	var out []told
	day := func(f *school.Face) int64 {
		start, _ := f.Span.Bounds(loc)
		return dayNumber(school.DateOf(start.In(loc)))
	}
	taken := make([]bool, len(added))
	for _, alike := range []func(before, after *school.Face, k school.Kind) bool{
		func(before, after *school.Face, _ school.Kind) bool { return before.Same(*after) },
		func(before, after *school.Face, _ school.Kind) bool {
			return before.Title == after.Title && day(before) == day(after)
		},
		func(before, after *school.Face, k school.Kind) bool {
			return before.Title == after.Title && (k != school.KindLessons && k != school.KindCare || week(day(before)) == week(day(after)))
		},
	} {
		gone = slices.DeleteFunc(gone, func(g told) bool {
			for i, n := range added {
				if !taken[i] && g.kind == n.kind && alike(g.before, n.after, g.kind) {
					taken[i] = true
					out = append(out, told{g.kind, g.before, n.after})
					return true
				}
			}
			return false
		})
	}
	out = append(out, gone...)
	for i, n := range added {
		if !taken[i] {
			out = append(out, n)
		}
	}
	return out
}

// stored returns the face of an entry as it is kept.
func (a *applying) stored(ctx context.Context, tx *sql.Tx, k key) (*school.Face, error) {
	var f school.Face
	var starts, ends int64
	var body string
	const query = "SELECT all_day, starts, ends, status, title, place, body FROM entry WHERE identity = ? AND kind = ? AND uid = ?"
	err := tx.QueryRowContext(ctx, query, a.id.id, k.kind, k.uid).
		Scan(&f.Span.AllDay, &starts, &ends, &f.Status, &f.Title, &f.Place, &body)
	if err != nil {
		return nil, fmt.Errorf("read what was there: %w", err)
	}
	f.Text = a.textPrint(body)
	if f.Span.AllDay {
		f.Span.Days = school.Window{From: dateOf(starts), To: dateOf(ends)}
	} else {
		f.Span.Start, f.Span.End = time.Unix(starts, 0).In(a.loc), time.Unix(ends, 0).In(a.loc)
	}
	return &f, nil
}

func (a *applying) textPrint(body string) string {
	if body == "" {
		return ""
	}
	a.fp.reset()
	a.fp.text(body)
	return hex.EncodeToString([]byte(a.fp.sum()[:8]))
}

// loadKnown notes of which kinds something was read before.
func (a *applying) loadKnown(ctx context.Context, tx *sql.Tx) error {
	a.known = map[school.Kind]bool{}
	_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
		var part school.Part
		err := r.Scan(&part)
		a.known[part.Kind()] = true
		return err
	}, "SELECT part FROM reading WHERE identity = ?", a.id.id)
	return err
}

func (a *applying) writeDifferences(ctx context.Context, tx *sql.Tx, all []told) error {
	for _, t := range all {
		before, err := formatFace(t.before)
		if err != nil {
			return err
		}
		after, err := formatFace(t.after)
		if err != nil {
			return err
		}
		const query = "INSERT INTO difference (identity, uid, kind, at, before, after) VALUES (?, ?, ?, ?, ?, ?)"
		if _, err := tx.ExecContext(ctx, query, a.id.id, strings.ToLower(rand.Text()), t.kind, a.now, before, after); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		return nil
	}
	const drop = `DELETE FROM difference WHERE identity = ?1 AND id NOT IN
		(SELECT id FROM difference WHERE identity = ?1 ORDER BY id DESC LIMIT ?2)`
	_, err := tx.ExecContext(ctx, drop, a.id.id, maxTold)
	return err
}
