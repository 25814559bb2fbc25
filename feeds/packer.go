package feeds

import (
	"container/list"
	"sync"
	"time"
)

// packer keeps the documents of calendars, compressed when somebody asked for
// that, under a bound of octets: those asked for last. Safe for concurrent
// use.
type packer struct {
	mu    sync.Mutex
	limit int64
	size  int64
	byTag map[string]*list.Element
	order *list.List // of *pack, the latest used in front
}

type pack struct {
	tag  string
	doc  *document
	size int64 // of the body, and of its compressed form once there is one
}

func newPacker(limit int64) *packer {
	return &packer{limit: limit, byTag: map[string]*list.Element{}, order: list.New()}
}

// document returns the document of a calendar with that entity tag, date and
// body.
func (p *packer) document(tag string, modified time.Time, body []byte) *document {
	p.mu.Lock()
	defer p.mu.Unlock()
	if element, found := p.byTag[tag]; found {
		p.order.MoveToFront(element)
		item, _ := element.Value.(*pack)
		if item.doc.modified.Equal(modified.Truncate(time.Second)) {
			return item.doc
		}
		p.drop(element)
	}
	item := &pack{tag: tag, doc: newDocument("text/calendar; charset=utf-8", tag, modified, body)}
	element := p.order.PushFront(item)
	p.byTag[tag] = element
	item.doc.packed = sync.OnceValue(func() packed {
		data := compress(body)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.count(element, int64(len(data.body)))
		return data
	})
	p.count(element, int64(len(body)))
	return item.doc
}

func (p *packer) drop(element *list.Element) {
	old, _ := p.order.Remove(element).(*pack)
	delete(p.byTag, old.tag)
	p.size -= old.size
}

// count adds to what a document takes and drops the oldest ones beyond the
// bound.
func (p *packer) count(element *list.Element, size int64) {
	item, _ := element.Value.(*pack)
	if p.byTag[item.tag] != element {
		return // dropped while it was made
	}
	item.size += size
	p.size += size
	for p.size > p.limit && p.order.Len() > 0 {
		p.drop(p.order.Back())
	}
}
