// Package text holds every word that a person reads, in Swedish and in
// English.
//
// A language is one [Words] value: a struct of structs, one per page, so that
// the compiler checks each use and a test checks that no sentence is missing.
// What belongs to a closed set (a problem, a state, a kind, a method) is asked
// for by its value. Sentences with something to fill in are [Format] or
// [Plural] values. The package decides nothing and reads no clock.
package text

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"syncd/source/school"
)

// Lang is a language of the program, as an RFC 5646 tag.
type Lang string

// The languages. Swedish is the default.
const (
	SV Lang = "sv"
	EN Lang = "en"
)

// Langs returns the languages, the default first.
func Langs() []Lang { return []Lang{SV, EN} }

// CookieName is the cookie in which a browser remembers the chosen language.
const CookieName = "syncd-lang"

// Parse returns the language with that tag, and false when there is none.
func Parse(tag string) (Lang, bool) {
	for _, l := range Langs() {
		if strings.EqualFold(string(l), tag) {
			return l, true
		}
	}
	return SV, false
}

// FromRequest returns the language of a request: the one chosen before, else
// the first one of the browser's that we have, else Swedish.
func FromRequest(r *http.Request) Lang {
	if c, err := r.Cookie(CookieName); err == nil {
		if l, ok := Parse(c.Value); ok {
			return l
		}
	}
	return Match(r.Header.Get("Accept-Language"))
}

// Match returns the best language for an Accept-Language header (RFC 9110
// 12.5.4). Region and script do not count. Swedish when nothing fits.
func Match(header string) Lang {
	best, weight := SV, 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, param, _ := strings.Cut(part, ";")
		primary, _, _ := strings.Cut(strings.TrimSpace(tag), "-")
		l, ok := Parse(primary)
		if !ok {
			continue
		}
		q := 1.0
		if v, found := strings.CutPrefix(strings.TrimSpace(param), "q="); found {
			parsed, err := strconv.ParseFloat(v, 64)
			if err != nil || !(parsed >= 0 && parsed <= 1) {
				continue
			}
			q = parsed
		}
		if q > weight {
			best, weight = l, q
		}
	}
	return best
}

// Words is everything said in one language. A value is read only and may be
// shared.
type Words struct {
	Lang    Lang
	Name    string // of the language, in itself
	Product string
	zone    *time.Location

	Common     Common
	Errors     Errors
	Calendar   Calendar
	Front      Front
	Overview   Overview
	Accounts   Accounts
	Login      Login
	Links      Links
	Addresses  Addresses
	Subscriber Subscriber
	Privacy    Privacy
	Sessions   Sessions
	Keeping    Keeping
	Spare      Spare
	Pairing    Pairing
	Importing  Importing
	Children   Children
	Backups    Backups
	Keep       Keep
	Export     Export

	Subscribed Subscribed
}

// For returns the words of a language; an unknown one gets Swedish.
func For(l Lang) *Words {
	w := &Words{Product: "syncd", zone: school.Stockholm()}
	switch l {
	case EN:
		w.Lang, w.Name = EN, "English"
		w.fillEnglish()
	case SV:
		fallthrough
	default:
		w.Lang, w.Name = SV, "Svenska"
		w.fillSwedish()
	}
	return w
}

// Format is a sentence with something to fill in, in the manner of package
// fmt. Both languages use the same verbs in the same order.
type Format string

// With fills in.
func (f Format) With(args ...any) string { return fmt.Sprintf(string(f), args...) }

// Plural is a phrase that counts. Each form holds one %s for the number.
type Plural struct{ One, Many Format }
