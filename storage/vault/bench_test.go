package vault_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"syncd/storage/vault"
)

func benchFile(b *testing.B, megabytes int) (*vault.File, vault.FileOptions) {
	b.Helper()
	keys, err := vault.GenerateKeys()
	if err != nil {
		b.Fatal(err)
	}
	o := vault.FileOptions{Path: filepath.Join(b.TempDir(), "x.age"), Purpose: purpose, Keys: keys}
	f, err := vault.OpenFile(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	err = update(b.Context(), f, schema, fmt.Sprintf(`INSERT INTO t (word) WITH RECURSIVE n(i) AS
		(VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < %d) SELECT hex(randomblob(500)) FROM n`, megabytes*1000))
	if err != nil {
		b.Fatal(err)
	}
	return f, o
}

// BenchmarkWrite commits one changed row of a database of five megabytes.
func BenchmarkWrite(b *testing.B) {
	f, _ := benchFile(b, 5)
	n := 0
	for b.Loop() {
		n++
		err := f.Update(b.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(b.Context(), "UPDATE t SET word = ? WHERE id = 7", fmt.Sprint(n))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a file of five megabytes.
func BenchmarkOpen(b *testing.B) {
	f, o := benchFile(b, 5)
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := vault.OpenFile(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkView reads one row.
func BenchmarkView(b *testing.B) {
	f, _ := benchFile(b, 5)
	for b.Loop() {
		err := f.View(b.Context(), func(tx *sql.Tx) error {
			var s string
			return tx.QueryRowContext(b.Context(), "SELECT word FROM t WHERE id = 99").Scan(&s)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
