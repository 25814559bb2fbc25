package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPlainSwaps(t *testing.T) {
	t.Parallel()
	const list = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n" +
		"/dev/sda2                               partition\t2097148\t0\t-2\n" +
		"/dev/dm-1                               partition\t2097148\t0\t-3\n" +
		"/dev/dm-2\tpartition\t2097148\t0\t-4\n" +
		"/dev/zram0                              partition\t2097148\t0\t100\n" +
		"/swap.img                               file\t\t2097148\t0\t-5\n"
	id := func(device string) string {
		return map[string]string{"/dev/dm-1": "CRYPT-LUKS2-0123-swap", "/dev/dm-2": "LVM-0123"}[device]
	}
	if got, want := plainSwaps(strings.NewReader(list), id), []string{"/dev/sda2", "/dev/dm-2", "/swap.img"}; !slices.Equal(got, want) {
		t.Errorf("plainSwaps = %q, want %q", got, want)
	}
	if got := plainSwaps(strings.NewReader(""), id); got != nil {
		t.Errorf("without swap: %q", got)
	}
}

// TestTwoVolumes holds the shipped files to one volume for the key and one for
// the data.
func TestTwoVolumes(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"docker-compose.yml": {"- data:/data", "- keys:/keys", "memswap_limit: 512m", "core: 0"},
		"Dockerfile":         {`VOLUME ["/data", "/keys"]`, "SYNCD_DATA_DIR=/data SYNCD_KEYS_DIR=/keys"},
	} {
		b, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !strings.Contains(string(b), line) {
				t.Errorf("%s lacks %q", name, line)
			}
		}
	}
}
