package skolplattformentest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Answer is one answer before it is sent; faults change it.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Stream, if set, is sent in place of Body, without a Content-Length.
	Stream io.Reader
	// Delay is how long the answer takes.
	Delay time.Duration
	// Missing is how many bytes of Body are announced but never sent.
	Missing int
	// Break ends the connection in place of an answer.
	Break bool
}

func page(status int, html string) *Answer {
	return &Answer{Status: status, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: []byte(html)}
}

func redirect(to string) *Answer {
	a := page(http.StatusFound, "<html><head><title>Object moved</title></head></html>")
	a.Header.Set("Location", to)
	return a
}

func jsonAnswer(v any) *Answer {
	body, err := json.Marshal(v)
	if err != nil {
		return page(http.StatusInternalServerError, "Server Error") // cannot happen: plain structs
	}
	return &Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body}
}

func success(data any) *Answer { return jsonAnswer(envelope{Success: true, Data: data}) }

func failure(message string) *Answer { return jsonAnswer(envelope{Error: &message}) }

// ServeHTTP implements [http.Handler]. Hosts other than the platform's own
// are the city's sign-in.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Host != Host {
		s.sso.ServeHTTP(w, r)
		return
	}
	defer s.begin(r)()
	a := s.respond(r)
	if err := wait(r.Context(), a.Delay); err != nil || a.Break {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
		return
	}
	maps.Copy(w.Header(), a.Header)
	if a.Stream != nil {
		w.WriteHeader(a.Status)
		_, _ = io.Copy(w, a.Stream)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)+a.Missing))
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

// RoundTrip implements [http.RoundTripper].
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() != Host {
		return s.sso.RoundTrip(r)
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	done := s.begin(r)
	a := s.respond(r)
	if err := wait(r.Context(), a.Delay); err != nil {
		done()
		return nil, err
	}
	if a.Break {
		done()
		return nil, fmt.Errorf("skolplattformentest: connection ends: %w", io.EOF)
	}
	resp := &http.Response{
		Status: strconv.Itoa(a.Status) + " " + http.StatusText(a.Status), StatusCode: a.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.Header, Request: r,
	}
	resp.ContentLength = int64(len(a.Body) + a.Missing)
	var body io.Reader = bytes.NewReader(a.Body)
	if a.Stream != nil {
		resp.ContentLength, body = -1, a.Stream
	}
	if a.Missing > 0 {
		body = io.MultiReader(body, broken{})
	}
	resp.Body = &body1{Reader: body, done: done}
	return resp, nil
}

// broken is where a body ends too early.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// body1 counts the request out when its body is closed.
type body1 struct {
	io.Reader

	done func()
}

func (b *body1) Close() error {
	if b.done != nil {
		b.done()
		b.done = nil
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
