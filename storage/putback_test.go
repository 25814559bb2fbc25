package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/vault"
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

// refuse keeps a file from being written, until what it returns is called.
func (h *house) refuse(name string) (allow func()) {
	h.t.Helper()
	block := h.path(name + ".new")
	if err := os.MkdirAll(filepath.Join(block, "x"), 0o700); err != nil {
		h.t.Fatal(err)
	}
	return func() {
		h.t.Helper()
		if err := os.RemoveAll(block); err != nil {
			h.t.Fatal(err)
		}
	}
}

// TestRevocationThatCouldNotBeSaved revokes a link while one of the files, or
// both, cannot be written, and puts back state.age as it was before. That is
// noticed, whether the program went on until it could write or ended before.
func TestRevocationThatCouldNotBeSaved(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		refuse []string
	}{
		{"both files", []string{storage.StateName, storage.CacheName}},
		{"state.age alone", []string{storage.StateName}},
		{"cache.age alone", []string{storage.CacheName}},
	} {
		for _, ends := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ends %v", test.name, ends), func(t *testing.T) {
				t.Parallel()
				h, a := lived(t)
				old := h.keep(storage.StateName)
				h.open()
				for _, name := range test.refuse {
					defer h.refuse(name)()
				}
				if err := h.RevokeLink(t.Context(), "l1"); !errors.Is(err, vault.ErrNotSaved) || h.Unsaved() == nil {
					t.Fatalf("RevokeLink = %v, Unsaved = %v", err, h.Unsaved())
				}
				if slices.Contains(test.refuse, storage.StateName) {
					if err := os.RemoveAll(h.path(storage.StateName + ".new")); err != nil {
						t.Fatal(err)
					}
				}
				// Something else is written to state.age, and the revocation with it.
				if err := h.PutSession(t.Context(), a, []byte("ny")); err != nil {
					t.Fatal(err)
				}
				if err := h.Unsaved(); !errors.Is(err, vault.ErrNotSaved) {
					t.Errorf("Unsaved = %v: cache.age does not know of it", err)
				}
				if err := os.RemoveAll(h.path(storage.CacheName + ".new")); err != nil {
					t.Fatal(err)
				}
				if ends {
					h.reopen()
				} else if err := h.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := h.Unsaved(); err != nil {
					t.Errorf("Unsaved = %v", err)
				}
				h.close()
				h.back(storage.StateName, old)
				h.open()
				want(t, "Opened", h.Opened(), storage.Opened{OldState: true})
				if h.link("l1").Live(h.clock.Now()) {
					t.Error("the revoked link lives")
				}
			})
		}
	}
}

// patience is a context that ends when it was asked so many times.
type patience struct {
	context.Context

	left atomic.Int32
}

func (p *patience) Err() error {
	if p.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestRevocationThatNobodyWaitedFor gives a revocation up at each moment. It is
// done in both files, or not at all.
func TestRevocationThatNobodyWaitedFor(t *testing.T) {
	t.Parallel()
	done := 0
	for n := range int32(12) {
		h, _ := lived(t)
		old := h.keep(storage.StateName)
		h.open()
		ctx := &patience{Context: t.Context()}
		ctx.left.Store(n)
		_ = h.RevokeLink(ctx, "l1")
		if !h.link("l1").Revoked.IsZero() {
			done++
		}
		revoked := !h.link("l1").Revoked.IsZero()
		if err := h.Unsaved(); err != nil {
			t.Errorf("asked %d times: Unsaved = %v", n, err)
		}
		h.close()
		h.back(storage.StateName, old)
		h.open()
		want(t, fmt.Sprintf("asked %d times, revoked %v", n, revoked), h.Opened(), storage.Opened{OldState: revoked})
		h.close()
	}
	if done == 0 || done == 12 {
		t.Errorf("it was done %d times", done)
	}
}

// TestStartThatOwesTheCache opens while cache.age still cannot be written: the
// data can be used, it is said to be unsaved, and an ordinary start afterwards
// writes nothing.
func TestStartThatOwesTheCache(t *testing.T) {
	t.Parallel()
	h, _ := lived(t)
	h.open()
	h.refuse(storage.CacheName)
	if err := h.RevokeLink(t.Context(), "l1"); !errors.Is(err, vault.ErrNotSaved) {
		t.Fatal(err)
	}
	h.reopen()
	if err := h.Unsaved(); !errors.Is(err, vault.ErrNotSaved) {
		t.Errorf("Unsaved = %v", err)
	}
	if err := os.RemoveAll(h.path(storage.CacheName + ".new")); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	if err := h.Unsaved(); err != nil {
		t.Errorf("Unsaved = %v", err)
	}
	file := h.inode(storage.CacheName)
	h.reopen()
	if !os.SameFile(file, h.inode(storage.CacheName)) {
		t.Error("each start writes the cache")
	}
}

// TestNoticesLastUntilTheyAreMadeUpFor follows what is told of old and lost
// files, over restarts.
func TestNoticesLastUntilTheyAreMadeUpFor(t *testing.T) {
	t.Parallel()
	told := func(h *house, when string, all ...school.Problem) {
		t.Helper()
		for range 2 {
			got, err := h.Notices(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want(t, when, got, all, cmpopts.EquateEmpty())
			h.reopen()
		}
	}
	read := func(h *house, a school.AccountID, p school.Problem) {
		t.Helper()
		h.clock.Add(time.Hour)
		if err := h.PutOutcome(t.Context(), a, school.Outcome{State: school.Active, Problem: p, Finished: h.clock.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	h, a := lived(t)
	h.open()
	b := h.account("other")
	read(h, b, "")
	told(h, "nothing happened")
	h.close()
	if err := os.Remove(h.path(storage.CacheName)); err != nil {
		t.Fatal(err)
	}
	h.open()
	told(h, "lost cache", school.ProblemLostCache)
	read(h, a, "")
	told(h, "one account was read", school.ProblemLostCache)
	read(h, b, school.ProblemUnavailable)
	told(h, "the other could not be", school.ProblemLostCache)
	read(h, b, "")
	told(h, "both were read")
	read(h, b, school.ProblemUnavailable)
	told(h, "trouble afterwards is no news of it")
	read(h, b, "")

	old := h.keep(storage.StateName)
	if err := h.RevokeLink(t.Context(), "l1"); err != nil {
		t.Fatal(err)
	}
	h.close()
	h.back(storage.StateName, old)
	h.open()
	told(h, "old state", school.ProblemOldState)
	read(h, a, "")
	read(h, b, "")
	told(h, "a link waits", school.ProblemOldState)
	if err := h.RevokeLink(t.Context(), "l1"); err != nil {
		t.Fatal(err)
	}
	told(h, "none does")

	h.close()
	if err := os.Remove(h.path(storage.StateName)); err != nil {
		t.Fatal(err)
	}
	h.open()
	told(h, "lost state", school.ProblemLostState)
	a = h.account("fake")
	told(h, "an account, not read", school.ProblemLostState)
	read(h, a, "")
	told(h, "it was read")
}

// TestRemovedAccountStaysRemoved puts back state.age of a time when the
// account was there, with and without the backups having been cleaned.
func TestRemovedAccountStaysRemoved(t *testing.T) {
	t.Parallel()
	for _, file := range []string{storage.StateName, storage.CacheName} {
		h, a := lived(t)
		old := h.keep(file)
		h.open()
		if _, err := h.DeleteAccount(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if err := h.Cleaned(t.Context(), 1<<40); err != nil {
			t.Fatal(err)
		}
		h.close()
		h.back(file, old)
		for range 2 {
			h.open()
			if all, err := h.Cleanups(t.Context()); err != nil || (len(all) == 1) != (file == storage.StateName) {
				t.Errorf("%s put back: Cleanups = %v, %v: backups may hold it", file, all, err)
			}
			if got, err := h.Accounts(t.Context()); err != nil || len(got) != 0 || len(h.children()) != 0 || len(h.letters()) != 0 {
				t.Errorf("%s put back: %d accounts, %d children, %d letters, %v", file, len(got), len(h.children()), len(h.letters()), err)
			}
			h.close()
		}
	}
}

// TestRemovalThatWasNotSavedInState ends before state.age could be written:
// cache.age knows.
func TestRemovalThatWasNotSavedInState(t *testing.T) {
	t.Parallel()
	h, a := lived(t)
	h.open()
	allow := h.refuse(storage.StateName)
	if _, err := h.DeleteAccount(t.Context(), a); !errors.Is(err, vault.ErrNotSaved) {
		t.Fatal(err)
	}
	h.close()
	allow()
	h.open()
	if got, err := h.Accounts(t.Context()); err != nil || len(got) != 0 || len(h.children()) != 0 {
		t.Errorf("%d accounts, %d children, %v", len(got), len(h.children()), err)
	}
}
