package session

// Cause lets tests look at the rules by which an end is explained.
var Cause = cause

// Ladder lists the ladder as "step event step".
func Ladder() []string {
	steps := map[step]string{live: "live", renew: "renew", renewed: "renewed", person: "person", done: "done"}
	names := [events]string{"works", "over", "trouble", "replaced"}
	var out []string
	for at := live; at <= done; at++ {
		for e := range events {
			out = append(out, steps[at]+" "+names[e]+" "+steps[next(at, e)])
		}
	}
	return out
}
