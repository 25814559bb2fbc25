package e2e_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
	"syncd/storage"
)

// TestRevokedLinkDoesNotRevive puts state.age back as it was before a link was
// taken back: nothing of it opens again until a guardian says so, the page
// tells of it, the sign-in at the school is over, and the log names the file.
func TestRevokedLinkDoesNotRevive(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.doorsOf(h.addresses, doors{})
	h.expect("a new link", d, http.StatusOK, http.StatusOK, http.StatusOK, http.StatusMultiStatus)
	state := filepath.Join(h.data(), storage.StateName)
	old, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.app.RevokeLink(t.Context(), h.addresses.Link); err != nil {
		t.Fatal(err)
	}
	const gone = http.StatusNotFound
	h.expect("taken back", d, gone, gone, gone, http.StatusUnauthorized)
	before := h.base
	h.stop()
	if now, err := os.ReadFile(state); err != nil || bytes.Equal(now, old) {
		t.Fatal("taking it back was not written")
	}
	if err := os.WriteFile(state, old, 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	for _, address := range []*string{&d.page, &d.calendar, &d.feed} {
		*address = strings.Replace(*address, before, h.base, 1)
	}
	h.expect("an old copy put back", d, gone, gone, gone, http.StatusUnauthorized)
	words := text.For(text.SV)
	if page := h.signedIn(h.base + "/"); !strings.Contains(page, words.N(2, words.Overview.Suspended)) &&
		!strings.Contains(page, words.N(1, words.Overview.Suspended)) {
		t.Error("the page does not tell that links are paused")
	}
	acct, err := h.db.Account(t.Context(), h.account)
	if err != nil || acct.State != school.Expired || acct.Problem != school.ProblemSignIn {
		t.Errorf("the account is %s, %s, %v", acct.State, acct.Problem, err)
	}
	if _, err := h.db.Session(t.Context(), h.account); err == nil {
		t.Error("the session was kept")
	}
	if n := strings.Count(h.logs.String(), "found=old-state"); n != 1 {
		t.Errorf("the log names the old copy %d times", n)
	}
	if err := h.app.ConfirmLink(t.Context(), h.addresses.Link); err != nil {
		t.Fatal(err)
	}
	h.expect("a guardian says so", d, http.StatusOK, http.StatusOK, http.StatusOK, http.StatusMultiStatus)
	h.quiet(d)
}
