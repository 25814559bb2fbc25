package infomentortest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"syncd/source/internal/faketest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// question is one request about the child that the server believes selected.
type question struct {
	c    schooltest.Child
	ses  *session
	body []byte
	r    *http.Request
}

// read decodes the request's body; false when it cannot be read.
func (q question) read(v any) bool { return len(q.body) > 0 && json.Unmarshal(q.body, v) == nil }

// endpoint is one part of the Hub.
type endpoint struct {
	app    string // the module it belongs to; empty: always there
	answer func(s *Server, q question) *faketest.Answer
}

// endpoints are all that a polite client asks for. There are more at the real
// platform; asking for them is an offence.
func endpoints() map[string]endpoint {
	return map[string]endpoint{
		"POST /communication/communication/appdata":                    {"communication", (*Server).communication},
		"POST /communication/news/getnewslist":                         {"communication", (*Server).news},
		"POST /calendarv2/calendarv2/appdata":                          {"calendarv2", (*Server).calendarData},
		"POST /calendarv2/calendarv2/getentries":                       {"calendarv2", (*Server).entries},
		"POST /calendarv2/calendarv2/getattachments":                   {"calendarv2", (*Server).attachments},
		"POST /calendarv2/calendarv2/geticalsubscriptionuri":           {"calendarv2", (*Server).subscription},
		"POST /timetable/timetable/gettimetablelist":                   {"timetable", (*Server).timetable},
		"POST /timeregistration/timeregistration/gettimeregistrations": {"timeregistration", (*Server).care},
		"POST /notificationapp/notificationapp/getnotifications":       {"", (*Server).notifications},
		"POST /task/task/gettasks":                                     {"task", (*Server).tasks},
		"POST /home/meeting/getpupilavailabilities":                    {"meeting", (*Server).meetings},
		"POST /learnlog/learnlog/getlearnlogs":                         {"learnlog", (*Server).log},
	}
}

// Apps returns the modules that a child has.
func Apps(c schooltest.Child) []string {
	apps := []string{"communication", "calendarv2"}
	if !c.Preschool() {
		apps = append(apps, "timetable", "task", "meeting", "attendance", "uolv2")
	}
	if len(c.Care) > 0 {
		apps = append(apps, "timeregistration")
	}
	if len(c.Log) > 0 {
		apps = append(apps, "learnlog")
	}
	return apps
}

// serveHub answers for the Hub.
func (s *Server) serveHub(r *http.Request) *faketest.Answer {
	path := strings.TrimSuffix(strings.ToLower(r.URL.Path), "/")
	switch {
	case path == "" && r.Method == http.MethodGet:
		return s.home(r)
	case path == "/authentication/authentication/login" && r.Method == http.MethodGet:
		return s.hubLogin(r)
	case path == "/authentication/authentication/logincallback" && r.Method == http.MethodGet:
		return s.callback(r)
	case path == "/authentication/authentication/logout" && r.Method == http.MethodGet:
		delete(s.sessions, cookie(r, homeCookie))
		return faketest.Redirect("https://" + LoginHost + loginPath)
	case path == "/home/errors/server":
		return faketest.Page(http.StatusInternalServerError, `<html><body><h1>Hoppsan</h1><a href="/Authentication/Authentication/Login">Logga in</a></body></html>`)
	}
	ses := s.session(r)
	if ses == nil {
		return s.lost()
	}
	if id, ok := strings.CutPrefix(path, "/account/pupilswitcher/switchpupil/"); ok && r.Method == http.MethodGet {
		return s.switchPupil(r, ses, id)
	}
	if rid, ok := strings.CutPrefix(path, "/resources/resource/download/"); ok && r.Method == http.MethodGet {
		return s.download(r, ses, rid)
	}
	if path == "/account/pair/getauthenticationdata" && r.Method == http.MethodPost {
		return s.pair(ses)
	}
	return s.data(r, ses, r.Method+" "+path)
}

func (s *Server) data(r *http.Request, ses *session, name string) *faketest.Answer {
	e, ok := endpoints()[name]
	if !ok {
		s.offend(r, "no polite client asks for this")
		return faketest.Redirect("/Home/Errors/Server")
	}
	c, ok := s.answered(ses)
	if !ok || e.app != "" && !slices.Contains(Apps(c), e.app) {
		return s.missing()
	}
	q := question{c: c, ses: ses, r: r}
	if r.Body != nil {
		q.body = readAll(r)
	}
	return e.answer(s, q)
}

// home is the Hub's page, for who is signed in.
func (s *Server) home(r *http.Request) *faketest.Answer {
	ses := s.session(r)
	if ses == nil {
		a := faketest.Redirect("/Authentication/Authentication/Login?ReturnUrl=%2F")
		if cookie(r, aspCookie) == "" || cookie(r, hubNode) == "" {
			s.visit(a)
		}
		return a
	}
	g, _ := s.world.Guardian(ses.person)
	chosen, _ := s.chosen(ses)
	data := homeData{Account: homeAccount{
		CurrentUser: homeUser{ID: UserID(g), Name: g.LastName + ", " + g.FirstName}, Pupils: []homePupil{},
	}}
	for i, c := range s.world.ChildrenOf(ses.person) {
		first, last, _ := strings.Cut(c.Name, " ")
		p := homePupil{ID: PupilID(c), Name: last + ", " + first, Mapping: MappingID(c), Selected: c.Key == chosen.Key, Initials: first[:1]}
		to := "/Account/PupilSwitcher/SwitchPupil/" + strconv.Itoa(SwitchID(c))
		if i%2 == 0 {
			to = "https://" + HubHost + to
		}
		if !s.o.NoSwitchURL {
			p.SwitchURL = &to
		}
		data.Account.Pupils = append(data.Account.Pupils, p)
	}
	for _, app := range Apps(chosen) {
		if s.o.NoApps {
			break
		}
		title := map[string]string{"meeting": "Möten", "calendarv2": "Kalender"}[app]
		data.Apps = append(data.Apps, homeApp{CodeName: app, Title: title, URL: "/#/" + app})
	}
	literal, err := json.Marshal(data)
	if err != nil {
		return notFound() // cannot happen: plain structs
	}
	return faketest.Page(http.StatusOK, `<!DOCTYPE html><html><head><title>InfoMentor Hub</title></head><body>
<script>var IMHome = { init: { firstName: '`+g.FirstName+`', selectedPupilName: '', userRole: 'parent' } };</script>
<script>IMHome.home.homeData = `+string(literal)+`; IMHome.home.init(IMHome.home.homeData);</script>
</body></html>`)
}

func (s *Server) communication(q question) *faketest.Answer {
	return faketest.JSON(consentData{HasNewsAccess: true, Consent: consentConfig{
		PupilIM2: IM2ID(q.c), ParentIM2: 2800000 + hash("parent", q.ses.person)%100000, Culture: "sv-SE",
	}})
}

// notifications are about the selected pupil, or about all of them.
func (s *Server) notifications(q question) *faketest.Answer {
	out := notificationList{Notifications: []notification{}, Timestamp: "2026-09-21 06:30:00.123"}
	for _, c := range s.world.ChildrenOf(q.ses.person) {
		if c.Key != q.c.Key && !s.o.AllNotices {
			continue
		}
		for _, n := range c.Notices {
			out.Notifications = append(out.Notifications, notificationJSON(n, c, c.Key == q.c.Key))
		}
	}
	// One about a child who is not in the family any more.
	old := school.Notice{Ref: "old", Title: "Gammalt", Sent: s.world.Now().AddDate(0, -2, 0)}
	stranger := notificationJSON(old, schooltest.Child{Key: "gone", School: "gone"}, false)
	out.Notifications = append(out.Notifications, stranger)
	return faketest.JSON(out)
}

// download serves a picture or file of the selected pupil; of another's the
// platform shows nothing.
func (s *Server) download(r *http.Request, ses *session, rid string) *faketest.Answer {
	c, _ := s.answered(ses)
	if m, ok := s.resources(c)[rid]; ok {
		return &faketest.Answer{Status: http.StatusOK, Body: slices.Clone(m.Data), Header: http.Header{
			"Content-Type":        {m.Type},
			"Content-Disposition": {`attachment; filename="` + m.Name + `"`},
		}}
	}
	if ses.previous == ses.selected || s.o.Lies == 0 {
		s.offend(r, "a file was asked for while another pupil was selected")
	}
	return &faketest.Answer{Status: http.StatusOK, Header: http.Header{}}
}

// resources are all pictures and files of a child by their id.
func (s *Server) resources(c schooltest.Child) map[string]school.Media {
	out := map[string]school.Media{}
	add := func(kind string, of school.Ref, list []school.Media) {
		for i, m := range list {
			out[strconv.Itoa(ResourceID(kind, of, i))] = m
		}
	}
	for _, n := range c.Letters {
		add("image", n.Ref, n.Images)
		add("file", n.Ref, schooltest.FilesOf(c.Files, n.Ref))
	}
	for _, n := range c.Log {
		add("log", n.Ref, n.Images)
	}
	sch := s.world.SchoolOf(c)
	for _, e := range sch.Calendar {
		if e.Ref != "" {
			add("event", e.Ref, schooltest.FilesOf(sch.Files, e.Ref))
		}
	}
	return out
}
