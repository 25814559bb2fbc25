// Package storagetest opens fresh sealed databases for tests, and fills them.
package storagetest

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/vault"
)

// Start is the moment at which the clock of [Open] stands: a Monday in term.
func Start() time.Time { return time.Date(2026, time.October, 5, 6, 0, 0, 0, time.UTC) }

// Clock is a clock that only a test moves. Safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock returns a clock that stands at t.
func NewClock(t time.Time) *Clock { return &Clock{t: t} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Open returns an empty database in a temporary folder. Its clock stands at
// [Start]. It is closed when the test ends.
func Open(tb testing.TB) *storage.DB {
	tb.Helper()
	return OpenAt(tb, NewClock(Start()).Now)
}

// OpenAt is [Open] with a clock of the test's own.
func OpenAt(tb testing.TB, now func() time.Time) *storage.DB {
	tb.Helper()
	return OpenIn(tb, filepath.Join(tb.TempDir(), "data"), Keys(tb), now)
}

// OpenIn opens the database of a folder. It is closed when the test ends, if
// the test has not done so.
func OpenIn(tb testing.TB, dir string, keys *vault.Keys, now func() time.Time) *storage.DB {
	tb.Helper()
	db, err := storage.Open(tb.Context(), storage.Options{Dir: dir, Keys: keys, Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatalf("open storage: %v", err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// Keys returns a new key that stands in no file.
func Keys(tb testing.TB) *vault.Keys {
	tb.Helper()
	k, err := vault.GenerateKeys()
	if err != nil {
		tb.Fatalf("make key: %v", err)
	}
	return k
}

// Account makes an account of a platform with the children on its roster,
// whose names are "Barn A", "Barn B" and so on.
func Account(tb testing.TB, db *storage.DB, platform school.PlatformID, children ...school.Ref) school.AccountID {
	tb.Helper()
	a, err := db.AddAccount(tb.Context(), platform, nil)
	if err != nil {
		tb.Fatalf("add account: %v", err)
	}
	roster := school.Roster{Owner: "owner"}
	for i, ref := range children {
		roster.Children = append(roster.Children, school.Child{Ref: ref, Name: fmt.Sprintf("Barn%c Test", 'A'+i%26)})
	}
	if _, err := db.PutRoster(tb.Context(), a.ID, platform, roster); err != nil {
		tb.Fatalf("put roster: %v", err)
	}
	return a.ID
}

// Fill stores one child with n events of about one kilobyte, in the year
// before and the year after [Start], and returns the account and the snapshot
// that brought them. No limit applies to them.
func Fill(tb testing.TB, db *storage.DB, n int) (school.AccountID, school.Snapshot) {
	tb.Helper()
	db.KeepAll(func(school.ChildNumber) bool { return true })
	account := Account(tb, db, "fake", "child")
	s := Snapshot(n)
	if _, err := db.Apply(tb.Context(), account, s); err != nil {
		tb.Fatalf("apply: %v", err)
	}
	return account, s
}

// Snapshot returns what [Fill] stores: n events of the child "child" at the
// platform "fake", evenly laid over two years around [Start], completely
// covered.
func Snapshot(n int) school.Snapshot {
	loc := school.Stockholm()
	first := school.DateOf(Start().In(loc)).AddDays(-365)
	s := school.Snapshot{
		Platform: "fake", Child: school.Child{Ref: "child", Name: "BarnA Test"}, Taken: Start(),
		Covered: []school.Coverage{{
			Part: school.PartCalendar, Window: school.Window{From: first, To: first.AddDays(731)},
		}},
	}
	const line = "Ta med matsäck, oömma kläder och gott humör. Vi ses vid grinden. "
	body := strings.Repeat(line, 13)
	for i := range n {
		day := first.AddDays(i * 730 / max(n, 1))
		start := day.At(8+i%8, i%4*15, loc)
		s.Calendar = append(s.Calendar, school.Event{
			Item: school.Item{
				UID:   school.UID(fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(i)*2654435761, i)),
				Title: fmt.Sprintf("Händelse %d", i), Place: fmt.Sprintf("Sal %d", i%40), Body: body,
				Span: school.Timed(start, start.Add(time.Hour)),
			},
			Scope: school.ScopeSchool,
		})
	}
	return s
}
