package skolplattformen

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"syncd/source/school"
)

// menuTitle is the heading of a day's menu: "Måndag - Vecka 47".
var menuTitle = regexp.MustCompile(`(?i)^\s*(m[åa]ndag|tisdag|onsdag|torsdag|fredag|l[öo]rdag|s[öo]ndag)\s*[-–—,]?\s*v(?:ecka|\.)?\s*(\d{1,2})\s*$`)

// parseMenuTitle reads weekday and ISO week and finds the year: of those in
// which the week exists, the one that brings it nearest to today.
func parseMenuTitle(title string, today school.Date) (school.Date, bool) {
	m := menuTitle.FindStringSubmatch(strings.ReplaceAll(strings.ReplaceAll(title, "a\u030a", "å"), "o\u0308", "ö"))
	if m == nil {
		return school.Date{}, false
	}
	week, err := strconv.Atoi(m[2])
	if err != nil {
		return school.Date{}, false
	}
	monday, ok := nearestWeek(week, today)
	if !ok {
		return school.Date{}, false
	}
	return monday.AddDays(weekday(m[1])), true
}

// weekday counts from Monday; the beginnings of the names are enough.
func weekday(name string) int {
	name = strings.ToLower(name)
	return slices.IndexFunc([]string{"m", "ti", "on", "to", "fr", "l", "s"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

// nearestWeek returns the Monday of the ISO week of that number nearest to
// today. Week 53 exists in some years only; where none is within about half a
// year there is no such week.
func nearestWeek(week int, today school.Date) (school.Date, bool) {
	thisYear, _ := today.ISOWeek()
	var best school.Date
	found := false
	for year := thisYear - 1; year <= thisYear+1; year++ {
		monday := school.NewDate(year, time.January, 4).Monday().AddDays(7 * (week - 1))
		if y, w := monday.ISOWeek(); y != year || w != week {
			continue
		}
		if !found || distance(monday, today) < distance(best, today) {
			best, found = monday, true
		}
	}
	return best, found && distance(best, today) <= 200
}

func distance(a, b school.Date) int { return max(a.DaysUntil(b), b.DaysUntil(a)) }

// meal makes a day's lunch of a text in which dishes are parted by <br> or by
// line breaks; false when there is nothing to eat.
func meal(day school.Date, text string) (school.Meal, bool) {
	var dishes []string
	for line := range strings.Lines(plainText(text)) {
		line = strings.Join(strings.Fields(line), " ")
		if strings.ContainsFunc(line, unicode.IsLetter) { // "-" and "…" are no dishes
			dishes = append(dishes, line)
		}
	}
	if len(dishes) == 0 {
		return school.Meal{}, false
	}
	return school.Meal{Item: school.Item{
		Title: dishes[0], Body: strings.Join(dishes, "\n"), Span: school.AllDay(day, day),
	}}, true
}

// plainText takes the text out of what may be HTML.
func plainText(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String() // the end: a string reader has no other error
		case html.TextToken:
			b.WriteString(html.UnescapeString(string(z.Raw())))
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			if slices.Contains([]string{"br", "p", "div", "li", "tr"}, string(name)) {
				b.WriteByte('\n')
			}
		case html.CommentToken, html.DoctypeToken:
		}
	}
}

// menuFromRSS translates the form of schools.
func menuFromRSS(rows []wireMeal, today school.Date) (meals []school.Meal, skipped int) {
	for _, r := range rows {
		day, ok := parseMenuTitle(r.Title, today)
		if !ok {
			skipped++
			continue
		}
		if m, ok := meal(day, deref(r.Description)); ok {
			meals = append(meals, m)
		}
	}
	return meals, skipped
}

// listAhead is how many weeks of a list count beside the selected one. What
// lies before it or farther ahead may well be left over from another year.
const listAhead = 8

// listStale is how many days the selected week may begin from today.
const listStale = 28

// menuFromList translates the form of preschools. The selected week has to be
// in the list and be about now, otherwise the list says nothing about today.
func menuFromList(selected string, weeks []wireWeek, today school.Date) (meals []school.Meal, skipped int) {
	first, ok := weekOf(selected, today)
	if !ok {
		return nil, 1
	}
	if distance(first, today) > listStale {
		return nil, 0
	}
	listed := false
	for _, w := range weeks {
		monday, ok := weekOf(string(w.Week), today)
		if !ok {
			skipped++
			continue
		}
		listed = listed || monday == first
		if ahead := first.DaysUntil(monday) / 7; ahead < 0 || ahead > listAhead {
			continue
		}
		for i, dish := range []*string{w.Mon, w.Tue, w.Wed, w.Thu, w.Fri} {
			if m, ok := meal(monday.AddDays(i), deref(dish)); ok {
				meals = append(meals, m)
			}
		}
	}
	if !listed {
		return nil, skipped
	}
	return meals, skipped
}

func weekOf(week string, today school.Date) (school.Date, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(week))
	if err != nil {
		return school.Date{}, false
	}
	return nearestWeek(n, today)
}

// menuWindow is what a menu covers: from its first day to its last, for what
// lies outside was not shown. An empty menu covers nothing.
func menuWindow(meals []school.Meal) school.Window {
	var w school.Window
	for i, m := range meals {
		if i == 0 || m.Span.Days.From.Before(w.From) {
			w.From = m.Span.Days.From
		}
		if i == 0 || m.Span.Days.To.After(w.To) {
			w.To = m.Span.Days.To
		}
	}
	return w
}
