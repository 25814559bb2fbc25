package infomentor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/wire"
	"syncd/source/school"
)

const (
	// newsAge is how old news may be: the list holds everything that was ever
	// published.
	newsAge = 400 * 24 * time.Hour
	// newLetters is how many letters with pictures or files are read in full
	// for one child in one read. The others follow with the next reads.
	newLetters = 60
	// maxFiles bounds the files of one letter that are read, maxNamed those
	// that are named.
	maxFiles, maxNamed = 20, 200

	logPage  = 20
	logPages = 3
)

// letter is a piece of news before its pictures and files are read.
type letter struct {
	school.NewsItem

	sum   string
	files []remoteFile
}

// remoteFile is something to be downloaded.
type remoteFile struct {
	url, name string
	alt       string // what a picture shows
	image     bool
}

// readNews reads news and, where the guardian wants it, the learning log.
func (b *builder) readNews(ctx context.Context) error {
	cut := b.plan.Now.Add(-newsAge)
	letters, err := b.list(ctx)
	if err != nil && !errors.Is(err, source.ErrAbsent) {
		return err
	}
	absent := err != nil
	since := cut
	if b.log() {
		more, oldest, err := b.readLog(ctx)
		if err != nil && !errors.Is(err, source.ErrAbsent) {
			return err
		}
		absent = absent && err != nil
		letters = append(letters, more...)
		if oldest.After(since) {
			since = oldest
		}
	}
	if absent {
		return source.ErrAbsent
	}
	letters = slices.DeleteFunc(letters, func(l letter) bool { return l.Published.Before(cut) })
	slices.SortStableFunc(letters, func(a, b letter) int { return b.Published.Compare(a.Published) })
	return b.deliver(ctx, letters, since)
}

// log reports whether the learning log is to be read.
func (b *builder) log() bool { return b.a.wants(SettingLearningLog) && b.module("learnlog") }

// list reads all news; the list holds the full text already.
func (b *builder) list(ctx context.Context) ([]letter, error) {
	if !b.module("communication") {
		return nil, source.ErrAbsent
	}
	in := struct {
		Size int    `json:"pageSize"`
		Sort string `json:"sortBy"`
	}{-1, "lastPublishDate___SORT_DESC"}
	var w struct {
		Items *[]jsonRow `json:"items"`
	}
	if err := b.query(ctx, pathNews, in, &w); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	if w.Items == nil {
		return nil, notUnderstood("list: items are missing")
	}
	rows, bad := wire.Each[wireNews](*w.Items)
	letters, skipped := translateNews(rows, b.p)
	b.skip(school.PartNews, bad+skipped)
	return letters, nil
}

// readLog reads the newest pages of the learning log. oldest is when its list
// begins, if it was not read to its end; zero otherwise.
func (b *builder) readLog(ctx context.Context) (letters []letter, oldest time.Time, err error) {
	for page := 1; page <= logPages; page++ {
		var raw []jsonRow
		path := fmt.Sprintf("%s?learnLogType=0&pageNumber=%d&pageSize=%d", pathLog, page, logPage)
		if err := b.query(ctx, path, nil, &raw); err != nil {
			return nil, time.Time{}, fmt.Errorf("learning log: %w", err)
		}
		rows, bad := wire.Each[wireLog](raw)
		more, skipped := translateLog(rows, b.p)
		b.skip(school.PartNews, bad+skipped)
		letters = append(letters, more...)
		if len(raw) < logPage {
			return letters, time.Time{}, nil
		}
	}
	for _, l := range letters {
		if oldest.IsZero() || l.Published.Before(oldest) {
			oldest = l.Published
		}
	}
	return letters, oldest, nil
}

// deliver hands on what is new or was edited, with its pictures and files, and
// names the rest.
func (b *builder) deliver(ctx context.Context, letters []letter, since time.Time) error {
	seen := map[school.Ref]bool{}
	read := 0
	for _, l := range letters {
		if seen[l.Ref] {
			continue
		}
		seen[l.Ref] = true
		known, stored := b.plan.KnownNews[l.Ref]
		memo, noted := b.state.Letters[l.Ref]
		switch {
		case noted && memo.Sum == l.sum:
			l.Published, l.Modified = memo.Published, memo.Modified
			if stored && sameSecond(known, l.Modified) {
				b.snap.Unchanged = append(b.snap.Unchanged, l.Ref)
				continue
			}
		case noted:
			// It was edited at some time since the last look.
			l.Published, l.Modified = memo.Published, b.taken.Truncate(time.Second)
		case stored && known.After(l.Published):
			l.Modified = known
		}
		if l.Published.Before(b.plan.LettersFrom) {
			continue
		}
		if len(l.files) > 0 {
			if read++; read > newLetters {
				since = b.taken // not all is here: nothing may be deleted
				continue
			}
		}
		if err := b.load(ctx, &l); err != nil {
			return err
		}
		b.snap.News = append(b.snap.News, l.NewsItem)
		b.memo(l)
	}
	b.cover(school.Coverage{Part: school.PartNews, Since: b.plan.Since(since)})
	return nil
}

// memo notes a letter for later; it is kept once the child is stored.
func (b *builder) memo(l letter) {
	if b.fresh == nil {
		b.fresh = map[school.Ref]mark{}
	}
	b.fresh[l.Ref] = mark{Sum: l.sum, Published: l.Published, Modified: l.Modified}
}

// load reads a letter's pictures and files, for a subscriber has no session
// that would. What is not read is named.
func (b *builder) load(ctx context.Context, l *letter) error {
	for i, f := range l.files[:min(len(l.files), maxNamed)] {
		m, err := f.absent(school.AbsentNumber), error(nil)
		if i < maxFiles {
			m, err = b.download(ctx, f)
		}
		if err != nil {
			return fmt.Errorf("file: %w", err)
		}
		switch {
		case f.image && (m.Data == nil || strings.HasPrefix(m.Type, "image/")):
			l.Images = append(l.Images, m)
		default:
			l.Files = append(l.Files, m)
		}
	}
	return nil
}

// absent is the file as it is named when it is not read.
func (f remoteFile) absent(why school.Absence) school.Media {
	ref := strings.TrimSpace(f.url)
	if _, rid, ok := resource(f.url); ok {
		ref = rid
	}
	return school.Media{Ref: school.Ref(ref), Name: f.name, Absent: why}
}

// download reads one file, or says why that cannot be done.
func (b *builder) download(ctx context.Context, f remoteFile) (school.Media, error) {
	addr, rid, ok := resource(f.url)
	if !ok {
		return f.absent(school.AbsentUnread), nil
	}
	if err := b.vouch(ctx); err != nil {
		return school.Media{}, err
	}
	resp, err := b.send(ctx, fetch.Request{URL: addr, Header: http.Header{"Referer": {hub + "/"}}})
	if errors.Is(err, fetch.ErrTooLarge) {
		return f.absent(school.AbsentSize), nil
	}
	if errors.Is(err, source.ErrNotUnderstood) && !ends(err) {
		return f.absent(school.AbsentUnread), nil
	}
	if err != nil {
		return school.Media{}, err
	}
	disposition := resp.Header.Get("Content-Disposition")
	if resp.Status == http.StatusOK && len(resp.Body) > 0 && (disposition != "" || !strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "html")) {
		m := school.Media{Ref: school.Ref(rid), Name: f.name, Alt: f.alt, Type: mediaType(resp), Data: resp.Body}
		if name := fileName(disposition); name != "" {
			m.Name = name
		}
		return m, nil
	}
	// An empty answer is a file that is gone, or the end of the session.
	if err := b.settle(ctx, resp); err != nil && !errors.Is(err, source.ErrNotUnderstood) && !errors.Is(err, source.ErrAbsent) {
		return school.Media{}, err
	}
	return f.absent(school.AbsentUnread), nil
}

// resource accepts the address of a file at the Hub and returns its number.
func resource(addr string) (abs, rid string, ok bool) {
	u, err := url.Parse(strings.TrimSpace(addr))
	if err != nil || addr == "" {
		return "", "", false
	}
	base, err := url.Parse(hub + "/")
	if err != nil {
		return "", "", false
	}
	u = base.ResolveReference(u)
	if u.Scheme != "https" || u.Host != hubHost || u.User != nil || len(u.Path) <= len(pathDownload) ||
		!strings.EqualFold(u.Path[:len(pathDownload)], pathDownload) {
		return "", "", false
	}
	rid = u.Path[len(pathDownload):]
	return u.String(), rid, !strings.Contains(rid, "/")
}

func mediaType(resp *fetch.Response) string {
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && strings.Contains(t, "/") && t != "application/octet-stream" {
		return t
	}
	t, _, _ := strings.Cut(http.DetectContentType(resp.Body), ";")
	return t
}

// fileName reads the name that the server gives a file. Its quotes may hold
// bytes beyond ASCII, which the standard does not allow.
func fileName(disposition string) string {
	if _, params, err := mime.ParseMediaType(disposition); err == nil && params["filename"] != "" {
		return strings.ToValidUTF8(params["filename"], "")
	}
	_, name, ok := strings.Cut(disposition, `filename="`)
	if !ok {
		return ""
	}
	name, _, _ = strings.Cut(name, `"`)
	return strings.ToValidUTF8(name, "")
}

// rememberLetters keeps what was read of a child's letters and forgets those
// that are no longer listed.
func (m memory) rememberLetters(p pupil, snap school.Snapshot, fresh map[school.Ref]mark) {
	prefix := string(p.Ref) + "/"
	for ref := range m.Letters {
		_, kept := fresh[ref]
		if strings.HasPrefix(string(ref), prefix) && !kept && !slices.Contains(snap.Unchanged, ref) {
			delete(m.Letters, ref)
		}
	}
	maps.Copy(m.Letters, fresh)
}

// sameSecond compares instants as precisely as they are stored.
func sameSecond(a, b time.Time) bool {
	return a.Truncate(time.Second).Equal(b.Truncate(time.Second))
}

// sumOf tells contents apart.
func sumOf(parts ...string) string {
	h := sha256.New()
	for _, s := range parts {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
