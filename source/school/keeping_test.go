package school_test

import (
	"errors"
	"testing"
	"time"

	"syncd/source/school"
)

func TestRenewalIsReadAndWritten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "  ": "", "sunday 19:30": "sunday 19:30", " Sunday  9:05 ": "sunday 09:05", "DAILY 00:00": "daily 00:00",
		"saturday 23:59": "saturday 23:59",
	} {
		r, err := school.ParseRenewal(in)
		if err != nil || r.String() != want {
			t.Errorf("%q is read as %q, %v", in, r, err)
		}
		if again, err := school.ParseRenewal(r.String()); err != nil || again != r {
			t.Errorf("%q is read again as %q, %v", r, again, err)
		}
	}
	for _, in := range []string{"sunday", "19:30", "söndag 19:30", "sunday 24:00", "sunday 19:60", "sunday 19:3", "sunday -1:30", "sunday 19:30 x", "sunday 019:30", "sunday +1:30"} {
		if r, err := school.ParseRenewal(in); !errors.Is(err, school.ErrRenewal) {
			t.Errorf("%q is read as %q, %v", in, r, err)
		}
	}
}

func TestKeepingHasBounds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		k    school.Keeping
		want error
	}{
		{school.Keeping{}, nil},
		{school.Keeping{Ping: school.MinPing, MaxAge: school.MinMaxAge}, nil},
		{school.Keeping{Ping: school.MaxPing, MaxAge: school.MaxMaxAge}, nil},
		{school.Keeping{Ping: school.MinPing - 1, MaxAge: time.Hour}, school.ErrPing},
		{school.Keeping{Ping: -time.Hour, MaxAge: time.Hour}, school.ErrPing},
		{school.Keeping{Ping: school.MaxPing + 1, MaxAge: 100 * time.Hour}, school.ErrPing},
		{school.Keeping{Ping: time.Hour}, school.ErrMaxAge},
		{school.Keeping{Ping: 2 * time.Hour, MaxAge: time.Hour}, school.ErrMaxAge},
		{school.Keeping{Ping: time.Hour, MaxAge: school.MaxMaxAge + 1}, school.ErrMaxAge},
		{school.Keeping{Renewal: school.Renewal{Set: true, Weekday: 7}}, school.ErrRenewal},
		{school.Keeping{Renewal: school.Renewal{Set: true, Hour: 24}}, school.ErrRenewal},
	} {
		if err := tc.k.Check(); !errors.Is(err, tc.want) {
			t.Errorf("%+v: %v, want %v", tc.k, err, tc.want)
		}
	}
}

func TestRenewalAsks(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	// Sunday 25 October 2026 is when the clocks are put back.
	at := func(s string) time.Time {
		tm, err := time.ParseInLocation("2006-01-02 15:04", s, loc)
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	for _, tc := range []struct{ plan, now, signedIn, since, next string }{
		{"sunday 19:30", "2026-10-25 19:29", "2026-10-20 08:00", "", "2026-10-25 19:30"},
		{"sunday 19:30", "2026-10-25 19:30", "2026-10-20 08:00", "2026-10-25 19:30", "2026-11-01 19:30"},
		{"sunday 19:30", "2026-10-26 19:29", "2026-10-20 08:00", "2026-10-25 19:30", "2026-11-01 19:30"},
		{"sunday 19:30", "2026-10-26 19:30", "2026-10-20 08:00", "", "2026-11-01 19:30"},
		{"sunday 19:30", "2026-10-25 20:00", "2026-10-25 19:40", "", "2026-11-01 19:30"},
		{"sunday 19:30", "2026-10-25 20:00", "2026-10-25 09:00", "", "2026-11-01 19:30"},
		{"sunday 03:30", "2026-10-25 12:00", "2026-10-20 08:00", "2026-10-25 03:30", "2026-11-01 03:30"},
		{"sunday 02:30", "2026-03-29 12:00", "2026-03-20 08:00", "2026-03-29 03:30", "2026-04-05 02:30"},
		{"daily 07:15", "2026-10-25 07:15", "2026-10-24 07:20", "2026-10-25 07:15", "2026-10-26 07:15"},
		{"daily 07:15", "2026-10-25 16:00", "2026-10-24 07:20", "", "2026-10-26 07:15"},
		{"daily 07:15", "2026-10-25 06:00", "2026-10-24 07:20", "", "2026-10-25 07:15"},
		{"", "2026-10-25 06:00", "2026-10-24 07:20", "", ""},
	} {
		r, err := school.ParseRenewal(tc.plan)
		if err != nil {
			t.Fatal(err)
		}
		var since, next time.Time
		if tc.since != "" {
			since = at(tc.since)
		}
		if tc.next != "" {
			next = at(tc.next)
		}
		got, asks := r.Asks(at(tc.now), at(tc.signedIn), loc)
		if !got.Equal(since) || asks != (tc.since != "") {
			t.Errorf("%s at %s: asks %t since %v, want %v", tc.plan, tc.now, asks, got, since)
		}
		if got := r.Next(at(tc.now), loc); !got.Equal(next) {
			t.Errorf("%s at %s: next %v, want %v", tc.plan, tc.now, got, next)
		}
	}
	if _, asks := (school.Renewal{Set: true, Daily: true}).Asks(at("2026-10-25 01:00"), time.Time{}, loc); !asks {
		t.Error("who is not known to have signed in is not asked")
	}
}
