package fetch_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	"syncd/source/internal/fetch"
)

func fixed() time.Time { return time.Date(2025, 11, 21, 12, 0, 0, 0, time.UTC) }

func FuzzSetCookie(f *testing.F) {
	for _, s := range []string{
		"a=b", `SMSESSION=x+/==; Path=/; Domain=.stockholm.se; Secure; HttpOnly`, `q="a, b"; Expires=Wed, 21 Oct 2099 07:28:00 GMT`,
		"a=b; Path=/, c=d; Path=/", "å=ö", "a=\xff", "a=b; Max-Age=-1", "=;,=", ";;;", "a=b; Domain=se", "a=b\x00", "a=b;path=/x;, e=f",
	} {
		f.Add(s)
	}
	u, err := url.Parse("https://login001.stockholm.se/NECSadc/mbid/x")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if got := strings.Join(fetch.Split(line), ","); got != line {
			t.Fatalf("split(%q) loses bytes: %q", line, got)
		}
		j := fetch.NewJar(fixed)
		taken := j.Set(u, []string{line})
		header := j.Header(u)
		if strings.ContainsAny(header, "\r\n\x00\x7f") {
			t.Fatalf("Header() = %q cannot be sent", header)
		}
		for _, c := range taken {
			if !strings.Contains(line, c.Value) || !strings.Contains(line, c.Name) || c.Name == "" {
				t.Fatalf("%q became %q=%q", line, c.Name, c.Value)
			}
		}
		data, err := j.MarshalBinary()
		if err != nil {
			t.Fatalf("MarshalBinary() = %v", err)
		}
		k := fetch.NewJar(fixed)
		if err := k.UnmarshalBinary(data); err != nil {
			t.Fatalf("UnmarshalBinary() of our own = %v", err)
		}
		if again, err := k.MarshalBinary(); err != nil || !bytes.Equal(data, again) || k.Header(u) != header {
			t.Fatalf("a stored jar differs (%v)", err)
		}
	})
}

func FuzzJar(f *testing.F) {
	f.Add([]byte(`{"v":1,"c":[{"n":"YQ==","v":"Ig==","d":"a.example","p":"Lw==","h":true,"s":true,"o":true,"e":4095}]}`))
	f.Add([]byte(`{"v":1,"c":[]}`))
	f.Add([]byte("\x00"))
	u, err := url.Parse("https://a.example/")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		j := fetch.NewJar(fixed)
		if j.UnmarshalBinary(data) != nil {
			if j.Len() != 0 {
				t.Fatal("a damaged jar left cookies")
			}
			return
		}
		if h := j.Header(u); strings.ContainsAny(h, "\r\n\x00") {
			t.Fatalf("Header() = %q cannot be sent", h)
		}
		first, err := j.MarshalBinary()
		if err != nil {
			t.Fatalf("MarshalBinary() = %v", err)
		}
		if err := j.UnmarshalBinary(first); err != nil {
			t.Fatalf("UnmarshalBinary() of our own = %v", err)
		}
		if second, err := j.MarshalBinary(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("a stored jar differs (%v)", err)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"120", "", "-1", "Fri, 21 Nov 2025 12:01:30 GMT", "99999999999999999999999", "0", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, told := fetch.RetryAfter(s, fixed())
		if d < 0 || d > 7*24*time.Hour || (!told && d != 0) {
			t.Fatalf("retryAfter(%q) = %s, %t", s, d, told)
		}
	})
}

func FuzzCookieDate(f *testing.F) {
	for _, s := range []string{"Tue, 21 Oct 2025 07:28:00 GMT", "Tuesday, 21-Oct-25 07:28:00 GMT", "0 0 0", "::", "99999 Jan 1 1:1:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := fetch.CookieDate(s)
		if !ok {
			return
		}
		if again, ok := fetch.CookieDate(got.Format(time.RFC1123)); got.Year() < 10000 && (!ok || !again.Equal(got)) {
			t.Fatalf("cookieDate(%q) = %s, read again %s", s, got, again)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"https://a.example/x?y=%2f", "https://a.example/å b|c%2F?\"", "https://a.example\\@b.example/", "//", "%", "https://[::1]/", "https://a.example/%2e%2e/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := fetch.Clean(s)
		if fetch.Clean(c) != c {
			t.Fatalf("clean(%q) = %q is not clean", s, c)
		}
		u, err := url.Parse(c)
		if err != nil || u.Scheme != "https" || u.Opaque != "" {
			return
		}
		sent := u.RequestURI()
		for i := range len(sent) {
			if b := sent[i]; b <= ' ' || b >= 0x7f {
				t.Fatalf("clean(%q) would be sent as %q", s, sent)
			}
		}
		// What stood in the address in a legal form is sent as it stood.
		if _, query, ok := strings.Cut(c, "?"); ok && u.RawQuery != query {
			t.Fatalf("the query of %q became %q", c, u.RawQuery)
		}
	})
}
