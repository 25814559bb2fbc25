package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"syncd/source/school"
)

const (
	inviteLife = 60 * time.Minute
	signInLife = 30 * 24 * time.Hour
	// signInSlide is how much of a sign-in's life has to be gone before it is
	// prolonged: once a day, not at each request.
	signInSlide = 24 * time.Hour

	freePerPeer = 5  // wrong passwords that cost no pause
	freePerUser = 20 // from everywhere together
	mostPerPeer = 5 * time.Minute
	mostPerUser = 30 * time.Second
)

// Cookie names. The prefix __Host- makes a browser refuse the cookie unless it
// was set by this host, over https and for every path (RFC 6265bis 4.1.3.2).
const (
	cookieSecure = "__Host-syncd"
	cookiePlain  = "syncd"
)

type guardianKey struct{}

// GuardianFrom returns who is signed in, as [Auth.Guardian] found out.
func GuardianFrom(ctx context.Context) (school.GuardianID, bool) {
	id, ok := ctx.Value(guardianKey{}).(school.GuardianID)
	return id, ok
}

// Invite makes a one-time address at which a guardian chooses user name and
// password: good once and for 60 minutes. The address is a secret and is
// shown to the person at the terminal only, never logged.
func (a *Auth) Invite(ctx context.Context) (string, error) {
	token, hash := NewToken()
	if err := a.store.PutInvite(ctx, hash, a.now().Add(inviteLife)); err != nil {
		return "", fmt.Errorf("auth: invite: %w", err)
	}
	return a.base.JoinPath("welcome", string(token)).String(), nil
}

// Accept takes the one-time address with that token, gives the guardian the
// name and password and signs the browser in. A name that exists gets the new
// password and loses its other sign-ins. Errors: *[ChoiceError], *[BusyError],
// [ErrUsed].
func (a *Auth) Accept(w http.ResponseWriter, r *http.Request, token, user, password string) error {
	ctx, user, password := r.Context(), userName(user), passwordText(password)
	peer := "invite " + neighbourhood(Peer(r, a.trusted))
	if pause := a.people.wait(peer, freePerPeer, mostPerPeer); pause > 0 {
		return fmt.Errorf("auth: accept: %w", &BusyError{After: pause})
	}
	if err := checkChoice(user, password); err != nil {
		return fmt.Errorf("auth: accept: %w", err)
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return fmt.Errorf("auth: accept: %w", err)
	}
	if err := a.store.TakeInvite(ctx, HashToken(token), a.now()); errors.Is(err, fs.ErrNotExist) {
		a.people.fail(peer)
		return fmt.Errorf("auth: accept: %w", ErrUsed)
	} else if err != nil {
		return fmt.Errorf("auth: accept: %w", err)
	}
	g, err := a.putGuardian(ctx, user, hash)
	if err != nil {
		return fmt.Errorf("auth: accept: %w", err)
	}
	return a.admit(w, r, g.ID)
}

// SetPassword gives the guardian of that name the password, without a one-time
// address: for whoever holds the data anyway. Sign-ins that exist end. Error:
// *[ChoiceError].
func (a *Auth) SetPassword(ctx context.Context, user, password string) error {
	user, password = userName(user), passwordText(password)
	if err := checkChoice(user, password); err != nil {
		return fmt.Errorf("auth: set password: %w", err)
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return fmt.Errorf("auth: set password: %w", err)
	}
	if _, err := a.putGuardian(ctx, user, hash); err != nil {
		return fmt.Errorf("auth: set password: %w", err)
	}
	return nil
}

// putGuardian stores the hash for a guardian, who is made if there is none of
// that name, and ends their sign-ins.
func (a *Auth) putGuardian(ctx context.Context, user, hash string) (Guardian, error) {
	g, err := a.store.Guardian(ctx, user)
	if errors.Is(err, fs.ErrNotExist) {
		g = Guardian{ID: school.GuardianID("g-" + strings.ToLower(rand.Text())[:12]), User: user}
	} else if err != nil {
		return Guardian{}, err
	}
	g.Hash = hash
	if err := a.store.PutGuardian(ctx, g); err != nil {
		return Guardian{}, err
	}
	return g, a.store.DeleteSignIns(ctx, g.ID)
}

// SignIn checks a guardian's password and signs the browser in. Errors:
// [ErrWrong], *[BusyError].
func (a *Auth) SignIn(w http.ResponseWriter, r *http.Request, user, password string) error {
	ctx, user := r.Context(), userName(user)
	if len(user) > maxUser || len(password) > maxPassword {
		return fmt.Errorf("auth: sign in: %w", ErrWrong)
	}
	peer := "peer " + neighbourhood(Peer(r, a.trusted))
	name := "user " + user
	pause := max(a.people.wait(peer, freePerPeer, mostPerPeer), a.people.wait(name, freePerUser, mostPerUser))
	if pause > 0 {
		return fmt.Errorf("auth: sign in: %w", &BusyError{After: pause})
	}
	g, err := a.store.Guardian(ctx, user)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("auth: sign in: %w", err)
	}
	ok, err := a.hasher.verify(ctx, g.Hash, passwordText(password))
	if err != nil {
		return fmt.Errorf("auth: sign in: %w", err)
	}
	if !ok {
		a.people.fail(peer)
		a.people.fail(name)
		return fmt.Errorf("auth: sign in: %w", ErrWrong)
	}
	a.people.clear(peer)
	a.people.clear(name)
	return a.admit(w, r, g.ID)
}

// SignOut ends the browser's sign-in. It is no error when there is none.
func (a *Auth) SignOut(w http.ResponseWriter, r *http.Request) error {
	token, ok := a.cookie(r)
	for _, name := range []string{cookieSecure, cookiePlain} {
		http.SetCookie(w, newCookie(name, "", -time.Second))
	}
	if !ok {
		return nil
	}
	if err := a.store.DeleteSignIn(r.Context(), HashToken(token)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("auth: sign out: %w", err)
	}
	return nil
}

// Guardian finds out who is signed in and tells next by [GuardianFrom]. It
// refuses nobody: what a stranger may see is the page's own affair.
func (a *Auth) Guardian(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := a.whoIs(w, r)
		if err != nil {
			a.log.LogAttrs(r.Context(), slog.LevelError, "sign-in could not be looked up", slog.Any("error", err))
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		if id != "" {
			r = r.WithContext(context.WithValue(r.Context(), guardianKey{}, id))
		}
		next.ServeHTTP(w, r)
	})
}

// whoIs returns the guardian of the request's cookie, "" if there is none,
// and prolongs the sign-in.
func (a *Auth) whoIs(w http.ResponseWriter, r *http.Request) (school.GuardianID, error) {
	token, ok := a.cookie(r)
	if !ok {
		return "", nil
	}
	ctx, hash, now := r.Context(), HashToken(token), a.now()
	id, expires, err := a.store.SignIn(ctx, hash)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("auth: look up sign-in: %w", err)
	}
	if !now.Before(expires) {
		if err := a.store.DeleteSignIn(ctx, hash); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("auth: end sign-in: %w", err)
		}
		return "", nil
	}
	if fresh := now.Add(signInLife); fresh.Sub(expires) >= signInSlide {
		if err := a.store.PutSignIn(ctx, hash, id, fresh); err != nil {
			return "", fmt.Errorf("auth: prolong sign-in: %w", err)
		}
		http.SetCookie(w, newCookie(a.cookieName(r), token, signInLife))
	}
	return id, nil
}

// admit makes a new sign-in and sets its cookie.
func (a *Auth) admit(w http.ResponseWriter, r *http.Request, id school.GuardianID) error {
	token, hash := NewToken()
	if err := a.store.PutSignIn(r.Context(), hash, id, a.now().Add(signInLife)); err != nil {
		return fmt.Errorf("auth: keep sign-in: %w", err)
	}
	http.SetCookie(w, newCookie(a.cookieName(r), string(token), signInLife))
	return nil
}

// cookie returns the sign-in token that the request carries. By https only
// the protected cookie counts: the plain one could have been planted by
// somebody on the way of an earlier, unprotected request.
func (a *Auth) cookie(r *http.Request) (string, bool) {
	c, err := r.Cookie(a.cookieName(r))
	if err != nil || len(c.Value) != tokenLen {
		return "", false
	}
	return c.Value, true
}

func (a *Auth) cookieName(r *http.Request) string {
	if a.https(r) {
		return cookieSecure
	}
	return cookiePlain
}

// https reports whether the browser came by https, as far as can be known: TLS
// here, a trusted proxy's word, or the host of a base address that is https.
func (a *Auth) https(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if within(direct(r), a.trusted) && saysHTTPS(r) {
		return true
	}
	return a.base.Scheme == "https" && strings.EqualFold(r.Host, a.base.Host)
}

// newCookie returns a cookie that only this host's pages send; a negative life
// takes it away.
func newCookie(name, value string, life time.Duration) *http.Cookie {
	//nolint:gosec // Secure whenever the browser came by https; a family's LAN may have none
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: name == cookieSecure,
	}
}
