package infomentor

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"syncd/source"
	"syncd/source/school"
)

// notices are the notifications of this read. The platform was seen to answer
// about all pupils at once, and about the selected one only; an answer that
// holds another pupil's is about all.
type notices struct {
	rows    []wireNotice
	skipped int
	all     bool // rows are about every child
}

// readNotices reads the notifications once for all children, or once for each
// where the platform wants it so.
func (b *builder) readNotices(ctx context.Context) error {
	if !b.notices.all {
		rows, bad, err := b.askNotices(ctx)
		if err != nil {
			return err
		}
		b.notices.skipped += bad
		for _, row := range rows {
			stranger := row.Mapping != b.p.mapping
			if stranger && slices.ContainsFunc(b.pupils, func(p pupil) bool { return p.mapping == row.Mapping }) {
				b.notices.all = true
			}
			if !slices.ContainsFunc(b.notices.rows, func(o wireNotice) bool { return o.ID == row.ID && o.Mapping == row.Mapping }) {
				b.notices.rows = append(b.notices.rows, row)
			}
		}
	}
	var mine []wireNotice
	for _, row := range b.notices.rows {
		if row.Mapping == b.p.mapping && b.p.mapping != "" {
			mine = append(mine, row)
		}
	}
	list, skipped := translateNotices(mine)
	b.snap.Notices = list
	b.announce(mine)
	b.skip(school.PartNotices, b.notices.skipped+skipped)
	c := school.Coverage{Part: school.PartNotices}
	if len(list) > 0 {
		c.Since = list[len(list)-1].Sent
	}
	b.cover(c)
	return nil
}

// announce names the parts in which something is new, as notifications say
// that are newer than those of the read before.
func (b *builder) announce(rows []wireNotice) {
	before, known := b.state.Noticed[b.p.id]
	newest := before
	for _, row := range rows {
		sent, ok := row.sent()
		at := sent.instant()
		if !ok || at.Before(before.At) || at.Equal(before.At) && slices.Contains(before.IDs, row.ID) {
			continue
		}
		if at.After(newest.At) {
			newest = noticed{At: at}
		}
		if at.Equal(newest.At) && !slices.Contains(newest.IDs, row.ID) {
			newest.IDs = append(slices.Clone(newest.IDs), row.ID)
		}
		if !known {
			continue // everything is new, and read by its due times
		}
		for _, part := range announcedBy(row.App) {
			if !slices.Contains(b.snap.Announced, part) {
				b.snap.Announced = append(b.snap.Announced, part)
			}
		}
	}
	b.noticed = newest
}

// announcedParts are the parts that notifications are known to speak of.
func announcedParts() []school.Part {
	return []school.Part{school.PartTasks, school.PartCalendar, school.PartSchedule, school.PartNews}
}

// announcedBy returns the parts that a notification of an application speaks
// of. One that nobody has heard of may speak of anything.
func announcedBy(app string) []school.Part {
	switch strings.ToLower(app) {
	case "news", "timeline", "learnlog":
		return []school.Part{school.PartNews}
	case "calendar", "calendarv2":
		return []school.Part{school.PartCalendar}
	case "assignment", "homework", "onlinetest", "task":
		return []school.Part{school.PartTasks, school.PartCalendar}
	case "meeting", "parentmeeting":
		return []school.Part{school.PartSchedule}
	case "attendance", "im1attendance", "message", "messages", "consent", "survey", "assessment", "weeklyplan",
		"portfolio", "uol", "iup", "specialplan", "journal":
		return nil // not read
	}
	return announcedParts()
}

// light reads the notifications alone. They say whose they are, so that the
// selected child need not be vouched for; where the platform answers about the
// selected one only, each is selected and asked for once.
func (r *read) light(ctx context.Context, sink source.Sink) error {
	return r.each(ctx, sink, func(p pupil) (*builder, error) { return r.lightOf(ctx, p) })
}

func (r *read) lightOf(ctx context.Context, p pupil) (*builder, error) {
	asked := false
	if !r.notices.all && r.chosen != p.id && len(r.pupils) > 1 {
		if err := r.choose(ctx, p); err != nil {
			return nil, r.whole(p, err)
		}
		asked = true
	}
	b := newBuilder(r, p)
	err := b.parts(ctx)
	if err != nil || !asked || !r.notices.all || len(b.snap.Notices) > 0 {
		return b, err
	}
	// Somebody else's only: about all children, or the switch did not happen.
	r.notices.all = false
	return r.vouched(ctx, p, false)
}

func (b *builder) askNotices(ctx context.Context) ([]wireNotice, int, error) {
	var w wireNotices
	if err := b.query(ctx, pathNotices, struct{}{}, &w); err != nil {
		return nil, 0, err
	}
	return decodeRows[wireNotice](w.Notices)
}

// jsonRow is one row of a list, read by itself.
type jsonRow = json.RawMessage
