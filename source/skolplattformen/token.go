package skolplattformen

import (
	"bytes"

	"golang.org/x/net/html"
)

// findToken returns the value of the page's XSRF input, entities decoded;
// empty when there is none.
func findToken(page []byte) string {
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken, html.SelfClosingTagToken:
			if token, ok := tokenOf(z.Token()); ok {
				return token
			}
		case html.TextToken, html.EndTagToken, html.CommentToken, html.DoctypeToken:
		}
	}
}

// tokenOf returns the token of an input that has one which can stand in a
// header.
func tokenOf(t html.Token) (string, bool) {
	if t.Data != "input" {
		return "", false
	}
	name, value := "", ""
	for _, a := range t.Attr {
		switch a.Key {
		case "name":
			name = a.Val
		case "value":
			value = a.Val
		}
	}
	if name != "__RequestVerificationToken" || value == "" || len(value) > 4096 {
		return "", false
	}
	for _, b := range []byte(value) {
		if b < ' ' || b > '~' {
			return "", false
		}
	}
	return value, true
}
