package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed static/*
var files embed.FS

// asset is one file of the pages' own.
type asset struct {
	data []byte
	kind string
	etag string
}

// assets holds the files of the folder static, by name.
type assets map[string]asset

func newAssets() (assets, error) {
	entries, err := files.ReadDir("static")
	if err != nil {
		return nil, err
	}
	all := assets{}
	for _, e := range entries {
		data, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, err
		}
		kind, ok := map[string]string{
			".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
		}[path.Ext(e.Name())]
		if !ok {
			return nil, errors.New("static file of unknown type")
		}
		sum := sha256.Sum256(data)
		all[e.Name()] = asset{data: data, kind: kind, etag: hex.EncodeToString(sum[:8])}
	}
	return all, nil
}

// URL returns the address of a file. It changes with the content, so that
// browsers may keep the file for ever.
func (a assets) URL(name string) string { return "/static/" + name + "?v=" + a[name].etag }

func (s *server) static(w http.ResponseWriter, r *http.Request) error {
	f, ok := s.assets[r.PathValue("file")]
	if !ok {
		return fs.ErrNotExist
	}
	etag := `"` + f.etag + `"`
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "public, max-age=3600")
	if r.URL.Query().Get("v") == f.etag {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", f.kind)
	_, _ = w.Write(f.data)
	return nil
}

func (s *server) favicon(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, s.assets.URL("icon.svg"), http.StatusFound)
	return nil
}
