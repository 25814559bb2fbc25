package storage_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// narrow is a house whose files may hold little.
func narrow(t *testing.T, maxBytes int64) *house {
	t.Helper()
	h := newHouse(t)
	h.close()
	db, err := storage.Open(t.Context(), storage.Options{Dir: h.dir, Keys: h.keys, Now: h.clock.Now, Log: discard(), MaxBytes: maxBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h.DB = db
	return h
}

// long is a letter of about ten kilobytes.
func long(uid string, days int) school.NewsItem {
	n := news(uid, days)
	n.HTML = "<p>" + strings.Repeat("Lång text. ", 900) + "</p>"
	return n
}

// TestOldestLettersMakeRoom fills cache.age beyond its limit with letters. It
// is told long before, the oldest leave, programs hear of it, nothing fails,
// and what has left is neither taken in nor asked for again.
func TestOldestLettersMakeRoom(t *testing.T) {
	t.Parallel()
	h := narrow(t, 1<<20)
	account := storagetest.Account(t, h.DB, "fake", "child")
	told := 0
	s := h.snapshot(since(300), calendar(-100, 100))
	s.Calendar = []school.Event{event("a", 1)}
	for i := range 150 {
		h.clock.Add(time.Minute)
		s.Taken = h.clock.Now()
		s.News = append(s.News, long(fmt.Sprintf("n%03d", i), 200-i))
		if _, err := h.Apply(t.Context(), account, s); err != nil {
			t.Fatalf("letter %d: %v", i, err)
		}
		if tight, err := h.Tight(t.Context()); err != nil {
			t.Fatal(err)
		} else if tight && told == 0 {
			told = len(h.letters())
			if told != i+1 {
				t.Errorf("it was told when letters had left already: %d of %d", told, i+1)
			}
		}
	}
	kept := h.letters()
	if told == 0 || len(kept) <= told || len(kept) > 110 {
		t.Fatalf("told at %d letters, %d are kept", told, len(kept))
	}
	if size, limit, err := h.Size(t.Context()); err != nil || size > limit*95/100 {
		t.Errorf("Size = %d of %d, %v", size, limit, err)
	}
	for i, l := range kept { // the newest first, and none is missing among them
		if want := fmt.Sprintf("n%03d", 149-i); string(l.UID) != want {
			t.Fatalf("letter %d is %s, want %s", i, l.UID, want)
		}
	}
	want(t, "events stay", uids(h.entries(1, school.KindEvents)), []string{"a"})
	from, err := h.LettersFrom(t.Context())
	if err != nil || !from.After(s.News[len(s.News)-len(kept)-1].Published) || from.After(kept[len(kept)-1].Published) {
		t.Errorf("LettersFrom = %v, %v", from, err)
	}
	// The same once more changes nothing.
	before := h.inode(storage.CacheName)
	h.clock.Add(time.Minute)
	s.Taken = h.clock.Now()
	if c := h.apply(account, s); c.Any() {
		t.Errorf("the same letters again: %v", counts(c))
	}
	if !before.ModTime().Equal(h.inode(storage.CacheName).ModTime()) {
		t.Error("it was written again")
	}
	if list, _ := h.since(nil, []school.Kind{school.KindNews}, storage.Revision{}); !strings.HasSuffix(list[0], "deleted") {
		t.Errorf("no program heard that letters have left: %v", list[0])
	}
}

// TestFullOfOtherThings is where no letter can make room: nothing is changed,
// and it is told what it is.
func TestFullOfOtherThings(t *testing.T) {
	t.Parallel()
	h := narrow(t, 512<<10)
	account := storagetest.Account(t, h.DB, "fake", "child")
	h.apply(account, h.events("a"))
	s := storagetest.Snapshot(2000)
	s.Taken = h.clock.Now()
	before := h.inode(storage.CacheName)
	if _, err := h.Apply(t.Context(), account, s); !errors.Is(err, vault.ErrFull) {
		t.Fatalf("Apply = %v, want ErrFull", err)
	}
	want(t, "events", uids(h.entries(1, school.KindEvents)), []string{"a"})
	if !before.ModTime().Equal(h.inode(storage.CacheName).ModTime()) || h.Unsaved() != nil {
		t.Error("something was written or is unsaved")
	}
	if from, err := h.LettersFrom(t.Context()); err != nil || from.IsZero() || h.clock.Now().Sub(from) < 24*time.Hour {
		t.Errorf("LettersFrom = %v, %v", from, err)
	}
	h.apply(account, h.events("a", "b"))
}
