package infomentor

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"syncd/source/internal/htmlform"
	"syncd/source/school"
)

// absolute returns an address at the Hub, whose pages are written as "/#/…",
// "#/…" or "/…"; empty for what is none.
func absolute(addr string) string {
	addr = strings.TrimSpace(addr)
	if addr == "" || len(addr) > 1000 {
		return ""
	}
	base, err := url.Parse(hub + "/")
	if err != nil {
		return ""
	}
	u, err := base.Parse(addr)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// first returns the first text that is not blank.
func first(texts ...*string) string {
	for _, t := range texts {
		if strings.TrimSpace(deref(t)) != "" {
			return *t
		}
	}
	return ""
}

// translateEntry translates a calendar entry; false when it has no usable
// date.
func translateEntry(r wireEntry, types map[int64]string) (school.Event, bool) {
	start, ok1 := parseMoment(r.StartFull)
	end, ok2 := parseMoment(r.EndFull)
	if !ok1 || !ok2 {
		return school.Event{}, false
	}
	e := school.Event{
		Item:  school.Item{Ref: school.Ref(r.ID), Title: deref(r.Title), Body: first(r.Text, r.Description), URL: absolute(deref(r.URL))},
		Scope: school.ScopeSchool,
	}
	var ok bool
	if r.AllDay || !start.timed || !end.timed {
		e.Span, ok = wholeDays(start, end, r.End)
	} else {
		e.Span, ok = timed(start.at, end.at)
	}
	if r.Type != nil && types[*r.Type] != "" {
		e.Categories = append(e.Categories, types[*r.Type])
	}
	for _, s := range r.Subjects {
		if name := strings.TrimSpace(deref(s.Title)); name != "" && !slices.Contains(e.Categories, name) {
			e.Categories = append(e.Categories, name)
		}
	}
	return e, ok
}

// fileLine is what a calendar shows of an entry's files, which it cannot hold:
// their names, and where at the Hub they are found. Empty where there are none.
func fileLine(names []string, e school.Event) string {
	if len(names) == 0 {
		return ""
	}
	start, _ := e.Span.Bounds(school.Stockholm())
	year, week := start.In(school.Stockholm()).ISOWeek()
	page := fmt.Sprintf("%s/#/calendarv2/whole_week?selectedYear=%d&selectedWeek=%d&eventId=%s", hub, year, week, url.QueryEscape(string(e.Ref)))
	return `<p>📎 <a href="` + html.EscapeString(page) + `">` + html.EscapeString(strings.Join(names, ", ")) + "</a></p>"
}

// translateLessons translates a week. Rows outside it were not asked for; the
// same lesson may stand twice.
func translateLessons(rows []wireLesson, w school.Window) (lessons []school.Lesson, skipped int) {
	loc := school.Stockholm()
	for _, r := range rows {
		start, ok1 := parseMoment(r.Start)
		end, ok2 := parseMoment(r.End)
		if !ok1 || !ok2 {
			skipped++
			continue
		}
		l := school.Lesson{Item: school.Item{Title: deref(r.Title)}}
		var ok bool
		if r.AllDay || !start.timed || !end.timed {
			l.Span, ok = wholeDays(start, end, nil)
		} else {
			l.Span, ok = timed(start.at, end.at)
		}
		if !ok {
			skipped++
			continue
		}
		if r.Notes != nil {
			l.Place, l.Teacher, l.Body = deref(r.Notes.Room), deref(r.Notes.Tutor), deref(r.Notes.Notes)
		}
		if d := strings.TrimSpace(deref(r.Details)); d != "" && d != l.Body {
			l.Body = strings.TrimPrefix(l.Body+"\n"+d, "\n")
		}
		same := func(o school.Lesson) bool {
			return o.Title == l.Title && o.Place == l.Place && o.Teacher == l.Teacher && o.Body == l.Body && o.Span.Equal(l.Span)
		}
		if w.Overlaps(l.Span, loc) && !slices.ContainsFunc(lessons, same) {
			lessons = append(lessons, l)
		}
	}
	return lessons, skipped
}

// translateWeek translates a week of care times. On days that are closed or
// taken off the planned times still stand and do not count.
func translateWeek(w wireWeek) (school.Window, []school.Care, int, error) {
	from, ok1 := parseMoment(w.Start)
	to, ok2 := parseMoment(w.End)
	if !ok1 || !ok2 || to.day.Before(from.day) || from.day.DaysUntil(to.day) > 31 {
		return school.Window{}, nil, 0, notUnderstood("week has no dates")
	}
	window := school.Window{From: from.day, To: to.day.AddDays(1)}
	rows, skipped, err := decodeRows[wireDay](w.Days)
	if err != nil {
		return school.Window{}, nil, 0, err
	}
	var out []school.Care
	for _, r := range rows {
		c, there, ok := translateDay(r)
		switch {
		case !ok:
			skipped++
		case there:
			out = append(out, c)
		}
	}
	return window, out, skipped, nil
}

// translateDay translates one day; there is false for a day that nobody has
// filled in.
func translateDay(r wireDay) (c school.Care, there, ok bool) {
	day, ok := parseMoment(r.Date)
	if !ok {
		return school.Care{}, false, false
	}
	if r.Closed || r.Leave {
		c.Span = school.AllDay(day.day, day.day)
		if r.Closed {
			c.Title = strings.TrimSpace(deref(r.Reason))
		}
		if c.Title == "" {
			c.Status = school.StatusCancelled // no care on this day
		}
		return c, true, true
	}
	if deref(r.Start) == "" && deref(r.End) == "" {
		return school.Care{}, false, true
	}
	start, ok1 := parseMoment(r.Start)
	end, ok2 := parseMoment(r.End)
	if !ok1 || !ok2 || !start.timed || !end.timed {
		return school.Care{}, false, false
	}
	c.Span, ok = timed(start.at, end.at)
	return c, true, ok
}

// translateTask translates a task. One without a due date has no place in a
// calendar and is left out for good; skipped says that a date could not be
// read.
func translateTask(r wireTask) (t school.Task, ok, skipped bool) {
	if strings.TrimSpace(deref(r.Due)) == "" {
		return school.Task{}, false, false
	}
	due, ok := parseMoment(r.Due)
	if !ok || r.ID == "" {
		return school.Task{}, false, true
	}
	t = school.Task{
		Item:    school.Item{Ref: school.Ref(r.ID), Title: deref(r.Title), Body: deref(r.Description), URL: hub + "/#/task/show/" + url.PathEscape(string(r.ID))},
		Subject: strings.TrimSpace(deref(r.Subject)), Done: strings.EqualFold(r.Status, "Done"),
	}
	t.Span = school.AllDay(due.day, due.day)
	if due.timed && !due.zero {
		t.Span = school.Timed(due.at, due.at)
	}
	return t, true, false
}

// translateMeetings translates booked meetings; a free slot is none. word is
// what the platform calls meetings.
func translateMeetings(rows []wireMeeting, word string) (events []school.Event, skipped int) {
	for _, r := range rows {
		if r.Meeting == "" || r.Meeting == "0" {
			continue
		}
		day, ok1 := parseMoment(r.Date)
		from, to, _ := strings.Cut(deref(r.Range), "-")
		if strings.TrimSpace(from) == "" {
			from = deref(r.From)
		}
		start, ok2 := clockOn(day.day, from)
		end, ok3 := clockOn(day.day, to)
		if !ok3 && strings.TrimSpace(to) == "" {
			end, ok3 = start, ok2
		}
		span, ok4 := timed(start, end)
		if r.ID == "" || !ok1 || !ok2 || !ok3 || !ok4 {
			skipped++
			continue
		}
		title := strings.TrimSpace(deref(r.With))
		if word != "" && title != "" {
			title = word + ": " + title
		} else if title == "" {
			title = word
		}
		events = append(events, school.Event{
			Item: school.Item{
				Ref: school.Ref("meeting/" + string(r.ID)), Title: title, Place: deref(r.Location), Span: span, URL: absolute(deref(r.Link)),
			},
			Scope: school.ScopeChild, Busy: true,
		})
	}
	return events, skipped
}

// translateNotices translates a child's notifications, newest first.
func translateNotices(rows []wireNotice) (notices []school.Notice, skipped int) {
	for _, r := range rows {
		sent, ok := r.sent()
		if r.ID == "" || !ok {
			skipped++
			continue
		}
		notices = append(notices, school.Notice{
			Ref: school.Ref(r.ID), Title: deref(r.Title), Text: deref(r.SubTitle), URL: absolute(deref(r.URL)), Sent: sent.instant(),
		})
	}
	slices.SortStableFunc(notices, func(a, b school.Notice) int { return b.Sent.Compare(a.Sent) })
	return notices, skipped
}

// sent returns when a notification was sent.
func (r wireNotice) sent() (moment, bool) {
	if at, ok := parseMoment(r.Sent); ok {
		return at, true
	}
	return parseMoment(r.Order)
}

// translateNews translates the list of news.
func translateNews(rows []wireNews, p pupil) (letters []letter, skipped int) {
	for _, r := range rows {
		published, ok := parseMoment(r.Published)
		if !ok || r.ID == "" {
			skipped++
			continue
		}
		l := letter{NewsItem: school.NewsItem{
			Ref:   school.Ref(string(p.Ref) + "/" + string(r.ID)), // one letter goes to siblings, and is one for each
			Title: deref(r.Title), Author: deref(r.Author), HTML: deref(r.Content), Published: published.instant(),
			URL: hub + "/#/communication/news/" + url.PathEscape(string(r.ID)),
		}}
		l.Modified = l.Published
		l.sum = sumOf(l.Title, l.Author, l.HTML, deref(r.Image), fileSum(r.Files))
		if deref(r.Image) != "" {
			l.files = append(l.files, remoteFile{url: deref(r.Image), image: true})
		}
		l.files = append(l.files, remoteFiles(r.Files)...)
		l.addFromText()
		letters = append(letters, l)
	}
	return letters, skipped
}

// translateLog translates the learning log.
func translateLog(rows []wireLog, p pupil) (letters []letter, skipped int) {
	for _, r := range rows {
		at, ok := parseMoment(r.At)
		if !ok || r.ID == "" {
			skipped++
			continue
		}
		l := letter{NewsItem: school.NewsItem{
			Ref:   school.Ref(string(p.Ref) + "/log/" + string(r.ID)),
			Title: deref(r.Title), Source: strings.TrimSpace(deref(r.Group)), HTML: deref(r.Text), Published: at.instant(), URL: hub + "/#/learnlog",
		}}
		l.Modified = l.Published
		var media []string
		for _, m := range r.Media {
			media = append(media, deref(m.URL))
			l.files = append(l.files, remoteFile{url: deref(m.URL), image: strings.EqualFold(deref(m.Type), "Image")})
		}
		l.sum = sumOf(l.Title, l.Source, l.HTML, strings.Join(media, "\n"), fileSum(r.Files))
		l.files = append(l.files, remoteFiles(r.Files)...)
		l.addFromText()
		letters = append(letters, l)
	}
	return letters, skipped
}

// addFromText adds the pictures and files at the Hub to which a letter's text
// leads, each once: a picture that leads to itself is a picture. The text loses
// its pictures later, and its links lead where one has to sign in.
func (l *letter) addFromText() {
	known, attached := map[string]int{}, len(l.files)
	for i, f := range l.files {
		if _, rid, ok := resource(f.url); ok {
			known[rid] = i
		}
	}
	htmlform.Elements([]byte(l.HTML), func(n *html.Node) {
		f := remoteFile{url: htmlform.Attr(n, "href"), name: text(n)}
		if n.DataAtom == atom.Img {
			f = remoteFile{url: inFull(htmlform.Attr(n, "src")), alt: strings.TrimSpace(htmlform.Attr(n, "alt")), image: true}
		}
		_, rid, ok := resource(f.url)
		if !ok {
			return
		}
		i, twice := known[rid]
		switch {
		case !twice:
			known[rid] = len(l.files)
			l.files = append(l.files, f)
		case f.image && i >= attached:
			l.files[i].image, l.files[i].alt = true, cmp.Or(l.files[i].alt, f.alt)
		}
	})
}

// inFull returns the address of a picture of which another address shows a
// small one: both have the same number.
func inFull(addr string) string {
	i := strings.Index(strings.ToLower(addr), strings.ToLower(pathThumbnail))
	if i < 0 {
		return addr
	}
	rid, query, _ := strings.Cut(addr[i+len(pathThumbnail):], "?")
	in, err := url.ParseQuery(query)
	if err != nil {
		return addr
	}
	in.Del("width")
	in.Del("height")
	return addr[:i] + pathDownload + rid + "?" + in.Encode()
}

func remoteFiles(files []wireFile) []remoteFile {
	var out []remoteFile
	for _, f := range files {
		if deref(f.URL) != "" {
			out = append(out, remoteFile{url: *f.URL, name: strings.TrimSpace(deref(f.Title))})
		}
	}
	return out
}

func fileSum(files []wireFile) string {
	out := make([]string, 0, len(files))
	for _, f := range files {
		out = append(out, deref(f.Title)+"\t"+deref(f.URL))
	}
	return strings.Join(out, "\n")
}
