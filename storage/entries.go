package storage

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"syncd/source/school"
)

// entryRow is an entry as it is kept, without its texts.
type entryRow struct {
	id       int64
	part     school.Part
	times    times
	status   school.Status
	modified int64
	sequence int64
	sum      string
	hidden   bool // another platform leads
	seen     bool // shown by the snapshot
}

// entryPut is an entry to be added (id 0) or changed.
type entryPut struct {
	id       int64
	part     school.Part
	entry    school.Entry
	times    times
	sum      string
	modified int64
	sequence int64
	quiet    bool // nothing that is shown differs
	hidden   bool // is not shown; of a joined child at first nothing is, see arrange
}

// Entries returns what one calendar of a child holds, ordered by first day
// and time: at midnight whole days come first. Times are in Europe/Stockholm.
// A child or kind that is not there has none.
func (db *DB) Entries(ctx context.Context, child school.ChildNumber, kind school.Kind) (out []school.Entry, err error) {
	loc := school.Stockholm()
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, e *school.Entry) error {
			return scanEntry(r, e, loc)
		}, `SELECT i.number, p.name, e.kind, e.uid, e.all_day, e.starts, e.ends, e.status, e.created, e.modified,
				e.sequence, e.busy, e.done, e.task, e.categories, e.title, e.place, e.url, e.body
			FROM member i JOIN profile p ON p.identity = i.id JOIN entry e ON e.identity = i.id
			WHERE i.number = ? AND e.kind = ? AND e.hidden = 0 ORDER BY e.day, e.all_day DESC, e.starts, e.ends, e.uid`, child, kind)
		return err
	})
	return out, wrap("entries", err)
}

func scanEntry(r *sql.Rows, e *school.Entry, loc *time.Location) error {
	var starts, ends, created, modified int64
	var name, categories string
	err := r.Scan(&e.Child, &name, &e.Kind, &e.UID, &e.Span.AllDay, &starts, &ends, &e.Status, &created, &modified,
		&e.Sequence, &e.Busy, &e.Done, &e.Task, &categories, &e.Title, &e.Place, &e.URL, &e.Body)
	if err != nil {
		return err
	}
	e.ChildName = school.Child{Name: name}.FirstName()
	e.Created, e.Modified = time.Unix(created, 0).UTC(), time.Unix(modified, 0).UTC()
	if e.Span.AllDay {
		e.Span.Days = school.Window{From: dateOf(starts), To: dateOf(ends)}
	} else {
		e.Span.Start, e.Span.End = time.Unix(starts, 0).In(loc), time.Unix(ends, 0).In(loc)
	}
	e.Categories, err = unlist[string](sql.NullString{String: categories, Valid: categories != ""})
	return err
}

const entryRowQuery = `SELECT id, kind, uid, part, day, all_day, starts, ends, status, modified, sequence, print, hidden
	FROM entry WHERE identity = ?`

// entryRows reads entries without their texts.
func entryRows(ctx context.Context, tx *sql.Tx, query string, args ...any) (map[key]*entryRow, error) {
	out := map[key]*entryRow{}
	_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
		var k key
		e := &entryRow{}
		err := r.Scan(&e.id, &k.kind, &k.uid, &e.part, &e.times.day, &e.times.allDay, &e.times.starts, &e.times.ends,
			&e.status, &e.modified, &e.sequence, &e.sum, &e.hidden)
		out[k] = e
		return err
	}, query, args...)
	return out, err
}

// incoming is one dated thing of the snapshot.
type incoming struct {
	part  school.Part
	entry school.Entry
}

// incoming returns the dated things of the snapshot. Of two with the same UID
// the later one counts.
func (a *applying) incoming() ([]incoming, error) {
	s := a.s
	all := make([]incoming, 0, len(s.Calendar)+len(s.Schedule)+len(s.Timetable)+len(s.Menu)+len(s.Tasks)+len(s.Care))
	for _, e := range s.Calendar {
		all = append(all, incoming{school.PartCalendar, e.Entry()})
	}
	for _, e := range s.Schedule {
		all = append(all, incoming{school.PartSchedule, e.Entry()})
	}
	for _, e := range s.Timetable {
		all = append(all, incoming{school.PartTimetable, e.Entry()})
	}
	for _, e := range s.Menu {
		all = append(all, incoming{school.PartMenu, e.Entry()})
	}
	for _, e := range s.Tasks {
		all = append(all, incoming{school.PartTasks, e.Entry()})
	}
	for _, e := range s.Care {
		all = append(all, incoming{school.PartCare, e.Entry()})
	}
	last := make(map[key]int, len(all))
	for i := range all {
		e := &all[i].entry
		if e.UID == "" {
			return nil, errors.New("an entry has no UID: the snapshot is not normalised")
		}
		last[key{e.Kind, e.UID}] = i
	}
	out := all[:0]
	for i := range all {
		if last[key{all[i].entry.Kind, all[i].entry.UID}] == i {
			out = append(out, all[i])
		}
	}
	return out, nil
}

func (a *applying) workEntries() error {
	all, err := a.incoming()
	if err != nil {
		return err
	}
	for i := range all {
		a.workEntry(&all[i])
	}
	return nil
}

func (a *applying) workEntry(in *incoming) {
	e := &in.entry
	t := timesOf(e.Span)
	if !e.Span.AllDay {
		t.day = dayNumber(school.DateOf(e.Span.Start.In(a.loc)))
	}
	put := entryPut{part: in.part, entry: *e, times: t, sum: a.fp.entry(e, t), modified: a.now, hidden: a.joined}
	have := a.entries[key{e.Kind, e.UID}]
	if a.expiredEntry(e.Kind, e.Span) {
		if have != nil {
			have.seen = true // until it is swept
		}
		return
	}
	if have == nil {
		a.changes.Added[e.Kind]++
		a.entryPuts = append(a.entryPuts, put)
		return
	}
	have.seen = true
	put.id, put.sequence, put.hidden = have.id, have.sequence, have.hidden
	switch {
	case have.sum == put.sum && have.part == put.part:
		return
	case have.sum == put.sum:
		put.quiet, put.modified = true, have.modified
	default:
		a.changes.Changed[e.Kind]++
		put.modified = max(a.now, have.modified)
		if !have.times.same(t) || have.status != e.Status {
			put.sequence++
		}
	}
	a.entryPuts = append(a.entryPuts, put)
}

// storedEntries lists for the guard what is kept of a kind, and tells it what
// the read brings newly.
func (a *applying) storedEntries(kind school.Kind, g *guard) []stored {
	var all []stored
	for k, e := range a.entries {
		if k.kind == kind {
			all = append(all, stored{k, e.times.day, !e.seen && a.covered(e.part, e.times.day)})
		}
	}
	for i := range a.entryPuts {
		if p := &a.entryPuts[i]; p.id == 0 && p.entry.Kind == kind {
			g.added = append(g.added, p.times.day)
		}
	}
	return all
}

func (a *applying) writeEntries(ctx context.Context, tx *sql.Tx, log *changeLog) (err error) {
	if len(a.entryPuts) == 0 {
		return nil
	}
	add, err := tx.PrepareContext(ctx, `INSERT INTO entry (identity, kind, uid, part, day, all_day, starts, ends, status,
		created, modified, sequence, print, busy, done, task, categories, title, place, url, body, hidden)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, add.Close()) }()
	change, err := tx.PrepareContext(ctx, `UPDATE entry SET part = ?, day = ?, all_day = ?, starts = ?, ends = ?, status = ?,
		modified = ?, sequence = ?, print = ?, busy = ?, done = ?, task = ?, categories = ?, title = ?, place = ?, url = ?,
		body = ? WHERE id = ?`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, change.Close()) }()
	for i := range a.entryPuts {
		p := &a.entryPuts[i]
		e, t := &p.entry, &p.times
		categories := sql.NullString{}
		if len(e.Categories) > 0 {
			if categories, err = list(e.Categories); err != nil {
				return err
			}
		}
		if p.id == 0 {
			_, err = add.ExecContext(ctx, a.id.id, e.Kind, e.UID, p.part, t.day, t.allDay, t.starts, t.ends, e.Status,
				p.modified, p.modified, p.sequence, []byte(p.sum), number(e.Busy), number(e.Done), number(e.Task),
				categories.String, e.Title, e.Place, e.URL, e.Body, number(p.hidden))
		} else {
			_, err = change.ExecContext(ctx, p.part, t.day, t.allDay, t.starts, t.ends, e.Status,
				p.modified, p.sequence, []byte(p.sum), number(e.Busy), number(e.Done), number(e.Task),
				categories.String, e.Title, e.Place, e.URL, e.Body, p.id)
		}
		if err != nil {
			return err
		}
		if p.quiet || p.hidden {
			continue
		}
		if err := log.add(ctx, a.id.number, e.Kind, e.UID, false); err != nil {
			return err
		}
	}
	return nil
}
