package infomentor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/school"
)

func day(month time.Month, d int) school.Date { return school.NewDate(2026, month, d) }

func at(month time.Month, d, hour, minute int) time.Time {
	return day(month, d).At(hour, minute, school.Stockholm())
}

// Both ways of writing whole days, and times around the changes of the clocks.
func TestEntries(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		row  string
		want school.Span
	}{
		"midnight after":         {`"isAllDayEvent":true,"startDateFull":"2026-09-25T00:00:00","endDateFull":"2026-09-26T00:00:00","endDate":"2026-09-26"`, school.AllDay(day(9, 25), day(9, 25))},
		"a week, midnight after": {`"isAllDayEvent":true,"startDateFull":"2026-10-26T00:00:00","endDateFull":"2026-10-31T00:00:00","endDate":"2026-10-31"`, school.AllDay(day(10, 26), day(10, 30))},
		"last second":            {`"isAllDayEvent":true,"startDateFull":"2026-10-31T00:00:00","endDateFull":"2026-10-31T23:59:59","endDate":"2026-10-31"`, school.AllDay(day(10, 31), day(10, 31))},
		"midnight same day":      {`"isAllDayEvent":true,"startDateFull":"2026-10-31T00:00:00","endDateFull":"2026-10-31T00:00:00","endDate":"2026-10-31"`, school.AllDay(day(10, 31), day(10, 31))},
		"inclusive, no endDate":  {`"isAllDayEvent":true,"startDateFull":"2026-10-30T00:00:00","endDateFull":"2026-10-31T23:59:59"`, school.AllDay(day(10, 30), day(10, 31))},
		"an evening":             {`"startDateFull":"2026-09-23T18:00:00","endDateFull":"2026-09-23T19:30:00"`, school.Timed(at(9, 23, 18, 0), at(9, 23, 19, 30))},
		"in winter":              {`"startDateFull":"2026-11-23T18:00:00","endDateFull":"2026-11-23T19:30:00"`, school.Timed(time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC))},
		"hour twice":             {`"startDateFull":"2026-10-25T02:30:00","endDateFull":"2026-10-25T02:10:00"`, school.Timed(at(10, 25, 2, 30), at(10, 25, 2, 10).Add(time.Hour))},
		"only days":              {`"startDateFull":"2026-09-23","endDateFull":"2026-09-24"`, school.AllDay(day(9, 23), day(9, 24))},
		"with a zone":            {`"startDateFull":"2026-09-23T16:00:00Z","endDateFull":"2026-09-23T17:00:00Z"`, school.Timed(at(9, 23, 18, 0), at(9, 23, 19, 0))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, skipped, err := infomentor.Entries([]byte(`[{"id":1,"title":"x","calendarEntryTypeId":13,` + tt.row + `}]`))
			if err != nil || skipped != 0 || len(events) != 1 {
				t.Fatalf("Entries = %d events, %d skipped, %v", len(events), skipped, err)
			}
			if !events[0].Span.Equal(tt.want) {
				t.Errorf("span = %v, want %v", events[0].Span, tt.want)
			}
			if diff := cmp.Diff([]string{"Röd dag"}, events[0].Categories); diff != "" {
				t.Errorf("categories (-want +got):\n%s", diff)
			}
		})
	}
}

// Closed days and leave win over times; what nobody filled in is nothing.
func TestWeek(t *testing.T) {
	t.Parallel()
	w, days, skipped, err := infomentor.Week([]byte(`{"startDate":"2026-09-21T00:00:00","endDate":"2026-09-25T00:00:00","days":[
		{"date":"2026-09-21T00:00:00","startDateTime":"2026-09-21T07:30:00","endDateTime":"2026-09-21T16:15:00"},
		{"date":"2026-09-22T00:00:00","startDateTime":null,"endDateTime":null},
		{"date":"2026-09-23T00:00:00","startDateTime":"2026-09-23T07:30:00","endDateTime":"2026-09-23T16:00:00","onLeave":true},
		{"date":"2026-09-24T00:00:00","startDateTime":"2026-09-24T07:30:00"},
		{"date":"2026-09-25T00:00:00","startDateTime":"2026-09-25T07:30:00","endDateTime":"2026-09-25T16:00:00","isSchoolClosed":true,"schoolClosedReason":" Studiedag "}]}`))
	if err != nil || skipped != 1 {
		t.Fatalf("Week = %d skipped, %v; want the half-filled day skipped", skipped, err)
	}
	if want := (school.Window{From: day(9, 21), To: day(9, 26)}); w != want {
		t.Errorf("window = %v, want %v", w, want)
	}
	want := []school.Care{
		{Item: school.Item{Span: school.Timed(at(9, 21, 7, 30), at(9, 21, 16, 15))}},
		{Item: school.Item{Span: school.AllDay(day(9, 23), day(9, 23)), Status: school.StatusCancelled}},
		{Item: school.Item{Span: school.AllDay(day(9, 25), day(9, 25)), Title: "Studiedag"}},
	}
	if diff := cmp.Diff(want, days); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
}

func TestLessons(t *testing.T) {
	t.Parallel()
	w := school.Window{From: day(9, 21), To: day(9, 28)}
	lessons, skipped, err := infomentor.Lessons([]byte(`[
		{"start":"2026-09-21T08:10:00","end":"2026-09-21T09:00:00","title":"Matematik","notes":{"roomInfo":"B12","timetableNotes":"Ta med linjal","tutors":"Maja Ek"},"details":"Prov"},
		{"start":"2026-09-21T08:10:00","end":"2026-09-21T09:00:00","title":"Matematik","notes":{"roomInfo":"B12","timetableNotes":"Ta med linjal","tutors":"Maja Ek"},"details":"Prov"},
		{"start":"2026-10-05T08:10:00","end":"2026-10-05T09:00:00","title":"outside"},
		{"start":"2026-09-22T00:00:00","end":"2026-09-23T00:00:00","title":"Temadag","allDay":true,"notes":null},
		{"start":"2026-09-21T08:10:00","title":"no end"}, 7]`), w)
	if err != nil || skipped != 2 {
		t.Fatalf("Lessons = %d skipped, %v; want two", skipped, err)
	}
	want := []school.Lesson{
		{Item: school.Item{Title: "Matematik", Place: "B12", Body: "Ta med linjal\nProv", Span: school.Timed(at(9, 21, 8, 10), at(9, 21, 9, 0))}, Teacher: "Maja Ek"},
		{Item: school.Item{Title: "Temadag", Span: school.AllDay(day(9, 22), day(9, 22))}},
	}
	if diff := cmp.Diff(want, lessons); diff != "" {
		t.Errorf("lessons (-want +got):\n%s", diff)
	}
}

func TestReadCookies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string
		ok   bool
	}{
		"line":       {"Cookie: a=1; IMHome=x=y", []string{"hub.infomentor.se a=1; Path=/; Secure", "hub.infomentor.se IMHome=x=y; Path=/; Secure"}, true},
		"bare line":  {"IMHome=x", []string{"hub.infomentor.se IMHome=x; Path=/; Secure"}, true},
		"no session": {"a=1", []string{"hub.infomentor.se a=1; Path=/; Secure"}, false},
		"file": {
			"# Netscape\n#HttpOnly_hub.infomentor.se\tFALSE\t/\tTRUE\t0\tIMHome\tx\n.infomentor.se\tTRUE\t/\tTRUE\t0\tb\t2\nexample.com\tTRUE\t/\tTRUE\t0\tc\t3",
			[]string{"hub.infomentor.se IMHome=x; Path=/; Secure", "infomentor.se b=2; Path=/; Secure; Domain=infomentor.se"},
			true,
		},
		"json":    {`[{"domain":"hub.infomentor.se","hostOnly":true,"path":"/","name":"IMHome","value":"x"},{"domain":"evil-infomentor.se","path":"/","name":"y","value":"z"}]`, []string{"hub.infomentor.se IMHome=x; Path=/; Secure"}, true},
		"nothing": {"", nil, false},
		"huge":    {strings.Repeat("IMHome=x; ", 1<<16), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := infomentor.ReadCookies(tt.text)
			if ok != tt.ok || !slices.Equal(got, tt.want) {
				t.Errorf("ReadCookies = %q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

// Pictures and files that stand in a letter's text only are read all the same,
// each once, and those at other hosts are not.
func TestFilesInTheText(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		want := f.read(f.login(), f.plan(school.PartNews)).snapshots[f.ref(0)]
		f.fake.Change(func(o *infomentortest.Options) { o.InText = true })
		got := f.read(f.login(), f.plan(school.PartNews)).snapshots[f.ref(0)]
		pictures, files := 0, 0
		for i, l := range got.News {
			bare := func(list []school.Media) []school.Media {
				list = slices.Clone(list)
				for i := range list {
					list[i].Alt = ""
				}
				return list
			}
			if diff := cmp.Diff(want.News[i].Images, bare(l.Images), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("pictures of letter %d (-want +got):\n%s", i, diff)
			}
			if diff := cmp.Diff(want.News[i].Files, l.Files, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("files of letter %d (-want +got):\n%s", i, diff)
			}
			for _, m := range l.Images {
				if m.Alt != "Bilden" {
					t.Error("what a picture shows was lost")
				}
			}
			pictures, files = pictures+len(l.Images), files+len(l.Files)
		}
		if pictures == 0 || files == 0 {
			t.Errorf("%d pictures and %d files were looked at", pictures, files)
		}
		if f.fake.Count("thumbnail") > 0 || len(f.fake.Offences()) > 0 {
			t.Errorf("offences: %q", f.fake.Offences())
		}
	})
}
