package storage_test

import (
	"path/filepath"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage/storagetest"
)

const benchEntries = 5000

// BenchmarkApplyFirst stores 5,000 events of one kilobyte in a new cache.
func BenchmarkApplyFirst(b *testing.B) {
	s := storagetest.Snapshot(benchEntries)
	for b.Loop() {
		b.StopTimer()
		db := storagetest.Open(b)
		account := storagetest.Account(b, db, "fake", "child")
		b.StartTimer()
		if _, err := db.Apply(b.Context(), account, s); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkApplyUnchanged applies a snapshot of 5,000 events that brings
// nothing new.
func BenchmarkApplyUnchanged(b *testing.B) {
	db := storagetest.Open(b)
	account, s := storagetest.Fill(b, db, benchEntries)
	for b.Loop() {
		c, err := db.Apply(b.Context(), account, s)
		if err != nil || c.Any() {
			b.Fatalf("Apply = %v, %v", c, err)
		}
	}
}

// BenchmarkApplyChanged applies a snapshot in which every one of 5,000 events
// has changed.
func BenchmarkApplyChanged(b *testing.B) {
	db := storagetest.Open(b)
	account, s := storagetest.Fill(b, db, benchEntries)
	n := 0
	for b.Loop() {
		n++
		title := []string{"Udda", "Jämn"}[n%2]
		for i := range s.Calendar {
			s.Calendar[i].Title = title
		}
		c, err := db.Apply(b.Context(), account, s)
		if err != nil || c.Changed[school.KindEvents] != benchEntries {
			b.Fatalf("Apply = %v, %v", c, err)
		}
	}
}

// BenchmarkEntries reads a calendar of 5,000 events.
func BenchmarkEntries(b *testing.B) {
	db := storagetest.Open(b)
	storagetest.Fill(b, db, benchEntries)
	for b.Loop() {
		e, err := db.Entries(b.Context(), 1, school.KindEvents)
		if err != nil || len(e) != benchEntries {
			b.Fatalf("Entries = %d, %v", len(e), err)
		}
	}
}

// BenchmarkPutSession commits a rotated session of two kilobytes to state.age.
func BenchmarkPutSession(b *testing.B) {
	db := storagetest.Open(b)
	account := storagetest.Account(b, db, "fake", "child")
	state := make([]byte, 2048)
	for b.Loop() {
		state[0]++
		if err := db.PutSession(b.Context(), account, state); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a data folder whose cache is about five megabytes.
func BenchmarkOpen(b *testing.B) {
	dir, keys := filepath.Join(b.TempDir(), "data"), storagetest.Keys(b)
	now := func() time.Time { return storagetest.Start() }
	db := storagetest.OpenIn(b, dir, keys, now)
	storagetest.Fill(b, db, benchEntries)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		db := storagetest.OpenIn(b, dir, keys, now)
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
