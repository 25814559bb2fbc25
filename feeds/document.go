package feeds

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// document is one answer, ready to be sent. It is immutable, its headers
// included: they are handed to every answer as they are.
type document struct {
	body     []byte
	modified time.Time     // whole seconds; zero: not said
	packed   func() packed // body compressed with gzip, made once
	length   []string      // Content-Length of body

	contentType, tag, tagGzip, lastModified []string
}

// packed is a compressed body with its Content-Length.
type packed struct {
	body   []byte
	length []string
}

// newDocument returns a document without its compressed form. etag is without
// quotes.
func newDocument(contentType, etag string, modified time.Time, body []byte) *document {
	d := &document{
		body: body, length: []string{strconv.Itoa(len(body))}, contentType: []string{contentType},
		tag: []string{`"` + etag + `"`}, tagGzip: []string{`"` + etag + `-gz"`},
	}
	if !modified.IsZero() {
		d.modified = modified.UTC().Truncate(time.Second)
		d.lastModified = []string{d.modified.Format(http.TimeFormat)}
	}
	return d
}

// How long a subscriber may go without asking again. Some readers take it for
// their interval, so it also is what keeps them from asking too often.
const (
	maxAgeDay   = "private, max-age=900"
	maxAgeNight = "private, max-age=3600"

	nightBegins, nightEnds = 22, 6 // hours on the clock in Stockholm
)

// headers are the values that every document shares. They are not to be
// changed.
type headers struct{ day, night, vary, gzip, robots, nosniff, referrer []string }

func newHeaders() headers {
	return headers{
		day: []string{maxAgeDay}, night: []string{maxAgeNight}, vary: []string{"Accept-Encoding"}, gzip: []string{"gzip"},
		robots: []string{"noindex, nofollow"}, nosniff: []string{"nosniff"}, referrer: []string{"no-referrer"},
	}
}

func (h *handler) cacheControl() []string {
	if hour := h.now().In(h.loc).Hour(); hour >= nightBegins || hour < nightEnds {
		return h.shared.night
	}
	return h.shared.day
}

// write sends a document to the holder of a token, or 304 to those who have it.
// A reader that goes astray and takes it in full again and again has to wait.
// Ranges are not served: documents are small, and a part of a compressed one is
// of no use.
func (h *handler) write(w http.ResponseWriter, r *http.Request, token string, d *document) {
	zipped := acceptsGzip(r.Header["Accept-Encoding"])
	tag := d.tag
	if zipped {
		tag = d.tagGzip
	}
	held := notModified(r, tag[0], d.modified)
	if !held && r.Method != http.MethodHead && h.answers.limit > 0 {
		if wait := h.answers.count(h.reader(token, h.peer(r)), h.now()); wait > 0 {
			later(w, r, wait)
			return
		}
	}
	header := w.Header()
	header["Etag"] = tag
	header["Cache-Control"] = h.cacheControl()
	header["Vary"] = h.shared.vary
	if d.lastModified != nil {
		header["Last-Modified"] = d.lastModified
	}
	if held {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body, length := d.body, d.length
	if zipped {
		p := d.packed()
		body, length = p.body, p.length
		header["Content-Encoding"] = h.shared.gzip
	}
	header["Content-Type"] = d.contentType
	header["Content-Length"] = length
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// notModified evaluates the conditions of RFC 9110 13.2.2 for GET and HEAD.
// If-Modified-Since only counts where there is no If-None-Match, and only with
// the very date that was handed out: a note that goes, or a window that moves,
// may leave a document with an earlier date than the one before it.
func notModified(r *http.Request, tag string, modified time.Time) bool {
	if tags := r.Header["If-None-Match"]; len(tags) > 0 {
		for _, list := range tags {
			if matches(list, tag) {
				return true
			}
		}
		return false
	}
	if modified.IsZero() {
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && modified.Equal(since)
}

// matches compares an If-None-Match list with a tag by weak comparison (RFC
// 9110 8.8.3.2). It stops at the first thing that is not an entity tag.
func matches(list, tag string) bool {
	for {
		list = textproto.TrimString(list)
		list = strings.TrimLeft(list, ", \t")
		if list == "" {
			return false
		}
		if list[0] == '*' {
			return true
		}
		list = strings.TrimPrefix(list, "W/")
		if list == "" || list[0] != '"' {
			return false
		}
		end := strings.IndexByte(list[1:], '"')
		if end < 0 {
			return false
		}
		if list[:end+2] == tag {
			return true
		}
		list = list[end+2:]
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110 12.5.3).
func acceptsGzip(values []string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			coding, weight, _ := strings.Cut(part, ";")
			coding = textproto.TrimString(coding)
			if !strings.EqualFold(coding, "gzip") && !strings.EqualFold(coding, "x-gzip") && coding != "*" {
				continue
			}
			return !zeroWeight(weight)
		}
	}
	return false
}

// zeroWeight reports whether the parameter after a coding is a weight of 0.
func zeroWeight(s string) bool {
	name, value, found := strings.Cut(s, "=")
	if !found || !strings.EqualFold(textproto.TrimString(name), "q") {
		return false
	}
	q, err := strconv.ParseFloat(textproto.TrimString(value), 64)
	return err == nil && q == 0
}

// compress returns the gzip form of body, the same octets each time.
func compress(body []byte) packed {
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		zw = gzip.NewWriter(&b)
	}
	_, _ = zw.Write(body) // a buffer takes every write
	_ = zw.Close()
	return packed{b.Bytes(), []string{strconv.Itoa(b.Len())}}
}
