package infomentor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
)

// What the phone's app says of itself.
const (
	appClient   = "notificationapp"
	appSecret   = "NONE"
	appScope    = "IM2-API-NOTIFICATION"
	appRedirect = "InfomentorNotification://oauth2Callback"

	tokenURL   = "https://" + deviceHost + "/Authentication/OAuth2/Token"
	revokePath = "/authentication/oauth2/"
	oneTimeURL = "https://" + apiHost + "/NA1/Authentication/sso"
	accountURL = "https://" + apiHost + "/NA1/account/Account"
)

// spares is how many devices are paired. A refresh token is good once. When
// the answer with the next one is lost, its chain has ended, and only a second
// one saves the guardian from having to sign in.
const spares = 2

// errRefusedToken: a refresh token is used up or revoked.
var errRefusedToken = errors.New("refresh token was turned down")

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
	var t wireTokens
	err := d.token(ctx, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {d.state.Devices[0].Refresh}, "scope": {appScope},
	}, &t)
	if err != nil {
		return wireHome{}, err
	}
	// The old one is used up: the new one has to be safe before anything is
	// done with what came along.
	devices := append([]chain(nil), d.state.Devices...)
	devices[0].Refresh = t.Refresh
	d.state.Devices = devices
	if err := d.save(ctx); err != nil {
		return wireHome{}, err
	}
	var oneTime string
	if err := d.phone(ctx, oneTimeURL, t.Access, &oneTime); err != nil {
		return wireHome{}, fmt.Errorf("one-time address: %w", err)
	}
	var account wirePhoneAccount
	if err := d.phone(ctx, accountURL, t.Access, &account); err == nil {
		d.state.Phone = account.Pupils
	} else if ends(err) {
		return wireHome{}, fmt.Errorf("phone's account: %w", err)
	}
	d.http.Jar().Clear()
	resp, err := d.walk(ctx, fetch.Request{URL: oneTime})
	if errors.Is(err, fetch.ErrNotAllowed) {
		return wireHome{}, notUnderstood("one-time address leads elsewhere")
	}
	if err != nil {
		return wireHome{}, err
	}
	return d.arrive(ctx, resp)
}

// token asks the token address.
func (d *dialogue) token(ctx context.Context, in url.Values, out *wireTokens) error {
	in.Set("client_id", appClient)
	in.Set("client_secret", appSecret)
	resp, err := d.send(ctx, fetch.Request{
		Method: http.MethodPost, URL: tokenURL, Body: []byte(in.Encode()),
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

// phone asks the phone's interface.
func (d *dialogue) phone(ctx context.Context, addr, access string, out any) error {
	resp, err := d.send(ctx, fetch.Request{URL: addr, Header: http.Header{"Authorization": {"Bearer " + access}, "Accept": {"application/json"}}})
	if err != nil {
		return err
	}
	switch {
	case resp.Status == http.StatusUnauthorized, resp.Status == http.StatusForbidden:
		return errRefusedToken
	case resp.Status == http.StatusInternalServerError:
		return fmt.Errorf("status %d: %w", resp.Status, source.ErrUnavailable)
	case resp.Status != http.StatusOK:
		return fmt.Errorf("status %d: %w", resp.Status, source.ErrNotUnderstood)
	}
	return decode(resp.Body, out)
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
			d.a.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "pairing failed", slog.Any("error", err))
			if !errors.Is(err, source.ErrUnavailable) {
				d.state.Unpaired = now.UTC().Truncate(time.Second)
			}
			return d.save(ctx)
		}
	}
	d.state.Unpaired = time.Time{}
	return d.save(ctx)
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
	c := chain{Device: strings.ToLower(rand.Text()), Revoke: data.Revoke}
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
		"scope": {appScope}, "redirect_uri": {appRedirect}, "client_id": {appClient}, "response_type": {"code"},
	}.Encode()
	code, err := d.grant(ctx, addr)
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	var t wireTokens
	err = d.token(ctx, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appRedirect}}, &t)
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	c.Refresh = t.Refresh
	d.state.Devices = append(append([]chain(nil), d.state.Devices...), c)
	return d.save(ctx)
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
	if err != nil || u.Hostname() != deviceHost || !strings.HasPrefix(strings.ToLower(u.Path), revokePath) {
		return notUnderstood("address leads elsewhere")
	}
	in := url.Values{
		"refresh_token": {c.Refresh}, "token": {c.Refresh}, "client_id": {appClient}, "client_secret": {appSecret},
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
