package web

import (
	"context"
	"net/http"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// PrivacyStore is behind the privacy page.
type PrivacyStore interface {
	Privacy(ctx context.Context) (Privacy, error)
}

// Privacy is what is kept and who is asked for it.
type Privacy struct {
	Kept     []Kept
	Accounts []AccountView
	Hosts    []Host
	Key      text.KeyPlace
	// SameDisk is true when key and data lie on one file system, as far as
	// can be seen.
	SameDisk bool
}

// Kept is how much of one kind is stored.
type Kept struct {
	Kind           school.Kind
	Count          int
	Oldest, Newest time.Time // of the things themselves; zero when Count is 0
	// Limit is for how long they are kept, Leaving how many leave next, and
	// Day when; zero: none does.
	Limit   school.Limit
	Leaving int
	Day     time.Time
}

// Host is a host that is contacted.
type Host struct {
	Name     string
	Platform string // for which platform, as families know it
}

// privacyView is the privacy page.
type privacyView struct {
	Privacy
	KeyWords text.Advice
}

func (s *server) privacyPage(w http.ResponseWriter, r *http.Request) error {
	p, err := s.Store.Privacy(r.Context())
	if err != nil {
		return err
	}
	words := s.words.of(r)
	v := privacyView{Privacy: p, KeyWords: words.KeyPlace(p.Key)}
	return s.render(w, http.StatusOK, "privacy", s.newPage(r, words.Privacy.Title, "privacy", v))
}
