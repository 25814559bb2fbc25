package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"

	"syncd/source/school"
)

// Token is a secret that was just made. string(t) is the secret itself; every
// other way of printing shows [school.Redacted].
type Token string

// String implements [fmt.Stringer] without showing the secret.
func (Token) String() string { return school.Redacted }

// GoString implements [fmt.GoStringer] without showing the secret.
func (Token) GoString() string { return school.Redacted }

// Format implements [fmt.Formatter], so that no verb shows the secret.
func (Token) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, school.Redacted) }

// LogValue implements [slog.LogValuer] without showing the secret.
func (Token) LogValue() slog.Value { return slog.StringValue(school.Redacted) }

const (
	tokenLen    = 26 // base32 characters, 130 bits
	passwordLen = 24 // base32 characters, 120 bits
	groupLen    = 4
)

// NewToken makes a secret for an address or a cookie: 26 characters a-z and
// 2-7, 130 bits from the system's random source. Only the hash is stored.
func NewToken() (Token, [32]byte) {
	t := strings.ToLower(rand.Text())[:tokenLen]
	return Token(t), HashToken(t)
}

// HashToken returns the SHA-256 under which a token is stored. Letters count
// the same in both cases, because addresses are retyped now and then.
func HashToken(token string) [32]byte {
	return sha256.Sum256([]byte(strings.ToLower(token)))
}

// NewPassword makes an app password: 24 characters a-z and 2-7 in groups of
// four, "abcd-efgh-…", 120 bits. Only the hash is stored; a fast hash will do
// for a secret that nobody can guess.
func NewPassword() (Token, [32]byte) {
	raw := strings.ToLower(rand.Text())[:passwordLen]
	groups := make([]string, 0, passwordLen/groupLen)
	for i := 0; i < passwordLen; i += groupLen {
		groups = append(groups, raw[i:i+groupLen])
	}
	p := strings.Join(groups, "-")
	return Token(p), HashPassword(p)
}

// HashPassword returns the SHA-256 under which an app password is stored.
// Case, blanks and dashes do not count: people retype what they see.
func HashPassword(password string) [32]byte {
	return sha256.Sum256([]byte(bare(password)))
}

// bare drops what people add or change when they retype a password.
func bare(password string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\n', '\r', '\u00a0', '-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014':
			return -1
		}
		return r
	}, strings.ToLower(password))
}
