package export

import (
	"encoding/json"
	"time"

	"syncd/source/school"
	"syncd/storage"
)

// document is data.json. Fields are added, never renamed.
type document struct {
	Format    int           `json:"syncd_export"`
	Made      time.Time     `json:"made"`
	Version   string        `json:"version"`
	Guardians []string      `json:"guardians"`
	Accounts  []accountJSON `json:"accounts"`
	Children  []childJSON   `json:"children"`
	Links     []linkJSON    `json:"links"`
}

type accountJSON struct {
	ID       school.AccountID    `json:"id"`
	Platform school.PlatformID   `json:"platform"`
	Settings map[string]string   `json:"settings,omitempty"`
	Created  time.Time           `json:"created"`
	State    school.SessionState `json:"state"`
	Since    time.Time           `json:"since"`
}

type childJSON struct {
	Number    school.ChildNumber   `json:"number"`
	Aliases   []school.ChildNumber `json:"aliases,omitempty"`
	Name      string               `json:"name"`
	School    string               `json:"school,omitempty"`
	Platforms []school.PlatformID  `json:"platforms"`
	Gone      *time.Time           `json:"gone,omitempty"`
	Entries   []entryJSON          `json:"entries"`
	Letters   []letterJSON         `json:"letters"`
	Changes   []changeJSON         `json:"changes"`
}

type entryJSON struct {
	UID        school.UID    `json:"uid"`
	Kind       school.Kind   `json:"kind"`
	Title      string        `json:"title"`
	Place      string        `json:"place,omitempty"`
	Body       string        `json:"body,omitempty"`
	URL        string        `json:"url,omitempty"`
	Starts     string        `json:"starts"` // RFC 3339, or a day where AllDay
	Ends       string        `json:"ends"`   // excluded
	AllDay     bool          `json:"all_day,omitempty"`
	Status     school.Status `json:"status,omitempty"`
	Busy       bool          `json:"busy,omitempty"`
	Done       bool          `json:"done,omitempty"`
	Task       bool          `json:"task,omitempty"`
	Categories []string      `json:"categories,omitempty"`
	Created    time.Time     `json:"created"`
	Modified   time.Time     `json:"modified"`
}

type letterJSON struct {
	UID       school.UID  `json:"uid"`
	Kind      school.Kind `json:"kind"`
	Title     string      `json:"title"`
	Author    string      `json:"author,omitempty"`
	Source    string      `json:"source,omitempty"`
	URL       string      `json:"url,omitempty"`
	Summary   string      `json:"summary,omitempty"`
	HTML      string      `json:"html,omitempty"`
	Published time.Time   `json:"published"`
	Updated   time.Time   `json:"updated"`
	FirstSeen time.Time   `json:"first_seen"`
	File      string      `json:"file"`
	Media     []mediaJSON `json:"media,omitempty"`
}

type mediaJSON struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Alt   string `json:"alt,omitempty"`
	Text  string `json:"text,omitempty"`
	Image bool   `json:"image,omitempty"`
	File  string `json:"file"` // empty: it is lost, or absent

	// Absent is why it was never kept; empty: it was.
	Absent school.Absence `json:"absent,omitempty"`
}

type changeJSON struct {
	Kind   school.Kind `json:"kind"`
	Seen   time.Time   `json:"seen"`
	Before *faceJSON   `json:"before,omitempty"` // none: it was new
	After  *faceJSON   `json:"after,omitempty"`  // none: it was gone
}

type faceJSON struct {
	Title  string        `json:"title"`
	Place  string        `json:"place,omitempty"`
	Starts string        `json:"starts"`
	Ends   string        `json:"ends"`
	Status school.Status `json:"status,omitempty"`
}

type linkJSON struct {
	ID       school.LinkID        `json:"id"`
	Label    string               `json:"label"`
	Children []school.ChildNumber `json:"children"` // null: all
	Kinds    []school.Kind        `json:"kinds"`    // null: all
	Created  time.Time            `json:"created"`
	Expires  *time.Time           `json:"expires,omitempty"`
	Revoked  *time.Time           `json:"revoked,omitempty"`
	LastUsed *time.Time           `json:"last_used,omitempty"`
}

// writeData writes everything as JSON.
func (e *exporting) writeData() error {
	e.data.Format, e.data.Made, e.data.Version = 1, e.Now.UTC().Truncate(time.Second), e.Version
	if e.data.Accounts == nil {
		e.data.Accounts = []accountJSON{}
	}
	if e.data.Children == nil {
		e.data.Children = []childJSON{}
	}
	if e.data.Links == nil {
		e.data.Links = []linkJSON{}
	}
	if e.data.Guardians == nil {
		e.data.Guardians = []string{}
	}
	w, err := e.files.Create(DataName)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	if err := enc.Encode(e.data); err != nil {
		_ = w.Close()
		return err
	}
	return w.Close()
}

func childOf(c storage.Child) childJSON {
	out := childJSON{
		Number: c.Number, Aliases: c.Aliases, Name: c.Name, School: c.School, Gone: some(c.Gone),
		Platforms: []school.PlatformID{}, Entries: []entryJSON{}, Letters: []letterJSON{}, Changes: []changeJSON{},
	}
	for _, id := range c.Identities {
		out.Platforms = append(out.Platforms, id.Platform)
	}
	return out
}

func entryOf(e *school.Entry) entryJSON {
	starts, ends := span(e.Span)
	return entryJSON{
		UID: e.UID, Kind: e.Kind, Title: e.Title, Place: e.Place, Body: e.Body, URL: e.URL, Starts: starts, Ends: ends,
		AllDay: e.Span.AllDay, Status: e.Status, Busy: e.Busy, Done: e.Done, Task: e.Task, Categories: e.Categories,
		Created: e.Created, Modified: e.Modified,
	}
}

func letterOf(l *school.Letter) letterJSON {
	return letterJSON{
		UID: l.UID, Kind: l.Kind, Title: l.Title, Author: l.Author, Source: l.Source, URL: l.URL, Summary: l.Summary, HTML: l.HTML,
		Published: l.Published, Updated: l.Updated, FirstSeen: l.FirstSeen,
	}
}

func changeOf(d school.Difference) changeJSON {
	return changeJSON{Kind: d.Kind, Seen: d.Seen, Before: faceOf(d.Before), After: faceOf(d.After)}
}

func faceOf(f *school.Face) *faceJSON {
	if f == nil {
		return nil
	}
	starts, ends := span(f.Span)
	return &faceJSON{Title: f.Title, Place: f.Place, Starts: starts, Ends: ends, Status: f.Status}
}

func linkOf(l school.Link) linkJSON {
	return linkJSON{
		ID: l.ID, Label: l.Label, Children: l.Children, Kinds: l.Kinds, Created: l.Created,
		Expires: some(l.Expires), Revoked: some(l.Revoked), LastUsed: some(l.LastUsed),
	}
}

// span writes when something begins and ends.
func span(s school.Span) (starts, ends string) {
	if s.AllDay {
		return s.Days.From.String(), s.Days.To.String()
	}
	return s.Start.Format(time.RFC3339), s.End.Format(time.RFC3339)
}

// some is nil for a time that is not set.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
