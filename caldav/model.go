package caldav

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
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

// work is a report that needs recurrences worked out.
type work struct {
	clock
	data     *dataRequest
	found    []found
	listed   bool // by hrefs: each is answered
	now      time.Time
	expanded int // occurrences so far, of all objects
}

// maxExpanded bounds how many occurrences of recurring objects one report may
// write.
const maxExpanded = 10_000

// objectKey is where an object that was worked out travels to the model, in the
// request's context: the library has no room for how it was asked for.
type objectKey struct{}

// model is the store as go-webdav sees it: the one object that the handler in
// front has found and worked out. It keeps nothing itself.
type model struct{}

var _ davlib.Backend = model{}

func newModel(p paths) http.Handler {
	return &davlib.Handler{Backend: model{}, Prefix: p.prefix}
}

// forward answers a report whose filter and properties were read already: each
// object is worked out and handed through go-webdav, which writes it, and the
// answer around them is that of every other report.
func (h *handler) forward(w http.ResponseWriter, r *http.Request, res *resource, job *work, req *propRequest) error {
	job.now = h.now()
	cals := make([]*ical.Calendar, len(job.found))
	for i, f := range job.found {
		if f.object == nil {
			continue
		}
		if err := abandoned(r); err != nil {
			return err
		}
		cals[i], _ = job.workOut(f.object) // one that cannot be read has nothing to show
		if job.expanded > maxExpanded || job.effort.out {
			return refuse(nsDAV, "number-of-matches-within-limits")
		}
	}
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	p := h.props.plan(req)
	base := h.paths.calendar(res.link, res.slug)
	m := resource{target: res.target, cal: res.cal, worked: true}
	m.kind = kindObject
	for i, f := range job.found {
		if m.obj = f.object; m.obj == nil {
			a.b = appendRemoved(a.b, f.href)
			continue
		}
		m.name, m.data = m.obj.Name, h.render(r, m.obj, cals[i])
		switch {
		case job.listed:
			a.b = p.response(a.b, f.href, &m)
		case m.data != nil:
			a.b = p.object(a.b, base, &m)
		}
		a.more()
	}
	a.b = append(a.b, statusClose...)
	return nil
}

// render has go-webdav write an object that was worked out, nil if nothing is
// left of it.
func (h *handler) render(r *http.Request, o *icalendar.Object, cal *ical.Calendar) []byte {
	if cal == nil {
		return nil
	}
	inner := r.WithContext(context.WithValue(r.Context(), objectKey{}, &davlib.CalendarObject{ETag: o.ETag, Data: cal}))
	inner.Method, inner.Body = http.MethodGet, http.NoBody
	rec := &recorder{header: http.Header{}}
	h.model.ServeHTTP(rec, inner)
	if rec.status != http.StatusOK {
		return nil
	}
	return rec.body.Bytes()
}

// workOut returns an object with its recurrences as the request wants them, nil
// when nothing is left. All its properties are there: the library insists on
// some.
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
	j.complete(cal)
	if len(cal.Children) == 0 {
		return nil, nil //nolint:nilnil // no occurrence is left, which is no error
	}
	if err = ical.NewEncoder(io.Discard).Encode(cal); err != nil {
		return nil, errUnreadable
	}
	return cal, nil
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

// CurrentUserPrincipal implements webdav.UserPrincipalBackend; the handler in
// front knows who asks.
func (model) CurrentUserPrincipal(context.Context) (string, error) { return "", notFound() }

// CalendarHomeSetPath implements caldav.Backend; the handler in front finds.
func (model) CalendarHomeSetPath(context.Context) (string, error) { return "", notFound() }

// ListCalendars implements caldav.Backend; the handler in front lists.
func (model) ListCalendars(context.Context) ([]davlib.Calendar, error) { return nil, notFound() }

// GetCalendar implements caldav.Backend; the handler in front describes.
func (model) GetCalendar(context.Context, string) (*davlib.Calendar, error) { return nil, notFound() }

// GetCalendarObject implements caldav.Backend with the object that travels in
// the request.
func (model) GetCalendarObject(ctx context.Context, _ string, _ *davlib.CalendarCompRequest) (*davlib.CalendarObject, error) {
	if o, ok := ctx.Value(objectKey{}).(*davlib.CalendarObject); ok {
		return o, nil
	}
	return nil, notFound()
}

// ListCalendarObjects implements caldav.Backend; the handler in front lists.
func (model) ListCalendarObjects(context.Context, string, *davlib.CalendarCompRequest) ([]davlib.CalendarObject, error) {
	return nil, notFound()
}

// QueryCalendarObjects implements caldav.Backend; the handler in front
// filters.
func (model) QueryCalendarObjects(context.Context, string, *davlib.CalendarQuery) ([]davlib.CalendarObject, error) {
	return nil, notFound()
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
