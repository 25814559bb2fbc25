// Package wire reads what platforms answer in JSON: without being strict about
// what is new, and without quoting it in an error.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"

	"syncd/source"
)

// NotUnderstood says what was not understood; what names no value.
func NotUnderstood(what string) error { return fmt.Errorf("%s: %w", what, source.ErrNotUnderstood) }

// Null reports whether data is the JSON value null.
func Null(data []byte) bool { return bytes.Equal(bytes.TrimSpace(data), []byte("null")) }

// Decode reads JSON (RFC 8259), which may begin with a byte order mark, into
// v. Unknown fields are nothing special. The decoder's error is cut off, for
// it quotes.
func Decode(data []byte, v any) error {
	data = bytes.TrimPrefix(bytes.TrimSpace(data), []byte("\xef\xbb\xbf"))
	if json.Unmarshal(data, v) != nil {
		return NotUnderstood("JSON is malformed or of another shape")
	}
	return nil
}

// Rows reads a list row by row, so that one bad row does not cost the others;
// skipped counts the bad ones.
func Rows[T any](data []byte) (rows []T, skipped int, err error) {
	var raw []json.RawMessage
	if err := Decode(data, &raw); err != nil {
		return nil, 0, err
	}
	rows, skipped = Each[T](raw)
	return rows, skipped, nil
}

// Each reads rows one by one; skipped counts those that could not be read.
func Each[T any](raw []json.RawMessage) (rows []T, skipped int) {
	rows = make([]T, 0, len(raw))
	for _, r := range raw {
		var row T
		if Null(r) || json.Unmarshal(r, &row) != nil {
			skipped++
			continue
		}
		rows = append(rows, row)
	}
	return rows, skipped
}
