package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"syncd/storage"
	"syncd/storage/vault"
)

// tortureEnv is the number of rounds of the long form, which `make torture`
// sets; without it each test runs a few.
const tortureEnv = "SYNCD_TORTURE"

// rounds returns how many rounds a test makes: its share, in per cent, of the
// long form's, or so many of the short form.
func rounds(t *testing.T, share, short int) int {
	t.Helper()
	s := os.Getenv(tortureEnv)
	if s == "" {
		return short
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", tortureEnv, err)
	}
	return n * share / 100
}

// state is what a data folder must hold.
type state struct {
	links  map[string]bool // by id
	events int             // of the child numbered last, named 1 to events
}

func (s state) clone() state { return state{maps.Clone(s.links), s.events} }

// rack is one family's machine, on which the program is killed again and
// again.
type rack struct {
	t      *testing.T
	binary string
	dir    string // keys, data and backups lie in it
	words  []string
	title  string // of the events that are counted, before their number
	known  state  // acknowledged

	saved        map[string]state // of backups, by name
	ended        bool             // the last command did, before it was killed
	acknowledged int              // changes that the program said were made before it was killed

	longest map[string]time.Duration // of an operation that came to its end
	writes  map[string]int           // files that were seen half written in it
	tally   map[string]*[3]int       // of an operation: rounds, killed, killed while a file was half written
}

func newRack(t *testing.T) *rack {
	t.Helper()
	binary, err := exec.LookPath("syncd") // this test's binary, which then is the program: see TestMain
	if os.Getenv(tortureEnv) != "" {
		binary = filepath.Join(t.TempDir(), "syncd")
		var out []byte
		if out, err = exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			t.Logf("%s", out)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return &rack{
		t: t, binary: binary, dir: t.TempDir(), known: state{links: map[string]bool{}},
		saved: map[string]state{}, longest: map[string]time.Duration{}, writes: map[string]int{}, tally: map[string]*[3]int{},
	}
}

func (r *rack) data() string { return filepath.Join(r.dir, "data") }

func (r *rack) keys() vault.KeySource {
	return vault.KeySource{Managed: filepath.Join(r.dir, "keys", "cache.key"), Data: r.data()}
}

func (r *rack) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.t.Context(), r.binary, args...)
	cmd.Env = append(os.Environ(), "HOME="+r.dir, "SYNCD_LISTEN=127.0.0.1:0",
		"SYNCD_DATA_DIR="+r.data(), "SYNCD_KEYS_DIR="+filepath.Join(r.dir, "keys"))
	return cmd
}

// must runs a command to its end and returns what it printed.
func (r *rack) must(args ...string) string {
	r.t.Helper()
	var out, errs bytes.Buffer
	cmd := r.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("syncd %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	r.longest[args[0]] = max(r.longest[args[0]], time.Since(start))
	r.clean("what "+args[0]+" printed to standard error", errs.Bytes())
	return out.String()
}

// kill runs a command and kills it at a random moment: after some time, or
// when it has just begun to write some file. It returns what was printed;
// r.ended says whether the command came to its end before.
func (r *rack) kill(while func(), args ...string) string {
	r.t.Helper()
	var out, errs output
	r.ended = false
	cmd := r.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	var exit error
	ended := make(chan struct{})
	go func() {
		exit = cmd.Wait()
		close(ended)
	}()
	longest := r.longest[args[0]]
	if longest == 0 {
		longest = 2 * time.Second
	}
	limit, chosen, writes := time.NewTimer(rand.N(longest*5/4)), -1, 0
	defer limit.Stop()
	if rand.IntN(2) == 0 {
		limit.Reset(10 * longest)
		chosen = rand.IntN(max(r.writes[args[0]], 10))
	}
	if while != nil {
		go while()
	}
	look := time.NewTicker(300 * time.Microsecond)
	defer look.Stop()
	count := r.tally[args[0]]
	if count == nil {
		count = new([3]int)
		r.tally[args[0]] = count
	}
	count[0]++
	var seen fs.FileInfo
	for {
		select {
		case <-ended:
			r.longest[args[0]] = max(r.longest[args[0]], time.Since(start))
			if exit != nil {
				r.t.Fatalf("syncd %s: %v\n%s", strings.Join(args, " "), exit, errs.String())
			}
			r.clean("what "+args[0]+" printed to standard error", []byte(errs.String()))
			r.ended = true
			return out.String()
		case <-limit.C:
		case <-look.C:
			now := r.half()
			if now == nil || seen != nil && os.SameFile(now, seen) {
				continue
			}
			seen, writes = now, writes+1
			r.writes[args[0]] = max(r.writes[args[0]], writes)
			if writes-1 != chosen {
				continue
			}
		}
		_ = cmd.Process.Kill()
		<-ended
		count[1]++
		if r.half() != nil {
			count[2]++
		}
		r.clean("what "+args[0]+" printed to standard error", []byte(errs.String()))
		return out.String()
	}
}

// half returns a file that is being written, nil if there is none.
func (r *rack) half() (found fs.FileInfo) {
	for _, pattern := range []string{"data/*.new", "data/blobs/*.new", "data/*/*.new", "keys/*.new", "backups/*/*.new", "backups/*/*/*.new", "data/restore.partial/blobs/*.new"} {
		files, _ := filepath.Glob(filepath.Join(r.dir, pattern))
		for _, name := range files {
			if info, err := os.Lstat(name); err == nil {
				return info
			}
		}
	}
	return nil
}

// clean fails when b holds a private word.
func (r *rack) clean(what string, b []byte) {
	r.t.Helper()
	if w := r.private(b); w != "" {
		r.t.Errorf("%s holds %q", what, w)
	}
}

func (r *rack) private(b []byte) string {
	for _, w := range r.words {
		if bytes.Contains(b, []byte(w)) {
			return w
		}
	}
	return ""
}

// scan looks for private words in every file of the machine.
func (r *rack) scan() {
	r.t.Helper()
	if found := r.leaks(); len(found) > 0 {
		r.t.Fatalf("in the clear: %q", found)
	}
}

// leaks names the files that hold a private word or are called one.
func (r *rack) leaks() (found []string) {
	r.t.Helper()
	files := 0
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		if r.private(append(b, path...)) != "" {
			found = append(found, path)
		}
		return err
	})
	if err != nil || files == 0 {
		r.t.Fatalf("scan of %d files: %v", files, err)
	}
	return found
}

// control proves that the scan finds what it looks for.
func (r *rack) control() {
	r.t.Helper()
	plain := filepath.Join(r.dir, "plain")
	for _, w := range r.words {
		if err := os.WriteFile(plain, []byte("\x00"+w+"\xff"), 0o600); err != nil {
			r.t.Fatal(err)
		}
		if len(r.leaks()) != 1 {
			r.t.Fatalf("the scan does not find %q", w)
		}
	}
	if err := os.Remove(plain); err != nil {
		r.t.Fatal(err)
	}
}

// look opens the data in this process and returns what they hold and what was
// noticed when they were opened.
func (r *rack) look() (state, storage.Opened) {
	r.t.Helper()
	keys, err := vault.OpenKeys(r.keys())
	if err != nil {
		r.t.Fatal(err)
	}
	db, err := storage.Open(r.t.Context(), storage.Options{
		Dir: r.data(), Keys: keys, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			r.t.Fatal(err)
		}
	}()
	got, err := r.holds(r.t.Context(), db)
	if err != nil {
		r.t.Fatal(err)
	}
	return got, db.Opened()
}

func (r *rack) holds(ctx context.Context, db *storage.DB) (state, error) {
	got := state{links: map[string]bool{}}
	links, err := db.Links(ctx)
	if err != nil {
		return got, err
	}
	for _, l := range links {
		got.links[string(l.ID)] = true
	}
	children, err := db.Children(ctx)
	if err != nil || len(children) == 0 {
		return got, err
	}
	entries, err := db.Entries(ctx, children[len(children)-1].Number, "events")
	if err != nil {
		return got, err
	}
	names := map[string]bool{}
	for _, e := range entries {
		if strings.HasPrefix(e.Title, r.title) {
			names[e.Title] = true
		}
	}
	got.events = len(names)
	for i := range got.events {
		if !names[fmt.Sprintf("%s%06d", r.title, i+1)] {
			return got, fmt.Errorf("a part of a read of %d events was stored", got.events)
		}
	}
	return got, nil
}

// endure checks the data after a round: they open, whole, by the program and
// in this process, with all that was acknowledged, and nothing is in the
// clear. may is what else they may hold: one of them, and so many links more.
func (r *rack) endure(what string, more int, may ...state) {
	r.t.Helper()
	r.scan()
	r.must("status", "-json")
	got, opened := r.look()
	if opened != (storage.Opened{}) {
		r.t.Fatalf("%s: opened as %+v", what, opened)
	}
	r.accept(what, got, more, may...)
	keys, err := vault.OpenKeys(r.keys())
	if err != nil {
		r.t.Fatal(err)
	}
	if facts, err := storage.Check(r.t.Context(), r.data(), keys); err != nil || facts.Missing > 0 {
		r.t.Fatalf("%s: %+v, %v", what, facts, err)
	}
	r.scan()
}

// accept takes what the data hold as acknowledged from now on, if it may be.
func (r *rack) accept(what string, got state, more int, may ...state) {
	r.t.Helper()
	for _, s := range append(may, r.known) {
		lost := 0
		for id := range s.links {
			if !got.links[id] {
				lost++
			}
		}
		if lost == 0 && len(got.links) <= len(s.links)+more && got.events == s.events {
			r.known = got
			return
		}
	}
	var want []string
	for _, s := range append(may, r.known) {
		want = append(want, fmt.Sprintf("%d links and %d events", len(s.links), s.events))
	}
	r.t.Fatalf("%s: the data hold %d links and %d events, want %s", what, len(got.links), got.events, strings.Join(want, " or "))
}

// report says what was done.
func (r *rack) report() {
	r.t.Logf("%d changes were acknowledged, none was lost", r.acknowledged)
	for _, name := range slices.Sorted(maps.Keys(r.tally)) {
		n := r.tally[name]
		r.t.Logf("%s: %d rounds, %d killed, %d of them while a file was half written", name, n[0], n[1], n[2])
	}
}
