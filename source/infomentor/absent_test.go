package infomentor_test

import (
	"fmt"
	"strconv"
	"testing"

	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// Files beyond the number that is read, one that is too large and one that the
// platform does not hand out are named with the reason, in their order.
func TestFilesThatAreNotRead(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		c := f.world.Children()[0]
		of := c.Letters[0].Ref
		const files = 23
		f.world.EditChild(c.Key, func(c *schooltest.Child) {
			c.Letters[0].Images, c.Files = nil, nil
			for i := range files {
				c.Files = append(c.Files, schooltest.File{Of: of, Media: school.Media{
					Name: fmt.Sprintf("blad %d.pdf", i), Type: "application/pdf", Data: fmt.Appendf(nil, "%%PDF-1.4 %d", i),
				}})
			}
		})
		download := func(n int) string { return "/Download/" + strconv.Itoa(infomentortest.ResourceID("file", of, n)) }
		f.fake.Inject(faketest.Fault{Path: download(3), Change: faketest.Huge(30<<20, "%PDF", "")})
		f.fake.Inject(faketest.Fault{Path: download(5), Change: faketest.Empty()})
		k := f.read(f.login(), f.plan(school.PartNews))
		for _, n := range k.snapshots[f.ref(0)].News {
			if n.Title != c.Letters[0].Title {
				continue
			}
			if len(n.Files) != files {
				t.Fatalf("%d files, want all %d", len(n.Files), files)
			}
			for i, m := range n.Files {
				want := school.AbsentNot
				switch {
				case i >= 20:
					want = school.AbsentNumber
				case i == 3:
					want = school.AbsentSize
				case i == 5:
					want = school.AbsentUnread
				}
				if m.Absent != want || (m.Data == nil) != (want != school.AbsentNot) || m.Name == "" || m.Ref == "" {
					t.Errorf("file %d is absent %q with %d bytes, want %q", i, m.Absent, len(m.Data), want)
				}
			}
			return
		}
		t.Error("the letter was not read")
	})
}
