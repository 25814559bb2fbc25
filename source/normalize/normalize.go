// Package normalize makes what an adapter read fit to be stored and shown. It
// gives every entry its public id, turns foreign text into clean text and
// foreign HTML into harmless HTML, puts times into one zone, merges what is
// listed twice and fixes the order. It is pure: the same snapshot and key give
// the same result for ever, and a second pass over the result changes nothing.
// What it cannot do by itself without danger, to read PDFs, it is given.
//
// It never guesses. An entry without a usable time, or without anything that
// could be its title, is left out and counted in Snapshot.Skipped; the part's
// coverage is then withheld, so that nothing is deleted for it. Entries
// outside the covered window are kept: what they mean is the storage's affair.
//
// Snapshot.Child.Ref and Plan.KnownNews pass through untouched.
package normalize

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/microcosm-cc/bluemonday"

	"syncd/source/school"
)

// KeySize is the length of [Config].Key in bytes.
const KeySize = 32

// Limits of what is kept of a text.
const (
	maxTitle   = 200       // runes
	maxLine    = 200       // runes, of places, names and the like
	maxSummary = 200       // runes
	maxBody    = 8 << 10   // bytes
	maxHTML    = 512 << 10 // bytes
	maxPaper   = 64 << 10  // bytes, of the text of a file
)

// Years outside of which a date is taken for an error.
const (
	firstYear = 1990
	lastYear  = 2100
)

// Config is what a [Normalizer] needs.
type Config struct {
	// Key is the secret of the public ids, KeySize bytes; required. Another
	// key makes every entry a new one for every calendar app.
	Key []byte
	// Location is the zone of all instants; nil means Europe/Stockholm.
	Location *time.Location
	// PDF returns the text of a PDF, empty where it cannot be read; nil: the
	// text of no PDF is read. See [TextOfPDF] for why it is not simply called.
	PDF func(ctx context.Context, data []byte) string
}

// Normalizer cleans snapshots. It is safe for concurrent use.
type Normalizer struct {
	key    []byte
	loc    *time.Location
	policy *bluemonday.Policy
	pdf    func(ctx context.Context, data []byte) string
}

// New returns a normalizer.
func New(c Config) (*Normalizer, error) {
	if len(c.Key) != KeySize {
		return nil, errors.New("normalize: new: Key must have 32 bytes")
	}
	if c.Location == nil {
		c.Location = school.Stockholm()
	}
	return &Normalizer{key: slices.Clone(c.Key), loc: c.Location, policy: policy(), pdf: c.PDF}, nil
}

// Roster returns r with clean names and without children listed twice.
func (n *Normalizer) Roster(r school.Roster) school.Roster {
	r.OwnerName = line(r.OwnerName, maxLine)
	var children []school.Child
	for _, c := range r.Children {
		if !slices.ContainsFunc(children, func(o school.Child) bool { return o.Ref == c.Ref }) {
			children = append(children, child(c))
		}
	}
	r.Children = children
	return r
}

func child(c school.Child) school.Child {
	c.Name, c.School = line(c.Name, maxLine), line(c.School, maxLine)
	return c
}

// Snapshot returns s cleaned; s itself is not changed. When ctx has ended, PDFs
// may lack their text.
func (n *Normalizer) Snapshot(ctx context.Context, s school.Snapshot) school.Snapshot {
	p := &pass{n: n, platform: s.Platform, child: s.Child.Ref, skipped: maps.Clone(s.Skipped), entries: make(map[school.Kind]map[school.UID]school.Entry)}
	s.Child = child(s.Child)
	s.Taken = n.instant(s.Taken)

	s.Calendar = dated(p, school.PartCalendar, s.Calendar, p.event, func(e *school.Event) *school.Item { return &e.Item })
	s.Schedule = dated(p, school.PartSchedule, s.Schedule, p.event, func(e *school.Event) *school.Item { return &e.Item })
	s.Timetable = dated(p, school.PartTimetable, s.Timetable, p.lesson, func(l *school.Lesson) *school.Item { return &l.Item })
	s.Menu = dated(p, school.PartMenu, s.Menu, p.meal, func(m *school.Meal) *school.Item { return &m.Item })
	s.Tasks = dated(p, school.PartTasks, s.Tasks, p.task, func(t *school.Task) *school.Item { return &t.Item })
	s.Care = dated(p, school.PartCare, s.Care, p.care, func(c *school.Care) *school.Item { return &c.Item })
	s.News = p.news(ctx, s.News)
	s.Notices = p.notices(s.Notices)
	s.Unchanged = p.unchanged(s.Unchanged, s.News)

	s.Covered = slices.DeleteFunc(slices.Clone(s.Covered), func(c school.Coverage) bool { return p.skipped[c.Part] > 0 })
	slices.SortStableFunc(s.Covered, func(a, b school.Coverage) int { return strings.Compare(string(a.Part), string(b.Part)) })
	for i := range s.Covered {
		s.Covered[i].Since = n.instant(s.Covered[i].Since)
	}
	s.Skipped = p.skipped
	return s
}

// pass is one run over one snapshot.
type pass struct {
	n        *Normalizer
	platform school.PlatformID
	child    school.Ref
	skipped  map[school.Part]int
	entries  map[school.Kind]map[school.UID]school.Entry // given so far
}

func (p *pass) skip(part school.Part) {
	if p.skipped == nil {
		p.skipped = make(map[school.Part]int)
	}
	p.skipped[part]++
}

// unchanged returns refs sorted, each once, without those that were read.
func (p *pass) unchanged(refs []school.Ref, news []school.NewsItem) []school.Ref {
	refs = slices.Clone(refs)
	slices.Sort(refs)
	refs = slices.Compact(refs)
	return slices.DeleteFunc(refs, func(r school.Ref) bool {
		return slices.ContainsFunc(news, func(n school.NewsItem) bool { return n.Ref == r })
	})
}
