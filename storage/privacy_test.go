package storage_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// canaries stand in every text that is stored. None has eight bytes in common
// with the header of an age file.
func canaries() map[string]string {
	out := map[string]string{}
	for i, what := range []string{
		"name", "school", "ref", "title", "place", "body", "url", "category", "letter", "author", "source", "summary", "html",
		"picture", "alt", "file", "session", "setting", "label", "user", "owner", "notice",
	} {
		out[what] = fmt.Sprintf("Sädesärla-%s-%c%c-åkerväg", strings.ToUpper(what), 'A'+i, 'Z'-i)
	}
	return out
}

// TestMain lets the test binary play the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("STORAGE_TEST_CHILD"); dir != "" {
		if what := os.Getenv("STORAGE_TEST_REMOVE"); what != "" {
			n, _ := strconv.Atoi(os.Getenv("STORAGE_TEST_STEP"))
			os.Exit(removeAndDie(context.Background(), dir, what, n))
		}
		os.Exit(syncForEver(context.Background(), dir))
	}
	os.Exit(m.Run())
}

// full returns a snapshot with a canary in every field.
func full(round int, taken time.Time) school.Snapshot {
	c := canaries()
	s := school.Snapshot{
		Platform: "fake", Child: school.Child{Ref: school.Ref(c["ref"]), Name: c["name"] + " Ek", School: c["school"]}, Taken: taken,
		Covered: []school.Coverage{calendar(-100, 100), {Part: school.PartNews, Since: storagetest.Start().AddDate(-1, 0, 0)}},
	}
	for i := range 60 {
		e := event(fmt.Sprintf("e%d", i), i)
		e.Title, e.Place, e.Body, e.URL = fmt.Sprint(c["title"], round), c["place"], strings.Repeat(c["body"], 5), "https://x.se/"+c["url"]
		e.Categories = []string{c["category"]}
		s.Calendar = append(s.Calendar, e)
	}
	for i := range 5 {
		n := news(fmt.Sprintf("n%d", i), i)
		n.Ref = school.Ref(c["ref"] + string(n.UID))
		n.Title, n.Author, n.Source, n.Summary = c["letter"], c["author"], c["source"], c["summary"]
		n.HTML = fmt.Sprintf("<p>%s %d</p>", c["html"], round)
		n.Images = []school.Media{{Ref: "i", Name: c["file"], Alt: c["alt"], Data: []byte(strings.Repeat(c["picture"], 500+round%2))}}
		s.News = append(s.News, n)
	}
	s.Notices = []school.Notice{{UID: "m", Title: c["notice"], Sent: storagetest.Start()}}
	return s
}

// live fills a database with canaries, in one round of a sync.
func live(ctx context.Context, db *storage.DB, round int, taken time.Time) error {
	c := canaries()
	accounts, err := db.Accounts(ctx)
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		a, err := db.AddAccount(ctx, "fake", map[string]string{"x": c["setting"]})
		if err != nil {
			return err
		}
		accounts = append(accounts, a)
		err = errors.Join(
			db.PutOwner(ctx, a.ID, c["owner"]),
			db.PutGuardian(ctx, storage.Guardian{User: c["user"], Hash: "h"}),
			db.AddLink(ctx, school.Link{ID: "l", Label: c["label"]}, secrets(1)),
		)
		if err != nil {
			return err
		}
	}
	a := accounts[0].ID
	s := full(round, taken)
	if err := db.PutSession(ctx, a, fmt.Append(nil, c["session"], round)); err != nil {
		return err
	}
	if _, err := db.PutRoster(ctx, a, "fake", school.Roster{Children: []school.Child{s.Child}}); err != nil {
		return err
	}
	if _, err := db.Apply(ctx, a, s); err != nil {
		return err
	}
	if err := db.TouchLink(ctx, "l", "other", day(round)); err != nil {
		return err
	}
	return db.PutOutcome(ctx, a, school.Outcome{State: school.Active, Finished: taken, NextDue: taken})
}

// hits counts, per canary, the eight-byte windows of it that stand in b.
func hits(b []byte) (n int) {
	for _, c := range canaries() {
		for i := range len(c) - 7 {
			n += bytes.Count(b, []byte(c[i:i+8]))
		}
	}
	return n
}

// scan fails when any file below dir, or its name, holds a piece of a canary.
func scan(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if n := hits(append(b, path...)); n > 0 {
			t.Errorf("%d pieces of plaintext in %s", n, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsInTheClear(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: filepath.Join(dir, "data")}
	keys, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	clock := storagetest.NewClock(storagetest.Start())
	db, err := storage.Open(t.Context(), storage.Options{
		Dir: source.Data, Keys: keys, Now: clock.Now, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		if err := live(t.Context(), db, round, clock.Now()); err != nil {
			t.Fatal(err)
		}
		scan(t, source.Data)
	}
	var said strings.Builder
	c := canaries()
	_, err = db.Apply(t.Context(), "nobody", full(1, clock.Now()))
	fmt.Fprintln(&said, err)
	_, err = db.Guardian(t.Context(), c["name"])
	fmt.Fprintln(&said, err)
	_, err = db.KnownNews(t.Context(), "fake", school.Ref(c["ref"]))
	fmt.Fprintln(&said, err)
	fmt.Fprintln(&said, db.AddLink(t.Context(), school.Link{ID: "l", Label: c["label"]}, secrets(1)))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	scan(t, source.Data)
	if n := hits(log.Bytes()) + hits([]byte(said.String())); n > 0 {
		t.Errorf("%d pieces in logs and errors:\n%s%s", n, log.String(), said.String())
	}

	// The control: what the scan looks for is there, under the seal.
	for name, least := range map[string]int{storage.CacheName: 1000, storage.StateName: 50} {
		if n := hits(unsealed(t, filepath.Join(source.Data, name), source.Managed)); n < least {
			t.Errorf("%d hits in the image of %s, want %d", n, name, least)
		}
	}
	blobs, err := filepath.Glob(filepath.Join(source.Data, "blobs", "*.age"))
	if err != nil || len(blobs) != 5 {
		t.Fatalf("blobs %v, %v", blobs, err)
	}
	if n := hits(unsealed(t, blobs[0], source.Managed)); n < 1000 {
		t.Errorf("%d hits in a picture", n)
	}
}

func unsealed(t *testing.T, path, keyFile string) []byte {
	t.Helper()
	key, err := os.Open(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = key.Close() }()
	ids, err := age.ParseIdentities(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(b), ids...)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return b
}

// syncForEver is what the killed process does.
func syncForEver(ctx context.Context, dir string) int {
	keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: filepath.Join(dir, "data")})
	if err != nil {
		return 78
	}
	clock := storagetest.NewClock(storagetest.Start())
	db, err := storage.Open(ctx, storage.Options{Dir: filepath.Join(dir, "data"), Keys: keys, Now: clock.Now, Log: discard()})
	if err != nil {
		return 78
	}
	if db.Opened() != (storage.Opened{}) && !db.Opened().First {
		return 1
	}
	for round := rand.IntN(1000); ; round++ {
		clock.Add(time.Minute)
		if err := live(ctx, db, round, clock.Now()); err != nil {
			return 1
		}
		fmt.Fprintln(os.Stdout, "safe", round)
	}
}

// TestKilledSync kills a syncing process at random moments: nothing that was
// acknowledged is lost, a crash between the writes of the two files is never
// taken for an old copy, no picture is missing, and nothing is in the clear.
func TestKilledSync(t *testing.T) {
	t.Parallel()
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	if n, err := strconv.Atoi(os.Getenv("SYNCD_TORTURE")); err == nil {
		rounds = n
	}
	dir := t.TempDir()
	source := vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: filepath.Join(dir, "data")}
	for range rounds {
		safe := killedSync(t, dir)
		scan(t, source.Data)
		keys, err := vault.OpenKeys(source)
		if err != nil {
			t.Fatal(err)
		}
		h := &house{t: t, dir: source.Data, keys: keys, clock: storagetest.NewClock(storagetest.Start())}
		h.open()
		want(t, "Opened", h.Opened(), storage.Opened{})
		events := h.entries(1, school.KindEvents)
		if len(events) != 60 || h.children()[0].Number != 1 {
			t.Fatalf("%d events", len(events))
		}
		last, err := strconv.Atoi(strings.TrimPrefix(events[0].Title, canaries()["title"]))
		if err != nil || last < safe {
			t.Errorf("round %d was acknowledged, %d is there (%v)", safe, last, err)
		}
		for _, e := range events {
			if e.Title != events[0].Title {
				t.Fatal("half a snapshot was stored")
			}
		}
		for _, l := range h.letters() {
			for _, m := range l.Media {
				if !strings.HasPrefix(h.media(m.ID), canaries()["picture"]) {
					t.Fatal("a picture is missing")
				}
			}
		}
		if h.blobs() != 5 {
			t.Errorf("%d files, want 5", h.blobs())
		}
		h.close()
	}
}

// killedSync starts the process, kills it a while after its first round, and
// returns the last round that it said to be safe.
func killedSync(t *testing.T, dir string) (safe int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "STORAGE_TEST_CHILD="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var timer *time.Timer
	for lines.Scan() {
		if safe, err = strconv.Atoi(strings.TrimPrefix(lines.Text(), "safe ")); err != nil {
			t.Fatal(err)
		}
		if timer == nil {
			timer = time.AfterFunc(time.Duration(rand.IntN(80))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	if timer == nil {
		t.Fatalf("the process ended: %v", err)
	}
	return safe
}
