package web_test

import (
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

func TestEditLink(t *testing.T) {
	t.Parallel()
	boxes := url.Values{"child": {"1", "2"}, "kind": {"events", "meals", "news", "notices"}, "label": {"Telefon"}}
	with := func(name, value string) url.Values {
		out := url.Values{name: {value}}
		for k, v := range boxes {
			if k != name {
				out[k] = v
			}
		}
		return out
	}
	narrowed := web.NewLink{
		Label: "x", Children: []school.ChildNumber{2, 1}, Options: school.Options{Prefix: true},
		Kinds: []school.Kind{school.KindEvents, school.KindMeals, school.KindNews, school.KindNotices, school.KindFamily, school.KindAll},
	}
	for name, tt := range map[string]struct {
		was  web.NewLink
		form url.Values
		want web.NewLink
		ends time.Time
	}{
		"label": {web.NewLink{}, with("label", "Ny"), web.NewLink{Label: "Ny", Options: school.Options{Language: "sv"}}, time.Time{}},
		"fewer": {
			web.NewLink{},
			url.Values{"child": {"1"}, "kind": {"news"}, "label": {"x"}},
			web.NewLink{
				Label: "x", Children: []school.ChildNumber{1}, Kinds: []school.Kind{school.KindNews, school.KindAll},
				Options: school.Options{Language: "sv"},
			},
			time.Time{},
		},
		"all that there is stays all that there was": {
			narrowed, boxes,
			web.NewLink{Label: "Telefon", Children: narrowed.Children, Kinds: narrowed.Kinds, Options: school.Options{Language: "sv"}},
			time.Time{},
		},
		"what is not there now can stay": {
			web.NewLink{Kinds: []school.Kind{school.KindLessons, school.KindFamily}},
			with("kind", "lessons"),
			web.NewLink{Label: "Telefon", Kinds: []school.Kind{school.KindLessons, school.KindFamily}, Options: school.Options{Language: "sv"}},
			time.Time{},
		},
		"a last day": {
			web.NewLink{},
			with("until", "2026-11-24"),
			web.NewLink{Label: "Telefon", Options: school.Options{Language: "sv"}},
			time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC),
		},
	} {
		s := family()
		s.choice = tt.was
		site := newSite(t, s)
		w := site.call(t, http.MethodPost, "/links/l1/edit", tt.form)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/links" || !slices.Equal(s.done, []string{"change l1"}) {
			t.Errorf("%s: %d to %q, done %v", name, w.Code, w.Header().Get("Location"), s.done)
		}
		if diff := cmp.Diff(tt.want, s.added); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !s.ends.Equal(tt.ends) {
			t.Errorf("%s: ends %s, want %s", name, s.ends, tt.ends)
		}
	}
}

func TestEditFormShowsWhatIs(t *testing.T) {
	t.Parallel()
	s := family()
	s.choice = web.NewLink{Label: "Mormor", Kinds: []school.Kind{school.KindLessons}, Options: school.Options{
		Prefix: true, Merged: true, Day: true, UTC: true, Quiet: true, Cancelled: school.CancelledDrop, Language: "en",
		Detail: school.DetailTimes, History: 200,
	}}
	page := newSite(t, s).call(t, http.MethodGet, "/links/l1/edit", nil).Body.String()
	for _, want := range []string{
		`value="Mormor"`, `name="prefix" value="1" checked`, `name="layout" value="merged" checked`, `name="day" value="1" checked`,
		`name="utc" value="1" checked`, `name="quiet" value="1" checked`, `value="drop" selected`, `value="en" lang="en" selected`,
		`value="times" selected`, `value="200" selected`, `name="kind" value="lessons" checked`, `name="kind" value="events">`,
		`action="/links/l1/edit"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the form lacks %s", want)
		}
	}
}

func TestEditLinkRefuses(t *testing.T) {
	t.Parallel()
	l := text.For(text.SV)
	good := url.Values{"child": {"1"}, "kind": {"news"}}
	for want, form := range map[string]url.Values{
		l.Errors.NothingChosen: {"child": {"1"}},
		l.Links.UntilPast:      {"child": good["child"], "kind": good["kind"], "until": {"2026-11-23"}},
	} {
		for path, status := range map[string]int{"/links/l1/edit": 422, "/links": 422, "/links/zz/edit": 404} {
			site := newSite(t, family())
			w := site.call(t, http.MethodPost, path, form)
			if w.Code != status || len(site.store.done) != 0 {
				t.Errorf("%s %v: status %d, done %v", path, form, w.Code, site.store.done)
			}
			if status == 422 && !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %v: the page does not say %q", path, form, want)
			}
		}
	}
	// A day that has passed may stay: something else is being changed.
	s := family()
	s.links[0].Expires = now.AddDate(0, 0, -10)
	page := newSite(t, s).call(t, http.MethodGet, "/links/l1/edit", nil).Body.String()
	if !strings.Contains(page, `value="2026-11-14"`) {
		t.Error("the form does not show the last day")
	}
	good.Set("until", "2026-11-14")
	if w := newSite(t, s).call(t, http.MethodPost, "/links/l1/edit", good); w.Code != http.StatusSeeOther || !s.ends.Equal(s.links[0].Expires) {
		t.Errorf("status %d, ends %s", w.Code, s.ends)
	}
	good.Set("until", "igår")
	if w := newSite(t, s).call(t, http.MethodPost, "/links/l1/edit", good); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("no day at all: status %d", w.Code)
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	site := newSite(t, family())
	w := site.call(t, http.MethodPost, "/links/l1/rotate", url.Values{"calendars": {"1"}, "password": {"1"}, "now": {"1"}})
	if w.Header().Get("Location") != "/links/l9/addresses" || site.store.rotated != (web.Rotation{Calendars: true, Password: true, Now: true}) {
		t.Errorf("to %q, rotated %+v", w.Header().Get("Location"), site.store.rotated)
	}
	page := site.call(t, http.MethodGet, "/links/l9/addresses", nil).Body.String()
	say := text.For(text.SV).Addresses
	if !strings.Contains(page, say.Replaced) || !strings.Contains(page, "1 dec") || !strings.Contains(page, calendarsToken) {
		t.Error("the page does not show what was replaced, and until when the old works")
	}
	for _, absent := range []string{`id="caldav"`, `id="feeds"`} {
		if strings.Contains(page, absent) {
			t.Errorf("the page has %s though that was not replaced", absent)
		}
	}
	if list := site.call(t, http.MethodGet, "/links", nil).Body.String(); !strings.Contains(list, "i dag (Apple)") ||
		!strings.Contains(list, text.For(text.SV).Client(text.ClientReader)) || !strings.Contains(list, `"/links/l1/rotate"`) ||
		strings.Contains(list, `"/links/l2/rotate"`) || !strings.Contains(list, "29 nov") {
		t.Error("the list lacks who used the link, how long the old works, or offers to rotate a suspended one")
	}
	for form, status := range map[string]int{"": 422, "now=1": 422} {
		values, _ := url.ParseQuery(form)
		site := newSite(t, family())
		if w := site.call(t, http.MethodPost, "/links/l1/rotate", values); w.Code != status || len(site.store.done) != 0 {
			t.Errorf("%q: status %d, done %v", form, w.Code, site.store.done)
		}
	}
	s := family()
	s.err = fs.ErrInvalid
	dead := newSite(t, s)
	s.links[0].Expires = now
	if w := dead.call(t, http.MethodPost, "/links/l1/rotate", url.Values{"page": {"1"}}); w.Code != http.StatusInternalServerError {
		t.Errorf("broken store: status %d", w.Code)
	}
	s.err, s.rotateErr = nil, fs.ErrInvalid
	if w := dead.call(t, http.MethodPost, "/links/l1/rotate", url.Values{"page": {"1"}}); w.Code != http.StatusUnprocessableEntity ||
		!strings.Contains(w.Body.String(), text.For(text.SV).Links.RotateDead) {
		t.Errorf("expired link: status %d", w.Code)
	}
	if list := dead.call(t, http.MethodGet, "/links", nil).Body.String(); strings.Contains(list, "/rotate") || !strings.Contains(list, "i dag") {
		t.Error("an expired link is offered to be rotated")
	}
	if w := newSite(t, family()).call(t, http.MethodGet, "/links/zz/rotate", nil); w.Code != http.StatusNotFound {
		t.Errorf("unknown link: status %d", w.Code)
	}
}
