package session_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"syncd/source/school"
)

// cupboard is a family's storage without a disk, so that sixty days pass in a
// second: one account, and of what was read only what tells one thing from
// another. Safe for concurrent use.
type cupboard struct {
	mu       sync.Mutex
	acct     school.Account
	keep     school.Keeping
	session  []byte
	memory   []byte
	owner    string
	stays    []school.Stay // the newest first
	requests map[school.Date]int
	children map[school.Ref]*shelf

	expired func() // told when the account becomes Expired
}

// shelf holds one child's things by part and public id.
type shelf struct {
	number school.ChildNumber
	parts  map[school.Part]map[school.UID]thing
	known  map[school.Ref]time.Time // letters
	taken  map[school.Part]time.Time
}

// thing is an entry or a letter as a person would know it again.
type thing struct {
	title string
	span  school.Span
	ref   school.Ref
}

func (c *cupboard) Accounts(context.Context) ([]school.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return []school.Account{c.acct}, nil
}

func (c *cupboard) Account(_ context.Context, id school.AccountID) (school.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id != c.acct.ID {
		return school.Account{}, fs.ErrNotExist
	}
	return c.acct, nil
}

func (c *cupboard) Due(ctx context.Context, now time.Time) ([]school.Account, error) {
	all, err := c.Accounts(ctx)
	return slices.DeleteFunc(all, func(a school.Account) bool { return a.NextDue.After(now) }), err
}

func (c *cupboard) PutState(_ context.Context, _ school.AccountID, s school.SessionState, p school.Problem) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s == school.Expired && c.acct.State != school.Expired {
		c.expired()
	}
	c.acct.State, c.acct.Problem = s, p
	return nil
}

func (c *cupboard) PutOutcome(_ context.Context, _ school.AccountID, o school.Outcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acct.State, c.acct.Problem, c.acct.NextDue, c.acct.Failures = o.State, o.Problem, o.NextDue, o.Failures
	return nil
}

func (c *cupboard) Session(context.Context, school.AccountID) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(c.session), nil
}

func (c *cupboard) PutSession(_ context.Context, _ school.AccountID, state []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = bytes.Clone(state)
	return nil
}

func (c *cupboard) DeleteSession(context.Context, school.AccountID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = nil
	return nil
}

func (c *cupboard) Memory(context.Context, school.AccountID) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.memory), nil
}

func (c *cupboard) Deletions() int64 { return 0 }

func (c *cupboard) PutMemory(_ context.Context, _ school.AccountID, _ int64, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory = bytes.Clone(data)
	return nil
}

func (c *cupboard) Owner(context.Context, school.AccountID) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owner, nil
}

func (c *cupboard) PutOwner(_ context.Context, _ school.AccountID, owner string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owner = owner
	return nil
}

func (c *cupboard) Keeping(context.Context, school.AccountID) (school.Keeping, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keep, nil
}

// Diary returns what the storage would keep, which is bounded.
func (c *cupboard) Diary(context.Context, school.AccountID) ([]school.Stay, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.stays[:min(len(c.stays), 200)]), nil
}

func (c *cupboard) PutStay(_ context.Context, _ school.AccountID, s school.Stay) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.stays, func(o school.Stay) bool { return o.Began.Equal(s.Began) })
	if i < 0 {
		c.stays = slices.Insert(c.stays, 0, s)
	} else {
		c.stays[i] = s
	}
	return nil
}

func (c *cupboard) Requests(_ context.Context, _ school.AccountID, day school.Date) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests[day], nil
}

func (c *cupboard) AddRequests(_ context.Context, _ school.AccountID, day school.Date, n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[day] += n
	return nil
}

func (c *cupboard) PutRoster(_ context.Context, _ school.AccountID, _ school.PlatformID, r school.Roster) (map[school.Ref]school.ChildNumber, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[school.Ref]school.ChildNumber{}
	for _, child := range r.Children {
		if c.children[child.Ref] == nil {
			c.children[child.Ref] = &shelf{
				number: school.ChildNumber(len(c.children) + 1),
				parts:  map[school.Part]map[school.UID]thing{}, known: map[school.Ref]time.Time{}, taken: map[school.Part]time.Time{},
			}
		}
		out[child.Ref] = c.children[child.Ref].number
	}
	return out, nil
}

func (c *cupboard) KnownNews(_ context.Context, _ school.PlatformID, child school.Ref) (map[school.Ref]time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.children[child]; s != nil {
		return maps.Clone(s.known), nil
	}
	return map[school.Ref]time.Time{}, nil
}

func (c *cupboard) Readings(context.Context) ([]school.Reading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []school.Reading
	for _, s := range c.children {
		for part, at := range s.taken {
			out = append(out, school.Reading{Child: s.number, Kind: part.Kind(), LastSuccess: at})
		}
	}
	return out, nil
}

// Apply stores a snapshot as the storage does: only what is covered and
// missing is deleted.
func (c *cupboard) Apply(_ context.Context, _ school.AccountID, snap school.Snapshot) (school.Changes, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.children[snap.Child.Ref]
	if s == nil {
		return school.Changes{}, fmt.Errorf("cupboard: %w", fs.ErrNotExist)
	}
	read := things(snap)
	for _, cov := range snap.Covered {
		part := s.parts[cov.Part]
		if part == nil {
			part = map[school.UID]thing{}
			s.parts[cov.Part] = part
		}
		maps.DeleteFunc(part, func(uid school.UID, t thing) bool {
			if cov.Window.IsZero() {
				return false // nothing undated is taken away in these sixty days
			}
			_, still := read[cov.Part][uid]
			return !still && cov.Window.Overlaps(t.span, school.Stockholm())
		})
		s.taken[cov.Part] = snap.Taken
	}
	for part, list := range read {
		if s.parts[part] == nil {
			s.parts[part] = map[school.UID]thing{}
		}
		maps.Copy(s.parts[part], list)
	}
	for _, n := range snap.News {
		s.known[n.Ref] = n.Modified
	}
	return school.Changes{Child: s.number}, nil
}

// things lists what a snapshot holds by part and public id.
func things(snap school.Snapshot) map[school.Part]map[school.UID]thing {
	out := map[school.Part]map[school.UID]thing{}
	add := func(p school.Part, uid school.UID, t thing) {
		if out[p] == nil {
			out[p] = map[school.UID]thing{}
		}
		out[p][uid] = t
	}
	item := func(p school.Part, i school.Item) { add(p, i.UID, thing{i.Title, i.Span, i.Ref}) }
	for _, e := range snap.Calendar {
		item(school.PartCalendar, e.Item)
	}
	for _, e := range snap.Schedule {
		item(school.PartSchedule, e.Item)
	}
	for _, l := range snap.Timetable {
		item(school.PartTimetable, l.Item)
	}
	for _, k := range snap.Tasks {
		item(school.PartTasks, k.Item)
	}
	for _, n := range snap.News {
		add(school.PartNews, n.UID, thing{title: n.Title, ref: n.Ref})
	}
	for _, n := range snap.Notices {
		add(school.PartNotices, n.UID, thing{title: n.Title, ref: n.Ref})
	}
	return out
}
