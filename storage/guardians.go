package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"time"

	"syncd/source/school"
)

// Guardian is a person who signs in to syncd's own pages.
type Guardian struct {
	ID   school.GuardianID // random; may be empty when a new guardian is put
	User string            // chosen by the person
	Hash string            // of the password, as package auth writes it
}

// Guardians lists all guardians, by user name.
func (db *DB) Guardians(ctx context.Context) (out []Guardian, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, g *Guardian) error {
			return r.Scan(&g.ID, &g.User, &g.Hash)
		}, "SELECT id, user, hash FROM guardian ORDER BY user")
		return err
	})
	return out, wrap("guardians", err)
}

// Guardian returns the guardian with a user name.
func (db *DB) Guardian(ctx context.Context, user string) (g Guardian, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT id, user, hash FROM guardian WHERE user = ?", user).Scan(&g.ID, &g.User, &g.Hash)
	})
	return g, wrap("guardian", err)
}

// PutGuardian makes a guardian or changes the password of the one with that
// user name, whose id stays. Sign-ins made with an old password end. Both
// files are written.
func (db *DB) PutGuardian(ctx context.Context, g Guardian) error {
	if g.ID == "" {
		g.ID = school.GuardianID("g" + strings.ToLower(rand.Text()[:10]))
	}
	return db.both(ctx, "put guardian", func(tx *sql.Tx) error {
		const end = "DELETE FROM sign_in WHERE guardian = (SELECT id FROM guardian WHERE user = ? AND hash <> ?)"
		if _, err := tx.ExecContext(ctx, end, g.User, g.Hash); err != nil {
			return err
		}
		const query = `INSERT INTO guardian (id, user, hash) VALUES (?, ?, ?)
			ON CONFLICT (user) DO UPDATE SET hash = excluded.hash`
		_, err := tx.ExecContext(ctx, query, g.ID, g.User, g.Hash)
		return err
	})
}

// DeleteGuardian removes a guardian and ends the sign-ins. Both files are
// written.
func (db *DB) DeleteGuardian(ctx context.Context, id school.GuardianID) error {
	return db.both(ctx, "delete guardian", func(tx *sql.Tx) error {
		return must(exec(ctx, tx, "DELETE FROM guardian WHERE id = ?", id))
	})
}

// PutInvite stores the hash of a one-time address, in place of all earlier
// ones.
func (db *DB) PutInvite(ctx context.Context, hash [32]byte, expires time.Time) error {
	return wrap("put invite", db.state.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM invite"); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO invite (hash, expires) VALUES (?, ?)", hash[:], unix(expires))
		return err
	}))
}

// Invite reports with nil that a one-time address is good at time now, and
// with [ErrUsed] that it is not, without using it up.
func (db *DB) Invite(ctx context.Context, hash [32]byte, now time.Time) error {
	var expires int64
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		const query = "SELECT coalesce(max(expires), 0) FROM invite WHERE hash = ?"
		return tx.QueryRowContext(ctx, query, hash[:]).Scan(&expires)
	})
	if err == nil && now.Unix() >= expires {
		err = ErrUsed
	}
	return wrap("invite", err)
}

// TakeInvite uses a one-time address up. It answers [ErrUsed] when it was
// used before, has expired, or never was.
func (db *DB) TakeInvite(ctx context.Context, hash [32]byte, now time.Time) error {
	var expires int64
	err := db.state.Update(ctx, func(tx *sql.Tx) error {
		found, err := rows(ctx, tx, func(r *sql.Rows, v *int64) error { return r.Scan(v) },
			"DELETE FROM invite WHERE hash = ? RETURNING expires", hash[:])
		if len(found) > 0 {
			expires = found[0]
		}
		return err
	})
	if err == nil && now.Unix() >= expires {
		err = ErrUsed
	}
	return wrap("take invite", err)
}

// PutSignIn stores the hash of a browser's sign-in. Expired ones go.
func (db *DB) PutSignIn(ctx context.Context, hash [32]byte, g school.GuardianID, expires time.Time) error {
	return wrap("put sign-in", db.state.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM sign_in WHERE expires <= ?", db.second()); err != nil {
			return err
		}
		const query = `INSERT INTO sign_in (hash, guardian, expires) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET guardian = excluded.guardian, expires = excluded.expires`
		_, err := tx.ExecContext(ctx, query, hash[:], g, unix(expires))
		return err
	}))
}

// SignIn returns who signed in with the browser whose token has this hash,
// and until when; [fs.ErrNotExist] when nobody did or it has expired.
func (db *DB) SignIn(ctx context.Context, hash [32]byte) (g Guardian, expires time.Time, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		var until int64
		const query = `SELECT g.id, g.user, g.hash, s.expires FROM sign_in s JOIN guardian g ON g.id = s.guardian
			WHERE s.hash = ? AND s.expires > ?`
		err := tx.QueryRowContext(ctx, query, hash[:], db.second()).Scan(&g.ID, &g.User, &g.Hash, &until)
		expires = instant(until)
		return err
	})
	return g, expires, wrap("sign-in", err)
}

// DeleteSignIn ends one browser's sign-in. None is no error.
func (db *DB) DeleteSignIn(ctx context.Context, hash [32]byte) error {
	return wrap("delete sign-in", db.state.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sign_in WHERE hash = ?", hash[:])
		return err
	}))
}

// DeleteSignIns ends all sign-ins of a guardian.
func (db *DB) DeleteSignIns(ctx context.Context, g school.GuardianID) error {
	return wrap("delete sign-ins", db.state.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sign_in WHERE guardian = ?", g)
		return err
	}))
}
