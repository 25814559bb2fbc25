package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
	"syncd/source/skolplattformen/skolplattformentest"
	"syncd/storage"
	"syncd/storage/vault"
)

// secrets are all private strings of a house: the world's, the link's, and the
// guardian's.
func (h *house) secrets() []string {
	h.t.Helper()
	key, err := os.ReadFile(h.key())
	if err != nil {
		h.t.Fatal(err)
	}
	out := append(slices.Clone(h.world.Canaries()), strings.TrimSpace(string(key)))
	for _, c := range h.addresses.Calendars {
		out = append(out, strings.Split(c.URL, "/")[4])
	}
	for _, f := range h.addresses.Feeds {
		out = append(out, strings.Split(f.URL, "/")[4])
	}
	out = append(out, h.recorder.values()...)
	return append(out, h.addresses.CalDAV.Password, strings.ReplaceAll(h.addresses.CalDAV.Password, "-", ""), guardianPassword)
}

// leaks names the private strings that stand in a text, at most three.
func leaks(text []byte, secrets []string) []string {
	var out []string
	for _, s := range secrets {
		if s != "" && bytes.Contains(text, []byte(s)) {
			out = append(out, s)
			if len(out) == 3 {
				break
			}
		}
	}
	return out
}

// scan looks for private strings in every file of the house but the key.
func (h *house) scan(when string) {
	h.t.Helper()
	files := 0
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() != 0 {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // replaced meanwhile
		}
		files++
		if path == h.key() { // holds one private string, and nothing else
			b = bytes.TrimPrefix(b, []byte("AGE-SECRET-KEY-1"))
		}
		if got := leaks(b, h.secrets()); len(got) > 0 {
			h.t.Errorf("%s: %s holds %q", when, filepath.Base(path), got)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if files < 3 {
		h.t.Fatalf("%s: only %d files were looked at", when, files)
	}
}

// TestCanaries uses everything that there is, well and badly, and then looks
// for private strings in logs, answers to strangers and on the disk.
func TestCanaries(t *testing.T) {
	t.Parallel()
	h := open(t)
	control := h.calendar(1, school.KindEvents)
	if len(leaks([]byte(control), h.secrets())) == 0 {
		t.Fatal("the calendar holds no canary: the scanner would find nothing anywhere")
	}
	h.scan("after a read")
	h.everything()
	page := h.signedIn(h.base + "/")
	for _, path := range []string{"/links", "/privacy", "/accounts/new"} {
		h.signedIn(h.base + path)
	}
	if len(leaks([]byte(page), h.world.Canaries())) == 0 {
		t.Error("the guardian's own page names no child: nothing private was used")
	}
	for _, c := range h.addresses.Calendars[:1] {
		token := strings.Split(c.URL, "/")[4]
		for _, address := range []string{
			h.base + "/c/" + token + "/9-events.ics", h.base + "/f/" + token + "/1-news.atom", h.base + "/s/" + token,
			h.base + "/c/" + token + "x/1-events.ics", h.base + "/dav/" + token + "/",
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost, "PROPFIND"} {
				a := h.do(method, address, "", "Authorization", basic(h.addresses.CalDAV.User, "fel-lösenord"))
				if got := leaks(fmt.Append(nil, a.header, a.body), h.secrets()); len(got) > 0 {
					t.Errorf("%s /%s: the answer to a stranger holds %q", method, strings.Split(address, "/")[3], got)
				}
			}
		}
	}
	for _, f := range faults() {
		h.fake.Inject(skolplattformentest.Fault{Path: f.path, Change: f.change})
		h.clock.forward(30 * time.Hour)
		h.read()
		h.fake.Heal()
	}
	h.fake.SSO().Phone().Auto(nobody(), 0)
	h.fake.KillAll()
	h.clock.forward(30 * time.Hour)
	h.read()
	h.restart()
	h.scan("after a restart")
	h.stop()
	h.scan("after the end")
	log := h.logs.String()
	if !strings.Contains(log, "account was read") || !strings.Contains(log, "route=/c/") {
		t.Fatalf("the log does not tell of reads and requests:\n%s", log)
	}
	if got := leaks([]byte(log), h.secrets()); len(got) > 0 {
		t.Errorf("the log holds %q", got)
	}
	for _, c := range h.addresses.Calendars {
		if got := leaks([]byte(c.URL), h.world.Canaries()); len(got) > 0 {
			t.Errorf("an address holds %q", got)
		}
	}
}

// fault is something that the platform's answers may do to us.
type fault struct {
	name    string
	path    string
	change  func(*skolplattformentest.Answer)
	problem school.Problem
}

func faults() []fault {
	f := skolplattformentest.Set
	return []fault{
		{"HTML in place of JSON", "getschoolcalender", skolplattformentest.HTML(), school.ProblemNotUnderstood},
		{"truncated JSON", "getnewsarchive", skolplattformentest.Truncate(), school.ProblemNotUnderstood},
		{"connection cut in the body", "getschema", skolplattformentest.CutOff(), school.ProblemUnavailable},
		{"connection reset", "getnotifications", skolplattformentest.Break(), school.ProblemUnavailable},
		{"server trouble", "getchildren", skolplattformentest.Status(http.StatusBadGateway), school.ProblemUnavailable},
		{"maintenance with Retry-After", "getchildren", skolplattformentest.Status(http.StatusServiceUnavailable, "Retry-After", "600"), school.ProblemRate},
		{"too many requests", "getnewsarchive", skolplattformentest.RetryAfter(time.Hour), school.ProblemRate},
		{"blocked", "getchildren", skolplattformentest.Status(http.StatusForbidden), school.ProblemBlocked},
		{"another type", "getschoolcalender", f("LongEventDateTime", 17), school.ProblemNotUnderstood},
		{"a list that is an object", "getchildren", f("Data", map[string]any{}), school.ProblemNotUnderstood},
		{"100 MB", "getnewsarchive", skolplattformentest.Huge(100 << 20), school.ProblemNotUnderstood},
		{"gzip bomb", "getschoolcalender", skolplattformentest.Bomb(1 << 30), school.ProblemNotUnderstood},
		{"no children", "getchildren", f("Data", []any{}), school.ProblemNotUnderstood},
		{"200 without a body", "getchildren", skolplattformentest.Empty(), school.ProblemNotUnderstood},
		{"200 without a body of one part", "getnewsarchive", skolplattformentest.Empty(), school.ProblemNotUnderstood},
		{"children without ids", "getchildren", skolplattformentest.Drop("Id"), school.ProblemNotUnderstood},
		{"events without a beginning", "getschoolcalender", skolplattformentest.Drop("LongEventDateTime"), school.ProblemNotUnderstood},
		{"events without titles", "getschoolcalender", skolplattformentest.Drop("Title"), school.ProblemNotUnderstood},
		{"bookings without titles", "getschema", skolplattformentest.Drop("Title"), school.ProblemNotUnderstood},
		{"letters without titles", "getnewsarchive", skolplattformentest.Drop("Header"), school.ProblemNotUnderstood},
		{"letters without ids", "getnewsarchive", skolplattformentest.Drop("NewsId"), school.ProblemNotUnderstood},
		{"a menu without days", "getmatsedelrss", skolplattformentest.Drop("Title"), school.ProblemNotUnderstood},
		{"no answer of the school's in the envelope", "getschema", skolplattformentest.Drop("Data"), school.ProblemNotUnderstood},
		{"fields that nobody knows", "", skolplattformentest.Extra(), school.ProblemNone},
		{"unreadable days of events", "getschoolcalender", f("LongEndDateTime", "2026-02-31 25:61"), school.ProblemNotUnderstood},
		{"unreadable days of bookings", "getschema", f("LongEventDateTime", "i morgon"), school.ProblemNotUnderstood},
		{"unreadable days of letters", "getnewsarchive", every(f("PublicationDate", "/Date(x)/"), f("PubDateSE", "")), school.ProblemNotUnderstood},
		{"unreadable days of notices", "getnotifications", every(f("Messagetime", "/Date(99999999999999999999)/"), f("DateCreated", "0001-01-01T00:00:00")), school.ProblemNotUnderstood},
		{"unreadable days of a menu", "getmatsedelrss", f("Title", "Månfredag - Vecka 54"), school.ProblemNotUnderstood},
	}
}

// every makes several changes to one answer.
func every(changes ...func(*skolplattformentest.Answer)) func(*skolplattformentest.Answer) {
	return func(a *skolplattformentest.Answer) {
		for _, change := range changes {
			change(a)
		}
	}
}

// TestFaultsKeepCalendars lets the platform misbehave in every way, one at a
// time: each has its name, and nothing leaves or changes in a calendar.
func TestFaultsKeepCalendars(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.options.Quiet = true // nothing says that the data are old
	h.start()
	h.join()
	before, files := h.everything(), h.files()
	for _, f := range faults() {
		h.fake.Inject(skolplattformentest.Fault{Path: f.path, Change: f.change})
		if p := h.read(); p != f.problem {
			t.Errorf("%s: problem = %q, want %q", f.name, p, f.problem)
		}
		h.fake.Heal()
		for name, answer := range h.everything() {
			if answer != before[name] {
				t.Errorf("%s: %s changed", f.name, name)
			}
		}
		if diff := cmp.Diff(files, h.files()); diff != "" {
			t.Errorf("%s: files (-before +after):\n%s", f.name, diff)
		}
		rest := 4 * time.Hour // or the requests of a day are used up
		if f.problem == school.ProblemRate || f.problem == school.ProblemBlocked {
			rest = 30 * time.Hour // longer than any
		}
		h.clock.forward(rest)
		h.mustRead()
	}
	if got := leaks([]byte(h.logs.String()), h.secrets()); len(got) > 0 {
		t.Errorf("the log holds %q", got)
	}
}

const (
	childEnv    = "SYNCD_E2E_CHILD"
	childDayEnv = "SYNCD_E2E_CHILD_DAY"
)

// TestMain is also the program that TestKilledInTheMiddle kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		fmt.Fprintln(os.Stderr, runChild(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestKilledInTheMiddle kills the program with SIGKILL while it reads, at many
// moments: the disk holds no private string in the clear, the data open, and
// what was there before is there.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	h := newHouse(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var entries int
	for round := range rounds {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, self)
		cmd.Env = append(os.Environ(), childEnv+"="+h.dir, fmt.Sprintf("%s=%d", childDayEnv, round))
		var output bytes.Buffer
		cmd.Stderr = &output
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if n, err := pipe.Read(make([]byte, 1)); n != 1 { // the first read begins
			t.Fatalf("round %d: the program did not start: %v\n%s", round, err, output.String())
		}
		time.Sleep(time.Duration(round*23) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		cancel()
		h.scan(fmt.Sprintf("round %d", round))
		if got := leaks(output.Bytes(), h.secrets()); len(got) > 0 {
			t.Errorf("round %d: the log holds %q", round, got)
		}
		if n := h.count(); n < entries {
			t.Errorf("round %d: %d entries, %d before", round, n, entries)
		} else {
			entries = n
		}
	}
	if entries == 0 {
		t.Error("nothing was ever stored: the kills came too early to say anything")
	}
}

// count opens the data and counts the entries that every run of the program
// reads.
func (h *house) count() int {
	h.t.Helper()
	ctx := h.t.Context()
	keys, err := vault.OpenKeys(vault.KeySource{Managed: h.key(), Data: h.data()})
	if err != nil {
		h.t.Fatal(err)
	}
	db, err := storage.Open(ctx, storage.Options{Dir: h.data(), Keys: keys, Now: h.clock.now, Log: discard()})
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			h.t.Error(err)
		}
	}()
	children, err := db.Children(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	n := 0
	for _, c := range children {
		for _, k := range []school.Kind{school.KindEvents, school.KindMeals} {
			entries, err := db.Entries(ctx, c.Number, k)
			if err != nil {
				h.t.Fatal(err)
			}
			for _, e := range entries {
				if !strings.HasPrefix(e.Title, extra) {
					n++
				}
			}
		}
	}
	return n
}
