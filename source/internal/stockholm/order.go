package stockholm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"syncd/source"
	"syncd/source/internal/fetch"
)

// status says how far an order is, in words of our own.
type status int

const (
	waiting   status = iota // nobody scanned or opened anything yet
	opened                  // the person sees the order in the app
	signed                  // done
	cancelled               // the person said no
	timedOut                // nobody acted in time
	dead                    // it failed
)

// order is one order at the city, as it stands.
type order struct {
	id    string // empty for Freja, whose state lives in cookies
	token string // BankID's autostart token
	qr    string // the newest frame
	link  string // Freja's app link
	asked int    // how often its status came
	open  bool   // the app showed it
}

const (
	maxWord = 512 // of an order's id, a token, a frame, a link
	maxPoll = 64 << 10
)

// bankIDReply is an answer of the BankID page. Words are read whatever their
// case; what is missing stays empty.
type bankIDReply struct {
	Order  string `json:"order"`
	Token  string `json:"token"`
	QRData string `json:"qrData"`
	State  string `json:"state"`
}

// startBankID places an order.
func (l *login) startBankID(ctx context.Context) error {
	kind := "bankid"
	if l.method == source.BankIDQR {
		kind = "qr"
	}
	resp, err := l.client.Do(ctx, fetch.Request{URL: l.at.with("initialize=" + kind + "&_=" + l.ms())})
	if err != nil {
		return err
	}
	if resp.Status != http.StatusOK {
		return fmt.Errorf("%w: order was not placed: status %d", source.ErrUnavailable, resp.Status)
	}
	var r bankIDReply
	if json.Unmarshal(resp.Body, &r) != nil || !word(r.Order) || r.Order == "" {
		return notUnderstood("order")
	}
	if !word(r.Token) || !word(r.QRData) || (r.Token == "" && r.QRData == "") {
		return notUnderstood("order without QR frame or token")
	}
	l.order = order{id: r.Order, token: r.Token, qr: r.QRData}
	return nil
}

// errForgotten: the city answers as for an order that it has forgotten.
var errForgotten = errors.New("order may be forgotten")

// askBankID asks for the order's status.
func (l *login) askBankID(ctx context.Context) (status, error) {
	addr := l.at.with("verifyorder=" + url.QueryEscape(l.order.id) + "&_=" + l.ms())
	resp, err := l.client.Do(ctx, fetch.Request{URL: addr, Raw: true})
	if err == nil {
		err = l.client.Judge(resp)
	}
	switch {
	case resp != nil && resp.Status == http.StatusInternalServerError:
		return waiting, errors.Join(errForgotten, err)
	case err != nil:
		return waiting, err
	case resp.Status != http.StatusOK:
		return waiting, fmt.Errorf("%w: order: status %d", source.ErrUnavailable, resp.Status)
	}
	st, frame, err := readBankID(resp.Body)
	if frame != "" {
		l.order.qr = frame
	}
	return st, err
}

// readBankID reads an answer about an order: JSON, or the single words of the
// years before 2023. An unknown word means that the order still runs.
func readBankID(body []byte) (st status, frame string, err error) {
	text := strings.TrimSpace(string(body[:min(len(body), maxPoll)]))
	var r bankIDReply
	switch {
	case strings.HasPrefix(text, "{"):
		if json.Unmarshal([]byte(text), &r) != nil || r.State == "" {
			return waiting, "", notUnderstood("order's state")
		}
	case text == "" || lookLike(text) || len(text) > 64:
		return waiting, "", notUnderstood("order's state")
	default:
		r.State = text
	}
	if word(r.QRData) {
		frame = r.QRData
	}
	switch bareWord(r.State) {
	case "OK":
		return signed, frame, nil
	case "USER_SIGN":
		return opened, frame, nil
	case "CANCELLED", "CANCELED":
		return cancelled, frame, nil
	case "ERROR":
		return dead, frame, nil
	}
	return waiting, frame, nil
}

// frejaHeader is what the page's own script sends.
func frejaHeader(referer string) http.Header {
	return http.Header{
		"Accept":           {"*/*"},
		"Referer":          {referer},
		"X-Requested-With": {"XMLHttpRequest"},
	}
}

// startFreja sends the push, or asks for the link that opens the app.
func (l *login) startFreja(ctx context.Context) error {
	req := fetch.Request{Header: frejaHeader(l.at.bare())}
	if l.method == source.Freja {
		req.Method = http.MethodPost
		req.URL = l.at.bare() + "?action=init&userInput=" + l.number
	} else {
		req.URL = l.at.bare() + "?action=init&return_url=" + url.QueryEscape(l.at.bare())
	}
	resp, err := l.client.Do(ctx, req)
	if err != nil {
		return err
	}
	if resp.Status != http.StatusOK {
		return fmt.Errorf("%w: freja did not start: status %d", source.ErrRefused, resp.Status)
	}
	l.order = order{}
	if l.method == source.FrejaApp {
		l.order.link, err = frejaLink(resp.Body)
	}
	return err
}

// frejaLink reads the address that opens the app. Only what stands before
// the first "&" is meant for the phone.
func frejaLink(body []byte) (string, error) {
	link, _, _ := strings.Cut(strings.Trim(strings.TrimSpace(string(body)), `"`), "&")
	u, err := url.Parse(link)
	if err != nil || !word(link) || (u.Scheme != "https" && !strings.HasPrefix(u.Scheme, "freja")) {
		return "", notUnderstood("freja's link")
	}
	return link, nil
}

// askFreja asks for the status that the cookies stand for.
func (l *login) askFreja(ctx context.Context) (status, error) {
	resp, err := l.client.Do(ctx, fetch.Request{
		URL: l.at.with("action=checkstatus"), Header: frejaHeader(l.at.page),
	})
	if err != nil {
		return waiting, err
	}
	if resp.Status != http.StatusOK {
		return waiting, fmt.Errorf("%w: freja: status %d", source.ErrUnavailable, resp.Status)
	}
	return readFreja(resp.Body)
}

// readFreja reads Freja's status: a bare word, or JSON with the key status.
// An unknown word means that the order still runs.
func readFreja(body []byte) (status, error) {
	text := strings.TrimSpace(string(body[:min(len(body), maxPoll)]))
	if strings.HasPrefix(text, "{") {
		var r struct {
			Status string `json:"status"`
		}
		if json.Unmarshal([]byte(text), &r) != nil {
			return waiting, notUnderstood("freja's status")
		}
		text = r.Status
	}
	if text == "" || lookLike(text) || len(text) > 64 {
		return waiting, notUnderstood("freja's status")
	}
	switch bareWord(text) {
	case "DELIVERED_TO_MOBILE":
		return opened, nil
	case "APPROVED":
		return signed, nil
	case "CANCELED", "CANCELLED", "REJECTED":
		return cancelled, nil
	case "EXPIRED", "TIMEOUT":
		return timedOut, nil
	case "ERROR", "RP_CANCELED", "RP_CANCELLED":
		return dead, nil
	}
	return waiting, nil
}

// bareWord strips what surrounds a status word in one form or another.
func bareWord(s string) string { return strings.ToUpper(strings.Trim(s, " \t\r\n\"!")) }

// word reports whether a foreign word can be shown and sent on: short, and
// nothing but visible ASCII.
func word(s string) bool {
	if len(s) > maxWord {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func (l *login) ms() string { return strconv.FormatInt(l.now().UnixMilli(), 10) }
