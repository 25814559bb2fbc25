package view

import (
	"container/list"
	"time"
)

// lru keeps values until their sizes together exceed a bound; the one not
// used for longest leaves first, the newest always stays. Not safe for
// concurrent use.
type lru struct {
	max, used int64
	order     *list.List // front: used last
	byKey     map[valueKey]*list.Element
}

type valueKey struct{ link, slug string }

type cached struct {
	key   valueKey
	epoch int64     // at which the value was last known to be current
	until time.Time // and how long it is, as long as nothing happens; zero: for ever
	token string    // what the value was built from
	size  int64
	value any
}

// current reports whether the value need not be checked.
func (c *cached) current(epoch int64, now time.Time) bool {
	return c.epoch == epoch && (c.until.IsZero() || now.Before(c.until))
}

func newLRU(maxBytes int64) *lru {
	return &lru{max: maxBytes, order: list.New(), byKey: map[valueKey]*list.Element{}}
}

func (c *lru) get(key valueKey) (*cached, bool) {
	e, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached), true //nolint:errcheck,forcetypeassert // nothing else is ever put in
}

func (c *lru) put(v *cached) {
	if e, ok := c.byKey[v.key]; ok {
		c.remove(e)
	}
	c.byKey[v.key] = c.order.PushFront(v)
	c.used += v.size
	for c.used > c.max && c.order.Len() > 1 {
		c.remove(c.order.Back())
	}
}

func (c *lru) remove(e *list.Element) {
	v := e.Value.(*cached) //nolint:errcheck,forcetypeassert // nothing else is ever put in
	c.order.Remove(e)
	delete(c.byKey, v.key)
	c.used -= v.size
}
