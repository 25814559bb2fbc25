package fetch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source"
	"syncd/source/internal/fetch"
)

// hang blocks until the request's context ends.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// drip is a body that never comes to its end.
type drip struct{ r *http.Request }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-d.r.Context().Done():
		return 0, d.r.Context().Err()
	case <-time.After(10 * time.Second):
		p[0] = 'x'
		return 1, nil
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for name, rt := range map[string]roundTrip{
		"no answer": hang,
		"slow body": func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, nil, "")
			resp.Body, resp.ContentLength = io.NopCloser(drip{r}), -1
			return resp, nil
		},
	} {
		for _, limit := range []time.Duration{0, 45 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				s := newSetup(rt)
				s.o.Timeout = limit
				began := time.Now()
				_, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/?" + canary})
				if !errors.Is(err, source.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "timeout") {
					t.Errorf("%s: Do() = %v, want ErrUnavailable", name, err)
				}
				want := limit
				if want == 0 {
					want = 30 * time.Second
				}
				if d := time.Since(began); d != want {
					t.Errorf("%s: gave up after %s, want %s", name, d, want)
				}
			})
		}
	}
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newSetup(hang).client(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Do(ctx, fetch.Request{URL: "https://a.example/"})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, source.ErrUnavailable) || time.Since(began) != time.Second {
			t.Errorf("Do() = %v after %s", err, time.Since(began))
		}
	})
}

func TestOneRequestAtATimePerHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := map[string]int{}
		most := map[string]int{}
		lock := make(chan struct{}, 1)
		s := newSetup(func(r *http.Request) (*http.Response, error) {
			h := r.URL.Host
			lock <- struct{}{}
			now[h]++
			most[h] = max(most[h], now[h])
			<-lock
			time.Sleep(time.Second)
			lock <- struct{}{}
			now[h]--
			<-lock
			return ok(r)
		})
		c := s.client(t)
		began := time.Now()
		done := make(chan error)
		for range 5 {
			for _, host := range []string{"a.example", "b.example"} {
				go func() {
					_, err := c.Do(t.Context(), fetch.Request{URL: "https://" + host + "/"})
					done <- err
				}()
			}
		}
		for range 10 {
			if err := <-done; err != nil {
				t.Errorf("Do() = %v", err)
			}
		}
		if diff := cmp.Diff(map[string]int{"a.example": 1, "b.example": 1}, most); diff != "" {
			t.Errorf("at the same time (-want +got):\n%s", diff)
		}
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("took %s, want 5s: the hosts do not wait for each other", d)
		}
	})
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newSetup(hang).client(t)
		go func() { _, _ = c.Do(t.Context(), fetch.Request{URL: "https://a.example/"}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Do(ctx, fetch.Request{URL: "https://a.example/"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do() = %v, want DeadlineExceeded", err)
		}
	})
}

func TestTurnIsAskedForEveryRequest(t *testing.T) {
	t.Parallel()
	var log []string
	s := newSetup(func(r *http.Request) (*http.Response, error) {
		log = append(log, "send")
		if r.URL.Path == "/1" {
			return answer(r, 302, http.Header{"Location": {"https://b.example/2"}}, ""), nil
		}
		return ok(r)
	})
	left := 3
	s.cfg.Turn = func(_ context.Context, host string) (func(), error) {
		if left == 0 {
			return nil, source.ErrBudget
		}
		left--
		log = append(log, "turn "+host)
		return func() { log = append(log, "done") }, nil
	}
	c := s.client(t)
	if _, err := c.Do(t.Context(), fetch.Request{URL: "https://a.example/1", Follow: true}); err != nil {
		t.Fatalf("Do() = %v", err)
	}
	if diff := cmp.Diff([]string{"turn a.example", "send", "done", "turn b.example", "send", "done"}, log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := c.Do(t.Context(), fetch.Request{URL: "https://a.example/1", Follow: true}); !errors.Is(err, source.ErrBudget) {
		t.Errorf("Do() = %v, want ErrBudget", err)
	}
	if _, err := c.Do(t.Context(), fetch.Request{URL: "https://c.example/"}); !errors.Is(err, fetch.ErrNotAllowed) {
		t.Errorf("Do() = %v: a refused request asks for no turn", err)
	}
}
