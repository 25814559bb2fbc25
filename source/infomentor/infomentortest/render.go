package infomentortest

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"syncd/source/internal/faketest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
)

func readAll(r *http.Request) []byte {
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil
	}
	return data
}

// wall writes an instant as the platform does: in Stockholm, without saying
// so.
func wall(t time.Time) string { return t.In(school.Stockholm()).Format("2006-01-02T15:04:05") }

func midnight(d school.Date) string { return d.String() + "T00:00:00" }

func serverError() *faketest.Answer {
	return faketest.Page(http.StatusInternalServerError, "<html><head><title>Runtime Error</title></head><body>The parameters dictionary contains a null entry.</body></html>")
}

func resourceURL(kind, module string, of school.Ref, entity, n int) string {
	return "/Resources/Resource/Download/" + strconv.Itoa(ResourceID(kind, of, n)) + "?api=IM2&ModuleType=" + module + "&ConnectionId=" + strconv.Itoa(entity)
}

func (s *Server) calendarData(question) *faketest.Answer {
	return faketest.JSON(calendarData{TodayDate: midnight(school.DateOf(s.now())), EntryTypes: entryTypes()})
}

// entryTypes are the types of calendar entries.
func entryTypes() []entryType {
	return []entryType{
		{ID: 1, Name: "Händelse", Colour: "#3b8ede", ClassName: "event"},
		{ID: 2, Name: "Aktivitet", Colour: "#f5a623", ClassName: "activity"},
		{ID: 13, Name: "Röd dag", Colour: "#d0021b", ClassName: "holiday"},
		{ID: 4471, Name: "Prov", Colour: "#7ed321", ClassName: "custom", Custom: true},
	}
}

// TypeName returns the name of the type under which an event is shown.
func TypeName(e school.Event) string {
	if e.Span.AllDay {
		return "Aktivitet"
	}
	return "Händelse"
}

// entries are the school's calendar in a range of days, both included, and
// the child's tasks once more.
func (s *Server) entries(q question) *faketest.Answer {
	var in struct{ StartDate, EndDate string }
	ok := q.read(&in)
	from, err1 := school.ParseDate(strings.ReplaceAll(in.StartDate, "/", "-"))
	to, err2 := school.ParseDate(strings.ReplaceAll(in.EndDate, "/", "-"))
	if !ok || err1 != nil || err2 != nil {
		s.offend(q.r, "startDate or endDate is missing")
		return serverError()
	}
	if from.DaysUntil(to) > 70 {
		s.offend(q.r, "so long a range was never seen")
	}
	w, loc := school.Window{From: from, To: to.AddDays(1)}, school.Stockholm()
	out := []calendarEntry{}
	sch := s.world.SchoolOf(q.c)
	for _, e := range sch.Calendar {
		if w.Overlaps(e.Span, loc) {
			row := eventJSON(sch, e)
			row.HasAttachments = e.Ref != "" && len(schooltest.FilesOf(sch.Files, e.Ref)) > 0
			out = append(out, row)
		}
	}
	for _, t := range q.c.Tasks {
		if w.Overlaps(t.Span, loc) {
			e := school.Event{Item: t.Item}
			row := eventJSON(sch, e)
			row.ID, row.TypeID = 229000000+hash("task", string(t.Ref))%1000000, 4471
			to := "/task/show/" + string(t.Ref)
			row.URL, row.Subjects = &to, []subject{{ID: 7001, Title: t.Subject}}
			out = append(out, row)
		}
	}
	return faketest.JSON(out)
}

func eventJSON(sch schooltest.School, e school.Event) calendarEntry {
	id := EventID(sch, e)
	row := calendarEntry{
		ID: id, Title: e.Title, Text: &e.Body, Description: &e.Body, TypeID: 1, AllDay: e.Span.AllDay,
		Subjects: []subject{}, Courses: []subject{},
	}
	if e.Body == "" && id%3 == 0 {
		row.Text, row.Description = nil, nil
	}
	loc := school.Stockholm()
	start, end := e.Span.Bounds(loc)
	first, last := school.DateOf(start.In(loc)), school.DateOf(end.In(loc))
	row.StartFull, row.EndFull = wall(start), wall(end)
	if !e.Span.AllDay {
		from, to := start.In(loc).Format("15:04"), end.In(loc).Format("15:04")
		row.StartTime, row.EndTime = &from, &to
	} else {
		row.TypeID = 2
		empty := ""
		if id%2 == 0 {
			row.StartTime, row.EndTime = &empty, &empty // style a: the end is the next midnight
		} else {
			last = last.AddDays(-1) // style b: the end is the last second
			row.EndFull = last.String() + "T23:59:59"
		}
	}
	row.Start, row.End = first.String(), last.String()
	row.FormattedStart, row.FormattedEnd = first.String(), last.String()
	return row
}

func (s *Server) attachments(q question) *faketest.Answer {
	var in struct{ ID any }
	if !q.read(&in) || in.ID == nil {
		s.offend(q.r, "id is missing")
		return serverError()
	}
	id := ""
	switch v := in.ID.(type) {
	case string:
		id = v
	case float64:
		id = strconv.Itoa(int(v))
	}
	out := []attachment{}
	sch := s.world.SchoolOf(q.c)
	for _, e := range sch.Calendar {
		if strconv.Itoa(EventID(sch, e)) != id {
			continue
		}
		for i, f := range schooltest.FilesOf(sch.Files, e.Ref) {
			out = append(out, attachment{FileType: "pdf", Title: f.Name, URL: resourceURL("event", "CalendarV2", e.Ref, EventID(sch, e), i)})
		}
	}
	return faketest.JSON(out)
}

func (s *Server) subscription(q question) *faketest.Answer {
	return faketest.JSON(SubscriptionURI(q.c))
}

// SubscriptionURI returns the official calendar address of a child.
func SubscriptionURI(c schooltest.Child) string {
	return "webcal://im2-api.infomentor.se/V1/CalendarV2/IcalSubscription/Subscription/a1b2c3d4-0000-11ef-ac7e-" + strconv.FormatInt(100_000_000_000+int64(hash("ics", c.Key)), 10)
}

func (s *Server) timetable(q question) *faketest.Answer {
	in, err := url.ParseQuery(string(q.body))
	from, err1 := school.ParseDate(in.Get("start"))
	to, err2 := school.ParseDate(in.Get("end"))
	if err != nil || err1 != nil || err2 != nil || in.Get("UTCOffset") == "" {
		s.offend(q.r, "UTCOffset, start or end is missing")
		return serverError()
	}
	w, loc := school.Window{From: from, To: to.AddDays(1)}, school.Stockholm()
	out := []lessonRow{}
	for _, l := range q.c.Lessons {
		if w.Overlaps(l.Span, loc) {
			out = append(out, lessonRow{
				Start: wall(l.Span.Start), End: wall(l.Span.End), Title: l.Title,
				StartTime: l.Span.Start.In(loc).Format("15:04"), EndTime: l.Span.End.In(loc).Format("15:04"),
				Notes: lessonNotes{Room: l.Place, Notes: l.Body, Tutors: l.Teacher},
			})
		}
	}
	return faketest.JSON(out)
}

// care is one week, from Monday to Friday. The times that were planned stay
// on days that turned out closed.
func (s *Server) care(q question) *faketest.Answer {
	var in struct{ Date string }
	day, ok := q.read(&in), false
	var asked school.Date
	if day && len(in.Date) >= 10 {
		d, err := school.ParseDate(in.Date[:10])
		asked, ok = d, err == nil
	}
	if !ok {
		s.offend(q.r, "date is missing")
		return serverError()
	}
	monday, loc := asked.Monday(), school.Stockholm()
	out := careWeek{Start: midnight(monday), End: midnight(monday.AddDays(4)), Days: []careDay{}}
	for n := range 5 {
		d := monday.AddDays(n)
		row := careDay{
			Date: midnight(d), CanEdit: true,
			Opening: d.String() + "T06:30:00", Closing: d.String() + "T18:00:00",
		}
		for _, c := range q.c.Care {
			start, _ := c.Span.Bounds(loc)
			if school.DateOf(start.In(loc)) != d {
				continue
			}
			row.ID = 71000000 + hash("care", q.c.Key, d.String())%1000000
			from, to := d.String()+"T07:30:00", d.String()+"T16:00:00"
			if c.Span.AllDay {
				row.OnLeave, row.Closed, row.ClosedReason = c.Title == "", c.Title != "", c.Title
			} else {
				from, to = wall(c.Span.Start), wall(c.Span.End)
			}
			row.Start, row.End = &from, &to
		}
		out.Days = append(out.Days, row)
	}
	return faketest.JSON(out)
}

func (s *Server) news(q question) *faketest.Answer {
	out := newsList{Items: []newsItem{}, Total: len(q.c.Letters)}
	for _, n := range q.c.Letters {
		id := LetterID(n)
		row := newsItem{
			ID: id, Title: n.Title, Content: n.HTML, Published: wall(n.Published), PublishedSE: n.Published.Format("2006-01-02"),
			PublishedBy: n.Author, Attachments: []attachment{},
		}
		if len(n.Images) > 0 {
			row.Image = resourceURL("image", "NewsItem", n.Ref, id, 0)
			row.Thumbnail = strings.Replace(row.Image, "Download", "Thumbnail", 1) + "&width=100&height=100"
		}
		for i, f := range schooltest.FilesOf(q.c.Files, n.Ref) {
			row.Attachments = append(row.Attachments, attachment{FileType: "pdf", Title: f.Name, URL: resourceURL("file", "NewsItem", n.Ref, id, i)})
		}
		if s.o.InText {
			row.putInText()
		}
		out.Items = append(out.Items, row)
	}
	return faketest.JSON(out)
}

// putInText moves the pictures and files of a letter into its text, as somebody
// does who pastes them there: some in small, by whole and by relative addresses,
// and the same one twice.
func (n *newsItem) putInText() {
	if n.Image != "" {
		n.Content += `<p><a href="` + html.EscapeString(n.Image) + `"><img alt="Bilden" src="` + html.EscapeString(n.Thumbnail) + `"></a></p><p><img src="https://` + HubHost + html.EscapeString(n.Image) + `"></p>`
	}
	for _, f := range n.Attachments {
		n.Content += `<p><a href="` + html.EscapeString(f.URL) + `"> ` + html.EscapeString(f.Title) + `</a></p>`
	}
	n.Content += `<p><img src="data:image/gif;base64,R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs="><img src="https://example.invalid/Resources/Resource/Download/1"></p>`
	n.Image, n.Thumbnail, n.Attachments = "", "", []attachment{}
}

// appType is what a notice is about: its sender, where that is the name of an
// application, else news.
func appType(n school.Notice) string {
	switch n.Sender {
	case "CalendarV2", "Assignment", "ParentMeeting", "Attendance", "Okänd":
		return n.Sender
	}
	return "News"
}

func notificationJSON(n school.Notice, c schooltest.Child, current bool) notification {
	return notification{
		ID: NoticeID(n), Title: n.Title, SubTitle: n.Text, Sent: wall(n.Sent), Order: wall(n.Sent), AppType: appType(n), State: "New",
		Type: "NewsItem", URL: "/#/communication/news/" + strconv.Itoa(NoticeID(n)), PupilIM2: IM2ID(c), PupilID: MappingID(c),
		IsCurrent: current, Entity: "NewsItem",
	}
}

// tasks come in pages.
func (s *Server) tasks(q question) *faketest.Answer {
	var in struct{ Page, PageSize int }
	if !q.read(&in) || in.Page < 1 || in.PageSize < 1 {
		s.offend(q.r, "page or pageSize is missing")
		return serverError()
	}
	out := taskList{Items: []taskRow{}}
	size := min(in.PageSize, 3) // so that there is more than one page
	for i, t := range q.c.Tasks {
		if t.Done {
			out.Done++
		} else {
			out.Due++
		}
		if i < (in.Page-1)*size || i >= in.Page*size {
			continue
		}
		id, _ := strconv.Atoi(string(t.Ref))
		start, _ := t.Span.Bounds(school.Stockholm())
		row := taskRow{
			ID: id, Status: "Due", DueDate: start.Format("2 jan"), Subject: t.Subject, Title: t.Title, Description: t.Body,
			Due: wall(start), StatusText: "Att göra",
		}
		if t.Done {
			row.Status = "Done"
		}
		out.Items = append(out.Items, row)
	}
	if in.Page*size < len(q.c.Tasks) {
		out.More = 1
	}
	return faketest.JSON(out)
}

// meetings are booked ones and one that is free.
func (s *Server) meetings(q question) *faketest.Answer {
	loc := school.Stockholm()
	row := func(e school.Event, booked *int) availability {
		start, end := e.Span.Start.In(loc), e.Span.End.In(loc)
		return availability{
			ID: string(e.Ref), Date: school.DateOf(start).String(), From: start.Format("15:04"),
			Range: start.Format("15:04") + "-" + end.Format("15:04"), RegisteredBy: e.Title, MeetingType: "InPerson",
			Location: e.Place, MeetingID: booked,
		}
	}
	out := availabilityList{Pages: 1, Availabilities: []availability{}}
	for i, e := range q.c.Meetings {
		booked := 950000 + i
		out.Availabilities = append(out.Availabilities, row(e, &booked))
		if i == 0 {
			free := e
			free.Ref += "9"
			out.Availabilities = append(out.Availabilities, row(free, nil))
		}
	}
	out.Total = len(out.Availabilities)
	return faketest.JSON(out)
}

// log is the blog, newest first, in pages.
func (s *Server) log(q question) *faketest.Answer {
	in := q.r.URL.Query()
	page, err1 := strconv.Atoi(in.Get("pageNumber"))
	size, err2 := strconv.Atoi(in.Get("pageSize"))
	if err1 != nil || err2 != nil || page < 1 || size < 1 {
		s.offend(q.r, "pageNumber or pageSize is missing")
		return serverError()
	}
	out := []logEntry{}
	for i := range q.c.Log {
		n := q.c.Log[len(q.c.Log)-1-i]
		if i < (page-1)*size || i >= page*size {
			continue
		}
		id, _ := strconv.Atoi(string(n.Ref))
		row := logEntry{
			ID: id, Title: n.Title, Text: n.HTML, Group: n.Source, LastModified: prose(n.Modified), Comments: []string{},
			Media: []logMedia{}, Attachments: []attachment{},
		}
		for j := range n.Images {
			rid := ResourceID("log", n.Ref, j)
			row.Media = append(row.Media, logMedia{
				FileID: rid, FileName: "bild", FileType: "Image", Extension: "jpg", FileURL: resourceURL("log", "LearnLogMedia", n.Ref, id, j),
			})
		}
		out = append(out, row)
	}
	return faketest.JSON(out)
}

// prose writes an instant in words: "den 2 september 2026 klockan 21:44".
func prose(t time.Time) string {
	t = t.In(school.Stockholm())
	month := []string{
		"januari", "februari", "mars", "april", "maj", "juni",
		"juli", "augusti", "september", "oktober", "november", "december",
	}[t.Month()-1]
	return "den " + strconv.Itoa(t.Day()) + " " + month + " " + strconv.Itoa(t.Year()) + " klockan " + t.Format("15:04")
}
