package feeds

import (
	"sync"
	"time"

	"syncd/source/school"
)

// Feed is one feed of letters. It is immutable once it was handed to the
// handler, safe for concurrent use, and keeps the documents made from it; it
// must not be copied. Fields of text are plain text.
type Feed struct {
	// ID is an absolute URI that stays the same for ever, also when tokens and
	// addresses change: "urn:uuid:…".
	ID       string
	Slug     string // "1-news", as in the address
	Title    string
	Subtitle string // may be empty
	Lang     string // BCP 47, "sv"; may be empty
	Author   string // who stands for letters without an author; empty: Title
	// Page is the absolute address of a page for people. It must not hold a
	// secret. Empty: the base address.
	Page string
	// Created is the time of an empty feed. Updated is when the feed last
	// changed in a way that its letters do not show, such as a deletion or
	// another language; zero: never.
	Created, Updated time.Time
	// Number is the page that this is (RFC 5005 3), 0 and 1 being the newest
	// letters; More says that there is a page after it, and Last which the last
	// one is; 0: that is not said.
	Number int
	More   bool
	Last   int
	// Letters are shown in this order, newest first. Their HTML is sanitised
	// and holds absolute addresses only.
	Letters []school.Letter
	// Media gives the id in this link's addresses for the id of a
	// [school.MediaRef]. What has none is left out.
	Media map[string]string
	// Absent is what is said of a picture or file that is not kept; nil: nothing.
	// AtSchool is the text of the link to the letter's own address behind it.
	Absent   func(school.MediaRef) string
	AtSchool string
	// Names gives, for a letter that is there for several children, their names;
	// for any other its own says whom it is for.
	Names map[school.UID][]string
	// Kinds are the names of the kinds for people, "Veckobrev". A kind without
	// one is named by its own word.
	Kinds map[school.Kind]string

	mu        sync.Mutex
	documents map[documentKey]*document
}
