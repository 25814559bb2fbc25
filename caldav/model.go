package caldav

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-webdav"
	davlib "github.com/emersion/go-webdav/caldav"

	"syncd/feeds/icalendar"
)

// found is one object that a report answers with; of a multiget also the href
// as asked for, and no object where there is none.
type found struct {
	href   string
	object *icalendar.Object
}

// work is a report that needs recurrences worked out. It travels to the model
// in the request's context, because the library drops what it holds.
type work struct {
	clock
	data     *dataRequest
	found    []found
	listed   bool // by hrefs: each is answered
	now      time.Time
	expanded int // occurrences so far, of all objects

	link  string // the principal's path
	home  string
	ready map[string]*davlib.CalendarObject
	order []*davlib.CalendarObject
}

// maxExpanded bounds how many occurrences of recurring objects one report may
// write.
const maxExpanded = 10_000

type workKey struct{}

// model is the store as go-webdav sees it: the objects that the handler in
// front has found, worked out. It keeps nothing itself.
type model struct{}

var _ davlib.Backend = model{}

func newModel(p paths) http.Handler {
	return &davlib.Handler{Backend: model{}, Prefix: p.prefix}
}

// forward lets go-webdav answer a report whose filter and properties were read
// already. What it is sent is the report in plain words: hrefs that are none,
// and whatever else the library would take offence at, are not in the way of
// the rest.
func (h *handler) forward(w http.ResponseWriter, r *http.Request, res *resource, job *work, req *propRequest) error {
	job.link, job.home = h.paths.principal(res.link), h.paths.home(res.link)
	job.now = h.now()
	// The library speaks of paths that are not escaped.
	job.prepare(h.paths.prefix + string(res.link) + "/" + homeSegment + "/" + res.slug + "/")
	if job.expanded > maxExpanded {
		return refuse(nsDAV, "number-of-matches-within-limits")
	}
	inner := r.Clone(context.WithValue(r.Context(), workKey{}, job))
	body := job.question(req)
	inner.Body = io.NopCloser(bytes.NewReader(body))
	inner.ContentLength = int64(len(body))
	inner.Header.Set("Content-Type", "application/xml; charset=utf-8")
	rec := &recorder{header: http.Header{}}
	h.model.ServeHTTP(rec, inner)
	if rec.status != http.StatusMultiStatus {
		// Whatever the library did not like stands in its text, which is not
		// for the client.
		return fail(http.StatusBadRequest)
	}
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, rec.body.Bytes()...)
	return nil
}

// question writes the report for the library.
func (j *work) question(req *propRequest) []byte {
	b := []byte(`<C:calendar-query` + declared + `>`)
	if j.listed {
		b = []byte(`<C:calendar-multiget` + declared + `>`)
	}
	switch req.mode {
	case propAll:
		b = append(b, "<D:allprop/>"...)
	case propNames:
		b = append(b, "<D:propname/>"...)
	case propNamed:
		b = append(b, "<D:prop>"...)
		for _, name := range req.names {
			if !req.minimal || modelKnows(name) {
				b = appendTag(b, name)
			}
		}
		b = append(b, "</D:prop>"...)
	}
	if !j.listed {
		return append(b, `<C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`...)
	}
	for _, f := range j.found {
		href := f.href
		if _, err := url.Parse(href); err != nil {
			href = escapeSegment(href)
		}
		b = appendHref(b, href)
	}
	return append(b, "</C:calendar-multiget>"...)
}

// modelKnows reports whether the library can answer about a property. With
// return=minimal it is not asked about others.
func modelKnows(name xml.Name) bool {
	switch name {
	case calendarData(), dav("getetag"), dav("getcontenttype"), dav("getlastmodified"), dav("current-user-principal"), dav("resourcetype"):
		return true
	}
	return false
}

// prepare works out every object that was found. What has no occurrence left
// is not answered by a query; the library could not write it.
func (j *work) prepare(base string) {
	j.ready = make(map[string]*davlib.CalendarObject, len(j.found))
	for _, f := range j.found {
		if f.object == nil {
			continue
		}
		if j.expanded > maxExpanded {
			return
		}
		path := base + f.object.Name
		cal, err := j.workOut(f.object)
		if err != nil || cal == nil {
			continue
		}
		o := &davlib.CalendarObject{Path: path, ModTime: f.object.Modified, ETag: f.object.ETag, Data: cal}
		j.ready[path] = o
		j.order = append(j.order, o)
	}
}

// workOut returns an object as the request wants it, nil when nothing is left.
func (j *work) workOut(o *icalendar.Object) (cal *ical.Calendar, err error) {
	defer guard(&err)
	if cal, err = decode(o.Data); err != nil {
		return nil, err
	}
	j.own = ownZones(cal, j.zones)
	if j.data.expand != nil {
		cal = j.expand(cal, *j.data.expand)
	}
	if j.data.limitRecurrence != nil {
		cal = j.limitRecurrence(cal, *j.data.limitRecurrence)
	}
	if j.data.limitFreeBusy != nil {
		j.limitFreeBusy(cal, *j.data.limitFreeBusy)
	}
	if j.data.comp != nil {
		prune(cal.Component, j.data.comp)
	}
	j.complete(cal)
	if len(cal.Children) == 0 {
		return nil, nil //nolint:nilnil // no occurrence is left, which is no error
	}
	if err = ical.NewEncoder(io.Discard).Encode(cal); err != nil {
		return nil, errUnreadable
	}
	return cal, nil
}

// prune takes out what is not wanted, but not what the library insists on when
// it writes.
func prune(comp *ical.Component, want *compRequest) {
	for name := range comp.Props {
		switch name {
		case ical.PropProductID, ical.PropVersion, ical.PropUID, ical.PropDateTimeStamp:
			continue
		}
		p, ok := want.prop(name)
		switch {
		case !ok:
			delete(comp.Props, name)
		case p.noValue:
			comp.Props.Set(ical.NewProp(name))
		}
	}
	kept := comp.Children[:0]
	for _, c := range comp.Children {
		if sub := want.comp(c.Name); sub != nil {
			if c.Name != ical.CompTimezone {
				prune(c, sub)
			}
			kept = append(kept, c)
		}
	}
	comp.Children = kept
}

// complete adds what the library will not write a calendar without, where a
// foreign object lacks it.
func (j *work) complete(cal *ical.Calendar) {
	if cal.Props.Get(ical.PropVersion) == nil {
		cal.Props.SetText(ical.PropVersion, "2.0")
	}
	if cal.Props.Get(ical.PropProductID) == nil {
		cal.Props.SetText(ical.PropProductID, "-//syncd//calendar//SV")
	}
	for _, c := range cal.Children {
		if !object(c.Name) || c.Props.Get(ical.PropDateTimeStamp) != nil {
			continue
		}
		stamp := ical.NewProp(ical.PropDateTimeStamp)
		stamp.Value = j.now.UTC().Format(utcLayout)
		if p := c.Props.Get(ical.PropLastModified); p != nil && len(p.Value) == len(utcLayout) {
			stamp.Value = p.Value
		}
		c.Props.Set(stamp)
	}
}

// errReadOnly is what the model answers to whatever would write.
var errReadOnly = errors.New("read-only")

func forbidden() error { return webdav.NewHTTPError(http.StatusForbidden, errReadOnly) }

// errGone is what the model answers about an object that is not there.
var errGone = errors.New("no such object")

func notFound() error { return webdav.NewHTTPError(http.StatusNotFound, errGone) }

func workOf(ctx context.Context) (*work, error) {
	if j, ok := ctx.Value(workKey{}).(*work); ok {
		return j, nil
	}
	return nil, notFound()
}

// CurrentUserPrincipal implements webdav.UserPrincipalBackend.
func (model) CurrentUserPrincipal(ctx context.Context) (string, error) {
	j, err := workOf(ctx)
	if err != nil {
		return "", err
	}
	return j.link, nil
}

// CalendarHomeSetPath implements caldav.Backend.
func (model) CalendarHomeSetPath(ctx context.Context) (string, error) {
	j, err := workOf(ctx)
	if err != nil {
		return "", err
	}
	return j.home, nil
}

// ListCalendars implements caldav.Backend; the handler in front lists.
func (model) ListCalendars(context.Context) ([]davlib.Calendar, error) { return nil, notFound() }

// GetCalendar implements caldav.Backend; the handler in front describes.
func (model) GetCalendar(context.Context, string) (*davlib.Calendar, error) { return nil, notFound() }

// GetCalendarObject implements caldav.Backend.
func (model) GetCalendarObject(ctx context.Context, path string, _ *davlib.CalendarCompRequest) (*davlib.CalendarObject, error) {
	j, err := workOf(ctx)
	if err != nil {
		return nil, err
	}
	if o := j.ready[path]; o != nil {
		return o, nil
	}
	return nil, notFound()
}

// ListCalendarObjects implements caldav.Backend.
func (m model) ListCalendarObjects(ctx context.Context, path string, _ *davlib.CalendarCompRequest) ([]davlib.CalendarObject, error) {
	return m.QueryCalendarObjects(ctx, path, nil)
}

// QueryCalendarObjects implements caldav.Backend. The filter was applied in
// front, where all of it is known.
func (model) QueryCalendarObjects(ctx context.Context, _ string, _ *davlib.CalendarQuery) ([]davlib.CalendarObject, error) {
	j, err := workOf(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]davlib.CalendarObject, len(j.order))
	for i, o := range j.order {
		list[i] = *o
	}
	return list, nil
}

// CreateCalendar implements caldav.Backend by refusing.
func (model) CreateCalendar(context.Context, *davlib.Calendar) error { return forbidden() }

// PutCalendarObject implements caldav.Backend by refusing.
func (model) PutCalendarObject(context.Context, string, *ical.Calendar, *davlib.PutCalendarObjectOptions) (*davlib.CalendarObject, error) {
	return nil, forbidden()
}

// DeleteCalendarObject implements caldav.Backend by refusing.
func (model) DeleteCalendarObject(context.Context, string) error { return forbidden() }

// recorder takes an answer whole. Headers that are set after the status was
// sent are lost, as they are on a connection.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write implements io.Writer.
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}
