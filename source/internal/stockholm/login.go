package stockholm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
)

const (
	bankIDGap   = 800 * time.Millisecond // at most so often is an order asked for
	frejaGap    = 1800 * time.Millisecond
	bankIDLimit = 240 * time.Second // from Begin
	frejaLimit  = 180 * time.Second
	idleLimit   = time.Minute // without a poll
	maxRestarts = 5
	maxFailures = 3 // polls in a row that bring no status
)

// login is one sign-in under way.
type login struct {
	flow

	method source.MethodID
	family family
	number string // personal number, for Freja by push
	back   string // where an app returns to; may be empty

	began  time.Time
	polled time.Time // last Poll
	sent   time.Time // last question about the order

	at       place
	order    order
	landed   *fetch.Response // set when no person was needed
	failures int
	restarts int
	last     source.Progress
	err      error // what ended the login, if anything went wrong
}

// start goes to the login page with an empty jar and places an order.
func (l *login) start(ctx context.Context) error {
	l.client.Jar().Clear()
	l.failures, l.order, l.landed = 0, order{}, nil
	e, err := l.reach(ctx, l.family)
	if err != nil {
		return err
	}
	l.at = e.place
	l.polled = l.now()
	if e.landed != nil {
		l.landed = e.landed
		l.show(source.LoginFinishing)
		return nil
	}
	if l.family == bankID() {
		err = l.startBankID(ctx)
	} else {
		if l.method == source.Freja && l.target.Entry == "" {
			l.settle(ctx)
		}
		err = l.startFreja(ctx)
	}
	if err != nil {
		return err
	}
	l.polled, l.sent = l.now(), time.Time{}
	l.show(source.LoginScan)
	return nil
}

// settle opens Freja's page, as a browser would before it sends the push, and
// takes over the parameters that the server gives it. The page's constants
// serve where that fails.
func (l *login) settle(ctx context.Context) {
	resp, err := l.get(ctx, l.at.page)
	if err == nil && l.family.isPage(resp.URL) && resp.URL.RawQuery != "" {
		l.at.page = resp.URL.String()
	}
}

// Poll implements [source.Login].
func (l *login) Poll(ctx context.Context) (source.Progress, error) {
	if l.err != nil || l.last.State.Final() {
		return l.last, l.err
	}
	now := l.now()
	idle := now.Sub(l.polled)
	l.polled = now
	if l.last.State == source.LoginFinishing {
		return l.finish(ctx)
	}
	limit, gap := bankIDLimit, bankIDGap
	if l.family == freja() {
		limit, gap = frejaLimit, frejaGap
	}
	switch {
	case idle > idleLimit, now.Sub(l.began) > limit:
		return l.show(source.LoginExpired), nil
	case now.Sub(l.sent) < gap:
		return l.last, nil
	}
	l.sent = now
	if err := l.ask(ctx); err != nil {
		return l.fail(ctx, "poll", err)
	}
	return l.last, nil
}

// ask asks for the order's status once and goes where it leads.
func (l *login) ask(ctx context.Context) error {
	ask := l.askFreja
	if l.family == bankID() {
		ask = l.askBankID
	}
	st, err := ask(ctx)
	if err != nil {
		return l.stumble(ctx, err)
	}
	l.failures = 0
	l.order.asked++
	switch st {
	case waiting:
		l.show(source.LoginScan)
	case opened:
		l.order.open = true
		l.show(source.LoginApprove)
	case signed:
		l.show(source.LoginFinishing)
	case cancelled:
		l.show(source.LoginCancelled)
	case timedOut:
		l.show(source.LoginExpired)
	case dead:
		return l.replace(ctx)
	}
	return nil
}

// stumble counts a poll that brought no status. The third in a row means
// that the order is gone: the city answers 500 for one that it forgot.
func (l *login) stumble(ctx context.Context, err error) error {
	if !passing(ctx, err) {
		return err
	}
	l.failures++
	if l.failures < maxFailures {
		return nil
	}
	if l.family == freja() {
		return err
	}
	if l.order.open && errors.Is(err, errForgotten) {
		l.show(source.LoginExpired)
		return nil
	}
	return l.replace(ctx)
}

// replace starts the whole chain again in place of an order that died, as
// long as nobody had opened it. A push is never sent twice.
func (l *login) replace(ctx context.Context) error {
	switch {
	case l.family == freja(), l.order.open:
		l.show(source.LoginFailed)
		return nil
	case l.restarts == maxRestarts && l.order.asked > 1:
		l.show(source.LoginExpired)
		return nil
	case l.restarts == maxRestarts:
		l.show(source.LoginFailed)
		return nil
	}
	l.restarts++
	return l.start(ctx)
}

// finish takes the signed order to the target and the target's session into
// the adapter's hands.
func (l *login) finish(ctx context.Context) (source.Progress, error) {
	landed := l.landed
	var err error
	if landed == nil {
		if landed, err = l.collect(ctx, l.family, l.at); err != nil {
			return l.fail(ctx, "collect session", err)
		}
		l.landed = landed // a Finish that was interrupted is tried again
	}
	session, err := l.target.Finish(ctx, l.client, landed)
	if errors.Is(err, source.ErrRefused) {
		return l.show(source.LoginRejected), nil
	}
	if err != nil {
		return l.fail(ctx, "finish", err)
	}
	l.show(source.LoginDone)
	l.last.Session = session
	return l.last, nil
}

// fail ends the login, unless it was ctx that ended: then the next poll goes
// on where this one was.
func (l *login) fail(ctx context.Context, operation string, err error) (source.Progress, error) {
	err = fmt.Errorf("stockholm: %s: %w", operation, err)
	if ctx.Err() == nil {
		l.err = err
		l.last = source.Progress{State: source.LoginFailed, Restarts: l.restarts}
		l.note()
	}
	return l.last, err
}

// show sets what a person sees.
func (l *login) show(s source.LoginState) source.Progress {
	before := l.last.State
	l.last = source.Progress{State: s, Restarts: l.restarts}
	if s == source.LoginScan {
		l.last.QR = l.order.qr
	}
	if s == source.LoginScan || s == source.LoginApprove {
		l.last.AppLink = l.order.link
		if l.order.token != "" {
			token := url.QueryEscape(l.order.token)
			l.last.AppLink = "bankid:///?autostarttoken=" + token + "&redirect=null"
			l.last.UniversalLink = "https://app.bankid.com/?autostarttoken=" + token +
				"&redirect=" + url.QueryEscape(l.back)
		}
	}
	if s != before {
		l.note()
	}
	return l.last
}

func (l *login) note() {
	l.log.Debug("login",
		slog.String("method", string(l.method)), slog.String("state", string(l.last.State)), slog.Int("restarts", l.restarts))
}

// Answer implements [source.Login]; the city asks nothing in between.
func (l *login) Answer(context.Context, source.Answers) error {
	return fmt.Errorf("stockholm: answer: %w: nothing was asked", source.ErrAnswer)
}

// Cancel implements [source.Login]. The city has no call for it: its order
// dies when nobody asks for it any more.
func (l *login) Cancel(context.Context) error {
	if l.err == nil && !l.last.State.Final() {
		l.show(source.LoginCancelled)
	}
	return nil
}
