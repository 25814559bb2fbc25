package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/source"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen/skolplattformentest"
	"syncd/storage"
	"syncd/storage/vault"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// runChild signs in and then reads a world that changes, again and again,
// until somebody kills the process. It writes one byte to standard output when
// the first read begins.
func runChild(dir string) error {
	ctx := context.Background()
	clk := newClock()
	if day, err := strconv.Atoi(os.Getenv(childDayEnv)); err == nil {
		clk.forward(time.Duration(day) * 24 * time.Hour) // each day has a budget of its own
	}
	world := schooltest.Family(now())
	fake := skolplattformentest.New(world, skolplattformentest.Options{Now: clk.now})
	fake.SSO().Phone().Auto(skolplattformentest.Persons(world)[0], 0)
	data := filepath.Join(dir, "data")
	keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: data})
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	db, err := storage.Open(ctx, storage.Options{Dir: data, Keys: keys, Now: clk.now, Log: log})
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Config{
		DB: db, DataDir: data, BaseURL: "http://localhost:1", Platforms: app.Platforms(), Now: clk.now, Log: log,
		Transport: announcer{fake},
	})
	if err != nil {
		return err
	}
	go func() { _ = a.Run(ctx, quietListener{}) }()
	if err := a.Join(ctx, "skolplattformen", nil, source.BankIDQR); err != nil {
		return err
	}
	for n := 0; ; n++ {
		c := world.Children()[n%3]
		world.AddBooking(c.Key, school.Event{Item: school.Item{
			Title: fmt.Sprintf("%s %d", extra, n), Span: school.Timed(now().Add(time.Duration(n)*time.Hour), now().Add(time.Duration(n+1)*time.Hour)),
		}})
		if _, err := a.ReadAll(ctx); err != nil {
			return err
		}
	}
}

// extra begins the titles of bookings that only one run knows.
const extra = "Tillskott"

// announcer passes requests on and writes a byte when the children are asked
// for.
type announcer struct{ next http.RoundTripper }

func (a announcer) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/GetChildren") {
		fmt.Print(".")
	}
	return a.next.RoundTrip(r)
}
