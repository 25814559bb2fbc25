package web_test

import (
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
