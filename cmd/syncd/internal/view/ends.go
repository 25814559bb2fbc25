package view

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"syncd/source/school"
)

// notice is how long before its end an address says so: as long as one that
// was replaced goes on working.
const notice = 7 * 24 * time.Hour

// ending is the note that an address will lead nowhere, because it was
// replaced or the link has a last day; zero when it has no end. A program
// would go on showing what it had without a word.
func (v *Views) ending(l school.Link, slug string) note {
	if l.Expires.IsZero() {
		return note{}
	}
	h := sha256.Sum256(fmt.Appendf(v.cfg.FeedID[:], "ends/%s/%s/%d", slug, l.ID, l.Expires.Unix()))
	begins := latest(l.Expires.Add(-notice), l.Created)
	return note{uid: school.UID("note-" + hex.EncodeToString(h[:12])), begins: begins, changed: begins, ends: l.Expires}
}

// days are the days of the note about the end: all until then, so that it
// changes nothing from one day to the next.
func (n note) days(loc *time.Location) school.Span {
	return school.AllDay(school.DateOf(n.begins.In(loc)), school.DateOf(n.ends.Add(-time.Second).In(loc)))
}

// keyOf names a value of a link. Reached by an address that was replaced the
// link has another end, and the value says so.
func keyOf(l school.Link, slug string) valueKey {
	if l.Expires.IsZero() {
		return valueKey{string(l.ID), slug}
	}
	return valueKey{fmt.Sprintf("%s@%d", l.ID, l.Expires.Unix()), slug}
}
