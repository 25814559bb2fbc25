package e2e_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"syncd/source/school/schooltest"
)

type schooltestChild = schooltest.Child

// nobody is who holds the phone when nobody does. Its type is the fake's own.
func nobody() (none struct{ PersonalNumber, Name string }) { return none }

const (
	guardianName     = "anna"
	guardianPassword = "ett långt och säkert lösenord"
)

// browser returns a browser in which the guardian is signed in.
func (h *house) browser() *http.Client {
	h.t.Helper()
	if err := h.app.SetGuardian(h.t.Context(), guardianName, guardianPassword); err != nil {
		h.t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	resp, err := client.PostForm(h.base+"/signin", url.Values{"user": {guardianName}, "password": {guardianPassword}})
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/" {
		h.t.Fatalf("sign-in = %d at %s", resp.StatusCode, resp.Request.URL.Path)
	}
	return client
}

// signedIn returns a page as a guardian sees it.
func (h *house) signedIn(address string) string {
	h.t.Helper()
	resp, err := h.browser().Get(address)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if err := resp.Write(&b); err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}
