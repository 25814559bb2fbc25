package text

import (
	"fmt"
	"time"

	"syncd/source/school"
)

// Subscribed is what syncd itself writes into subscribed calendars and feeds.
type Subscribed struct {
	// What happened to an entry: its title and when it is, or was.
	Moved     Format // title, when before, when after
	Place     Format // title, when, place before, place after
	NoPlace   string // in place of a place
	Renamed   Format // title before, when, title after
	Cancelled Format // title, when
	Restored  Format // title, when
	Added     Format // title, when
	Removed   Format // title, when
	Reworded  Format // title, when
	Many      Plural // changes that were found together

	Busy  string // title of an entry of which nothing is shown
	Done  string // before the title of a finished task, with a blank
	Stale Format // title of the note that the data are old: since when
	Late  Format // what the note says first: since when

	Ends     Format // title of the note that the address will end: when
	EndsLead string

	// Of what a letter brings and is not kept here.
	AbsentFile    Format // name, why
	AbsentPicture Format // why
	TooLarge      string
	TooMany       string
	Unread        string
	NoRoom        string
	AtSchool      string // leads to the letter at the school
}

// AbsentMedia is what is said of a picture or file that is not kept; empty for
// one that is.
func (w *Words) AbsentMedia(m school.MediaRef) string {
	s := &w.Subscribed
	var why string
	switch m.Absent {
	case school.AbsentNot:
		return ""
	case school.AbsentSize:
		why = s.TooLarge
	case school.AbsentNumber:
		why = s.TooMany
	case school.AbsentRoom:
		why = s.NoRoom
	case school.AbsentUnread:
		fallthrough
	default:
		why = s.Unread
	}
	if m.Image {
		return s.AbsentPicture.With(why)
	}
	return s.AbsentFile.With(m.Name, why)
}

// Span names the time of a span so that it stays true for ever: "tors 26 nov
// 10:20", or the days. The year stands with it where it is not that of seen.
func (w *Words) Span(seen time.Time, s school.Span) string {
	year := seen.In(w.zone).Year()
	if !s.AllDay {
		return w.date(year, school.DateOf(s.Start.In(w.zone))) + s.Start.In(w.zone).Format(" 15:04")
	}
	first, last := s.Days.From, s.Days.To.AddDays(-1)
	if !first.Before(last) {
		return w.date(year, first)
	}
	return w.date(year, first) + " – " + w.date(year, last)
}

// Shift names two times of the same thing so that what differs is seen:
// "tors 26 nov 10:20 → 11:00".
func (w *Words) Shift(seen time.Time, before, after school.Span) (from, to string) {
	if before.AllDay || after.AllDay || school.DateOf(before.Start.In(w.zone)) != school.DateOf(after.Start.In(w.zone)) {
		return w.Span(seen, before), w.Span(seen, after)
	}
	from, to = w.Span(seen, before), after.Start.In(w.zone).Format("15:04")
	if before.Start.Equal(after.Start) {
		from += before.End.In(w.zone).Format("–15:04")
		to += after.End.In(w.zone).Format("–15:04")
	}
	return from, to
}

// At names a moment so that it stays true for ever: "tis 21 nov 14:10".
func (w *Words) At(t time.Time) string {
	return w.Span(t, school.Timed(t, t))
}

func (w *Words) date(year int, d school.Date) string {
	s := fmt.Sprintf("%s %d %s", w.Weekday(d.Weekday()), d.Day, w.Month(d.Month))
	if d.Year != year {
		s += fmt.Sprintf(" %d", d.Year)
	}
	return s
}

// One returns what a single entry of a kind is called when nothing else of it
// is shown.
func (w *Words) One(k school.Kind) string {
	switch k {
	case school.KindLessons:
		return w.pick("Lektion", "Lesson")
	case school.KindDay:
		return w.pick("Skola", "School")
	case school.KindHomework:
		return w.pick("Läxa eller prov", "Homework or test")
	case school.KindCare:
		return w.pick("Omsorg", "Care")
	case school.KindMeals:
		return w.pick("Lunch", "Lunch")
	case school.KindKit:
		return w.pick("Ta med", "Bring")
	case school.KindEvents, school.KindFamily, school.KindNews, school.KindNotices, school.KindChanges, school.KindAll:
		return w.pick("Skolan", "School")
	}
	return w.pick("Skolan", "School")
}

func svSubscribed() Subscribed {
	return Subscribed{
		Moved: "%s %s → %s", Place: "%s %s: %s → %s", NoPlace: "ingen plats", Renamed: "%s %s heter nu %s",
		Cancelled: "Inställt: %s %s", Restored: "Blir av ändå: %s %s", Added: "Nytt: %s %s", Removed: "Borttaget: %s %s",
		Reworded: "Ny beskrivning: %s %s", Many: Plural{"%s ändring", "%s ändringar"},
		Busy: "Upptagen", Done: "Klar: ",
		Stale:    "Skolans uppgifter är från %s",
		Late:     "Inget nytt har kunnat hämtas sedan %s. Allt som hämtades före det finns kvar.",
		Ends:     "Den här adressen slutar fungera %s",
		EndsLead: "Be den som delade den med dig om en ny, om du vill ha kvar den. Har du redan den nya, så ta bort den här.",

		AbsentFile:    "Filen ”%s” finns hos skolan men kunde inte hämtas hit: %s.",
		AbsentPicture: "En bild finns hos skolan men kunde inte hämtas hit: %s.",
		TooLarge:      "den är för stor",
		TooMany:       "brevet har för många filer",
		Unread:        "skolan lämnade inte ut den",
		NoRoom:        "det finns inte plats för den",
		AtSchool:      "Öppna hos skolan",
	}
}

func enSubscribed() Subscribed {
	return Subscribed{
		Moved: "%s, %s → %s", Place: "%s, %s: %s → %s", NoPlace: "no place", Renamed: "%s %s is now called %s",
		Cancelled: "Cancelled: %s %s", Restored: "Takes place after all: %s %s", Added: "New: %s %s", Removed: "Removed: %s %s",
		Reworded: "New description: %s %s", Many: Plural{"%s change", "%s changes"},
		Busy: "Busy", Done: "Done: ",
		Stale:    "The school's data are from %s",
		Late:     "Nothing new could be read since %s. All that was read before that is still here.",
		Ends:     "This address stops working on %s",
		EndsLead: "Ask the person who shared it with you for a new one, if you want to keep it. If you have the new one already, remove this one.",

		AbsentFile:    "The file “%s” is at the school but could not be fetched here: %s.",
		AbsentPicture: "A picture is at the school but could not be fetched here: %s.",
		TooLarge:      "it is too large",
		TooMany:       "the letter has too many files",
		Unread:        "the school did not hand it out",
		NoRoom:        "there is no room for it",
		AtSchool:      "Open at the school",
	}
}
