package storage_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

var update = flag.Bool("update", false, "write the stored files of the release under way, and of the first schema, anew")

// The folders of testdata: each holds keys/cache.key (a key for tests), data
// as an earlier program left them, and what they hold in words. "begin" is of
// the first step of both schemas, "future" of a step that nobody knows. The
// others are of a release each, and are never written again once it is out.
// Until then, whoever appends a migration runs
//
//	go test ./storage -run TestStoredFiles -update
//
// and for each later release a new name is added here before that.
const (
	storedBegin   = "begin"
	storedRelease = "release-1"
	storedFuture  = "future" // has no words: it must not be opened
)

// begun is what the first schema holds: an account, a child with forty events
// so far ahead that they are never kept long enough.
func begun() (cache, state string) {
	const numbers = `INSERT INTO child VALUES (1, NULL); INSERT INTO identity VALUES (1, x'01', 1);`
	cache = `INSERT INTO meta (id, writes, seen, uid_key, generation) VALUES (1, 7, 9, zeroblob(32), 'g');` + numbers + `
		INSERT INTO profile VALUES (1, 'skolplattformen', 'r', 'Gökärt Ek', 'Sädesärlaskolan', 0);
		INSERT INTO roster VALUES ('a1', 1, 1);
		INSERT INTO entry (identity, kind, uid, part, day, all_day, starts, ends, status, created, modified, sequence,
			print, busy, done, task, categories, title, place, url, body)
		WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 40)
		SELECT 1, 'events', 'u'||i, 'calendar', 60000+i, 0, 86400*(60000+i)+36000, 86400*(60000+i)+39600, '', 5, 5, 0,
			zeroblob(16), 0, 0, 0, '', printf('Sädesärla %06d', i), '', '', 'Gökärt' FROM n;`
	state = `INSERT INTO meta (id, writes, seen, uid_key) VALUES (1, 9, 7, zeroblob(32));` + numbers + `
		INSERT INTO account (id, platform, settings, created, state, since, next_due, failures, problem, finished, owner)
		VALUES ('a1', 'skolplattformen', '', 5, 'active', 5, 5, 0, '', 5, 'o');`
	return cache, state
}

// TestStoredFiles opens what earlier programs have stored: everything is
// there, in a schema that does not differ from a new one's, and nothing was
// taken for old.
func TestStoredFiles(t *testing.T) {
	t.Parallel()
	if *update {
		writeStored(t)
	}
	fresh := newHouse(t)
	schema, err := storage.Schema(t.Context(), fresh.DB)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{storedBegin, storedRelease} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
				t.Fatal(err)
			}
			h := &house{
				t: t, dir: filepath.Join(dir, "data"), keys: storedKeys(t, filepath.Join(dir, "keys", "cache.key")),
				clock: storagetest.NewClock(storagetest.Start()),
			}
			for _, when := range []string{"at first", "again"} {
				h.open()
				want(t, "Opened "+when, h.Opened(), storage.Opened{})
				got, err := storage.Schema(t.Context(), h.DB)
				if err != nil {
					t.Fatal(err)
				}
				want(t, "schema "+when+"; if a migration was appended see the comment on -update", got, schema)
				words, err := os.ReadFile(filepath.Join(dir, "holds.golden"))
				if err != nil {
					t.Fatal(err)
				}
				want(t, "what is there "+when, h.words(), string(words))
				h.close()
			}
			if _, err := storage.Check(t.Context(), h.dir, h.keys); err != nil {
				t.Error(err)
			}
		})
	}
}

func storedKeys(t *testing.T, path string) *vault.Keys {
	t.Helper()
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := vault.OpenKeys(vault.KeySource{File: path})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func writeStored(t *testing.T) {
	t.Helper()
	for _, name := range []string{storedBegin, storedRelease, storedFuture} {
		dir := filepath.Join("testdata", name)
		data := filepath.Join(dir, "data")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
		keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: data})
		if err != nil {
			t.Fatal(err)
		}
		h := &house{t: t, dir: data, keys: keys, clock: storagetest.NewClock(storagetest.Start())}
		if name != storedRelease {
			cache, state := begun()
			if name == storedFuture {
				state += "PRAGMA user_version = 999"
			}
			if err := storage.WriteVersion(t.Context(), data, keys, 1, 1, cache, state); err != nil {
				t.Fatal(err)
			}
		} else {
			h.open()
			if err := live(t.Context(), h.DB, 1, h.clock.Now()); err != nil {
				t.Fatal(err)
			}
			h.close()
			if err := os.Remove(filepath.Join(data, "lock")); err != nil {
				t.Fatal(err)
			}
		}
		scan(t, data)
		if name == storedFuture {
			continue
		}
		words := &house{t: t, dir: filepath.Join(t.TempDir(), "data"), keys: keys, clock: h.clock}
		if err := os.CopyFS(words.dir, os.DirFS(data)); err != nil {
			t.Fatal(err)
		}
		words.open()
		if err := os.WriteFile(filepath.Join(dir, "holds.golden"), []byte(words.words()), 0o600); err != nil {
			t.Fatal(err)
		}
		words.close()
	}
}

// TestEveryEarlierSchema begins with each number of steps that a file may have
// taken, cache and state apart, as a crash between the two leaves them.
func TestEveryEarlierSchema(t *testing.T) {
	t.Parallel()
	fresh := newHouse(t)
	schema, err := storage.Schema(t.Context(), fresh.DB)
	if err != nil {
		t.Fatal(err)
	}
	cacheSteps, stateSteps := storage.Versions()
	for cache := 1; cache <= cacheSteps; cache++ {
		for state := 1; state <= stateSteps; state++ {
			if slow && cache < cacheSteps && state < stateSteps {
				continue // the race detector sees each step once
			}
			h := &house{t: t, dir: filepath.Join(t.TempDir(), "data"), keys: storagetest.Keys(t), clock: storagetest.NewClock(storagetest.Start())}
			if err := os.MkdirAll(h.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			cacheSQL, stateSQL := begun()
			if err := storage.WriteVersion(t.Context(), h.dir, h.keys, cache, state, cacheSQL, stateSQL); err != nil {
				t.Fatalf("cache %d, state %d: %v", cache, state, err)
			}
			h.open()
			got, err := storage.Schema(t.Context(), h.DB)
			if err != nil {
				t.Fatal(err)
			}
			want(t, fmt.Sprintf("schema of cache %d, state %d", cache, state), got, schema)
			want(t, "Opened", h.Opened(), storage.Opened{})
			if n := len(h.entries(1, school.KindEvents)); n != 40 {
				t.Errorf("cache %d, state %d: %d events, want 40", cache, state, n)
			}
			h.close()
		}
	}
}

// words says what the data hold.
func (h *house) words() string {
	h.t.Helper()
	ctx := h.t.Context()
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	check := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	accounts, err := h.Accounts(ctx)
	check(err)
	for _, a := range accounts {
		say("account %s %s %v %s", a.ID, a.Platform, a.Settings, a.State)
		owner, err := h.Owner(ctx, a.ID)
		check(err)
		say("owner %q", owner)
		if session, err := h.Session(ctx, a.ID); err == nil {
			say("session %q", session)
		}
	}
	guardians, err := h.Guardians(ctx)
	check(err)
	for _, g := range guardians {
		say("guardian %s %s", g.User, g.Hash)
	}
	links, err := h.Links(ctx)
	check(err)
	for _, l := range links {
		secrets, err := h.Secrets(ctx, l.ID)
		check(err)
		say("link %s %q %v %x", l.ID, l.Label, l.Kinds, secrets.Page[:4])
	}
	children, err := h.Children(ctx)
	check(err)
	for _, c := range children {
		say("child %d %s, %s, %d identities", c.Number, c.Name, c.School, len(c.Identities))
		for _, kind := range school.CalendarKinds() {
			for _, e := range h.entries(c.Number, kind) {
				start, end := e.Span.Bounds(school.Stockholm())
				say("%s %s %q %s %s %d %q %q %v", kind, e.UID, e.Title, start.UTC().Format("20060102T1504"), end.UTC().Format("1504"),
					e.Sequence, e.Place, e.URL, e.Categories)
			}
		}
	}
	for _, l := range h.letters() {
		say("%s %s %q %q %s", l.Kind, l.UID, l.Title, l.HTML, l.Published.Format("20060102"))
		for _, m := range l.Media {
			say("media %s %s %x", m.ID, m.Name, sha256.Sum256([]byte(h.media(m.ID))))
		}
	}
	readings, err := h.Readings(ctx)
	check(err)
	for _, r := range readings {
		say("reading %d %s %d %d", r.Child, r.Kind, r.Entries, r.LastSuccess.Unix())
	}
	return b.String()
}

// TestMigrationOnAFullDisk opens files of the first schema where one of them
// cannot be written: that is said, what is on the disk opens still, and with
// room everything is there.
func TestMigrationOnAFullDisk(t *testing.T) {
	t.Parallel()
	for _, name := range []string{storage.StateName, storage.CacheName} {
		h := &house{t: t, dir: filepath.Join(t.TempDir(), "data"), keys: storagetest.Keys(t), clock: storagetest.NewClock(storagetest.Start())}
		if err := os.MkdirAll(h.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		cacheSQL, stateSQL := begun()
		if err := storage.WriteVersion(t.Context(), h.dir, h.keys, 1, 1, cacheSQL, stateSQL); err != nil {
			t.Fatal(err)
		}
		before := h.keep(name)
		allow := h.refuse(name)
		for range 2 {
			db, err := openWith(t.Context(), h)
			if err == nil {
				_ = db.Close()
			}
			if !errors.Is(err, vault.ErrNotSaved) || errors.Is(err, vault.ErrDamaged) {
				t.Errorf("%s: Open = %v, want ErrNotSaved", name, err)
			}
			if e, ok := errors.AsType[*vault.Error](err); !ok || e.Hint() == "" {
				t.Errorf("%s: %v has no hint", name, err)
			}
			if !bytes.Equal(before, h.keep(name)) {
				t.Errorf("%s was changed", name)
			}
		}
		allow()
		h.open()
		want(t, "Opened", h.Opened(), storage.Opened{})
		if n := len(h.entries(1, school.KindEvents)); n != 40 {
			t.Errorf("%s: %d events, want 40", name, n)
		}
		if _, err := storage.Check(t.Context(), h.dir, h.keys); err != nil {
			t.Error(err)
		}
		h.close()
	}
}
