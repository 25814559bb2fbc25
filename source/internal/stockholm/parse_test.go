package stockholm_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source"
	"syncd/source/internal/stockholm"
)

func TestPageAddress(t *testing.T) {
	t.Parallel()
	// Written out, byte for byte, as the city's own page was reached.
	const want = "https://login003.stockholm.se/NECSadcmbid/authenticate/NECSadcmbid?TYPE=33554433" +
		"&REALMOID=06-42f40edd-0c5b-4dbc-b714-1be1e907f2de&GUID=1&SMAUTHREASON=0&METHOD=GET" +
		"&SMAGENTNAME=IfNE0iMOtzq2TcxFADHylR6rkmFtwzoxRKh5nRMO9NBqIxHrc38jFyt56FASdxk1" +
		"&TARGET=-SM-HTTPS%3a%2f%2flogin001%2estockholm%2ese%2fNECSadc%2fmbid%2fb64startpage%2ejsp%3fstartpage%3d" +
		"aHR0cHM6Ly9ldGphbnN0ZXIuc3RvY2tob2xtLnNlL3ZhcmRuYWRzaGF2YXJlL2lubG9nZ2FkMi9oZW0%3d"
	if got := stockholm.Page(landing); got != want {
		t.Errorf("page:\n got %s\nwant %s", got, want)
	}
	got := stockholm.FrejaPage(landing)
	for _, part := range []string{
		"https://login003.stockholm.se/NECSadcfreja/authenticate/NECSadcfreja?", "&REALMOID=06-89cf916c-9764-45fa-8690-eaf3fe9282bc&",
		"%2fNECSadc%2ffreja%2fb64startpage%2ejsp%3fstartpage%3daHR0",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("freja's page lacks %s", part)
		}
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	from, err := url.Parse("https://login001.stockholm.se/affwebservices/public/saml2sso?SMASSERTIONREF=QUERY")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		page string
		want []string
	}{
		"entities": {
			`<form method="post" action="https&#x3a;//a.example/acs?a=1&amp;b=%2f"><INPUT TYPE=HIDDEN NAME="SAMLResponse" VALUE="a&#43;b&#x2f;c&#x3d;&#61;"><input name=RelayState value="&aring;&quot; 1"></form>`,
			[]string{"POST https://a.example/acs?a=1&b=%2f SAMLResponse=a%2Bb%2Fc%3D%3D&RelayState=%C3%A5%22+1"},
		},
		"order and twins": {
			`<form method=post action="x"><input name=z value=1><input name=SAMLRequest value=2><input name=a value=3><input name=z value=4></form>`,
			[]string{"POST https://login001.stockholm.se/affwebservices/public/x z=1&SAMLRequest=2&a=3&z=4"},
		},
		"what a script does not send": {
			`<form method=post><input name=SAMLRequest><input type=submit name=go value=1><input type=image name=i><input type=checkbox name=c><input type=checkbox name=d checked value=2><input value=nameless><noscript><input type=submit name=n></noscript></form>`,
			[]string{"POST https://login001.stockholm.se/affwebservices/public/saml2sso?SMASSERTIONREF=QUERY SAMLRequest=&d=2"},
		},
		"by get": {
			`<body onload="document.forms[0].submit()"><form action="/x?old=1"><input name=a value="b c"></form>`,
			[]string{" https://login001.stockholm.se/x?a=b+c "},
		},
		"by script": {
			`<form name=f method=post action=/x><input type=hidden name=t value=1></form><script>document.f.submit();</script>`,
			[]string{"POST https://login001.stockholm.se/x t=1"},
		},
		"by window.onload": {
			`<script>window.onload = function () { document.forms[0].submit(); }</script><form method=post action=/x></form>`,
			[]string{"POST https://login001.stockholm.se/x "},
		},
		"by id": {
			`<form id=f method=post action=/x></form><script>document.getElementById("f").submit()</script>`,
			[]string{"POST https://login001.stockholm.se/x "},
		},
		"a logout form is left alone": {
			`<form id=ut method=post action=/loggaut><input type=hidden name=token value=1></form><script>function ut(){document.getElementById("ut").submit();}</script>`,
			nil,
		},
		"a button's form is left alone": {`<body onload="init()"><form method=post action=/x><button onclick="this.form.submit()"></form>`, nil},
		"chooser": {
			`<a href="/help">?</a><a href="https://login001.stockholm.se/NECSadc/mbid/b64startpage.jsp?startpage=aHR0cHM6Ly94LnNlL2E_Yj1jJmQ">BankID</a>`,
			[]string{" https://login001.stockholm.se/NECSadc/mbid/b64startpage.jsp?startpage=aHR0cHM6Ly94LnNlL2E_Yj1jJmQ https://x.se/a?b=c&d"},
		},
		"chooser without a start": {`<a href="/NECSadc/mbid/x?startpage=%%%">BankID</a>`, []string{" https://login001.stockholm.se/NECSadc/mbid/x?startpage=%%% "}},
		"json":                    {`{"state":"PENDING"}`, nil},
		"nothing":                 {"", nil},
		"binary":                  {"\x00\xff<form", nil},
	} {
		if diff := cmp.Diff(tc.want, stockholm.Follow(from, []byte(tc.page))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPersonalNumber(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 11, 21, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"189001019802": "189001019802", " 18900101-9802 ": "189001019802", "900101-9802": "199001019802", "900101+9802": "189001019802",
		"121212-1212": "201212121212", "121212+1212": "191212121212", "9001019802": "199001019802", "19121212\u20131212": "191212121212",
		"19 121212 1212": "191212121212",
	} {
		if got, err := stockholm.PersonalNumber(in, now); err != nil || got != want {
			t.Errorf("personalNumber(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-", "189001019803", "19890010198021", "1890010198O2", "٠١٢٣٤٥٦٧٨٩", "18900101980", "1890&0101980"} {
		if got, err := stockholm.PersonalNumber(in, now); !errors.Is(err, source.ErrAnswer) || got != "" {
			t.Errorf("personalNumber(%q) = %q, %v, want ErrAnswer", in, got, err)
		}
	}
}

func FuzzPage(f *testing.F) {
	for _, s := range []string{
		`<body onload="document.forms[0].submit()"><form method=post action="https://a/?x&amp;y"><input name=SAMLResponse value="a&#43;"></form>`,
		`<a href="https://login001.stockholm.se/NECSadc/mbid/b64startpage.jsp?startpage=aHR0cHM6Ly94">x</a>`,
		`<script>document.f.submit();</script><form name=f>`, `<form><form><input name=SAMLRequest>`, "\x00<", `<form action="%zz"><input name=SAMLRequest>`,
		`<noscript><form action=javascript:x><input name=SAMLRequest></noscript>`, `{"state":"OK"}`,
	} {
		f.Add([]byte(s))
	}
	from, err := url.Parse("https://login001.stockholm.se/a/b?c")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, to := range stockholm.Follow(from, body) {
			_, form, _ := strings.Cut(to, " ")
			if i := strings.LastIndexByte(form, ' '); i >= 0 && strings.HasPrefix(to, "POST") {
				if _, err := url.ParseQuery(form[i+1:]); err != nil {
					t.Fatalf("form body %q: %v", form[i+1:], err)
				}
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"PENDING", "USER_SIGN", "OK", "ERROR!", "CANCELLED", `{"state":"PENDING","qrData":"bankid.a.1.b"}`, `{"state":null}`, `{"STATE":"ok"}`,
		`{"status":"APPROVED"}`, "STARTED", "<html>", "", "\xff", `"OK"`, "frejaeid://x?a=b&c", "{", "javascript:x",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		word, frame, err := stockholm.ReadBankID(body)
		if err != nil && (word != "waiting" || frame != "" || !errors.Is(err, source.ErrNotUnderstood)) {
			t.Fatalf("readBankID(%q) = %s, %q, %v", body, word, frame, err)
		}
		if word == "signed" && !strings.Contains(strings.ToUpper(string(body)), "OK") && !strings.Contains(string(body), `\u`) {
			t.Fatalf("readBankID(%q) is signed", body)
		}
		if len(frame) > 512 || strings.ContainsFunc(frame, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("readBankID(%q) shows %q", body, frame)
		}
		if word, err := stockholm.ReadFreja(body); err != nil && word != "waiting" {
			t.Fatalf("readFreja(%q) = %s, %v", body, word, err)
		}
		link, err := stockholm.FrejaLink(body)
		lower := strings.ToLower(link)
		if err == nil && !strings.HasPrefix(lower, "freja") && !strings.HasPrefix(lower, "https:") {
			t.Fatalf("frejaLink(%q) = %q", body, link)
		}
	})
}

func FuzzPersonalNumber(f *testing.F) {
	for _, s := range []string{"189001019802", "900101-9802", "121212+1212", "", "å"} {
		f.Add(s)
	}
	now := time.Date(2025, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := stockholm.PersonalNumber(s, now)
		if err == nil && (len(got) != 12 || strings.Trim(got, "0123456789") != "") {
			t.Fatalf("personalNumber(%q) = %q", s, got)
		}
		if err != nil && len(s) > 3 && strings.Contains(err.Error(), s) {
			t.Fatalf("the error holds what was typed")
		}
	})
}
