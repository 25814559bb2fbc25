package view

import (
	"slices"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// bring says in the link's language what the entries about things to bring
// are about: their own titles are the subjects, as the school writes them.
func bring(in []school.Entry, w *text.Words) []school.Entry {
	out := slices.Clone(in)
	for i := range out {
		if out[i].Kind == school.KindKit {
			out[i].Title = w.One(school.KindKit) + ": " + out[i].Title
		}
	}
	return out
}
