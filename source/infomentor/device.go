package infomentor

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
)

// What the phone's app says of itself, and where it asks when the platform did
// not say otherwise.
const (
	appClient   = "notificationapp"
	appSecret   = "NONE"
	appScope    = "IM2-API-NOTIFICATION"
	appRedirect = "InfomentorNotification://oauth2Callback"

	tokenURL    = "https://" + deviceHost + "/Authentication/OAuth2/Token"
	tokenPath   = "/authentication/oauth2/" // begins the paths of tokens
	apiURL      = "https://" + apiHost
	oneTimePath = "/NA1/Authentication/sso"
	accountPath = "/NA1/account/Account"
)

// spares is how many devices are paired. A refresh token is good once. When
// the answer with the next one is lost, its chain has ended, and only a second
// one saves the guardian from having to sign in.
const spares = 2

var (
	// errRefusedToken: a refresh token is used up or revoked.
	errRefusedToken = errors.New("refresh token was turned down")
	// errRefusedAccess: the phone's interface turned down an access token,
	// which says nothing of the refresh token.
	errRefusedAccess = errors.New("access token was turned down")
)

// viaDevice comes back as a paired phone does. A chain that was turned down is
// dropped, durably; trouble that passes leaves it as it was.
func (d *dialogue) viaDevice(ctx context.Context) (wireHome, error) {
	for len(d.state.Devices) > 0 {
		h, err := d.asPhone(ctx)
		if !errors.Is(err, errRefusedToken) {
			return h, err
		}
		d.state.Devices = d.state.Devices[1:]
		if err := d.save(ctx); err != nil {
			return wireHome{}, err
		}
	}
	return wireHome{}, errNoWay
}

// asPhone uses the first chain.
func (d *dialogue) asPhone(ctx context.Context) (wireHome, error) {
	access, oneTime, err := d.oneTime(ctx)
	if errors.Is(err, errRefusedAccess) && !errors.Is(err, source.ErrBlocked) {
		access, oneTime, err = d.oneTime(ctx)
	}
	if err != nil {
		return wireHome{}, err
	}
	var account wirePhoneAccount
	if err := d.phone(ctx, accountPath, access, &account); err == nil {
		d.state.Phone = account.Pupils
	} else if ends(err) && !errors.Is(err, errRefusedAccess) {
		return wireHome{}, fmt.Errorf("phone's account: %w", err)
	}
	d.http.Jar().Clear()
	resp, err := d.walk(ctx, fetch.Request{URL: oneTime})
	if err != nil {
		return wireHome{}, fmt.Errorf("one-time address: %w", err)
	}
	return d.arrive(ctx, resp)
}

// oneTime turns the first chain's refresh token into the next one and asks for
// an address that signs in once.
func (d *dialogue) oneTime(ctx context.Context) (access, addr string, err error) {
	var t wireTokens
	c := d.state.Devices[0]
	err = d.token(ctx, c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.Refresh}, "scope": {appScope}}, &t)
	if err != nil {
		return "", "", err
	}
	// The old one is used up: the new one has to be safe before anything is
	// done with what came along.
	devices := append([]chain(nil), d.state.Devices...)
	devices[0].Refresh = t.Refresh
	d.state.Devices = devices
	if err := d.save(ctx); err != nil {
		return "", "", err
	}
	if err := d.phone(ctx, oneTimePath, t.Access, &addr); err != nil {
		return "", "", fmt.Errorf("one-time address: %w", err)
	}
	return t.Access, addr, nil
}

// token asks the token address of a chain.
func (d *dialogue) token(ctx context.Context, c chain, in url.Values, out *wireTokens) error {
	in.Set("client_id", cmp.Or(c.Client, appClient))
	in.Set("client_secret", appSecret)
	resp, err := d.send(ctx, fetch.Request{
		Method: http.MethodPost, URL: cmp.Or(c.Token, tokenURL), Body: []byte(in.Encode()),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}},
	})
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	switch resp.Status {
	case http.StatusOK:
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("token: status %d: %w", resp.Status, errRefusedToken)
	default:
		return fmt.Errorf("token: status %d: %w", resp.Status, source.ErrUnavailable)
	}
	if err := decode(resp.Body, out); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	if out.Access == "" || out.Refresh == "" {
		return notUnderstood("token: a token is missing")
	}
	return nil
}

// phone asks the phone's interface of the first chain.
func (d *dialogue) phone(ctx context.Context, path, access string, out any) error {
	resp, err := d.send(ctx, fetch.Request{
		URL:    cmp.Or(d.state.Devices[0].API, apiURL) + path,
		Header: http.Header{"Authorization": {"Bearer " + access}, "Accept": {"application/json"}},
	})
	if err != nil {
		return err
	}
	switch resp.Status {
	case http.StatusOK:
		return decode(resp.Body, out)
	case http.StatusUnauthorized:
		return fmt.Errorf("status %d: %w: %w", resp.Status, errRefusedAccess, source.ErrUnavailable)
	case http.StatusForbidden:
		return fmt.Errorf("status %d: %w: %w", resp.Status, errRefusedAccess, source.ErrBlocked)
	case http.StatusInternalServerError:
		return fmt.Errorf("status %d: %w", resp.Status, source.ErrUnavailable)
	}
	return fmt.Errorf("status %d: %w", resp.Status, source.ErrNotUnderstood)
}

// topUp pairs what is missing, where the guardian wants it and the session
// lives. That it does not work is no reason to fail: there is a session.
func (d *dialogue) topUp(ctx context.Context) error {
	now := d.a.cfg.Now()
	if !d.a.wants(SettingPairing) || !d.state.Unpaired.IsZero() && now.Sub(d.state.Unpaired) < absence {
		return nil
	}
	for len(d.state.Devices) < spares {
		err := d.pair(ctx)
		if errors.Is(err, errNotSaved) || ctx.Err() != nil {
			return err
		}
		if err != nil {
			d.a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "pairing failed", slog.Any("error", err))
			if !errors.Is(err, source.ErrUnavailable) {
				d.state.Unpaired = now.UTC().Truncate(time.Second)
			}
			return d.save(ctx)
		}
	}
	d.state.Unpaired = time.Time{}
	return d.save(ctx)
}

// Unpaired implements [source.Pairer].
func (a *adapter) Unpaired(s *source.Session) time.Time {
	st, err := decodeState(s, nil)
	if err != nil || !a.wants(SettingPairing) || len(st.Devices) > 0 {
		return time.Time{}
	}
	return st.Unpaired
}

// unpair takes the devices back where the guardian does not want them any
// more. That the platform does not understand is no reason to fail.
func (d *dialogue) unpair(ctx context.Context) error {
	if d.a.wants(SettingPairing) || len(d.state.Devices) == 0 {
		return nil
	}
	err := d.revoke(ctx)
	if errors.Is(err, errNotSaved) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		d.a.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "devices were not taken back", slog.Any("error", err))
	}
	d.state.Devices = nil // not used, whatever the platform made of it
	return d.save(ctx)
}

// pair registers one device, from within a session at the Hub.
func (d *dialogue) pair(ctx context.Context) error {
	var data wirePairing
	if err := d.json(ctx, pathPair, nil, &data); err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	c, err := data.chain()
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	name := "syncd"
	if n := len(d.state.Devices); n > 0 {
		name += " " + strconv.Itoa(n+1)
	}
	addr := strings.NewReplacer(
		"{DeviceIdentifier}", url.QueryEscape(c.Device), "{DeviceFriendlyName}", url.QueryEscape(name), "{DeviceType}", "Android",
	).Replace(data.Authentication)
	u, err := url.Parse(addr)
	if err != nil || u.Scheme != "https" || u.Hostname() != deviceHost {
		return notUnderstood("pair: address leads elsewhere")
	}
	addr += "&" + url.Values{
		"scope": {appScope}, "redirect_uri": {appRedirect}, "client_id": {cmp.Or(c.Client, appClient)}, "response_type": {"code"},
	}.Encode()
	code, err := d.grant(ctx, addr)
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	var t wireTokens
	err = d.token(ctx, c, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appRedirect}}, &t)
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	c.Refresh = t.Refresh
	d.state.Devices = append(append([]chain(nil), d.state.Devices...), c)
	return d.save(ctx)
}

// chain makes a new device of what the platform says about pairing. What it
// leaves out is as it was always seen; what leads away from the platform's own
// hosts is not followed.
func (w wirePairing) chain() (chain, error) {
	c := chain{Device: strings.ToLower(rand.Text()), Revoke: w.Revoke, Client: w.Client, Token: w.Token}
	if len(c.Client) > 200 {
		return chain{}, notUnderstood("name of the app is too long")
	}
	if w.Token != "" {
		if u, err := url.Parse(w.Token); err != nil || !allowed(u, deviceHost) || !strings.HasPrefix(strings.ToLower(u.Path), tokenPath) {
			return chain{}, notUnderstood("token address leads elsewhere")
		}
	}
	if w.API != "" {
		u, err := url.Parse(w.API)
		if err != nil || !allowed(u, apiHost, otherAPIHost) || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			return chain{}, notUnderstood("phone's address leads elsewhere")
		}
		c.API = "https://" + u.Hostname()
	}
	return c, nil
}

// allowed reports whether an address is at one of the hosts, by https.
func allowed(u *url.URL, hosts ...string) bool {
	return u.Scheme == "https" && u.User == nil && u.Port() == "" && slices.Contains(hosts, strings.ToLower(u.Hostname()))
}

// grant follows the way to the phone's own address, on which the code stands.
func (d *dialogue) grant(ctx context.Context, addr string) (string, error) {
	for range maxHops {
		resp, err := d.send(ctx, fetch.Request{URL: addr})
		if err != nil {
			return "", err
		}
		to, err := resp.URL.Parse(resp.Header.Get("Location"))
		if err != nil || resp.Header.Get("Location") == "" {
			return "", notUnderstood("no code was given")
		}
		if strings.EqualFold(to.Scheme, "infomentornotification") {
			code := to.Query().Get("code")
			if code == "" || len(code) > 4096 {
				return "", notUnderstood("no code was given")
			}
			return code, nil
		}
		addr = to.String()
	}
	return "", notUnderstood("the way to the code does not end")
}

// revoke takes every paired device back. What the platform wants to be told is
// not known; that it did not understand is an error, and the chain is
// forgotten all the same.
func (d *dialogue) revoke(ctx context.Context) error {
	var errs []error
	for len(d.state.Devices) > 0 {
		c := d.state.Devices[0]
		if err := d.revokeOne(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("revoke: %w", err))
			if ends(err) {
				break
			}
		}
		d.state.Devices = d.state.Devices[1:]
		if err := d.save(ctx); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}

func (d *dialogue) revokeOne(ctx context.Context, c chain) error {
	u, err := url.Parse(c.Revoke)
	if err != nil || u.Hostname() != deviceHost || !strings.HasPrefix(strings.ToLower(u.Path), tokenPath) {
		return notUnderstood("address leads elsewhere")
	}
	in := url.Values{
		"refresh_token": {c.Refresh}, "token": {c.Refresh}, "client_id": {cmp.Or(c.Client, appClient)}, "client_secret": {appSecret},
	}
	resp, err := d.send(ctx, fetch.Request{
		Method: http.MethodPost, URL: c.Revoke, Body: []byte(in.Encode()),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	})
	if err != nil {
		return err
	}
	if resp.Status >= http.StatusMultipleChoices {
		return fmt.Errorf("status %d: %w", resp.Status, source.ErrNotUnderstood)
	}
	return nil
}
