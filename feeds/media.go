package feeds

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// maxAgeMedia: a picture never changes under its id.
const maxAgeMedia = "private, max-age=86400"

// serveMedia answers a picture or file. The name in the address is only for
// people. What schools attach is foreign: it is never more than a picture or
// a paper to a browser, and cannot act in the name of this host.
func (h *handler) serveMedia(w http.ResponseWriter, r *http.Request, id string) {
	ref, open, err := h.store.Media(r.Context(), id)
	if err != nil {
		h.fail(w, r, routeMedia, err)
		return
	}
	contentType, inline := safeType(ref.Type)
	tag := mediaTag(ref.ID, ref.Length)
	header := w.Header()
	header.Set("Etag", tag)
	header.Set("Cache-Control", maxAgeMedia)
	header.Set("Content-Security-Policy", mediaPolicy(contentType))
	header.Set("Cross-Origin-Resource-Policy", "cross-origin") // readers show it inside their own pages
	if len(r.Header["If-None-Match"]) > 0 && matches(strings.Join(r.Header["If-None-Match"], ","), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body, err := open()
	if err != nil {
		clear(header)
		h.common(header)
		h.fail(w, r, routeMedia, err)
		return
	}
	defer body.Close()
	header.Set("Content-Type", contentType)
	header.Set("Content-Disposition", disposition(inline, mediaName(ref)))
	if ref.Length > 0 {
		header.Set("Content-Length", strconv.FormatInt(ref.Length, 10))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	if err := h.copyMedia(w, body); err != nil && r.Context().Err() == nil {
		// Too late for another status; the length tells the reader.
		h.log.LogAttrs(r.Context(), slog.LevelWarn, "media cut short", slog.String("route", routeMedia))
	}
}

// mediaBite is how much of a picture is read at once. The writer's own way of
// copying takes smaller bites than the pieces of a sealed file, and each costs
// the making of a whole piece.
const mediaBite = 256 << 10

func (h *handler) copyMedia(w io.Writer, body io.Reader) error {
	buffer, ok := h.buffers.Get().(*[]byte)
	if !ok {
		b := make([]byte, mediaBite)
		buffer = &b
	}
	defer h.buffers.Put(buffer)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{body}, *buffer)
	return err
}

// mediaTag is an entity tag that says nothing about the id.
func mediaTag(id string, length int64) string {
	sum := sha256.Sum256([]byte(id + "/" + strconv.FormatInt(length, 10)))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
}

const typePDF = "application/pdf"

// safeType returns the media type under which a file is sent and whether a
// browser may show it in place. SVG, HTML and XML can hold programs, so they
// are sent as octets, as is everything unknown.
func safeType(s string) (contentType string, inline bool) {
	t := mediaType(s)
	switch t {
	case "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic", "image/bmp", typePDF:
		return t, true
	case "text/plain":
		return "text/plain; charset=utf-8", false
	case "text/calendar":
		return "text/calendar; charset=utf-8", false
	case "application/rtf", "application/zip", "application/msword", "application/vnd.ms-excel",
		"application/vnd.ms-powerpoint", "audio/mpeg", "audio/mp4", "video/mp4":
		return t, false
	}
	if strings.HasPrefix(t, "application/vnd.openxmlformats-officedocument.") ||
		strings.HasPrefix(t, "application/vnd.oasis.opendocument.") {
		return t, false
	}
	return "application/octet-stream", false
}

// mediaPolicy returns the Content-Security-Policy. The viewers that browsers
// have for PDF are pages with styles and scripts of their own, which a
// sandbox leaves blank in Safari; such a document is fenced by its fixed type
// and nosniff instead.
func mediaPolicy(contentType string) string {
	if contentType == typePDF {
		return "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	}
	return "sandbox; default-src 'none'"
}

// disposition returns Content-Disposition with the name as RFC 6266 wants it.
func disposition(inline bool, name string) string {
	kind := "attachment"
	if inline {
		kind = "inline"
	}
	if v := mime.FormatMediaType(kind, map[string]string{"filename": name}); v != "" {
		return v
	}
	return kind
}
