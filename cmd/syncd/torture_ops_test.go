package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// TestTortureSync kills a demo that syncs more events each time. What it had
// said before it was killed (that it was ready, or a link that was made) must
// be there.
func TestTortureSync(t *testing.T) {
	t.Parallel()
	r := newRack(t)
	world := schooltest.Family(time.Now())
	world.Scale(1)
	for _, w := range world.Canaries() {
		if len(w) >= 8 {
			r.words = append(r.words, w)
		}
	}
	r.title, r.longest["demo"] = "Stordatapass ", 8*time.Second
	r.control()
	for round := range rounds(t, 30, 2) {
		if round%15 == 14 { // a day's requests are nearly used up
			r = r.another()
		}
		n := r.known.events + 50 + rand.IntN(100)
		name := filepath.Join(r.dir, "demo.json")
		_ = os.Remove(name)
		_ = os.Remove(filepath.Join(r.data(), "syncd.sock")) // else links are made before the demo has the data
		links := make(chan string, 100)
		stop := make(chan struct{})
		r.kill(func() { r.addLinks(links, stop) }, "demo", "-data", r.dir, "-listen", "127.0.0.1:0", "-scale", fmt.Sprint(n))
		close(stop)
		for id := range links {
			r.known.links[id] = true
			r.acknowledged++
		}
		after := r.known.clone()
		after.events = n
		if _, err := os.Stat(name); err == nil {
			r.known = after // it was ready
			r.acknowledged++
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		r.endure(fmt.Sprintf("sync %d", round), 2, after) // one of the demo's own, one that was not acknowledged
	}
	r.report()
}

// tortures are what the program does, without a school, when it is killed.
func tortures() map[string]func(r *rack, what string) {
	return map[string]func(r *rack, what string){
		"backup":    tortureBackup,
		"link":      tortureLink,
		"migration": tortureMigration,
		"restore":   tortureRestore,
		"rotate":    tortureRotate,
		"start":     tortureStart,
		"wipe":      tortureWipe,
	}
}

// TestTortureCommands kills commands that work on the data, each of them many
// times, on one and the same folder.
func TestTortureCommands(t *testing.T) {
	t.Parallel()
	r := newRack(t)
	r.furnish()
	each := tortures()
	names := slices.Sorted(maps.Keys(each))
	n := rounds(t, 70, 2*len(names))
	for round := range n {
		name := names[round%len(names)]
		each[name](r, fmt.Sprintf("%s %d", name, round))
	}
	r.report()
}

// furnish makes data: a child with events, letters with pictures, a guardian.
func (r *rack) furnish() {
	r.t.Helper()
	const word = "Sädesärla"
	r.words, r.title = []string{word, "Gökärt"}, word+" "
	keys, err := vault.OpenKeys(r.keys())
	if err != nil {
		r.t.Fatal(err)
	}
	db, err := storage.Open(r.t.Context(), storage.Options{Dir: r.data(), Keys: keys, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	db.KeepAll(func(school.ChildNumber) bool { return true })
	const platform = "skolplattformen"
	account, err := db.AddAccount(r.t.Context(), platform, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	s := storagetest.Snapshot(500)
	s.Platform, s.Child.Name = platform, "Gökärt Ek"
	for i := range s.Calendar {
		s.Calendar[i].Title = fmt.Sprintf("%s%06d", r.title, i+1)
		start := time.Now().Add(time.Duration(24+i) * time.Hour) // is kept while the test runs
		s.Calendar[i].Span = school.Timed(start, start.Add(time.Hour))
	}
	s.Covered = append(s.Covered, school.Coverage{Part: school.PartNews, Since: time.Now().AddDate(-1, 0, 0)})
	for i := range 10 {
		id := fmt.Sprintf("n%d", i)
		s.News = append(s.News, school.NewsItem{
			UID: school.UID(id), Ref: school.Ref(id), Title: word, HTML: "<p>Gökärt</p>", Published: time.Now(),
			Images: []school.Media{{Ref: "i", Name: "Gökärt.png", Data: []byte(strings.Repeat(word, 3000+i))}},
		})
	}
	if _, err := db.PutRoster(r.t.Context(), account.ID, platform, school.Roster{Children: []school.Child{s.Child}}); err != nil {
		r.t.Fatal(err)
	}
	if _, err := db.Apply(r.t.Context(), account.ID, s); err != nil {
		r.t.Fatal(err)
	}
	err = errors.Join(db.PutGuardian(r.t.Context(), storage.Guardian{User: "Gökärt", Hash: "x"}), db.Close())
	if err != nil {
		r.t.Fatal(err)
	}
	r.control()
	r.known.events = len(s.Calendar)
	r.endure("before the first round", 1) // the program may make its first link
}

// tortureLink makes a link: a change that writes both files.
func tortureLink(r *rack, what string) {
	out := r.kill(nil, "link", "add", "-json")
	if id := linkID([]byte(out)); id != "" {
		r.known.links[id] = true
		r.acknowledged++
		r.endure(what, 0)
		return
	}
	r.endure(what, 1)
}

func (r *rack) backups() string { return filepath.Join(r.dir, "backups") }

// tortureBackup makes a backup. Whatever has a backup's name afterwards is
// whole.
func tortureBackup(r *rack, what string) {
	out := r.kill(nil, "backup", r.backups())
	r.listBackups()
	if path, _, _ := strings.Cut(out, "\n"); path != "" {
		r.acknowledged++
		if _, ok := r.saved[filepath.Base(path)]; !ok {
			r.t.Fatalf("%s: the backup is not there", what)
		}
	}
	r.endure(what, 0)
}

// listBackups checks all backups, notes what those hold that are new, and
// keeps the newest three.
func (r *rack) listBackups() {
	r.t.Helper()
	if _, err := os.Stat(r.backups()); errors.Is(err, fs.ErrNotExist) {
		return
	}
	var names []string
	for line := range strings.Lines(r.must("backup", "-list", r.backups())) {
		name, _, _ := strings.Cut(line, " ")
		if _, ok := r.saved[name]; !ok {
			r.saved[name] = r.known.clone()
		}
		if out := r.must("backup", "-check", filepath.Join(r.backups(), name)); !strings.Contains(out, "is whole") {
			r.t.Fatalf("backup -check: %s", out)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names[:max(0, len(names)-3)] {
		if err := os.RemoveAll(filepath.Join(r.backups(), name)); err != nil {
			r.t.Fatal(err)
		}
		delete(r.saved, name)
	}
}

// tortureRestore puts the newest backup in the place of the data: they are
// what they were, or what the backup is.
func tortureRestore(r *rack, what string) {
	if len(r.saved) == 0 {
		r.must("backup", r.backups())
		r.listBackups()
	}
	saved := r.saved[slices.Max(slices.Collect(maps.Keys(r.saved)))].clone()
	r.kill(nil, "restore", "-replace", r.backups())
	if r.ended {
		r.known = saved
		r.acknowledged++
	}
	r.endure(what, 0, saved)
	aside, err := filepath.Glob(filepath.Join(r.data(), "replaced-*"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, dir := range aside {
		if err := os.RemoveAll(dir); err != nil {
			r.t.Fatal(err)
		}
	}
}

// tortureRotate takes another key. Cut short, the key file opens everything;
// done, or said again, the old key opens nothing.
func tortureRotate(r *rack, what string) {
	old := filepath.Join(r.dir, "old.key")
	key, err := os.ReadFile(r.keys().Managed)
	if err != nil {
		r.t.Fatal(err)
	}
	leaving := key
	if text, ok := bytes.CutPrefix(key, []byte("# syncd: this rotation is not finished")); ok {
		// An earlier one was cut short: its first key is the one to stay.
		if lines := bytes.SplitN(text, []byte("\n"), 3); len(lines) == 3 {
			leaving = lines[2]
		}
	}
	if err := os.WriteFile(old, leaving, 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.kill(nil, "key", "rotate")
	if r.ended {
		r.acknowledged++
	}
	r.endure(what, 0)
	r.must("key", "check")
	now, err := os.ReadFile(r.keys().Managed)
	if err != nil {
		r.t.Fatal(err)
	}
	done := !bytes.Contains(now, bytes.TrimSpace(key)) // by then there may have been nobody left to say so
	if r.ended && done != r.ended {
		r.t.Fatalf("%s: the old key is there still", what)
	}
	if !done && rand.IntN(2) == 0 {
		r.must("key", "rotate")
		done = true
		r.endure(what+", said again", 0)
	}
	if !done {
		return
	}
	cmd := r.command("status")
	cmd.Env = append(cmd.Env, "SYNCD_KEY_FILE="+old)
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != app.ExitData {
		r.t.Fatalf("%s: with the old key: %v, want exit status %d", what, err, app.ExitData)
	}
	// Backups are of the old key, so they are made anew.
	if err := os.RemoveAll(r.backups()); err != nil {
		r.t.Fatal(err)
	}
	clear(r.saved)
}

// tortureMigration lets the program open data of the first schema.
func tortureMigration(r *rack, what string) {
	other := r.another()
	other.title = "Sädesärla "
	other.copyStored("begin")
	other.known.events = 40
	other.kill(nil, "status")
	other.endure(what, 1) // its first link
}

// tortureWipe deletes everything. Cut short, the data are whole or their key is
// gone; said again, nothing is left.
func tortureWipe(r *rack, what string) {
	other := r.another()
	other.furnish()
	other.must("backup", other.backups())
	other.kill(nil, "wipe")
	other.scan()
	if _, err := os.Stat(other.keys().Managed); err == nil {
		if other.ended {
			r.t.Fatalf("%s: the key is there still", what)
		}
		other.endure(what, 0)
	}
	if !other.ended {
		other.must("wipe")
	} else {
		r.acknowledged++
	}
	other.remains(what)
}

// remains fails when there is anything of the program's.
func (r *rack) remains(what string) {
	r.t.Helper()
	for _, pattern := range []string{"keys", "data", "backups/syncd-*", "backups/*.partial"} {
		found, err := filepath.Glob(filepath.Join(r.dir, pattern))
		if err != nil || len(found) > 0 {
			r.t.Fatalf("%s: there remains %v, %v", what, found, err)
		}
	}
}

// tortureStart lets the program begin with nothing.
func tortureStart(r *rack, what string) {
	other := r.another()
	other.kill(nil, "status")
	other.endure(what, 0)
}

// another is one more machine with the same program, for one round.
func (r *rack) another() *rack {
	other := *r
	other.saved, other.dir, other.known = map[string]state{}, r.t.TempDir(), state{links: map[string]bool{}}
	if err := os.WriteFile(filepath.Join(other.dir, "of-somebody-else"), nil, 0o600); err != nil { // so that each scan reads something
		r.t.Fatal(err)
	}
	return &other
}

// copyStored puts data of another version into place, with the key that opens
// them.
func (r *rack) copyStored(name string) {
	r.t.Helper()
	if err := os.CopyFS(r.dir, os.DirFS(filepath.Join("..", "..", "storage", "testdata", name))); err != nil {
		r.t.Fatal(err)
	}
	for path, mode := range map[string]fs.FileMode{"keys": 0o700, "keys/cache.key": 0o600, "data": 0o700} {
		if err := os.Chmod(filepath.Join(r.dir, path), mode); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(r.dir, "holds.golden")); err != nil { // is in the clear
		r.t.Fatal(err)
	}
}

// addLinks makes links by the running daemon until it does not answer, and
// tells of those that it says are made.
func (r *rack) addLinks(made chan<- string, stop <-chan struct{}) {
	defer close(made)
	for {
		select {
		case <-stop:
			return
		case <-time.After(200 * time.Millisecond):
		}
		if _, err := os.Stat(filepath.Join(r.data(), "syncd.sock")); err != nil {
			continue
		}
		out, err := r.command("link", "add", "-json").Output()
		if id := linkID(out); err == nil && id != "" {
			made <- id
		}
	}
}

func linkID(out []byte) string {
	var link struct {
		Link string `json:"link"`
	}
	if json.Unmarshal(out, &link) != nil {
		return ""
	}
	return link.Link
}
