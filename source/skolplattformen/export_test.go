package skolplattformen

import (
	"encoding/json"
	"time"

	"syncd/source/school"
)

// The parsers of foreign bytes are tested and fuzzed one by one, with inputs
// that no fake would send; Fetch as a whole is tested from outside.

// ParseMoment returns the day, and the instant where there is a time.
func ParseMoment(s string) (day school.Date, at time.Time, timed, ok bool) {
	m, ok := parseMoment(&s)
	return m.day, m.at, m.timed, ok
}

// ParseSpan reads a start and an end as a calendar row has them.
func ParseSpan(start, end string, allDay bool) (school.Span, bool) {
	a, ok1 := parseMoment(&start)
	b, ok2 := parseMoment(&end)
	if !ok1 || !ok2 {
		return school.Span{}, false
	}
	return span(a, b, allDay)
}

// ParseMenuTitle is parseMenuTitle.
func ParseMenuTitle(title string, today school.Date) (school.Date, bool) {
	return parseMenuTitle(title, today)
}

// ParseMeal is meal.
func ParseMeal(text string) (school.Meal, bool) {
	return meal(school.NewDate(2026, time.November, 23), text)
}

// ParseMenuList reads the inside of GetMatsedelList.
func ParseMenuList(data []byte, today school.Date) ([]school.Meal, int, error) {
	var list wireMenu
	if err := decode(data, &list); err != nil {
		return nil, 0, err
	}
	rows, bad, err := decodeRows[wireWeek](list.Menus)
	if err != nil {
		return nil, 0, err
	}
	meals, skipped := menuFromList(string(list.Selected), rows, today)
	return meals, bad + skipped, nil
}

// ParseMenuRSS reads the inside of GetMatsedelRSS.
func ParseMenuRSS(data []byte, today school.Date) ([]school.Meal, int, error) {
	rows, bad, err := decodeRows[wireMeal](data)
	if err != nil {
		return nil, 0, err
	}
	meals, skipped := menuFromRSS(rows, today)
	return meals, bad + skipped, nil
}

// FindToken is findToken.
func FindToken(page []byte) string { return findToken(page) }

// ParseEnvelope is decodeEnvelope.
func ParseEnvelope(body []byte) (json.RawMessage, error) { return decodeEnvelope(body) }

// ParseUser returns owner and name of getuserdata's answer.
func ParseUser(body []byte) (owns school.Ref, name string, err error) {
	u, err := decodeUser(body)
	if err != nil {
		return "", "", err
	}
	return owner(u), ownerName(u), nil
}

// ParseChildren reads the inside of GetChildren.
func ParseChildren(data []byte) ([]school.Child, error) {
	rows, skipped, err := decodeRows[wireChild](data)
	if err != nil {
		return nil, err
	}
	pupils, err := translateChildren(rows, skipped)
	var out []school.Child
	for _, p := range pupils {
		out = append(out, p.Child)
	}
	return out, err
}

// ParseCalendar reads the inside of GetSchoolCalender.
func ParseCalendar(data []byte) ([]school.Event, int, error) {
	rows, bad, err := decodeRows[wireEvent](data)
	if err != nil {
		return nil, 0, err
	}
	events, skipped := translateEvents(rows, "school", school.ScopeSchool)
	return events, bad + skipped, nil
}

// ParseBookings reads the inside of GetSchema.
func ParseBookings(data []byte) ([]school.Event, int, error) {
	rows, bad, err := decodeRows[wireEvent](data)
	if err != nil {
		return nil, 0, err
	}
	events, skipped := translateBookings(rows)
	return events, bad + skipped, nil
}

// ParseLetters reads NewsItems of GetNewsArchive.
func ParseLetters(data []byte) ([]school.NewsItem, int, error) {
	rows, bad, err := decodeRows[wireNews](data)
	if err != nil {
		return nil, 0, err
	}
	letters, skipped := translateLetters(rows, pupil{Child: school.Child{Ref: "child"}})
	var out []school.NewsItem
	for _, l := range letters {
		out = append(out, l.NewsItem)
	}
	return out, bad + skipped, nil
}

// ParseNotices reads the inside of getnotifications.
func ParseNotices(data []byte) ([]school.Notice, int, error) {
	rows, bad, err := decodeRows[wireNotice](data)
	if err != nil {
		return nil, 0, err
	}
	notices, skipped := translateNotices(rows)
	return notices, bad + skipped, nil
}

// CalendarWindow is calendarWindow.
func CalendarWindow(events []school.Event, rows int, today, to school.Date) (school.Window, bool) {
	return calendarWindow(events, rows, today, to)
}

// Allowed lists "METHOD path" of everything that may be sent to the platform.
func Allowed() []string {
	var out []string
	for _, r := range rules() {
		out = append(out, r.Method+" "+r.Host+r.Path)
	}
	return out
}

// MaxNewLetters is newLetters.
const MaxNewLetters = newLetters

// RowLimit is rowLimit.
const RowLimit = rowLimit
