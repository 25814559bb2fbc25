package skolplattformen

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"syncd/source/school"
)

// owner makes a key of the signed-in person. It is a hash, because what the
// platform has is the personal number, which nobody else shall ever see.
func owner(u wireUser) school.Ref {
	sum := sha256.Sum256([]byte("syncd skolplattformen owner\x00" + strings.TrimSpace(deref(u.PersonalNumber))))
	return school.Ref(hex.EncodeToString(sum[:]))
}

func ownerName(u wireUser) string {
	return strings.TrimSpace(deref(u.FirstName) + " " + deref(u.LastName))
}

// role is what the platform adds to a child's name: " (elev)".
var role = regexp.MustCompile(`\s*\([^()]*\)\s*$`)

// pupil is a child with the keys that requests need.
type pupil struct {
	school.Child

	sdsID    string
	schoolID string
	status   string // as the platform wrote it, for comparison with its cookie
}

func (p pupil) id() string { return string(p.Ref) }

func (p pupil) preschool() bool { return slices.Contains(p.Stages, "FS") }

// beyond reports whether the child is certainly past preschool: its status has
// a code that says so.
func (p pupil) beyond() bool {
	return !p.preschool() && (slices.Contains(p.Stages, "GR") || slices.Contains(p.Stages, "GY"))
}

// translateChildren needs every row to be whole: a list of which something is
// missing is no list. None at all is no family that uses the platform.
func translateChildren(rows []wireChild, skipped int) ([]pupil, error) {
	if skipped > 0 {
		return nil, notUnderstood("a child could not be read")
	}
	if len(rows) == 0 {
		return nil, notUnderstood("there is no child")
	}
	var out []pupil
	for _, r := range rows {
		name := strings.TrimSpace(role.ReplaceAllString(r.Name, ""))
		if strings.TrimSpace(r.ID) == "" || name == "" {
			return nil, notUnderstood("a child has no id or no name")
		}
		if slices.ContainsFunc(out, func(p pupil) bool { return p.id() == r.ID }) {
			return nil, notUnderstood("a child stands twice in the list")
		}
		out = append(out, pupil{
			Child: school.Child{
				Ref: school.Ref(r.ID), Name: name, School: strings.TrimSpace(deref(r.SchoolName)), Stages: stages(deref(r.Status)),
			},
			sdsID: r.SDSID, schoolID: deref(r.SchoolID), status: deref(r.Status),
		})
	}
	return out, nil
}

// stages takes a status apart; codes nobody knows are kept.
func stages(status string) []string {
	var out []string
	for code := range strings.SplitSeq(status, ";") {
		if code = strings.ToUpper(strings.TrimSpace(code)); code != "" {
			out = append(out, code)
		}
	}
	return out
}

// cancelled is what the platform puts before the title of a booking that was
// called off; English, with one L.
const cancelled = "Canceled: "

// translateEvents translates calendar rows. Rows without a readable date or
// the field for the title are counted and left out. An id is unique only within a school, so prefix, the
// school's own key, goes before it; rows without one have no Ref.
func translateEvents(rows []wireEvent, prefix string, scope school.Scope) (events []school.Event, skipped int) {
	for _, r := range rows {
		start, ok1 := parseMoment(r.Start)
		end, ok2 := parseMoment(r.End)
		sp, ok3 := span(start, end, r.AllDay)
		if !ok1 || !ok2 || !ok3 || !r.Title.there {
			skipped++
			continue
		}
		e := school.Event{
			Item:  school.Item{Title: r.Title.text, Place: deref(r.Location), Body: deref(r.Description), Span: sp},
			Scope: scope,
		}
		if r.ID != "" {
			e.Ref = school.Ref(prefix + "/" + string(r.ID))
		}
		if title, ok := strings.CutPrefix(e.Title, cancelled); ok {
			e.Title, e.Status = title, school.StatusCancelled
		}
		events = append(events, e)
	}
	return events, skipped
}

// translateBookings translates the child's own schedule. What is booked for a
// time and not called off is expected of the guardian.
func translateBookings(rows []wireEvent) (events []school.Event, skipped int) {
	events, skipped = translateEvents(rows, "", school.ScopeChild)
	for i, e := range events {
		events[i].Ref = "" // the platform's ids are all alike here
		events[i].Busy = !e.Span.AllDay && e.Status == school.StatusConfirmed
	}
	return events, skipped
}

// letter is a letter of the list, before its full text is read.
type letter struct {
	school.NewsItem

	id     string // the platform's key, without the child's
	banner string
	alt    string
}

// translateLetters translates the list of letters, newest change first. Those
// without an id, a date or the field for the title are counted and left out.
func translateLetters(rows []wireNews, child pupil) (letters []letter, skipped int) {
	for _, r := range rows {
		l, ok := translateLetter(r, child)
		if !ok {
			skipped++
			continue
		}
		letters = append(letters, l)
	}
	slices.SortStableFunc(letters, func(a, b letter) int { return b.Modified.Compare(a.Modified) })
	return letters, skipped
}

func translateLetter(r wireNews, child pupil) (letter, bool) {
	published, ok := parseMoment(r.Published)
	if !ok {
		// The human date is in Stockholm's wall clock and to the minute.
		published, ok = parseMoment(r.PublishedSE)
	}
	if !ok || r.ID == "" || !r.Header.there {
		return letter{}, false
	}
	l := letter{id: r.ID, banner: strings.TrimSpace(deref(r.BannerURL)), alt: strings.TrimSpace(deref(r.Alt))}
	l.NewsItem = school.NewsItem{
		// The same letter may go to siblings; it is one letter for each.
		Ref:   school.Ref(child.id() + "/" + r.ID),
		Title: r.Header.text, Author: deref(r.Author), Source: deref(r.Source),
		Summary: respace(deref(r.Preamble)), HTML: deref(r.Body), Published: published.instant(),
	}
	l.Modified = l.Published
	if modified, ok := parseMoment(r.Modified); ok && modified.instant().After(l.Published) {
		l.Modified = modified.instant()
	}
	return l, true
}

// instant returns the moment, or the beginning of its day.
func (m moment) instant() time.Time {
	if m.timed {
		return m.at
	}
	return m.day.Start(school.Stockholm())
}

// joint is where the platform joined two paragraphs without a blank.
var joint = regexp.MustCompile(`([.,!?])(\p{L})`)

// respace puts the blanks back that the platform lost.
func respace(s string) string { return joint.ReplaceAllString(s, "$1 $2") }

// noAlt is what the platform says of pictures that nobody described.
const noAlt = "Nyhetsbild. Bildtext ej tillgänglig."

// picture returns the file name of the letter's own picture; empty for none
// and for the platform's stock picture, whose address is a relative path.
func (l letter) picture() string {
	if l.banner == "" || strings.Contains(l.banner, "../") {
		return ""
	}
	return l.banner
}

// media is the letter's own picture, read or absent.
func (l letter) media(data []byte, mediaType string, why school.Absence) school.Media {
	m := school.Media{Ref: school.Ref(l.banner), Name: path.Base(l.banner), Type: mediaType, Alt: l.alt, Data: data, Absent: why}
	if m.Alt == noAlt {
		m.Alt = ""
	}
	return m
}

// translateNotices translates a child's notices, newest first. Those without
// an id or a date are counted and left out. Nothing is kept of the recipient,
// who is a personal number.
func translateNotices(rows []wireNotice) (notices []school.Notice, skipped int) {
	for _, r := range rows {
		m := r.Inner.Messages.Message
		id := m.ID
		if id == "" {
			id = r.Notification.ID
		}
		sent, ok := parseMoment(m.Time)
		if !ok {
			sent, ok = parseMoment(r.Notification.Created)
		}
		if id == "" || !ok {
			skipped++
			continue
		}
		notices = append(notices, school.Notice{
			Ref: school.Ref(id), Title: subject(r), Text: deref(m.Text), Sender: deref(m.Sender.Name),
			URL: secure(deref(m.Link)), Sent: sent.instant(),
		})
	}
	slices.SortStableFunc(notices, func(a, b school.Notice) int { return b.Sent.Compare(a.Sent) })
	return notices, skipped
}

// subject is what the notice is about: it stands in the JSON inside the JSON
// only. Without it the sender has to do.
func subject(r wireNotice) string {
	var inner wireNoticeText
	if json.Unmarshal([]byte(deref(r.Notification.Message)), &inner) == nil {
		if s := strings.TrimSpace(deref(inner.Messages.Message.Subject)); s != "" {
			return s
		}
	}
	return deref(r.Inner.Messages.Message.Sender.Name)
}

// secure returns an address if it is an https one.
func secure(addr string) string {
	addr = strings.TrimSpace(addr)
	if u, err := url.Parse(addr); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return addr
}
