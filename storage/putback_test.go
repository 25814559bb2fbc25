package storage_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
)

// TestWhatIsNotNoticed holds what SECURITY.md says is not noticed: both files
// put back together, and of state.age alone what happened since cache.age was
// last written.
func TestWhatIsNotNoticed(t *testing.T) {
	t.Parallel()
	t.Run("both files", func(t *testing.T) {
		t.Parallel()
		h, a := lived(t)
		cache, state := h.keep(storage.CacheName), h.keep(storage.StateName)
		h.open()
		h.apply(a, h.events("a", "b", "c"))
		if err := h.RevokeLink(t.Context(), "l1"); err != nil {
			t.Fatal(err)
		}
		h.close()
		h.back(storage.CacheName, cache)
		h.back(storage.StateName, state)
		h.open()
		want(t, "Opened", h.Opened(), storage.Opened{})
	})
	t.Run("state since the last write of the cache", func(t *testing.T) {
		t.Parallel()
		h, a := lived(t)
		state := h.keep(storage.StateName)
		h.open()
		if err := h.PutSession(t.Context(), a, []byte("ny")); err != nil {
			t.Fatal(err)
		}
		h.close()
		h.back(storage.StateName, state)
		h.open()
		want(t, "Opened", h.Opened(), storage.Opened{})
		if s, err := h.Session(t.Context(), a); err != nil || string(s) != "kaka" {
			t.Errorf("Session = %q, %v", s, err)
		}
	})
}

// TestOldCopiesAreNamed reads the log of a start that finds an old copy.
func TestOldCopiesAreNamed(t *testing.T) {
	t.Parallel()
	for file, name := range map[string]string{storage.CacheName: "old-cache", storage.StateName: "old-state"} {
		h, a := lived(t)
		old := h.keep(file)
		h.open()
		h.apply(a, h.events("a", "b", "c"))
		if err := errors.Join(h.PutState(t.Context(), a, school.Active, ""), h.RevokeLink(t.Context(), "l1")); err != nil {
			t.Fatal(err)
		}
		h.close()
		h.back(file, old)
		var log bytes.Buffer
		db, err := storage.Open(t.Context(), storage.Options{
			Dir: h.dir, Keys: h.keys, Now: h.clock.Now, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "found="+name) {
			t.Errorf("%s: the log does not name it: %s", file, log.String())
		}
	}
}

// TestNothingDoublesAfterAnOldCopy reads the school again after each file was
// put back: the same children, entries and letters, each once, under the
// numbers and UIDs that they had.
func TestNothingDoublesAfterAnOldCopy(t *testing.T) {
	t.Parallel()
	for _, file := range []string{storage.CacheName, storage.StateName} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			h, a := lived(t)
			old := h.keep(file)
			h.open()
			later := h.events("a", "b", "c")
			later.News = []school.NewsItem{news("n", 1), news("m", 2)}
			h.apply(a, later)
			if err := errors.Join(h.PutState(t.Context(), a, school.Active, ""), h.RevokeLink(t.Context(), "l1")); err != nil {
				t.Fatal(err)
			}
			entries, letters := uids(h.entries(1, school.KindEvents)), len(h.letters())
			h.close()
			h.back(file, old)
			h.open()
			want(t, "numbers", h.roster(a, "fake", "child", "sister"), numbers{"child": 1, "sister": 2})
			h.clock.Add(time.Hour)
			later.Taken = h.clock.Now()
			h.apply(a, later)
			want(t, "entries", uids(h.entries(1, school.KindEvents)), entries)
			want(t, "letters", len(h.letters()), letters)
			want(t, "children", len(h.children()), 2)
		})
	}
}

// TestClockThatJumped starts with a clock that has lost its battery, and with
// one that is a century ahead: the same data, no old copy, nothing lost.
func TestClockThatJumped(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"back to 1970": -sinceTheEpoch(), "ahead": 73 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, a := lived(t)
			h.clock.Add(jump)
			h.open()
			want(t, "Opened", h.Opened(), storage.Opened{})
			want(t, "entries", uids(h.entries(1, school.KindEvents)), []string{"a", "b"})
			generation, modified := second2(h.Generation(t.Context())), h.entries(1, school.KindEvents)[0].Modified
			if err := errors.Join(h.PutSession(t.Context(), a, []byte("ny")), h.RevokeLink(t.Context(), "l1")); err != nil {
				t.Fatal(err)
			}
			h.apply(a, h.events("a", "b")) // with the clock's time
			h.reopen()
			h.close()
			h.clock.Add(-jump)
			h.open()
			want(t, "Opened with the right time again", h.Opened(), storage.Opened{})
			want(t, "entries", uids(h.entries(1, school.KindEvents)), []string{"a", "b"})
			if now := h.entries(1, school.KindEvents)[0].Modified; now.Before(modified) || second2(h.Generation(t.Context())) != generation {
				t.Errorf("Modified went from %v to %v, or the generation is new", modified, now)
			}
			if h.link("l1").Live(h.clock.Now()) {
				t.Error("a link that was revoked at the wrong time lives")
			}
		})
	}
}

// sinceTheEpoch leads from the tests' clock to a day after the beginning of 1970.
func sinceTheEpoch() time.Duration {
	return time.Duration(1_791_180_000-86_400) * time.Second
}
