package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Argon2id as OWASP recommends it for small machines: 19 MiB, two passes. One
// password is hashed at a time, so a flood of sign-ins costs no more memory
// than one.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonKey     = 32
	argonSalt    = 16

	hashQueue = 8 // passwords that may wait for their turn
	hashWait  = 5 * time.Second
)

const (
	minPassword = 10  // characters
	maxPassword = 256 // bytes
	maxUser     = 64  // bytes
)

// hasher hashes one password at a time.
type hasher struct {
	memory  uint32 // KiB
	turn    chan struct{}
	waiting atomic.Int32
}

func newHasher() *hasher { return &hasher{memory: argonMemory, turn: make(chan struct{}, 1)} }

// prefix is how the PHC form of this program's hashes begins.
func (h *hasher) prefix() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, h.memory, argonTime, argonThreads)
}

// hash returns the PHC form of password with a new salt.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails, crypto/rand
	key, err := h.derive(ctx, password, salt)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return h.prefix() + b64.EncodeToString(salt) + "$" + b64.EncodeToString(key), nil
}

// verify reports whether password is the one behind phc. An empty phc stands
// for "no such person": it costs the same and is never right.
func (h *hasher) verify(ctx context.Context, phc, password string) (bool, error) {
	salt, want := make([]byte, argonSalt), make([]byte, argonKey)
	if phc != "" {
		var err error
		if salt, want, err = h.parse(phc); err != nil {
			return false, err
		}
	}
	got, err := h.derive(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && phc != "", nil
}

// derive waits for its turn and hashes. It answers a *BusyError when too many
// are waiting or the wait is too long.
func (h *hasher) derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	if h.waiting.Add(1) > hashQueue {
		h.waiting.Add(-1)
		return nil, &BusyError{After: hashWait}
	}
	defer h.waiting.Add(-1)
	patience := time.NewTimer(hashWait)
	defer patience.Stop()
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-patience.C:
		return nil, &BusyError{After: hashWait}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, argonTime, h.memory, argonThreads, argonKey), nil
}

var errHash = errors.New("stored password hash is not understood")

// parse reads what hash wrote. The parameters are the program's own; others
// are refused, so that no stored text can ask for gigabytes.
func (h *hasher) parse(phc string) (salt, key []byte, err error) {
	rest, ok := strings.CutPrefix(phc, h.prefix())
	if !ok {
		return nil, nil, errHash
	}
	s, k, ok := strings.Cut(rest, "$")
	if !ok {
		return nil, nil, errHash
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(s)
	key, errKey := base64.RawStdEncoding.DecodeString(k)
	if errSalt != nil || errKey != nil || len(salt) != argonSalt || len(key) != argonKey {
		return nil, nil, errHash
	}
	return salt, key, nil
}

// userName returns the form in which a user name is kept and compared.
func userName(s string) string {
	return strings.ToLower(norm.NFC.String(strings.TrimSpace(s)))
}

// passwordText returns the form in which a password is hashed: å typed on a
// phone and å typed on a Mac are the same letter (RFC 8265 4.2).
func passwordText(s string) string { return norm.NFC.String(s) }

// checkChoice looks at what a guardian chose, both normalised.
func checkChoice(user, password string) error {
	if user == "" || len(user) > maxUser || strings.ContainsFunc(user, badInUser) {
		return &ChoiceError{Of: ChoiceUser}
	}
	if utf8.RuneCountInString(password) < minPassword || len(password) > maxPassword ||
		!utf8.ValidString(password) || strings.EqualFold(password, user) {
		return &ChoiceError{Of: ChoicePassword}
	}
	return nil
}

func badInUser(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-@+", r)
}
