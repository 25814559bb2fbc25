package vault_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"syncd/storage/vault"
)

// A database that no disk ever sees, kept as one file that the age program
// opens too.
func ExampleFile() {
	dir, err := os.MkdirTemp("", "vault")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(dir, "cache.key"), Data: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	path := filepath.Join(dir, "cache.age")
	write := func() error {
		f, err := vault.OpenFile(ctx, vault.FileOptions{Path: path, Purpose: 7, Keys: keys})
		if err != nil {
			return err
		}
		return errors.Join(f.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS day (title TEXT)`)
			if err == nil {
				_, err = tx.ExecContext(ctx, `INSERT INTO day VALUES ('Studiedag')`)
			}
			return err
		}), f.Close())
	}
	fmt.Println(write())
	sealed, err := os.ReadFile(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.22q\n", sealed)
	sealed[len(sealed)/2] ^= 1 // somebody alters one bit
	if err := os.WriteFile(path, sealed, 0o600); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(errors.Is(write(), vault.ErrDamaged))
	// Output:
	// <nil>
	// "age-encryption.org/v1\n"
	// true
}
