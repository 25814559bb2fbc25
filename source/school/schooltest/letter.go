package schooltest

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"strings"
	"time"

	"syncd/source/school"
)

// letter lays out what all letters have, so many days before now.
func (b *builder) letter(c Child, days int, title string) school.NewsItem {
	at := b.now.Add(-time.Duration(days)*24*time.Hour - 95*time.Minute)
	return school.NewsItem{
		Ref:   school.Ref(strings.ToLower(guid("letter", c.Key, title))),
		Title: title, Author: "Lärare " + b.word(), Source: c.Class,
		Summary: "Hej! Mer om " + b.word() + "...", Published: at, Modified: at,
	}
}

func (b *builder) plainLetter(c Child, days int) school.NewsItem {
	n := b.letter(c, days, "Veckobrev från "+b.word())
	n.HTML = "<p>Hej alla vårdnadshavare!</p><p>I veckan har vi arbetat med " + b.word() +
		".</p><ul><li>Läxa till tisdag</li><li>Gympa på torsdag</li></ul><p>Trevlig helg<br><br><br>önskar " + b.word() + "</p>"
	return n
}

// canvasLetter is written in SharePoint's own kind of HTML.
func (b *builder) canvasLetter(c Child) school.NewsItem {
	n := b.letter(c, 3, "Friluftsdag på fredag "+b.word())
	n.HTML = `<div><div data-sp-canvascontrol="" data-sp-canvasdataversion="1.0" ` +
		`data-sp-controldata="&#123;&quot;controlType&quot;&#58;4&#125;"><div data-sp-rte="">` +
		`<p><span><span><span>Hej!</span></span></span></p><p>På fredag åker vi till <strong>` + b.word() +
		` </strong>.&#160;Ta med matsäck.` + "\u200b" + `</p></div></div>` +
		`<div data-sp-canvascontrol="" data-sp-controldata="&#123;&quot;controlType&quot;&#58;0&#125;"></div></div>`
	return n
}

// pictureLetter has a picture that only a session at the school can load.
func (b *builder) pictureLetter(c Child) school.NewsItem {
	n := b.letter(c, 5, "Bilder från "+b.word())
	n.HTML = "<p>Så här såg det ut i " + b.word() + ".</p>"
	name := guid("picture", c.Key) + ".jpeg"
	n.Images = []school.Media{{
		Ref: school.Ref(name), Name: name, Type: "image/jpeg", Alt: "Barn vid " + b.word(), Data: picture(),
	}}
	return n
}

func (b *builder) tableLetter(c Child) school.NewsItem {
	n := b.letter(c, 8, "Schema för temaveckan "+b.word())
	n.HTML = `<div data-sp-rte=""><p><span>Så här ser veckan ut:</span></p>` +
		`<div class="canvasRteResponsiveTable"><table><tbody><tr><td>Måndag</td><td>9&#58;00</td><td>` + b.word() +
		`</td></tr><tr><td>Fredag</td><td>13&#58;30</td><td>` + b.word() + `</td></tr></tbody></table></div>` +
		`<p><a href=" https&#58;//example.invalid/karta?till=` + b.word() + ` ">Karta</a>` + "\u200b" + `</p></div>`
	return n
}

// editedLetter was changed two days after it was sent.
func (b *builder) editedLetter(c Child) school.NewsItem {
	n := b.letter(c, 12, "Rättelse om "+b.word())
	n.HTML = "<p>Nytt datum: torsdag. Vi ses vid " + b.word() + ".</p>"
	n.Modified = n.Published.Add(49*time.Hour + 22*time.Minute)
	return n
}

// emptyLetter has a heading and nothing more.
func (b *builder) emptyLetter(c Child) school.NewsItem {
	n := b.letter(c, 40, "Kom ihåg "+b.word())
	n.Summary = ""
	return n
}

// oddLetter holds what people really paste.
func (b *builder) oddLetter(c Child) school.NewsItem {
	n := b.letter(c, 6, "🦊 Räven &amp; \"igelkotten\"; \u200fאב\u200f pa\u030a "+b.word())
	n.HTML = "<p>Lo\u0308v, ka\u0308pphästar och 👩‍👩‍👧‍👦 i " + b.word() + " &lt;3</p><script>alert('" + b.word() +
		"')</script><p>" + strings.Repeat("sparkcykelhjälmsförvaring", 400) + "</p>" +
		`<img src="https://tracker.example.invalid/pixel.gif?` + b.word() + `" width="1" height="1">`
	return n
}

// notices is one notice from each sender, oldest last.
func (b *builder) notices(c Child, senders ...string) []school.Notice {
	links := map[string]string{
		"Elevdokumentation": "https://elevdokumentation.stockholm.se/loa3/exempel.do",
		"Unikum":            "https://start.unikum.net/unikum/exempel",
	}
	var out []school.Notice
	for i, sender := range senders {
		text := "Nytt omdöme om " + b.word() + " är publicerat."
		out = append(out, school.Notice{
			Ref: school.Ref(guid("notice", c.Key, sender)), Title: "Omdöme " + b.word(), Text: text, Sender: sender,
			URL: links[sender], Sent: b.now.Add(-time.Duration(2+5*i)*24*time.Hour - 195*time.Millisecond),
		})
	}
	return out
}

// picture returns a small JPEG, the same each time.
func picture() []byte {
	const w, h = 96, 64
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{R: uint8(255 - 2*y), G: uint8(120 + x), B: uint8(3 * y), A: 255})
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 80}); err != nil {
		return nil // cannot happen: a buffer takes every byte and the size is small
	}
	return out.Bytes()
}

func sortEvents(events []school.Event) { slices.SortStableFunc(events, byStart) }
