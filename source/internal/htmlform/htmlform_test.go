package htmlform_test

import (
	"net/http"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"syncd/source/internal/htmlform"
)

func TestRead(t *testing.T) {
	t.Parallel()
	const page = `<p><form method=post action=" ./x?a=1&amp;b=2 "><input name="__VIEWSTATE" value="/wE&#x2B;="><input type=submit name=go value=Logga>
		<div><input type=checkbox name=on value=1 checked><input type=checkbox name=off value=1><input type=file name=f></div>
		<input name="å b" value="ö&"><input value="nameless"></form><form id=second></form>`
	var forms []htmlform.Form
	htmlform.Elements([]byte(page), func(n *html.Node) {
		if n.DataAtom == atom.Form {
			forms = append(forms, htmlform.Read(n))
		}
	})
	if len(forms) != 2 {
		t.Fatalf("%d forms, want 2", len(forms))
	}
	f := forms[0]
	if f.Method != http.MethodPost || f.Action != "./x?a=1&b=2" || forms[1].Method != http.MethodGet {
		t.Errorf("the form is %s %q, the other %s", f.Method, f.Action, forms[1].Method)
	}
	if got, want := f.Encode(), "__VIEWSTATE=%2FwE%2B%3D&on=1&%C3%A5+b=%C3%B6%26"; got != want {
		t.Errorf("Encode = %q, want %q", got, want)
	}
	if !f.Has("on") || f.Has("off") || f.Has("go") || f.Has("f") {
		t.Error("the form has other fields than a browser would send")
	}
	htmlform.Elements([]byte("\x00\xff{"), func(*html.Node) {})
}
