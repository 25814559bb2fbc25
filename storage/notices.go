package storage

import (
	"context"
	"database/sql"
	"fmt"

	"syncd/source/school"
)

// pending is the condition under which a notice still holds: after a cache
// that was old or lost, until every account has been read without a problem;
// after an old state, until guardians have decided about the links too; after a
// lost state, until some account has been read.
const pending = `CASE problem
	WHEN 'lost-state' THEN NOT EXISTS (SELECT 1 FROM account WHERE finished > at AND account.problem = '')
	ELSE EXISTS (SELECT 1 FROM account WHERE finished <= at OR account.problem <> '')
		OR problem = 'old-state' AND EXISTS (SELECT 1 FROM link WHERE suspended <> 0 AND revoked = 0)
	END`

// found lists what was found when the files were opened.
func (o Opened) found() (out []school.Problem) {
	for _, n := range []struct {
		found bool
		what  school.Problem
	}{
		{o.OldCache, school.ProblemOldCache},
		{o.OldState, school.ProblemOldState},
		{o.LostCache, school.ProblemLostCache},
		{o.LostState, school.ProblemLostState},
	} {
		if n.found {
			out = append(out, n.what)
		}
	}
	return out
}

// notify notes what was found, for the guardians.
func (db *DB) notify(ctx context.Context, tx *sql.Tx) error {
	for _, p := range db.opened.found() {
		const query = "INSERT INTO notice (problem, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at"
		if _, err := tx.ExecContext(ctx, query, p, db.second()); err != nil {
			return fmt.Errorf("note what was found: %w", err)
		}
	}
	return nil
}

// settle forgets what was made up for.
func settle(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM notice WHERE NOT ("+pending+")"); err != nil {
		return fmt.Errorf("forget what was found: %w", err)
	}
	return nil
}

// Notices lists what this start or an earlier one found out about the files,
// see [Opened], and what has not been made up for since: an older copy or the
// loss of cache.age until all accounts were read again, an older copy of
// state.age until no link waits for a guardian either, its loss until an
// account was read.
func (db *DB) Notices(ctx context.Context) (out []school.Problem, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, p *school.Problem) error { return r.Scan(p) },
			"SELECT problem FROM notice WHERE "+pending+" ORDER BY problem")
		return err
	})
	return out, wrap("notices", err)
}
