package storage

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"

	"syncd/source/school"
)

const printLength = 16 // bytes that are kept of a fingerprint

// printer makes a fingerprint of values so that no two lists of values look
// alike: each is preceded by its length.
type printer struct {
	h   hash.Hash
	buf [8]byte
}

func newPrinter() *printer { return &printer{h: sha256.New()} }

func (p *printer) number(n int64) {
	binary.BigEndian.PutUint64(p.buf[:], uint64(n)) //nolint:gosec // the bits matter, not the sign
	p.h.Write(p.buf[:])
}

func (p *printer) text(values ...string) {
	for _, s := range values {
		p.number(int64(len(s)))
		_, _ = io.WriteString(p.h, s)
	}
}

func (p *printer) sum() string { return string(p.h.Sum(nil)[:printLength]) }

func (p *printer) reset() { p.h.Reset() }

// entry returns the fingerprint of everything of e that is shown.
func (p *printer) entry(e *school.Entry, t times) string {
	p.reset()
	p.text(string(e.Kind), e.Title, e.Place, e.Body, e.URL, string(e.Status))
	p.number(t.allDay)
	p.number(t.starts)
	p.number(t.ends)
	p.number(number(e.Busy) | number(e.Done)<<1 | number(e.Task)<<2)
	p.number(int64(len(e.Categories)))
	p.text(e.Categories...)
	return p.sum()
}

// letter returns the fingerprint of everything of l that is shown.
func (p *printer) letter(l *school.Letter, media []mediaRow) string {
	p.reset()
	p.text(string(l.Kind), l.Title, l.Author, l.Source, l.Summary, l.HTML, l.URL)
	p.number(unix(l.Published))
	p.number(int64(len(media)))
	for _, m := range media {
		p.text(m.Name, m.Type, m.Alt, m.Text, string(m.hash))
		p.number(m.Length)
		p.number(number(m.Image))
		if m.Absent != school.AbsentNot {
			p.text(string(m.Absent))
		}
	}
	return p.sum()
}

// times are how a span is kept.
type times struct {
	day                  int64 // first day in Sweden
	allDay, starts, ends int64
}

func timesOf(s school.Span) times {
	if s.AllDay {
		from := dayNumber(s.Days.From)
		return times{day: from, allDay: 1, starts: from, ends: dayNumber(s.Days.To)}
	}
	return times{starts: s.Start.Unix(), ends: s.End.Unix()}
}

func (t times) same(o times) bool {
	return t.allDay == o.allDay && t.starts == o.starts && t.ends == o.ends
}
