package school

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Keeping is what a guardian chose about keeping an account's session, beyond
// what holds anyway: that it is used by the reads that are due. The zero value
// chooses nothing.
type Keeping struct {
	// Ping is after how long without a request to the platform one is made only
	// so that the session does not end for want of use, at night too; 0: never.
	Ping time.Duration
	// MaxAge is for how long after a person signed in that is done; whole when
	// Ping is.
	MaxAge time.Duration
	// Renewal is when the guardian wants to be asked to sign in anew, whether
	// or not the session still lives.
	Renewal Renewal
}

// The bounds of a [Keeping].
const (
	MinPing   = 15 * time.Minute
	MaxPing   = 12 * time.Hour
	MinMaxAge = time.Hour
	MaxMaxAge = 31 * 24 * time.Hour
	// UsualMaxAge is for who does not say.
	UsualMaxAge = 3 * 24 * time.Hour
)

// Why a [Keeping] will not do.
var (
	ErrPing    = errors.New("a ping is made every 15 minutes to 12 hours")
	ErrMaxAge  = errors.New("pings end 1 hour to 31 days after somebody signed in, and later than one after another")
	ErrRenewal = errors.New(`a planned sign-in is written like "sunday 19:30" or "daily 07:15"`)
)

// Check returns why k will not do: [ErrPing], [ErrMaxAge] or [ErrRenewal];
// nil when it will.
func (k Keeping) Check() error {
	switch {
	case k.Ping != 0 && (k.Ping < MinPing || k.Ping > MaxPing):
		return ErrPing
	case k.Ping != 0 && (k.MaxAge < MinMaxAge || k.MaxAge > MaxMaxAge || k.MaxAge < k.Ping):
		return ErrMaxAge
	case k.Renewal.Set && !k.Renewal.whole():
		return ErrRenewal
	}
	return nil
}

// Renewal is a time of the week, or of every day, by the wall clock. The zero
// value is none.
type Renewal struct {
	Set     bool
	Daily   bool
	Weekday time.Weekday // unless Daily
	Hour    int
	Minute  int
}

func (r Renewal) whole() bool {
	return r.Weekday >= time.Sunday && r.Weekday <= time.Saturday && r.Hour >= 0 && r.Hour < 24 && r.Minute >= 0 && r.Minute < 60
}

const daily = "daily"

// ParseRenewal reads what [Renewal.String] writes: an English day of the week
// or "daily", a blank, and hours and minutes. Nothing at all is none. The
// error is [ErrRenewal].
func ParseRenewal(s string) (Renewal, error) {
	words := strings.Fields(strings.ToLower(s))
	if len(words) == 0 {
		return Renewal{}, nil
	}
	if len(words) != 2 {
		return Renewal{}, ErrRenewal
	}
	hour, minute, ok := strings.Cut(words[1], ":")
	if !ok || len(hour) > 2 || len(minute) != 2 {
		return Renewal{}, ErrRenewal
	}
	h, errH := strconv.ParseUint(hour, 10, 8)
	m, errM := strconv.ParseUint(minute, 10, 8)
	r := Renewal{Set: true, Daily: words[0] == daily, Hour: int(h), Minute: int(m)}
	known := r.Daily
	for d := time.Sunday; d <= time.Saturday; d++ {
		if words[0] == strings.ToLower(d.String()) {
			r.Weekday, known = d, true
		}
	}
	if errH != nil || errM != nil || !known || !r.whole() {
		return Renewal{}, ErrRenewal
	}
	return r, nil
}

// String implements [fmt.Stringer]: "sunday 19:30", "daily 07:15", "" for none.
func (r Renewal) String() string {
	switch {
	case !r.Set:
		return ""
	case r.Daily:
		return fmt.Sprintf("%s %02d:%02d", daily, r.Hour, r.Minute)
	}
	return fmt.Sprintf("%s %02d:%02d", strings.ToLower(r.Weekday.String()), r.Hour, r.Minute)
}

// Last returns the newest of its moments that is not after now; zero for none.
// The wall clock is that of loc.
func (r Renewal) Last(now time.Time, loc *time.Location) time.Time {
	return r.near(now, loc, 0, -1)
}

// Next returns the first of its moments after now; zero for none.
func (r Renewal) Next(now time.Time, loc *time.Location) time.Time {
	return r.near(now, loc, -1, 1)
}

// near looks for a moment day by day, from one day on in one direction.
func (r Renewal) near(now time.Time, loc *time.Location, from, step int) time.Time {
	if !r.Set {
		return time.Time{}
	}
	day := DateOf(now.In(loc)).AddDays(from)
	for range 10 { // a week, and the days around a change of the clocks
		at := day.At(r.Hour, r.Minute, loc)
		if (r.Daily || day.Weekday() == r.Weekday) && at.After(now) == (step > 0) {
			return at
		}
		day = day.AddDays(step)
	}
	return time.Time{}
}

// Until returns until when somebody is asked who is asked since then.
func (r Renewal) Until(since time.Time) time.Time { return since.Add(r.patience()) }

// patience is for how long after its moment somebody is asked to sign in, and
// how long before it a sign-in counts as the planned one.
func (r Renewal) patience() time.Duration {
	if r.Daily {
		return 8 * time.Hour
	}
	return 24 * time.Hour
}

// Asks reports whether now is a time at which somebody is asked to sign in who
// did so last at signedIn (zero: not known to have), and since when. Who does
// not follow is not asked again before the next moment, and loses nothing.
func (r Renewal) Asks(now, signedIn time.Time, loc *time.Location) (since time.Time, asks bool) {
	last := r.Last(now, loc)
	if last.IsZero() || now.Sub(last) >= r.patience() || signedIn.After(last.Add(-r.patience())) {
		return time.Time{}, false
	}
	return last, true
}
