package infomentor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/school"
)

// The platform's own calendar address needs no session. It is read when there
// is none, where the guardian wants it, and brings only what the Hub has not
// shown: entries are joined by title and time, for their ids are not known to
// be the Hub's.

var _ source.Sparer = (*adapter)(nil)

// shown is an entry of the Hub's calendar, as far as it tells one entry from
// another.
type shown struct {
	Ref   school.Ref `json:"r"`
	Title string     `json:"t"` // a hash
	Start string     `json:"s"` // Stockholm's wall clock, as [wall] writes it
	End   string     `json:"e"`
}

// shownAs returns what is noted of an entry. The wall clock is all that the
// Hub says: in the hour that comes twice it leaves open which one it means.
func shownAs(ref school.Ref, title string, span school.Span) shown {
	start, end := span.Bounds(school.Stockholm())
	return shown{Ref: ref, Title: titleSum(title), Start: wall(start, span.AllDay), End: wall(end, span.AllDay)}
}

// wall writes a moment so that texts sort as moments do; one at which a whole
// day begins or ends has no time.
func wall(t time.Time, day bool) string {
	if day {
		return t.In(school.Stockholm()).Format(time.DateOnly)
	}
	return t.In(school.Stockholm()).Format("2006-01-02T15:04:05")
}

// spare is what is kept for the time without a session.
type spare struct {
	Version  int          `json:"v"`
	Children []spareChild `json:"children"`
}

type spareChild struct {
	ID      pupilID `json:"id"`
	Address string  `json:"address"`
	Shown   []shown `json:"shown"`
}

// show notes what the Hub's calendar shows in a window, for the time without a
// session.
func (b *builder) show(events []school.Event, w school.Window) {
	if !b.a.wants(SettingCalendarAddress) {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(b.state.Shown[b.p.id].Entries), func(s shown) bool {
		return s.Start < w.To.String() && (s.End > w.From.String() || s.Start >= w.From.String())
	})
	for _, e := range events {
		kept = append(kept, shownAs(e.Ref, e.Title, e.Span))
	}
	b.shown = &shownList{Entries: kept[max(0, len(kept)-maxShown):]}
}

// maxShown bounds what is noted of one child's calendar.
const maxShown = 2000

// shownList is what the Hub's calendar shows of one child.
type shownList struct {
	Entries []shown `json:"entries"`
}

func titleSum(title string) string {
	return sumOf(strings.ToLower(strings.Join(strings.Fields(title), " ")))
}

// forget drops the calendar addresses of an account whose guardian does not
// want them any more.
func (a *adapter) forget(m *memory) {
	if !a.wants(SettingCalendarAddress) {
		clear(m.Addresses)
		clear(m.Shown)
	}
}

// Spare implements [source.Sparer].
func (a *adapter) Spare(s *source.Session) []byte {
	st, err := decodeState(s, nil)
	if err != nil || !a.wants(SettingCalendarAddress) || len(st.Addresses) == 0 {
		return nil
	}
	out := spare{Version: stateVersion}
	for _, id := range slices.Sorted(maps.Keys(st.Addresses)) {
		if list, ok := st.Shown[id]; ok { // else it could not be told what is new
			out.Children = append(out.Children, spareChild{ID: id, Address: st.Addresses[id], Shown: list.Entries})
		}
	}
	data, err := json.Marshal(out)
	if err != nil || len(out.Children) == 0 {
		return nil
	}
	return data
}

// FetchSpare implements [source.Sparer]: one request for each child.
func (a *adapter) FetchSpare(ctx context.Context, data []byte, plan school.Plan, sink source.Sink) error {
	var sp spare
	if !a.wants(SettingCalendarAddress) || json.Unmarshal(data, &sp) != nil || sp.Version != stateVersion || len(sp.Children) == 0 {
		return fmt.Errorf("infomentor: fetch without a session: %w", source.ErrAbsent)
	}
	// No cookies: whoever has the address may read.
	c, err := fetch.New(a.cfg, fetch.Options{
		Allow: []fetch.Rule{{Method: http.MethodGet, Host: calendarHost, Path: pathCalendarFile + "*"}}, MaxBody: maxCalendar, UserAgent: agent,
	})
	if err != nil {
		return fmt.Errorf("infomentor: fetch without a session: %w", err)
	}
	var roster school.Roster
	for _, child := range sp.Children {
		roster.Children = append(roster.Children, school.Child{Ref: school.Ref(child.ID)})
	}
	if err := sink.Roster(ctx, roster); err != nil {
		return fmt.Errorf("infomentor: fetch without a session: %w", err)
	}
	if err := a.readAddresses(ctx, c, sp, plan, sink); err != nil {
		return fmt.Errorf("infomentor: fetch without a session: %w", err)
	}
	return nil
}

func (a *adapter) readAddresses(ctx context.Context, c *fetch.Client, sp spare, plan school.Plan, sink source.Sink) error {
	var trouble []error
	for _, child := range sp.Children {
		ref := school.Ref(child.ID)
		if !plan.WantsOf(ref, school.PartCalendar) {
			continue
		}
		snap, err := a.readAddress(ctx, c, child, plan)
		if err != nil {
			trouble = append(trouble, &source.PartError{Child: ref, Part: school.PartCalendar, Err: err})
			if ends(err) || ctx.Err() != nil {
				break
			}
			continue
		}
		if err := sink.Snapshot(ctx, snap); err != nil {
			trouble = append(trouble, err)
			break
		}
	}
	return errors.Join(trouble...)
}

// maxCalendar bounds what the address answers.
const maxCalendar = 4 << 20

func (a *adapter) readAddress(ctx context.Context, c *fetch.Client, child spareChild, plan school.Plan) (school.Snapshot, error) {
	addr := calendarAddress(child.Address)
	if addr == "" {
		return school.Snapshot{}, source.ErrAbsent
	}
	resp, err := c.Do(ctx, fetch.Request{
		URL: strings.Replace(addr, "webcal://", "https://", 1), Raw: true, Header: http.Header{"Accept": {"text/calendar, */*;q=0.1"}},
	})
	if err == nil {
		err = c.Judge(resp)
	}
	if err != nil {
		return school.Snapshot{}, err
	}
	if resp.Status != http.StatusOK {
		return school.Snapshot{}, fmt.Errorf("calendar address: status %d: %w", resp.Status, source.ErrNotUnderstood)
	}
	entries, err := readCalendarFile(resp.Body)
	if err != nil {
		return school.Snapshot{}, err
	}
	snap := school.Snapshot{
		Platform: ID, Child: school.Child{Ref: school.Ref(child.ID)}, Taken: a.cfg.Now(), Skipped: map[school.Part]int{},
	}
	for _, e := range news(child.Shown, entries) {
		if plan.Window.Overlaps(e.Span, school.Stockholm()) {
			snap.Calendar = append(snap.Calendar, e)
		}
	}
	return snap, nil
}

// news returns what entries hold beyond what was shown. One with the title and
// the time of something shown is that. One whose title was shown once, at a
// time at which it is not any more, has moved and keeps its identity.
func news(list []shown, entries []fileEntry) []school.Event {
	left := slices.Clone(list)
	var rest []fileEntry
	for _, e := range entries {
		this := shownAs("", e.title, e.span)
		i := slices.IndexFunc(left, func(s shown) bool { return s.Title == this.Title && s.Start == this.Start && s.End == this.End })
		if i >= 0 {
			left = slices.Delete(left, i, i+1)
			continue
		}
		rest = append(rest, e)
	}
	var out []school.Event
	for _, e := range rest {
		if e.cancelled {
			continue // what was never shown has not to be called off
		}
		sum := titleSum(e.title)
		event := school.Event{
			Item:  school.Item{Ref: school.Ref("ics/" + e.uid), Title: e.title, Place: e.place, Body: e.body, Span: e.span},
			Scope: school.ScopeSchool,
		}
		same := func(s shown) bool { return s.Title == sum }
		again := func(o fileEntry) bool { return titleSum(o.title) == sum }
		if count(left, same) == 1 && count(rest, again) == 1 {
			event.Ref = left[slices.IndexFunc(left, same)].Ref
		}
		out = append(out, event)
	}
	return out
}

func count[T any](list []T, is func(T) bool) int {
	n := 0
	for _, v := range list {
		if is(v) {
			n++
		}
	}
	return n
}
