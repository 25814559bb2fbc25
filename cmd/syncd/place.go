package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"syncd/cmd/syncd/internal/config"
	"syncd/storage/vault"
)

// place is how long what is put into a folder lasts.
type place int

const (
	placeLasting place = iota
	placeUnnamed       // a container's volume without a name: goes with the container, as a rule
	placeLayer         // the container's own layer: goes with the container
	placeMemory        // a file system in memory: goes with the machine, or sooner
)

// lasting refuses to make or use a managed key in a container where the data
// would outlive it, and warns where key and data would go together. Outside
// containers every place is right.
func lasting(ctx context.Context, c call, cfg config.Config, log *slog.Logger) (place, error) {
	if c.demo {
		return placeLasting, nil
	}
	key, err := whereKept(cfg.KeysDir)
	if err != nil || !usesManagedKey(cfg) || key == placeLasting {
		return key, err
	}
	data, err := whereKept(cfg.DataDir)
	if err != nil {
		return key, err
	}
	where := slog.String("path", cfg.KeysDir)
	switch {
	case key == placeUnnamed:
		log.LogAttrs(ctx, slog.LevelWarn, "the key lies in a volume without a name, which goes with the container; give it one", where)
	case data != placeLasting && data != placeUnnamed:
		log.LogAttrs(ctx, slog.LevelWarn, "key and data lie in the container itself and go with it; mount a volume for each", where)
	default:
		detail := "it is a file system in memory"
		if key == placeLayer {
			detail = "it is the container's own layer, which goes when the container is made anew"
		}
		return key, &vault.Error{
			Path: cfg.KeysDir, Err: vault.ErrKeyFleeting, Detail: detail + ", and the data would stay",
			Advice: "mount a volume there, as docker-compose.yml does; if a key lies there already, copy it out first",
		}
	}
	return key, nil
}

// whereKept answers in what kind of place a folder lies.
func whereKept(dir string) (place, error) {
	if !inContainer() {
		return placeLasting, nil
	}
	f, err := os.Open("/proc/self/mountinfo")
	if errors.Is(err, fs.ErrNotExist) {
		return placeLasting, nil // nothing can be seen here
	}
	if err != nil {
		return placeLasting, fmt.Errorf("look at mounts: %w", err)
	}
	p, err := placeOf(f, resolved(dir))
	return p, errors.Join(err, f.Close())
}

// inContainer reports whether this is a container that is thrown away and made
// anew, as Docker's, Podman's and Kubernetes' are. Containers that are kept as
// whole systems (LXC) are not meant.
func inContainer() bool {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}

// resolved follows the links in as much of a path as exists.
func resolved(path string) string {
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	above := filepath.Dir(path)
	if above == path {
		return path
	}
	return filepath.Join(resolved(above), filepath.Base(path))
}

// placeOf finds, in a list of mounts as proc_pid_mountinfo(5) describes it, the
// file system on which a path lies, and what kind of place that is.
func placeOf(mounts io.Reader, path string) (place, error) {
	unnamed := regexp.MustCompile(`/volumes/[0-9a-f]{64}/_data(/|$)`)
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	found, point := placeLasting, ""
	lines := bufio.NewScanner(mounts)
	for lines.Scan() {
		left, right, ok := strings.Cut(lines.Text(), " - ")
		fields, kind := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(kind) == 0 {
			continue
		}
		at := unescape.Replace(fields[4])
		// Of two mounts on one point the later one is seen.
		if len(at) < len(point) || at != "/" && path != at && !strings.HasPrefix(path, at+"/") {
			continue
		}
		found, point = placeLasting, at
		switch {
		case kind[0] == "tmpfs" || kind[0] == "ramfs":
			found = placeMemory
		case at == "/":
			found = placeLayer
		case unnamed.MatchString(unescape.Replace(fields[3])):
			found = placeUnnamed
		}
	}
	if err := lines.Err(); err != nil {
		return placeLasting, fmt.Errorf("read mounts: %w", err)
	}
	return found, nil
}
