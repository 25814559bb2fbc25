package schooltest

import (
	"slices"
	"strconv"
	"time"

	"syncd/source/school"
)

// File is a file or picture that hangs on a letter or on an event of a
// school's calendar.
type File struct {
	Of school.Ref // the letter or event
	school.Media
}

// FilesOf returns the files that hang on one thing, in their order.
func FilesOf(files []File, of school.Ref) []school.Media {
	var out []school.Media
	for _, f := range files {
		if f.Of == of {
			out = append(out, f.Media)
		}
	}
	return out
}

// schoolday gives a pupil lessons, tasks and meetings.
func (b *builder) schoolday(c *Child) {
	c.Lessons = b.lessons()
	c.Tasks = b.tasks(*c)
	c.Meetings = b.meetingsOf(*c)
	c.Files = []File{{Of: c.Letters[0].Ref, Media: b.document("Packlista")}}
}

// lesson times of a school day.
type period struct{ fromHour, fromMinute, toHour, toMinute int }

// lessons are five entries a school day, from four weeks back to sixteen
// ahead, a week of holidays left out. Lunch is one of them, as platforms show
// it; on two days the last one says what to bring.
func (b *builder) lessons() []school.Lesson {
	periods := []period{{8, 10, 9, 0}, {9, 10, 10, 5}, {10, 20, 11, 20}, {11, 20, 11, 50}, {13, 0, 14, 10}}
	var subjects, rooms, teachers []string
	for _, name := range []string{"Matematik", "Svenska", "Engelska", "Biologi", "Slöjd", "Idrott och hälsa"} {
		subjects = append(subjects, name+" "+b.word())
		rooms = append(rooms, "Sal "+b.word())
		teachers = append(teachers, "Lärare "+b.word())
	}
	lunch, kit := "Lunch "+b.word(), "Ta med ombyte och "+b.word()
	var out []school.Lesson
	for week := -4; week <= 16; week++ {
		if week == 6 {
			continue
		}
		for day := range 5 {
			for i, p := range periods {
				n := (day*2 + i) % len(subjects)
				l := school.Lesson{
					Item: school.Item{
						Title: subjects[n], Place: rooms[n],
						Span: b.timed(b.day(week, time.Weekday(1+day)), p.fromHour, p.fromMinute, p.toHour, p.toMinute),
					},
					Teacher: teachers[n],
				}
				if i == 3 {
					l.Title, l.Place, l.Teacher = lunch, "", ""
				}
				if i == 4 && n == 5 {
					l.Body = kit
				}
				out = append(out, l)
			}
		}
	}
	return out
}

// tasks are due from two weeks back to five ahead; what is past is done.
func (b *builder) tasks(c Child) []school.Task {
	var out []school.Task
	for i, week := range []int{-2, -1, 0, 0, 1, 2, 5} {
		d := b.day(week, time.Weekday(1+(2*i)%5))
		t := school.Task{
			Item: school.Item{
				Ref: number(310000000, c.Key, i), Title: "Läxa om " + b.word(), Span: school.AllDay(d, d),
				Body: "<p>Läs s. " + strconv.Itoa(12+i) + " om <strong>" + b.word() + "</strong>.</p>",
			},
			Subject: "Biologi " + b.word(), Done: week < 0,
		}
		if i == 4 {
			t.Title, t.Span = "Prov om "+b.word(), b.timed(d, 9, 10, 9, 10)
		}
		out = append(out, t)
	}
	return out
}

// meetingsOf are booked with a teacher; the title is the teacher's name.
func (b *builder) meetingsOf(c Child) []school.Event {
	var out []school.Event
	for i, week := range []int{-3, 3} {
		e := event("Lärare "+b.word(), "Rum "+b.word(), b.timed(b.day(week, time.Wednesday), 15, 20, 15, 40))
		e.Ref, e.Scope, e.Busy = number(940000, c.Key, i), school.ScopeChild, true
		out = append(out, e)
	}
	return out
}

// care are the hours of a preschool or leisure-time centre, from last week to
// six ahead. One day is closed, one is taken off and one is not filled in.
func (b *builder) care(fromHour int) []school.Care {
	var out []school.Care
	for week := -1; week <= 6; week++ {
		for day := range 5 {
			d := b.day(week, time.Weekday(1+day))
			c := school.Care{Item: school.Item{Span: b.timed(d, fromHour, 30, 16, 15)}}
			switch {
			case week == 2 && day == 4:
				c.Title, c.Span = "Planeringsdag "+b.word(), school.AllDay(d, d)
			case week == 3 && day == 0:
				c.Status, c.Span = school.StatusCancelled, school.AllDay(d, d)
			case week == 4 && day == 1:
				continue
			}
			out = append(out, c)
		}
	}
	return out
}

// log is what a preschool writes about its days, newest last, to the minute.
func (b *builder) log(c Child) []school.NewsItem {
	var out []school.NewsItem
	for i, days := range []int{11, 4} {
		at := b.now.AddDate(0, 0, -days).Truncate(time.Minute)
		n := school.NewsItem{
			Ref: number(5200000, c.Key, i), Title: "Vi plockade " + b.word(), Source: "Gruppen " + b.word(),
			HTML: "<div>Barnen räknade " + b.word() + ".</div>", Published: at, Modified: at,
		}
		name := "bild" + strconv.Itoa(i) + ".jpg"
		n.Images = []school.Media{{Ref: number(560000000, c.Key, i), Name: name, Type: "image/jpeg", Data: picture()}}
		out = append(out, n)
	}
	return out
}

// document is a small PDF.
func (b *builder) document(name string) school.Media {
	return school.Media{
		Name: name + " " + b.word() + ".pdf", Type: "application/pdf",
		Data: []byte("%PDF-1.4\n% " + b.word() + "\n%%EOF\n"),
	}
}

// number makes the same number from the same words, at most a million above
// base.
func number(base int, key string, i int) school.Ref {
	h := 0
	for _, r := range key {
		h = (h*31 + int(r)) % 9973
	}
	return school.Ref(strconv.Itoa(base + h*100 + i))
}

// EditLessons changes a child's lessons; false when there is no such child.
// The function is given a copy and returns what is to be.
func (w *World) EditLessons(childKey string, edit func([]school.Lesson) []school.Lesson) bool {
	return w.EditChild(childKey, func(c *Child) { c.Lessons = edit(slices.Clone(c.Lessons)) })
}
