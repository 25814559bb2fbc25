package infomentor

import (
	"context"
	"encoding/json"
	"slices"

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
	b.skip(school.PartNotices, b.notices.skipped+skipped)
	c := school.Coverage{Part: school.PartNotices}
	if len(list) > 0 {
		c.Since = list[len(list)-1].Sent
	}
	b.cover(c)
	return nil
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

// rowsAs reads rows one by one; bad counts those that could not be read.
func rowsAs[T any](raw []jsonRow) (rows []T, bad int) {
	for _, r := range raw {
		var row T
		if string(r) == "null" || json.Unmarshal(r, &row) != nil {
			bad++
			continue
		}
		rows = append(rows, row)
	}
	return rows, bad
}
