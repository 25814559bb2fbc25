package session_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// reads is one read by whoever the session in use belongs to: "old" and "anna"
// are the owner's.
func (r *rig) reads(t *testing.T) error {
	t.Helper()
	err := r.Use(t.Context(), id, func(s *source.Session) error {
		who := school.Ref("anna")
		if string(s.State()) == "new" {
			who = "bo"
		}
		return r.CheckOwner(t.Context(), id, school.Roster{Owner: who})
	})
	synctest.Wait()
	return err
}

// Another person's login ends neither the owner's session nor anything that
// was read: the owner's comes back, and what the stranger left is taken back.
func TestStrangerDoesNotEndTheOwnersSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := active()
		s.owner = "hash of anna"
		began := time.Now().UTC()
		s.stays = []school.Stay{{Began: began, Used: began, Rung: school.RungPerson}}
		l := &leaving{platform: signsIn()}
		r := startWith(t, s, l, l.platform)
		if err := r.reads(t); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		r.login(t)
		if err := r.reads(t); !errors.Is(err, source.ErrWrongPerson) {
			t.Errorf("the stranger's read = %v", err)
		}
		r.wantState(t, school.Active, school.ProblemWrongPerson, "old")
		if !slices.Equal(l.left, []string{"new"}) {
			t.Errorf("given up were %q, want the stranger's", l.left)
		}
		if err := r.reads(t); err != nil {
			t.Errorf("the owner's read after that = %v", err)
		}
		stays := s.diary()
		if len(stays) != 2 || stays[0].Rung != school.RungReentry || !stays[0].Ended.IsZero() || stays[1].Rung != school.RungPerson {
			t.Errorf("the diary tells %+v", stays)
		}
		if begun, _, _, renewed := l.counts(); begun != 1 || renewed != 0 {
			t.Errorf("%d logins, %d renewals; want 1, 0", begun, renewed)
		}
	})
}

// Without a session to go back to, a stranger's login ends where it did.
func TestStrangerAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(school.Expired)
		s.owner = "hash of anna"
		l := &leaving{platform: signsIn()}
		r := startWith(t, s, l, l.platform)
		r.login(t)
		if err := r.reads(t); !errors.Is(err, source.ErrWrongPerson) {
			t.Errorf("the stranger's read = %v", err)
		}
		r.wantState(t, school.SignedOut, school.ProblemWrongPerson, "")
		if !slices.Equal(l.left, []string{"new"}) {
			t.Errorf("given up were %q, want the stranger's", l.left)
		}
	})
}

// A session that a login replaced is given up once it is known that the new
// one is the owner's, or when both are.
func TestReplacedSessionIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		owner string
		after func(*testing.T, *rig)
		want  []string
	}{
		"not yet":     {"hash of bo", func(*testing.T, *rig) {}, nil},
		"by its read": {"hash of bo", func(t *testing.T, r *rig) { t.Helper(); _ = r.reads(t); _ = r.reads(t) }, []string{"old"}},
		"by the next": {"hash of bo", func(t *testing.T, r *rig) { t.Helper(); r.login(t) }, []string{"old"}},
		"by a sign-out": {"hash of bo", func(t *testing.T, r *rig) {
			t.Helper()
			if err := r.SignOut(t.Context(), id); err != nil {
				t.Error(err)
			}
		}, []string{"old", "new"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := active()
				s.owner = tc.owner
				l := &leaving{platform: signsIn()}
				r := startWith(t, s, l, l.platform)
				r.login(t)
				tc.after(t, r)
				synctest.Wait()
				if !slices.Equal(l.left, tc.want) {
					t.Errorf("given up were %q, want %q", l.left, tc.want)
				}
			})
		})
	}
}
