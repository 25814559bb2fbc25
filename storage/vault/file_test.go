package vault_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"syncd/storage/vault"
)

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	k, err := vault.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	o := vault.FileOptions{Path: filepath.Join(dir, "x.age"), Purpose: 42, Keys: k}
	f, err := vault.OpenFile(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	err = f.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "CREATE TABLE t(x TEXT) STRICT; INSERT INTO t VALUES('hej')")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	f, err = vault.OpenFile(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	var s string
	err = f.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT x FROM t").Scan(&s)
	})
	if err != nil || s != "hej" {
		t.Fatal(s, err)
	}
	f.Close()
}
