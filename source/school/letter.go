package school

import "time"

// NewsItem is a letter or a piece of news for parents.
type NewsItem struct {
	Ref       Ref
	UID       UID // set by normalize
	Title     string
	Author    string
	Source    string // who publishes: the school or class, may be empty
	Summary   string // plain text, may be empty
	HTML      string // full text; foreign HTML until normalize has sanitised it
	URL       string // the letter at the school, absolute, may be empty
	Published time.Time
	Modified  time.Time // not before Published; equal when never edited
	Images    []Media
	Files     []Media
}

// Notice is one of the platform's notifications.
type Notice struct {
	Ref    Ref
	UID    UID // set by normalize
	Title  string
	Text   string
	Sender string // the system that sent it
	URL    string // may need the school's own sign-in
	Sent   time.Time
}

// Media is a picture or file that belongs to a letter and was read together
// with it, because a subscriber has no session at the school.
type Media struct {
	Ref  Ref    // the platform's own key or address
	Name string // file name as the platform writes it; foreign text
	Type string // media type as sniffed by the reader, "image/jpeg"
	Alt  string // what a picture shows; may be empty
	Data []byte // nil when the file was not read
	Text string // what is written in a file, plain text with \n; set by normalize, may be empty
	// Absent is why Data is nil; empty with nil is [AbsentUnread].
	Absent Absence
}

// Absence is why a picture or file of a letter is not kept here, though the
// school has it: a closed set.
type Absence string

// The reasons.
const (
	AbsentNot    Absence = ""          // it is kept
	AbsentSize   Absence = "too-large" // larger than what is read
	AbsentNumber Absence = "too-many"  // the letter has more files than are read
	AbsentUnread Absence = "unread"    // the school did not hand it out, or as something else
	AbsentRoom   Absence = "no-room"   // all room for files is taken by newer letters
)

// Absences returns every reason except [AbsentNot].
func Absences() []Absence { return []Absence{AbsentSize, AbsentNumber, AbsentUnread, AbsentRoom} }

// Letter is what feeds show: a NewsItem or a Notice after storage.
type Letter struct {
	UID       UID
	Kind      Kind // KindNews, KindNotices or KindChanges
	Child     ChildNumber
	ChildName string // first name
	Title     string
	Author    string
	Source    string
	Summary   string // plain text, at most 200 characters
	HTML      string // sanitised
	URL       string
	Published time.Time // the school's own date, UTC
	Updated   time.Time // content last changed as seen here, whole seconds, UTC
	FirstSeen time.Time // whole seconds, UTC; its year stands in Atom tag ids
	Media     []MediaRef
}

// MediaRef points at a stored picture or file, or says that one is not stored.
type MediaRef struct {
	ID     string // random, unguessable, safe in a path; empty when it is absent
	Name   string // cleaned file name
	Type   string
	Alt    string
	Length int64 // bytes
	Image  bool
	Text   string // what is written in a file, plain text with \n; may be empty
	Absent Absence
}

// Letter returns the news item as feeds show it; storage fills in the rest.
func (n NewsItem) Letter() Letter {
	return Letter{
		UID: n.UID, Kind: KindNews, Title: n.Title, Author: n.Author, Source: n.Source,
		Summary: n.Summary, HTML: n.HTML, URL: n.URL, Published: n.Published, Updated: n.Modified,
	}
}

// Letter returns the notice as feeds show it; storage fills in the rest. The
// HTML is left empty: feeds show Summary, the notice's text, in its place.
func (n Notice) Letter() Letter {
	return Letter{
		UID: n.UID, Kind: KindNotices, Title: n.Title, Author: n.Sender,
		Summary: n.Text, URL: n.URL, Published: n.Sent, Updated: n.Sent,
	}
}
