package backup_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// TestBackupWhileBusy makes backups while everything else goes on: each is of
// one moment, with no sign of an older copy of either file, and no picture is
// missing in it.
func TestBackupWhileBusy(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	ctx := t.Context()
	var stop atomic.Bool
	var work sync.WaitGroup
	for _, do := range []func(i int) error{
		func(i int) error { // events come and go, and so does a picture
			s := storagetest.Snapshot(20 + i%5)
			s.Covered = append(s.Covered, school.Coverage{Part: school.PartNews, Since: storagetest.Start().AddDate(0, 0, -1)})
			at := storagetest.Start().Add(time.Duration(i) * time.Second)
			s.News = []school.NewsItem{{
				Ref: "n", UID: "n-fake", Title: "Brev", HTML: "<p>Hej</p>", Published: storagetest.Start(), Modified: at,
				Images: []school.Media{{Ref: "i", Name: "bild.jpg", Type: "image/jpeg", Data: fmt.Appendf(nil, "bild %d", i)}},
			}}
			_, err := h.Apply(ctx, h.account, s)
			return err
		},
		func(i int) error { // links write both files
			return h.AddLink(ctx, school.Link{ID: school.LinkID(fmt.Sprintf("b%d", i))}, manySecrets(i))
		},
		func(i int) error {
			return h.PutOutcome(ctx, h.account, school.Outcome{State: school.Active, Finished: storagetest.Start().Add(time.Duration(i) * time.Second)})
		},
	} {
		work.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if err := do(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var all []string
	for range 8 {
		b := h.backUp("")
		if b.LeftOut != 0 {
			t.Errorf("%d pictures are left out", b.LeftOut)
		}
		h.verify(b)
		all = append(all, b.Path)
		h.clock.Add(time.Second)
	}
	stop.Store(true)
	work.Wait()
	for i, path := range all {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
		copyTree(t, path, dir)
		db := storagetest.OpenIn(t, dir, h.keys, h.clock.Now)
		want(t, "Opened", db.Opened(), storage.Opened{})
		contentOf(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// manySecrets are other ones for each number.
func manySecrets(i int) storage.Secrets {
	b := [32]byte{byte(i), byte(i >> 8), 1}
	return storage.Secrets{Page: b, Calendars: b, Feeds: b, Password: b, Media: b}
}
