package infomentor

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"syncd/source"
	"syncd/source/school"
)

// readCalendar reads the calendar of the plan's window in runs of two months.
func (b *builder) readCalendar(ctx context.Context) error {
	if b.plan.Window.IsZero() {
		return nil
	}
	types, err := b.types(ctx)
	if err != nil {
		return err
	}
	var rows []wireEntry
	for from := b.plan.Window.From; from.Before(b.plan.Window.To); from = from.AddDays(chunkDays) {
		to := from.AddDays(chunkDays)
		if b.plan.Window.To.Before(to) {
			to = b.plan.Window.To
		}
		more, err := b.entries(ctx, from, to.AddDays(-1))
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	return b.addEntries(ctx, rows, types)
}

func (b *builder) entries(ctx context.Context, from, last school.Date) ([]wireEntry, error) {
	var data json.RawMessage
	in := struct {
		Start string `json:"startDate"`
		End   string `json:"endDate"`
	}{from.String(), last.String()}
	if err := b.query(ctx, pathEntries, in, &data); err != nil {
		return nil, err
	}
	list, err := rowsOf(data)
	if err != nil {
		return nil, err
	}
	rows, bad, err := decodeRows[wireEntry](list)
	b.skip(school.PartCalendar, bad)
	return rows, err
}

// types returns the names of the types of entries.
func (b *builder) types(ctx context.Context) (map[int64]string, error) {
	var w wireCalendar
	if err := b.query(ctx, pathCalendar, struct{}{}, &w); err != nil {
		return nil, err
	}
	rows, bad, err := decodeRows[wireType](w.Types)
	if err != nil {
		return nil, err
	}
	if bad > 0 {
		return nil, notUnderstood("a type of entries could not be read")
	}
	out := make(map[int64]string, len(rows))
	for _, t := range rows {
		out[t.ID] = strings.TrimSpace(t.Name)
	}
	return out, nil
}

// addEntries translates the rows and adds the names of their files. An entry
// that stands for a task is left to the tasks.
func (b *builder) addEntries(ctx context.Context, rows []wireEntry, types map[int64]string) error {
	seen := map[string]bool{}
	var events []school.Event
	skipped := 0
	for _, row := range rows {
		id := string(row.ID)
		if id != "" && seen[id] {
			continue // it reaches over from the run before
		}
		seen[id] = true
		task, known := b.isTask(row)
		if task {
			if !known {
				skipped++
			}
			continue
		}
		e, ok := translateEntry(row, types)
		if !ok {
			skipped++
			continue
		}
		if row.Attachments && id != "" {
			names, err := b.files(ctx, row)
			if err != nil {
				return err
			}
			e.Body += fileLine(names, e)
		}
		events = append(events, e)
	}
	b.snap.Calendar = events
	b.skip(school.PartCalendar, skipped)
	b.show(events, b.plan.Window)
	b.cover(school.Coverage{Part: school.PartCalendar, Window: b.plan.Window})
	return b.address(ctx)
}

// isTask reports whether an entry stands for a task. One whose task was read
// is shown there; where the tasks could not be read nobody can say, and the
// calendar is not complete.
func (b *builder) isTask(row wireEntry) (task, known bool) {
	_, id, ok := strings.Cut(strings.ToLower(deref(row.URL)), "/task/show/")
	if !ok || !b.has(school.PartTasks) {
		return false, false
	}
	if b.tasks == nil {
		return true, false
	}
	return b.tasks[strings.Trim(id, "/")], true
}

// files returns the names of an entry's files, from memory while the entry is
// the same.
func (b *builder) files(ctx context.Context, row wireEntry) ([]string, error) {
	id := string(row.ID)
	sum := sumOf(id, deref(row.Title), deref(row.Text), deref(row.StartFull), deref(row.EndFull))
	if note, ok := b.state.Files[id]; ok && note.Sum == sum {
		return note.Names, nil
	}
	var data json.RawMessage
	in := struct {
		ID string `json:"id"`
	}{id}
	if err := b.query(ctx, pathAttachments, in, &data); err != nil {
		return nil, err
	}
	rows, _, err := decodeRows[wireFile](data)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range rows {
		if name := strings.TrimSpace(deref(f.Title)); name != "" {
			names = append(names, name)
		}
	}
	b.names[id] = fileNote{Sum: sum, Names: names, Pupil: b.p.id}
	return names, nil
}

// address keeps the official calendar address, once, where the guardian wants
// it. That there is none is no reason to fail.
func (b *builder) address(ctx context.Context) error {
	if !b.a.wants(SettingCalendarAddress) || b.state.Addresses[b.p.id] != "" {
		return nil
	}
	var addr string
	err := b.query(ctx, pathSubscription, nil, &addr)
	if err != nil && (ends(err) || errors.Is(err, source.ErrWrongChild)) {
		return err
	}
	if addr = calendarAddress(addr); err == nil && addr != "" {
		b.addr = addr
	}
	return nil
}

// Weeks of the timetable around today that are read.
const (
	weeksBack  = 4
	weeksAhead = 16
)
