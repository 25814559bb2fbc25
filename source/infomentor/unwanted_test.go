package infomentor_test

import (
	"strings"
	"testing"

	"syncd/source/infomentor/infomentortest"
	"syncd/source/school"
)

// TestMemoryForgetsWhatIsUnwanted: what is remembered of children who
// were deleted goes with the next read.
func TestMemoryForgetsWhatIsUnwanted(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.login()
		f.read(s, f.plan())
		const files, marks = `"names":["`, `"modified"`
		remembered := func(what string) bool { return strings.Contains(string(s.Memory()), what) }
		if !remembered(files) || !remembered(marks) {
			f.t.Fatal("nothing is remembered")
		}
		plan := f.plan()
		plan.Unwanted = map[school.Ref][]school.Part{}
		for i := range f.world.Children() {
			plan.Unwanted[f.ref(i)] = school.Parts()
		}
		if k := f.read(s, plan); len(k.order) > 0 {
			f.t.Errorf("%d children were handed on", len(k.order))
		}
		if remembered(files) || remembered(marks) {
			f.t.Error("the session remembers children who were deleted")
		}
	})
}
