package main

import (
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

const answer = `{"pupil": {"firstName":"Ålvhildra","id":"201403127788","pnr":20140312778801,"age":11,"codes":"GR;FS","active":true,"mother":null},
 "byName":{"Ålvhildra Påhittsson":["7f3a9c00-1111-4222-8333-444455556666"]},
 "when":"2026-11-23T08:20:00","plain":"08:20 - 09:10","ms":"/Date(1732345200000)/","score":4.25,
 "body":"<p class=\"x\">Hej <b>Ålvhildra</b>, ring 070-1234567</p><a href=\"https://hub.infomentor.se/file/998877?token=HEMLIGT\">Länk</a>",
 "nested":"{\"name\":\"Ålvhildra\",\"n\":12}"}`

func redacted(t *testing.T, in string) string {
	t.Helper()
	var out strings.Builder
	if err := run(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestNobodyIsLeft looks for all that is somebody's, and for all that an
// adapter needs.
func TestNobodyIsLeft(t *testing.T) {
	t.Parallel()
	for range 20 { // each time something else takes its place
		out := redacted(t, answer)
		for _, gone := range []string{"lvhildra", "LVHILDRA", "hittsson", "20140312", "03127788", "1234567", "7f3a9c00", "444455556666", "998877", "HEMLIGT", "Länk", "Hej"} {
			if strings.Contains(out, gone) {
				t.Errorf("%q is left:\n%s", gone, out)
			}
		}
		number := regexp.MustCompile(`(?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])[-+]?\d{4}`)
		if found := number.FindString(strings.ReplaceAll(out, "/Date(1732345200000)/", "")); found != "" {
			t.Errorf("%q looks like a personal number:\n%s", found, out)
		}
		for _, stays := range []string{
			`"firstName": "`, `"age": 11`, `"codes": "GR;FS"`, `"active": true`, `"mother": null`, `"when": "2026-11-23T08:20:00"`,
			`"plain": "08:20 - 09:10"`, `"ms": "/Date(1732345200000)/"`, `"score": 4.25`, `<p class=\"x\">`, "<b>", `https://hub.infomentor.se/`, `\"n\": 12`,
		} {
			if !strings.Contains(out, stays) {
				t.Errorf("%q is missing:\n%s", stays, out)
			}
		}
		var v struct {
			Pupil struct {
				FirstName string `json:"firstName"`
				ID        string `json:"id"`
			} `json:"pupil"`
			ByName map[string][]string `json:"byName"`
			Nested string              `json:"nested"`
		}
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			t.Fatal(err)
		}
		name := v.Pupil.FirstName
		if len([]rune(name)) != len([]rune("Ålvhildra")) || strings.ToUpper(name[:1]) != name[:1] {
			t.Errorf("the name became %q", name)
		}
		if !strings.Contains(v.Nested, name) {
			t.Errorf("the same name is %q here and other in %s", name, v.Nested)
		}
		for key := range v.ByName {
			if !strings.HasPrefix(key, name+" ") {
				t.Errorf("the same name is %q here and %q as a key", name, key)
			}
		}
		if len(v.Pupil.ID) != 12 {
			t.Errorf("the id became %q", v.Pupil.ID)
		}
	}
	first, second := redacted(t, answer), redacted(t, answer)
	if first == second {
		t.Error("twice the same: who has the program could undo it")
	}
}

// TestWhatIsNeitherIsRedacted gives it HTML, broken JSON and heads.
func TestWhatIsNeitherIsRedacted(t *testing.T) {
	t.Parallel()
	for in, stays := range map[string]string{
		"Set-Cookie: ASP.NET_SessionId=ålvhildra123456; path=/": "; ",
		`{"name":"Ålvhildra 123456"`:                            `{"`,
		`<html><!-- Ålvhildra --><form method="post" name="login"><input name="SAMLResponse" type="hidden" value="Ålvhildra 123456"></form><script>var x = "ålvhildra"</script></html>`: `name="SAMLResponse"`,
		"": "",
	} {
		out := redacted(t, in)
		if strings.Contains(strings.ToLower(out), "lvhildra") || strings.Contains(out, "123456") || !strings.Contains(out, stays) {
			t.Errorf("%q became %q", in, out)
		}
	}
}

func TestRedactRefuses(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if err := run(iotest.ErrReader(broken), io.Discard); !errors.Is(err, broken) {
		t.Errorf("a broken input: %v", err)
	}
	if err := run(strings.NewReader(strings.Repeat("x", maxRecording+1)), io.Discard); err == nil {
		t.Error("more than the most was taken")
	}
}
