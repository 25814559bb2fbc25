// Package faketest is what the fakes of school platforms share: answers before
// they are sent, the ways in which a platform can spoil them, and how they are
// sent with and without a network.
//
// It knows no platform, starts no goroutine and never imports "testing", for
// the demo serves the fakes too.
package faketest

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

// Page answers with an HTML page.
func Page(status int, html string) *Answer {
	return &Answer{Status: status, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: []byte(html)}
}

// Redirect answers 302, with the page that IIS puts behind it.
func Redirect(to string) *Answer {
	a := Page(http.StatusFound, "<html><head><title>Object moved</title></head></html>")
	a.Header.Set("Location", to)
	return a
}

// JSON answers 200 with v, which has to be made of plain structs.
func JSON(v any) *Answer {
	body, err := json.Marshal(v)
	if err != nil {
		return Page(http.StatusInternalServerError, "Server Error") // cannot happen: plain structs
	}
	return &Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body}
}

// Serve sends an answer over a connection.
func Serve(w http.ResponseWriter, r *http.Request, a *Answer) {
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

// Respond makes of an answer what [http.RoundTripper] returns, without a
// network. done is called once, when the answer is over.
func Respond(r *http.Request, a *Answer, done func()) (*http.Response, error) {
	if err := wait(r.Context(), a.Delay); err != nil {
		done()
		return nil, err
	}
	if a.Break {
		done()
		return nil, fmt.Errorf("faketest: connection ends: %w", io.EOF)
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
	resp.Body = &counted{Reader: body, done: done}
	return resp, nil
}

// broken is where a body ends too early.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// counted counts the request out when its body is closed.
type counted struct {
	io.Reader

	done func()
}

func (b *counted) Close() error {
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
