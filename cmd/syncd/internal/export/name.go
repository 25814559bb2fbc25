package export

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"syncd/source/school"
)

// longest bounds a part of a file name, in bytes.
const longest = 60

// plain makes of any text a part of a file name: a to z, digits and single
// hyphens in between. instead is what a text without any of these becomes.
func plain(s, instead string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
			// An accent: å is written as a.
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= longest {
			break
		}
	}
	out := strings.Trim(b.String(), "-")
	if out == "" {
		return instead
	}
	return out
}

// shown are the endings of files that are kept: of formats that a system opens
// without running them.
func shown() []string {
	return []string{
		".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic", ".pdf", ".txt", ".csv", ".ics", ".rtf", ".doc", ".docx", ".xls", ".xlsx",
		".ppt", ".pptx", ".odt", ".ods", ".odp", ".mp3", ".m4a", ".mp4", ".mov", ".zip",
	}
}

// endings are those of types whose files have no good name.
func endings() map[string]string {
	return map[string]string{
		"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "application/pdf": ".pdf", "text/plain": ".txt",
	}
}

// fileName is the name under which a picture or attachment is written. An
// ending that could make it run is not kept.
func fileName(m school.MediaRef) string {
	ext := strings.ToLower(path.Ext(m.Name))
	base := strings.TrimSuffix(m.Name, path.Ext(m.Name))
	if !slices.Contains(shown(), ext) {
		ext, base = endings()[m.Type], m.Name
	}
	if ext == "" {
		ext = ".bin"
	}
	instead := "fil"
	if m.Image {
		instead = "bild"
	}
	return plain(base, instead) + ext
}
