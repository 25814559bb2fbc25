package icalendar

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
)

// overhead is about what an object takes beside its Data.
const overhead = 256

// Packed returns the collection without ICS, which it holds compressed: for one
// whose whole calendar is seldom asked for. What is asked for is in
// [Collection.Whole].
func (c *Collection) Packed() *Collection {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(c.ICS)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil { // not to memory
		return c
	}
	other := *c
	other.ICS, other.packed = nil, bytes.Clone(b.Bytes())
	return &other
}

// Whole returns ICS, unpacked where it is packed; not to be changed.
func (c *Collection) Whole() ([]byte, error) {
	if c.packed == nil {
		return c.ICS, nil
	}
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(c.packed)))
	if err != nil {
		return nil, fmt.Errorf("icalendar: unpack: %w", err)
	}
	return data, nil
}

// Size is about how many bytes the collection takes.
func (c *Collection) Size() int64 {
	n := len(c.ICS) + len(c.packed)
	for _, o := range c.Objects {
		n += len(o.Data) + overhead
	}
	return int64(n)
}
