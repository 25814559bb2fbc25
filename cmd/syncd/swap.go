package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// swaps lists where this process's memory may be swapped to in the clear, as
// far as the system tells; none where its control group forbids swapping.
func swaps() []string {
	if limit, err := os.ReadFile("/sys/fs/cgroup/memory.swap.max"); err == nil && strings.TrimSpace(string(limit)) == "0" {
		return nil
	}
	f, err := os.Open("/proc/swaps")
	if err != nil {
		return nil // another system, which is not asked
	}
	defer func() { _ = f.Close() }()
	return plainSwaps(f, func(device string) string {
		if found, err := filepath.EvalSymlinks(device); err == nil {
			device = found
		}
		id, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(device), "dm", "uuid"))
		if err != nil {
			return ""
		}
		return string(id)
	})
}

// plainSwaps takes from a list like /proc/swaps (proc_swaps(5)) what is not
// encrypted. id answers a device mapper's name of a device, which tells
// encrypted ones; what is swapped into compressed memory stays in memory.
func plainSwaps(list io.Reader, id func(device string) string) (plain []string) {
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		device, _, _ := strings.Cut(strings.ReplaceAll(lines.Text(), "\t", " "), " ")
		if !strings.HasPrefix(device, "/") || strings.HasPrefix(device, "/dev/zram") || strings.HasPrefix(id(device), "CRYPT-") {
			continue
		}
		plain = append(plain, device)
	}
	return plain
}
