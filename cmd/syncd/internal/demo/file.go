package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The demo's files in its folder. FileName is there when, and only when, the
// demo is ready.
const (
	FileName     = "demo.json"
	previousName = FileName + ".previous"
)

// File is demo.json. Its fields are a promise to scripts.
type File[ICS, Feed, CalDAV any] struct {
	BaseURL string `json:"base_url"`
	Web     Web    `json:"web"`
	CalDAV  CalDAV `json:"caldav"`
	ICS     []ICS  `json:"ics"`
	Feeds   []Feed `json:"feeds"`
}

// Web is how to sign in to the pages.
type Web struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// Take reads what an earlier demo in dir wrote into into and puts the file
// aside, so that it does not look as if this one was ready. It reports whether
// there was one that could be read.
func Take(dir string, into any) (bool, error) {
	current, previous := filepath.Join(dir, FileName), filepath.Join(dir, previousName)
	if err := os.Rename(current, previous); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("demo: put aside: %w", err)
	}
	b, err := os.ReadFile(previous) //nolint:gosec // the folder was named by whoever started the demo
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("demo: read previous: %w", err)
	}
	return json.Unmarshal(b, into) == nil, nil
}

// Write writes demo.json (mode 0600), all of it at once, and removes what an
// earlier demo left.
func Write(dir string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("demo: write: %w", err)
	}
	path := filepath.Join(dir, FileName)
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("demo: write: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("demo: write: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, previousName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("demo: write: %w", err)
	}
	return nil
}
