package storage_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// TestMigrationsStayAsTheyAre: a file that has taken a step never takes it
// again. Whoever needs another schema appends a step, and a line here; nobody
// edits one.
func TestMigrationsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	sums := map[string]string{
		"cache/0001_begin.sql":       "a0dad619adc4e6db",
		"cache/0002_differences.sql": "fc77ecad801566d7",
		"cache/0003_join.sql":        "1b20003f3a788488",
		"cache/0004_unwanted.sql":    "17c6da321a71da1a",
		"cache/0005_tight.sql":       "2ef027b108e124b9",
		"cache/0006_absent.sql":      "6a2cd7d254f975ba",
		"cache/0007_removed.sql":     "98ba0ad6909a86fb",
		"state/0001_begin.sql":       "d920cae6f765fb8b",
		"state/0002_detail.sql":      "b427206b6172a552",
		"state/0003_diary.sql":       "eab5be7be819b04b",
		"state/0004_join.sql":        "c6cceb13d0e44896",
		"state/0005_keep.sql":        "bf9a02e294266056",
		"state/0006_copies.sql":      "710fdc321f0ce15f",
		"state/0007_spare.sql":       "c34d64dea5448065",
		"state/0008_advised.sql":     "5b8fce61047b0d23",
		"state/0009_memory.sql":      "ee10c02398f2d38e",
		"state/0010_remembered.sql":  "1fc2b10f9b20c18e",
		"state/0011_places.sql":      "ddccde8bc1f4c3ab",
	}
	files, err := filepath.Glob("migrations/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		got, name := hex.EncodeToString(sum[:8]), filepath.ToSlash(name)[len("migrations/"):]
		switch sums[name] {
		case got:
		case "":
			t.Errorf("%s is new: append %q: %q", name, name, got)
		default:
			t.Errorf("%s was changed: databases that are past it would never see that; put it back and append a step", name)
		}
		delete(sums, name)
	}
	for name := range sums {
		t.Errorf("%s is gone: append, never edit", name)
	}
}
