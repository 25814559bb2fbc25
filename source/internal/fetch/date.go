package fetch

import (
	"strings"
	"time"
)

// cookieDate reads a date as RFC 6265 section 5.1.1 has browsers do it: any
// order, any separators, two-digit years.
func cookieDate(s string) (time.Time, bool) {
	var d struct {
		clock, day, month, year bool
		h, m, s                 int
		dd, mm, yy              int
	}
	for tok := range strings.FieldsFuncSeq(s, dateDelimiter) {
		if h, m, sec, ok := clock(tok); ok && !d.clock {
			d.clock, d.h, d.m, d.s = true, h, m, sec
			continue
		}
		n, digits := leading(tok)
		if !d.day && (digits == 1 || digits == 2) {
			d.day, d.dd = true, n
			continue
		}
		if mm := month(tok); !d.month && mm > 0 {
			d.month, d.mm = true, mm
			continue
		}
		if !d.year && digits >= 2 && digits <= 4 {
			d.year, d.yy = true, n
		}
	}
	switch {
	case 70 <= d.yy && d.yy <= 99:
		d.yy += 1900
	case d.yy < 70:
		d.yy += 2000
	}
	if !d.clock || !d.day || !d.month || !d.year || d.dd < 1 || d.dd > 31 || d.yy < 1601 ||
		d.h > 23 || d.m > 59 || d.s > 59 {
		return time.Time{}, false
	}
	t := time.Date(d.yy, time.Month(d.mm), d.dd, d.h, d.m, d.s, 0, time.UTC)
	return t, t.Day() == d.dd // no 31 February
}

func dateDelimiter(r rune) bool {
	return r == '\t' || ' ' <= r && r <= '/' || ';' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
}

// leading returns the number at the beginning of tok and how many digits it
// has; five digits or more count as five and are worth nothing.
func leading(tok string) (n, digits int) {
	for digits < len(tok) && digits < 5 && '0' <= tok[digits] && tok[digits] <= '9' {
		n = n*10 + int(tok[digits]-'0')
		digits++
	}
	return n, digits
}

func clock(tok string) (h, m, s int, ok bool) {
	parts := strings.SplitN(tok, ":", 3)
	if len(parts) != 3 {
		return 0, 0, 0, false
	}
	var v [3]int
	for i, p := range parts {
		n, digits := leading(p)
		if digits < 1 || digits > 2 || (i < 2 && digits != len(p)) {
			return 0, 0, 0, false
		}
		v[i] = n
	}
	return v[0], v[1], v[2], true
}

func month(tok string) int {
	if len(tok) < 3 {
		return 0
	}
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(tok[:3]))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}
