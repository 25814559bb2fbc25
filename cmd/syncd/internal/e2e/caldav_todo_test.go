package e2e_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// todoman is a program for tasks that reads what vdirsyncer fetched.
type todoman struct {
	house        *house
	home, config string
}

func (h *house) todoman() *todoman {
	h.t.Helper()
	home := h.t.TempDir()
	config := filepath.Join(home, "todoman.py")
	write(h.t, config, fmt.Sprintf("path = %q\ndate_format = \"%%Y-%%m-%%d\"\ntime_format = \"%%H:%%M\"\ncache_path = %q\n",
		filepath.Join(home, "calendars", "*"), filepath.Join(home, "todoman.sqlite3")))
	return &todoman{h, home, config}
}

type todo struct {
	ID      int    `json:"id"`
	Summary string `json:"summary"`
	List    string `json:"list"`
}

// list compares the open tasks with want, all of the first child's homework,
// and returns them.
func (m *todoman) list(want ...string) []todo {
	t := m.house.t
	t.Helper()
	out := command(t, m.home, "todoman", "--config", m.config, "--porcelain", "list")
	var tasks []todo
	if err := json.Unmarshal([]byte(out), &tasks); err != nil {
		t.Fatalf("todoman: %v\n%s", err, out)
	}
	var got []string
	for _, task := range tasks {
		if task.List != "1-homework" {
			t.Errorf("%q stands in %s", task.Summary, task.List)
		}
		got = append(got, task.Summary)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tasks (-server +todoman):\n%s", diff)
	}
	return tasks
}

// TestInteropTodoman shows tasks to todoman, by way of vdirsyncer: all, then
// one changed and one gone; a task that is ticked off there is refused by the
// server and open again after the next sync.
func TestInteropTodoman(t *testing.T) {
	t.Parallel()
	need(t, "vdirsyncer")
	need(t, "todoman")
	h := open(t)
	const first, second, third, fourth = "Glosor kapitel fyra", `Läs sidan 12, "Rymden"; svara`, "Prov: bråk", "Ta med kartong"
	h.homework(first, second, third, fourth)
	m := h.todoman()
	h.sync(m.home)
	m.list(first, second, third, fourth)

	h.homework(first, "Läs sidan 14", third)
	h.sync(m.home)
	open := m.list(first, "Läs sidan 14", third)

	command(t, m.home, "todoman", "--config", m.config, "done", fmt.Sprint(open[0].ID))
	before := h.there(h.calendarPath("1-homework"))
	h.push(m.home)
	if diff := cmp.Diff(before, h.there(h.calendarPath("1-homework"))); diff != "" {
		t.Errorf("a refused write changed something (-before +after):\n%s", diff)
	}
	h.sync(m.home) // notices that the change was not taken
	h.sync(m.home) // and takes it back
	m.list(first, "Läs sidan 14", third)
}
