package view

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"syncd/source/school"
)

// mediaID is what a picture is called in the addresses of one link: nobody
// guesses it, another link's is another one, and it dies with the link.
func mediaID(key [32]byte, blob string) string {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(blob))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:20]))
}

// mediaHit finds a picture by its id in a link's addresses. The ids of all
// letters of all living links are listed once after each change, so what a
// link no longer shows is no longer found.
func (v *Views) mediaHit(ctx context.Context, id string) (mediaHit, error) {
	epoch := v.epoch.Load()
	v.mu.Lock()
	hit, ok := v.media[id]
	listed := v.warmed == epoch
	v.mu.Unlock()
	if !listed {
		_, err, _ := v.build.Do(fmt.Sprint("media/", epoch), func() (any, error) {
			return nil, v.listMedia(context.WithoutCancel(ctx), epoch)
		})
		if err != nil {
			return mediaHit{}, fmt.Errorf("view: list media: %w", err)
		}
		v.mu.Lock()
		hit, ok = v.media[id]
		v.mu.Unlock()
	}
	if !ok {
		return mediaHit{}, fs.ErrNotExist
	}
	return hit, nil
}

func (v *Views) listMedia(ctx context.Context, epoch int64) error {
	links, err := v.cfg.Store.Links(ctx)
	if err != nil {
		return err
	}
	letters, err := v.cfg.Store.Letters(ctx, nil, []school.Kind{school.KindNews, school.KindNotices}, 0)
	if err != nil {
		return err
	}
	children, err := v.cfg.Store.Children(ctx)
	if err != nil {
		return err
	}
	media := map[string]mediaHit{}
	for _, l := range links {
		l = resolved(l, children)
		if !l.Live(v.cfg.Now()) || l.Options.Detail != school.DetailFull {
			continue
		}
		key, err := v.cfg.Store.LinkMediaKey(ctx, l.ID)
		if err != nil {
			return err
		}
		for _, letter := range letters {
			if !l.Shows(letter.Child, letter.Kind) && !l.Shows(letter.Child, school.KindAll) {
				continue
			}
			for _, m := range kept(letter) {
				m.Text = ""
				media[mediaID(key, m.ID)] = mediaHit{link: l.ID, ref: m}
			}
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.media, v.warmed = media, epoch
	return nil
}

// kept are the pictures and files of a letter that are not absent.
func kept(l school.Letter) []school.MediaRef {
	return slices.DeleteFunc(slices.Clone(l.Media), func(m school.MediaRef) bool { return m.Absent != school.AbsentNot })
}
