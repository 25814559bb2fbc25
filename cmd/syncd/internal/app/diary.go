package app

import (
	"context"
	"time"

	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

// sessions sums up an account's diary.
func (a *App) sessions(ctx context.Context, id school.AccountID) (web.SessionsView, error) {
	stays, err := a.cfg.DB.Diary(ctx, id)
	if err != nil {
		return web.SessionsView{}, err
	}
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
	return out, nil
}

// sessionsJSON is what scripts are told of an account's sessions.
type sessionsJSON struct {
	Ended   int                     `json:"ended"`
	Average int                     `json:"average_seconds"` // of those that ended
	Rungs   map[school.Rung]int     `json:"by_rung"`         // the living one too
	Causes  map[school.EndCause]int `json:"by_cause"`
}

func jsonSessions(v web.AccountView) *sessionsJSON {
	if v.Open {
		return nil
	}
	return &sessionsJSON{
		Ended: v.Sessions.Ended, Average: int(v.Sessions.Average.Seconds()), Rungs: v.Sessions.Rungs, Causes: v.Sessions.Causes,
	}
}
