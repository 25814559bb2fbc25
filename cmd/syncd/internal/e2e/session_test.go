package e2e_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/control"
	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// command runs a command inside the running program, as the socket does.
func (h *house) command(args ...string) string {
	h.t.Helper()
	var out, errs bytes.Buffer
	if status := h.app.Command(h.t.Context(), args, control.Streams{In: &bytes.Buffer{}, Out: &out, Err: &errs}); status != app.ExitOK {
		h.t.Fatalf("syncd %s: exit status %d\n%s", strings.Join(args, " "), status, &errs)
	}
	return out.String()
}

// diary is what scripts are told of the sessions of the only account.
type diary struct {
	Ended   int                     `json:"ended"`
	Average int                     `json:"average_seconds"`
	Rungs   map[school.Rung]int     `json:"by_rung"`
	Causes  map[school.EndCause]int `json:"by_cause"`
}

func (h *house) diary() diary {
	h.t.Helper()
	var status struct {
		Accounts []struct {
			Sessions diary `json:"sessions"`
		} `json:"accounts"`
	}
	out := h.command("status", "-json")
	if err := json.Unmarshal([]byte(out), &status); err != nil || len(status.Accounts) != 1 {
		h.t.Fatalf("status: %v\n%s", err, out)
	}
	for _, c := range h.world.Children() {
		if strings.Contains(out, c.Name) {
			h.t.Error("status names a child")
		}
	}
	return status.Accounts[0].Sessions
}

// TestDiaryOfSessions lets sessions end in three ways; the status page and the
// status command tell of each.
func TestDiaryOfSessions(t *testing.T) {
	t.Parallel()
	h := open(t)
	want := diary{Rungs: map[school.Rung]int{school.RungPerson: 1}, Causes: map[school.EndCause]int{}}
	if diff := cmp.Diff(want, h.diary()); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	h.clock.forward(20 * time.Minute)
	h.mustRead()
	h.clock.forward(6 * time.Hour)
	h.fake.KillSessions()
	h.mustRead() // through the city's sign-in, silently
	h.clock.forward(20 * time.Minute)
	h.fake.SSO().Phone().Auto(nobody(), 0)
	h.restart() // of ours ends nothing
	h.fake.KillAll()
	if p := h.read(); p != school.ProblemSignIn {
		t.Errorf("problem = %q, want %q", p, school.ProblemSignIn)
	}
	got := h.diary()
	if got.Average < 500 || got.Average > 700 { // 20 minutes and none
		t.Errorf("sessions lasted %d s on average", got.Average)
	}
	got.Average = 0
	want = diary{
		Ended: 2, Rungs: map[school.Rung]int{school.RungPerson: 1, school.RungReentry: 1},
		Causes: map[school.EndCause]int{school.EndIdle: 1, school.EndUnknown: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after all of it (-want +got):\n%s", diff)
	}
	sv := text.For(text.SV)
	if page := h.signedIn(h.base + "/"); !strings.Contains(page, sv.Sessions.Lasts) || !strings.Contains(page, sv.N(1, sv.Sessions.SignIns)) {
		t.Error("the status page does not tell for how long a sign-in was good")
	}
	if page := h.signedIn(h.base + "/accounts/" + string(h.account) + "/session"); !strings.Contains(page, sv.N(2, sv.Sessions.Count)) || !strings.Contains(page, sv.N(1, sv.Sessions.Person)) {
		t.Error("the session's page does not tell of the sessions")
	}
}
