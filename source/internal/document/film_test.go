package document_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"strings"
	"testing"

	"syncd/source/internal/document"
)

// box returns a box of ISO/IEC 14496-12.
func box(kind string, inside ...string) string {
	s := strings.Join(inside, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)+8))) + kind + s
}

const place = "+59.3293+018.0686/"

func film() string {
	keys := box("keys", "\x00\x00\x00\x00\x00\x00\x00\x03",
		box("mdta", "com.apple.quicktime.make"), box("mdta", "com.apple.quicktime.location.ISO6709"), box("mdta", "com.apple.quicktime.location.name"))
	value := func(s string) string { return box("data", "\x00\x00\x00\x01\x00\x00\x00\x00"+s) }
	list := box("ilst", box("\x00\x00\x00\x01", value("Apple")), box("\x00\x00\x00\x02", value(place)), box("\x00\x00\x00\x03", value(place)))
	handler := box("hdlr", "\x00\x00\x00\x00\x00\x00\x00\x00mdta")
	return box("ftyp", "qt  \x00\x00\x00\x00") +
		box("moov",
			box("mvhd", "header"),
			box("trak", box("tkhd", "turned"), box("udta", box("loci", "\x00\x00\x00\x00\x15\xc7"+place)), box("meta", handler, keys, list)),
			box("udta", box("\xa9xyz", "\x00\x12\x15\xc7"+place), box("XMP_", place), box("name", "Utflykt"),
				box("meta", "\x00\x00\x00\x00", handler, box("ilst", box("\xa9xyz", value(place)))), "\x00\x00\x00\x00"),
			box("meta", handler, keys, list),
			"\x00\x00\x00\x01uuid\x00\x00\x00\x00\x00\x00\x00\x32"+"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"+place) +
		box("uuid", "0123456789abcdef", place) + box("free", "XMP <rdf:RDF>"+place+"</rdf:RDF>") +
		"\x00\x00\x00\x00mdatpicture"
}

func TestStripFilm(t *testing.T) {
	t.Parallel()
	in := film()
	for _, kind := range []string{"video/mp4", "audio/mp4", "image/heic", "image/avif"} {
		got := string(document.Strip(kind, []byte(in)))
		if strings.Contains(got, "59.3293") || len(got) != len(in) {
			t.Errorf("%s: %q", kind, got)
		}
		for _, s := range []string{"turned", "Utflykt", "Apple", "picture", "header"} {
			if strings.Index(got, s) != strings.Index(in, s) {
				t.Errorf("%s: %s is not where it was", kind, s)
			}
		}
	}
	if kind := document.Type([]byte(in)); kind != "video/mp4" {
		t.Errorf("it is %s", kind)
	}
	cut := in[:strings.Index(in, place)+len(place)-2]
	if got := string(document.Strip("video/mp4", []byte(cut))); strings.Contains(got, "59.3293") || len(got) != len(cut) {
		t.Errorf("cut short: %q", got)
	}
}

// little turns TIFF data of the tests from big to little endian.
func little(tiff string) string {
	b := []byte(tiff)
	copy(b, "II*\x00")
	swap := func(at, n int) {
		for i := range n / 2 {
			b[at+i], b[at+n-1-i] = b[at+n-1-i], b[at+i]
		}
	}
	swap(4, 4)
	for _, from := range []int{8, 50} {
		n := int(binary.BigEndian.Uint16([]byte(tiff[from:])))
		swap(from, 2)
		for at := from + 2; at < from+2+12*n; at += 12 {
			swap(at, 2)
			swap(at+2, 2)
			swap(at+4, 4)
			if binary.BigEndian.Uint16([]byte(tiff[at+2:])) == 3 {
				swap(at+8, 2)
			} else if tiff[at+8:at+12] != "ACME" {
				swap(at+8, 4)
			}
		}
	}
	return string(b)
}

// A day of eleven octets, behind which the picture goes on.
func TestStripNoMoreThanThePosition(t *testing.T) {
	t.Parallel()
	tiff := "MM\x00*\x00\x00\x00\x08\x00\x01\x88\x25\x00\x04\x00\x00\x00\x01\x00\x00\x00\x1a\x00\x00\x00\x00" +
		"\x00\x02\x00\x01\x00\x02\x00\x00\x00\x02N\x00\x00\x00" + "\x00\x1d\x00\x02\x00\x00\x00\x0b\x00\x00\x00\x38\x00\x00\x00\x00" + "2026:11:22\x00"
	in := box("ftyp", "heic\x00\x00\x00\x00") + box("mdat", tiff, strings.Repeat("picture", 20))
	got := string(document.Strip("image/heic", []byte(in)))
	if strings.Contains(got, "2026:11:22") || !strings.HasSuffix(got, strings.Repeat("picture", 20)) {
		t.Errorf("%q", got)
	}
}

// The Exif item of these begins with how far its TIFF data are, which phones
// fill with "Exif" and some programs do not.
func TestStripExifWithoutItsName(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"heic", "avif"} {
		for name, tiff := range map[string]string{"big": exif(6), "little": little(exif(6))} {
			for _, before := range []string{"\x00\x00\x00\x00", "\x00\x00\x00\x06Exif\x00\x00", "\x00\x00\x00\x02ab"} {
				in := box("ftyp", kind+"\x00\x00\x00\x00") + box("meta", "\x00\x00\x00\x00", box("hdlr", "pict")) + box("mdat", "picture", before, tiff, "picture")
				got := string(document.Strip("image/"+kind, []byte(in)))
				if len(got) != len(in) || strings.Contains(got, "LATITU") {
					t.Errorf("%s, %s endian, %q: %q", kind, name, before, got)
				}
				at := strings.Index(in, tiff) + 22 // the second entry
				if got[at:at+12] != in[at:at+12] || !strings.HasPrefix(got, in[:at]) || !strings.HasSuffix(got, "picture") {
					t.Errorf("%s, %s endian, %q: more than the position is gone: %q", kind, name, before, got)
				}
			}
		}
	}
}

func TestStripGIF(t *testing.T) {
	t.Parallel()
	m := image.NewPaletted(image.Rect(0, 0, 9, 9), color.Palette{color.Black, color.White})
	m.Set(3, 3, color.White)
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{m, m}, Delay: []int{5, 5}}); err != nil {
		t.Fatal(err)
	}
	plain := b.String()
	// The packet of XMP is no row of blocks: what follows it makes every octet
	// of it lead to the end.
	var trailer strings.Builder
	trailer.WriteByte(1)
	for i := 255; i >= 0; i-- {
		trailer.WriteByte(byte(i))
	}
	xmp := "\x21\xff\x0bXMP DataXMP<?xpacket?><x:xmpmeta>" + strings.Repeat("exif:GPSLatitude LATITUDE ", 30) + "</x:xmpmeta>" + trailer.String() + "\x00"
	comment := "\x21\xfe\x08LATITUDE\x00"
	at := strings.Index(plain, "\x21")
	tagged := plain[:at] + xmp + comment + plain[at:] + "LATITUDE behind the end"
	got := string(document.Strip("image/gif", []byte(tagged)))
	if got != plain {
		t.Errorf("%q, want %q", got, plain)
	}
	if !strings.Contains(got, "NETSCAPE2.0") {
		t.Error("it does not repeat any more")
	}
	if _, err := gif.DecodeAll(strings.NewReader(got)); err != nil {
		t.Error(err)
	}
	if got := document.Strip("image/gif", []byte(plain[:40])); len(got) > 40 || bytes.Contains(got, []byte("LATITU")) {
		t.Errorf("cut short: %q", got)
	}
}
