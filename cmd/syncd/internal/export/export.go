// Package export writes everything that is kept about a family as ordinary
// files that need no program of ours: a calendar file per child and kind, a
// page per letter with its pictures and attachments beside it, all of it once
// more as JSON, and a page to begin with.
//
// What it writes is not encrypted, and says so. Secrets (sessions, passwords,
// tokens, keys) and the platforms' own keys of persons are not in it. Names of
// files are made of lower-case letters, digits and hyphens, whatever a school
// has written.
package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/feeds/icalendar"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/vault"
)

// Store is what is exported.
type Store interface {
	Accounts(ctx context.Context) ([]school.Account, error)
	Children(ctx context.Context) ([]storage.Child, error)
	Entries(ctx context.Context, child school.ChildNumber, kind school.Kind) ([]school.Entry, error)
	Letters(ctx context.Context, children []school.ChildNumber, kinds []school.Kind, limit int) ([]school.Letter, error)
	Differences(ctx context.Context, children []school.ChildNumber, limit int) ([]school.Difference, error)
	Media(ctx context.Context, id string) (school.MediaRef, io.ReadCloser, error)
	Links(ctx context.Context) ([]school.Link, error)
	Guardians(ctx context.Context) ([]storage.Guardian, error)
}

// Files takes the files of an export, one after the other.
type Files interface {
	// Create begins a file; name is relative, with slashes. The file is
	// closed before the next one begins.
	Create(name string) (io.WriteCloser, error)
}

// Config says what is exported and in which language. All fields but Begin are
// required.
type Config struct {
	Store   Store
	Words   *text.Words
	Now     time.Time
	Version string // of the program
	// Begin is called by [ToFolder] when the folder is found to be good, before
	// anything is written into it; its error ends the export. nil: nothing is to be done.
	Begin func() error
}

// Summary is what was written.
type Summary struct {
	Calendars, Entries, Letters, Media int
	// LeftOut counts pictures and attachments that are lost or damaged.
	LeftOut int
}

// The files that every export has, beside those of calendars and letters.
const (
	IndexName = "index.html"
	DataName  = "data.json"
)

// Write writes an export. The page to begin with comes last.
func Write(ctx context.Context, files Files, c Config) (Summary, error) {
	e := &exporting{Config: c, files: files, names: map[string]bool{}}
	if err := e.write(ctx); err != nil {
		return e.sum, fmt.Errorf("export: write: %w", err)
	}
	return e.sum, nil
}

// exporting is one export under way.
type exporting struct {
	Config

	files Files
	names map[string]bool // that are taken
	sum   Summary
	index index
	data  document
}

func (e *exporting) write(ctx context.Context) error {
	children, err := e.Store.Children(ctx)
	if err != nil {
		return err
	}
	for _, c := range children {
		if err := e.child(ctx, c); err != nil {
			return err
		}
	}
	if err := e.rest(ctx); err != nil {
		return err
	}
	if err := e.writeData(); err != nil {
		return err
	}
	return e.writeIndex()
}

func (e *exporting) child(ctx context.Context, c storage.Child) error {
	row := indexChild{Name: c.Name, School: c.School}
	out := childOf(c)
	folder := fmt.Sprintf("%d-%s", c.Number, plain(school.Child{Name: c.Name}.FirstName(), "barn"))
	for _, k := range school.CalendarKinds() {
		entries, err := e.Store.Entries(ctx, c.Number, k)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			continue
		}
		name, err := e.calendar(folder, c, k, entries)
		if err != nil {
			return err
		}
		row.Calendars = append(row.Calendars, indexFile{Title: e.Words.Kind(k), Count: len(entries), File: name})
		for i := range entries {
			out.Entries = append(out.Entries, entryOf(&entries[i]))
		}
		e.sum.Entries += len(entries)
	}
	letters, err := e.Store.Letters(ctx, []school.ChildNumber{c.Number}, nil, 0)
	if err != nil {
		return err
	}
	for i := range letters {
		l, name, err := e.letter(ctx, folder, &letters[i])
		if err != nil {
			return err
		}
		row.Letters = append(row.Letters, indexFile{
			Title: title(e.Words, &letters[i]), Day: school.DateOf(letters[i].Published.In(school.Stockholm())).String(), File: name,
		})
		out.Letters = append(out.Letters, l)
		e.sum.Letters++
	}
	changes, err := e.Store.Differences(ctx, []school.ChildNumber{c.Number}, 0)
	if err != nil {
		return err
	}
	for _, d := range changes {
		out.Changes = append(out.Changes, changeOf(d))
	}
	e.index.Children = append(e.index.Children, row)
	e.data.Children = append(e.data.Children, out)
	return nil
}

// calendar writes one calendar of a child.
func (e *exporting) calendar(folder string, c storage.Child, k school.Kind, entries []school.Entry) (string, error) {
	first := school.Child{Name: c.Name}.FirstName()
	info := icalendar.Info{Name: e.Words.Calendar.Name.With(first, e.Words.Kind(k))}
	ics, _ := icalendar.Calendar(info, entries, icalendar.Style{Feed: true, Words: icalendar.Words{
		CancelledPrefix: e.Words.Calendar.Cancelled, DonePrefix: e.Words.Subscribed.Done,
		Care: e.Words.One(school.KindCare), Untitled: e.Words.Kind(k),
	}})
	name := e.free("calendars/"+folder+"-"+string(k), ".ics")
	e.sum.Calendars++
	return name, e.put(name, ics)
}

// letter writes one letter and what belongs to it.
func (e *exporting) letter(ctx context.Context, folder string, l *school.Letter) (letterJSON, string, error) {
	day := school.DateOf(l.Published.In(school.Stockholm())).String()
	base := "letters/" + folder + "/" + day + "-" + plain(l.Title, string(l.Kind))
	name := e.free(base, ".html")
	out := letterOf(l)
	out.File = name
	view := letterPage{W: e.Words, Letter: l, Title: title(e.Words, l)}
	beside := name[:len(name)-len(".html")]
	for i, m := range l.Media {
		if m.Absent != school.AbsentNot {
			out.Media = append(out.Media, mediaJSON{Name: m.Name, Type: m.Type, Alt: m.Alt, Text: m.Text, Image: m.Image, Absent: m.Absent})
			view.Media = append(view.Media, letterMedia{MediaRef: m, Says: e.Words.AbsentMedia(m)})
			continue
		}
		file, err := e.media(ctx, fmt.Sprintf("%s/%d-%s", beside, i+1, fileName(m)), m)
		if err != nil {
			return out, "", err
		}
		out.Media = append(out.Media, mediaJSON{Name: m.Name, Type: m.Type, Alt: m.Alt, Text: m.Text, Image: m.Image, File: file})
		if file != "" { // beside the letter's own page
			file = path.Base(beside) + "/" + path.Base(file)
		}
		view.Media = append(view.Media, letterMedia{MediaRef: m, File: file})
	}
	page, err := view.render()
	if err != nil {
		return out, "", err
	}
	return out, name, e.put(name, page)
}

// media writes one picture or attachment; "" is the name of one that is lost
// or damaged.
func (e *exporting) media(ctx context.Context, name string, m school.MediaRef) (_ string, err error) {
	_, r, err := e.Store.Media(ctx, m.ID)
	if lost(err) {
		e.sum.LeftOut++
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	w, err := e.files.Create(name)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(w, reader{ctx, r})
	if err = errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	e.sum.Media++
	return name, nil
}

func lost(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, vault.ErrDamaged) || errors.Is(err, vault.ErrKeyUnfit)
}

// reader ends with its context.
type reader struct {
	ctx context.Context //nolint:containedctx // lives for one copy
	r   io.Reader
}

// Read implements [io.Reader].
func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// rest collects what belongs to no child.
func (e *exporting) rest(ctx context.Context) error {
	accounts, err := e.Store.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		e.data.Accounts = append(e.data.Accounts, accountJSON{
			ID: a.ID, Platform: a.Platform, Settings: a.Settings, Created: a.Created, State: a.State, Since: a.Since,
		})
	}
	links, err := e.Store.Links(ctx)
	if err != nil {
		return err
	}
	for _, l := range links {
		e.data.Links = append(e.data.Links, linkOf(l))
	}
	guardians, err := e.Store.Guardians(ctx)
	if err != nil {
		return err
	}
	for _, g := range guardians {
		e.data.Guardians = append(e.data.Guardians, g.User)
	}
	slices.Sort(e.data.Guardians)
	return nil
}

func (e *exporting) put(name string, content []byte) error {
	w, err := e.files.Create(name)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return errors.Join(err, w.Close())
}

// free returns a name that no file has yet.
func (e *exporting) free(base, ext string) string {
	name := base
	for n := 2; e.names[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	e.names[name] = true
	return name + ext
}
