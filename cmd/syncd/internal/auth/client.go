package auth

import (
	"context"
	"net/http"
	"strings"

	"syncd/cmd/syncd/internal/text"
)

// ClientOf returns the family of programs that a User-Agent belongs to. Only
// that is ever kept of it: the whole names a device, and by it a person.
func ClientOf(userAgent string) text.Client {
	agent := strings.ToLower(userAgent)
	for _, known := range []struct {
		family text.Client
		words  []string
	}{
		// In this order, because many also name a program they resemble.
		{text.ClientHomeAssistant, []string{"homeassistant", "home-assistant", "home assistant"}},
		{text.ClientDAVx5, []string{"davx5", "davdroid"}},
		{text.ClientICSx5, []string{"icsx5", "icsdroid"}},
		{text.ClientThunderbird, []string{"thunderbird", "lightning/"}},
		{text.ClientOutlook, []string{"outlook", "microsoft office", "microsoft.exchange", "microsoft-exchange", "exchangecalendar", "ms-office"}},
		{text.ClientReader, []string{
			"netnewswire", "reeder", "newsboat", "newsblur", "miniflux", "freshrss", "feedly", "feeder", "inoreader", "feedbin",
			"tiny tiny rss", "liferea", "akregator", "fluent reader", "rssguard", "readkit", "unread", "lire/", "feedparser",
			"capyreader", "readyou", "nextcloud-news", "folo", "rss", "atom",
		}},
		{text.ClientGoogle, []string{"google-calendar", "googlebot", "feedfetcher-google", "google.com"}},
		{text.ClientApple, []string{
			"dataaccessd", "calendaragent", "remindd", "accountsd", "calendarstore", "ios/", "macos/", "mac+os", "mac_os_x", "darwin/",
		}},
	} {
		for _, word := range known.words {
			if strings.Contains(agent, word) {
				return known.family
			}
		}
	}
	return text.ClientOther
}

type clientKey struct{}

// Clients tells next, by [ClientFrom], which family of programs is asking.
func Clients(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), clientKey{}, ClientOf(r.UserAgent()))))
	})
}

// ClientFrom returns what [Clients] found out, [text.ClientOther] when it was
// not asked.
func ClientFrom(ctx context.Context) text.Client {
	if c, ok := ctx.Value(clientKey{}).(text.Client); ok {
		return c
	}
	return text.ClientOther
}
