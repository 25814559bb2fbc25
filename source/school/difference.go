package school

import "time"

// Difference is what happened to one entry of the future between two reads:
// what a family is told in the feed of changes. It holds what the school
// said, in no language.
type Difference struct {
	UID       UID // of the difference, not of the entry
	Kind      Kind
	Child     ChildNumber
	ChildName string    // first name
	Before    *Face     // nil: the entry is new
	After     *Face     // nil: the entry is gone
	Seen      time.Time // when it was found, whole seconds, UTC; one read finds all at the same time
}

// Face is what of an entry a person would notice.
type Face struct {
	Title  string
	Place  string
	Span   Span
	Status Status
	Text   string // fingerprint of the body; differs when the body does
}

// Looks returns the face of an entry. text is the fingerprint of its body.
func (e Entry) Looks(text string) Face {
	return Face{Title: e.Title, Place: e.Place, Span: e.Span, Status: e.Status, Text: text}
}

// Same reports whether nobody would notice a difference.
func (f Face) Same(o Face) bool {
	return f.Title == o.Title && f.Place == o.Place && f.Status == o.Status && f.Text == o.Text && f.Span.Equal(o.Span)
}
