package caldav

import "time"

// The bounds of [Work], for one rule and for one request.
const (
	MaxSteps = maxSteps
	AllSteps = allSteps
)

// Work works out rules that begin at start from one time up to another, as one
// request does, and returns how many steps it took, how many moments it found,
// and whether it gave up.
func Work(rules []string, start, from, to time.Time) (steps, found int, out bool) {
	e := newEffort()
	for _, text := range rules {
		r, ok := parseRule(text)
		if !ok {
			continue
		}
		r.each(start, from, to, nil, e, func(time.Time) bool {
			found++
			return true
		})
	}
	return allSteps - e.left, found, e.out
}
