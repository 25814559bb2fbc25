package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"syncd/cmd/syncd/internal/app"
	"syncd/source"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen/skolplattformentest"
	"syncd/storage"
	"syncd/storage/vault"
)

// sheet returns a PDF of objects, the first of which is the catalog.
func sheet(objects ...string) []byte {
	var b, table bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	for i, o := range objects {
		fmt.Fprintf(&table, "%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return fmt.Appendf(b.Bytes(), "xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n",
		len(objects)+1, table.String(), len(objects)+1, b.Len())
}

// onePage returns a PDF of one page with a program, whose font is the fifth
// object.
func onePage(program string, objects ...string) []byte {
	return sheet(append([]string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>", stream(program, ""),
	}, objects...)...)
}

func stream(content, entries string) string {
	return fmt.Sprintf("<< /Length %d %s >>\nstream\n%s\nendstream", len(content), entries, content)
}

func deflated(content string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = io.WriteString(z, content)
	_ = z.Close()
	return b.String()
}

// tabled returns a PDF whose table of objects is a stream with these entries.
func tabled(entries, table string, objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.5\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return fmt.Appendf(b.Bytes(), "%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, stream(table, "/Type /XRef /Root 1 0 R "+entries), b.Len())
}

// greedy returns a PDF of 119 octets that says it has so many objects.
func greedy(objects int) []byte {
	return fmt.Appendf(nil, "%%PDF-1.4\n1 0 obj\n<<>>\nendobj\nxref\n%d 1\n0000000009 00000 n \ntrailer\n<< /Size 2 /Root 1 0 R >>\nstartxref\n29\n%%%%EOF\n", objects)
}

const (
	hello = "BT /F1 12 Tf 72 700 Td (Hej) Tj ET"
	latin = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
)

// endless returns a PDF that is read for ever, without any need of memory: the
// library looks for the end of a text of digits, and does not mind the page's.
func endless() []byte { return onePage("BT <00", latin) }

// reader returns what the program reads PDFs with. The process that does it is
// this test's binary.
func reader(t *testing.T) *pdfReader {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector alone takes more memory than that process may have; the plain run has this")
	}
	return newPDFReader()
}

// TestHostilePDF reads files that ask for more memory or time than there is:
// each ends with an error that says nothing of it, or is read as far as it
// goes, within the limits, and this process does not notice. Not parallel: what
// is allocated is counted.
func TestHostilePDF(t *testing.T) {
	kids := "<< /Type /Pages /Count 1000000 /Kids [" + strings.Repeat("3 0 R ", 1_000_000) + "] >>"
	catalog := "<< /Type /Catalog /Pages 2 0 R >>"
	words := func(s string) []byte {
		return onePage("BT /F1 12 Tf <00010002> Tj ET", "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode 6 0 R >>", stream(deflated(s), "/Filter /FlateDecode"))
	}
	for name, c := range map[string]struct {
		data []byte
		want error // nil: it is read
	}{
		"40 million objects":     {greedy(40_000_000), errPDFEnded},
		"900 million objects":    {greedy(900_000_000), errPDFEnded},
		"a table before itself":  {bytes.Replace(greedy(1), []byte("/Size 2"), []byte("/Size 2 /Prev 29"), 1), nil},
		"table stream, size":     {tabled("/Size 900000000 /W [1 2 1]", "\x01\x00\x09\x00", catalog), errPDFEnded},
		"table stream, index":    {tabled("/Size 2 /W [1 2 1] /Index [900000000 1]", "\x01\x00\x09\x00", catalog), errPDFEnded},
		"table stream, empty":    {tabled("/Size 2 /W [0 0 0] /Index [0 900000000]", "x", catalog), errPDFEnded},
		"table stream, widths":   {tabled("/Size 2 /W [1 10000000000 1]", "\x01\x00\x09\x00", catalog), errPDFEnded},
		"table stream, columns":  {tabled("/Size 2 /W [1 2 1] /Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 9000000000 >>", deflated("x"), catalog), errPDFEnded},
		"columns of a page":      {sheet(catalog, "<< /Type /Pages /Kids [3 0 R] >>", "<< /Type /Page /Contents 4 0 R >>", stream(deflated(hello), "/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 9000000000 >>")), errPDFEnded},
		"letters, count":         {words("900000000000 beginbfchar endbfchar"), errPDFEnded},
		"letters that never end": {words("1 beginbfchar <00"), errPDFTime},
		"a million pages":        {sheet(catalog, kids, "<< /Type /Page /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>", stream(hello, ""), latin), nil},
		"for ever":               {endless(), errPDFTime},
	} {
		r := reader(t)
		if errors.Is(c.want, errPDFTime) {
			r.time = time.Second
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		text, err := r.read(t.Context(), c.data)
		if !errors.Is(err, c.want) || err != nil && text != "" {
			t.Errorf("%s: %q, %v, want %v", name, text, err, c.want)
		}
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s: this process allocated %d octets", name, n)
		}
	}
}

// TestPDFProcess reads good files: one after another, though many ask at once.
func TestPDFProcess(t *testing.T) {
	t.Parallel()
	r := reader(t)
	letter, err := os.ReadFile(filepath.Join("..", "..", "source", "internal", "document", "testdata", "letter.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	long := onePage("BT /F1 12 Tf 14 TL "+strings.Repeat("(Ta med mats\\344ck, regnkl\\344der och en vattenflaska.) Tj T* ", 10_000)+"ET", latin)
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			text, err := r.read(t.Context(), letter)
			if !strings.HasPrefix(text, "Veckobrev för klass 3B\n\nHej alla vårdnadshavare!") {
				t.Errorf("%.80q, %v", text, err)
			}
			text, err = r.read(t.Context(), long)
			if len(text) < 60<<10 || !strings.HasPrefix(text, "Ta med matsäck, regnkläder och en vattenflaska.\nTa med") {
				t.Errorf("%d octets: %.80q, %v", len(text), text, err)
			}
			text, err = r.read(t.Context(), []byte("Hej"))
			if text != "" || err != nil {
				t.Errorf("what is no PDF: %q, %v", text, err)
			}
			return nil
		})
	}
	_ = group.Wait()
}

// TestPDFProcessEndsWithItsContext: nobody waits for a PDF when the program
// stops, neither who has it read nor who waits for a turn.
func TestPDFProcessEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := reader(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var group errgroup.Group
	for range 3 {
		group.Go(func() error {
			_, err := r.read(ctx, endless())
			return err
		})
	}
	start := time.Now()
	if err := group.Wait(); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errPDFTime) {
		t.Errorf("error = %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestPDFProcessSaysNothing: whatever comes back that is too long is refused,
// and what the process says of its end goes nowhere.
func TestPDFProcessSaysNothing(t *testing.T) {
	t.Parallel()
	_ = reader(t)
	text := &atMost{left: 4}
	for _, c := range []struct {
		s    string
		want error
	}{{"Hej", nil}, {"du", errPDFText}, {"", errPDFText}} {
		if _, err := text.Write([]byte(c.s)); !errors.Is(err, c.want) {
			t.Errorf("%q: %v, want %v", c.s, err, c.want)
		}
	}
	cmd, err := pdfProcess(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cmd.Stderr != nil || slices.ContainsFunc(cmd.Env, func(s string) bool { return !strings.HasPrefix(s, "GO") }) {
		t.Errorf("standard error to %v, environment %q", cmd.Stderr, cmd.Env)
	}
	// The most that it takes is what it may write to, and what it was built of.
	cmd.Stdin = bytes.NewReader(greedy(3_000_000))
	if err := cmd.Run(); err != nil {
		t.Errorf("what just fits: %v", err)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if runtime.GOOS == "linux" && (!ok || int(usage.Maxrss)>>10 > pdfMemory>>20+128) {
		t.Errorf("the process took %d KiB", usage.Maxrss)
	}
}

// byHost is InfoMentor and the city, which signs its guardians in.
type byHost struct{ infomentor, city http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if slices.Contains(infomentortest.Hosts(), r.URL.Hostname()) {
		return b.infomentor.RoundTrip(r)
	}
	return b.city.RoundTrip(r)
}

// TestLetterWithHostilePDF has the whole program read a school that sends such
// files: the letters are there, with their files, and the next one with its
// text.
func TestLetterWithHostilePDF(t *testing.T) {
	t.Parallel()
	r := reader(t)
	now := school.DateOf(time.Now()).Monday().At(12, 0, school.Stockholm())
	city, hub := schooltest.Family(now), schooltest.Family(now)
	bomb, good := greedy(900_000_000), onePage(hello, latin)
	for i, child := range hub.Children() {
		hub.EditChild(child.Key, func(c *schooltest.Child) {
			c.Files = nil
			for j, data := range [][]byte{bomb, good} {
				if i == 0 {
					c.Files = append(c.Files, schooltest.File{Of: c.Letters[j].Ref, Media: school.Media{Name: fmt.Sprint("brev", j, ".pdf"), Data: data}})
				}
			}
		})
	}
	other := skolplattformentest.New(city, skolplattformentest.Options{Now: time.Now})
	sso := other.SSO()
	platform := infomentortest.New(hub, infomentortest.Options{Now: time.Now, SSO: sso})
	sso.Phone().Auto(skolplattformentest.Persons(city)[0], 0)

	dir := t.TempDir()
	keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: filepath.Join(dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	var logs output
	log := slog.New(slog.NewTextHandler(&logs, nil))
	db, err := storage.Open(t.Context(), storage.Options{Dir: filepath.Join(dir, "data"), Keys: keys, Now: time.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), app.Config{
		DB: db, DataDir: filepath.Join(dir, "data"), BaseURL: "http://" + ln.Addr().String(), Platforms: app.Platforms(),
		Now: time.Now, Log: log, Transport: byHost{platform, other}, PDF: r.read,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx, ln) }()
	defer func() {
		stop()
		if err := errors.Join(<-done, db.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}()
	if err := a.Join(ctx, "infomentor", nil, source.BankIDQR); err != nil {
		t.Fatalf("%v\n%s", err, logs.String())
	}
	letters, err := db.Letters(ctx, nil, []school.Kind{school.KindNews}, 0)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, l := range letters {
		for _, m := range l.Media {
			if !m.Image {
				texts[m.Name] = m.Text
			}
		}
	}
	if diff := cmp.Diff(map[string]string{"brev0.pdf": "", "brev1.pdf": "Hej"}, texts); diff != "" {
		t.Errorf("texts (-want +got):\n%s\n%s", diff, logs.String())
	}
	addresses, err := a.Readdress(ctx, app.AddressesJSON{})
	if err != nil {
		t.Fatal(err)
	}
	feed := fetch(t, addresses.Feeds[0].URL)
	for name, data := range map[string][]byte{"brev0.pdf": bomb, "brev1.pdf": good} {
		found := regexp.MustCompile(`http[^"]*/m/[^"]*/` + name).FindString(feed)
		if found == "" || fetch(t, found) != string(data) {
			t.Errorf("%s is not served as it came: %q", name, found)
		}
	}
	if !strings.Contains(logs.String(), `msg="the text of a file was not read" error="read PDF: its reader broke off"`) {
		t.Errorf("the log does not say so:\n%s", logs.String())
	}
}
