package e2e_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/control"
	"syncd/source/skolplattformen/skolplattformentest"
)

// run runs a command in the program and returns its exit status and output.
func (h *house) run(input string, args ...string) (int, string) {
	h.t.Helper()
	out, errs := &logs{}, &logs{}
	status := h.app.Command(h.t.Context(), args, control.Streams{In: strings.NewReader(input), Out: out, Err: errs})
	return status, errs.String() + "\n" + out.String()
}

// signedOut starts a program with an account that nobody is signed in to.
func signedOut(t *testing.T) (h *house, account string) {
	t.Helper()
	h = newHouse(t)
	h.start()
	status, out := h.run("", "account", "add", "skolplattformen")
	m := regexp.MustCompile(`(?m)^account (\S+)$`).FindStringSubmatch(out)
	if status != app.ExitOK || m == nil {
		t.Fatalf("account add = %d:\n%s", status, out)
	}
	return h, m[1]
}

// TestLoginInTerminal signs in by each method in the terminal: states on lines
// of their own, the QR as text or the app's link on a line of its own.
func TestLoginInTerminal(t *testing.T) {
	t.Parallel()
	for method, tc := range map[string]struct {
		input string
		shows string // a line that somebody needs
	}{
		"bankid-qr":  {"", "▀"},
		"bankid-app": {"", "bankid:///?autostarttoken="},
		"freja":      {"PERSON\n", "personal-number: "},
		"freja-app":  {"", "frejaeid"},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			h, account := signedOut(t)
			person := skolplattformentest.Persons(h.world)[0]
			h.fake.SSO().Phone().Auto(person, 2*time.Second)
			status, out := h.run(strings.ReplaceAll(tc.input, "PERSON", person.PersonalNumber), "login", account, "-method", method)
			if status != app.ExitOK {
				t.Fatalf("login = %d:\n%s", status, out)
			}
			if !strings.Contains(out, tc.shows) {
				t.Errorf("%q is not shown:\n%s", tc.shows, out)
			}
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if lines[len(lines)-1] != "done" || !slices.Contains(lines, "scan") {
				t.Errorf("the states are not on lines of their own:\n%s", out)
			}
			if status, out := h.run("", "sync"); status != app.ExitOK {
				t.Errorf("sync = %d:\n%s", status, out)
			}
			if status, out := h.run("", "status"); status != app.ExitOK || !strings.Contains(out, " active ") || !strings.Contains(out, "events") {
				t.Errorf("status = %d:\n%s", status, out)
			}
			if got := leaks([]byte(h.logs.String()), append(h.secrets(), person.PersonalNumber)); len(got) > 0 {
				t.Errorf("the log holds %q", got)
			}
		})
	}
}

// TestLoginThatEndsBadly refuses in the app, then lets nobody scan.
func TestLoginThatEndsBadly(t *testing.T) {
	t.Parallel()
	h, account := signedOut(t)
	h.fake.SSO().Phone().Auto(nobody(), 0)
	if status, out := h.run("", "login", account, "-method", "password"); status != app.ExitUsage {
		t.Errorf("a method that is not there: %d:\n%s", status, out)
	}
	if status, out := h.run("", "login", "a0"); status != app.ExitUsage {
		t.Errorf("an account that is not there: %d:\n%s", status, out)
	}
	// What is printed is read while the login is under way.
	out := &logs{}
	done := make(chan int, 1)
	go func() {
		done <- h.app.Command(h.t.Context(), []string{"login", account, "-method", "bankid-app"},
			control.Streams{In: strings.NewReader(""), Out: out, Err: out})
	}()
	link := regexp.MustCompile(`(?m)^bankid:///\S+$`)
	phone := h.fake.SSO().Phone()
	for range 600 {
		select {
		case status := <-done:
			if status != app.ExitError || !strings.Contains(out.String(), "\ncancelled\n") {
				t.Errorf("refused in the app: %d\n%s", status, out)
			}
			return
		case <-time.After(20 * time.Millisecond):
			if shown := link.FindString(out.String()); shown != "" {
				_ = phone.OpenLink(shown, skolplattformentest.Persons(h.world)[0])
				_ = phone.Refuse()
			}
		}
	}
	t.Error("the login did not end")
}

// TestAnotherGuardianIsNotLetIn signs a second person in to the first one's
// account: nothing is read, nothing changes, and the account says why.
func TestAnotherGuardianIsNotLetIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	before := h.everything()
	h.fake.KillAll()
	h.clock.forward(time.Hour)
	h.fake.SSO().Phone().Auto(skolplattformentest.Persons(h.world)[1], 0)
	h.read()
	if status, out := h.run("", "login", string(h.account)); status != app.ExitOK {
		t.Fatalf("login = %d:\n%s", status, out)
	}
	if p := h.read(); p != "wrong-person" && p != "sign-in" {
		t.Errorf("problem = %q", p)
	}
	if _, out := h.run("", "status", "-json"); !strings.Contains(out, `"problem": "wrong-person"`) {
		t.Errorf("status does not say why:\n%s", out)
	}
	for name, answer := range h.everything() {
		if answer != before[name] {
			t.Errorf("%s changed", name)
		}
	}
}
