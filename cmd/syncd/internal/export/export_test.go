package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/export"
	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
	"syncd/storage"
)

var update = flag.Bool("update", false, "write the golden files anew")

// store is a family with what schools write at their worst. Its left-th call
// fails, large makes its pictures large, and stop never goes on.
type store struct {
	left  int
	large bool
	stop  bool // before the letters
}

var errStore = errors.New("no")

func (s *store) call() error {
	if s.left--; s.left == 0 {
		return errStore
	}
	return nil
}

func at(day, hour int) time.Time { return time.Date(2026, time.October, day, hour, 0, 0, 0, time.UTC) }

func (s *store) Accounts(context.Context) ([]school.Account, error) {
	return []school.Account{{
		ID: "a1", Platform: "skolplattformen", Created: at(1, 6), State: school.Active, Since: at(2, 6),
		Settings: map[string]string{"municipality": "Stockholm"},
	}}, s.call()
}

func (s *store) Children(context.Context) ([]storage.Child, error) {
	return []storage.Child{
		{Number: 1, Name: "Åsa-Märta Öberg", School: "Björkskolan", Identities: []storage.Identity{{Platform: "skolplattformen", Ref: "191201019876"}}},
		{Number: 3, Name: "李", Aliases: []school.ChildNumber{2}, Gone: at(3, 6)},
	}, s.call()
}

func (s *store) Entries(_ context.Context, n school.ChildNumber, k school.Kind) ([]school.Entry, error) {
	if n != 1 {
		return nil, s.call()
	}
	e := school.Entry{Child: 1, ChildName: "Åsa-Märta", Kind: k, Created: at(1, 6), Modified: at(1, 6)}
	day := school.NewDate(2026, time.October, 14)
	switch k {
	case school.KindEvents:
		e.UID, e.Title, e.Body = "e1", "Utflykt; ta med <matsäck>", "Vi ses\nvid grinden"
		e.Span = school.Timed(at(12, 7).In(school.Stockholm()), at(12, 12).In(school.Stockholm()))
		off := e
		off.UID, off.Status = "e2", school.StatusCancelled
		return []school.Entry{e, off}, s.call()
	case school.KindHomework:
		e.UID, e.Title, e.Span, e.Task = "h1", "Läsläxa", school.AllDay(day, day), true
		return []school.Entry{e}, s.call()
	default:
		return nil, s.call()
	}
}

func (s *store) Letters(_ context.Context, children []school.ChildNumber, _ []school.Kind, _ int) ([]school.Letter, error) {
	if s.stop {
		select {}
	}
	if children[0] != 1 {
		return nil, s.call()
	}
	l := school.Letter{
		UID: "l1", Kind: school.KindNews, Child: 1, ChildName: "Åsa-Märta", Title: "../../etc/passwd", Author: "Fröken & co",
		HTML: "<p>Hej <b>alla</b></p>", Summary: "Hej alla", Published: at(5, 6), Updated: at(5, 6), FirstSeen: at(5, 7),
		URL: "https://skola.example/brev/1",
		Media: []school.MediaRef{
			{ID: "m1", Name: "Klassbild 4B.JPG", Type: "image/jpeg", Alt: "Hela klassen", Length: 4, Image: true},
			{ID: "m2", Name: "veckobrev.html", Type: "text/html", Length: 4, Text: "Vecka 41"},
			{ID: "m3", Name: "../.bashrc", Type: "text/plain", Length: 4},
			{ID: "lost", Name: "borta.pdf", Type: "application/pdf"},
			{Name: "film <1>.mp4", Type: "video/mp4", Absent: school.AbsentSize},
		},
	}
	same := l
	same.UID, same.Media = "l2", nil
	notice := school.Letter{
		UID: "n1", Kind: school.KindNotices, Child: 1, Summary: "Ny <aktivitet>", Published: at(6, 6), Updated: at(6, 6), FirstSeen: at(6, 6),
		URL: "javascript:alert(1)",
	}
	return []school.Letter{notice, l, same}, s.call()
}

func (s *store) Differences(_ context.Context, children []school.ChildNumber, _ int) ([]school.Difference, error) {
	if children[0] != 1 {
		return nil, s.call()
	}
	span := school.Timed(at(12, 7), at(12, 8))
	return []school.Difference{{
		UID: "d1", Kind: school.KindLessons, Child: 1, Seen: at(7, 6),
		Before: &school.Face{Title: "Matte", Span: span}, After: &school.Face{Title: "Matte", Place: "B12", Span: span},
	}}, s.call()
}

func (s *store) Media(_ context.Context, id string) (school.MediaRef, io.ReadCloser, error) {
	if id == "lost" {
		return school.MediaRef{}, nil, fs.ErrNotExist
	}
	content := "data"
	if s.large {
		content = strings.Repeat("bild", 1<<18)
	}
	return school.MediaRef{ID: id}, io.NopCloser(strings.NewReader(content)), s.call()
}

func (s *store) Links(context.Context) ([]school.Link, error) {
	return []school.Link{{ID: "l1", Label: "Mormor", Created: at(1, 6), Revoked: at(2, 6), Generation: "hemligt ord"}}, s.call()
}

func (s *store) Guardians(context.Context) ([]storage.Guardian, error) {
	return []storage.Guardian{{ID: "g", User: "bo", Hash: "$argon2id$hemligt"}}, s.call()
}

func config(s *store, l text.Lang) export.Config {
	return export.Config{Store: s, Words: text.For(l), Now: at(20, 12), Version: "test"}
}

func tree(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		out[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestExport compares an export, in both languages, with golden files: names,
// pages, calendars and data.
func TestExport(t *testing.T) {
	t.Parallel()
	for _, l := range text.Langs() {
		t.Run(string(l), func(t *testing.T) {
			t.Parallel()
			dir, golden := filepath.Join(t.TempDir(), "ut"), filepath.Join("testdata", string(l))
			sum, err := export.ToFolder(t.Context(), dir, config(&store{}, l))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(export.Summary{Calendars: 2, Entries: 3, Letters: 3, Media: 3, LeftOut: 1}, sum); d != "" {
				t.Errorf("Summary (-want +got):\n%s", d)
			}
			got := tree(t, os.DirFS(dir))
			if *update {
				if err := os.RemoveAll(golden); err != nil {
					t.Fatal(err)
				}
				if err := os.CopyFS(golden, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(tree(t, os.DirFS(golden)), got); d != "" {
				t.Errorf("files (-want +got):\n%s", d)
			}
			modes(t, dir)
			for name, text := range got {
				for _, secret := range []string{"191201019876", "hemligt", "argon2id"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s holds %q", name, secret)
					}
				}
				if strings.HasSuffix(name, ".html") && strings.Contains(text, "javascript:") {
					t.Errorf("%s holds a link that runs", name)
				}
			}

			var b bytes.Buffer
			if _, err := export.ToZip(t.Context(), &b, config(&store{}, l)); err != nil {
				t.Fatal(err)
			}
			z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, tree(t, z)); d != "" {
				t.Errorf("the archive differs from the folder (-folder +archive):\n%s", d)
			}
		})
	}
}

func modes(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFailedExport fails at each thing that is read: nothing is left of the
// export, and an archive does not open.
func TestFailedExport(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		dir := filepath.Join(t.TempDir(), "ut")
		_, err := export.ToFolder(t.Context(), dir, config(&store{left: n}, text.SV))
		if err == nil {
			if n < 25 {
				t.Fatalf("%d calls", n)
			}
			return
		}
		if !errors.Is(err, errStore) {
			t.Fatalf("call %d: %v", n, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("call %d: the folder is still there: %v", n, err)
		}
		var b bytes.Buffer
		if _, err := export.ToZip(t.Context(), &b, config(&store{left: n}, text.SV)); err == nil {
			t.Fatalf("call %d: the archive is finished", n)
		}
		if _, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil {
			t.Fatalf("call %d: half an archive opens", n)
		}
	}
}

// TestOnlyIntoAnEmptyFolder leaves what is there alone.
func TestOnlyIntoAnEmptyFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "semester.txt"), []byte("Öland"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := export.ToFolder(t.Context(), dir, config(&store{}, text.SV)); !errors.Is(err, export.ErrNotEmpty) {
		t.Errorf("ToFolder = %v, want ErrNotEmpty", err)
	}
	if got := tree(t, os.DirFS(dir)); len(got) != 1 || got["semester.txt"] != "Öland" {
		t.Errorf("folder: %v", got)
	}
	if _, err := export.ToFolder(t.Context(), filepath.Join(dir, "not", "there"), config(&store{}, text.SV)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ToFolder = %v, want ErrNotExist", err)
	}
	// An empty one that was there before stays when the export fails.
	empty := t.TempDir()
	if _, err := export.ToFolder(t.Context(), empty, config(&store{left: 9}, text.SV)); err == nil {
		t.Fatal("it did not fail")
	}
	if got := tree(t, os.DirFS(empty)); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := export.ToFolder(ctx, empty, config(&store{}, text.SV)); !errors.Is(err, context.Canceled) {
		t.Errorf("ToFolder = %v, want context.Canceled", err)
	}
}

// TestKilledExport ends the process in the middle: what is left says that it
// is not finished.
func TestKilledExport(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("EXPORT_TEST_CHILD"); dir != "" {
		_, _ = export.ToFolder(t.Context(), dir, config(&store{stop: true}, text.SV))
		return
	}
	dir := filepath.Join(t.TempDir(), "ut")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledExport$")
	cmd.Env = append(os.Environ(), "EXPORT_TEST_CHILD="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	for !there("calendars/1-asa-marta-homework.ics") {
		if t.Context().Err() != nil {
			t.Fatal("nothing was written")
		}
		time.Sleep(time.Millisecond)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if !there(export.UnfinishedName) || there(export.IndexName) || there(export.DataName) {
		t.Error("half an export does not say so")
	}
	if _, err := export.ToFolder(t.Context(), dir, config(&store{}, text.SV)); !errors.Is(err, export.ErrNotEmpty) {
		t.Errorf("ToFolder over half an export = %v, want ErrNotEmpty", err)
	}
}

func TestInteropDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", dir).Run(); err != nil {
		if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" && os.Geteuid() == 0 {
			t.Fatalf("mount: %v", err)
		}
		t.Skip("a small file system cannot be mounted here")
	}
	t.Cleanup(func() { _ = exec.CommandContext(context.Background(), "umount", dir).Run() })
	if _, err := export.ToFolder(t.Context(), dir, config(&store{large: true}, text.SV)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("ToFolder on a full disk = %v, want ENOSPC", err)
	}
	if got := tree(t, os.DirFS(dir)); len(got) != 0 {
		t.Errorf("left behind on a full disk: %d files", len(got))
	}
}

// TestBegin: a folder is told of when it is good and before anything is in it.
func TestBegin(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ut")
	c := config(&store{}, text.SV)
	refused := errors.New("nej")
	c.Begin = func() error {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 0 {
			t.Errorf("at the beginning: %v, %v", entries, err)
		}
		return refused
	}
	if _, err := export.ToFolder(t.Context(), dir, c); !errors.Is(err, refused) {
		t.Errorf("ToFolder = %v, want the error of Begin", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Begin = func() error { t.Error("a folder that is not empty began"); return nil }
	if _, err := export.ToFolder(t.Context(), dir, c); !errors.Is(err, export.ErrNotEmpty) {
		t.Errorf("ToFolder = %v, want ErrNotEmpty", err)
	}
}
