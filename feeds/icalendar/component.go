package icalendar

import (
	"strconv"
	"time"

	ics "github.com/arran4/golang-ical"

	"syncd/source/school"
)

// Properties that the library has no name for. Its own helper for such names
// writes them wrongly.
const (
	propBusyStatus ics.ComponentProperty = "X-MICROSOFT-CDO-BUSYSTATUS"
	propAllDay     ics.ComponentProperty = "X-MICROSOFT-CDO-ALLDAYEVENT"
)

// component returns the lines of the VEVENT or VTODO.
func (enc *encoder) component(e school.Entry, p place) []byte {
	uid := string(e.UID) + Suffix
	if p.task {
		todo := ics.NewTodo(uid)
		enc.common(&todo.ComponentBase, e, p)
		enc.task(&todo.ComponentBase, e, p)
		return enc.serialize(todo)
	}
	event := ics.NewEvent(uid)
	enc.common(&event.ComponentBase, e, p)
	enc.event(&event.ComponentBase, e, p)
	return enc.serialize(event)
}

// common adds what events and tasks share, the times excepted. The order of
// the calls is the order of the lines.
func (enc *encoder) common(c *ics.ComponentBase, e school.Entry, p place) {
	c.AddProperty(ics.ComponentPropertyDtstamp, p.stamp.Format(layoutUTC))
	if !p.created.IsZero() {
		c.AddProperty(ics.ComponentPropertyCreated, p.created.Format(layoutUTC))
	}
	c.AddProperty(ics.ComponentPropertyLastModified, p.stamp.Format(layoutUTC))
	c.AddProperty(ics.ComponentPropertySequence, strconv.Itoa(max(e.Sequence, 0)))
	if title := enc.title(e); title != "" {
		c.AddProperty(ics.ComponentPropertySummary, title)
	}
	if place := cutBytes(line(e.Place, ", "), maxPlace); place != "" {
		c.AddProperty(ics.ComponentPropertyLocation, place)
	}
	if body := cutBytes(text(e.Body), maxDescription); body != "" {
		c.AddProperty(ics.ComponentPropertyDescription, body)
	}
	if address := uri(e.URL); address != "" {
		c.AddProperty(ics.ComponentPropertyUrl, address)
	}
	for _, category := range e.Categories {
		// One property each: the library escapes the comma of a list.
		if category := cutBytes(line(category, " "), maxCategory); category != "" {
			c.AddProperty(ics.ComponentPropertyCategories, category)
		}
	}
}

// title returns the summary: whose it is, what became of it, what it is.
func (enc *encoder) title(e school.Entry) string {
	words := enc.style.Words
	title := line(e.Title, " ")
	if title == "" {
		title = words.Untitled
		if e.Kind == school.KindCare && words.Care != "" {
			title = words.Care
		}
	}
	if enc.style.Feed && e.Task && e.Done {
		title = words.DonePrefix + title
	}
	if enc.style.Feed && e.Status == school.StatusCancelled {
		title = words.CancelledPrefix + title
	}
	if child := line(e.ChildName, " "); enc.style.Options.Prefix && child != "" {
		title = child + ": " + title
	}
	return cutRunes(line(title, " "), maxSummary)
}

// event adds what only events have.
func (enc *encoder) event(c *ics.ComponentBase, e school.Entry, p place) {
	enc.when(c, ics.ComponentPropertyDtStart, p, p.start, p.days.From)
	if p.allDay || p.end.After(p.start) {
		// Without length there is no DTEND: it would have to be later (3.6.1).
		enc.when(c, ics.ComponentPropertyDtEnd, p, p.end, p.days.To)
	}
	cancelled := e.Status == school.StatusCancelled
	switch {
	case cancelled && (!enc.style.Feed || enc.style.Options.Cancelled == school.CancelledStatus):
		c.AddProperty(ics.ComponentPropertyStatus, string(ics.ObjectStatusCancelled))
	case e.Status == school.StatusTentative:
		c.AddProperty(ics.ComponentPropertyStatus, string(ics.ObjectStatusTentative))
	default:
		c.AddProperty(ics.ComponentPropertyStatus, string(ics.ObjectStatusConfirmed))
	}
	// A child's lesson does not make the parent busy.
	transparency, busy := "TRANSPARENT", "FREE"
	if e.Busy && !cancelled {
		transparency, busy = "OPAQUE", "BUSY"
	}
	c.AddProperty(ics.ComponentPropertyTransp, transparency)
	c.AddProperty(propBusyStatus, busy)
	if p.allDay {
		c.AddProperty(propAllDay, "TRUE")
	}
}

// task adds what only tasks have. It is due at the end of its span, on whole
// days on the last of them.
func (enc *encoder) task(c *ics.ComponentBase, e school.Entry, p place) {
	last := p.days.To.AddDays(-1)
	if p.allDay && p.days.From.Before(last) || !p.allDay && p.start.Before(p.end) {
		enc.when(c, ics.ComponentPropertyDtStart, p, p.start, p.days.From)
	}
	enc.when(c, ics.ComponentPropertyDue, p, p.end, last)
	switch {
	case e.Status == school.StatusCancelled:
		c.AddProperty(ics.ComponentPropertyStatus, string(ics.ObjectStatusCancelled))
	case e.Done:
		c.AddProperty(ics.ComponentPropertyStatus, string(ics.ObjectStatusCompleted))
		c.AddProperty(ics.ComponentPropertyPercentComplete, "100")
		// Schools do not say when; this is when it was last seen to change.
		c.AddProperty(ics.ComponentPropertyCompleted, p.stamp.Format(layoutUTC))
	default:
		c.AddProperty(ics.ComponentPropertyStatus, string(ics.ObjectStatusNeedsAction))
	}
}

// when adds a property that says when: a day, a local time or one in UTC. The
// library's own setters write a local time with the mark of UTC.
func (enc *encoder) when(c *ics.ComponentBase, name ics.ComponentProperty, p place, t time.Time, day school.Date) {
	switch {
	case p.allDay:
		c.AddProperty(name, day.Start(time.UTC).Format(layoutDate), ics.WithValue("DATE"))
	case p.local:
		c.AddProperty(name, t.In(enc.loc).Format(layoutLocal), ics.WithTZID(enc.zone.name))
	default:
		c.AddProperty(name, t.UTC().Format(layoutUTC))
	}
}
