package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"syncd/source/school"
)

// N returns the phrase for n things.
func (w *Words) N(n int, p Plural) string {
	if n == 1 {
		return p.One.With(w.Number(n))
	}
	return p.Many.With(w.Number(n))
}

// Number returns n with its thousands parted as the language does it.
func (w *Words) Number(n int) string {
	parting := "\u00a0"
	if w.Lang == EN {
		parting = ","
	}
	digits, sign := strconv.Itoa(n), ""
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		digits, sign = rest, "-"
	}
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteString(parting)
		}
		out.WriteRune(d)
	}
	return sign + out.String()
}

// Ago says how long before now t was, for people: "nyss", "för 12 min sedan",
// and from yesterday on the day and time. Times that lie ahead by more than a
// minute are given as [Words.When] does. The zone is Europe/Stockholm.
func (w *Words) Ago(now, t time.Time) string {
	d := now.Sub(t)
	sameDay := school.DateOf(now.In(w.zone)) == school.DateOf(t.In(w.zone))
	switch {
	case d < -time.Minute:
		return w.When(now, t)
	case d < time.Minute:
		return w.pick("nyss", "just now")
	case d < time.Hour:
		return fmt.Sprintf(w.pick("för %d min sedan", "%d min ago"), int(d.Minutes()))
	case d < 6*time.Hour && sameDay:
		return fmt.Sprintf(w.pick("för %d tim sedan", "%d h ago"), int(d.Hours()))
	}
	return w.When(now, t)
}

// When names a moment, past or to come, as seen from now: "i dag 14:10",
// "i morgon 07:00", "tis 21 nov 14:10"; with the year where it is another one.
// The zone is Europe/Stockholm.
func (w *Words) When(now, t time.Time) string {
	t = t.In(w.zone)
	return w.Day(school.DateOf(now.In(w.zone)), school.DateOf(t)) + t.Format(" 15:04")
}

// Day names a day as seen from today: "i dag", "i går", "tis 21 nov".
func (w *Words) Day(today, d school.Date) string {
	switch today.DaysUntil(d) {
	case -1:
		return w.pick("i går", "yesterday")
	case 0:
		return w.pick("i dag", "today")
	case 1:
		return w.pick("i morgon", "tomorrow")
	}
	s := fmt.Sprintf("%s %d %s", w.Weekday(d.Weekday()), d.Day, w.Month(d.Month))
	if d.Year != today.Year {
		s += fmt.Sprintf(" %d", d.Year)
	}
	return s
}

// DayOf is [Words.Day] for two instants.
func (w *Words) DayOf(now, t time.Time) string {
	return w.Day(school.DateOf(now.In(w.zone)), school.DateOf(t.In(w.zone)))
}

// MonthOf names the month in which t lies: "nov 2026".
func (w *Words) MonthOf(t time.Time) string {
	t = t.In(w.zone)
	return fmt.Sprintf("%s %d", w.Month(t.Month()), t.Year())
}

// Machine returns t as <time datetime> wants it.
func (w *Words) Machine(t time.Time) string { return t.In(w.zone).Format(time.RFC3339) }

// Lasting says how long d is, rounded up: "40 s", "5 min", "2 tim".
func (w *Words) Lasting(d time.Duration) string {
	up := func(unit time.Duration) int { return int(math.Ceil(float64(d) / float64(unit))) }
	switch {
	case d <= time.Second:
		return "1 s"
	case d <= 90*time.Second:
		return fmt.Sprintf("%d s", up(time.Second))
	case d <= 90*time.Minute:
		return fmt.Sprintf("%d min", up(time.Minute))
	}
	return fmt.Sprintf(w.pick("%d tim", "%d h"), up(time.Hour))
}

// Weekday returns the short name of a day of the week.
func (w *Words) Weekday(d time.Weekday) string {
	return strings.Fields(w.pick("sön mån tis ons tors fre lör", "Sun Mon Tue Wed Thu Fri Sat"))[d]
}

// Month returns the short name of a month.
func (w *Words) Month(m time.Month) string {
	return strings.Fields(w.pick(
		"jan feb mars apr maj juni juli aug sep okt nov dec",
		"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"))[m-1]
}

// List joins names: "Asta, Bo och Cleo".
func (w *Words) List(names []string) string {
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + w.pick(" och ", " and ") + names[n-1]
	}
}

func (w *Words) pick(sv, en string) string {
	if w.Lang == EN {
		return en
	}
	return sv
}
