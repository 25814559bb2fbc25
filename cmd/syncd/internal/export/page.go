package export

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

//go:embed templates/*.html
var templates embed.FS

// letterPage is the page of one letter.
type letterPage struct {
	W      *text.Words
	Title  string
	Letter *school.Letter
	Media  []letterMedia
}

// letterMedia is a picture or attachment of a letter; File is its place beside
// the page, empty when it is lost; Says what there is to say of one that was
// never kept.
type letterMedia struct {
	school.MediaRef

	File, Says string
}

// Body is the letter's text: its HTML, which was sanitised before it was
// stored, or the plain text of what has none.
func (p letterPage) Body() template.HTML {
	if p.Letter.HTML != "" {
		return template.HTML(p.Letter.HTML) //nolint:gosec // sanitised by package normalize before it was stored
	}
	return template.HTML("<p>" + template.HTMLEscapeString(p.Letter.Summary) + "</p>") //nolint:gosec // escaped here
}

// Published is when the school published it, for people.
func (p letterPage) Published() string {
	return p.Letter.Published.In(school.Stockholm()).Format("2006-01-02 15:04")
}

func (p letterPage) render() ([]byte, error) { return render("letter.html", p) }

// title is what a letter is called; some have no title.
func title(w *text.Words, l *school.Letter) string {
	if l.Title == "" {
		return w.Kind(l.Kind)
	}
	return l.Title
}

// index is the page to begin with.
type index struct {
	W        *text.Words
	Made     string
	Children []indexChild
	Data     string
}

type indexChild struct {
	Name, School       string
	Calendars, Letters []indexFile
}

// indexFile is a line that leads to a file.
type indexFile struct {
	Title string
	Day   string // of a letter
	Count int    // of a calendar's entries
	File  string
}

func (e *exporting) writeIndex() error {
	e.index.W, e.index.Data = e.Words, DataName
	e.index.Made = e.Now.In(school.Stockholm()).Format("2006-01-02 15:04")
	page, err := render("index.html", e.index)
	if err != nil {
		return err
	}
	return e.put(IndexName, page)
}

func render(name string, view any) ([]byte, error) {
	t, err := template.ParseFS(templates, "templates/style.html", "templates/"+name)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, name, view); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	return out.Bytes(), nil
}
