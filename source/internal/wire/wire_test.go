package wire_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"syncd/source"
	"syncd/source/internal/wire"
)

func TestRows(t *testing.T) {
	t.Parallel()
	type row struct {
		N int `json:"n"`
	}
	for in, want := range map[string]struct {
		rows    []row
		skipped int
		bad     bool
	}{
		`[{"n":1},{"n":"x"},null,{"n":2,"new":true}]`: {[]row{{1}, {2}}, 2, false},
		"\n \ufeff[]":       {[]row{}, 0, false},
		`null`:              {[]row{}, 0, false},
		`{"n":1}`:           {nil, 0, true},
		`[{"n":1}`:          {nil, 0, true},
		`"hemligt"`:         {nil, 0, true},
		``:                  {nil, 0, true},
		`[1,2] and more`:    {nil, 0, true},
		`[{"n":1},{"n":1}]`: {[]row{{1}, {1}}, 0, false},
	} {
		rows, skipped, err := wire.Rows[row]([]byte(in))
		if !slices.Equal(rows, want.rows) || skipped != want.skipped || (err != nil) != want.bad {
			t.Errorf("Rows(%s) = %v, %d, %v", in, rows, skipped, err)
		}
		if err != nil && (!errors.Is(err, source.ErrNotUnderstood) || strings.Contains(err.Error(), "hemligt")) {
			t.Errorf("Rows(%s) = %v", in, err)
		}
	}
}
