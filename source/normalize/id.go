package normalize

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strconv"
	"strings"

	"syncd/source/school"
)

// idBytes is how much of a hash makes an id: 128 bits, 26 letters and digits.
const idBytes = 16

// hash returns a keyed hash of fields. Each field is preceded by its length,
// so that no two lists of fields meet in one string. The first says what the
// id is for.
func (n *Normalizer) hash(fields ...string) string {
	mac := hmac.New(sha256.New, n.key)
	var length [8]byte
	for _, f := range fields {
		binary.BigEndian.PutUint64(length[:], uint64(len(f)))
		mac.Write(length[:])
		mac.Write([]byte(f))
	}
	sum := mac.Sum(nil)[:idBytes]
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum))
}

// OwnerHash returns what may be stored of the platform's key for a person:
// enough to recognise the person, nothing to learn the key from.
func (n *Normalizer) OwnerHash(ref school.Ref) string {
	return n.hash("owner", string(ref))
}

// uid returns the public id of a thing of this child: by the platform's own
// key, or by its natural key where the platform has none.
func (p *pass) uid(k school.Kind, ref school.Ref, natural ...string) school.UID {
	fields := []string{"uid", string(p.platform), string(p.child), string(k)}
	if ref != "" {
		fields = append(fields, "ref", string(ref))
	} else {
		fields = append(append(fields, "key"), natural...)
	}
	return school.UID(p.n.hash(fields...))
}

// again returns the id of the n-th different thing under the same id.
func (p *pass) again(first school.UID, n int, natural []string) school.UID {
	fields := append([]string{"again", string(first), strconv.Itoa(n)}, natural...)
	return school.UID(p.n.hash(fields...))
}

// when writes a span for a natural key.
func when(s school.Span) (start, end string) {
	if s.AllDay {
		return s.Days.From.String(), s.Days.To.String()
	}
	return strconv.FormatInt(s.Start.Unix(), 10), strconv.FormatInt(s.End.Unix(), 10)
}

// day writes the first day of a span for a natural key.
func (p *pass) day(s school.Span) string {
	if s.AllDay {
		return s.Days.From.String()
	}
	return school.DateOf(s.Start.In(p.n.loc)).String()
}
