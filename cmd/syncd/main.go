// Command syncd turns what a school platform shows a guardian into calendars
// and feeds, on the family's own machine. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // a container without a zone database still knows Stockholm

	"syncd/cmd/syncd/internal/app"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals // a second one: no patience left
		os.Exit(app.ExitError)
	}()
	os.Exit(run(ctx, os.Args[1:], Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Lookup: os.LookupEnv, Now: time.Now,
	}))
}
