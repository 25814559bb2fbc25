package infomentor

// The parsers of foreign bytes, for tests and fuzzing.

import (
	"net/http"
	"net/url"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/school"
)

// FindHome returns the pupils that a page names; false when it names none.
func FindHome(body []byte) (names []string, ok bool) {
	h, ok := findHome(body)
	if !ok || h.check() != nil {
		return nil, false
	}
	for _, p := range h.Account.Pupils {
		names = append(names, personName(p.Name))
	}
	return names, true
}

// Page reads a page: the names of its forms' fields and its municipalities.
func Page(body []byte) (fields, titles, entries []string) {
	p := readPage(body)
	for _, f := range p.forms {
		for _, in := range f.Fields {
			fields = append(fields, in.Name)
		}
	}
	for _, m := range municipalities(p) {
		titles, entries = append(titles, m.title), append(entries, m.entry)
	}
	return fields, titles, entries
}

// Judge names what an answer of the Hub is.
func Judge(status int, location, contentType string, body []byte) int {
	return int(judge(&fetch.Response{
		Status: status, Body: body, URL: &url.URL{Scheme: "https", Host: hubHost, Path: "/x"},
		Header: http.Header{"Location": {location}, "Content-Type": {contentType}},
	}))
}

// ReadCookies returns the lines of an import as they are set, by host.
func ReadCookies(text string) (lines []string, ok bool) {
	cookies, ok := readCookies(text)
	for _, c := range cookies {
		lines = append(lines, c.at().Host+" "+c.line())
	}
	return lines, ok
}

// ParseMoment reads a date.
func ParseMoment(s string) (time.Time, bool) {
	m, ok := parseMoment(&s)
	return m.instant(), ok
}

// Entries translates a calendar.
func Entries(data []byte) (events []school.Event, skipped int, err error) {
	list, err := rowsOf(data)
	if err != nil {
		return nil, 0, err
	}
	rows, skipped, err := decodeRows[wireEntry](list)
	for _, r := range rows {
		if e, ok := translateEntry(r, map[int64]string{13: "Röd dag"}); ok {
			events = append(events, e)
		} else {
			skipped++
		}
	}
	return events, skipped, err
}

// Lessons translates a week of lessons.
func Lessons(data []byte, w school.Window) (lessons []school.Lesson, skipped int, err error) {
	rows, bad, err := decodeRows[wireLesson](data)
	lessons, skipped = translateLessons(rows, w)
	return lessons, skipped + bad, err
}

// Week translates a week of care times.
func Week(data []byte) (school.Window, []school.Care, int, error) {
	var w wireWeek
	if err := decode(data, &w); err != nil {
		return school.Window{}, nil, 0, err
	}
	return translateWeek(w)
}

// Rest translates everything else that comes in rows.
func Rest(data []byte) (letters []school.NewsItem, notices []school.Notice, tasks []school.Task, meetings []school.Event) {
	if rows, _, err := decodeRows[wireNews](data); err == nil {
		list, _ := translateNews(rows, pupil{})
		for _, l := range list {
			letters = append(letters, l.NewsItem)
		}
	}
	if rows, _, err := decodeRows[wireLog](data); err == nil {
		list, _ := translateLog(rows, pupil{})
		for _, l := range list {
			letters = append(letters, l.NewsItem)
		}
	}
	if rows, _, err := decodeRows[wireNotice](data); err == nil {
		notices, _ = translateNotices(rows)
	}
	if rows, _, err := decodeRows[wireTask](data); err == nil {
		for _, r := range rows {
			if t, ok, _ := translateTask(r); ok {
				tasks = append(tasks, t)
			}
		}
	}
	if rows, _, err := decodeRows[wireMeeting](data); err == nil {
		meetings, _ = translateMeetings(rows, "Möten")
	}
	return letters, notices, tasks, meetings
}

// Resource returns the address from which a file is read.
func Resource(addr string) (string, bool) {
	abs, _, ok := resource(addr)
	return abs, ok
}

// SwitchURL returns the address by which a pupil is selected.
func SwitchURL(addr string) string { return switchURL(addr) }

// FileName reads a Content-Disposition.
func FileName(s string) string { return fileName(s) }

// DecodeState reports whether data is a session's state.
func DecodeState(data []byte) bool {
	_, err := decodeState(source.NewSession(data, nil), fetch.NewJar(func() time.Time { return time.Unix(0, 0) }))
	return err == nil
}

// CalendarFile reads a calendar file as if nothing had been shown before.
func CalendarFile(data []byte) ([]school.Event, error) {
	entries, err := readCalendarFile(data)
	return news(nil, entries), err
}
