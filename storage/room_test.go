package storage_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// TestMediaHaveABound fills the room for pictures: what is new takes the place
// of what the oldest letters brought, whoever's they are, and the letters stay.
func TestMediaHaveABound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child", "other")
	storage.SetMediaLimit(h.DB, 1000)
	with := func(uid string, days, size, pictures int) school.NewsItem {
		n := news(uid, days)
		for i := range pictures {
			n.Images = append(n.Images, school.Media{Ref: school.Ref(fmt.Sprint(uid, i)), Data: bytes.Repeat([]byte{byte(i), uid[0]}, size/2)})
		}
		return n
	}
	kept := func(when string, expected map[school.UID]int) {
		t.Helper()
		got, files := map[school.UID]int{}, 0
		for _, l := range h.letters() {
			got[l.UID] = 0
			for _, m := range l.Media {
				if m.Absent == school.AbsentNot {
					got[l.UID]++
					h.media(m.ID)
				} else {
					want(t, "reason "+when, m.Absent, school.AbsentRoom)
				}
			}
			files += got[l.UID]
			want(t, "named "+when, len(l.Media), map[school.UID]int{"old": 2, "b": 2, "new": 1, "older": 1}[l.UID])
		}
		want(t, "pictures "+when, got, expected)
		want(t, "files "+when, h.blobs(), files)
	}
	other := h.snapshot(since(100))
	other.Child = school.Child{Ref: "other", Name: "BarnB Test"}
	other.News = []school.NewsItem{with("old", 50, 300, 2)}
	h.apply(account, other)
	s := h.snapshot(since(100))
	s.News = []school.NewsItem{with("b", 10, 200, 2)}
	h.apply(account, s)
	kept("within the bound", map[school.UID]int{"old": 2, "b": 2})
	before, err := h.Revision(t.Context(), []school.ChildNumber{2}, nil)
	if err != nil {
		t.Fatal(err)
	}

	s.News = append(s.News, with("new", 5, 250, 1))
	h.apply(account, s)
	kept("beyond it", map[school.UID]int{"old": 1, "b": 2, "new": 1})
	if after, err := h.Revision(t.Context(), []school.ChildNumber{2}, nil); err != nil || after == before {
		t.Errorf("the feed that lost a picture is not made anew: %v", err)
	}

	// What is older than all that is there has no place, however often it is
	// read, and costs no write.
	s.News = append(s.News, with("older", 60, 300, 1))
	h.apply(account, s)
	kept("with an older letter", map[school.UID]int{"old": 1, "b": 2, "new": 1, "older": 0})
	file := h.inode(storage.CacheName)
	h.clock.Add(time.Hour)
	if c := h.apply(account, s); c.Any() {
		t.Errorf("the same once more = %v", counts(c))
	}
	if now := h.inode(storage.CacheName); file.ModTime() != now.ModTime() {
		t.Error("the same once more was written")
	}
	if c := h.apply(account, other); c.Any() {
		t.Errorf("the letter that lost a picture once more = %v", counts(c))
	}
	h.reopen()
	kept("after a restart", map[school.UID]int{"old": 1, "b": 2, "new": 1, "older": 0})
}
