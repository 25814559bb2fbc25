package schooltest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"syncd/source/school"
)

// EditChild changes one child; false when there is no such child. The function
// is given a copy whose own slices it may change. It must not call the world.
func (w *World) EditChild(key string, edit func(*Child)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.children, func(c Child) bool { return c.Key == key })
	if i < 0 {
		return false
	}
	c := w.children[i]
	c.Stages, c.Schedule = slices.Clone(c.Stages), slices.Clone(c.Schedule)
	c.Letters, c.Notices = slices.Clone(c.Letters), slices.Clone(c.Notices)
	c.Lessons, c.Tasks, c.Care = slices.Clone(c.Lessons), slices.Clone(c.Tasks), slices.Clone(c.Care)
	c.Meetings, c.Log, c.Files = slices.Clone(c.Meetings), slices.Clone(c.Log), slices.Clone(c.Files)
	edit(&c)
	slices.SortStableFunc(c.Schedule, byStart)
	w.children = slices.Clone(w.children)
	w.children[i] = c
	return true
}

// EditSchool changes one school; false when there is no such school. The
// function is given a copy whose own slices it may change. It must not call
// the world.
func (w *World) EditSchool(key string, edit func(*School)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.schools, func(s School) bool { return s.Key == key })
	if i < 0 {
		return false
	}
	s := w.schools[i]
	s.Calendar, s.Menu = slices.Clone(s.Calendar), slices.Clone(s.Menu)
	edit(&s)
	slices.SortStableFunc(s.Calendar, byStart)
	slices.SortStableFunc(s.Menu, func(a, b Menu) int { return a.Date.Compare(b.Date) })
	w.schools = slices.Clone(w.schools)
	w.schools[i] = s
	return true
}

// EditGuardian changes one guardian; false when there is no such guardian. The
// function must not call the world.
func (w *World) EditGuardian(personalNumber string, edit func(*Guardian)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.guardians, func(g Guardian) bool { return g.PersonalNumber == personalNumber })
	if i < 0 {
		return false
	}
	g := w.guardians[i]
	g.Children = slices.Clone(g.Children)
	edit(&g)
	w.guardians = slices.Clone(w.guardians)
	w.guardians[i] = g
	return true
}

// AddChild adds a child, and its school if that is new, to every guardian.
func (w *World) AddChild(c Child, s School) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.children = append(slices.Clone(w.children), c)
	if !slices.ContainsFunc(w.schools, func(o School) bool { return o.Key == s.Key }) {
		w.schools = append(slices.Clone(w.schools), s)
	}
	w.guardians = slices.Clone(w.guardians)
	for i, g := range w.guardians {
		w.guardians[i].Children = append(slices.Clone(g.Children), c.Key)
	}
}

// RemoveChild takes a child away from every guardian.
func (w *World) RemoveChild(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.children = slices.DeleteFunc(slices.Clone(w.children), func(c Child) bool { return c.Key == key })
	w.guardians = slices.Clone(w.guardians)
	for i, g := range w.guardians {
		w.guardians[i].Children = slices.DeleteFunc(slices.Clone(g.Children), func(k string) bool { return k == key })
	}
}

// AddEvent puts an event into a school's calendar under the list's next free
// number, which it returns; empty when there is no such school.
func (w *World) AddEvent(schoolKey string, e school.Event) school.Ref {
	var ref school.Ref
	w.EditSchool(schoolKey, func(s *School) {
		highest := 0
		for _, o := range s.Calendar {
			if n, err := strconv.Atoi(string(o.Ref)); err == nil {
				highest = max(highest, n)
			}
		}
		ref = school.Ref(strconv.Itoa(highest + 1))
		e.Ref, e.Scope = ref, school.ScopeSchool
		s.Calendar = append(s.Calendar, e)
	})
	return ref
}

// EditEvent changes the event of a school's calendar with this Ref; false when
// there is none.
func (w *World) EditEvent(schoolKey string, ref school.Ref, edit func(*school.Event)) bool {
	found := false
	w.EditSchool(schoolKey, func(s *School) {
		if i := slices.IndexFunc(s.Calendar, func(e school.Event) bool { return e.Ref == ref }); i >= 0 {
			found = true
			edit(&s.Calendar[i])
		}
	})
	return found
}

// MoveEvent gives an event of a school's calendar another time; false when
// there is none with this Ref.
func (w *World) MoveEvent(schoolKey string, ref school.Ref, to school.Span) bool {
	return w.EditEvent(schoolKey, ref, func(e *school.Event) { e.Span = to })
}

// RemoveEvent takes an event out of a school's calendar; false when there is
// none with this Ref.
func (w *World) RemoveEvent(schoolKey string, ref school.Ref) bool {
	found := false
	w.EditSchool(schoolKey, func(s *School) {
		before := len(s.Calendar)
		s.Calendar = slices.DeleteFunc(s.Calendar, func(e school.Event) bool { return e.Ref == ref })
		found = len(s.Calendar) < before
	})
	return found
}

// AddBooking puts a booking into a child's schedule.
func (w *World) AddBooking(childKey string, e school.Event) bool {
	e.Ref, e.Scope = "", school.ScopeChild
	return w.EditChild(childKey, func(c *Child) { c.Schedule = append(c.Schedule, e) })
}

// EditBooking changes the first booking with this title; false when there is
// none.
func (w *World) EditBooking(childKey, title string, edit func(*school.Event)) bool {
	found := false
	w.EditChild(childKey, func(c *Child) {
		if i := slices.IndexFunc(c.Schedule, func(e school.Event) bool { return e.Title == title }); i >= 0 {
			found = true
			edit(&c.Schedule[i])
		}
	})
	return found
}

// MoveBooking gives the first booking with this title another time; false when
// there is none.
func (w *World) MoveBooking(childKey, title string, to school.Span) bool {
	return w.EditBooking(childKey, title, func(e *school.Event) { e.Span = to })
}

// CancelBooking calls off the first booking with this title; false when there
// is none.
func (w *World) CancelBooking(childKey, title string) bool {
	return w.EditBooking(childKey, title, func(e *school.Event) { e.Status = school.StatusCancelled })
}

// RemoveBooking takes the first booking with this title away; false when there
// is none.
func (w *World) RemoveBooking(childKey, title string) bool {
	found := false
	w.EditChild(childKey, func(c *Child) {
		if i := slices.IndexFunc(c.Schedule, func(e school.Event) bool { return e.Title == title }); i >= 0 {
			found = true
			c.Schedule = slices.Delete(c.Schedule, i, i+1)
		}
	})
	return found
}

// AddLetter sends a letter to a child; without a Ref it is given one.
func (w *World) AddLetter(childKey string, n school.NewsItem) school.Ref {
	if n.Ref == "" {
		n.Ref = school.Ref(strings.ToLower(guid("letter", childKey, n.Title, n.Published.String())))
	}
	if n.Modified.Before(n.Published) {
		n.Modified = n.Published
	}
	w.EditChild(childKey, func(c *Child) { c.Letters = append(c.Letters, n) })
	return n.Ref
}

// EditLetter changes a letter wherever it was sent and stamps it as modified
// at the given moment; false when there is none with this Ref.
func (w *World) EditLetter(ref school.Ref, at time.Time, edit func(*school.NewsItem)) bool {
	found := false
	for _, c := range w.Children() {
		w.EditChild(c.Key, func(c *Child) {
			for i := range c.Letters {
				if c.Letters[i].Ref == ref {
					found = true
					edit(&c.Letters[i])
					c.Letters[i].Modified = at
				}
			}
		})
	}
	return found
}

// RemoveLetter takes a letter back from everybody.
func (w *World) RemoveLetter(ref school.Ref) {
	for _, c := range w.Children() {
		w.EditChild(c.Key, func(c *Child) {
			c.Letters = slices.DeleteFunc(c.Letters, func(n school.NewsItem) bool { return n.Ref == ref })
		})
	}
}

// AddNotice sends a notice to a child; without a Ref it is given one.
func (w *World) AddNotice(childKey string, n school.Notice) school.Ref {
	if n.Ref == "" {
		n.Ref = school.Ref(guid("notice", childKey, n.Title, n.Sent.String()))
	}
	w.EditChild(childKey, func(c *Child) { c.Notices = append(c.Notices, n) })
	return n.Ref
}

// SetMenu says what a school serves on a day; no dish takes the day's menu
// away.
func (w *World) SetMenu(schoolKey string, day school.Date, dishes ...string) bool {
	return w.EditSchool(schoolKey, func(s *School) {
		s.Menu = slices.DeleteFunc(s.Menu, func(m Menu) bool { return m.Date == day })
		if len(dishes) > 0 {
			s.Menu = append(s.Menu, Menu{Date: day, Dishes: slices.Clone(dishes)})
		}
	})
}

func byStart(a, b school.Event) int {
	loc := school.Stockholm()
	s, _ := a.Span.Bounds(loc)
	t, _ := b.Span.Bounds(loc)
	return s.Compare(t)
}
