package document

import (
	"bytes"
	"encoding/binary"
	"iter"
)

const maxBoxes = 16 // within each other

// blankBoxes overwrites in a film (ISO/IEC 14496-12, QuickTime File Format)
// what says where it was taken, and what cameras and programs keep in it for
// themselves. Boxes keep their places, for tables refer to what is in them by
// position; one that is gone is called free.
func blankBoxes(data []byte, depth int) bool {
	found := false
	for depth < maxBoxes {
		box, body := cutBox(data, depth == 0)
		if box == nil {
			break
		}
		switch string(box[4:8]) {
		case "\xa9xyz", "loci", "gps ", "XMP_", "uuid":
			copy(box[4:8], "free")
			clear(body)
			found = true
		case "moov", "trak", "mdia", "minf", "moof", "traf", "udta", "ilst":
			found = blankBoxes(body, depth+1) || found
		case "meta":
			// QuickTime's begins with a box, the others' with a version.
			if len(body) >= 8 && string(body[4:8]) != "hdlr" {
				body = body[4:]
			}
			found = blankKeys(body) || found
			found = blankBoxes(body, depth+1) || found
		}
		data = data[len(box):]
	}
	return found
}

// cutBox returns the first box, and what is in it. The last box of a file may
// go on to its end.
func cutBox(data []byte, last bool) (box, body []byte) {
	if len(data) < 8 {
		return nil, nil
	}
	header, size := 8, uint64(binary.BigEndian.Uint32(data))
	switch {
	case size == 1 && len(data) >= 16:
		header, size = 16, binary.BigEndian.Uint64(data[8:])
	case size == 0 && last:
		size = uint64(len(data))
	}
	if size < uint64(header) {
		return nil, nil
	}
	box = data[:min(size, uint64(len(data)))]
	return box, box[min(header, len(box)):]
}

// boxes goes through all that stand in another: their types and what is in
// them.
func boxes(data []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for {
			box, body := cutBox(data, false)
			if box == nil || !yield(string(box[4:8]), body) {
				return
			}
			data = data[len(box):]
		}
	}
}

// blankKeys overwrites the values of metadata whose keys are names, such as
// com.apple.quicktime.location.ISO6709.
func blankKeys(meta []byte) bool {
	places := map[string]bool{} // numbers of keys, as their values have them
	found := false
	for kind, body := range boxes(meta) {
		switch kind {
		case "keys":
			n := uint32(0)
			for _, name := range boxes(body[min(8, len(body)):]) { // behind version and count
				n++
				name = bytes.ToLower(name)
				if bytes.Contains(name, []byte("location")) || bytes.Contains(name, []byte("gps")) {
					places[string(binary.BigEndian.AppendUint32(nil, n))] = true
				}
			}
		case "ilst":
			for key, values := range boxes(body) {
				found = places[key] && blankValues(values) || found
			}
		}
	}
	return found
}

// blankValues overwrites what stands in the data boxes of an item, behind
// type and language.
func blankValues(item []byte) bool {
	found := false
	for kind, body := range boxes(item) {
		if kind == "data" && len(body) > 8 && !allZero(body[8:]) {
			clear(body[8:])
			found = true
		}
	}
	return found
}
