// Package document looks into the pictures and files that schools attach: it
// finds out what they really are, takes out of pictures where they were taken,
// and reads the text of papers for those who cannot open them.
//
// Everything here is a pure function of its argument, which is hostile: it
// lies about its type, unpacks to more than any memory holds, refers to itself
// and says that it has a million pages. Work and memory are bounded by counts,
// never by a clock, so the answer is the same on every machine; only of
// [TextOfPDF] that is not quite true. A file that cannot be read has no text;
// that is no error.
package document

import (
	"archive/zip"
	"bytes"
	"net/http"
	"strings"
)

// Bounds of what is read.
const (
	maxText    = 64 << 10 // octets of text that are kept
	maxContent = 8 << 20  // octets that a document may unpack to
	maxFiles   = 4096     // entries of an archive that are looked at
)

// Media types that [Type] knows beside those of [http.DetectContentType].
const (
	typePDF   = "application/pdf"
	typeDOCX  = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	typeXLSX  = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	typePPTX  = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	typeZIP   = "application/zip"
	typeOctet = "application/octet-stream"
)

// Type returns the media type of what data are, whatever anybody says of
// them: "application/octet-stream" for all that is not on the short list of
// what a subscriber may get as what it is.
func Type(data []byte) string {
	if len(data) >= 12 && string(data[4:8]) == "ftyp" {
		switch string(data[8:12]) {
		case "heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1":
			return "image/heic"
		case "avif", "avis":
			return "image/avif"
		case "M4A ":
			return "audio/mp4"
		}
		return "video/mp4"
	}
	switch t, _, _ := strings.Cut(http.DetectContentType(data), ";"); t {
	case "image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", typePDF, "audio/mpeg", "video/mp4":
		return t
	case typeZIP:
		return archiveType(data)
	case "text/plain":
		switch {
		case bytes.HasPrefix(data, []byte("BEGIN:VCALENDAR")):
			return "text/calendar"
		case bytes.HasPrefix(data, []byte(`{\rtf`)):
			return "application/rtf"
		}
		return t
	}
	if bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) {
		return "application/msword" // or another old program of that house
	}
	return typeOctet
}

// archiveType tells office documents from other archives by the file that
// each of them must hold.
func archiveType(data []byte) string {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return typeOctet
	}
	for i, f := range z.File {
		if i >= maxFiles {
			break
		}
		switch f.Name {
		case "word/document.xml":
			return typeDOCX
		case "xl/workbook.xml":
			return typeXLSX
		case "ppt/presentation.xml":
			return typePPTX
		}
	}
	return typeZIP
}

// Text returns what is written in a document of a type that [Type] returned:
// plain text, paragraphs parted by \n\n, lines by \n. It is empty where
// there is none or it cannot be read, and for a PDF, see [TextOfPDF].
func Text(mediaType string, data []byte) string {
	if mediaType != typeDOCX {
		return ""
	}
	return tidy(textOfDOCX(data))
}

// tidy drops blanks at the ends of lines and more than one empty line in a
// row, and cuts what is too long at a line.
func tidy(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	var b strings.Builder
	empty := 0
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" {
			empty++
			continue
		}
		if b.Len()+len(line)+2 > maxText {
			break
		}
		if b.Len() > 0 {
			b.WriteString("\n\n"[:min(1+empty, 2)])
		}
		empty = 0
		b.WriteString(line)
	}
	return b.String()
}
