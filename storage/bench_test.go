package storage_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

const benchEntries = 5000

// benchRounds is how often each of a pair is measured.
const benchRounds = 9

// against measures a thing in the sealed storage and in plain SQLite files on
// the same disk (write-ahead log, synchronous=FULL), in turn, and reports the
// medians and their ratio, and the ratio of the best rounds, which a busy
// machine disturbs less. prepare readies a database and returns what is
// measured; it is called once for each, round is called with the number of
// the round and returns what it took.
func against(b *testing.B, prepare func(open func() *storage.DB) func(round int) time.Duration) {
	b.Helper()
	sealed := prepare(func() *storage.DB { return storagetest.Open(b) })
	plain := prepare(func() *storage.DB { return openPlain(b) })
	var took [2][]time.Duration
	for b.Loop() {
		for round := range benchRounds {
			for _, i := range []int{round % 2, 1 - round%2} {
				runtime.GC() // each pays for its own garbage only
				took[i] = append(took[i], []func(int) time.Duration{sealed, plain}[i](round))
			}
		}
	}
	s, p := median(took[0]), median(took[1])
	b.ReportMetric(0, "ns/op") // rounds of both say nothing
	b.ReportMetric(s, "sealed-ms")
	b.ReportMetric(p, "plain-ms")
	b.ReportMetric(s/p, "x-plain")
	b.ReportMetric(float64(took[0][0])/float64(took[1][0]), "x-plain-best") // median has sorted them
}

// median is in milliseconds.
func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2]) / float64(time.Millisecond)
}

func openPlain(tb testing.TB) *storage.DB {
	tb.Helper()
	db, err := storage.OpenPlain(tb.Context(), storage.Options{
		Dir: filepath.Join(tb.TempDir(), "data"), Keys: storagetest.Keys(tb),
		Now: storagetest.NewClock(storagetest.Start()).Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatalf("open plain storage: %v", err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// timed applies a snapshot and returns what that took.
func timed(b *testing.B, db *storage.DB, account school.AccountID, s school.Snapshot) (school.Changes, time.Duration) {
	b.Helper()
	start := time.Now()
	c, err := db.Apply(b.Context(), account, s)
	took := time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	return c, took
}

// BenchmarkApplyFirst stores 5,000 events of one kilobyte in a new cache. At
// most 1.3 times plain.
func BenchmarkApplyFirst(b *testing.B) {
	s := storagetest.Snapshot(benchEntries)
	against(b, func(open func() *storage.DB) func(int) time.Duration {
		return func(int) time.Duration {
			db := open()
			db.KeepAll(func(school.ChildNumber) bool { return true })
			account := storagetest.Account(b, db, "fake", "child")
			c, took := timed(b, db, account, s)
			if err := db.Close(); err != nil || c.Added[school.KindEvents] != benchEntries {
				b.Fatalf("%v, %v", c, err)
			}
			return took
		}
	})
}

// BenchmarkApplyChanged applies a snapshot in which every one of 5,000 events
// has changed. At most 1.7 times plain.
func BenchmarkApplyChanged(b *testing.B) {
	against(b, func(open func() *storage.DB) func(int) time.Duration {
		db := open()
		account, s := storagetest.Fill(b, db, benchEntries)
		n := 0
		return func(int) time.Duration {
			n++
			for i := range s.Calendar {
				s.Calendar[i].Title = []string{"Udda", "Jämn"}[n%2]
			}
			c, took := timed(b, db, account, s)
			if c.Changed[school.KindEvents] != benchEntries {
				b.Fatal(c)
			}
			return took
		}
	})
}

// BenchmarkApplyUnchanged applies a later snapshot of 5,000 events that brings
// nothing new. At most 1.1 times plain; cache.age is not written, see
// TestApplyTwiceChangesNothing.
func BenchmarkApplyUnchanged(b *testing.B) {
	against(b, func(open func() *storage.DB) func(int) time.Duration {
		db := open()
		account, s := storagetest.Fill(b, db, benchEntries)
		return func(int) time.Duration {
			s.Taken = s.Taken.Add(time.Minute)
			c, took := timed(b, db, account, s)
			if c.Any() {
				b.Fatal(c)
			}
			return took
		}
	})
}

// BenchmarkEntries reads a calendar of 5,000 events. At most 1.2 times plain.
func BenchmarkEntries(b *testing.B) {
	against(b, func(open func() *storage.DB) func(int) time.Duration {
		db := open()
		storagetest.Fill(b, db, benchEntries)
		return func(int) time.Duration {
			start := time.Now()
			e, err := db.Entries(b.Context(), 1, school.KindEvents)
			if err != nil || len(e) != benchEntries {
				b.Fatalf("Entries = %d, %v", len(e), err)
			}
			return time.Since(start)
		}
	})
}

// BenchmarkPutSession commits a rotated session of two kilobytes to state.age.
// At most two milliseconds, of which the disk takes what floor-ms says: as
// many bytes written to a new file, synced and renamed, without any seal.
func BenchmarkPutSession(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "data")
	db := storagetest.OpenIn(b, dir, storagetest.Keys(b), storagetest.NewClock(storagetest.Start()).Now)
	account := storagetest.Account(b, db, "fake", "child")
	state := make([]byte, 2048)
	var sealed, floor []time.Duration
	for b.Loop() {
		state[0]++
		start := time.Now()
		if err := db.PutSession(b.Context(), account, state); err != nil {
			b.Fatal(err)
		}
		sealed = append(sealed, time.Since(start))
		image, err := os.ReadFile(filepath.Join(dir, storage.StateName))
		if err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if err := replace(filepath.Join(dir, "floor"), image); err != nil {
			b.Fatal(err)
		}
		floor = append(floor, time.Since(start))
	}
	s, f := median(sealed), median(floor)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(s, "sealed-ms")
	b.ReportMetric(f, "floor-ms")
	b.ReportMetric(s/f, "x-floor")
}

// replace puts a durable file in another one's place.
func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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
