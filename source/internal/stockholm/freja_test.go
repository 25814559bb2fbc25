package stockholm_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"syncd/source"
	"syncd/source/internal/stockholm"
	"syncd/source/internal/stockholm/stockholmtest"
)

func TestFrejaByPush(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"city", "saml", "json"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, stockholmtest.Options{FrejaJSON: variant == "json"})
				if variant == "saml" {
					w.foreignTarget()
				}
				l := w.begin(t, source.Freja, source.Answers{stockholm.FieldPersonalNumber: "18900102-9819"})
				if p := poll(t, l); p.State != source.LoginScan || p.QR != "" || p.AppLink != "" {
					t.Errorf("waiting for the push: %s", p.State)
				}
				if err := w.phone.OpenFreja(olle().PersonalNumber); err != nil {
					t.Fatalf("OpenFreja() = %v", err)
				}
				pollUntil(t, l, source.LoginApprove)
				if err := w.phone.ApproveFreja(olle().PersonalNumber); err != nil {
					t.Fatalf("ApproveFreja() = %v", err)
				}
				pollUntil(t, l, source.LoginDone)
				if variant != "saml" {
					if diff := cmp.Diff([]stockholmtest.Person{olle()}, w.service.who[:1]); diff != "" {
						t.Errorf("let in (-want +got):\n%s", diff)
					}
				}
				w.polite(t)
			})
		})
	}
}

func TestFrejaOnThisDevice(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"city", "saml"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, stockholmtest.Options{})
				if variant == "saml" {
					w.foreignTarget()
				}
				l := w.begin(t, source.FrejaApp, nil)
				p := poll(t, l)
				if !strings.HasPrefix(p.AppLink, "frejaeid://") || strings.Contains(p.AppLink, "&") {
					t.Fatalf("link has an unknown form")
				}
				if err := w.phone.OpenLink(p.AppLink, siv()); err != nil {
					t.Fatalf("OpenLink() = %v", err)
				}
				pollUntil(t, l, source.LoginApprove)
				if err := w.phone.ApproveFreja(siv().PersonalNumber); err != nil {
					t.Fatalf("ApproveFreja() = %v", err)
				}
				pollUntil(t, l, source.LoginDone)
				w.polite(t)
			})
		})
	}
}

func TestFrejaRefusalDoesNotStick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		in := source.Answers{stockholm.FieldPersonalNumber: "900101-9802"}
		l := w.begin(t, source.Freja, source.Answers{stockholm.FieldPersonalNumber: "900101+9802"})
		poll(t, l)
		if err := w.phone.RefuseFreja(siv().PersonalNumber); err != nil {
			t.Fatalf("RefuseFreja() = %v", err)
		}
		pollUntil(t, l, source.LoginCancelled)
		in[stockholm.FieldPersonalNumber] = siv().PersonalNumber
		l = w.begin(t, source.Freja, in)
		if p := pollUntil(t, l, source.LoginScan); p.Restarts != 0 {
			t.Errorf("restarts = %d, want 0", p.Restarts)
		}
		for range 3 {
			if p := poll(t, l); p.State != source.LoginScan {
				t.Fatalf("the second push reads as %s", p.State)
			}
		}
		w.polite(t)
	})
}

func TestBadAnswersSendNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method source.MethodID
		number string
	}{
		{source.Freja, ""},
		{source.Freja, "189001019803"}, // check digit
		{source.Freja, "8900101980"},
		{source.Freja, "18900101980å"},
		{source.Freja, "1890010198021"},
		{source.Password, ""},
	} {
		w := newWorld(t, stockholmtest.Options{})
		_, err := stockholm.Begin(t.Context(), w.client, w.cfg, w.target, tc.method,
			source.Answers{stockholm.FieldPersonalNumber: tc.number})
		if !errors.Is(err, source.ErrAnswer) {
			t.Errorf("Begin(%s) = %v, want ErrAnswer", tc.method, err)
		}
		if tc.number != "" && err != nil && strings.Contains(err.Error(), tc.number) {
			t.Errorf("the error holds the number")
		}
		if n := len(w.sso.Requests()); n > 0 {
			t.Errorf("Begin(%s) sent %d requests", tc.method, n)
		}
	}
}

func TestUnknownNumberIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stockholmtest.Options{})
	_, err := stockholm.Begin(t.Context(), w.client, w.cfg, w.target, source.Freja,
		source.Answers{stockholm.FieldPersonalNumber: "191212121212"})
	if !errors.Is(err, source.ErrRefused) {
		t.Errorf("Begin() = %v, want ErrRefused", err)
	}
}
