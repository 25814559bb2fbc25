package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"syncd/source/school"
)

// rows runs a query and scans each row into a new value.
func rows[T any](ctx context.Context, tx *sql.Tx, scan func(*sql.Rows, *T) error, query string, args ...any) (out []T, err error) {
	r, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for r.Next() {
		var v T
		if err := scan(r, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, r.Err()
}

// exec runs one statement and returns the number of rows that it touched.
func exec(ctx context.Context, tx *sql.Tx, query string, args ...any) (int64, error) {
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// must turns "no row was touched" into "not there".
func must(n int64, err error) error {
	if err == nil && n == 0 {
		return sql.ErrNoRows
	}
	return err
}

// unix and instant keep a time that may be zero as whole seconds.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func instant(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// dayNumber and dateOf keep a day as the number of days since 1970-01-01.
func dayNumber(d school.Date) int64 {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

func dateOf(n int64) school.Date {
	return school.DateOf(time.Unix(n*86400, 0).UTC())
}

// list and unlist keep a list that may be nil, as JSON or NULL.
func list[T any](v []T) (sql.NullString, error) {
	if v == nil {
		return sql.NullString{}, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return sql.NullString{}, fmt.Errorf("encode list: %w", err)
	}
	return sql.NullString{String: string(b), Valid: true}, nil
}

func unlist[T any](s sql.NullString) ([]T, error) {
	if !s.Valid {
		return nil, nil
	}
	v := []T{}
	if err := json.Unmarshal([]byte(s.String), &v); err != nil {
		return nil, fmt.Errorf("decode list: %w", err)
	}
	return v, nil
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
