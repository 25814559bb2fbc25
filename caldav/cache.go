package caldav

import (
	"container/list"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"syncd/feeds/icalendar"
)

// What is kept of answers. A request longer than maxKey asks for many objects
// by name, which nobody does twice.
const (
	maxKey    = 8 << 10
	maxKept   = 6 << 20 // bytes of all answers together
	maxAnswer = 1 << 20 // of one
)

// cache keeps whole multistatus answers, packed and not, by what was asked and
// by the state that was asked about, so that a program that asks again and
// again costs next to nothing. The answer not used for longest leaves first.
type cache struct {
	mu    sync.Mutex
	byKey map[string]*kept
	order *list.List // of *kept that are ready; front: used last
	used  int
	keys  sync.Pool // of *[]byte
}

func newCache() *cache {
	return &cache{
		byKey: map[string]*kept{}, order: list.New(),
		keys: sync.Pool{New: func() any { b := make([]byte, 0, maxKey+512); return &b }},
	}
}

// kept is one answer, or the promise of one. Its fields but place do not
// change once ready is closed.
type kept struct {
	key    string
	of     state
	ready  chan struct{}
	good   bool // false: there was nothing to keep, everybody for himself
	header http.Header
	body   []byte
	place  *list.Element // under cache.mu; nil until ready
}

// state is what an answer depends on beside the request: everything that the
// resources say of themselves follows from it.
type state struct {
	name string
	cals []calState
}

type calState struct {
	slug, token, etag string
	info              icalendar.Info
}

// stateOf returns the state of the calendars that res shows.
func stateOf(res *resource) state {
	if res.home == nil {
		return state{cals: []calState{{res.cal.Slug, res.cal.Token, res.cal.ICSETag, res.cal.Info}}}
	}
	s := state{name: res.home.DisplayName}
	for _, c := range res.home.Collections {
		s.cals = append(s.cals, calState{c.Slug, c.Token, c.ICSETag, c.Info})
	}
	return s
}

// is reports whether res is still in that state. It allocates nothing.
func (s *state) is(res *resource) bool {
	if res.home == nil {
		return len(s.cals) == 1 && s.cals[0].is(res.cal)
	}
	if s.name != res.home.DisplayName || len(s.cals) != len(res.home.Collections) {
		return false
	}
	for i, c := range res.home.Collections {
		if !s.cals[i].is(c) {
			return false
		}
	}
	return true
}

func (s *calState) is(c *icalendar.Collection) bool {
	return s.token == c.Token && s.slug == c.Slug && s.etag == c.ICSETag && s.info.Name == c.Name &&
		s.info.Description == c.Description && s.info.Color == c.Color && s.info.Order == c.Order &&
		s.info.Changed.Equal(c.Changed) && slices.Equal(s.info.Components, c.Components)
}

// claim returns the answer kept under key, and whether the caller is the one
// who has to make it. A resource without a sync token cannot be told from its
// own past and is never kept.
func (c *cache) claim(key []byte, res *resource) (k *kept, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k = c.byKey[string(key)]; k != nil && k.of.is(res) {
		if k.place != nil {
			c.order.MoveToFront(k.place)
		}
		return k, false
	}
	if k != nil {
		c.drop(k)
	}
	k = &kept{key: string(key), of: stateOf(res), ready: make(chan struct{})}
	for i := range k.of.cals {
		if k.of.cals[i].token == "" {
			return nil, true
		}
	}
	c.byKey[k.key] = k
	return k, true
}

// settle ends the making of an answer and wakes who waits for it.
func (c *cache) settle(k *kept, header http.Header, body []byte, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.header, k.body, k.good = header, body, good
	close(k.ready)
	if c.byKey[k.key] != k {
		return // the state went on meanwhile
	}
	if !good {
		delete(c.byKey, k.key)
		return
	}
	k.place = c.order.PushFront(k)
	c.used += k.size()
	for c.used > maxKept {
		oldest, ok := c.order.Back().Value.(*kept)
		if !ok {
			return
		}
		c.drop(oldest)
	}
}

// drop forgets k. Who is being answered with it keeps it that long.
func (c *cache) drop(k *kept) {
	delete(c.byKey, k.key)
	if k.place != nil {
		c.order.Remove(k.place)
		c.used -= k.size()
	}
}

// size is what k takes, with room for what the maps and the state take.
func (k *kept) size() int { return len(k.key) + len(k.body) + 1024 + 256*len(k.of.cals) }

// serve answers with what is kept.
func (k *kept) serve(w http.ResponseWriter) {
	maps.Copy(w.Header(), k.header)
	w.WriteHeader(http.StatusMultiStatus)
	_, _ = w.Write(k.body) // nothing can be done for a client that does not listen
}

// once answers a PROPFIND or a REPORT from what is kept, or has build make the
// answer and keeps it. Who asks for the same while it is being made waits.
func (h *handler) once(w http.ResponseWriter, r *http.Request, res *resource, build func(http.ResponseWriter, *http.Request, *resource) error) error {
	if err := acceptable(r); err != nil {
		return err
	}
	buf, ok := h.cache.keys.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	defer h.cache.keys.Put(buf)
	key := appendKey((*buf)[:0], r, res)
	head := len(key)
	key, whole, err := readSome(key, r.Body)
	*buf = key
	if err != nil {
		return fail(http.StatusBadRequest)
	}
	body := key[head:]
	var k *kept
	mine := true
	if whole {
		k, mine = h.cache.claim(key, res)
	}
	if !mine {
		if err := k.wait(r.Context()); err != nil {
			return err
		}
		if k.good {
			k.serve(w)
			return nil
		}
		k = nil
	}
	inner := *r
	inner.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(body)), r.Body))
	if k == nil {
		return build(w, &inner, res)
	}
	c := &capture{ResponseWriter: w, cache: h.cache, kept: k}
	defer c.abandon()
	if err := build(c, &inner, res); err != nil {
		return err
	}
	c.finish()
	return nil
}

// wait returns when the answer is there, or nobody waits for it any more.
func (k *kept) wait(ctx context.Context) error {
	select {
	case <-k.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// acceptable refuses a body by what its headers say of it.
func acceptable(r *http.Request) error {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return fail(http.StatusUnsupportedMediaType)
	}
	most := int64(maxBody)
	if r.Method == methodReport {
		most = maxMultiget
	}
	if r.ContentLength > most {
		return fail(http.StatusRequestEntityTooLarge)
	}
	return nil
}

// appendKey appends all of a request that its answer depends on, without the
// body.
func appendKey(b []byte, r *http.Request, res *resource) []byte {
	flags := byte('0') + byte(res.kind)
	if res.bare {
		flags |= 0x80
	}
	p := preferences(r)
	b = append(b, r.Method...)
	b = append(b, 0, flags, boolByte(p.minimal), boolByte(p.noRoot), boolByte(acceptsGzip(r.Header["Accept-Encoding"])))
	for _, s := range [...]string{string(res.link), res.slug, res.name, r.Header.Get("Depth")} {
		b = append(b, s...)
		b = append(b, 0)
	}
	return b
}

func boolByte(b bool) byte {
	if b {
		return '1'
	}
	return '0'
}

// readSome appends what r holds to b, but hardly more than maxKey; whole says
// that nothing is left.
func readSome(b []byte, r io.Reader) (_ []byte, whole bool, err error) {
	if r == nil {
		return b, true, nil
	}
	limit := len(b) + maxKey
	for len(b) < limit {
		if cap(b) == len(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):min(cap(b), limit)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, true, nil
		}
		if err != nil {
			return b, false, err
		}
	}
	return b, false, nil
}

// capture takes an answer whole before it is sent, so that nobody waits for
// somebody else's slow connection. One that is too long to be kept, or no
// multistatus, goes through.
type capture struct {
	http.ResponseWriter

	cache  *cache
	kept   *kept
	status int
	body   []byte
	over   bool // given up or done: what comes goes through
}

// WriteHeader implements http.ResponseWriter.
func (c *capture) WriteHeader(status int) {
	c.status = status
	if status != http.StatusMultiStatus {
		c.abandon()
	}
	if c.over {
		c.ResponseWriter.WriteHeader(status)
	}
}

// Write implements io.Writer.
func (c *capture) Write(p []byte) (int, error) {
	if !c.over && len(c.body)+len(p) > maxAnswer {
		c.abandon()
		c.ResponseWriter.WriteHeader(c.status)
		if _, err := c.ResponseWriter.Write(c.body); err != nil {
			return 0, err
		}
		c.body = nil
	}
	if c.over {
		return c.ResponseWriter.Write(p)
	}
	c.body = append(c.body, p...)
	return len(p), nil
}

// abandon tells who waits that nothing will be kept.
func (c *capture) abandon() {
	if !c.over {
		c.over = true
		c.cache.settle(c.kept, nil, nil, false)
	}
}

// transient says that an answer under way is about more than the state that it
// was asked about.
func transient(w http.ResponseWriter) {
	c, ok := w.(*capture)
	if ok && !c.over && c.status == 0 {
		c.abandon()
	}
}

// finish keeps the answer and sends it.
func (c *capture) finish() {
	if c.over {
		return
	}
	c.over = true
	header := http.Header{"Content-Length": {strconv.Itoa(len(c.body))}}
	for _, name := range [...]string{"Content-Type", "Content-Encoding", "Vary", "Preference-Applied", "Dav"} {
		if values := c.Header()[name]; len(values) > 0 {
			header[name] = slices.Clip(values)
		}
	}
	body := append(make([]byte, 0, len(c.body)), c.body...)
	c.cache.settle(c.kept, header, body, true)
	c.kept.serve(c.ResponseWriter)
}
