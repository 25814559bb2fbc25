package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"syncd/cmd/syncd/internal/text"
)

func TestChildrenAreJoinedByAGuardian(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	page := site.call(t, http.MethodGet, "/children", nil).Body.String()
	sv := text.For(text.SV).Children
	for _, want := range []string{
		sv.JoinLead, sv.SplitLead.With(7), `value="infomentor" selected`, `name="fill" value="1" checked`, `action="/children/join"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if overview := site.call(t, http.MethodGet, "/", nil).Body.String(); !strings.Contains(overview, `href="/children"`) {
		t.Error("the status page does not lead there")
	}
	for _, tc := range []struct {
		path   string
		form   url.Values
		status int
		did    []string
	}{
		{"/children/join", url.Values{"first": {"1"}, "second": {"2"}}, 303, []string{"join 1 2"}},
		{"/children/join", url.Values{"first": {"1"}, "second": {"1"}}, 422, nil},
		{"/children/split", url.Values{"child": {"1"}, "alias": {"7"}}, 303, []string{"split 1 7"}},
		{"/children/lead", url.Values{"child": {"1"}, "kind": {"events"}, "platform": {"infomentor"}, "fill": {"1"}}, 303, []string{"lead 1 events infomentor true"}},
		{"/children/lead", url.Values{"child": {"1"}, "kind": {"events"}, "platform": {"infomentor"}}, 303, []string{"lead 1 events infomentor false"}},
		{"/children/lead", url.Values{"child": {"x"}, "kind": {"events"}}, 404, nil},
	} {
		site.store.done = nil
		w := site.call(t, http.MethodPost, tc.path, tc.form)
		if w.Code != tc.status || !slices.Equal(site.store.done, tc.did) {
			t.Errorf("POST %s %v: status %d, done %v", tc.path, tc.form, w.Code, site.store.done)
		}
		if tc.status == http.StatusUnprocessableEntity && !strings.Contains(w.Body.String(), sv.Refused) {
			t.Errorf("POST %s: nothing says why", tc.path)
		}
	}
}
