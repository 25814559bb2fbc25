package e2e_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/control"
	"syncd/source/skolplattformen/skolplattformentest"
)

// TestTabsAndTerminalsMakeOneOrder begins a sign-in in four tabs and, over the
// socket, in three terminals at once: one BankID order, and everybody sees it
// end well.
func TestTabsAndTerminalsMakeOneOrder(t *testing.T) {
	t.Parallel()
	h, account := signedOut(t)
	browser := h.browser()
	h.fake.SSO().Phone().Auto(skolplattformentest.Persons(h.world)[0], 4*time.Second)
	page := h.base + "/accounts/" + account + "/login"
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			resp, err := browser.PostForm(page, url.Values{"method": {"bankid-qr"}})
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("a tab got status %d", resp.StatusCode)
			}
		})
	}
	for range 3 {
		all.Go(func() {
			var out, errs bytes.Buffer
			status, err := control.Call(t.Context(), h.data(), []string{"login", account}, false, control.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
			if err != nil || status != 0 || !strings.HasSuffix(out.String(), "done\n") {
				t.Errorf("a terminal ended with %d, %v:\n%s", status, err, &errs)
			}
		})
	}
	all.Wait()
	orders := 0
	for _, r := range h.fake.SSO().Requests() {
		if strings.Contains(r, "initialize=") {
			orders++
		}
	}
	if orders != 1 {
		t.Errorf("%d BankID orders, want 1", orders)
	}
	if !strings.Contains(h.command("status"), " active ") {
		t.Error("nobody is signed in")
	}
}
