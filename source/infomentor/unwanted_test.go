package infomentor_test

import (
	"strings"
	"testing"

	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
	"syncd/source/school"
)

// TestMemoryForgetsWhatIsUnwanted: what is remembered of children who
// were deleted goes with the next read.
func TestMemoryForgetsWhatIsUnwanted(t *testing.T) {
	bubble(t, infomentortest.Options{NoApps: true}, nil, func(f *family) {
		s := f.login()
		f.fake.Inject(faketest.Fault{Path: "communication/communication/appdata", Change: f.of(2, faketest.Set("pupilIM2Id", 0))})
		f.read(s, f.plan())
		const files, marks = `"names":["`, `"modified"`
		remembered := func(what string) bool { return strings.Contains(string(s.Memory()), what) }
		if !remembered(files) || !remembered(marks) || !remembered(`"bare":{"`) || !remembered(`"absent":{"`) {
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
		for i := range f.world.Children() {
			if remembered(string(f.ref(i))) {
				f.t.Errorf("child %d is remembered who was deleted", i+1)
			}
		}
	})
}
