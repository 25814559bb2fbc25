package view

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
	"syncd/storage"
)

// note says that the data of an account are old, that a planned sign-in is
// due, or that the address will end. It is one incident: from StaleAfter after the last successful read until
// the next one, or from the planned moment until somebody signed in or the
// patience has an end.
type note struct {
	uid     school.UID
	origins []origin  // whose data are old
	since   time.Time // of the data; of several children the oldest
	begins  time.Time // of the note
	changed time.Time // when its words did; not before it begins
	problem school.Problem
	planned school.Renewal // set: it is about this, and not about old data
	ends    time.Time      // set: it is about the end of the address, and not about data
}

// notes are what a calendar or feed has to say about its address and about the
// age of its data, and when that has to be looked at again; zero when time
// alone changes nothing.
func (v *Views) notes(ctx context.Context, s scope, slug string, parts []part, now time.Time) (out []note, until time.Time, err error) {
	if n := v.ending(s.link, slug); now.Before(n.begins) {
		until = n.begins
	} else if !n.ends.IsZero() {
		out = append(out, n)
	}
	if s.link.Options.Quiet {
		return out, until, nil
	}
	all, err := v.cfg.Store.Freshness(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	for _, f := range all {
		if !concerns(f, parts) {
			continue
		}
		n, turns := v.asked(f, slug, now)
		until = sooner(until, turns)
		if n.planned.Set && !slices.ContainsFunc(out, func(o note) bool { return o.uid == n.uid }) {
			out = append(out, n)
		}
		n, turns = v.stale(f, slug, now)
		until = sooner(until, turns)
		if n.since.IsZero() {
			continue
		}
		if at := slices.IndexFunc(out, n.same); at >= 0 {
			out[at] = out[at].with(n)
			continue
		}
		out = append(out, n)
	}
	return out, until, nil
}

// origin is an account, and where it reads.
type origin struct {
	account  school.AccountID
	platform school.PlatformID
}

// same reports whether two notes about old data are of one incident: of
// children of one account, which are read one after the other, or of one read
// of a platform, which two guardians' accounts stand for.
func (n note) same(o note) bool {
	return slices.ContainsFunc(n.origins, func(a origin) bool {
		return slices.ContainsFunc(o.origins, func(b origin) bool {
			return a == b || a.platform == b.platform && n.since.Equal(o.since)
		})
	})
}

// with is the note about both: that of the oldest data, which was there first.
func (n note) with(o note) note {
	origins := slices.Concat(n.origins, o.origins)
	if o.since.Before(n.since) {
		n = o
	}
	n.origins = origins
	return n
}

// sooner is the earlier of two moments, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// stale is the note about an account's old data, if they are old, and when
// this changes.
func (v *Views) stale(f storage.Freshness, slug string, now time.Time) (n note, turns time.Time) {
	begins := f.LastSuccess.Add(v.cfg.StaleAfter)
	if now.Before(begins) {
		return note{}, begins
	}
	h := sha256.Sum256(fmt.Appendf(v.cfg.FeedID[:], "%s/%s/%d", slug, f.Account, f.LastSuccess.Unix()))
	n = note{
		uid: school.UID("note-" + hex.EncodeToString(h[:12])), origins: []origin{{f.Account, f.Platform}},
		since: f.LastSuccess, begins: begins, changed: latest(begins, f.Advised), problem: f.State.Advice(f.Problem),
	}
	return n, school.DateOf(now).AddDays(1).Start(v.loc)
}

// asked is the note about an account's planned sign-in, if that is due, and
// when this changes; zero when it does not.
func (v *Views) asked(f storage.Freshness, slug string, now time.Time) (n note, turns time.Time) {
	if f.State != school.Active || !f.Renewal.Set {
		return note{}, time.Time{}
	}
	since, asks := f.Renewal.Asks(now, f.SignedIn, v.loc)
	if !asks {
		return note{}, f.Renewal.Next(now, v.loc)
	}
	h := sha256.Sum256(fmt.Appendf(v.cfg.FeedID[:], "planned/%s/%s/%d", slug, f.Account, since.Unix()))
	turns = school.DateOf(now).AddDays(1).Start(v.loc)
	if until := f.Renewal.Until(since); until.Before(turns) {
		turns = until
	}
	return note{uid: school.UID("note-" + hex.EncodeToString(h[:12])), begins: since, changed: since, planned: f.Renewal}, turns
}

// concerns reports whether an account's data stand in one of the parts.
func concerns(f storage.Freshness, parts []part) bool {
	return slices.ContainsFunc(parts, func(p part) bool {
		if p.child != f.Child {
			return false
		}
		switch p.kind {
		case school.KindDay, school.KindKit:
			return slices.Contains(f.Kinds, school.KindLessons)
		case school.KindChanges, school.KindAll, school.KindFamily:
			return true
		default:
			return slices.Contains(f.Kinds, p.kind)
		}
	})
}

// mark changes whenever what the note says in a calendar does.
func (n note) mark(now time.Time) string {
	if !n.ends.IsZero() {
		return string(n.uid)
	}
	return fmt.Sprint(n.uid, "/", n.problem, "/", n.changed.Unix(), "/", school.DateOf(now))
}

// entry is the note in a calendar: on today, all day.
func (n note) entry(w *text.Words, page string, now time.Time) school.Entry {
	today := school.DateOf(now)
	title, body := n.words(w)
	if !n.ends.IsZero() {
		return school.Entry{
			UID: n.uid, Kind: school.KindEvents, Title: title, Body: body, Span: n.days(now.Location()),
			Created: n.begins.UTC(), Modified: n.begins.UTC(),
		}
	}
	changed := latest(n.changed, today.Start(now.Location()))
	return school.Entry{
		UID: n.uid, Kind: school.KindEvents, Title: title, Body: body, URL: page + "/", Span: school.AllDay(today, today),
		Created: n.begins.UTC(), Modified: changed.UTC(),
		Sequence: int(changed.Sub(n.begins) / time.Second), // grows with each day and each change of words
	}
}

// letter is the note in a feed.
func (n note) letter(w *text.Words, page string) school.Letter {
	title, body := n.words(w)
	return school.Letter{
		UID: n.uid, Kind: school.KindNotices, Title: title, Summary: body, Author: w.Product, URL: page + "/",
		Published: n.begins.UTC(), Updated: n.changed.UTC(), FirstSeen: n.begins.UTC(),
	}
}

func (n note) words(w *text.Words) (title, body string) {
	if !n.ends.IsZero() {
		return w.Subscribed.Ends.With(w.At(n.ends.Add(-time.Second))), w.Subscribed.EndsLead
	}
	if n.planned.Set {
		return w.Keeping.Asked.With(w.Moment(n.planned)), w.Keeping.AskedLead
	}
	since := w.At(n.since)
	advice := w.Problem(n.problem)
	return w.Subscribed.Stale.With(since), w.Subscribed.Late.With(since) + "\n" + advice.Sentence + " " + advice.Remedy
}
