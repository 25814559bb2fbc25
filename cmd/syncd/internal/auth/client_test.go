package auth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"syncd/cmd/syncd/internal/auth"
	"syncd/cmd/syncd/internal/text"
)

func TestClientOf(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]text.Client{
		"":                                     text.ClientOther,
		"iOS/17.5 (21F79) dataaccessd/1.0":     text.ClientApple,
		"macOS/14.5 (23F79) CalendarAgent/988": text.ClientApple,
		"Google-Calendar-Importer":             text.ClientGoogle,
		"Microsoft Office/16.0 (Windows NT 10.0)":                                      text.ClientOutlook,
		"Outlook-iOS/723.4027091.prod.iphone":                                          text.ClientOutlook,
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0": text.ClientThunderbird,
		"DAVx5/4.4.3-ose (dav4jvm; okhttp/4.12.0) Android/14":                          text.ClientDAVx5,
		"ICSx5/2.2.4 (ical4j/3.2.19) Android/14":                                       text.ClientICSx5,
		"HomeAssistant/2026.11.1 aiohttp/3.11":                                         text.ClientHomeAssistant,
		"NetNewsWire (RSS Reader; https://netnewswire.com/)":                           text.ClientReader,
		"newsboat/2.32 (Linux x86_64)":                                                 text.ClientReader,
		"Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)":    text.ClientReader,
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15":              text.ClientOther,
		"curl/8.5.0": text.ClientOther,
	} {
		if got := auth.ClientOf(agent); got != want {
			t.Errorf("ClientOf(%q) = %s, want %s", agent, got, want)
		}
	}
}

func FuzzClientOf(f *testing.F) {
	f.Add("iOS/17.5 (21F79) dataaccessd/1.0")
	f.Fuzz(func(t *testing.T, agent string) {
		if got := auth.ClientOf(agent); !slices.Contains(text.Clients(), got) {
			t.Errorf("ClientOf(%q) = %q, which is not on the list", agent, got)
		}
	})
}

func TestClientsTellWhoAsks(t *testing.T) {
	t.Parallel()
	var got text.Client
	h := auth.Clients(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = auth.ClientFrom(r.Context()) }))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("User-Agent", "ICSx5/2.2.4")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got != text.ClientICSx5 {
		t.Errorf("ClientFrom = %q, want %q", got, text.ClientICSx5)
	}
	if got := auth.ClientFrom(context.WithoutCancel(t.Context())); got != text.ClientOther {
		t.Errorf("ClientFrom without Clients = %q", got)
	}
}
