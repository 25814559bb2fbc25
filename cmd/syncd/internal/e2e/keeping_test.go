package e2e_test

import (
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
	"syncd/source/skolplattformen/skolplattformentest"
)

// TestPlannedSignIn plans a sign-in in the terminal: at its moment the status
// asks for it in all its forms, though the session lives; skipped, nothing is
// lost; done, a new session takes the old one's place and nobody is asked.
func TestPlannedSignIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := string(h.account)
	for _, args := range [][]string{
		{},
		{id},
		{"a0", "-ping", "1h"},
		{id, "-ping", "1m"},
		{id, "-ping", "x"},
		{id, "-max-age", "2h"},
		{id, "-ping", "2h", "-max-age", "1h"},
		{id, "-sign-in", "now"},
		{id, "-sign-in", ""},
		{id, "-ping", "30m", "-max-age", "1000h"},
	} {
		if status, out := h.run("", append([]string{"account", "set"}, args...)...); status != app.ExitUsage {
			t.Errorf("account set %q = %d:\n%s", args, status, out)
		}
	}
	if out := h.command("account", "set", id, "-ping", "30m"); !strings.Contains(out, "ping 30m0s for 72h0m0s after a sign-in, planned sign-in off") {
		t.Errorf("account set: %s", out)
	}
	if out := h.command("account", "set", id, "-sign-in", "Monday 12:00"); !strings.Contains(out, "ping 30m0s for 72h0m0s after a sign-in, planned sign-in monday 12:00") {
		t.Errorf("account set: %s", out)
	}
	if out := h.command("account", "set", id, "-ping", "off"); !strings.Contains(out, "ping off, planned sign-in monday 12:00") {
		t.Errorf("account set: %s", out)
	}
	const asks = `"asks_to_sign_in_since": "2026-11-23T11:00:00Z"`
	if out := h.command("status", "-json"); strings.Contains(out, "asks_to_sign_in_since") || !strings.Contains(out, `"next_planned_sign_in": "2026-11-23T11:00:00Z"`) {
		t.Errorf("status on Sunday:\n%s", out)
	}
	before := h.everything()
	h.clock.forward(29 * time.Hour)
	h.mustRead() // through the city's sign-in; nobody followed
	if out := h.command("status", "-json"); !strings.Contains(out, asks) || !strings.Contains(out, `"state": "active"`) {
		t.Errorf("status on Monday:\n%s", out)
	}
	if out := h.command("status"); !strings.Contains(out, "asks for the planned sign-in (monday 12:00)") {
		t.Errorf("status on Monday:\n%s", out)
	}
	sv := text.For(text.SV)
	if page := h.signedIn(h.base + "/"); !strings.Contains(page, sv.Keeping.AskedLead) {
		t.Error("the status page does not ask")
	}
	if status, out := h.run("", "login", id); status != app.ExitOK {
		t.Fatalf("login = %d:\n%s", status, out)
	}
	h.mustRead()
	if out := h.command("status", "-json"); strings.Contains(out, "asks_to_sign_in_since") || !strings.Contains(out, `"replaced": 1`) {
		t.Errorf("status after the sign-in:\n%s", out)
	}
	after := h.everything()
	if len(after) != len(before) {
		t.Errorf("%d addresses answer, before it were %d", len(after), len(before))
	}
	if page := h.signedIn(h.base + "/accounts/" + id + "/session"); strings.Contains(page, sv.Keeping.AskedLead) || !strings.Contains(page, "måndag") {
		t.Error("the session's page is not as chosen")
	}
}

// TestSettingsInTerminal changes what was chosen for an account after it was
// made.
func TestSettingsInTerminal(t *testing.T) {
	t.Parallel()
	h, other := signedOut(t)
	words := strings.Fields(h.command("account", "add", "infomentor", "learning-log=yes"))
	id := words[1]
	for _, tc := range []struct {
		args []string
		want string // in what is printed; empty: refused
	}{
		{[]string{id, "pairing=yes"}, ": ping off, planned sign-in off, pairing yes, learning-log yes\n"},
		{[]string{id, "learning-log=", "-sign-in", "daily 7:15"}, ": ping off, planned sign-in daily 07:15, pairing yes\n"},
		{[]string{id, "pairing=perhaps"}, ""},
		{[]string{id, "pairing"}, ""},
		{[]string{id, "shoe-size=41"}, ""},
		{[]string{other, "pairing=yes"}, ""},
		{[]string{id, "pairing=no"}, ": ping off, planned sign-in daily 07:15, pairing no\n"},
	} {
		status, out := h.run("", append([]string{"account", "set"}, tc.args...)...)
		if ok := tc.want != ""; (status == app.ExitOK) != ok || !strings.Contains(out, tc.want) {
			t.Errorf("account set %q = %d:\n%s", tc.args, status, out)
		}
	}
}

// TestStrangerLeavesTheOwnersSession signs another guardian in while the
// owner's session lives: nothing of the stranger's is stored, the account says
// what happened, and the owner's session goes on without a new sign-in.
func TestStrangerLeavesTheOwnersSession(t *testing.T) {
	t.Parallel()
	h := open(t)
	before := h.everything()
	h.fake.SSO().Phone().Auto(skolplattformentest.Persons(h.world)[1], 0)
	if status, out := h.run("", "login", string(h.account)); status != app.ExitOK {
		t.Fatalf("login = %d:\n%s", status, out)
	}
	for range 100 { // the read after the login finds out
		if strings.Contains(h.command("status", "-json"), `"problem": "wrong-person"`) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	out := h.command("status", "-json")
	if !strings.Contains(out, `"problem": "wrong-person"`) || !strings.Contains(out, `"state": "active"`) {
		t.Errorf("status after a stranger's sign-in:\n%s", out)
	}
	h.fake.SSO().Phone().Auto(nobody(), 0)
	for h.read() == school.ProblemWrongPerson { // the read that found out is still under way
		time.Sleep(50 * time.Millisecond)
	}
	h.mustRead()
	if out := h.command("status", "-json"); strings.Contains(out, "wrong-person") {
		t.Errorf("status after the owner's next read:\n%s", out)
	}
	for name, answer := range h.everything() {
		if answer != before[name] {
			t.Errorf("%s changed", name)
		}
	}
}
