package infomentor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/school"
)

// Who signs in anew finds what was remembered: no picture is read again, no
// module that is missing is asked for, no mark is learned, no address is asked
// for, and an edited letter stays edited.
func TestNewLoginRemembers(t *testing.T) {
	settings := map[string]string{infomentor.SettingCalendarAddress: "yes"}
	bubble(t, infomentortest.Options{NoApps: true}, settings, func(f *family) {
		s, plan := f.login(), f.plan()
		plan.KnownNews = map[school.Ref]time.Time{}
		note := func(k *sink) {
			for _, snap := range k.snapshots {
				for _, l := range snap.News {
					plan.KnownNews[l.Ref] = l.Modified
				}
			}
		}
		note(f.read(s, plan))
		f.world.EditLetter(f.world.Children()[0].Letters[0].Ref, f.clock(), func(l *school.NewsItem) { l.HTML += "<p>Ändrat</p>" })
		time.Sleep(10 * time.Minute)
		note(f.read(s, plan)) // the edit is noticed

		f.fake.KillPerson(f.guardian().PersonalNumber)
		next := f.login().WithMemory(slices.Clone(s.Memory()), nil)
		before := f.fake.Requests()
		k := f.read(next, plan)
		asked := f.fake.Requests()[len(before):]
		for _, p := range asked {
			for _, word := range []string{"/download/", "geticalsubscriptionuri", "getattachments"} {
				if strings.Contains(strings.ToLower(p), word) {
					t.Errorf("%s was asked for again", p)
				}
			}
		}
		for ref, snap := range k.snapshots {
			if len(snap.News) > 0 {
				t.Errorf("%d letters of child %d were read again", len(snap.News), len(ref))
			}
		}
		// The same with nothing remembered asks for all of it.
		f.read(f.login(), plan)
		if again := len(f.fake.Requests()) - len(before) - len(asked); again < len(asked)+10 {
			t.Errorf("%d requests with a memory, %d without", len(asked), again)
		}
	})
}

// What was remembered of another person's account is nothing, and stays as it
// is until that person's children have been stored.
func TestMemoryIsOnePersons(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.login()
		f.read(s, f.plan())
		other := source.NewSession(bankID(f.t, f.src, f.fake, f.world.Guardians()[1]), nil).WithMemory(slices.Clone(s.Memory()), nil)
		no := errors.New("another person")
		if err := f.src.Fetch(f.t.Context(), other, f.plan(), refusing{no}); !errors.Is(err, no) {
			t.Fatalf("Fetch = %v, want %v", err, no)
		}
		if !slices.Equal(other.Memory(), s.Memory()) {
			t.Error("the memory was replaced before anything was stored")
		}
		f.read(other, f.plan())
		if strings.Contains(string(other.Memory()), infomentortest.UserID(f.guardian())) {
			t.Error("the memory is still the first guardian's")
		}
	})
}

// A memory that cannot be stored ends the read, as a session does.
func TestMemoryCannotBeStored(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		full := errors.New("disk is full")
		s := f.login().WithMemory(nil, func(context.Context, []byte) error { return full })
		if _, err := f.fetch(s, f.plan("notices")); !errors.Is(err, full) {
			t.Errorf("Fetch = %v, want %v", err, full)
		}
	})
}

// refusing is a sink that refuses who signed in.
type refusing struct{ err error }

// Roster implements [source.Sink].
func (r refusing) Roster(context.Context, school.Roster) error { return r.err }

// Snapshot implements [source.Sink].
func (r refusing) Snapshot(context.Context, school.Snapshot) error { return r.err }
