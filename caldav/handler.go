package caldav

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// The methods of WebDAV, CalDAV and ACL that net/http has no names for.
const (
	methodPropfind   = "PROPFIND"
	methodProppatch  = "PROPPATCH"
	methodReport     = "REPORT"
	methodMkcalendar = "MKCALENDAR"
	methodMkcol      = "MKCOL"
	methodCopy       = "COPY"
	methodMove       = "MOVE"
	methodLock       = "LOCK"
	methodUnlock     = "UNLOCK"
	methodACL        = "ACL"
)

// davHeader names the compliance classes that hold (RFC 4918, 10.1). Class 2
// would promise locks, calendar-schedule would make clients send invitations.
const davHeader = "1, 3, access-control, calendar-access"

// handler is the whole server.
type handler struct {
	store Store
	paths paths
	link  func(context.Context) (school.LinkID, bool)
	log   *slog.Logger
	now   func() time.Time
	props *propTable
	pools *pools
	zones *zones
	model http.Handler
	cache *cache

	reports []reporter
}

func newHandler(c Config) *handler {
	h := &handler{
		store: c.Store, paths: paths{c.Prefix}, link: c.Link, log: c.Log, now: c.Now,
		pools: newPools(), zones: newZones(), cache: newCache(), reports: reporters(),
	}
	h.props = newPropTable(h.paths)
	h.model = newModel(h.paths)
	return h
}

// failure is an answer other than success. It holds nothing of the request.
type failure struct {
	status int
	cond   xml.Name // precondition (RFC 4918, 16), none if zero
	inside string   // XML inside the condition's element
}

// Error implements error.
func (f *failure) Error() string { return http.StatusText(f.status) }

func fail(status int) error { return &failure{status: status} }

func refuse(space, local string) error {
	return &failure{status: http.StatusForbidden, cond: xml.Name{Space: space, Local: local}}
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	link, ok := h.link(r.Context())
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="syncd", charset="UTF-8"`)
		plain(w, http.StatusUnauthorized)
		return
	}
	if err := h.serve(w, r, link); err != nil {
		h.fail(w, r, err)
	}
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request, link school.LinkID) error {
	t, ok := h.paths.parse(r.URL.EscapedPath())
	// Another link's resources do not exist for this one.
	ok = ok && (t.kind == kindRoot || t.link == link)
	switch r.Method {
	case methodPropfind, methodReport, methodProppatch, http.MethodOptions, http.MethodGet, http.MethodHead:
	case http.MethodPut, http.MethodDelete, http.MethodPost, methodMkcalendar, methodMkcol,
		methodCopy, methodMove, methodLock, methodUnlock, methodACL:
		if !t.bare {
			return h.refuseWrite(r, t, ok)
		}
		return notAllowed(w, t)
	default:
		return notAllowed(w, t)
	}
	if !ok {
		return fail(http.StatusNotFound)
	}
	if t.kind == kindRoot {
		t.link = link
	}
	if t.bare && r.Method != http.MethodOptions && r.Method != methodPropfind && r.Method != methodReport {
		return notAllowed(w, t)
	}
	res, err := h.resource(r.Context(), t)
	if err != nil {
		return err
	}
	if !t.exact {
		w.Header().Set("Content-Location", h.paths.of(t))
	}
	switch r.Method {
	case methodPropfind:
		return h.once(w, r, res, h.propfind)
	case methodReport:
		return h.once(w, r, res, h.report)
	case methodProppatch:
		return h.proppatch(w, r, res)
	case http.MethodOptions:
		w.Header().Set("DAV", davHeader)
		w.Header().Set("Allow", allow(t))
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return h.get(w, r, res)
}

// resource finds what t names.
func (h *handler) resource(ctx context.Context, t target) (*resource, error) {
	res := &resource{target: t}
	var err error
	switch t.kind {
	case kindCalendar, kindObject:
		if res.cal, err = h.store.Collection(ctx, t.link, t.slug); err != nil {
			return nil, err
		}
		if t.kind == kindObject {
			i := find(res.cal, t.name)
			if i < 0 {
				return nil, fail(http.StatusNotFound)
			}
			res.obj = &res.cal.Objects[i]
		}
	case kindRoot, kindPrincipal, kindHome, kindCount:
		if res.home, err = h.store.Home(ctx, t.link); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// get answers GET and HEAD: an object's bytes, or a whole calendar as a
// subscriber would get it.
func (h *handler) get(w http.ResponseWriter, r *http.Request, res *resource) error {
	hd := w.Header()
	switch res.kind {
	case kindObject:
		hd.Set("Content-Type", objectType(res.obj))
		hd.Set("ETag", `"`+res.obj.ETag+`"`)
		serveBytes(w, r, res.obj.Modified, res.obj.Data)
	case kindCalendar:
		data, err := res.cal.Whole()
		if err != nil {
			return err
		}
		hd.Set("Content-Type", "text/calendar; charset=utf-8")
		hd.Set("ETag", `"`+res.cal.ICSETag+`"`)
		serveBytes(w, r, res.cal.Modified, data)
	case kindRoot, kindPrincipal, kindHome, kindCount:
		return notAllowed(w, res.target)
	}
	return nil
}

// serveBytes answers GET and HEAD with data, or with what its conditions and
// ranges ask for. Nearly all come without any, and then there is little to do.
func serveBytes(w http.ResponseWriter, r *http.Request, modified time.Time, data []byte) {
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since", "Range", "If-Match", "If-Unmodified-Since"} {
		if r.Header[name] != nil {
			http.ServeContent(w, r, "", modified, bytes.NewReader(data))
			return
		}
	}
	hd := w.Header()
	hd.Set("Accept-Ranges", "bytes")
	hd.Set("Content-Length", strconv.Itoa(len(data)))
	if !modified.IsZero() {
		hd.Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = bytes.NewReader(data).WriteTo(w) // nothing can be done for a client that does not listen
	}
}

// objectType is the media type of an object (RFC 4791, 5.3.4 and RFC 5545, 8.1).
func objectType(o *icalendar.Object) string {
	switch o.Component {
	case icalendar.ComponentEvent:
		return "text/calendar; charset=utf-8; component=vevent"
	case icalendar.ComponentTask:
		return "text/calendar; charset=utf-8; component=vtodo"
	}
	return "text/calendar; charset=utf-8; component=" + strings.ToLower(o.Component)
}

// allow lists what may be done with t. Never a writing method: Evolution takes
// the calendar for writable when it sees one.
func allow(t target) string {
	switch {
	case t.bare:
		return "OPTIONS, PROPFIND, REPORT"
	case t.kind == kindCalendar, t.kind == kindObject:
		return "OPTIONS, GET, HEAD, PROPFIND, REPORT, PROPPATCH"
	}
	return "OPTIONS, PROPFIND, REPORT, PROPPATCH"
}

func notAllowed(w http.ResponseWriter, t target) error {
	w.Header().Set("Allow", allow(t))
	return fail(http.StatusMethodNotAllowed)
}

// body reads the request's XML. No body at all is no error and gives no tree.
func (h *handler) body(r *http.Request) (*element, error) {
	if r.Body == nil {
		return nil, nil //nolint:nilnil // a request without a body means something
	}
	root, err := parseXML(r.Body)
	switch {
	case errors.Is(err, errTooLong):
		return nil, fail(http.StatusRequestEntityTooLarge)
	case errors.Is(err, errTooMany) && r.Method == methodReport:
		return nil, refuse(nsDAV, "number-of-matches-within-limits")
	case err != nil:
		return nil, fail(http.StatusBadRequest)
	}
	return root, nil
}

// fail answers with err: the only place where an error becomes an answer.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	f, ok := errors.AsType[*failure](err)
	switch {
	case ok:
	case errors.Is(err, fs.ErrNotExist):
		f = &failure{status: http.StatusNotFound}
	case r.Context().Err() != nil:
		// The client went away; nobody reads this.
		f = &failure{status: http.StatusServiceUnavailable}
	default:
		h.log.LogAttrs(r.Context(), slog.LevelError, "caldav request not answered",
			slog.String("method", r.Method), slog.Any("error", err))
		f = &failure{status: http.StatusInternalServerError}
	}
	if f.cond.Local == "" {
		plain(w, f.status)
		return
	}
	b := append([]byte(xmlHeader), `<error xmlns="`...)
	b = append(b, nsDAV...)
	b = append(b, `">`...)
	b = appendCondition(b, f)
	b = append(b, "</error>\n"...)
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(f.status)
	_, _ = w.Write(b) // nothing can be done for a client that does not listen
}

// appendCondition writes the precondition's element below an <error> whose
// default namespace is DAV:, the spelling that Evolution looks for as text.
func appendCondition(b []byte, f *failure) []byte {
	b = append(b, '<')
	b = append(b, f.cond.Local...)
	if f.cond.Space != nsDAV {
		b = append(b, ` xmlns="`...)
		b = append(b, f.cond.Space...)
		b = append(b, '"')
	}
	if f.inside == "" {
		return append(b, "/>"...)
	}
	b = append(b, '>')
	b = append(b, f.inside...)
	b = append(b, "</"...)
	b = append(b, f.cond.Local...)
	return append(b, '>')
}

// plain answers with the name of a status.
func plain(w http.ResponseWriter, status int) {
	hd := w.Header()
	hd.Set("Content-Type", "text/plain; charset=utf-8")
	hd.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, http.StatusText(status)+"\n") // as above
}
