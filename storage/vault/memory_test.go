package vault_test

import (
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"syncd/storage/vault"
)

// TestBlobsAreStreamed puts and reads a large blob, and looks again and again
// at how much memory that holds. It runs alone.
func TestBlobsAreStreamed(t *testing.T) { //nolint:paralleltest // it measures memory
	const size, room = 16 << 20, 2 << 20
	b, err := vault.OpenBlobs(t.TempDir(), newKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{}
	m.look()
	before := m.most
	id, n, err := b.Put(io.LimitReader(m, size))
	if err != nil || n != size {
		t.Fatalf("Put = %d, %v", n, err)
	}
	r, err := b.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, r)
	if n, err := io.Copy(m, r); err != nil || n != size {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	if m.looks < 2*16 || m.most > before+room {
		t.Errorf("%d looks: %d bytes of memory were held for a blob of %d, want at most %d", m.looks, m.most-before, size, room)
	}
}

// meter yields zeroes, takes anything, and looks at the memory that is held
// once for each megabyte of both.
type meter struct {
	passed, looks int
	most          uint64
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	clear(p)
	return m.Write(p)
}

// Write implements io.Writer.
func (m *meter) Write(p []byte) (int, error) {
	if m.passed += len(p); m.passed >= 1<<20 {
		m.passed = 0
		m.look()
	}
	return len(p), nil
}

func (m *meter) look() {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	m.looks++
	m.most = max(m.most, now.HeapAlloc)
}

// TestPinnedConnection closes all connections that are not in use: the
// database, which lives in them, stays.
func TestPinnedConnection(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "x.age"), newKeys(t))
	exec1(t, f, schema, "INSERT INTO t VALUES (1, 'ord')")
	for range 3 {
		vault.DropIdle(f)
		if got := query(t, f, "SELECT word FROM t"); got != "ord" {
			t.Fatalf("word = %s", got)
		}
		exec1(t, f, "UPDATE t SET word = 'annat'", "UPDATE t SET word = 'ord'")
	}
}

// TestReaderBesideAWriter reads the file from outside, without the lock, while
// it is written again and again: it is whole each time.
func TestReaderBesideAWriter(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newKeys(t)
	lock, err := vault.LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, lock)
	path := filepath.Join(dir, "x.age")
	f := open(t, path, keys)
	exec1(t, f, schema, "INSERT INTO t VALUES (1, hex(randomblob(100000)))")
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := keys.VerifyDatabase(path, purpose); err != nil {
				t.Errorf("VerifyDatabase = %v", err)
				return
			}
		}
	})
	for range 30 {
		exec1(t, f, "UPDATE t SET word = hex(randomblob(100000))")
	}
	close(stop)
	wg.Wait()
}
