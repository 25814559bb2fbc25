package school_test

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"syncd/source/school"
)

// The last Sunday of October has 25 hours in Stockholm; days do not mind.
func ExampleSpan_Bounds() {
	sunday := school.NewDate(2026, time.October, 25)
	start, end := school.AllDay(sunday, sunday).Bounds(school.Stockholm())
	fmt.Println(start, end.Sub(start))
	// Output:
	// 2026-10-25 00:00:00 +0200 CEST 25h0m0s
}

// Whatever could tell who somebody is stays out of logs and errors by itself.
func ExampleRef() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	child := school.Child{Ref: "201403120000", Name: "Alva"}
	log.Info("read", slog.Any("child", child))
	fmt.Printf("%v %s\n", child.Ref, child.Ref)
	// Output:
	// level=INFO msg=read child=[redacted]
	// [redacted] [redacted]
}
