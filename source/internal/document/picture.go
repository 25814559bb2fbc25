package document

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Strip returns a picture or film of a type that [Type] returned without what
// it says of where, when, by whom and with what it was taken; those whose parts
// refer to each other by position, which are HEIC, AVIF and films, without the
// where, and as long as before. How it is to be turned and its colours stay.
// A picture that has nothing of that kind comes back as it is; so does what
// cannot be followed to its end, cut where that is.
func Strip(mediaType string, data []byte) []byte {
	switch mediaType {
	case "image/jpeg":
		return stripJPEG(data)
	case "image/png":
		return stripPNG(data)
	case "image/webp":
		return stripWebP(data)
	case "image/gif":
		return stripGIF(data)
	case "image/heic", "image/avif", "video/mp4", "audio/mp4":
		out := slices.Clone(data)
		// What was blanked may have been part of something else.
		for range maxBlanked {
			if places, boxes := blankPlaces(out), blankBoxes(out, 0); !places && !boxes {
				break
			}
		}
		return out
	}
	return data
}

const maxBlanked = 8 // times that a picture is looked through

// Markers of JPEG (ITU-T T.81, table B.1).
const (
	markSOI  = 0xd8
	markEOI  = 0xd9
	markSOS  = 0xda
	markAPP0 = 0xe0
	markAPPF = 0xef
	markCOM  = 0xfe
)

// stripJPEG keeps of the application segments JFIF, colour profiles and
// Adobe's, and of Exif the orientation alone. What follows the picture's end,
// such as the film of a moving photo, goes.
func stripJPEG(data []byte) []byte {
	if len(data) < 4 || data[0] != 0xff || data[1] != markSOI {
		return data
	}
	out := slices.Clone(data[:2])
	at := 2
	for at+4 <= len(data) {
		if data[at] != 0xff {
			return out // lost
		}
		mark := data[at+1]
		if mark == 0xff { // fill
			at++
			continue
		}
		if mark == markEOI {
			return append(out, 0xff, markEOI)
		}
		length := int(binary.BigEndian.Uint16(data[at+2:]))
		end := at + 2 + length
		if length < 2 || end > len(data) {
			return out
		}
		segment := data[at:end]
		at = end
		switch {
		case mark == markSOS:
			scan := scanEnd(data, at)
			out = append(append(out, segment...), data[at:scan]...)
			at = scan
		case mark >= markAPP0 && mark <= markAPPF || mark == markCOM:
			out = append(out, keptSegment(mark, segment)...)
		default:
			out = append(out, segment...)
		}
	}
	return append(out, data[min(at, len(data)):]...)
}

// scanEnd returns where the next marker stands that is none of a scan's own.
func scanEnd(data []byte, at int) int {
	for at+1 < len(data) {
		if data[at] == 0xff && data[at+1] != 0 && data[at+1] != 0xff && (data[at+1] < 0xd0 || data[at+1] > 0xd7) {
			return at
		}
		at++
	}
	return len(data)
}

// keptSegment returns what is kept of an application segment.
func keptSegment(mark byte, segment []byte) []byte {
	payload := segment[4:]
	switch {
	case mark == markAPP0, mark == markAPP0+14 && bytes.HasPrefix(payload, []byte("Adobe")),
		mark == markAPP0+2 && bytes.HasPrefix(payload, []byte("ICC_PROFILE\x00")):
		return segment
	case mark == markAPP0+1 && bytes.HasPrefix(payload, []byte("Exif\x00\x00")):
		if o := orientation(payload[6:]); o > 1 && o <= 8 {
			return exifSegment(o)
		}
	}
	return nil
}

const tagOrientation = 0x0112

// orientation reads the tag from the first directory of TIFF data, 0 when it
// is not there.
func orientation(tiff []byte) uint16 {
	order, entries := directory(tiff)
	for ; len(entries) >= 12; entries = entries[12:] {
		if order.Uint16(entries) == tagOrientation {
			return order.Uint16(entries[8:])
		}
	}
	return 0
}

// directory returns the entries of the first directory of TIFF data.
func directory(tiff []byte) (binary.ByteOrder, []byte) {
	if len(tiff) < 8 {
		return binary.BigEndian, nil
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at < 8 || at+2 > int64(len(tiff)) {
		return order, nil
	}
	n := int64(order.Uint16(tiff[at:]))
	return order, tiff[at+2 : min(at+2+12*n, int64(len(tiff)))]
}

// exifSegment is the smallest Exif segment that says how to turn a picture.
func exifSegment(orientation uint16) []byte {
	b := []byte{0xff, markAPP0 + 1, 0, 34}
	b = append(b, "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"...)
	b = binary.BigEndian.AppendUint16(b, orientation)
	return append(b, 0, 0, 0, 0, 0, 0)
}

// stripPNG drops the chunks that hold words or Exif (PNG third edition, 11.3).
func stripPNG(data []byte) []byte {
	const signature = 8
	if len(data) < signature {
		return data
	}
	out := slices.Clone(data[:signature])
	for at := signature; at+12 <= len(data); {
		length := int64(binary.BigEndian.Uint32(data[at:]))
		end := int64(at) + 12 + length
		if end > int64(len(data)) {
			return out
		}
		chunk := data[at:end]
		at = int(end)
		switch string(chunk[4:8]) {
		case "tEXt", "zTXt", "iTXt", "eXIf", "tIME":
		case "IEND":
			return append(out, chunk...)
		default:
			out = append(out, chunk...)
		}
	}
	return out
}

// stripWebP drops Exif and XMP and says so in the header (RFC 9649 2.7).
func stripWebP(data []byte) []byte {
	const header = 12
	if len(data) < header {
		return data
	}
	out := slices.Clone(data[:header])
	for at := header; at+8 <= len(data); {
		length := int64(binary.LittleEndian.Uint32(data[at+4:]))
		end := int64(at) + 8 + length + length&1
		if end > int64(len(data)) {
			break
		}
		chunk := slices.Clone(data[at:end])
		at = int(end)
		switch string(chunk[:4]) {
		case "EXIF", "XMP ":
			continue
		case "VP8X":
			if len(chunk) > 8 {
				chunk[8] &^= 0x08 | 0x04
			}
		}
		out = append(out, chunk...)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8)) //nolint:gosec // not longer than what came in, which had its length there
	return out
}

// stripGIF drops comments and what programs put into a picture for themselves,
// such as XMP, but for how often it is repeated and its colours (GIF89a, 23 to
// 26).
func stripGIF(data []byte) []byte {
	const header, separator, extension, end = 13, 0x2c, 0x21, 0x3b
	if len(data) < header {
		return data
	}
	at := header + colorTable(data[10])
	if at > len(data) {
		return data
	}
	out := slices.Clone(data[:at])
	for at+2 <= len(data) {
		from, keep := at, true
		switch data[at] {
		case separator:
			if at+11 > len(data) {
				return out
			}
			at += 11 + colorTable(data[at+9]) // and the size of codes
		case extension:
			keep = keptExtension(data[at+1:])
			at += 2
		case end:
			return append(out, end)
		default:
			return out // lost
		}
		for at < len(data) && data[at] != 0 {
			at += 1 + int(data[at])
		}
		if at++; at > len(data) {
			return out
		}
		if keep {
			out = append(out, data[from:at]...)
		}
	}
	if at < len(data) && data[at] == end {
		out = append(out, end)
	}
	return out
}

// colorTable returns how long the table of colours is that flags announce.
func colorTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// keptExtension says whether an extension that begins with its label is part
// of the picture.
func keptExtension(data []byte) bool {
	const application, comment = 0xff, 0xfe
	switch data[0] {
	case comment:
		return false
	case application:
		for _, s := range []string{"NETSCAPE2.0", "ANIMEXTS1.0", "ICCRGBG1012"} {
			if bytes.HasPrefix(data[1:], []byte("\x0b"+s)) {
				return true
			}
		}
		return false
	}
	return true
}

// blankPlaces overwrites where a picture was taken, in TIFF data wherever they
// stand (Exif behind its name, or without, as some write it), and XMP. Like
// the others below it says whether there was anything.
func blankPlaces(data []byte) bool {
	found := false
	for _, mark := range []string{"II*\x00", "MM\x00*"} {
		for at := 0; ; at += len(mark) {
			i := bytes.Index(data[at:], []byte(mark))
			if i < 0 {
				break
			}
			at += i
			found = blankTIFF(data[at:]) || found
		}
	}
	for _, packet := range [][2]string{{"<x:xmpmeta", "</x:xmpmeta>"}, {"<rdf:RDF", "</rdf:RDF>"}} {
		found = blankPackets(data, []byte(packet[0]), []byte(packet[1])) || found
	}
	return found
}

const tagGPS = 0x8825

// blankTIFF takes the position out of TIFF data: the directory of GPS with
// its values, and the entry that points to it.
func blankTIFF(tiff []byte) bool {
	found := false
	order, entries := directory(tiff)
	for ; len(entries) >= 12; entries = entries[12:] {
		if order.Uint16(entries) != tagGPS || allZero(entries[2:12]) {
			continue
		}
		at := int64(order.Uint32(entries[8:]))
		clear(entries[2:12])
		found = true
		if at < 8 || at+2 > int64(len(tiff)) {
			continue
		}
		gps := tiff[at+2 : min(at+2+12*int64(order.Uint16(tiff[at:])), int64(len(tiff)))]
		for ; len(gps) >= 12; gps = gps[12:] {
			// Values of more than four octets stand elsewhere.
			value, size := int64(order.Uint32(gps[8:])), int64(order.Uint32(gps[4:]))*sizeTIFF(order.Uint16(gps[2:]))
			if size > 4 && value < int64(len(tiff)) {
				clear(tiff[value:min(value+size, int64(len(tiff)))])
			}
			clear(gps[:12])
		}
	}
	return found
}

// sizeTIFF returns how many octets a value of a type has (TIFF 6.0, section 2).
func sizeTIFF(kind uint16) int64 {
	switch kind {
	case 3, 8:
		return 2
	case 4, 9, 11, 13:
		return 4
	case 5, 10, 12:
		return 8
	}
	return 1
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// blankPackets overwrites what stands between two words, and the first of
// them, with blanks.
func blankPackets(data, from, to []byte) bool {
	for at := 0; ; {
		i := bytes.Index(data[at:], from)
		if i < 0 {
			return at > 0
		}
		at += i
		end := bytes.Index(data[at:], to)
		if end < 0 {
			end = len(data) - at
		}
		for j := range data[at : at+end] {
			data[at+j] = ' '
		}
		at += end
	}
}
