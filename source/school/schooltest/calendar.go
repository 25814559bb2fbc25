package schooltest

import (
	"strconv"
	"strings"
	"time"

	"syncd/source/school"
)

// school lays out one school: a calendar of fewer than fifty entries, because
// no platform fake has to cut it then, and menus for the weeks around now.
func (b *builder) school(name, key string, preschool bool) School {
	s := School{Key: key, Name: name, Preschool: preschool}
	s.Calendar = b.closures()
	s.Calendar = append(s.Calendar, b.studyDays()...)
	s.Calendar = append(s.Calendar, b.meetings()...)
	s.Calendar = append(s.Calendar, b.outings()...)
	s.Calendar = append(s.Calendar, b.clockChangeEvents()...)
	s.Calendar = append(s.Calendar, b.oddEvents()...)
	for i := range s.Calendar {
		s.Calendar[i].Scope = school.ScopeSchool
		s.Calendar[i].Ref = school.Ref(strconv.Itoa(41 + i))
	}
	s.Calendar[len(s.Calendar)-1].Ref = "" // one without an id
	sortEvents(s.Calendar)
	s.Menu = b.menu()
	return s
}

// closures are whole weeks and more, one day before them included.
func (b *builder) closures() []school.Event {
	var out []school.Event
	for _, c := range []struct {
		title       string
		week, weeks int
	}{
		{"Lovvecka", -31, 1}, {"Sportlov", -15, 1}, {"Höstlov", 6, 1}, {"Jullov", 18, 2}, {"Sommarlov", 38, 8},
	} {
		first := b.day(c.week, time.Monday)
		out = append(out, event(c.title+" "+b.word(), "", school.AllDay(first, first.AddDays(7*c.weeks-3))))
	}
	return out
}

func (b *builder) studyDays() []school.Event {
	var out []school.Event
	for i, week := range []int{-40, -22, -9, -3, 2, 9, 16, 27, 34} {
		d := b.day(week, time.Weekday(1+i%5))
		e := event("Studiedag "+b.word(), "", school.AllDay(d, d))
		e.Body = "Skolan är stängd. Fritids har öppet i " + b.word() + "."
		out = append(out, e)
	}
	return out
}

// meetings are in the evening.
func (b *builder) meetings() []school.Event {
	var out []school.Event
	for i, week := range []int{-26, -6, 1, 12, 29} {
		d := b.day(week, time.Weekday(1+i%4))
		e := event("Föräldramöte "+b.word(), "Matsalen "+b.word(), b.timed(d, 18, 0, 19, 30))
		e.Body = "<p>Samling i matsalen.</p><p>Kaffe &amp; bullar &lt;i m&aring;n av tid&gt;</p>"
		out = append(out, e)
	}
	return out
}

// outings begin and end at odd minutes.
func (b *builder) outings() []school.Event {
	var out []school.Event
	for i, week := range []int{-18, -4, -1, 0, 1, 3, 5, 8, 15, 23} {
		d := b.day(week, time.Weekday(1+(i*2)%5))
		e := event("Utflykt till "+b.word(), b.word(), b.timed(d, 8, 35, 13, 55))
		if i%3 == 0 {
			e.Body = "Ta med:\r\nmatsäck\r\nvattenflaska\r\noch " + b.word()
		}
		out = append(out, e)
	}
	return out
}

// clockChangeEvents stand on the days around each change of the clocks, in
// the hour that comes twice, and across the hour that is left out.
func (b *builder) clockChangeEvents() []school.Event {
	var out []school.Event
	for _, sunday := range b.clockChanges() {
		friday, saturday, monday := sunday.AddDays(-2), sunday.AddDays(-1), sunday.AddDays(1)
		out = append(out,
			event("Fredagsmys "+b.word(), "", b.timed(friday, 8, 0, 9, 0)),
			event("Nattvandring "+b.word(), b.word(), school.Timed(saturday.At(22, 0, b.loc), sunday.At(6, 0, b.loc))),
			event("Morgonsamling "+b.word(), "", b.timed(monday, 8, 0, 9, 0)),
		)
		if sunday.AddDays(1).Start(b.loc).Sub(sunday.Start(b.loc)) > 24*time.Hour {
			out = append(out, event("Stjärnskådning "+b.word(), "", b.timed(sunday, 2, 30, 4, 15)))
		}
		out = append(out, event("Klockdag "+b.word(), "", school.AllDay(saturday, sunday)))
	}
	return out
}

// oddEvents hold what people really type.
func (b *builder) oddEvents() []school.Event {
	const rtl, zeroWidth = "\u200f", "\u200b"
	return []school.Event{
		event("🎉 Skoldisco; \"maskerad\", <alla> & lärare "+b.word(), "Aulan, plan 2; höger", b.timed(b.day(2, time.Friday), 17, 30, 20, 0)),
		event(rtl+"יום ספורט "+rtl+b.word(), "", b.timed(b.day(4, time.Wednesday), 9, 0, 14, 0)),
		event("A\u030aterbruksdag pa\u030a ga\u030arden "+zeroWidth+b.word(), "", b.timed(b.day(7, time.Tuesday), 10, 0, 11, 0)),
		event("Barnens konvention om rättigheter"+strings.Repeat("flaggstångsknoppsputsning", 10)+" "+b.word(), "", school.AllDay(b.day(10, time.Thursday), b.day(10, time.Thursday))),
		event("Sista m&aring;ndagen\tf&ouml;re lovet &#58; "+b.word(), "", school.AllDay(b.day(5, time.Monday), b.day(5, time.Monday))),
		event("Insamling "+b.word(), "", school.AllDay(b.day(0, time.Saturday), b.day(1, time.Sunday))),
	}
}

// schedule is what is booked for a child: twelve times over the year, one of
// them called off, one in the evening, two on the same day.
func (b *builder) schedule() []school.Event {
	var out []school.Event
	for i, week := range []int{-28, -13, -5, -2, 0, 0, 1, 2, 4, 7, 13, 24} {
		d := b.day(week, time.Weekday(1+(i*3)%5))
		e := event("Utvecklingssamtal "+b.word(), "Sal B"+strconv.Itoa(10+i)+" "+b.word(), b.timed(d, 9+i%6, 10, 9+i%6, 50))
		switch i {
		case 3, 7:
			e.Title, e.Status = "Luciatåg "+b.word(), school.StatusCancelled
			e.Body = "Öppet för föräldrar i " + b.word()
		case 8:
			e.Title, e.Span = "Klassmöte "+b.word(), b.timed(d, 19, 0, 20, 30)
		case 10:
			e.Title, e.Span = "Nationellt prov "+b.word(), school.AllDay(d, d)
		}
		e.Scope = school.ScopeChild
		out = append(out, e)
	}
	sortEvents(out)
	return out
}

// menu covers the school days from last week to three weeks ahead.
func (b *builder) menu() []Menu {
	var out []Menu
	for week := -1; week <= 3; week++ {
		for d := time.Monday; d <= time.Friday; d++ {
			out = append(out, Menu{Date: b.day(week, d), Dishes: []string{
				"Linsgryta från " + b.word(), "Fiskpinnar, potatis & remoulad " + b.word(),
			}})
		}
	}
	return out
}

func event(title, place string, span school.Span) school.Event {
	return school.Event{Item: school.Item{Title: title, Place: place, Span: span}}
}
