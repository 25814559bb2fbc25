package caldav

import (
	"encoding/xml"
	"net/http"
	"strings"
)

// refuseWrite answers every writing method with 403 and the privilege that is
// missing (RFC 3744, 7.1.1), before anything of the body is read. What does
// not exist, or belongs to another link, is answered in the same way.
func (h *handler) refuseWrite(r *http.Request, t target, known bool) error {
	href := r.URL.EscapedPath()
	if known {
		href = h.paths.of(t)
	}
	privilege := "bind"
	switch r.Method {
	case http.MethodPut:
		if known && t.kind == kindObject && h.exists(r, t) {
			privilege = "write-content"
		} else {
			href = parent(href)
		}
	case http.MethodDelete, methodMove:
		privilege, href = "unbind", parent(href)
	case methodMkcalendar, methodMkcol:
		href = parent(href)
	case methodLock:
		privilege = "write-content"
	case methodUnlock:
		privilege = "unlock"
	case methodACL:
		privilege = "write-acl"
	}
	// Within <need-privileges> the default namespace is DAV:.
	inside := append([]byte("<resource><href>"), appendText(nil, href)...)
	inside = append(inside, "</href><privilege><"+privilege+"/></privilege></resource>"...)
	return &failure{
		status: http.StatusForbidden,
		cond:   xml.Name{Space: nsDAV, Local: "need-privileges"},
		inside: string(inside),
	}
}

func (h *handler) exists(r *http.Request, t target) bool {
	_, err := h.resource(r.Context(), t)
	return err == nil
}

// parent returns the collection in which path stands.
func parent(path string) string {
	return path[:strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/')+1]
}
