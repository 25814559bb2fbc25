package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-webdav"
	davclient "github.com/emersion/go-webdav/caldav"
	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
)

// meter stands between a client and the program and counts what the program
// answers.
type meter struct {
	*httptest.Server

	bytes atomic.Int64
}

func (h *house) meter() *meter {
	h.t.Helper()
	to, err := url.Parse(h.base)
	if err != nil {
		h.t.Fatal(err)
	}
	m := &meter{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(&countingWriter{w, &m.bytes}, r)
	}))
	h.t.Cleanup(m.Close)
	return m
}

type countingWriter struct {
	http.ResponseWriter

	bytes *atomic.Int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.bytes.Add(int64(len(p)))
	return w.ResponseWriter.Write(p)
}

// taken returns how many bytes went by since it was last asked.
func (m *meter) taken() int64 { return m.bytes.Swap(0) }

// moveAndRemove moves one coming event of the first child's school and takes
// another away, and has that read. It returns how many objects there are now.
func (h *house) moveAndRemove() int {
	h.t.Helper()
	c := h.world.Children()[0]
	var coming []school.Event
	for _, e := range h.world.SchoolOf(c).Calendar {
		if e.Ref != "" && !e.Span.AllDay && e.Span.Start.After(now()) {
			coming = append(coming, e)
		}
	}
	if len(coming) < 2 {
		h.t.Fatal("the world has too few events to change")
	}
	day := school.DateOf(coming[0].Span.Start).AddDays(1)
	loc := school.Stockholm()
	h.world.MoveEvent(c.School, coming[0].Ref, school.Timed(day.At(13, 5, loc), day.At(14, 15, loc)))
	h.world.RemoveEvent(c.School, coming[1].Ref)
	h.clock.forward(time.Hour)
	h.mustRead()
	return len(h.there(h.calendarPath("1-events")))
}

// foreign is somebody else's program that says in one line of JSON what it
// has, waits for a line, and goes on.
type foreign struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Scanner
}

func (h *house) foreign(name string, args ...string) *foreign {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	// What the program starts ends with it, and is not waited for.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	errs := &logs{}
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // ended with the context, or done
		cancel()
		if h.t.Failed() {
			h.t.Logf("%s said:\n%s", name, errs)
		}
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 8<<20)
	return &foreign{h.t, in, lines}
}

// hears reads one line into v.
func (f *foreign) hears(v any) {
	f.t.Helper()
	if !f.out.Scan() {
		f.t.Fatalf("the program ended: %v", f.out.Err())
	}
	if err := json.Unmarshal(f.out.Bytes(), v); err != nil {
		f.t.Fatalf("the program said %q", f.out.Text())
	}
}

func (f *foreign) goOn() {
	f.t.Helper()
	if _, err := io.WriteString(f.in, "go on\n"); err != nil {
		f.t.Fatal(err)
	}
}

// account is what a script needs to sign in.
func (h *house) credentials(address string) []string {
	return []string{address + "/", h.addresses.CalDAV.User, h.addresses.CalDAV.Password}
}

const pythonScript = `
import json, sys, caldav
from caldav.lib import error
def say(**what): print(json.dumps(what), flush=True)
client = caldav.DAVClient(url=sys.argv[1], username=sys.argv[2], password=sys.argv[3])
calendars = client.principal().calendars()
events = [c for c in calendars if str(c.url).endswith("/1-events/")][0]
held = events.objects_by_sync_token(load_objects=True)
say(calendars=[str(c.url) for c in calendars], objects=[str(o.url) for o in held])
sys.stdin.readline()
changed, gone = held.sync()
say(changed=len(changed), gone=len(gone), objects=[str(o.url) for o in held])
sys.stdin.readline()
refused = ""
try:
    events.save_event("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:x\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261124T100000Z\r\nDTEND:20261124T110000Z\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
except error.DAVError as e:
    refused = type(e).__name__
say(refused=refused, objects=[str(o.url) for o in events.events()])
`

const nodeScript = `
const { createDAVClient } = require('tsdav');
const lines = require('readline').createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));
(async () => {
  const [serverUrl, username, password] = process.argv.slice(-3);
  const client = await createDAVClient({ serverUrl, credentials: { username, password }, authMethod: 'Basic', defaultAccountType: 'caldav' });
  const calendars = await client.fetchCalendars();
  const calendar = calendars.find((c) => c.url.endsWith('/1-events/'));
  const objects = await client.fetchCalendarObjects({ calendar });
  say({ calendars: calendars.map((c) => c.url), objects: objects.filter((o) => o.data).map((o) => o.url) });
  await lines.next();
  const now = await client.smartCollectionSync({ collection: { ...calendar, objects, objectMultiGet: client.calendarMultiGet }, method: 'webdav', detailedResult: true });
  const { created, updated, deleted } = now.objects;
  const gone = new Set(deleted.map((o) => new URL(o.url, serverUrl).href));
  const held = new Set(objects.map((o) => o.url).concat(created.map((o) => new URL(o.url, serverUrl).href)));
  say({ changed: created.length + updated.length, gone: deleted.length, objects: [...held].filter((u) => !gone.has(u)) });
  await lines.next();
  const answer = await client.createCalendarObject({ calendar, filename: 'x.ics', iCalString: 'BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n' });
  const after = await client.fetchCalendarObjects({ calendar });
  say({ refused: String(answer.status), objects: after.map((o) => o.url) });
})().catch((e) => { console.error(e); process.exit(1); });
`

// converse lets a script find the calendars from the bare host, fetch one,
// sync after a change and a deletion, and try to write.
func (h *house) converse(m *meter, f *foreign, refusal string) {
	h.t.Helper()
	path := h.calendarPath("1-events")
	var first struct{ Calendars, Objects, Writable []string }
	f.hears(&first)
	if len(first.Writable) > 0 {
		h.t.Errorf("taken for writable: %v", first.Writable)
	}
	if len(first.Calendars) != len(h.slugs()) || len(first.Objects) != len(h.there(path)) {
		h.t.Errorf("found %d calendars and %d objects, want %d and %d", len(first.Calendars), len(first.Objects), len(h.slugs()), len(h.there(path)))
	}
	all := m.taken()
	left := h.moveAndRemove()
	f.goOn()
	var second struct {
		Changed, Gone int
		Objects       []string
	}
	f.hears(&second)
	delta := m.taken()
	if second.Changed != 1 || second.Gone != 1 || len(second.Objects) != left {
		h.t.Errorf("the second sync: %d changed, %d gone, %d held; want 1, 1, %d", second.Changed, second.Gone, len(second.Objects), left)
	}
	h.t.Logf("first sync %d bytes, second %d", all, delta)
	if delta*4 > all {
		h.t.Errorf("the second sync took %d bytes, the first %d: that is more than the difference", delta, all)
	}
	f.goOn()
	var third struct {
		Refused string
		Objects []string
	}
	f.hears(&third)
	if third.Refused != refusal || len(third.Objects) != left {
		h.t.Errorf("a write was answered with %q and %d objects are seen, want %q and %d", third.Refused, len(third.Objects), refusal, left)
	}
}

// TestInteropPythonCaldav lets python-caldav in, which other programs are
// made with.
func TestInteropPythonCaldav(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3" // the one that Debian's packages are for
	if err := exec.CommandContext(t.Context(), python, "-c", "import caldav").Run(); err != nil {
		if os.Getenv("SYNCD_REQUIRE_INTEROP") != "" {
			t.Fatalf("python3-caldav is not installed: %v", err)
		}
		t.Skip("python3-caldav is not installed")
	}
	h := open(t)
	m := h.meter()
	h.converse(m, h.foreign(python, append([]string{"-c", pythonScript}, h.credentials(m.URL)...)...), "AuthorizationError")
}

// TestInteropTsdav lets tsdav in, if NODE_PATH leads to it.
func TestInteropTsdav(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "node", "-e", "require.resolve('tsdav')").Run(); err != nil {
		if os.Getenv("SYNCD_REQUIRE_INTEROP") != "" {
			t.Fatalf("node finds no tsdav (install it with npm and set NODE_PATH): %v", err)
		}
		t.Skip("node finds no tsdav")
	}
	h := open(t)
	m := h.meter()
	h.converse(m, h.foreign("node", append([]string{"-e", nodeScript, "--"}, h.credentials(m.URL)...)...), "403")
}

// TestInteropGoWebDAV lets go-webdav's client in, which knows no tokens.
func TestInteropGoWebDAV(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	client, err := davclient.NewClient(webdav.HTTPClientWithBasicAuth(http.DefaultClient, h.addresses.CalDAV.User, h.addresses.CalDAV.Password), h.base)
	if err != nil {
		t.Fatal(err)
	}
	principal, err := client.FindCurrentUserPrincipal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	home, err := client.FindCalendarHomeSet(ctx, principal)
	if err != nil {
		t.Fatal(err)
	}
	calendars, err := client.FindCalendars(ctx, home)
	if err != nil || len(calendars) != len(h.slugs()) {
		t.Fatalf("FindCalendars = %d, %v; want %d", len(calendars), err, len(h.slugs()))
	}
	path := h.calendarPath("1-events")
	list := func() map[string]string {
		t.Helper()
		objects, err := client.QueryCalendar(ctx, path, &davclient.CalendarQuery{
			CompRequest: davclient.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true},
			CompFilter:  davclient.CompFilter{Name: "VCALENDAR"},
		})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, o := range objects {
			out[o.Path] = `"` + o.ETag + `"`
		}
		return out
	}
	before := list()
	if diff := cmp.Diff(h.there(path), before); diff != "" {
		t.Errorf("first (-server +client):\n%s", diff)
	}
	h.moveAndRemove()
	after := list()
	if diff := cmp.Diff(h.there(path), after); diff != "" || len(after) != len(before)-1 {
		t.Errorf("second, %d objects after %d (-server +client):\n%s", len(after), len(before), diff)
	}
	for name := range after {
		one, err := client.GetCalendarObject(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutCalendarObject(ctx, name, one.Data); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("PutCalendarObject = %v, want a 403", err)
		}
		if err := client.RemoveAll(ctx, name); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("RemoveAll = %v, want a 403", err)
		}
		break
	}
	if diff := cmp.Diff(after, list()); diff != "" {
		t.Errorf("after refused writes (-before +after):\n%s", diff)
	}
}

// TestInteropRefusedWrite has vdirsyncer, told nothing of read-only calendars,
// bring a local event and take one away: the program refuses both, and what it
// serves stays; what vdirsyncer fetches still arrives.
func TestInteropRefusedWrite(t *testing.T) {
	t.Parallel()
	need(t, "vdirsyncer")
	h := open(t)
	home := t.TempDir()
	h.sync(home)
	before := h.there(h.calendarPath("1-events"))
	files, err := filepath.Glob(filepath.Join(home, "calendars", "1-events", "*.ics"))
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing was fetched: %v", err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, "calendars", "1-events", "mine.ics"), "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:mine\r\n"+
		"DTSTAMP:20260101T000000Z\r\nDTSTART:20261124T100000Z\r\nDTEND:20261124T110000Z\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	h.push(home)
	if diff := cmp.Diff(before, h.there(h.calendarPath("1-events"))); diff != "" {
		t.Errorf("a refused write changed something (-before +after):\n%s", diff)
	}
	h.sync(t.TempDir()) // another device notices nothing
}

// push has vdirsyncer, told nothing of read-only calendars, bring what changed
// in home: it is refused.
func (h *house) push(home string) {
	h.t.Helper()
	config := filepath.Join(home, "vdirsyncer.conf")
	text, err := os.ReadFile(config)
	if err != nil {
		h.t.Fatal(err)
	}
	write(h.t, config, strings.Replace(string(text), "read_only = true\n", "", 1))
	cmd := exec.CommandContext(h.t.Context(), "sh", "-c", "yes | vdirsyncer -c "+config+" discover school && vdirsyncer -c "+config+" sync")
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "LC_ALL=C.UTF-8"}
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "403") {
		h.t.Errorf("vdirsyncer = %v\n%s\nwant it to say 403", err, out)
	}
}

// homework gives the first child tasks for the coming days, as an adapter
// would that reads them, and starts the program anew.
func (h *house) homework(titles ...string) {
	h.t.Helper()
	c := h.world.Children()[0]
	children, err := h.db.Children(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	today := school.DateOf(now().In(school.Stockholm()))
	snap := school.Snapshot{
		Platform: "skolplattformen", Child: school.Child{Ref: children[0].Identities[0].Ref, Name: c.Name}, Taken: now(),
		Covered: []school.Coverage{{Part: school.PartTasks, Window: window()}},
	}
	for i, title := range titles {
		day := today.AddDays(i + 2)
		snap.Tasks = append(snap.Tasks, school.Task{Item: school.Item{
			Ref: school.Ref(fmt.Sprint("task", i)), UID: school.UID(fmt.Sprintf("%032d", i)), Title: title, Span: school.AllDay(day, day),
		}})
	}
	if _, err := h.db.Apply(h.t.Context(), h.account, snap); err != nil {
		h.t.Fatal(err)
	}
	h.restart()
}
