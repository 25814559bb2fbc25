package normalize

import (
	"cmp"
	"context"
	"mime"
	"net/url"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"syncd/source/internal/document"
	"syncd/source/school"
)

// news cleans letters: newest first, each once.
func (p *pass) news(ctx context.Context, in []school.NewsItem) []school.NewsItem {
	var good []school.NewsItem
	for _, l := range in {
		if p.letter(ctx, &l) {
			good = append(good, l)
		} else {
			p.skip(school.PartNews)
		}
	}
	slices.SortStableFunc(good, func(a, b school.NewsItem) int {
		return cmp.Or(b.Published.Compare(a.Published), b.Modified.Compare(a.Modified), strings.Compare(a.Title, b.Title),
			strings.Compare(a.HTML, b.HTML), strings.Compare(string(a.Ref), string(b.Ref)))
	})
	seen := make(map[school.UID]school.NewsItem)
	var out []school.NewsItem
	for _, l := range good {
		key := []string{l.Published.UTC().String(), l.Title}
		l.UID = p.uid(school.KindNews, l.Ref, key...)
		for n, first := 2, l.UID; ; n++ {
			other, taken := seen[l.UID]
			if !taken {
				seen[l.UID] = l
				out = append(out, l)
				break
			}
			if reflect.DeepEqual(l, with(other, l.UID)) {
				break
			}
			l.UID = p.again(first, n, key)
		}
	}
	return out
}

func with(l school.NewsItem, uid school.UID) school.NewsItem {
	l.UID = uid
	return l
}

func (p *pass) letter(ctx context.Context, l *school.NewsItem) bool {
	l.URL = webURL(l.URL, nil)
	var base *url.URL
	if l.URL != "" {
		base, _ = url.Parse(l.URL) // webURL has parsed it before
	}
	l.Author, l.Source = line(l.Author, maxLine), line(l.Source, maxLine)
	l.HTML = p.n.safeHTML(l.HTML, base)
	l.Summary = summary(l.Summary)
	if l.Summary == "" {
		l.Summary = summary(l.HTML)
	}
	if l.Title = line(l.Title, maxTitle); l.Title == "" {
		l.Title = l.Summary
	}
	l.Published, l.Modified = p.n.instant(l.Published), p.n.instant(l.Modified)
	if l.Published.IsZero() {
		l.Published = l.Modified
	}
	if l.Modified.Before(l.Published) {
		l.Modified = l.Published
	}
	l.Images, l.Files = p.n.media(ctx, l.Images, "image"), p.n.media(ctx, l.Files, "file")
	return l.Title != "" && p.n.known(l.Published) && p.n.known(l.Modified)
}

// summary returns s as one line of at most maxSummary runes.
func summary(s string) string {
	s = line(s, maxBody)
	for range 3 { // a cut may leave a word that is repaired in its turn
		s = capRunes(repair(s), maxSummary)
	}
	return s
}

// joined matches a sentence that lost the blank before the next one.
var joined = regexp.MustCompile(`([\p{L}\d)][.!?]|\p{L}[,;:])(\p{Lu})`)

// repair puts back the blanks that a platform loses where it joins
// paragraphs ("Hej!På fredag"), except in what looks like an address.
func repair(s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		if !strings.ContainsAny(w, "@/") && !strings.HasPrefix(strings.ToLower(w), "www.") {
			words[i] = joined.ReplaceAllString(w, "$1 $2")
		}
	}
	return strings.Join(words, " ")
}

// notices cleans notifications: newest first, each once.
func (p *pass) notices(in []school.Notice) []school.Notice {
	var good []school.Notice
	for _, v := range in {
		if p.notice(&v) {
			good = append(good, v)
		} else {
			p.skip(school.PartNotices)
		}
	}
	slices.SortStableFunc(good, func(a, b school.Notice) int {
		return cmp.Or(b.Sent.Compare(a.Sent), strings.Compare(a.Title, b.Title), strings.Compare(a.Text, b.Text),
			strings.Compare(a.Sender, b.Sender), strings.Compare(a.URL, b.URL), strings.Compare(string(a.Ref), string(b.Ref)))
	})
	seen := make(map[school.UID]school.Notice)
	var out []school.Notice
	for _, v := range good {
		key := []string{v.Sent.UTC().String(), v.Title, v.Text}
		v.UID = p.uid(school.KindNotices, v.Ref, key...)
		for n, first := 2, v.UID; ; n++ {
			other, taken := seen[v.UID]
			if !taken {
				seen[v.UID] = v
				out = append(out, v)
				break
			}
			if other.UID = v.UID; v == other {
				break
			}
			v.UID = p.again(first, n, key)
		}
	}
	return out
}

func (p *pass) notice(v *school.Notice) bool {
	v.Title, v.Sender = line(v.Title, maxTitle), line(v.Sender, maxLine)
	v.Text = lines(v.Text, maxBody)
	v.URL = webURL(v.URL, nil)
	v.Sent = p.n.instant(v.Sent)
	if v.Title == "" {
		first, _, _ := strings.Cut(v.Text, "\n")
		v.Title = line(first, maxTitle)
	}
	return v.Title != "" && p.n.known(v.Sent)
}

// media cleans names and types, and looks into what was read: its type is what
// it is and not what it is called, pictures lose the place at which they were
// taken, papers get their text. What is called a picture and is none was not
// read.
func (n *Normalizer) media(ctx context.Context, in []school.Media, fallback string) []school.Media {
	out := slices.Clone(in)
	for i := range out {
		m := &out[i]
		m.Type, m.Text = mediaType(m.Type), ""
		if m.Data != nil {
			m.Absent = school.AbsentNot
			m.Type = narrowed(document.Type(m.Data), m.Type)
			m.Data, m.Text = document.Strip(m.Type, m.Data), n.text(ctx, m.Type, m.Data)
			if fallback == "image" && !strings.HasPrefix(m.Type, "image/") {
				m.Data, m.Text = nil, ""
			}
		}
		if m.Data == nil && m.Absent == school.AbsentNot {
			m.Absent = school.AbsentUnread
		}
		m.Text = capBytes(clean(m.Text), maxPaper)
		m.Alt = line(m.Alt, maxLine)
		m.Name = fileName(m.Name, m.Type, fallback)
	}
	return out
}

// text returns what is written in a file.
func (n *Normalizer) text(ctx context.Context, mediaType string, data []byte) string {
	if mediaType != typePDF {
		return document.Text(mediaType, data)
	}
	if n.pdf == nil {
		return ""
	}
	return n.pdf(ctx, data)
}

const typePDF = "application/pdf"

// TextOfPDF returns the text of a PDF, empty where there is none or it cannot
// be read. What reads it believes the file: a hostile one may make it end the
// process, out of memory, or never come back. So the program calls it in a
// process of its own, and a test with files that it has made itself.
func TextOfPDF(data []byte) string { return document.TextOfPDF(data) }

// narrowed returns the type of a file: what it is, or what it is called where
// that is only more precise.
func narrowed(is, called string) string {
	const oasis, ms = "application/vnd.oasis.opendocument.", "application/vnd.ms-"
	if is == "application/zip" && strings.HasPrefix(called, oasis) || is == "application/msword" && strings.HasPrefix(called, ms) {
		return called
	}
	return is
}

func mediaType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if err != nil || !strings.Contains(t, "/") {
		return "application/octet-stream"
	}
	return t
}

const maxName = 100 // runes

// fileName returns a name that is safe in a path and in a header: no
// directory, no reserved character, no leading or trailing dot, never empty.
func fileName(s, mediaType, fallback string) string {
	s = plain(capRaw(s))
	s = path.Base(strings.ReplaceAll(s, `\`, "/"))
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"/\|?*%;`, r) || unicode.IsControl(r) {
			return '-'
		}
		return r
	}, s)
	s = strings.Trim(strings.Join(strings.Fields(s), " "), " .-")
	if s == "" {
		s = fallback + extension(mediaType)
	}
	ext := path.Ext(s)
	if stem := strings.TrimSuffix(s, ext); len(ext) <= 10 {
		return strings.TrimRight(strings.TrimSuffix(capRunes(stem, maxName-10), ellipsis), " .-") + ext
	}
	return strings.TrimRight(strings.TrimSuffix(capRunes(s, maxName), ellipsis), " .-")
}

// extension knows the types that schools send; it does not ask the machine,
// whose answers differ.
func extension(mediaType string) string {
	switch mediaType {
	case "image/jpeg":
		return ".jpg"
	case "image/png":
		return ".png"
	case "image/gif":
		return ".gif"
	case "image/webp":
		return ".webp"
	case typePDF:
		return ".pdf"
	case "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
		return ".docx"
	}
	return ""
}
