package fetch_test

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source/internal/fetch"
)

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestJar(t *testing.T) {
	t.Parallel()
	const login = "https://login001.stockholm.se/NECSadc/mbid/b64startpage.jsp"
	for _, tc := range []struct {
		name string
		from string
		set  []string
		to   string
		want string
	}{
		{"plain", login, []string{"a=b"}, login, "a=b"},
		{"host only", login, []string{"a=b; Path=/"}, "https://login003.stockholm.se/", ""},
		{"domain", login, []string{"a=b; Path=/; Domain=.stockholm.se"}, "https://login003.stockholm.se/", "a=b"},
		{"domain without dot", login, []string{"a=b; Path=/; Domain=Stockholm.SE"}, "https://stockholm.se/", "a=b"},
		{"domain is not a suffix of letters", login, []string{"a=b; Path=/; Domain=stockholm.se"}, "https://notstockholm.se/", ""},
		{"foreign domain", login, []string{"a=b; Path=/; Domain=infomentor.se"}, "https://infomentor.se/", ""},
		{"deeper domain", "https://stockholm.se/", []string{"a=b; Domain=login001.stockholm.se"}, "https://login001.stockholm.se/", ""},
		{"public suffix", login, []string{"a=b; Path=/; Domain=se"}, "https://infomentor.se/", ""},
		{"private suffix", "https://x.github.io/", []string{"a=b; Domain=github.io"}, "https://y.github.io/", ""},
		{"own public suffix", "https://github.io/", []string{"a=b; Domain=github.io"}, "https://github.io/", "a=b"},
		{"own public suffix is host only", "https://github.io/", []string{"a=b; Domain=github.io"}, "https://y.github.io/", ""},
		{"address", "https://192.0.2.1/", []string{"a=b; Domain=192.0.2.1"}, "https://192.0.2.1/", "a=b"},
		{"part of an address", "https://192.0.2.1/", []string{"a=b; Domain=2.1"}, "https://192.0.2.1/", ""},
		{"domain ends in a dot", login, []string{"a=b; Domain=stockholm.se."}, login, ""},
		{"domain beyond ASCII", login, []string{"a=b; Domain=stöckholm.se"}, login, ""},
		{"last domain counts", login, []string{"a=b; Path=/; Domain=evil.se; Domain=stockholm.se"}, login, "a=b"},

		{"default path", login, []string{"a=b"}, "https://login001.stockholm.se/NECSadc/mbid", "a=b"},
		{"default path ends", login, []string{"a=b"}, "https://login001.stockholm.se/NECSadc/mbidx", ""},
		{"default path of the root", "https://a.example/x", []string{"a=b"}, "https://a.example/", "a=b"},
		{"path with slash", login, []string{"a=b; Path=/x/"}, "https://login001.stockholm.se/x", ""},
		{"path below", login, []string{"a=b; Path=/x/"}, "https://login001.stockholm.se/x/y", "a=b"},
		{"relative path is none", login, []string{"a=b; Path=x"}, login, "a=b"},

		{"longer path first", "https://a.example/", []string{"r=1; Path=/", "l=2; Path=/x", "q=3; Path=/"}, "https://a.example/x", "l=2; r=1; q=3"},
		{"replaced keeps its place", "https://a.example/", []string{"a=1", "b=2", "a=3"}, "https://a.example/", "a=3; b=2"},
		{"same name, other path", "https://a.example/", []string{"a=1; Path=/", "a=2; Path=/x"}, "https://a.example/x", "a=2; a=1"},

		{"secure over http", "https://a.example/", []string{"a=1; secure", "b=2"}, "http://a.example/", "b=2"},
		{"prefix host", "https://a.example/", []string{"__Host-a=1; Secure; Path=/", "__Host-b=1; Path=/", "__Host-c=1; Secure; Path=/; Domain=a.example", "__Host-d=1; Secure; Path=/x"}, "https://a.example/x", "__Host-a=1"},
		{"prefix secure", "https://a.example/", []string{"__Secure-a=1; Secure", "__Secure-b=1"}, "https://a.example/", "__Secure-a=1"},

		{"quotes", login, []string{`a="b c"; Path=/`}, login, `a="b c"`},
		{"half a quote", login, []string{`a="b`}, login, `a="b`},
		{"commas and blanks", login, []string{`a=1, 2,3 = 4; Path=/`}, login, `a=1, 2,3 = 4`},
		{"equals signs", login, []string{`SMSESSION=a+b/c==; Path=/; Domain=.stockholm.se; Secure; HttpOnly`}, login, `SMSESSION=a+b/c==`},
		{"unencoded UTF-8", login, []string{"språk=Svenska – åäö"}, login, "språk=Svenska – åäö"},
		{"Latin-1", login, []string{"a=\xe5\xe4\xf6"}, login, "a=\xe5\xe4\xf6"},
		{"balancer", login, []string{`BIGipServer~EXT~pool_443=!h7Xq/+=="{3}; path=/; Httponly; Secure`}, login, `BIGipServer~EXT~pool_443=!h7Xq/+=="{3}`},
		{"escapes stay", login, []string{`a=%22%c3%A5`}, login, `a=%22%c3%A5`},
		{"backslash", login, []string{`a=b\"c`}, login, `a=b\"c`},
		{"tab inside", login, []string{"a=b\tc"}, login, "a=b\tc"},
		{"blanks around", login, []string{" \ta \t= \tb c\t ;  Path = / "}, login, "a=b c"},
		{"empty value", login, []string{"a="}, login, "a="},
		{"no name", login, []string{"=b", "b", "", ";", "; Path=/"}, login, ""},
		{"control characters", login, []string{"a=b\x00c", "b=\r\nx", "c=\x7f", "d=\x1b"}, login, ""},
		{"too long", login, []string{"a=" + strings.Repeat("x", 17<<10)}, login, ""},
		{"long", login, []string{"a=" + strings.Repeat("x", 8<<10)}, login, "a=" + strings.Repeat("x", 8<<10)},

		{"merged", login, []string{"a=b; Path=/, c=d; Path=/"}, login, "a=b; c=d"},
		{"merged without blank", login, []string{"a=b; Path=/,c=d; Path=/"}, login, "a=b; c=d"},
		{"merged with dates", login, []string{"a=b; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/, c=d; path=/; expires=Wed, 21-Oct-2099 07:28:00 GMT, e=f"}, "https://login001.stockholm.se/NECSadc/mbid/", "e=f; a=b; c=d"},
		{"merged after a flag", login, []string{"a=b; Path=/; HttpOnly, SMSESSION=x==; path=/; domain=.stockholm.se; secure, c=d; Path=/"}, login, "a=b; SMSESSION=x==; c=d"},
		{"comma in a value is not a seam", login, []string{"a=1, c=2; Path=/"}, login, "a=1, c=2"},

		{"max-age", "https://a.example/", []string{"a=1; Max-Age=10"}, "https://a.example/", "a=1"},
		{"max-age zero", "https://a.example/", []string{"a=1", "a=1; Max-Age=0"}, "https://a.example/", ""},
		{"max-age below zero", "https://a.example/", []string{"a=1", "a=1; Max-Age=-99999999999999999999"}, "https://a.example/", ""},
		{"max-age endless", "https://a.example/", []string{"a=1; Max-Age=99999999999999999999"}, "https://a.example/", "a=1"},
		{"max-age before expires", "https://a.example/", []string{"a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, "https://a.example/", "a=1"},
		{"max-age nonsense", "https://a.example/", []string{"a=1; Max-Age=+5; Max-Age=x; Max-Age=-"}, "https://a.example/", "a=1"},
		{"deleted", "https://a.example/", []string{"a=1", "a=; expires=Thu, 01-Jan-1970 00:00:00 GMT"}, "https://a.example/", ""},
		{"expires nonsense", "https://a.example/", []string{"a=1; expires=never"}, "https://a.example/", "a=1"},
	} {
		j := fetch.NewJar(time.Now)
		j.Set(mustParse(t, tc.from), tc.set)
		if got := j.Header(mustParse(t, tc.to)); got != tc.want {
			t.Errorf("%s: Header() = %q, want %q", tc.name, got, tc.want)
		}
		// Every jar survives being written, to the byte.
		data, err := j.MarshalBinary()
		if err != nil {
			t.Fatalf("%s: MarshalBinary() = %v", tc.name, err)
		}
		k := fetch.NewJar(time.Now)
		if err := k.UnmarshalBinary(data); err != nil {
			t.Fatalf("%s: UnmarshalBinary() = %v", tc.name, err)
		}
		if got := k.Header(mustParse(t, tc.to)); got != tc.want {
			t.Errorf("%s: Header() of the copy = %q, want %q", tc.name, got, tc.want)
		}
		again, err := k.MarshalBinary()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: the copy of the copy differs (%v)", tc.name, err)
		}
	}
}

func TestCookiesExpireByTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := mustParse(t, "https://a.example/")
		j := fetch.NewJar(time.Now)
		j.Set(u, []string{
			"m=1; Max-Age=60",
			"e=2; Expires=" + time.Now().Add(2*time.Minute).UTC().Format(time.RFC1123),
			"s=3",
		})
		data, err := j.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			wait time.Duration
			want string
			n    int
		}{
			{59 * time.Second, "m=1; e=2; s=3", 3},
			{time.Second, "e=2; s=3", 2},
			{time.Minute, "s=3", 1},
			{24 * 365 * time.Hour, "s=3", 1},
		} {
			time.Sleep(step.wait)
			if got := j.Header(u); got != step.want || j.Len() != step.n {
				t.Errorf("Header() = %q, Len() = %d, want %q", got, j.Len(), step.want)
			}
		}
		if _, ok := j.Get("a.example", "m"); ok {
			t.Error("Get() finds a cookie that has expired")
		}
		if err := j.UnmarshalBinary(data); err != nil || j.Header(u) != "s=3" {
			t.Errorf("stored cookies do not expire: %v", err)
		}
	})
}

func TestJarGetDeleteClear(t *testing.T) {
	t.Parallel()
	j := fetch.NewJar(time.Now)
	taken := j.Set(mustParse(t, "https://login001.stockholm.se/x/"), []string{
		`SMSESSION="a, b"; Domain=.stockholm.se; Path=/; Secure; HttpOnly; Expires=Wed, 21 Oct 2099 07:28:00 GMT`, "h=1; Path=/", "SMSESSION=deep",
	})
	var names []string
	for _, c := range taken {
		names = append(names, fmt.Sprintf("%s=%s %s %s %t %t %s", c.Name, c.Value, c.Domain, c.Path, c.Secure, c.HttpOnly, c.Expires.Format(time.DateOnly)))
	}
	want := []string{`SMSESSION="a, b" stockholm.se / true true 2099-10-21`, "h=1  / false false 0001-01-01", "SMSESSION=deep  /x false false 0001-01-01"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("Set() (-want +got):\n%s", diff)
	}
	if v, ok := j.Get("etjanster.stockholm.se", "SMSESSION"); v != `"a, b"` || !ok {
		t.Errorf("Get() = %q, %t", v, ok)
	}
	if v, _ := j.Get("login001.stockholm.se", "SMSESSION"); v != "deep" {
		t.Errorf("Get() = %q, want that of the longest path", v)
	}
	if _, ok := j.Get("login003.stockholm.se", "h"); ok {
		t.Error("Get() gives a host-only cookie to another host")
	}
	j.Delete("login003.stockholm.se", "SMSESSION")
	if v, _ := j.Get("login001.stockholm.se", "SMSESSION"); v != "deep" || j.Len() != 2 {
		t.Errorf("after Delete(): %q and %d cookies", v, j.Len())
	}
	j.Clear()
	if j.Len() != 0 || j.Set(mustParse(t, "https://a.example/"), nil) != nil {
		t.Error("Clear() left something")
	}
}

func TestJarIsBounded(t *testing.T) {
	t.Parallel()
	u := mustParse(t, "https://a.example/")
	j := fetch.NewJar(time.Now)
	for i := range 2000 {
		j.Set(u, []string{fmt.Sprintf("c%d=%d", i, i)})
	}
	if n := j.Len(); n > 500 {
		t.Errorf("Len() = %d", n)
	}
	if _, ok := j.Get("a.example", "c1999"); !ok {
		t.Error("the newest cookie is gone")
	}
}

func TestDamagedJarsChangeNothing(t *testing.T) {
	t.Parallel()
	u := mustParse(t, "https://a.example/")
	j := fetch.NewJar(time.Now)
	j.Set(u, []string{"a=1"})
	for _, bad := range []string{
		"", "x", "{}", `{"v":2,"c":[]}`, `{"v":1,"c":[{}]}`, `{"v":1,"c":"x"}`,
		`{"v":1,"c":[{"n":"YQ==","v":"DQo=","d":"a.example","p":"Lw=="}]}`, // CRLF
		`{"v":1,"c":[{"n":"YQ==","v":"YQ==","d":"A.example","p":"Lw=="}]}`,
		`{"v":1,"c":[{"n":"YQ==","v":"YQ==","d":"a.example","p":"eA=="}]}`,
		`{"v":1,"c":[{"n":"YT1i","v":"YQ==","d":"a.example","p":"Lw=="}]}`,
	} {
		err := j.UnmarshalBinary([]byte(bad))
		if err == nil || strings.Contains(err.Error(), "example") {
			t.Errorf("UnmarshalBinary(%q) = %v", bad, err)
		}
		if j.Header(u) != "a=1" {
			t.Fatalf("UnmarshalBinary(%q) changed the jar", bad)
		}
	}
}

func TestCookieDate(t *testing.T) {
	t.Parallel()
	want := time.Date(2025, 10, 21, 7, 28, 0, 0, time.UTC)
	for _, s := range []string{
		"Tue, 21 Oct 2025 07:28:00 GMT", "Tuesday, 21-Oct-25 07:28:00 GMT", "Tue Oct 21 07:28:00 2025", "21 oct 2025 7:28:0",
		"Tue, 21-October-2025 07:28:00 UTC+2", "2025 OCT 21 07:28:00.123", "07:28:00 21 Oct 25",
	} {
		if got, ok := fetch.CookieDate(s); !ok || !got.Equal(want) {
			t.Errorf("cookieDate(%q) = %s, %t", s, got, ok)
		}
	}
	for _, s := range []string{"", "0", "Tue, 21 Oct 2025", "32 Oct 2025 07:28:00", "31 Feb 2025 07:28:00", "21 Oct 1500 07:28:00", "21 Oct 2025 24:00:00", "21 Okt 2025 07:28:00", "21 Oct 20255 07:28:00", "2025-10-21T07:28:00Z"} {
		if got, ok := fetch.CookieDate(s); ok {
			t.Errorf("cookieDate(%q) = %s, want none", s, got)
		}
	}
	for s, year := range map[string]int{"1 Jan 69 00:00:00": 2069, "1 Jan 70 00:00:00": 1970, "1 Jan 99 00:00:00": 1999, "1 Jan 00 00:00:00": 2000} {
		if got, ok := fetch.CookieDate(s); !ok || got.Year() != year {
			t.Errorf("cookieDate(%q) = %s, want year %d", s, got, year)
		}
	}
}
