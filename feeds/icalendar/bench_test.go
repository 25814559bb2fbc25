package icalendar_test

import (
	"testing"

	"syncd/feeds/icalendar"
)

func BenchmarkCalendar1000(b *testing.B) {
	list := lessons(1000)
	b.ReportAllocs()
	for b.Loop() {
		data, _ := icalendar.Calendar(info("Åsa"), list, feedStyle())
		b.SetBytes(int64(len(data)))
	}
}

func BenchmarkBuild1000(b *testing.B) {
	list := lessons(1000)
	b.ReportAllocs()
	for b.Loop() {
		icalendar.Build(info("Åsa"), list, objectStyle(), feedStyle())
	}
}
