package view_test

import (
	"testing"
	"time"

	"syncd/source/school"
)

// TestAllIsNoMoreThanTheLinkShows makes links as the guardians' page does: with
// the collections beside the kinds that were chosen.
func TestAllIsNoMoreThanTheLinkShows(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for name, kinds := range map[string][]school.Kind{
		"news":    {school.KindEvents, school.KindFamily, school.KindNews, school.KindAll},
		"changes": {school.KindEvents, school.KindFamily, school.KindChanges, school.KindAll},
		"all":     {school.KindAll},
		"any":     nil,
	} {
		h.link(name, func(l *school.Link) { l.Kinds = kinds })
	}
	h.read(nil)
	h.clock.Add(time.Hour)
	h.read(func(s *school.Snapshot) {
		s.Timetable[20*5+1].Place = "Sal A3"
		s.Calendar[0].Title = "Utflykt till Skansen"
	})
	const (
		letter = "Veckobrev"
		event  = "Utflykt tors 8 okt 09:00 heter nu Utflykt till Skansen"
		lesson = "Matte tis 6 okt 08:00: Sal l100-1 → Sal A3"
	)
	for link, all := range map[string][]string{
		"news":    {letter},
		"changes": {event},
		"all":     {lesson, event, letter},
		"any":     {lesson, event, letter},
	} {
		want(t, link, titles(h.feed(link, "1-all")), all)
		for i := range all {
			all[i] = "BarnA: " + all[i]
		}
		want(t, link+" of the family", titles(h.feed(link, "0-all")), all)
	}
}
