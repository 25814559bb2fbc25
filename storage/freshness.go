package storage

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"syncd/source/school"
)

// ChangedAt returns when anything last changed among the children and kinds
// (nil: all), deletions too; zero when nothing ever did. Whole seconds, UTC.
func (db *DB) ChangedAt(ctx context.Context, children []school.ChildNumber, kinds []school.Kind) (at time.Time, err error) {
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		scope, err := scopes(ctx, tx, children, kinds)
		if err != nil {
			return err
		}
		for _, s := range scope {
			var seconds int64
			const query = "SELECT at FROM change WHERE child = ? AND kind = ? ORDER BY seq DESC LIMIT 1"
			err := tx.QueryRowContext(ctx, query, s.child, s.kind).Scan(&seconds)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if t := instant(seconds); t.After(at) {
				at = t
			}
		}
		return nil
	})
	return at, wrap("changed at", err)
}

// Freshness is how old a child's data from one account are.
type Freshness struct {
	Child    school.ChildNumber
	Account  school.AccountID
	Platform school.PlatformID
	Kinds    []school.Kind // into which the account's parts go, as far as they were ever read; sorted
	// LastSuccess is when anything of the child was last read from the
	// account's platform with success; whole seconds, UTC.
	LastSuccess time.Time
	State       school.SessionState
	Problem     school.Problem
	// Advised is when what a family has to be told of these two, see
	// [school.SessionState.Advice], last changed; zero when it never did.
	Advised time.Time
	// Renewal is when the guardian wants to be asked to sign in anew, SignedIn
	// when somebody did so last; zero when that is not known any more.
	Renewal  school.Renewal
	SignedIn time.Time
}

// Freshness tells of each child that an account brings, and that was ever
// read, how old its data are. Ordered by child, then account. A child that
// several accounts bring from one platform is as fresh as the freshest.
func (db *DB) Freshness(ctx context.Context) ([]Freshness, error) {
	type brought struct {
		identity int64
		child    school.ChildNumber
		account  school.AccountID
	}
	var list []brought
	err := db.cache.View(ctx, func(tx *sql.Tx) (err error) {
		list, err = rows(ctx, tx, func(r *sql.Rows, b *brought) error {
			return r.Scan(&b.identity, &b.child, &b.account)
		}, `SELECT r.identity, i.number, r.account FROM roster r JOIN member i ON i.id = r.identity
			WHERE r.listed = 1 ORDER BY i.number, r.account, r.identity`)
		return err
	})
	if err != nil {
		return nil, wrap("freshness", err)
	}
	accounts, err := db.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	plans, err := db.plans(ctx)
	if err != nil {
		return nil, wrap("freshness", err)
	}
	advised, err := db.advised(ctx)
	if err != nil {
		return nil, wrap("freshness", err)
	}
	read, err := db.lastReads(ctx)
	if err != nil {
		return nil, wrap("freshness", err)
	}
	out := []Freshness{}
	for _, b := range list {
		last, ok := read[b.identity]
		at := slices.IndexFunc(accounts, func(a school.Account) bool { return a.ID == b.account })
		if !ok || at < 0 {
			continue
		}
		a := accounts[at]
		out = append(out, Freshness{
			Child: b.child, Account: a.ID, Platform: a.Platform, Kinds: last.kinds, LastSuccess: last.at,
			State: a.State, Problem: a.Problem, Advised: advised[a.ID], Renewal: plans[a.ID].renewal, SignedIn: plans[a.ID].signedIn,
		})
	}
	slices.SortStableFunc(out, func(x, y Freshness) int {
		return cmp.Or(cmp.Compare(x.Child, y.Child), cmp.Compare(x.Account, y.Account))
	})
	return out, nil
}

// plan is a planned sign-in, and when the last one was.
type plan struct {
	renewal  school.Renewal
	signedIn time.Time
}

// plans returns the accounts with a planned sign-in.
func (db *DB) plans(ctx context.Context) (map[school.AccountID]plan, error) {
	out := map[school.AccountID]plan{}
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var id school.AccountID
			var renewal string
			var began sql.NullInt64
			if err := r.Scan(&id, &renewal, &began); err != nil {
				return err
			}
			p := plan{}
			if began.Valid {
				p.signedIn = time.UnixMilli(began.Int64).UTC()
			}
			var err error
			p.renewal, err = school.ParseRenewal(renewal)
			out[id] = p
			return err
		}, `SELECT k.account, k.renewal, (SELECT max(s.began) FROM stay s WHERE s.account = k.account AND s.rung = ?)
			FROM keeping k WHERE k.renewal <> ''`, school.RungPerson)
		return err
	})
	return out, err
}

// advised returns when what a family has to be told of each account last
// changed.
func (db *DB) advised(ctx context.Context) (map[school.AccountID]time.Time, error) {
	out := map[school.AccountID]time.Time{}
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var id school.AccountID
			var at int64
			err := r.Scan(&id, &at)
			out[id] = instant(at)
			return err
		}, "SELECT id, advised FROM account")
		return err
	})
	return out, err
}

type lastRead struct {
	at    time.Time
	kinds []school.Kind
}

func (db *DB) lastReads(ctx context.Context) (map[int64]lastRead, error) {
	out := map[int64]lastRead{}
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var id, at int64
			var part school.Part
			if err := r.Scan(&id, &part, &at); err != nil {
				return err
			}
			l := out[id]
			if t := instant(at); t.After(l.at) {
				l.at = t
			}
			for _, k := range append(school.DerivedKinds(), part.Kind()) {
				if (k == part.Kind() || k.Origin() == part.Kind()) && !slices.Contains(l.kinds, k) {
					l.kinds = append(l.kinds, k)
				}
			}
			slices.Sort(l.kinds)
			out[id] = l
			return nil
		}, "SELECT identity, part, at FROM reading")
		return err
	})
	return out, err
}
