package feeds_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
)

func TestMedia(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ref                           school.MediaRef
		contentType, disposition, csp string
	}{
		{school.MediaRef{Name: "på gården.jpg", Type: "image/jpeg", Image: true}, "image/jpeg", "inline; filename*=utf-8''p%C3%A5%20g%C3%A5rden.jpg", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "a.png", Type: "image/png; charset=x", Image: true}, "image/png", "inline; filename=a.png", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "brev.pdf", Type: "application/pdf"}, "application/pdf", "inline; filename=brev.pdf", "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{school.MediaRef{Name: "x.svg", Type: "image/svg+xml", Image: true}, "application/octet-stream", "attachment; filename=x.svg", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "x.html", Type: "text/html"}, "application/octet-stream", "attachment; filename=x.html", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "x.js", Type: "text/javascript"}, "application/octet-stream", "attachment; filename=x.js", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "x.txt", Type: "text/plain"}, "text/plain; charset=utf-8", "attachment; filename=x.txt", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "x.ics", Type: "text/calendar"}, "text/calendar; charset=utf-8", "attachment; filename=x.ics", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "x.mp3", Type: "audio/mpeg"}, "audio/mpeg", "attachment; filename=x.mp3", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "x.docx", Type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "attachment; filename=x.docx", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "../../etc/passwd\r\nX: y", Type: "nonsense"}, "application/octet-stream", "attachment; filename=\"-..-etc-passwd X: y\"", "sandbox; default-src 'none'"},
		{school.MediaRef{Name: "", Type: ""}, "application/octet-stream", "attachment; filename=media", "sandbox; default-src 'none'"},
	} {
		s := newStore()
		tc.ref.ID, tc.ref.Length = "m-9", 5
		s.media["x9"], s.data["x9"] = tc.ref, "12345"
		srv := serve(t, s, nil)
		w := srv.ask(t, http.MethodGet, "/m/x9/whatever%2fname", "Accept-Encoding", "gzip")
		got := map[string]string{}
		for _, h := range []string{
			"Content-Type", "Content-Disposition", "Content-Security-Policy", "Content-Length", "Content-Encoding",
			"X-Content-Type-Options", "Referrer-Policy", "Cache-Control", "X-Robots-Tag",
		} {
			got[h] = w.Header().Get(h)
		}
		want := map[string]string{
			"Content-Type": tc.contentType, "Content-Disposition": tc.disposition, "Content-Security-Policy": tc.csp,
			"Content-Length": "5", "Content-Encoding": "", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cache-Control": "private, max-age=86400", "X-Robots-Tag": "noindex, nofollow",
		}
		if diff := cmp.Diff(want, got); diff != "" || w.Code != 200 || w.Body.String() != "12345" {
			t.Errorf("%q %q = %d %q (-want +got):\n%s", tc.ref.Name, tc.ref.Type, w.Code, w.Body, diff)
		}
		head := srv.ask(t, http.MethodHead, "/m/x9/n")
		if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != "5" {
			t.Errorf("HEAD = %d with %d octets", head.Code, head.Body.Len())
		}
		tag := w.Header().Get("Etag")
		if again := srv.ask(t, http.MethodGet, "/m/x9/n", "If-None-Match", "W/"+tag); again.Code != 304 || again.Body.Len() != 0 {
			t.Errorf("with its tag = %d", again.Code)
		}
		if strings.Contains(tag, "x9") || strings.Contains(tag, "m-9") {
			t.Errorf("the tag %s shows the id", tag)
		}
		s.media = nil
		if gone := srv.ask(t, http.MethodGet, "/m/x9/n", "If-None-Match", tag); gone.Code != http.StatusNotFound {
			t.Errorf("revoked media = %d", gone.Code)
		}
	}
}

// breaking is media that ends in the middle.
type breaking struct{ store }

func (b *breaking) Media(context.Context, string) (ref school.MediaRef, open func() (io.ReadCloser, error), err error) {
	return school.MediaRef{ID: "m", Name: "hemlig.jpg", Type: "image/jpeg"}, func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("abc"), failing{})), nil
	}, nil
}

type failing struct{}

func TestMediaCutShort(t *testing.T) {
	t.Parallel()
	srv := serve(t, &breaking{}, nil)
	w := srv.ask(t, http.MethodGet, "/m/"+mediaID+"/hemlig.jpg")
	if w.Body.String() != "abc" || w.Header().Get("Content-Length") != "" {
		t.Errorf("body %q, length %q", w.Body, w.Header().Get("Content-Length"))
	}
	if log := srv.log.String(); !strings.Contains(log, "media cut short") || strings.Contains(log, "hemlig") || strings.Contains(log, mediaID) {
		t.Errorf("log: %s", log)
	}
}

// TestMediaAreOpenedForThoseWhoReadThem does not decrypt for a 304, and
// answers in words when the file is gone or damaged.
func TestMediaAreOpenedForThoseWhoReadThem(t *testing.T) {
	t.Parallel()
	s := newStore()
	srv := serve(t, s, nil)
	path := "/m/" + mediaID + "/x.jpg"
	tag := srv.ask(t, http.MethodGet, path).Header().Get("Etag")
	if w := srv.ask(t, http.MethodGet, path, "If-None-Match", tag); w.Code != http.StatusNotModified || s.opened != 1 {
		t.Errorf("with its tag = %d, opened %d times", w.Code, s.opened)
	}
	for status, err := range map[int]error{http.StatusNotFound: fs.ErrNotExist, http.StatusInternalServerError: errors.New("vault: damaged")} {
		s.openErr = err
		w := srv.ask(t, http.MethodGet, path)
		if h := w.Header(); w.Code != status || h.Get("Etag") != "" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Disposition") != "" || h.Get("X-Robots-Tag") == "" {
			t.Errorf("%v: %d, headers %v", err, w.Code, h)
		}
	}
}
