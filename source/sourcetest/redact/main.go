// Command redact turns the answer of a platform into a recording that tells
// nothing about anybody, so that it can be kept beside an adapter's tests:
//
//	go run ./source/sourcetest/redact <answer >source/PLATFORM/testdata/recorded/NAME
//
// What an adapter needs stays: the names of fields, their order, their types,
// true and false, dates and times, the structure of HTML, how long a text is and
// which of its letters are capitals. Everything else is replaced: words by words
// of a list, numbers and keys by others of the same length, the same by the same
// throughout one recording. What was replaced cannot be had back, because by
// which is decided anew each time.
//
// JSON and HTML are understood, also inside each other; of anything else each
// word is replaced. Read what came out before you commit it: a platform may hide
// a name where only a person can see it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "redact:", err)
		os.Exit(1)
	}
}

// run redacts all of in. The error says nothing of what was read.
func run(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(io.LimitReader(in, maxRecording+1))
	if err != nil {
		return err
	}
	if len(text) > maxRecording {
		return errors.New("the answer is too large for a recording")
	}
	r := redactor{seed: maphash.MakeSeed()}
	_, err = io.WriteString(out, r.text(string(text)))
	return err
}

const maxRecording = 8 << 20

// redactor replaces the same by the same. Another one replaces it by something
// else.
type redactor struct{ seed maphash.Seed }

// pick is a number below n that belongs to word.
func (r *redactor) pick(word string, n int) int {
	return int(maphash.String(r.seed, word) % uint64(n)) //nolint:gosec // n is small and positive
}

// text redacts a whole answer, or a text inside one.
func (r *redactor) text(s string) string {
	trimmed := strings.TrimSpace(s)
	switch {
	case trimmed == "" || plain.MatchString(trimmed):
		return s
	case json.Valid([]byte(trimmed)) && strings.ContainsAny(trimmed[:1], `{["`):
		if out, err := r.json(trimmed); err == nil {
			return out
		}
	case strings.Contains(trimmed, "<") && strings.Contains(trimmed, ">"):
		return r.html(s)
	}
	return r.words(s)
}

// plain is what tells nothing about anybody and what adapters need as it is.
var plain = regexp.MustCompile(`^(` + strings.Join([]string{
	`true|false|null`,
	`\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?`, // days and times
	`\d{1,2}[:.]\d{2}(:\d{2})?( ?- ?\d{1,2}[:.]\d{2})?`,
	`/Date\(-?\d{1,14}\)/`,
	`[A-ZÅÄÖ]{1,3}(;[A-ZÅÄÖ]{1,3})*`, // codes
	`\d{1,3}`,
}, `|`) + `)$`)

// json redacts a document token by token, so that the order of fields stays.
func (r *redactor) json(s string) (string, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var raw bytes.Buffer
	if err := r.value(d, &raw); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw.Bytes(), "", "  "); err != nil {
		return "", err
	}
	return out.String() + "\n", nil
}

func (r *redactor) value(d *json.Decoder, out *bytes.Buffer) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		return r.inside(d, t, out)
	case string:
		return quote(out, r.text(t))
	case json.Number:
		// Numbers of up to four digits are counts, years and weeks; longer ones
		// may be somebody's.
		if s := t.String(); len(s) > 4 && !strings.ContainsAny(s, ".eE") {
			out.WriteString(r.words(s))
		} else {
			out.WriteString(s)
		}
	case bool:
		fmt.Fprint(out, t)
	default:
		out.WriteString("null")
	}
	return nil
}

// inside redacts what stands between the delimiter open and its end.
func (r *redactor) inside(d *json.Decoder, open json.Delim, out *bytes.Buffer) error {
	out.WriteString(open.String())
	for first := true; d.More(); first = false {
		if !first {
			out.WriteByte(',')
		}
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			field, _ := name.(string)
			if !fieldName.MatchString(field) {
				field = r.words(field) // a table by key or by name
			}
			if err := quote(out, field); err != nil {
				return err
			}
			out.WriteByte(':')
		}
		if err := r.value(d, out); err != nil {
			return err
		}
	}
	end, err := d.Token()
	if err != nil {
		return err
	}
	fmt.Fprint(out, end)
	return nil
}

// fieldName is how programs name a field; people are named otherwise or, in
// one word with a capital, where only a reader of the result can tell.
var fieldName = regexp.MustCompile(`^[A-Za-z_$@][A-Za-z_.$@-]{0,50}[0-9]{0,2}$`)

func quote(out *bytes.Buffer, s string) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return err
	}
	out.Truncate(out.Len() - 1) // its line break
	return nil
}

// html redacts texts, scripts, comments and the values of attributes; elements
// and the names of attributes and forms stay.
func (r *redactor) html(s string) string {
	z := html.NewTokenizer(strings.NewReader(s))
	var out strings.Builder
	for {
		switch z.Next() {
		case html.ErrorToken:
			return out.String()
		case html.TextToken, html.CommentToken:
			t := z.Token()
			t.Data = r.words(t.Data)
			out.WriteString(t.String())
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			for i, a := range t.Attr {
				switch a.Key {
				case "name", "type", "method", "class", "rel", "lang", "dir", "colspan", "rowspan", "charset", "http-equiv":
				default:
					t.Attr[i].Val = r.words(a.Val)
				}
			}
			out.WriteString(t.String())
		default:
			out.Write(z.Raw())
		}
	}
}

// piece is a run of letters and digits, or one other character.
var piece = regexp.MustCompile(`[\pL\pM\d]+|(?s:.)`)

// words replaces each word and each number of more than two digits; what stands
// between them stays, and so do the hosts of addresses, days and times.
func (r *redactor) words(s string) string {
	var out strings.Builder
	for s != "" {
		at := kept.FindStringIndex(s)
		if at == nil {
			at = []int{len(s), len(s)}
		}
		out.WriteString(piece.ReplaceAllStringFunc(s[:at[0]], r.word))
		out.WriteString(s[at[0]:at[1]])
		s = s[at[1]:]
	}
	return out.String()
}

// kept are hosts of addresses, which say where an answer leads, days and times.
var kept = regexp.MustCompile(`https?://[a-z0-9.-]+\.(se|no|dk|fi|com|net|org)\b(:\d+)?|\b\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?\b|\b\d{2}:\d{2}\b`)

// word replaces one run of letters and digits.
func (r *redactor) word(w string) string {
	digits, letters := strings.ContainsFunc(w, unicode.IsDigit), strings.ContainsFunc(w, unicode.IsLetter)
	switch {
	case digits && letters: // a key, a class
		return strings.Map(func(c rune) rune {
			if unicode.IsDigit(c) {
				return rune("123456789"[r.pick(w+string(c), 9)])
			}
			return c
		}, r.letters(w))
	case digits && len(w) > 2:
		return r.digits(w)
	case letters:
		return r.letters(w)
	}
	return w
}

// digits are others, as many, and no personal number: their third and fourth
// are no month.
func (r *redactor) digits(w string) string {
	out := []byte(w)
	for i := range out {
		out[i] = "123456789"[r.pick(fmt.Sprint(w, i), 9)]
	}
	for i := 2; i+1 < len(out); i += 2 {
		out[i] = "456789"[r.pick(fmt.Sprint(w, -i), 6)]
	}
	return string(out)
}

// letters is a word of the list, cut or repeated to the same length, with the
// same capitals.
func (r *redactor) letters(w string) string {
	old := []rune(w)
	list := []rune(fillers()[r.pick(strings.ToLower(w), len(fillers()))])
	out := make([]rune, len(old))
	for i := range old {
		switch out[i] = list[i%len(list)]; {
		case unicode.IsUpper(old[i]):
			out[i] = unicode.ToUpper(out[i])
		case unicode.IsDigit(old[i]):
			out[i] = old[i]
		}
	}
	return string(out)
}

func fillers() []string {
	return strings.Fields("björk ek alm ask lind rönn gran tall sälg hägg al asp bok lönn en idegran avenbok hassel slån nypon olvon fläder brakved getapel")
}
