package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/app"
	"syncd/source/school"
)

// output is a place to print that may be read at any time.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startDemo runs `syncd demo` in this process and returns what it wrote into
// demo.json, and a function that stops it and returns its exit status.
func startDemo(t *testing.T, dir string, args ...string) (demoFile, func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	path := filepath.Join(dir, "demo.json")
	old, _ := os.ReadFile(path) // of the demo before; there until this one has read it
	var out, errs output
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"demo", "-listen", "127.0.0.1:0", "-data", dir}, args...), Env{
			In: strings.NewReader(""), Out: &out, Err: &errs, Now: time.Now,
			Lookup: func(string) (string, bool) { return "", false },
		})
	}()
	stop := sync.OnceValue(func() int {
		cancel()
		return <-status
	})
	t.Cleanup(func() { stop() })
	for range 1200 {
		select {
		case s := <-status:
			t.Fatalf("the demo ended with %d before it was ready:\n%s", s, errs.String())
		case <-time.After(50 * time.Millisecond):
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || old != nil && bytes.Equal(b, old) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var f demoFile
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatalf("demo.json: %v", err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("demo.json: %v, %v; want mode 0600", info.Mode(), err)
		}
		return f, stop
	}
	t.Fatalf("the demo did not get ready:\n%s", errs.String())
	return demoFile{}, nil
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET = %d, %v", resp.StatusCode, err)
	}
	return string(b)
}

func uids(calendar string) []string {
	return regexp.MustCompile(`(?m)^UID:.*$`).FindAllString(calendar, -1)
}

// TestDemoKeepsItsPromise holds what scripts are promised of the demo.
func TestDemoKeepsItsPromise(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "familj")
	f, stop := startDemo(t, dir)
	if strings.HasSuffix(f.BaseURL, "/") || f.CalDAV.URL != f.BaseURL+"/dav/" || f.Web.User == "" || f.Web.Password == "" {
		t.Errorf("base %q, CalDAV %q, web user %q", f.BaseURL, f.CalDAV.URL, f.Web.User)
	}
	vevents, soon, calendars := 0, 0, map[string][]string{}
	now := time.Now()
	for _, c := range f.ICS {
		if !strings.HasPrefix(c.URL, f.BaseURL+"/c/") || !c.Kind.IsCalendar() {
			t.Errorf("calendar %d %s is at another place", c.Child, c.Kind)
		}
		body := fetch(t, c.URL)
		if c.Child == school.Family {
			continue // shows again what the children's calendars show
		}
		calendars[c.URL] = uids(body)
		vevents += strings.Count(body, "BEGIN:VEVENT")
		for _, m := range regexp.MustCompile(`(?m)^DTSTART[^:]*:(\d{8})`).FindAllStringSubmatch(body, -1) {
			if d, err := time.Parse("20060102", m[1]); err == nil && d.After(now.Add(-24*time.Hour)) && d.Before(now.Add(14*24*time.Hour)) {
				soon++
			}
		}
	}
	if vevents < 150 || len(calendars) < 3 || soon < 10 {
		t.Errorf("%d events in %d calendars, %d in the next 14 days", vevents, len(calendars), soon)
	}
	letters, pictures := 0, 0
	for _, feed := range f.Feeds {
		body := fetch(t, feed.URL)
		if feed.Kind == school.KindNews && feed.Child != school.Family {
			letters += strings.Count(body, "<entry")
			pictures += strings.Count(body, "/m/")
		}
	}
	if letters < 5 || pictures == 0 {
		t.Errorf("%d letters, %d pictures", letters, pictures)
	}
	homes, platforms := 0, map[school.Kind]bool{}
	for _, c := range f.ICS {
		platforms[c.Kind] = true
		if c.Child == school.Family || c.Kind == school.KindDay {
			continue // shown again, or in place of lessons, only where that was chosen
		}
		slug := regexp.MustCompile(`[^/]+\.ics$`).FindString(c.URL)
		objects := strings.Count(propfind(t, f, "calendars/"+strings.TrimSuffix(slug, ".ics")+"/"), ".ics</D:href>")
		if want := len(calendars[c.URL]); objects != want {
			t.Errorf("child %d, %s: %d CalDAV objects, %d events by ICS", c.Child, c.Kind, objects, want)
		}
		homes++
	}
	if homes < 3 {
		t.Errorf("%d calendars by CalDAV", homes)
	}
	// One child at each platform and one at both: lessons and homework come from
	// one of them, lunch from the other.
	for _, kind := range []school.Kind{school.KindEvents, school.KindLessons, school.KindHomework, school.KindCare, school.KindMeals} {
		if !platforms[kind] {
			t.Errorf("no calendar of kind %s", kind)
		}
	}
	if s := stop(); s != app.ExitOK {
		t.Errorf("exit status %d", s)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.age"))
	if err != nil || len(files) != 2 {
		t.Errorf("sealed files: %v, %v", files, err)
	}
	again, stop := startDemo(t, dir)
	defer stop()
	if again.CalDAV.User != f.CalDAV.User || again.CalDAV.Password != f.CalDAV.Password || again.Web != f.Web || len(again.ICS) != len(f.ICS) {
		t.Error("a second demo on the same folder has other secrets")
	}
	for i, c := range again.ICS {
		old, err := url.Parse(f.ICS[i].URL)
		if err != nil {
			t.Fatal(err)
		}
		if c.URL != again.BaseURL+old.Path {
			t.Errorf("calendar %d has another address", i)
		}
		if want := calendars[f.ICS[i].URL]; want != nil {
			if diff := cmp.Diff(want, uids(fetch(t, c.URL))); diff != "" {
				t.Errorf("calendar %d has other UIDs:\n%s", i, diff)
			}
		}
	}
}

func propfind(t *testing.T, f demoFile, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "PROPFIND", f.CalDAV.URL+f.CalDAV.User+"/"+path,
		strings.NewReader(`<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Depth", "1")
	req.Header.Set("Content-Type", "application/xml")
	req.SetBasicAuth(f.CalDAV.User, f.CalDAV.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusMultiStatus {
		t.Fatalf("PROPFIND = %d, %v", resp.StatusCode, err)
	}
	return string(b)
}

// TestDemoScale asks for one more child with so many events.
func TestDemoScale(t *testing.T) {
	t.Parallel()
	const n = 1500
	f, stop := startDemo(t, t.TempDir(), "-scale", "1500")
	defer stop()
	last := f.ICS[0]
	for _, c := range f.ICS {
		if c.Child > last.Child {
			last = c
		}
	}
	kinds := 0
	for _, c := range f.ICS {
		if c.Child == last.Child {
			kinds++
		}
	}
	if last.Child != 5 || last.Kind != school.KindEvents || kinds != 1 {
		t.Fatalf("the last child is %d with %d calendars, %s among them", last.Child, kinds, last.Kind)
	}
	if got := len(uids(fetch(t, last.URL))); got != n {
		t.Errorf("%d events by ICS, want %d", got, n)
	}
	if got := strings.Count(propfind(t, f, "calendars/5-events/"), ".ics</D:href>"); got != n {
		t.Errorf("%d events by CalDAV, want %d", got, n)
	}
}

// TestDemoThatFailsLeavesItsAddresses starts a demo that cannot listen: the
// file of the one before is put aside, not lost, and serves the next.
func TestDemoThatFailsLeavesItsAddresses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, stop := startDemo(t, dir)
	stop()
	var out, errs output
	if s := run(t.Context(), []string{"demo", "-listen", "256.0.0.1:1", "-data", dir}, Env{
		In: strings.NewReader(""), Out: &out, Err: &errs, Now: time.Now,
		Lookup: func(string) (string, bool) { return "", false },
	}); s != app.ExitError {
		t.Errorf("exit status %d, want %d", s, app.ExitError)
	}
	if _, err := os.Stat(filepath.Join(dir, "demo.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("demo.json looks as if the demo was ready: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "demo.json.previous")); err != nil {
		t.Error(err)
	}
	again, _ := startDemo(t, dir)
	if again.CalDAV.User != f.CalDAV.User {
		t.Error("the demo after the one that failed has another link")
	}
}

// TestDemoLeavesNothing stops a demo that was given no folder while it gets
// ready.
func TestDemoLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRack(t)
	cmd := r.command("demo", "-listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "TMPDIR="+r.dir)
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	made := 0
	for range 1000 {
		if made = len(files(t, r.dir)); made > 2 && strings.Contains(out.String(), "serving") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the demo ended badly: %v\n%s", err, out.String())
	}
	if left := files(t, r.dir); made < 3 || len(left) > 0 {
		t.Errorf("of %d files there are left: %v", made, left)
	}
}

func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if path != dir {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
