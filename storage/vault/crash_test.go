package vault_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"syncd/storage/vault"
)

// canary is what must never stand in a file. It has no part of an age header.
const canary = "Brandgul Sidensvans äter rönnbär"

// child is what the test binary does when it plays another process.
func child(ctx context.Context, role, dir string) int {
	switch role {
	case "lock":
		l, err := vault.LockFolder(dir)
		switch {
		case errors.Is(err, vault.ErrLocked):
			return 75
		case err != nil || l.Close() != nil:
			return 1
		}
		return 0
	case "harden":
		return hardened()
	case "writer":
		return writer(ctx, dir)
	}
	return 2
}

// writer writes rows in pairs for ever, and says after each which is safe.
func writer(ctx context.Context, dir string) int {
	l, err := vault.LockFolder(filepath.Join(dir, "data"))
	if err != nil {
		return 75
	}
	defer func() { _ = l.Close() }()
	keys, err := vault.OpenKeys(vault.KeySource{File: filepath.Join(dir, "key")})
	if err != nil {
		return 78
	}
	f, err := vault.OpenFile(ctx, vault.FileOptions{Path: filepath.Join(dir, "data", "x.age"), Purpose: purpose, Keys: keys})
	if err != nil {
		return 78
	}
	if err := update(ctx, f, "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, word TEXT NOT NULL) STRICT"); err != nil {
		return 1
	}
	for i := 1; ; i++ {
		row := fmt.Sprintf("INSERT INTO t (word) SELECT '%s '||hex(randomblob(3000))", canary)
		if err := update(ctx, f, row, row); err != nil {
			return 1
		}
		if i%50 == 0 { // small again, so that rounds stay quick
			if err := update(ctx, f, "DELETE FROM t WHERE id < (SELECT max(id) - 10 FROM t)"); err != nil {
				return 1
			}
		}
		fmt.Fprintln(os.Stdout, "safe")
	}
}

func childCommand(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], dir)
	cmd.Env = append(os.Environ(), "VAULT_TEST_CHILD="+role)
	return cmd
}

func runChild(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	cmd := childCommand(t, role, dir)
	if _, ok := errors.AsType[*exec.ExitError](cmd.Run()); !ok && cmd.ProcessState == nil {
		t.Fatal("the child did not start")
	}
	return cmd
}

// TestKill kills a writing process at random moments. Each time the file must
// open whole, with all that was said to be safe, and no plaintext anywhere.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	if n, err := strconv.Atoi(os.Getenv("SYNCD_TORTURE")); err == nil {
		rounds = n
	}
	dir := t.TempDir()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "key"), []byte(id.String()+"\n"))
	keys, err := vault.OpenKeys(vault.KeySource{File: filepath.Join(dir, "key")})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "data", "x.age")
	half := 0
	for round := range rounds {
		safe := killedWriter(t, dir, time.Duration(5+rand.IntN(60))*time.Millisecond)
		if _, err := os.Stat(path + ".new"); err == nil {
			half++
		}
		scan(t, filepath.Join(dir, "data"))
		f := open(t, path, keys)
		if got := query(t, f, "PRAGMA integrity_check"); got != "ok" {
			t.Fatalf("round %d: integrity_check = %s", round, got)
		}
		last, err := strconv.Atoi(query(t, f, "SELECT coalesce(max(id), 0) FROM t"))
		if err != nil || last%2 != 0 || last < 2*safe {
			t.Fatalf("round %d: last row %d, %d were safe", round, last, 2*safe)
		}
		exec1(t, f, "DELETE FROM t")
		mustClose(t, f)
	}
	t.Logf("%d of %d rounds left a half-written file", half, rounds)
}

// killedWriter runs the writer until some pairs are safe and then for a
// while, kills it, and returns how many pairs it had said to be safe.
func killedWriter(t *testing.T, dir string, after time.Duration) (safe int) {
	t.Helper()
	cmd := childCommand(t, "writer", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var timer *time.Timer
	for lines.Scan() {
		safe++
		if timer == nil {
			timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	if timer == nil {
		t.Fatalf("the writer ended: %v", cmd.Wait())
	}
	_ = cmd.Wait()
	return safe
}

// scan fails when any file below dir holds a piece of the canary.
func scan(t *testing.T, dir string) {
	t.Helper()
	if n := hits(t, dir); n > 0 {
		t.Fatalf("%d pieces of plaintext in %s", n, dir)
	}
}

// hits counts the eight-byte windows of the canary in all files below dir.
func hits(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		n += count(read(t, path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func count(b []byte) (n int) {
	for i := range len(canary) - 8 {
		n += bytes.Count(b, []byte(canary[i:i+8]))
	}
	return n
}

// TestScannerFindsPlaintext is the control of the scans.
func TestScannerFindsPlaintext(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newKeys(t)
	path := filepath.Join(dir, "x.age")
	f := open(t, path, keys)
	exec1(t, f, schema, fmt.Sprintf(`INSERT INTO t (word) WITH RECURSIVE n(i) AS
		(VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 100) SELECT '%s' FROM n`, canary))
	scan(t, dir)
	if n := count(decrypted(t, path, keys)); n < 1000 {
		t.Fatalf("%d hits in the image, want more than 1000", n)
	}
	write(t, filepath.Join(dir, "plain"), decrypted(t, path, keys))
	if hits(t, dir) < 1000 {
		t.Fatal("the scan misses a plain file")
	}
}

// decrypted returns the image in a sealed file, read as any age program reads
// it: the keys are rotated into a file first.
func decrypted(t *testing.T, path string, keys *vault.Keys) []byte {
	t.Helper()
	to := filepath.Join(t.TempDir(), "key")
	if err := keys.BeginRotation(to); err != nil {
		t.Fatal(err)
	}
	return decryptedWithFile(t, path, to)
}

func decryptedWithFile(t *testing.T, path, keyFile string) []byte {
	t.Helper()
	ids, err := age.ParseIdentities(bytes.NewReader(read(t, keyFile)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(read(t, path)), ids...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// slowReader yields a few bytes at a time, as a network does.
type slowReader struct{}

func (slowReader) Read(p []byte) (int, error) {
	return copy(p, "lite"), io.EOF
}

func content(t *testing.T, b *vault.Blobs, id string) string {
	t.Helper()
	r, err := b.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, r)
	var out strings.Builder
	if _, err := io.Copy(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
