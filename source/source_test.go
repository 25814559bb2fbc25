package source_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"syncd/source"
	"syncd/source/school"
)

const canary = "Kanariefågel"

// TestSecretsDoNotPrint prints every value that holds something private in
// every way.
func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, v := range []any{
		source.NewSession([]byte(canary), nil),
		source.Answers{"password": canary},
		source.Progress{State: source.LoginScan, QR: canary, AppLink: canary, UniversalLink: canary, Session: []byte(canary)},
		&source.PartError{Child: canary, Part: school.PartNews, Err: source.ErrRefused},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, canary) {
				t.Errorf("Sprintf(%q, %T) = %q", verb, v, got)
			}
		}
		logger.LogAttrs(t.Context(), slog.LevelInfo, "value", slog.Any("v", v))
	}
	if strings.Contains(log.String(), canary) {
		t.Errorf("log: %s", log.String())
	}
}

// TestSessionKeepsWhatWasStored: a state that could not be stored does not
// take the place of the one that was.
func TestSessionKeepsWhatWasStored(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	fails := false
	s := source.NewSession([]byte("a"), func(context.Context, []byte) error {
		if fails {
			return full
		}
		return nil
	})
	if err := s.Put(t.Context(), []byte("b")); err != nil || string(s.State()) != "b" {
		t.Errorf("Put = %v, state %q", err, s.State())
	}
	fails = true
	if err := s.Put(t.Context(), []byte("c")); !errors.Is(err, full) || string(s.State()) != "b" {
		t.Errorf("Put on a full disk = %v, state %q", err, s.State())
	}
	s.Renewed(source.RungPairing)
	if s.Rung() != source.RungPairing {
		t.Errorf("Rung = %q", s.Rung())
	}
}

func TestProblemOf(t *testing.T) {
	t.Parallel()
	part := func(err error) error { return &source.PartError{Part: school.PartMenu, Err: err} }
	for want, err := range map[school.Problem]error{
		school.ProblemNone:          nil,
		school.ProblemSignIn:        fmt.Errorf("read: %w", source.ErrSessionExpired),
		school.ProblemWrongPerson:   errors.Join(source.ErrUnavailable, source.ErrWrongPerson),
		school.ProblemBlocked:       part(source.ErrBlocked),
		school.ProblemRefused:       part(source.ErrRefused),
		school.ProblemRate:          errors.Join(part(source.ErrNotUnderstood), &source.RateLimitError{RetryAfter: time.Minute}),
		school.ProblemBudget:        source.ErrBudget,
		school.ProblemWrongChild:    part(source.ErrWrongChild),
		school.ProblemNotUnderstood: errors.Join(part(source.ErrUnavailable), part(source.ErrNotUnderstood)),
		school.ProblemUnavailable:   context.DeadlineExceeded,
		school.ProblemInternal:      errors.New("something else"),
	} {
		if got := source.ProblemOf(err); got != want {
			t.Errorf("ProblemOf(%v) = %q, want %q", err, got, want)
		}
	}
	if got := source.ProblemOf(part(source.ErrAbsent)); got != school.ProblemNone {
		t.Errorf("a part that is not there is the problem %q", got)
	}
	if got := (&source.RateLimitError{RetryAfter: time.Minute}).Error(); !strings.Contains(got, "1m0s") {
		t.Errorf("RateLimitError = %q", got)
	}
}

func TestFinalStates(t *testing.T) {
	t.Parallel()
	for state, want := range map[source.LoginState]bool{
		source.LoginStarting: false, source.LoginScan: false, source.LoginApprove: false, source.LoginFinishing: false,
		source.LoginQuestion: false, source.LoginDone: true, source.LoginCancelled: true, source.LoginExpired: true,
		source.LoginFailed: true, source.LoginRejected: true, "new": false,
	} {
		if got := state.Final(); got != want {
			t.Errorf("%s.Final() = %v, want %v", state, got, want)
		}
	}
}
