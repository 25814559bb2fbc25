package skolplattformentest

import (
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"syncd/source/school"
	"syncd/source/school/schooltest"
)

const (
	dateForm     = "2006-01-02"
	dateTimeForm = "2006-01-02 15:04"
)

func months() []string {
	return []string{
		"januari", "februari", "mars", "april", "maj", "juni",
		"juli", "augusti", "september", "oktober", "november", "december",
	}
}

func weekdays() []string { return []string{"Måndag", "Tisdag", "Onsdag", "Torsdag", "Fredag"} }

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func childJSON(c schooltest.Child) childRow {
	return childRow{
		Name: c.Name + " (elev)", ID: c.Key, SDSID: c.SecondKey, Status: strings.Join(c.Stages, ";"),
		UserType: "Student", SchoolID: c.School,
		Classes: "VHsidan_" + guid("page", c.Key) + ";Section_" + guid("section", c.Class),
	}
}

// eventJSON writes an event in Stockholm's wall clock, to the minute. The last
// day of a whole-day event is included.
func eventJSON(e school.Event) calendarRow {
	id, err := strconv.Atoi(string(e.Ref))
	if err != nil {
		id = 0
	}
	row := calendarRow{
		Title: e.Title, ID: id, Description: text(e.Body), Location: text(e.Place), AllDayEvent: e.Span.AllDay,
	}
	if e.Status == school.StatusCancelled {
		row.Title = "Canceled: " + row.Title
	}
	loc := school.Stockholm()
	first, last := e.Span.Start.In(loc), e.Span.End.In(loc)
	if e.Span.AllDay {
		first, last = e.Span.Days.From.Start(loc), e.Span.Days.To.AddDays(-1).Start(loc)
	}
	row.EventDate, row.EndDate = first.Format(dateForm), last.Format(dateForm)
	row.LongEventDateTime, row.LongEndDateTime = row.EventDate, row.EndDate
	if !e.Span.AllDay {
		row.EventDateTime, row.EndDateTime = first.Format("15:04"), last.Format("15:04")
		row.LongEventDateTime, row.LongEndDateTime = first.Format(dateTimeForm), last.Format(dateTimeForm)
	}
	month := months()[first.Month()-1]
	row.EventDateDayNumber = strconv.Itoa(first.Day())
	row.EventDateMonthName, row.EventDateMonthFullName = month[:3], month
	row.FullDateDescription = row.LongEventDateTime + " - " + row.LongEndDateTime
	row.IsSameDay = row.EventDate == row.EndDate
	return row
}

func eventsJSON(events []school.Event) []calendarRow {
	out := make([]calendarRow, 0, len(events))
	for _, e := range events {
		out = append(out, eventJSON(e))
	}
	return out
}

func ticks(t time.Time) string { return fmt.Sprintf("/Date(%d)/", t.UnixMilli()) }

func humanDate(t time.Time) string {
	t = t.In(school.Stockholm())
	return fmt.Sprintf("%d %s %d %02d:%02d", t.Day(), months()[t.Month()-1], t.Year(), t.Hour(), t.Minute())
}

// letterJSON writes a letter; in the list the text of every other one is left
// out, as the platform does at times.
func letterJSON(n school.NewsItem, c schooltest.Child, withBody bool) newsRow {
	site := "elevstockholm.sharepoint.com," + c.School + "," + guid("site", c.School)
	row := newsRow{
		NewsID: string(n.Ref), SiteID: site, NewsListID: guid("news list", c.School), NewsItemID: site + "_57",
		Header:          n.Title,
		PublicationDate: ticks(n.Published), PubDateSE: humanDate(n.Published),
		ModifiedDate: ticks(n.Modified), ModDateSE: humanDate(n.Modified),
		Source: n.Source, Preamble: joined(n.Summary), AuthorDisplayName: n.Author,
	}
	if withBody {
		row.Body = n.HTML
	}
	switch {
	case len(n.Images) > 0:
		m := n.Images[0]
		row.BannerImageURL, row.BannerImageGUID = text(string(m.Ref)), text(strings.TrimSuffix(string(m.Ref), ".jpeg"))
		row.BannerImageListID, row.AltText = text(guid("pictures", c.School)), text(m.Alt)
	case n.Summary == "":
		row.BannerImageURL = text("../../vardnadshavare/Content/Images/nyhet-lila.jpg")
		row.AltText = text("Nyhetsbild. Bildtext ej tillgänglig.")
	}
	return row
}

// joined loses the blank after a full stop, comma or exclamation mark, as the
// platform does where it joins paragraphs.
func joined(s string) string {
	return strings.NewReplacer(". ", ".", ", ", ",", "! ", "!").Replace(s)
}

// noticeJSON writes a notice for the guardian who reads it. DateModified is
// the platform's old mistake: Stockholm's wall clock taken for UTC.
func noticeJSON(n school.Notice, recipient string, id int) noticeRow {
	local := n.Sent.In(school.Stockholm())
	_, offset := local.Zone()
	inner, err := json.Marshal(map[string]any{"messages": map[string]any{"message": map[string]any{
		"messageid": string(n.Ref), "messagetext": n.Text, "messagesubject": n.Title,
		"messagetime": local.Format("2006-01-02T15:04:05.999"),
	}}})
	if err != nil {
		inner = nil // cannot happen: strings only
	}
	row := noticeRow{Notification: notification{
		Messageid: string(n.Ref), Messagecorrelationid: guid("correlation", string(n.Ref)), Message: string(inner),
		Recipient: recipient, ID: id, DateCreated: local.Format("2006-01-02T15:04:05.999"),
		DateModified: ticks(n.Sent.Add(time.Duration(offset) * time.Second)),
		Role:         "Guardian", Participant: guid("participant", recipient),
	}}
	m := &row.NotificationMessage.Messages.Message
	m.Messageid, m.Messagecorrelationid = row.Notification.Messageid, row.Notification.Messagecorrelationid
	m.Messagetext, m.Messagetime, m.Linkbackurl = n.Text, ticks(n.Sent), n.URL
	m.Sender.Name, m.System, m.Messagetype.Type = n.Sender, n.Sender, "webnotify"
	m.Recipient.RecipientRecipient, m.Recipient.Role = recipient, "Guardian"
	return row
}

// menuRSS writes a school's menu: weekday and week, no year.
func menuRSS(menu []schooltest.Menu) []menuRow {
	out := []menuRow{}
	for _, m := range menu {
		d := int(m.Date.Weekday()) - 1
		if d < 0 || d > 4 {
			continue
		}
		_, week := m.Date.ISOWeek()
		out = append(out, menuRow{
			Title:       weekdays()[d] + " - Vecka " + strconv.Itoa(week),
			Description: strings.Join(escaped(m.Dishes), "<br/>"),
		})
	}
	return out
}

func escaped(dishes []string) []string {
	out := make([]string, 0, len(dishes))
	for _, d := range dishes {
		out = append(out, html.EscapeString(d))
	}
	return out
}

// menuWeeks writes a preschool's menu: one row a week, in the order of weeks.
func menuWeeks(menu []schooltest.Menu, today school.Date) menuList {
	_, selected := today.ISOWeek()
	list := menuList{SelectedWeek: selected, Menus: []menuWeek{}}
	weeks := map[school.Date]*menuWeek{}
	var mondays []school.Date
	for _, m := range menu {
		monday := m.Date.Monday()
		w := weeks[monday]
		if w == nil {
			_, n := monday.ISOWeek()
			w = &menuWeek{Week: strconv.Itoa(n)}
			weeks[monday] = w
			mondays = append(mondays, monday)
		}
		if d := int(m.Date.Weekday()) - 1; d >= 0 && d < 5 {
			*[]*string{&w.Mon, &w.Tue, &w.Wed, &w.Thu, &w.Fri}[d] = strings.Join(m.Dishes, ", ")
		}
	}
	slices.SortFunc(mondays, school.Date.Compare)
	for _, monday := range mondays {
		list.Menus = append(list.Menus, *weeks[monday])
	}
	return list
}
