package skolplattformentest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"syncd/source/school"
	"syncd/source/school/schooltest"
)

const base = "/vardnadshavare/inloggad2"

// endpoint answers one request of a signed-in person.
type endpoint func(s *Server, ses *session, r *http.Request) *Answer

// endpoints are all that a polite client asks for, by lower-case path below
// base. There are more at the real platform (contacts, absence); asking for
// them is an offence.
func endpoints() map[string]endpoint {
	return map[string]endpoint{
		"GET /getchildren":                    (*Server).children,
		"GET /calender/getschoolcalender":     tagged((*Server).calendar),
		"GET /calender/getschema":             (*Server).schedule,
		"GET /news/getnewsarchive":            tagged((*Server).archive),
		"GET /news/getnewsarticle":            tagged((*Server).article),
		"GET /newsbanner":                     (*Server).banner,
		"GET /notifications/getnotifications": (*Server).notices,
		"GET /matsedel/getmatsedelchoice":     tagged((*Server).menuChoice),
		"GET /matsedel/getmatsedelrss":        tagged((*Server).menuRSS),
		"GET /matsedel/getmatsedellist":       tagged((*Server).menuList),
		"POST /selectchild":                   (*Server).choose,
	}
}

// tagged wraps an endpoint whose answer depends on the selected child.
func tagged(answer func(s *Server, c schooltest.Child, r *http.Request) *Answer) endpoint {
	return func(s *Server, ses *session, r *http.Request) *Answer {
		c, ok := s.answered(ses, r.URL.Query().Get("childId"))
		if !ok {
			return failure("Object reference not set to an instance of an object.")
		}
		return s.mark(answer(s, c, r), c)
	}
}

// respond finds the answer to a request, spoilt by the faults that concern it.
func (s *Server) respond(r *http.Request) *Answer {
	a := s.route(r)
	s.spoil(r, a)
	return a
}

func (s *Server) route(r *http.Request) *Answer {
	s.greet(r)
	path := strings.ToLower(r.URL.Path)
	switch {
	case r.Method == http.MethodGet && path == base+"/hem":
		return s.home(r)
	case r.Method == http.MethodGet && path == "/vardnadshavare/base/getuserdata":
		return s.user(r)
	}
	name := r.Method + " " + strings.TrimPrefix(path, base)
	handle, ok := endpoints()[name]
	if !ok || !strings.HasPrefix(path, base+"/") {
		s.offend(r, "no polite client asks for this")
		return page(http.StatusNotFound, "<html><head><title>404</title></head></html>")
	}
	s.behave(r, name)
	ses := s.session(r)
	if ses == nil {
		return s.signedOut(r)
	}
	if !s.hasToken(ses, r) {
		s.offend(r, "x-xsrf-token or its cookie is missing or wrong")
		return failure("The required anti-forgery token was not supplied or was invalid.")
	}
	return handle(s, ses, r)
}

func (s *Server) children(ses *session, _ *http.Request) *Answer {
	rows := []childRow{}
	for _, c := range s.world.ChildrenOf(ses.person) {
		rows = append(rows, childJSON(c))
	}
	return success(rows)
}

func (s *Server) calendar(c schooltest.Child, r *http.Request) *Answer {
	limit, err := strconv.Atoi(r.URL.Query().Get("rowLimit"))
	if err != nil || limit < 1 {
		s.offend(r, "rowLimit is missing")
		limit = 5
	}
	rows := eventsJSON(s.world.SchoolOf(c).Calendar)
	return success(rows[:min(limit, len(rows))])
}

// schedule answers by the id in the request, whatever child is selected.
func (s *Server) schedule(ses *session, r *http.Request) *Answer {
	q := r.URL.Query()
	children := s.world.ChildrenOf(ses.person)
	i := slices.IndexFunc(children, func(c schooltest.Child) bool { return c.Key == q.Get("childId") })
	from, err1 := school.ParseDate(q.Get("startDate"))
	to, err2 := school.ParseDate(q.Get("endDate"))
	switch {
	case i < 0:
		return failure("Object reference not set to an instance of an object.")
	case err1 != nil, err2 != nil:
		s.offend(r, "startDate or endDate is missing")
		return failure("String was not recognized as a valid DateTime.")
	case children[i].NoSchedule:
		return failure("A task was canceled.")
	}
	loc := school.Stockholm()
	window := school.Window{From: from, To: to.AddDays(1)}
	var events []school.Event
	for _, e := range children[i].Schedule {
		if window.Overlaps(e.Span, loc) {
			events = append(events, e)
		}
	}
	return success(eventsJSON(events))
}

func (s *Server) archive(c schooltest.Child, r *http.Request) *Answer {
	if r.URL.Query().Get("bannerImageLimit") == "" {
		s.offend(r, "bannerImageLimit is missing")
	}
	rows := []newsRow{}
	for i, n := range c.Letters {
		rows = append(rows, letterJSON(n, c, i%2 == 0))
	}
	return success(newsArchive{
		NewsItems: rows, GlobalTranslationIDs: []string{"InformationalHeader", "Send"},
		LocalTranslationIDs: []string{"IndexPageHeading1"},
	})
}

func (s *Server) article(c schooltest.Child, r *http.Request) *Answer {
	id := r.URL.Query().Get("newsItemId")
	i := slices.IndexFunc(c.Letters, func(n school.NewsItem) bool { return string(n.Ref) == id })
	if i < 0 {
		return failure("Object reference not set to an instance of an object.")
	}
	return success(newsArticle{
		CurrentNewsItem:      letterJSON(c.Letters[i], c, true),
		GlobalTranslationIDs: []string{}, LocalTranslationIDs: []string{},
	})
}

// banner serves a picture of any letter that the person may read.
func (s *Server) banner(ses *session, r *http.Request) *Answer {
	name := r.URL.Query().Get("url")
	for _, c := range s.world.ChildrenOf(ses.person) {
		for _, n := range c.Letters {
			for _, m := range n.Images {
				if string(m.Ref) == name {
					return &Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {m.Type}}, Body: slices.Clone(m.Data)}
				}
			}
		}
	}
	return page(http.StatusNotFound, "<html><head><title>404</title></head></html>")
}

func (s *Server) notices(ses *session, r *http.Request) *Answer {
	children := s.world.ChildrenOf(ses.person)
	i := slices.IndexFunc(children, func(c schooltest.Child) bool { return c.SecondKey == r.URL.Query().Get("childId") })
	if i < 0 {
		return failure("Object reference not set to an instance of an object.")
	}
	rows := []noticeRow{}
	for n, notice := range children[i].Notices {
		rows = append(rows, noticeJSON(notice, ses.person, 7000123+n))
	}
	return success(rows)
}

func (s *Server) menuChoice(c schooltest.Child, _ *http.Request) *Answer {
	if s.world.SchoolOf(c).Preschool {
		return success("list")
	}
	return success("rss")
}

func (s *Server) menuRSS(c schooltest.Child, _ *http.Request) *Answer {
	if s.world.SchoolOf(c).Preschool {
		return failure("Object reference not set to an instance of an object.")
	}
	return success(menuRSS(s.world.SchoolOf(c).Menu))
}

func (s *Server) menuList(c schooltest.Child, _ *http.Request) *Answer {
	menu := s.world.SchoolOf(c).Menu
	if !s.world.SchoolOf(c).Preschool {
		menu = nil
	}
	return success(menuWeeks(menu, school.DateOf(s.now().In(school.Stockholm()))))
}

// choose answers SelectChild.
func (s *Server) choose(ses *session, r *http.Request) *Answer {
	var in struct {
		ID string `json:"id"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 4096))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		s.offend(r, "body is not of the form {\"id\":…}")
		return failure("Invalid JSON primitive.")
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return failure("Invalid JSON primitive.")
	}
	return s.selectChild(ses, in.ID)
}

var _ http.RoundTripper = (*Server)(nil)
