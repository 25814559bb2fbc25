package e2e_test

import (
	"bytes"
	"html"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/control"
	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// TestNotSavedIsShown takes the disk away while something changes: the change
// stands in memory, page and status say that it is not saved, and when the
// disk is back it is saved without anybody's doing.
func TestNotSavedIsShown(t *testing.T) {
	t.Parallel()
	h := open(t)
	words := text.For(text.SV).Problem(school.ProblemNotSaved)
	guardian := h.browser()
	see := func() string {
		t.Helper()
		resp, err := guardian.Get(h.base + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return html.UnescapeString(string(b))
	}
	told := func() (page, status bool) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := h.app.Command(t.Context(), []string{"status", "-json"}, control.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}); code != 0 {
			t.Fatalf("status: %d %s", code, errs.String())
		}
		return strings.Contains(see(), words.Sentence), strings.Contains(out.String(), `"not-saved"`)
	}
	if page, status := told(); page || status {
		t.Fatal("something is not saved from the beginning")
	}
	if err := os.Rename(h.data(), h.data()+"-away"); err != nil {
		t.Fatal(err)
	}
	link, err := h.db.Links(t.Context())
	if err != nil || len(link) == 0 {
		t.Fatalf("Links = %v, %v", link, err)
	}
	if err := h.db.RevokeLink(t.Context(), link[0].ID); err == nil {
		t.Fatal("a change was saved without a disk")
	}
	if page, status := told(); !page || !status {
		t.Errorf("told on the page: %v, in the status: %v, want both", page, status)
	}
	if err := os.Rename(h.data()+"-away", h.data()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); h.db.Unsaved() != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not tried again")
		}
	}
	if page, status := told(); page || status {
		t.Errorf("told on the page: %v, in the status: %v, though it is saved", page, status)
	}
	h.restart()
	h.signedIn(h.base + "/")
	again, err := h.db.Link(t.Context(), link[0].ID)
	if err != nil || again.Revoked.IsZero() {
		t.Errorf("the change is lost: %v, %v", again, err)
	}
}
