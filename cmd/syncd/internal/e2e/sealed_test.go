package e2e_test

import (
	"bytes"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"syncd/storage"
)

// image returns what is under the seal of a file, as any age program opens it.
func (h *house) image(name string) []byte {
	h.t.Helper()
	key, err := os.ReadFile(h.key())
	if err != nil {
		h.t.Fatal(err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(key))
	if err != nil {
		h.t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(h.data(), name))
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(b), ids...)
	if err != nil {
		h.t.Fatal(err)
	}
	if b, err = io.ReadAll(r); err != nil {
		h.t.Fatal(err)
	}
	return b
}

// TestSecretsAreHashedUnderTheSeal looks at what whoever has the key sees: no
// secret that was handed out, no password, no personal number.
func TestSecretsAreHashedUnderTheSeal(t *testing.T) {
	t.Parallel()
	h := open(t)
	jar := h.browser().Jar
	base, err := url.Parse(h.base)
	if err != nil {
		t.Fatal(err)
	}
	never := []string{guardianPassword, h.addresses.CalDAV.Password, strings.ReplaceAll(h.addresses.CalDAV.Password, "-", "")}
	for _, c := range jar.Cookies(base) {
		if len(c.Value) >= 12 {
			never = append(never, c.Value)
		}
	}
	for _, c := range h.addresses.Calendars {
		never = append(never, strings.Split(c.URL, "/")[4])
	}
	for _, f := range h.addresses.Feeds {
		never = append(never, strings.Split(f.URL, "/")[4])
	}
	if len(never) < 6 {
		t.Fatalf("only %d secrets are looked for", len(never))
	}
	for _, g := range h.world.Guardians() {
		never = append(never, g.PersonalNumber, g.PersonalNumber[2:], g.Email)
	}
	h.stop()
	cache, state := h.image(storage.CacheName), h.image(storage.StateName)
	if len(leaks(cache, h.world.Canaries())) == 0 || !bytes.Contains(state, []byte("$argon2id$")) {
		t.Fatal("under the seal are neither names nor a guardian: nothing was looked at")
	}
	if got := leaks(append(cache, state...), never); len(got) > 0 {
		t.Errorf("under the seal stands %q", got)
	}
}
