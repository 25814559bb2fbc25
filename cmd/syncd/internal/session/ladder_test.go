package session_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/session"
	"syncd/source"
	"syncd/source/school"
)

// The table in Keeper's comment is the ladder that is climbed.
func TestLadderIsAsItIsTold(t *testing.T) {
	t.Parallel()
	var told []string
	var events []string
	for line := range strings.Lines(commentOf(t, "session.go", "Keeper")) {
		first, rest, ok := strings.Cut(line, "|")
		if !ok {
			continue
		}
		columns := strings.FieldsFunc(rest, func(r rune) bool { return r == '|' || r == ' ' || r == '\n' })
		step := strings.TrimSpace(first)
		if step == "" {
			events = columns
			continue
		}
		if len(columns) != len(events) {
			t.Fatalf("step %s has %d columns of %d", step, len(columns), len(events))
		}
		for i, to := range columns {
			told = append(told, step+" "+events[i]+" "+to)
		}
	}
	var climbed []string
	for _, row := range session.Ladder() {
		if !strings.HasPrefix(row, "done ") { // nothing follows
			climbed = append(climbed, row)
		}
	}
	if diff := cmp.Diff(told, climbed); diff != "" {
		t.Errorf("ladder (-told +climbed):\n%s", diff)
	}
}

// commentOf returns what stands above a type.
func commentOf(t *testing.T, file, name string) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Doc == nil {
			continue
		}
		for _, s := range g.Specs {
			if spec, ok := s.(*ast.TypeSpec); ok && spec.Name.Name == name {
				return g.Doc.Text()
			}
		}
	}
	t.Fatalf("%s has no comment", name)
	return ""
}

// The rows in which a login takes the session's place, and those after a
// renewal; the others are in TestRenewal.
func TestRowsOfTheLadder(t *testing.T) {
	t.Parallel()
	// signIn is a person who signs in while f or the renewal is under way.
	signIn := func(t *testing.T, r *rig) {
		t.Helper()
		r.login(t)
	}
	renews := func(ctx context.Context, s *source.Session) error { return s.Put(ctx, []byte("renewed")) }
	over := source.ErrSessionExpired
	for name, tc := range map[string]struct {
		results  []error
		during   int // the call of f during which somebody signs in; 0: none
		renewing bool
		refresh  func(context.Context, *source.Session) error
		want     error
		sess     string
		renewals int
	}{
		"live replaced, over":        {results: []error{over, nil}, during: 1, sess: "new"},
		"live replaced, trouble":     {results: []error{source.ErrUnavailable, nil}, during: 1, sess: "new"},
		"live works though replaced": {results: []error{nil}, during: 1, sess: "new"},
		"renew replaced":             {results: []error{over, nil}, renewing: true, refresh: renews, sess: "new", renewals: 1},
		"renewed replaced":           {results: []error{over, over, nil}, during: 2, refresh: renews, sess: "new", renewals: 1},
		"renewed trouble":            {results: []error{over, source.ErrUnavailable}, refresh: renews, want: source.ErrUnavailable, sess: "renewed", renewals: 1},
		"renew not understood": {
			results: []error{over}, refresh: func(context.Context, *source.Session) error { return source.ErrNotUnderstood },
			want: source.ErrNotUnderstood, sess: "old", renewals: 1,
		},
		"renew wrong person": {
			results: []error{over}, refresh: func(context.Context, *source.Session) error { return source.ErrWrongPerson },
			want: source.ErrWrongPerson, sess: "old", renewals: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := signsIn()
				r := start(t, active(), p)
				if tc.refresh != nil {
					p.RefreshFn = func(ctx context.Context, s *source.Session) error {
						if tc.renewing {
							signIn(t, r)
						}
						return tc.refresh(ctx, s)
					}
				}
				calls := 0
				err := r.Use(t.Context(), id, func(*source.Session) error {
					calls++
					if calls == tc.during {
						signIn(t, r)
					}
					return tc.results[calls-1]
				})
				if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
					t.Errorf("Use = %v, want %v", err, tc.want)
				}
				if _, _, _, n := p.counts(); calls != len(tc.results) || n != tc.renewals {
					t.Errorf("%d calls, %d renewals; want %d, %d", calls, n, len(tc.results), tc.renewals)
				}
				r.wantState(t, school.Active, school.ProblemNone, tc.sess)
			})
		})
	}
}

// Replaced twice in one use is not followed for ever.
func TestReplacedAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), signsIn())
		calls := 0
		err := r.Use(t.Context(), id, func(*source.Session) error {
			calls++
			r.login(t)
			time.Sleep(2 * time.Minute)
			return source.ErrUnavailable
		})
		if calls != 2 || !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("%d calls, %v; want 2", calls, err)
		}
		r.wantState(t, school.Active, school.ProblemNone, "new")
	})
}
