package view

import (
	"syncd/caldav"
	"syncd/feeds/icalendar"
)

// Held returns how many bytes the values are counted as, and how many the
// calendars that they hold on to really have, each counted once: a bound that
// tests could not see otherwise.
func Held(v *Views) (counted, calendars int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := map[*icalendar.Collection]bool{}
	add := func(c *icalendar.Collection) {
		if !seen[c] {
			seen[c] = true
			calendars += c.Size()
		}
	}
	for e := v.values.order.Front(); e != nil; e = e.Next() {
		c, ok := e.Value.(*cached)
		if !ok {
			continue
		}
		switch value := c.value.(type) {
		case both:
			add(value.dav)
			add(value.subscribed)
		case *caldav.Home:
			for _, c := range value.Collections {
				add(c)
			}
		}
	}
	return v.values.used, calendars
}
