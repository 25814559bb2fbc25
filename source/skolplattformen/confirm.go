package skolplattformen

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/school"
)

// The right child. In a mixed family the server answers about the child that
// it believes to be selected. No answer names its child, so this is how far
// the wire lets us check:
//
//   - SelectChild answers with the child that it selected;
//   - the Status cookie of an answer tells the child's form of schooling;
//   - the school's calendar, read before and after everything else of the
//     child, is the same both times;
//   - children at different schools do not have the very same calendar,
//     letters and menu.
//
// A child that fails one of the first three is read again once. What fails
// even so, or fails the last, puts the whole read in doubt: no child is handed
// on then, and none before all have been read.

// choose selects the child and believes it only when the answer names it.
func (r *read) choose(ctx context.Context, p pupil) error {
	body, err := json.Marshal(map[string]string{"id": p.id()})
	if err != nil {
		return err
	}
	data, _, err := r.enveloped(ctx, fetch.Request{
		Method: http.MethodPost, URL: origin + base + pathSelect, Body: body,
		Header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}, "Origin": {origin}},
	})
	if err != nil {
		return fmt.Errorf("select child: %w", err)
	}
	var chosen wireChild
	if err := decode(data, &chosen); err != nil {
		return fmt.Errorf("select child: %w", err)
	}
	if !strings.EqualFold(chosen.ID, p.id()) {
		return fmt.Errorf("select child: %w", source.ErrWrongChild)
	}
	return nil
}

// tagged asks for something that depends on the selected child and looks at
// the sign that the answer bears.
func (r *read) tagged(ctx context.Context, p pupil, path string, query url.Values) (json.RawMessage, error) {
	query.Set("childId", p.id())
	data, resp, err := r.get(ctx, path, query)
	if resp != nil && !r.bears(resp, p) {
		return nil, source.ErrWrongChild
	}
	return data, err
}

// bears reports whether an answer's Status cookie allows it to be about the
// child: a preschool child's says FS, another's does not, and it is not
// exactly what a sibling with another status would have. An answer without
// the cookie says nothing.
func (r *read) bears(resp *fetch.Response, p pupil) bool {
	for _, c := range resp.Cookies {
		if c.Name != "Status" {
			continue
		}
		status, err := url.QueryUnescape(c.Value)
		if err != nil {
			return false
		}
		status = strings.Join(stages(strings.Trim(status, `"`)), ";")
		if status == "" {
			continue
		}
		seen := pupil{Child: school.Child{Stages: stages(status)}}
		if seen.preschool() != p.preschool() {
			return false
		}
		own := strings.Join(p.Stages, ";")
		for _, o := range r.pupils {
			if status != own && status == strings.Join(o.Stages, ";") {
				return false
			}
		}
	}
	return true
}

// listed is what a request for a school's calendar brought.
type listed struct {
	rows []wireEvent
	bad  int // rows that could not be read
	err  error
}

func (r *read) list(ctx context.Context, p pupil) listed {
	data, err := r.tagged(ctx, p, pathCalendar, url.Values{"rowLimit": {strconv.Itoa(rowLimit)}})
	if err != nil {
		return listed{err: err}
	}
	rows, bad, err := decodeRows[wireEvent](data)
	return listed{rows: rows, bad: bad, err: err}
}

// fingerprint tells calendars apart; it is empty when nothing stands in one.
func fingerprint(rows []wireEvent) string {
	if len(rows) == 0 {
		return ""
	}
	h := sha256.New()
	for _, e := range rows {
		for _, s := range []string{string(e.ID), e.Title.text, deref(e.Start), deref(e.End)} {
			fmt.Fprintf(h, "%d:%s", len(s), s)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// held is a child that was read and waits for its siblings.
type held struct {
	p       pupil
	snap    *school.Snapshot
	print   string   // of its school's calendar; empty when it proves nothing
	letters []string // the platform's keys of its letters
	menu    []string // what is served
}

// vouched reads one child of a mixed family. It returns a snapshot only when
// every check on the child alone says that all of it is about this child.
func (r *read) vouched(ctx context.Context, p pupil) (held, error) {
	h := held{p: p}
	if err := r.choose(ctx, p); err != nil {
		return h, err
	}
	before := r.list(ctx, p)
	if before.err != nil && (ends(before.err) || errors.Is(before.err, source.ErrWrongChild)) {
		return h, before.err
	}
	b := newBuilder(r, p)
	b.listed = &before
	trouble := b.parts(ctx)
	if trouble != nil && (ends(trouble) || errors.Is(trouble, source.ErrWrongChild)) {
		return h, trouble
	}
	if before.err == nil {
		after := r.list(ctx, p)
		if after.err != nil {
			return h, after.err
		}
		if h.print = fingerprint(before.rows); fingerprint(after.rows) != h.print {
			return h, source.ErrWrongChild
		}
	}
	h.snap, h.letters = b.snapshot(), b.letterIDs
	for _, m := range b.snap.Menu {
		h.menu = append(h.menu, m.Body)
	}
	return h, trouble
}

// doubtful reports whether two children at different schools were shown the
// same calendar, and neither letters nor menus that tell them apart: then
// nobody can say whose it is.
func doubtful(all []held) bool {
	for i, a := range all {
		for _, b := range all[:i] {
			if a.print != "" && a.print == b.print && a.p.schoolID != b.p.schoolID &&
				!apart(a.letters, b.letters) && !apart(a.menu, b.menu) {
				return true
			}
		}
	}
	return false
}

// apart reports whether two lists are evidence of two children.
func apart(a, b []string) bool { return len(a) > 0 && len(b) > 0 && !slices.Equal(a, b) }
