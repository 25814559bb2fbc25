package infomentor

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/school"
)

const stateVersion = 1

// state is what a session holds, and what is remembered beside it. Both are
// sealed where they are stored.
type state struct {
	Version  int       `json:"v"`
	Jar      []byte    `json:"jar"`
	Owner    userID    `json:"owner,omitempty"`
	Password *password `json:"password,omitempty"`
	Devices  []chain   `json:"devices,omitempty"`
	// Unclear are the renewals that nobody could understand.
	Unclear unclear `json:"unclear,omitzero"`
	// Unpaired is when the platform last refused to pair.
	Unpaired time.Time `json:"unpaired,omitzero"`
	// Phone are the pupils as the phone's list has them.
	Phone []wirePhonePupil `json:"phone,omitempty"`
	// Lent is the selection that has to be put back.
	Lent lent `json:"lent,omitzero"`

	memory `json:"-"`
}

// memory is what outlives a session: what later reads of the same account need,
// whoever signs in anew. It is stored apart from the state.
type memory struct {
	Version int    `json:"v"`
	Of      userID `json:"of"` // whose account it is
	// Marks are the ids by which a module's answers show whom they are about.
	Marks map[pupilID]im2ID `json:"marks,omitempty"`
	// Strangers: the ids in notifications were found not to be marks.
	Strangers bool `json:"strangers,omitempty"`
	// Bare are the children whose answers were found to bear no mark.
	Bare map[pupilID]bare `json:"bare,omitempty"`
	// Blind is when two children's answers were last found to bear one mark.
	Blind time.Time `json:"blind,omitzero"`
	// Absent are the modules that a child was found not to have, and when.
	Absent map[pupilID]map[school.Part]time.Time `json:"absent,omitempty"`
	// Noticed are the newest notifications that were stored of each child.
	Noticed map[pupilID]noticed `json:"noticed,omitempty"`
	// Letters are what was last read of each letter.
	Letters map[school.Ref]mark `json:"letters,omitempty"`
	// Files are the names of files at calendar entries.
	Files map[string]fileNote `json:"files,omitempty"`
	// Addresses are the official calendar addresses.
	Addresses map[pupilID]string `json:"addresses,omitempty"`
	// Shown is what the calendar shows, where the addresses are wanted.
	Shown map[pupilID]shownList `json:"shown,omitempty"`
}

// password is kept where the guardian lets us.
type password struct {
	User     string `json:"user"`
	Password string `json:"password"`
	// Sent is how often it was sent since it last led to the home page.
	Sent int `json:"sent,omitempty"`
}

// unclear counts renewals in a row that were not understood.
type unclear struct {
	Since time.Time `json:"since"`
	Times int       `json:"times"`
}

// lent is a selection that a read took from the parent.
type lent struct {
	Own  pupilID `json:"own"`  // whom the parent had selected
	Ours pupilID `json:"ours"` // whom the read asked to be selected last
}

// chain is one paired device with its living refresh token.
type chain struct {
	Device  string `json:"device"`
	Refresh string `json:"refresh"`
	Revoke  string `json:"revoke,omitempty"` // address that ends it
	// What the platform said when it was paired; empty where it did not.
	Token  string `json:"token,omitempty"`  // address for tokens
	API    string `json:"api,omitempty"`    // "https://" and host of the phone's interface
	Client string `json:"client,omitempty"` // what the app calls itself
}

// mark is what is remembered of a letter, for the platform does not say when
// one was edited.
type mark struct {
	Sum       string    `json:"sum"`
	Published time.Time `json:"published"`
	Modified  time.Time `json:"modified"`
}

// bare says that a child's answers bear no mark.
type bare struct {
	Mark im2ID     `json:"m"` // which of the marks that are none
	At   time.Time `json:"at"`
}

// noticed are a child's newest notifications: of one moment, mostly one.
type noticed struct {
	At  time.Time `json:"at"`
	IDs []wireID  `json:"ids"`
}

// fileNote remembers the files of a calendar entry for as long as the entry
// stays the same.
type fileNote struct {
	Sum   string   `json:"sum"`
	Names []string `json:"names"`
	Pupil pupilID  `json:"pupil"`
}

func newState() state { return state{Version: stateVersion, memory: newMemory()} }

func newMemory() memory {
	return memory{
		Version: stateVersion,
		Marks:   map[pupilID]im2ID{}, Bare: map[pupilID]bare{}, Absent: map[pupilID]map[school.Part]time.Time{}, Noticed: map[pupilID]noticed{},
		Letters: map[school.Ref]mark{}, Files: map[string]fileNote{}, Addresses: map[pupilID]string{}, Shown: map[pupilID]shownList{},
	}
}

// encode writes the state with the jar's cookies, and without the memory. The
// same state gives the same bytes.
func (st state) encode(jar *fetch.Jar) ([]byte, error) {
	cookies, err := jar.MarshalBinary()
	if err != nil {
		return nil, err
	}
	st.Jar = cookies
	return json.Marshal(st)
}

// decodeState reads what a session holds and remembers, and fills the jar
// unless that is nil. No state, or one that this version did not write, needs a
// new login.
func decodeState(s *source.Session, jar *fetch.Jar) (state, error) {
	st := newState()
	data := s.State()
	if len(data) == 0 {
		return state{}, fmt.Errorf("no session: %w", source.ErrSessionExpired)
	}
	if err := json.Unmarshal(data, &st); err != nil || st.Version != stateVersion || st.Owner == "" {
		return state{}, fmt.Errorf("session is of another kind: %w", source.ErrSessionExpired)
	}
	if jar != nil {
		if err := jar.UnmarshalBinary(st.Jar); err != nil {
			return state{}, fmt.Errorf("session is damaged: %w", source.ErrSessionExpired)
		}
	}
	st.memory = decodeMemory(s.Memory(), st.Owner)
	return st, nil
}

// decodeMemory reads what is remembered of a person's account. What is another
// person's, or of another kind, is nothing.
func decodeMemory(data []byte, of userID) memory {
	m, fresh := newMemory(), newMemory()
	fresh.Of = of
	if len(data) == 0 || json.Unmarshal(data, &m) != nil || m.Version != stateVersion || m.Of != of {
		return fresh
	}
	if m.Marks == nil {
		m.Marks = fresh.Marks
	}
	if m.Bare == nil {
		m.Bare = fresh.Bare
	}
	if m.Absent == nil {
		m.Absent = fresh.Absent
	}
	if m.Noticed == nil {
		m.Noticed = fresh.Noticed
	}
	if m.Letters == nil {
		m.Letters = fresh.Letters
	}
	if m.Files == nil {
		m.Files = fresh.Files
	}
	if m.Addresses == nil {
		m.Addresses = fresh.Addresses
	}
	if m.Shown == nil {
		m.Shown = fresh.Shown
	}
	return m
}

// absence is how long a module that was missing is not asked for again, and
// what bears no mark is not looked into.
const absence = 7 * 24 * time.Hour

// absent reports whether a child was lately found not to have a part.
func (m memory) absent(id pupilID, part school.Part, now time.Time) bool {
	return lately(m.Absent[id][part], now)
}

// lately reports whether what was found then still counts.
func lately(then, now time.Time) bool {
	return !then.IsZero() && now.Sub(then) < absence && !then.After(now)
}

// setMark remembers the mark of a child's answers, or that they bear none.
func (m memory) setMark(id pupilID, seen im2ID, now time.Time) {
	if seen > 0 {
		m.Marks[id] = seen
		delete(m.Bare, id)
		return
	}
	delete(m.Marks, id)
	if b, ok := m.Bare[id]; !ok || b.Mark != seen || !lately(b.At, now) {
		m.Bare[id] = bare{Mark: seen, At: now.UTC().Truncate(time.Second)}
	}
}

// drop forgets what is remembered of a child by itself.
func (m memory) drop(id pupilID) {
	delete(m.Marks, id)
	delete(m.Bare, id)
	delete(m.Absent, id)
}

// setAbsent remembers that a child does not have a part.
func (m memory) setAbsent(id pupilID, part school.Part, now time.Time) {
	if m.Absent[id] == nil {
		m.Absent[id] = map[school.Part]time.Time{}
	}
	m.Absent[id][part] = now.UTC().Truncate(time.Second)
}

// calendarAddress returns an address if it is one of the platform's.
func calendarAddress(addr string) string {
	const prefix = "webcal://" + calendarHost + pathCalendarFile
	if len(addr) <= len(prefix) || !strings.EqualFold(addr[:len(prefix)], prefix) || strings.ContainsAny(addr, " \t\r\n\"<>") || len(addr) > 500 {
		return ""
	}
	return addr
}
