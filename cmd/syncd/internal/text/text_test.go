package text_test

import (
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/text"
	"syncd/source"
	"syncd/source/school"
)

// sentences returns every sentence of a language by the path of its field.
func sentences(t *testing.T, l text.Lang) map[string]string {
	t.Helper()
	all := map[string]string{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			all[path] = v.String()
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					walk(path+"."+f.Name, v.Field(i))
				}
			}
		default:
			t.Fatalf("field %s of kind %v", path, v.Kind())
		}
	}
	walk("", reflect.ValueOf(*text.For(l)))
	return all
}

func TestBothLanguagesSayEverything(t *testing.T) {
	t.Parallel()
	sv, en := sentences(t, text.SV), sentences(t, text.EN)
	if len(sv) < 150 {
		t.Fatalf("only %d sentences were found", len(sv))
	}
	verbs := regexp.MustCompile(`%[^%]`)
	// Names and words that are the same in both languages.
	same := []string{
		".Product", ".Calendar.Name", ".Calendar.Letters", ".Front.ForgotCommand", ".Overview.Title", ".Common.Status",
		".Addresses.Server", ".Addresses.AndroidTitle", ".Addresses.AppleTitle", ".Addresses.ThunderTitle",
		".Addresses.AddApple", ".Addresses.AddGoogle", ".Addresses.AddOutlook", ".Privacy.Host",
		".Links.UsedBy", ".Sessions.Count.One", ".Keep.UnwantedKind", ".Subscriber.ThunderTitle", ".Subscriber.GoogleTitle", ".Subscriber.OutlookTitle",
	}
	for path, s := range sv {
		e := en[path]
		if strings.TrimSpace(s) == "" || strings.TrimSpace(e) == "" {
			t.Errorf("%s: sv %q, en %q: nothing is said", path, s, e)
		}
		if got, want := verbs.FindAllString(e, -1), verbs.FindAllString(s, -1); !slices.Equal(got, want) {
			t.Errorf("%s: en fills in %v, sv %v", path, got, want)
		}
		if s == e && !slices.Contains(same, path) {
			t.Errorf("%s: both languages say %q", path, s)
		}
	}
}

func TestSetsAreComplete(t *testing.T) {
	t.Parallel()
	states := []school.SessionState{school.SignedOut, school.SigningIn, school.Active, school.Expired}
	kinds := append(append(school.CalendarKinds(), school.KindFamily), school.FeedKinds()...)
	methods := []source.MethodID{
		source.BankIDQR, source.BankIDApp, source.Freja, source.FrejaApp, source.Password, source.Cookies,
	}
	logins := []source.LoginState{
		source.LoginStarting, source.LoginScan, source.LoginApprove, source.LoginFinishing, source.LoginQuestion,
		source.LoginDone, source.LoginCancelled, source.LoginExpired, source.LoginFailed, source.LoginRejected,
	}
	seen := map[string]string{}
	say := func(l text.Lang, what, s string) {
		if s == "" || s == what {
			t.Errorf("%s: nothing is said of %s", l, what)
		}
		if other, ok := seen[what+s]; ok && s != "Lunch" {
			t.Errorf("%s: %s is said as in %s", l, what, other)
		}
		seen[what+s] = string(l)
	}
	for _, l := range text.Langs() {
		w := text.For(l)
		for _, p := range school.Problems() {
			a := w.Problem(p)
			say(l, string(p)+" (sentence)", a.Sentence)
			say(l, string(p)+" (remedy)", a.Remedy)
		}
		for _, s := range states {
			say(l, string(s), w.State(s))
		}
		for _, k := range kinds {
			say(l, string(k)+" (name)", w.Kind(k))
			say(l, string(k)+" (hint)", w.KindHint(k))
		}
		for _, k := range text.KeyPlaces() {
			say(l, string(k)+" (key sentence)", w.KeyPlace(k).Sentence)
			say(l, string(k)+" (key remedy)", w.KeyPlace(k).Remedy)
		}
		for _, a := range school.Absences() {
			say(l, string(a)+" (file)", w.AbsentMedia(school.MediaRef{Name: "x", Absent: a}))
			say(l, string(a)+" (picture)", w.AbsentMedia(school.MediaRef{Image: true, Absent: a}))
		}
		for _, m := range methods {
			say(l, string(m)+" (method)", w.Method(m).Name)
			say(l, string(m)+" (method hint)", w.Method(m).Hint)
			for _, s := range logins {
				say(l, string(s)+" by "+string(m), w.LoginState(s, m))
			}
		}
		for _, id := range []string{
			"personal-number", "municipality", "user", "password", "cookies", "address", "school", "pin", "name",
		} {
			if w.Field(id).Label == id {
				t.Errorf("%s: field %s has no label", l, id)
			}
		}
		for _, c := range text.Clients() {
			if name := w.Client(c); name == "" || name == string(c) {
				t.Errorf("%s: client %s has no name", l, c)
			}
		}
		if got := w.Problem(school.ProblemNone); got != (text.Advice{}) {
			t.Errorf("Problem(none) = %v, want nothing", got)
		}
	}
}

func TestUnknownIDsAreShownAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, l := range text.Langs() {
		w := text.For(l)
		got := []string{w.Method("x-new").Name, w.Field("x-new").Label, w.State("x-new"), w.Kind("x-new")}
		if want := slices.Repeat([]string{"x-new"}, 4); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", l, got, want)
		}
		if w.LoginState(source.LoginScan, "x-new") == "" {
			t.Errorf("%s: nothing is said of an unknown method's scan", l)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]text.Lang{
		"":                               text.SV,
		"sv":                             text.SV,
		"en":                             text.EN,
		"en-GB,en;q=0.9,sv;q=0.8":        text.EN,
		"de, en;q=0.3":                   text.EN,
		"en;q=0.3, sv-SE;q=0.7":          text.SV,
		"de-DE,fr":                       text.SV,
		"EN-us":                          text.EN,
		"en;q=0":                         text.SV,
		"en;q=x":                         text.SV,
		"en;q=7":                         text.SV,
		"en;q=NaN":                       text.SV,
		"*":                              text.SV,
		" en ; q=0.5 ":                   text.EN,
		"english":                        text.SV,
		strings.Repeat("en;q=0.1,", 999): text.EN,
	} {
		if got := text.Match(header); got != want {
			t.Errorf("Match(%.40q) = %s, want %s", header, got, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("en-GB,en;q=0.9,sv;q=0.8")
	f.Add(";;q=,-,")
	f.Fuzz(func(t *testing.T, header string) {
		if got := text.Match(header); !slices.Contains(text.Langs(), got) {
			t.Errorf("Match(%q) = %q", header, got)
		}
	})
}

func TestFromRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cookie, accept string
		want           text.Lang
	}{
		{"", "", text.SV},
		{"", "en", text.EN},
		{"sv", "en", text.SV},
		{"en", "sv", text.EN},
		{"xx", "en", text.EN},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.Header.Set("Accept-Language", tt.accept)
		if tt.cookie != "" {
			r.Header.Set("Cookie", text.CookieName+"="+tt.cookie)
		}
		if got := text.FromRequest(r); got != tt.want {
			t.Errorf("FromRequest(cookie %q, accept %q) = %s, want %s", tt.cookie, tt.accept, got, tt.want)
		}
	}
}

func TestMoments(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 14, 42, 0, 0, time.UTC) // Tuesday 15:42 in Stockholm
	for _, tt := range []struct {
		ago                          time.Duration
		agoSV, agoEN, whenSV, whenEN string
	}{
		{ago: 0, agoSV: "nyss", agoEN: "just now", whenSV: "i dag 15:42", whenEN: "today 15:42"},
		{ago: 59 * time.Second, agoSV: "nyss", agoEN: "just now", whenSV: "i dag 15:41", whenEN: "today 15:41"},
		{ago: 12 * time.Minute, agoSV: "för 12 min sedan", agoEN: "12 min ago", whenSV: "i dag 15:30", whenEN: "today 15:30"},
		{ago: 5 * time.Hour, agoSV: "för 5 tim sedan", agoEN: "5 h ago", whenSV: "i dag 10:42", whenEN: "today 10:42"},
		{ago: 7 * time.Hour, agoSV: "i dag 08:42", agoEN: "today 08:42", whenSV: "i dag 08:42", whenEN: "today 08:42"},
		{ago: 20 * time.Hour, agoSV: "i går 19:42", agoEN: "yesterday 19:42", whenSV: "i går 19:42", whenEN: "yesterday 19:42"},
		{ago: 72 * time.Hour, agoSV: "lör 21 nov 15:42", agoEN: "Sat 21 Nov 15:42", whenSV: "lör 21 nov 15:42", whenEN: "Sat 21 Nov 15:42"},
		{ago: -10 * time.Hour, agoSV: "i morgon 01:42", agoEN: "tomorrow 01:42", whenSV: "i morgon 01:42", whenEN: "tomorrow 01:42"},
		{ago: -40 * 24 * time.Hour, agoSV: "sön 3 jan 2027 15:42", agoEN: "Sun 3 Jan 2027 15:42", whenSV: "sön 3 jan 2027 15:42", whenEN: "Sun 3 Jan 2027 15:42"},
		// 10 May lies in summer time: the clock on the wall counts.
		{ago: 198 * 24 * time.Hour, agoSV: "sön 10 maj 16:42", agoEN: "Sun 10 May 16:42", whenSV: "sön 10 maj 16:42", whenEN: "Sun 10 May 16:42"},
	} {
		at := now.Add(-tt.ago)
		sv, en := text.For(text.SV), text.For(text.EN)
		got := []string{sv.Ago(now, at), en.Ago(now, at), sv.When(now, at), en.When(now, at)}
		if diff := cmp.Diff([]string{tt.agoSV, tt.agoEN, tt.whenSV, tt.whenEN}, got); diff != "" {
			t.Errorf("%v before now (-want +got):\n%s", tt.ago, diff)
		}
	}
}

func TestHoursOfYesterdayAreNamed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 1, 0, 0, 0, school.Stockholm())
	if got, want := text.For(text.SV).Ago(now, now.Add(-2*time.Hour)), "i går 23:00"; got != want {
		t.Errorf("Ago(two hours before one o'clock) = %q, want %q", got, want)
	}
}

func TestPieces(t *testing.T) {
	t.Parallel()
	sv, en := text.For(text.SV), text.For(text.EN)
	count := text.Plural{One: "%s fil", Many: "%s filer"}
	at := time.Date(2026, 6, 30, 22, 30, 0, 0, time.UTC) // 1 July in Stockholm
	for name, pair := range map[string][2]string{
		"number":      {sv.Number(1234567), "1\u00a0234\u00a0567"},
		"small":       {sv.Number(12), "12"},
		"negative":    {en.Number(-1234), "-1,234"},
		"one":         {sv.N(1, count), "1 fil"},
		"none":        {sv.N(0, count), "0 filer"},
		"many":        {sv.N(2000, count), "2\u00a0000 filer"},
		"list none":   {sv.List(nil), ""},
		"list one":    {sv.List([]string{"Asta"}), "Asta"},
		"list two":    {en.List([]string{"Asta", "Bo"}), "Asta and Bo"},
		"list three":  {sv.List([]string{"Asta", "Bo", "Cleo"}), "Asta, Bo och Cleo"},
		"lasting 0":   {sv.Lasting(0), "1 s"},
		"lasting s":   {sv.Lasting(1500 * time.Millisecond), "2 s"},
		"lasting min": {sv.Lasting(4*time.Minute + time.Second), "5 min"},
		"lasting h":   {en.Lasting(3 * time.Hour), "3 h"},
		"month":       {sv.MonthOf(at), "juli 2026"},
		"day":         {sv.DayOf(at, at.Add(-time.Hour)), "i går"},
		"machine":     {sv.Machine(at), "2026-07-01T00:30:00+02:00"},
		"format":      {text.Format("%s av %s").With("1", "2"), "1 av 2"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", name, pair[0], pair[1])
		}
	}
}
