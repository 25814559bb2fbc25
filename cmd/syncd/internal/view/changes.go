package view

import (
	"cmp"
	"html"
	"slices"
	"strings"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// maxAlone is how many changes that one read found are told one by one. More,
// as when a term's timetable is replaced, are one letter.
const maxAlone = 6

// shownBy leaves out changes of kinds that the link does not show, where it
// names kinds of calendars at all. The family's calendar is not one of them: it
// holds what else the link shows.
func shownBy(l school.Link, in []school.Difference) []school.Difference {
	names := func(k school.Kind) bool { return k.IsCalendar() && k != school.KindFamily }
	if !slices.ContainsFunc(l.Kinds, names) {
		return in
	}
	return slices.DeleteFunc(in, func(d school.Difference) bool { return !slices.Contains(l.Kinds, d.Kind) })
}

// tell makes letters of differences, in their order.
func tell(w *text.Words, in []school.Difference) []school.Letter {
	var out []school.Letter
	for len(in) > 0 {
		n := 1
		for n < len(in) && in[n].Child == in[0].Child && in[n].Seen.Equal(in[0].Seen) {
			n++
		}
		group := in[:n]
		in = in[n:]
		if n > maxAlone {
			out = append(out, together(w, group))
			continue
		}
		for _, d := range group {
			out = append(out, alone(w, d))
		}
	}
	return out
}

func alone(w *text.Words, d school.Difference) school.Letter {
	lines := sentences(w, d)
	l := changeLetter(w, d)
	l.Title, l.Source = lines[0], w.Kind(d.Kind)
	l.HTML = "<p>" + html.EscapeString(strings.Join(lines, "\n")) + "</p>"
	l.HTML = strings.ReplaceAll(l.HTML, "\n", "<br>")
	return l
}

func together(w *text.Words, group []school.Difference) school.Letter {
	l := changeLetter(w, group[0])
	l.Title = w.N(len(group), w.Subscribed.Many)
	var b strings.Builder
	kind := school.Kind("")
	slices.SortStableFunc(group, func(a, b school.Difference) int { return cmp.Compare(a.Kind, b.Kind) })
	for _, d := range group {
		if d.Kind != kind {
			if kind != "" {
				b.WriteString("</ul>")
			}
			kind = d.Kind
			b.WriteString("<h3>" + html.EscapeString(w.Kind(kind)) + "</h3><ul>")
		}
		b.WriteString("<li>" + html.EscapeString(strings.Join(sentences(w, d), ". ")) + "</li>")
	}
	b.WriteString("</ul>")
	l.HTML = b.String()
	return l
}

func changeLetter(w *text.Words, d school.Difference) school.Letter {
	return school.Letter{
		UID: d.UID, Kind: school.KindChanges, Child: d.Child, ChildName: d.ChildName, Author: w.Product,
		Published: d.Seen, Updated: d.Seen, FirstSeen: d.Seen,
	}
}

// sentences say what happened, what matters most first.
func sentences(w *text.Words, d school.Difference) []string {
	s := &w.Subscribed
	if d.Before == nil {
		out := []string{s.Added.With(d.After.Title, w.Span(d.Seen, d.After.Span))}
		if d.After.Place != "" {
			out = append(out, d.After.Place)
		}
		return out
	}
	if d.After == nil {
		return []string{s.Removed.With(d.Before.Title, w.Span(d.Seen, d.Before.Span))}
	}
	var out []string
	before, after := d.Before, d.After
	when := w.Span(d.Seen, after.Span)
	if before.Status != after.Status {
		switch {
		case after.Status == school.StatusCancelled:
			out = append(out, s.Cancelled.With(after.Title, when))
		case before.Status == school.StatusCancelled:
			out = append(out, s.Restored.With(after.Title, when))
		}
	}
	if !before.Span.Equal(after.Span) {
		from, to := w.Shift(d.Seen, before.Span, after.Span)
		out = append(out, s.Moved.With(after.Title, from, to))
	}
	if before.Place != after.Place {
		out = append(out, s.Place.With(after.Title, when, cmp.Or(before.Place, s.NoPlace), cmp.Or(after.Place, s.NoPlace)))
	}
	if before.Title != after.Title {
		out = append(out, s.Renamed.With(before.Title, when, after.Title))
	}
	if before.Text != after.Text || len(out) == 0 {
		out = append(out, s.Reworded.With(after.Title, when))
	}
	return out
}
