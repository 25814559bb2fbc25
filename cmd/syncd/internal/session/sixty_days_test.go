package session_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/school"
)

// simulate is "all" for every variant, and "write" to put what they come to
// into the document. Otherwise a few are lived that take a second or two each.
const simulate = "SYNCD_SIMULATE"

// variants are the ways to live, in the order of the document's table.
func variants() []variant {
	ping := school.Keeping{Ping: 30 * time.Minute, MaxAge: 72 * time.Hour}
	sundays := school.Keeping{Ping: 30 * time.Minute, MaxAge: school.MaxMaxAge, Renewal: school.Renewal{Set: true, Hour: 19, Minute: 30}}
	paired := map[string]string{infomentor.SettingPairing: "yes"}
	// A platform at which only idleness ends a session.
	lenient := infomentortest.Options{Life: 10000 * time.Hour, NoRestart: true}
	return []variant{
		{name: "nothing chosen", often: true},
		{name: "signs of life, 30 min, for 3 days", keep: ping},
		{name: "pairing", settings: paired, often: true},
		{name: "nothing chosen, three children", full: true},
		{name: "pairing, three children", settings: paired, full: true},
		{name: "only idleness ends sessions: nothing chosen", fake: lenient},
		{name: "only idleness ends sessions: signs of life, 30 min, for 3 days", fake: lenient, keep: ping},
		{name: "the same, for 31 days, and a planned sign-in on Sundays", fake: lenient, keep: sundays},
	}
}

func TestSixtyDays(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	mode := os.Getenv(simulate)
	all := variants()
	rows := make([]string, len(all))
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		for i, v := range all {
			if mode == "" && !v.often {
				continue
			}
			t.Run(v.name, func(t *testing.T) {
				t.Parallel()
				f := live(t, v)
				f.holds(t, v)
				rows[i] = f.row(v)
				t.Log(rows[i])
			})
		}
	})
	t.Cleanup(func() { agree(t, mode, slices.DeleteFunc(rows, func(r string) bool { return r == "" })) })
}

// agree compares what was measured with the document, or writes it there.
func agree(t *testing.T, mode string, rows []string) {
	t.Helper()
	if simulated < 60 || t.Failed() {
		return
	}
	if mode == "write" {
		write(t, rows)
		return
	}
	known := table(t)
	for _, row := range rows {
		stillTrue(t, known, row)
	}
}

// holds checks what has to hold in every family.
func (f figures) holds(t *testing.T, v variant) {
	t.Helper()
	most := f.deaths + 1
	if v.keep.Renewal.Set {
		most += simulated / 7
	}
	if f.signIns > most {
		t.Errorf("%s: %d sign-ins, though only %d sessions died for good", v.name, f.signIns, f.deaths)
	}
	if v.settings[infomentor.SettingPairing] == "yes" && (f.signIns != 1 || f.deaths != 0) {
		t.Errorf("%s: %d sign-ins, %d sessions died for good; want the first one and none", v.name, f.signIns, f.deaths)
	}
	if budget := infomentor.Platform().Budget; f.most >= budget {
		t.Errorf("%s: %d requests on one day, the budget is %d", v.name, f.most, budget)
	}
	if v.keep.Ping == 0 && f.pings != 0 {
		t.Errorf("%s: %d pings that nobody wanted", v.name, f.pings)
	}
}

// row is a line of the document's table.
func (f figures) row(v variant) string {
	day := func(n float64) string { return strconv.Itoa(int(math.Round(n / simulated))) }
	return fmt.Sprintf("| %s | %d | %d | %d | %s | %s | %d | %.1f |", v.name, f.signIns, f.rungs[school.RungReentry],
		f.rungs[school.RungPairing], day(float64(f.pings)), day(float64(f.requests)), f.most, f.waited.Hours()/simulated)
}

const (
	document = "../../../../source/infomentor/PROTOCOL.md"
	heading  = "| Sixty days of | sign-ins |"
)

// table returns the document's rows.
func table(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(document))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(data), heading)
	if !ok {
		t.Fatal("the document has no table of sixty days")
	}
	var rows []string
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") {
			rows = append(rows, line)
		} else if len(rows) > 0 {
			break
		}
	}
	return rows
}

// stillTrue compares a row with the document's. Figures may differ by one in
// ten, or by five: what happens in the same instant happens in any order. What
// is none has to be none, and the other way round.
func stillTrue(t *testing.T, known []string, row string) {
	t.Helper()
	got := cells(row)
	i := slices.IndexFunc(known, func(k string) bool { return cells(k)[0] == got[0] })
	if i < 0 {
		t.Errorf("the document does not tell of: %s", row)
		return
	}
	want := cells(known[i])
	for n := 1; n < len(got); n++ {
		g, gerr := strconv.ParseFloat(got[n], 64)
		w, werr := strconv.ParseFloat(want[min(n, len(want)-1)], 64)
		if gerr != nil || werr != nil || len(want) != len(got) || math.Abs(g-w) > max(5, w/10) || (g == 0) != (w == 0) {
			t.Errorf("the document is not true any more (%s=write renews it):\n%s\n%s", simulate, known[i], row)
			return
		}
	}
}

func cells(row string) []string {
	var out []string
	for c := range strings.SplitSeq(strings.Trim(row, "| "), "|") {
		out = append(out, strings.TrimSpace(c))
	}
	return out
}

// write puts the rows into the document in place of those that are there.
func write(t *testing.T, rows []string) {
	t.Helper()
	path := filepath.FromSlash(document)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, old := string(data), table(t)
	if len(old) == 0 {
		t.Fatal("the document's table is empty")
	}
	before, rest, _ := strings.Cut(text, old[0])
	_, after, _ := strings.Cut(rest, old[len(old)-1])
	if len(old) == 1 {
		after = rest
	}
	if err := os.WriteFile(path, []byte(before+strings.Join(rows, "\n")+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
