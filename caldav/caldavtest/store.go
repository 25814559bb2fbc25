package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"syncd/caldav"
	"syncd/feeds/icalendar"
	"syncd/source/school"
)

var (
	errUnknown = errors.New("no such user, calendar or object")
	errExists  = errors.New("the calendar is there already")
)

// store keeps calendars in memory and remembers every change, so that any
// token that it ever gave out leads to now. It implements caldav.Store.
type store struct {
	now        func() time.Time
	generation string

	mu    sync.Mutex
	users map[string]*user
}

type user struct {
	calendars []*calendar // in the order of their names
}

// calendar is one calendar with its past.
type calendar struct {
	id      int    // no other has it
	slug    string // the folder
	info    icalendar.Info
	objects map[string]icalendar.Object
	log     []string // the name of the object that each change was about
	current *icalendar.Collection
}

var _ caldav.Store = (*store)(nil)

func newStore(now func() time.Time) *store {
	return &store{now: now, generation: strings.ToLower(rand.Text()), users: map[string]*user{}}
}

func (s *store) addUser(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[name] == nil {
		s.users[name] = &user{}
	}
}

// load fills the store from <user>/<calendar>/*.ics. Users that cannot sign in
// are left alone.
func (s *store) load(dir fs.FS) error {
	for name := range s.users {
		folders, err := fs.ReadDir(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, f := range folders {
			if !f.IsDir() {
				continue
			}
			if err := s.make(name, f.Name()); err != nil {
				return err
			}
			if err := s.loadCalendar(dir, name, f.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *store) loadCalendar(dir fs.FS, name, slug string) error {
	files, err := fs.ReadDir(dir, path.Join(name, slug))
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.IsDir() {
			continue
		}
		data, err := fs.ReadFile(dir, path.Join(name, slug, f.Name()))
		if err != nil {
			return err
		}
		switch {
		case f.Name() == "displayname":
			s.describe(name, slug, func(i *icalendar.Info) { i.Name = strings.TrimSpace(string(data)) })
		case f.Name() == "color":
			s.describe(name, slug, func(i *icalendar.Info) { i.Color = strings.TrimSpace(string(data)) })
		case path.Ext(f.Name()) == ".ics":
			if _, err := s.put(name, slug, f.Name(), data); err != nil {
				return fmt.Errorf("%s: %w", path.Join(name, slug, f.Name()), err)
			}
		}
	}
	return nil
}

func (s *store) describe(name, slug string, change func(*icalendar.Info)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.find(name, slug); c != nil {
		change(&c.info)
		c.current = nil
	}
}

// find returns a calendar, nil if there is none. The caller holds the lock.
func (s *store) find(name, slug string) *calendar {
	u := s.users[name]
	if u == nil {
		return nil
	}
	for _, c := range u.calendars {
		if c.slug == slug {
			return c
		}
	}
	return nil
}

// make adds an empty calendar.
func (s *store) make(name, slug string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[name]
	switch {
	case u == nil:
		return errUnknown
	case s.find(name, slug) != nil:
		return errExists
	}
	id := 0
	for _, u := range s.users {
		id += len(u.calendars)
	}
	u.calendars = append(u.calendars, &calendar{
		id: id, slug: slug, objects: map[string]icalendar.Object{},
		info: icalendar.Info{
			Name: slug, Order: len(u.calendars) + 1,
			Components: []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"},
		},
	})
	slices.SortFunc(u.calendars, func(a, b *calendar) int { return strings.Compare(a.slug, b.slug) })
	return nil
}

// put adds an object or replaces it; created says which.
func (s *store) put(name, slug, file string, data []byte) (created bool, err error) {
	o, err := parseObject(file, data, s.now())
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(name, slug)
	if c == nil {
		return false, errUnknown
	}
	old, there := c.objects[file]
	if there && old.ETag == o.ETag {
		return false, nil
	}
	c.objects[file] = o
	c.log = append(c.log, file)
	c.current = nil
	return !there, nil
}

func (s *store) remove(name, slug, file string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(name, slug)
	if c == nil {
		return errUnknown
	}
	if _, ok := c.objects[file]; !ok {
		return errUnknown
	}
	delete(c.objects, file)
	c.log = append(c.log, file)
	c.current = nil
	return nil
}

// prefix begins every token of a calendar.
func (s *store) prefix(c *calendar) string {
	return "urn:caldavtest:sync:" + s.generation + ":" + strconv.Itoa(c.id) + "-"
}

// collection returns the calendar as it is now; the same value until something
// changes. The caller holds the lock.
func (s *store) collection(c *calendar) *icalendar.Collection {
	if c.current != nil {
		return c.current
	}
	col := &icalendar.Collection{Info: c.info, Slug: c.slug, Token: s.prefix(c) + strconv.Itoa(len(c.log))}
	for _, o := range c.objects {
		col.Objects = append(col.Objects, o)
		if o.Modified.After(col.Modified) {
			col.Modified = o.Modified
		}
	}
	slices.SortFunc(col.Objects, func(a, b icalendar.Object) int { return strings.Compare(a.Name, b.Name) })
	col.ICS = join(col.Objects)
	col.ICSETag = tag(col.ICS)
	c.current = col
	return col
}

// Home implements caldav.Store.
func (s *store) Home(_ context.Context, link school.LinkID) (*caldav.Home, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[string(link)]
	if u == nil {
		return nil, fs.ErrNotExist
	}
	home := &caldav.Home{DisplayName: string(link)}
	for _, c := range u.calendars {
		home.Collections = append(home.Collections, s.collection(c))
	}
	return home, nil
}

// Collection implements caldav.Store.
func (s *store) Collection(_ context.Context, link school.LinkID, slug string) (*icalendar.Collection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(string(link), slug)
	if c == nil {
		return nil, fs.ErrNotExist
	}
	return s.collection(c), nil
}

// Changes implements caldav.Store.
func (s *store) Changes(_ context.Context, link school.LinkID, slug, token string) (*caldav.Delta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(string(link), slug)
	if c == nil {
		return nil, fs.ErrNotExist
	}
	text, ok := strings.CutPrefix(token, s.prefix(c))
	n, err := strconv.Atoi(text)
	if !ok || err != nil || n < 0 || n > len(c.log) || strconv.Itoa(n) != text {
		return nil, caldav.ErrToken
	}
	d := &caldav.Delta{Collection: s.collection(c)}
	seen := map[string]bool{}
	for _, name := range c.log[n:] {
		if seen[name] {
			continue
		}
		seen[name] = true
		if _, there := c.objects[name]; there {
			d.Changed = append(d.Changed, name)
		} else {
			d.Removed = append(d.Removed, name)
		}
	}
	return d, nil
}
