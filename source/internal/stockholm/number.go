package stockholm

import (
	"fmt"
	"strings"
	"time"

	"syncd/source"
)

// personalNumber brings a Swedish personal or coordination number into its
// twelve-digit form. Its check digit must be right: a mistyped number would
// send a push to a stranger's phone. The errors hold no digit.
func personalNumber(s string, now time.Time) (string, error) {
	old := strings.Contains(s, "+")
	digits := strings.Map(func(r rune) rune {
		if r == '-' || r == '+' || r == ' ' || r == '\u2013' || r == '\u00a0' {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	if strings.Trim(digits, "0123456789") != "" || (len(digits) != 10 && len(digits) != 12) {
		return "", fmt.Errorf("%w: personal number", source.ErrAnswer)
	}
	if len(digits) == 10 {
		digits = century(digits, old, now) + digits
	}
	if luhn(digits[2:])%10 != 0 {
		return "", fmt.Errorf("%w: personal number", source.ErrAnswer)
	}
	return digits, nil
}

// century returns the first two digits of the year of birth: the latest one
// that is not in the future, or one earlier with a plus sign.
func century(digits string, old bool, now time.Time) string {
	year := int(digits[0]-'0')*10 + int(digits[1]-'0')
	c := now.Year() / 100
	if year > now.Year()%100 {
		c--
	}
	if old {
		c--
	}
	return fmt.Sprintf("%02d", c)
}

func luhn(digits string) int {
	sum := 0
	for i := range len(digits) {
		n := int(digits[i] - '0')
		if i%2 == 0 {
			n *= 2
		}
		sum += n/10 + n%10
	}
	return sum
}
