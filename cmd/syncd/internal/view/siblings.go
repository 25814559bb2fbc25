package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// merged makes one letter of those that several children of the family got
// word for word, as a school sends them to all homes, and puts before each
// title whom it is for. A letter that is for several is the one that was seen
// first, so that its identifier stays when a sibling's copy comes later. The
// names of those for whom it is stand in names, in the order of the children.
func (s scope) merged(letters []school.Letter, w *text.Words) (out []school.Letter, names map[school.UID][]string) {
	groups := map[string][]school.Letter{}
	for _, l := range letters {
		key := copyOf(l)
		groups[key] = append(groups[key], l)
	}
	names = map[school.UID][]string{}
	for _, l := range letters {
		group := groups[copyOf(l)]
		first := slices.MinFunc(group, func(a, b school.Letter) int {
			return cmp.Or(a.FirstSeen.Compare(b.FirstSeen), cmp.Compare(a.UID, b.UID), cmp.Compare(a.Child, b.Child))
		})
		if first.UID != l.UID || first.Child != l.Child {
			continue
		}
		var who []string
		for _, c := range s.children {
			if slices.ContainsFunc(group, func(l school.Letter) bool { return l.Child == c.Number }) {
				who = append(who, firstName(c))
			}
		}
		if len(who) > 1 {
			names[l.UID] = who
		} else {
			who = []string{l.ChildName}
		}
		l.Title = w.List(who) + ": " + l.Title
		out = append(out, l)
	}
	return out, names
}

// copyOf is the same for letters that are copies of one another. A change is
// about one child's own day and has no copy.
func copyOf(l school.Letter) string {
	if l.Kind == school.KindChanges {
		return string(l.UID)
	}
	fields := []string{
		string(l.Kind), strconv.FormatInt(l.Published.Unix(), 10), l.Title, l.Author, l.Source, l.Summary, l.HTML,
	}
	for _, m := range l.Media {
		fields = append(fields, m.Name, m.Type, strconv.FormatInt(m.Length, 10), m.Text)
	}
	return strings.Join(fields, "\x00")
}
