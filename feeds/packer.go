package feeds

import (
	"container/list"
	"sync"
)

// packer compresses calendars once and keeps the results under a bound of
// octets, those asked for last. Safe for concurrent use.
type packer struct {
	mu    sync.Mutex
	limit int64
	size  int64
	byTag map[string]*list.Element
	order *list.List // of *pack, the latest used in front
}

type pack struct {
	tag  string
	data func() []byte // compresses once, whoever asks first
	size int64         // what was counted for it; 0 until it is compressed
}

func newPacker(limit int64) *packer {
	return &packer{limit: limit, byTag: map[string]*list.Element{}, order: list.New()}
}

// pack returns the compressed form of body, whose entity tag is tag.
func (p *packer) pack(tag string, body []byte) []byte {
	p.mu.Lock()
	element, found := p.byTag[tag]
	if found {
		p.order.MoveToFront(element)
	} else {
		element = p.order.PushFront(&pack{tag: tag, data: sync.OnceValue(func() []byte { return compress(body) })})
		p.byTag[tag] = element
	}
	item, _ := element.Value.(*pack)
	p.mu.Unlock()
	data := item.data()
	if !found {
		p.count(element, item, int64(len(data)))
	}
	return data
}

// count adds a new pack to the sum and drops the oldest ones beyond the bound.
func (p *packer) count(element *list.Element, item *pack, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byTag[item.tag] != element {
		return // dropped while it was made
	}
	item.size = size
	p.size += size
	for p.size > p.limit && p.order.Len() > 0 {
		last := p.order.Back()
		old, _ := p.order.Remove(last).(*pack)
		delete(p.byTag, old.tag)
		p.size -= old.size
	}
}
