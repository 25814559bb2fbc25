package web_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

// TestBackupsOnTheStatusPage shows when the last backup was made, and that one
// failed; nothing where none are made.
func TestBackupsOnTheStatusPage(t *testing.T) {
	t.Parallel()
	sv := text.For(text.SV)
	bad := sv.Problem(school.ProblemBackup)
	for name, tt := range map[string]struct {
		view     web.BackupView
		has, not []string
	}{
		"off":    {web.BackupView{}, []string{sv.Overview.AllWell}, []string{"äkerhetskopi"}},
		"none":   {web.BackupView{On: true}, []string{sv.Backups.None}, []string{bad.Sentence}},
		"good":   {web.BackupView{On: true, Last: now.Add(-12 * time.Minute)}, []string{sv.Backups.Last.With("för 12 min sedan"), sv.Overview.AllWell}, nil},
		"failed": {web.BackupView{On: true, Last: now.Add(-time.Hour), Failed: now}, []string{bad.Sentence, bad.Remedy}, []string{sv.Overview.AllWell}},
	} {
		s := one(web.AccountView{State: school.Active})
		s.overview.Backup = tt.view
		page := newSite(t, s).call(t, http.MethodGet, "/", nil).Body.String()
		for _, want := range tt.has {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", name, want)
			}
		}
		for _, no := range tt.not {
			if strings.Contains(page, no) {
				t.Errorf("%s: the page holds %q", name, no)
			}
		}
	}
}

// TestExport sends everything to a guardian who asks for it, and to nobody
// else; one that fails half-way is cut off.
func TestExport(t *testing.T) {
	t.Parallel()
	st := full()
	s := newSite(t, st)
	page := s.call(t, http.MethodGet, "/privacy", nil).Body.String()
	sv := text.For(text.SV)
	for _, want := range []string{`action="/privacy/export"`, sv.Export.Get, sv.Export.Lead} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	got := s.call(t, http.MethodPost, "/privacy/export", nil)
	h := got.Header()
	if got.Code != http.StatusOK || got.Body.String() != "PK sv" || h.Get("Content-Type") != "application/zip" ||
		!strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %q", got.Code, h, got.Body)
	}
	st.err = errors.New("disken")
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // a recovered value
			t.Errorf("a failed export ends with %v", v)
		}
	}()
	s.call(t, http.MethodPost, "/privacy/export", nil)
}
