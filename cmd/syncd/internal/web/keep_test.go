package web_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
	"syncd/storage"
)

func (s *store) Shelves(context.Context) (web.Shelves, error) { return s.shelves, s.err }

func (s *store) PutLimit(_ context.Context, shelf school.Shelf, l school.Limit) error {
	return s.act(fmt.Sprint("keep ", shelf, " ", int(l)))
}

func (s *store) Delete(_ context.Context, c storage.Choice) (web.Report, error) {
	if c.Child == 9 {
		return web.Report{}, fs.ErrNotExist
	}
	return s.report, s.act(fmt.Sprint("delete ", int(c.Child), " ", c.Kind))
}

func (s *store) Allow(_ context.Context, c storage.Choice) error {
	return s.act(fmt.Sprint("allow ", int(c.Child), " ", c.Kind))
}

func (s *store) RemoveCopy(_ context.Context, path string) error {
	if !strings.HasPrefix(path, "/backups/") {
		return fs.ErrNotExist
	}
	return s.act("copy " + path)
}

func (s *store) ForgetPlace(_ context.Context, path string) error {
	switch path {
	case "/mnt/away":
		return s.act("forget " + path)
	case "/mnt/back":
		return web.ErrReached
	}
	return fs.ErrNotExist
}

// keepAll fills what the pages about keeping and deleting show.
func (s *store) keepAll() {
	kinds := []web.KindCount{{Kind: school.KindLessons, Count: 1234}, {Kind: school.KindNews, Count: 12}}
	s.shelves = web.Shelves{
		Children: []web.KeptChild{
			{Number: 1, Name: "Astrid " + hostile, School: "Granholmsskolan " + hostile, Kinds: kinds}, {Number: 2, Name: "Måns", Kinds: kinds[1:]},
		},
		Unwanted: []web.UnwantedView{
			{Choice: storage.Choice{Kind: school.KindMeals}, Since: now},
			{Choice: storage.Choice{Child: 1, Kind: school.KindCare}, Name: "Astrid " + hostile, Since: now},
			{Choice: storage.Choice{Child: 7}, Since: now.AddDate(0, -1, 0)},
		},
		Accounts: s.overview.Accounts[:1],
		Copies:   []web.Copy{{Path: "/data/replaced-1", Why: web.CopyAside, Offered: true}, {Path: "/mnt/away", Why: web.CopyAway}},
	}
	for i, shelf := range school.Shelves() {
		l := storage.Leaving{Shelf: shelf, Limit: school.DefaultLimits()[shelf], Kept: 1000 * i}
		if i%2 == 0 {
			l.Next, l.Count = school.DateOf(now).AddDays(i), i+1
		}
		s.shelves.Leaving = append(s.shelves.Leaving, l)
	}
	s.shelves.Leaving[1].Limit = 61 // none of those that are offered
	s.report = web.Report{
		Removed: storage.Removed{
			Kinds: map[school.Kind]int{school.KindNews: 12, school.KindLessons: 1234}, Files: 3, Children: []school.ChildNumber{1},
		},
		Accounts: []web.SignedOut{{Name: "Skolplattformen " + hostile, Told: true}, {Name: "InfoMentor", Untold: true}},
		Links:    []web.LinkView{{ID: "l1", Label: "Mormor " + hostile}}, Unsaved: true,
		Copies: web.Copies{Changed: 3, Left: []web.Copy{
			{Path: "/mnt/away", Why: web.CopyAway},
			{Path: "/backups/syncd-1", Why: web.CopyKey, Offered: true},
			{Path: "/backups/syncd-2", Why: web.CopyDamaged, Offered: true},
			{Path: "/d", Why: web.CopyAside, Offered: true},
			{Path: "/e", Why: web.CopyFault},
		}},
	}
}

func TestGuardianSaysForHowLongThingsAreKept(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	page := site.call(t, http.MethodGet, "/keep", nil).Body.String()
	sv := text.For(text.SV)
	for _, want := range []string{
		`<option value="60">60 dagar</option>`, `<option value="61" selected>61 dagar</option>`, `<option value="-1" selected>` + sv.Keep.Year,
		`<option value="0">` + sv.Keep.Always, sv.N(3, sv.Keep.LeavesOn) + " tors 26 nov", sv.Keep.NothingLeaves, "Barn 7", sv.Keep.Everybody,
		`href="/keep/delete/1/lessons"`, `href="/keep/delete/2"`, `href="/keep/delete/0/news"`, "1\u00a0234",
		`name="path" value="/data/replaced-1"`, sv.Keep.CopyAside,
		`name="path" value="/mnt/away"`, sv.Keep.CopyAway + " " + sv.Keep.CopyForgetHint, `action="/keep/forget"`,
	} {
		if !strings.Contains(page, want) && !strings.Contains(page, strings.Replace(want, "tors", "tor", 1)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if privacy := site.call(t, http.MethodGet, "/privacy", nil).Body.String(); !strings.Contains(privacy, `href="/keep"`) {
		t.Error("the privacy page does not lead there")
	}
	for _, tc := range []struct {
		form   url.Values
		status int
		did    []string
	}{
		{url.Values{"news": {"30"}, "lessons": {"-1"}, "meals": {"0"}}, 303, []string{"keep lessons -1", "keep meals 0", "keep news 30"}},
		{url.Values{"news": {"-2"}}, 400, nil},
		{url.Values{"lessons": {"7"}, "news": {"ja"}}, 400, nil},
		{url.Values{"betyg": {"7"}}, 303, nil},
	} {
		site.store.done = nil
		if w := site.call(t, http.MethodPost, "/keep", tc.form); w.Code != tc.status || !slices.Equal(site.store.done, tc.did) {
			t.Errorf("POST %v: status %d, done %v", tc.form, w.Code, site.store.done)
		}
	}
}

func TestGuardianDeletesAfterAQuestion(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	sv := text.For(text.SV).Keep
	for path, want := range map[string]string{
		"/keep/delete/2":         sv.DeleteChildTitle.With("Måns"),
		"/keep/delete/2/news":    sv.DeleteBothTitle.With("Brev och nyheter", "Måns"),
		"/keep/delete/0/lessons": sv.DeleteKindTitle.With(text.For(text.SV).Kind(school.KindLessons)),
	} {
		w := site.call(t, http.MethodGet, path, nil)
		want = strings.Replace(want, "Brev och nyheter", text.For(text.SV).Kind(school.KindNews), 1)
		if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, want) || !strings.Contains(body, sv.NotAgain) {
			t.Errorf("GET %s: %d, and not %q", path, w.Code, want)
		}
	}
	if len(site.store.done) > 0 {
		t.Errorf("a question did %v", site.store.done)
	}
	for _, path := range []string{
		"/keep/delete/x", "/keep/delete/0", "/keep/delete/9", "/keep/delete/1/family", "/keep/delete/-1",
	} {
		if w := site.call(t, http.MethodGet, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
	for _, tc := range []struct {
		path   string
		form   url.Values
		status int
		did    []string
	}{
		{"/keep/delete", url.Values{"child": {"2"}}, 200, []string{"delete 2 "}},
		{"/keep/delete", url.Values{"child": {"0"}, "kind": {"news"}}, 200, []string{"delete 0 news"}},
		{"/keep/delete", url.Values{"child": {"9"}}, 404, nil},
		{"/keep/delete", url.Values{"child": {"0"}}, 404, nil},
		{"/keep/delete", nil, 404, nil},
		{"/keep/copy", url.Values{"path": {"/backups/syncd-1"}}, 303, []string{"copy /backups/syncd-1"}},
		{"/keep/copy", url.Values{"path": {"/etc"}}, 404, nil},
		{"/keep/forget", url.Values{"path": {"/mnt/away"}}, 303, []string{"forget /mnt/away"}},
		{"/keep/forget", url.Values{"path": {"/mnt/back"}}, 303, nil},
		{"/keep/forget", url.Values{"path": {"/etc"}}, 404, nil},
		{"/keep/allow", url.Values{"child": {"7"}}, 303, []string{"allow 7 "}},
		{"/keep/allow", url.Values{"child": {"0"}, "kind": {"meals"}}, 303, []string{"allow 0 meals"}},
	} {
		site.store.done = nil
		w := site.call(t, http.MethodPost, tc.path, tc.form)
		if w.Code != tc.status || !slices.Equal(site.store.done, tc.did) {
			t.Errorf("POST %s %v: status %d, done %v", tc.path, tc.form, w.Code, site.store.done)
		}
		if body := w.Body.String(); tc.status == http.StatusOK && (!strings.Contains(body, "1\u00a0234") || !strings.Contains(body, sv.Unsaved) ||
			!strings.Contains(body, sv.NotAgain) || !strings.Contains(body, `href="/links/l1/revoke"`) || strings.Count(body, `action="/keep/copy"`) != 3 ||
			strings.Count(body, `action="/keep/forget"`) != 1 || !strings.Contains(body, sv.CopyForgetHint) || !strings.Contains(body, sv.CopyAway)) {
			t.Errorf("POST %s: the report is not complete", tc.path)
		}
	}
	site.store.done = nil
	body := site.call(t, http.MethodPost, "/accounts/aa/remove", nil).Body.String()
	if !slices.Equal(site.store.done, []string{"remove aa"}) {
		t.Errorf("done %v", site.store.done)
	}
	if !strings.Contains(body, sv.Untold.With("InfoMentor")) || strings.Contains(body, sv.NotAgain) {
		t.Error("the report of a removed account does not say what the platforms heard")
	}
}
