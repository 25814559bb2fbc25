package app

import (
	"time"

	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

// latest is how many sessions are shown one by one.
const latest = 10

// sessions sums up an account's diary.
func sessions(stays []school.Stay) web.SessionsView {
	out := web.SessionsView{Rungs: map[school.Rung]int{}, Causes: map[school.EndCause]int{}}
	var lived time.Duration
	for _, s := range stays {
		out.Rungs[s.Rung]++
		if !s.Ended.IsZero() {
			out.Ended++
			out.Causes[s.Cause]++
			lived += s.Lasted()
		}
	}
	if out.Ended > 0 {
		out.Average = (lived / time.Duration(out.Ended)).Round(time.Second)
	}
	out.SignIns, out.PerSignIn = perSignIn(stays)
	out.Latest = stays[:min(len(stays), latest)]
	return out
}

// perSignIn returns how many sign-ins of a person the platform has ended, and
// for how long each of them did on average, silent renewals included: until
// the platform last answered. Those that a guardian ended do not count.
func perSignIn(stays []school.Stay) (n int, average time.Duration) {
	var total time.Duration
	var last school.Stay // of the sign-in; the diary has its newest line first
	for i, s := range stays {
		if i == 0 || stays[i-1].Rung == school.RungPerson {
			last = s
		}
		if s.Rung != school.RungPerson || last.Ended.IsZero() {
			continue
		}
		switch last.Cause {
		case school.EndSignedOut, school.EndReplaced, school.EndNone:
			continue
		case school.EndIdle, school.EndAbsolute, school.EndRestart, school.EndUnknown:
		}
		n++
		total += last.Used.Sub(s.Began)
	}
	if n > 0 {
		average = (total / time.Duration(n)).Round(time.Second)
	}
	return n, average
}

// sessionsJSON is what scripts are told of an account's sessions.
type sessionsJSON struct {
	Ended   int                     `json:"ended"`
	Average int                     `json:"average_seconds"` // of those that ended
	Rungs   map[school.Rung]int     `json:"by_rung"`         // the living one too
	Causes  map[school.EndCause]int `json:"by_cause"`
	// Of sign-ins that the platform has ended, with all their silent renewals.
	SignIns   int `json:"sign_ins_ended"`
	PerSignIn int `json:"average_seconds_per_sign_in"`
}

func jsonSessions(v web.AccountView) *sessionsJSON {
	if v.Open {
		return nil
	}
	return &sessionsJSON{
		Ended: v.Sessions.Ended, Average: int(v.Sessions.Average.Seconds()), Rungs: v.Sessions.Rungs, Causes: v.Sessions.Causes,
		SignIns: v.Sessions.SignIns, PerSignIn: int(v.Sessions.PerSignIn.Seconds()),
	}
}
