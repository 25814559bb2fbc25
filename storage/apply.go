package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"syncd/source/school"
	"syncd/storage/vault"
)

// applying is one snapshot on its way in: what is kept, and what is to be
// done about it. It is worked out before anything is written.
type applying struct {
	db    *DB
	s     *school.Snapshot
	id    identityRow
	loc   *time.Location
	now   int64       // seconds
	today int64       // day of the read
	date  school.Date // of the clock
	fp    *printer

	agreed map[key]int64        // held since the read of this time, nanoseconds
	held   map[key]bool         // to be held after this read
	known  map[school.Kind]bool // read before

	entries map[key]*entryRow
	letters map[key]*letterRow
	joined  bool // the child is at other platforms too

	limits    school.Limits
	leftUntil int64    // letters published by then have left for lack of room
	unwanted  unwanted // what a guardian deleted for good

	entryPuts  []entryPut
	letterPuts []letterPut
	drops      []key
	newBlobs   []string // written for this snapshot
	oldBlobs   []string // of letters that change or go
	room       room     // for pictures and files, before this snapshot
	crowded    int      // files that had no place

	changes school.Changes
}

// apply is [DB.Apply] as far as there is room.
func (db *DB) apply(ctx context.Context, account school.AccountID, s school.Snapshot) (school.Changes, error) {
	a := &applying{db: db, s: &s, loc: school.Stockholm(), now: db.second(), fp: newPrinter(), held: map[key]bool{}}
	if s.Taken.IsZero() {
		s.Taken = db.now()
	}
	a.today = dayNumber(school.DateOf(s.Taken.In(a.loc)))
	if err := a.restrict(ctx); err != nil {
		return school.Changes{}, wrap("apply", err)
	}
	err := a.load(ctx, account)
	if n, ok := a.deleted(ctx); ok {
		return school.Changes{Child: n}, nil
	}
	if err != nil {
		return school.Changes{}, wrap("apply", err)
	}
	a.prune()
	if err := a.work(); err != nil {
		return school.Changes{}, wrap("apply", errors.Join(err, db.deleteBlobs(a.newBlobs)))
	}
	err = a.write(ctx)
	if err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return school.Changes{}, wrap("apply", errors.Join(err, db.deleteBlobs(a.newBlobs)))
	}
	if err == nil {
		// Until the cache on disk has let go of them they stay: a crash
		// leaves orphans, which the next start removes, but no gaps.
		err = db.deleteBlobs(a.oldBlobs)
	}
	a.tellOfRoom(ctx)
	err = errors.Join(err, a.remember(ctx))
	return a.changes, wrap("apply", err)
}

// load reads what is kept of the child, without texts.
func (a *applying) load(ctx context.Context, account school.AccountID) error {
	a.id.hash = a.db.identityHash(a.s.Platform, a.s.Child.Ref)
	err := a.db.cache.View(ctx, func(tx *sql.Tx) error {
		const query = `SELECT i.id, i.number FROM member i JOIN roster r ON r.identity = i.id
			WHERE i.hash = ? AND r.account = ? AND r.listed = 1`
		if err := tx.QueryRowContext(ctx, query, a.id.hash, account).Scan(&a.id.id, &a.id.number); err != nil {
			return fmt.Errorf("child of the account: %w", err)
		}
		var err error
		if a.entries, err = entryRows(ctx, tx, entryRowQuery, a.id.id); err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		if err := a.loadLetters(ctx, tx); err != nil {
			return fmt.Errorf("read letters: %w", err)
		}
		if a.room, err = roomOf(ctx, tx); err != nil {
			return fmt.Errorf("measure media: %w", err)
		}
		all, err := members(ctx, tx, "number = ?", a.id.number)
		a.joined = len(all) > 1
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.changes = school.Changes{
		Child: school.ChildNumber(a.id.number), First: len(a.entries)+len(a.letters) == 0,
		Added: map[school.Kind]int{}, Changed: map[school.Kind]int{}, Deleted: map[school.Kind]int{},
	}
	a.agreed = map[key]int64{}
	return a.db.state.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var k key
			var taken int64
			err := r.Scan(&k.kind, &k.uid, &taken)
			a.agreed[k] = taken
			return err
		}, "SELECT kind, uid, taken FROM held WHERE identity = ?", a.id.id)
		if err != nil {
			return err
		}
		return a.loadKnown(ctx, tx)
	})
}

// work compares, and writes new files. Nothing else is written yet.
func (a *applying) work() error {
	if err := a.workEntries(); err != nil {
		return err
	}
	if err := a.workLetters(); err != nil {
		return err
	}
	for _, k := range append(school.CalendarKinds(), school.KindNews, school.KindNotices) {
		a.judge(k)
	}
	return nil
}

// judge decides what happens to the things of a kind that were covered and
// are missing.
func (a *applying) judge(kind school.Kind) {
	g := guard{
		today: a.today, ahead: func(int64) bool { return true },
		agreed: func(k key) bool { at, ok := a.agreed[k]; return ok && at < a.s.Taken.UnixNano() },
	}
	var all []stored
	if kind.IsCalendar() {
		g.ahead = func(day int64) bool { return day >= a.today }
		g.weeks = kind == school.KindLessons
		all = a.storedEntries(kind, &g)
	} else {
		all = a.storedLetters(kind, &g)
	}
	drop, wait := g.sort(all)
	slices.SortFunc(drop, func(a, b key) int { return strings.Compare(string(a.uid), string(b.uid)) })
	for _, k := range drop {
		a.drops = append(a.drops, k)
		a.changes.Deleted[k.kind]++
		if l := a.letters[k]; l != nil {
			a.oldBlobs = append(a.oldBlobs, l.blobs()...)
		}
	}
	for _, k := range wait {
		a.held[k] = true
	}
	if len(wait) > 0 {
		a.changes.Held = append(a.changes.Held, kind)
	}
	missing := make(map[key]bool, len(drop)+len(wait))
	for _, k := range slices.Concat(drop, wait) {
		missing[k] = true
	}
	for k := range a.agreed {
		if k.kind == kind && !missing[k] && a.unseen(k) {
			a.held[k] = true // this read did not look there
		}
	}
}

// unseen reports whether something is kept that the snapshot does not show.
func (a *applying) unseen(k key) bool {
	if e := a.entries[k]; e != nil {
		return !e.seen
	}
	l := a.letters[k]
	return l != nil && !l.seen
}

// write makes the changes. Without any it does not touch the file.
func (a *applying) write(ctx context.Context) error {
	underived := a.underived()
	leading, err := a.leading(ctx)
	if err != nil {
		return err
	}
	if len(a.entryPuts)+len(a.letterPuts)+len(a.drops) == 0 && !underived {
		return nil
	}
	err = a.db.cache.Update(ctx, func(tx *sql.Tx) error {
		log := a.db.newChangeLog(tx)
		tell, err := a.differences(ctx, tx)
		if err != nil {
			return fmt.Errorf("compare: %w", err)
		}
		if err := a.writeDifferences(ctx, tx, tell); err != nil {
			return fmt.Errorf("write differences: %w", err)
		}
		if err := a.writeEntries(ctx, tx, log); err != nil {
			return fmt.Errorf("write entries: %w", err)
		}
		if err := a.writeLetters(ctx, tx, log); err != nil {
			return fmt.Errorf("write letters: %w", err)
		}
		if err := a.writeDrops(ctx, tx, log); err != nil {
			return err
		}
		if err := a.makeRoom(ctx, tx, log); err != nil {
			return err
		}
		if err := a.follow(ctx, tx, log, underived, leading); err != nil {
			return err
		}
		return log.close(ctx)
	})
	if underived && (err == nil || errors.Is(err, vault.ErrNotSaved)) {
		a.db.derived[a.id.number] = true
	}
	return err
}

// follow writes what follows from the changes.
func (a *applying) follow(ctx context.Context, tx *sql.Tx, log *changeLog, underived bool, l leading) error {
	if underived {
		if err := a.derive(ctx, tx, log); err != nil {
			return fmt.Errorf("derive: %w", err)
		}
	}
	if !a.joined {
		return nil
	}
	return arrange(ctx, tx, log, a.id.number, l)
}

func (a *applying) writeDrops(ctx context.Context, tx *sql.Tx, log *changeLog) error {
	for _, k := range a.drops {
		query := "DELETE FROM entry WHERE identity = ? AND kind = ? AND uid = ?"
		if k.kind.IsFeed() {
			query = "DELETE FROM letter WHERE identity = ? AND kind = ? AND uid = ?"
		}
		if _, err := tx.ExecContext(ctx, query, a.id.id, k.kind, k.uid); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		if e, l := a.entries[k], a.letters[k]; e != nil && e.hidden || l != nil && l.hidden {
			continue
		}
		if err := log.add(ctx, a.id.number, k.kind, k.uid, true); err != nil {
			return err
		}
	}
	return nil
}

// remember stores what was read when, and what waits for a second read.
func (a *applying) remember(ctx context.Context) error {
	return a.db.state.Update(ctx, func(tx *sql.Tx) error {
		for _, c := range a.s.Covered {
			const query = `INSERT INTO reading (identity, part, at) VALUES (?, ?, ?)
				ON CONFLICT DO UPDATE SET at = excluded.at WHERE at < excluded.at`
			if _, err := tx.ExecContext(ctx, query, a.id.id, c.Part, a.s.Taken.Unix()); err != nil {
				return fmt.Errorf("note reading: %w", err)
			}
		}
		return a.rememberHeld(ctx, tx)
	})
}

func (a *applying) rememberHeld(ctx context.Context, tx *sql.Tx) error {
	for k := range a.agreed {
		if a.held[k] {
			continue
		}
		const query = "DELETE FROM held WHERE identity = ? AND kind = ? AND uid = ?"
		if _, err := tx.ExecContext(ctx, query, a.id.id, k.kind, k.uid); err != nil {
			return fmt.Errorf("release: %w", err)
		}
	}
	for k := range a.held {
		if _, was := a.agreed[k]; was {
			continue
		}
		const query = "INSERT INTO held (identity, kind, uid, taken) VALUES (?, ?, ?, ?)"
		if _, err := tx.ExecContext(ctx, query, a.id.id, k.kind, k.uid, a.s.Taken.UnixNano()); err != nil {
			return fmt.Errorf("hold: %w", err)
		}
	}
	return nil
}

// covered reports whether the read would have shown a dated thing of the part
// that begins on day.
func (a *applying) covered(part school.Part, day int64) bool {
	return slices.ContainsFunc(a.s.Covered, func(c school.Coverage) bool {
		return c.Part == part && !c.Window.IsZero() && day >= dayNumber(c.Window.From) && day < dayNumber(c.Window.To)
	})
}

// listed reports whether the read would have shown an undated thing of the
// kind that was published at a time.
func (a *applying) listed(kind school.Kind, published int64) bool {
	return slices.ContainsFunc(a.s.Covered, func(c school.Coverage) bool {
		return c.Part.Kind() == kind && !c.Since.IsZero() && published >= c.Since.Unix()
	})
}
