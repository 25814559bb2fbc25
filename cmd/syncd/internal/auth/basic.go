package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

const (
	challenge = `Basic realm="syncd", charset="UTF-8"`

	maxLinkID  = 64
	maxAppPass = 128

	// Wrong app passwords are answered ever more slowly and at last not at
	// all. A right one always passes: a telephone with an old password must
	// not lock out the one beside it, and 120 bits need no lock.
	wrongStep   = 250 * time.Millisecond
	wrongMost   = 2 * time.Second
	wrongLimit  = 20
	wrongPause  = time.Minute
	slowAnswers = 16 // answers held back at the same time; more are refused at once
)

type linkKey struct{}

// LinkFrom returns the link whose app password the request carried, as
// [Auth.Basic] found out.
func LinkFrom(ctx context.Context) (school.LinkID, bool) {
	id, ok := ctx.Value(linkKey{}).(school.LinkID)
	return id, ok
}

// Basic lets requests with a link's id and app password through to next
// (RFC 7617) and tells it the link by [LinkFrom]. Requests that are not
// [Protected] get 403 and a sentence that says what to set, before any
// password is asked for. Wrong, missing, expired and revoked get the same 401.
func (a *Auth) Basic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !Protected(r, a.trusted) {
			refuse(w, http.StatusForbidden, text.For(text.FromRequest(r)).Errors.Unprotected)
			return
		}
		user, password, ok := r.BasicAuth()
		if !ok {
			unauthorized(w, r)
			return
		}
		// Ids are lower case, and phones like to begin with a capital.
		id := school.LinkID(strings.ToLower(strings.TrimSpace(user)))
		link, err := a.checkLink(r.Context(), id, password)
		if errors.Is(err, fs.ErrNotExist) {
			a.wrong(w, r, id)
			return
		}
		if err != nil {
			a.log.LogAttrs(r.Context(), slog.LevelError, "app password could not be checked", slog.Any("error", err))
			refuse(w, http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError))
			return
		}
		if err := a.touch(r.Context(), link); err != nil {
			a.log.LogAttrs(r.Context(), slog.LevelWarn, "use of a link could not be noted", slog.Any("error", err))
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), linkKey{}, link.ID)))
	})
}

// checkLink returns the living link to which the password belongs and
// fs.ErrNotExist for everything that is wrong. The store is asked each time,
// so a revoked link and a changed password count at once; hashing 120 random
// bits takes less than a microsecond and is not worth remembering.
func (a *Auth) checkLink(ctx context.Context, id school.LinkID, password string) (school.Link, error) {
	if id == "" || len(id) > maxLinkID || len(password) > maxAppPass {
		return school.Link{}, fs.ErrNotExist
	}
	link, err := a.store.Link(ctx, id)
	if err != nil {
		return school.Link{}, fmt.Errorf("auth: look up link: %w", err)
	}
	want, err := a.store.LinkPassword(ctx, id)
	if err != nil {
		return school.Link{}, fmt.Errorf("auth: look up link: %w", err)
	}
	got := HashPassword(password)
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !link.Live(a.now()) {
		return school.Link{}, fs.ErrNotExist
	}
	return link, nil
}

// touch notes the use of a link today.
func (a *Auth) touch(ctx context.Context, link school.Link) error {
	today := school.DateOf(a.now().In(a.zone))
	if err := a.store.TouchLink(ctx, link.ID, today); err != nil {
		return fmt.Errorf("auth: note use of link: %w", err)
	}
	return nil
}

// wrong answers a wrong password: later with each one, from this peer for this
// link, and with 429 after too many.
func (a *Auth) wrong(w http.ResponseWriter, r *http.Request, id school.LinkID) {
	if len(id) > maxLinkID {
		id = id[:maxLinkID]
	}
	n := a.devices.fail(neighbourhood(Peer(r, a.trusted)) + " " + string(id))
	if n > wrongLimit {
		a.tooMany(w, r)
		return
	}
	select {
	case a.slow <- struct{}{}:
		defer func() { <-a.slow }()
	default:
		a.tooMany(w, r)
		return
	}
	pause := time.NewTimer(min(wrongMost, time.Duration(n)*wrongStep))
	defer pause.Stop()
	select {
	case <-pause.C:
		unauthorized(w, r)
	case <-r.Context().Done():
	}
}

func (a *Auth) tooMany(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", strconv.Itoa(int(wrongPause/time.Second)))
	refuse(w, http.StatusTooManyRequests, text.For(text.FromRequest(r)).Errors.TooMany)
}

func unauthorized(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("WWW-Authenticate", challenge)
	refuse(w, http.StatusUnauthorized, text.For(text.FromRequest(r)).Errors.Unauthorized)
}

func refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, sentence, status)
}
