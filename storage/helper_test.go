package storage_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// house is a data folder that can be closed and opened again.
type house struct {
	*storage.DB

	t     *testing.T
	dir   string
	keys  *vault.Keys
	clock *storagetest.Clock
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{
		t: t, dir: filepath.Join(t.TempDir(), "data"), keys: storagetest.Keys(t),
		clock: storagetest.NewClock(storagetest.Start()),
	}
	h.open()
	return h
}

func (h *house) open() {
	h.t.Helper()
	h.DB = storagetest.OpenIn(h.t, h.dir, h.keys, h.clock.Now)
}

func (h *house) close() {
	h.t.Helper()
	if err := h.Close(); err != nil {
		h.t.Fatalf("Close: %v", err)
	}
}

func (h *house) reopen() {
	h.t.Helper()
	h.close()
	h.open()
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

// keep returns a copy of a file, and back puts it back.
func (h *house) keep(name string) []byte {
	h.t.Helper()
	b, err := os.ReadFile(h.path(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

func (h *house) back(name string, b []byte) {
	h.t.Helper()
	if err := os.WriteFile(h.path(name), b, 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// inode changes whenever a file is written.
func (h *house) inode(name string) os.FileInfo {
	h.t.Helper()
	info, err := os.Stat(h.path(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return info
}

func (h *house) apply(account school.AccountID, s school.Snapshot) school.Changes {
	h.t.Helper()
	c, err := h.Apply(h.t.Context(), account, s)
	if err != nil {
		h.t.Fatalf("Apply: %v", err)
	}
	return c
}

func (h *house) entries(n school.ChildNumber, k school.Kind) []school.Entry {
	h.t.Helper()
	e, err := h.Entries(h.t.Context(), n, k)
	if err != nil {
		h.t.Fatalf("Entries: %v", err)
	}
	return e
}

func (h *house) letters() []school.Letter {
	h.t.Helper()
	l, err := h.Letters(h.t.Context(), nil, nil, 0)
	if err != nil {
		h.t.Fatalf("Letters: %v", err)
	}
	return l
}

func (h *house) revision() storage.Revision {
	h.t.Helper()
	r, err := h.Revision(h.t.Context(), nil, nil)
	if err != nil {
		h.t.Fatalf("Revision: %v", err)
	}
	return r
}

// uids lists entries by UID, in the order of their names.
func uids(e []school.Entry) []string {
	out := make([]string, len(e))
	for i := range e {
		out[i] = string(e[i].UID)
	}
	slices.Sort(out)
	return out
}

// day is a day counted from the clock's first day, a Monday.
func day(n int) school.Date {
	return school.DateOf(storagetest.Start().In(school.Stockholm())).AddDays(n)
}

func window(from, to int) school.Window { return school.Window{From: day(from), To: day(to)} }

func item(uid string, d, hour int) school.Item {
	start := day(d).At(hour, 0, school.Stockholm())
	return school.Item{UID: school.UID(uid), Title: "Titel " + uid, Span: school.Timed(start, start.Add(time.Hour))}
}

func event(uid string, d int) school.Event { return school.Event{Item: item(uid, d, 10)} }

func lesson(uid string, d, hour int) school.Lesson { return school.Lesson{Item: item(uid, d, hour)} }

// snapshot returns an empty one of the child "child" at the platform "fake".
func (h *house) snapshot(covered ...school.Coverage) school.Snapshot {
	return school.Snapshot{
		Platform: "fake", Child: school.Child{Ref: "child", Name: "BarnA Test"}, Taken: h.clock.Now(), Covered: covered,
	}
}

func calendar(from, to int) school.Coverage {
	return school.Coverage{Part: school.PartCalendar, Window: window(from, to)}
}

// events returns a covered calendar of events on consecutive days from 1 on,
// called a, b, c and so on.
func (h *house) events(uids ...string) school.Snapshot {
	s := h.snapshot(calendar(-100, 100))
	for i, u := range uids {
		s.Calendar = append(s.Calendar, event(u, i+1))
	}
	return s
}

func letters(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%c%02d", 'a'+i%26, i)
	}
	return out
}

func counts(c school.Changes) map[string]map[school.Kind]int {
	out := map[string]map[school.Kind]int{}
	for name, m := range map[string]map[school.Kind]int{"added": c.Added, "changed": c.Changed, "deleted": c.Deleted} {
		if len(m) > 0 {
			out[name] = maps.Clone(m)
		}
	}
	return out
}

func want(t *testing.T, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	if d := cmp.Diff(want, got, opts...); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func openWith(ctx context.Context, h *house) (*storage.DB, error) {
	return storage.Open(ctx, storage.Options{Dir: h.dir, Keys: h.keys, Now: h.clock.Now, Log: discard()})
}
