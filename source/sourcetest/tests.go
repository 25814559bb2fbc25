package sourcetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// roundTrip: what is put into the fake comes out of the adapter, twice.
func (b *bench) roundTrip() {
	s := b.login(b.first())
	for range 2 {
		plan := b.plan()
		k, err := b.fetch(b.t.Context(), s, plan)
		if err != nil {
			b.t.Fatalf("Fetch = %v", err)
		}
		b.complete(k, plan)
		owner := string(k.roster.Owner)
		if g := b.first(); strings.Contains(owner, g.PersonalNumber) || strings.Contains(owner, g.PersonalNumber[2:]) {
			b.t.Error("the owner's key holds a personal number")
		}
		if got := k.roster.OwnerName; got != "" && got != b.first().Name() {
			b.t.Errorf("OwnerName = %q, want %q", got, b.first().Name())
		}
	}
}

// complete compares everything that a read brought with the world.
func (b *bench) complete(k *catch, plan school.Plan) {
	b.t.Helper()
	var got []school.Ref
	for _, c := range k.roster.Children {
		got = append(got, c.Ref)
	}
	if want := b.refs(b.first(), plan); !slices.Equal(got, want) {
		b.t.Fatalf("roster has %d children, not the %d of the world in their order", len(got), len(want))
	}
	if len(k.snapshots) != len(got) {
		b.t.Fatalf("%d children were handed on, want %d", len(k.snapshots), len(got))
	}
	for i, s := range k.snapshots {
		want, _ := b.expected(s, plan)
		if d := diff(want, s); d != "" {
			b.t.Errorf("child %d (-want +got):\n%s", i+1, d)
		}
		if s.Taken.IsZero() || s.Taken.After(b.now()) {
			b.t.Errorf("child %d: Taken = %v", i+1, s.Taken)
		}
	}
}

// known: letters that are stored are listed as unchanged and not read again;
// one that was edited is read again.
func (b *bench) known() {
	s := b.login(b.first())
	plan := b.plan()
	k, err := b.fetch(b.t.Context(), s, plan)
	if err != nil {
		b.t.Fatalf("Fetch = %v", err)
	}
	before := b.fake.Requests()
	plan.KnownNews = map[school.Ref]time.Time{}
	letters := 0
	for _, snap := range k.snapshots {
		for _, n := range snap.News {
			plan.KnownNews[n.Ref] = n.Modified.Truncate(time.Second)
			letters++
		}
	}
	if letters == 0 {
		b.t.Skip("the platform has no letters")
	}
	if k, err = b.fetch(b.t.Context(), s, plan); err != nil {
		b.t.Fatalf("Fetch = %v", err)
	}
	for i, snap := range k.snapshots {
		want, _ := b.expected(snap, plan)
		if len(snap.News) != 0 || len(snap.Unchanged) != len(want.News) {
			b.t.Errorf("child %d: %d letters read again and %d unchanged, want 0 and %d", i+1, len(snap.News), len(snap.Unchanged), len(want.News))
		}
	}
	again := b.fake.Requests() - before
	if again > before-letters {
		b.t.Errorf("%d requests with every letter known, %d with none", again, before)
	}
	b.edit(s, plan)
}

func (b *bench) edit(s *source.Session, plan school.Plan) {
	b.world.EditLetter(b.world.Children()[0].Letters[0].Ref, b.now().Truncate(time.Second), func(n *school.NewsItem) { n.Title += " nytt" })
	k, err := b.fetch(b.t.Context(), s, plan)
	if err != nil {
		b.t.Fatalf("Fetch = %v", err)
	}
	if got := len(k.snapshots[0].News); got != 1 {
		b.t.Errorf("%d letters read after one was edited, want 1", got)
	}
}

// partsOnly: a plan for one part brings that part and no other.
func (b *bench) partsOnly() {
	s := b.login(b.first())
	for _, part := range b.c.Platform.Parts {
		plan := b.plan()
		plan.Parts = []school.Part{part}
		k, err := b.fetch(b.t.Context(), s, plan)
		if err != nil {
			b.t.Fatalf("Fetch of %s = %v", part, err)
		}
		for _, snap := range k.snapshots {
			for _, c := range snap.Covered {
				if c.Part != part {
					b.t.Errorf("plan for %s covers %s", part, c.Part)
				}
			}
		}
	}
}

// unwanted: a child of which nothing is wanted is not handed on, of another
// one what is unwanted is not read, and letters that would not be kept are
// left alone.
func (b *bench) unwanted() {
	s := b.login(b.first())
	plan := b.plan()
	k, err := b.fetch(b.t.Context(), s, plan)
	if err != nil || len(k.snapshots) < 2 {
		b.t.Fatalf("Fetch = %v, %d children", err, len(k.snapshots))
	}
	first, second := k.snapshots[0].Child.Ref, k.snapshots[1].Child.Ref
	part := k.snapshots[1].Covered[0].Part
	plan.Unwanted = map[school.Ref][]school.Part{first: school.Parts(), second: {part}}
	plan.LettersFrom = b.now().AddDate(1, 0, 0)
	before := b.fake.Requests()
	if k, err = b.fetch(b.t.Context(), s, plan); err != nil {
		b.t.Fatalf("Fetch = %v", err)
	}
	for _, snap := range k.snapshots {
		if _, ok := snap.Covers(part); snap.Child.Ref == first || snap.Child.Ref == second && ok {
			b.t.Errorf("a child with %d parts was handed on, %s among them: %v", len(snap.Covered), part, ok)
		}
		if len(snap.News)+len(snap.Unchanged) > 0 {
			b.t.Errorf("%d letters that are not wanted", len(snap.News)+len(snap.Unchanged))
		}
	}
	if fewer := b.fake.Requests() - before; fewer >= before {
		b.t.Errorf("%d requests for less than everything, %d for everything", fewer, before)
	}
}

// total returns how many requests a whole read takes, once the session has
// noted what need not be asked for again.
func (b *bench) total(s *source.Session) int {
	b.t.Helper()
	before := 0
	for range 2 {
		before = b.fake.Requests()
		if _, err := b.fetch(b.t.Context(), s, b.brief()); err != nil {
			b.t.Fatalf("Fetch = %v", err)
		}
	}
	return b.fake.Requests() - before
}

// troubleEverywhere: passing trouble at any one request is told as such, and
// what is covered all the same is complete.
func (b *bench) troubleEverywhere() {
	s := b.login(b.first())
	for total, n := b.total(s), 0; n < total; n += stride {
		b.fake.Fail(n + 1)
		k, err := b.fetch(b.t.Context(), s, b.brief())
		if !errors.Is(err, source.ErrUnavailable) {
			b.t.Errorf("Fetch with trouble at request %d = %v, want %v", n+1, err, source.ErrUnavailable)
		}
		b.blames(k, err)
		b.fake.Heal()
	}
	if _, err := b.fetch(b.t.Context(), s, b.brief()); err != nil {
		b.t.Errorf("Fetch after all trouble = %v", err)
	}
}

// blames: once the children are known, each part of each child is covered or
// named in the error, unless the platform does not have it.
func (b *bench) blames(k *catch, err error) {
	b.t.Helper()
	if k.roster == nil {
		return
	}
	blamed := map[school.Ref][]school.Part{}
	for _, p := range partErrors(err) {
		blamed[p.Child] = append(blamed[p.Child], p.Part)
	}
	for _, c := range k.roster.Children {
		var snap school.Snapshot
		for _, s := range k.snapshots {
			if s.Child.Ref == c.Ref {
				snap = s
			}
		}
		want, _ := b.expected(school.Snapshot{Child: c}, b.brief())
		for _, part := range []school.Part{school.PartCalendar, school.PartSchedule, school.PartMenu} {
			_, covered := snap.Covers(part)
			has := len(titles(only(want, part))) > 0
			if has && !covered && !slices.Contains(blamed[c.Ref], part) {
				b.t.Errorf("part %s is neither covered nor named in the error", part)
			}
		}
	}
}

// only leaves one dated part in a snapshot.
func only(s school.Snapshot, part school.Part) school.Snapshot {
	switch part {
	case school.PartCalendar:
		return school.Snapshot{Calendar: s.Calendar}
	case school.PartSchedule:
		return school.Snapshot{Schedule: s.Schedule}
	case school.PartMenu:
		return school.Snapshot{Menu: s.Menu}
	case school.PartTimetable, school.PartNews, school.PartNotices, school.PartTasks, school.PartCare:
	}
	return school.Snapshot{}
}

// partErrors finds all *source.PartError in a tree of joined errors.
func partErrors(err error) []*source.PartError {
	if err == nil {
		return nil
	}
	if p, ok := err.(*source.PartError); ok { //nolint:errorlint // walks the tree itself, to find all and not one
		return []*source.PartError{p}
	}
	var out []*source.PartError
	switch u := err.(type) { //nolint:errorlint // walks the tree itself
	case interface{ Unwrap() error }:
		out = partErrors(u.Unwrap())
	case interface{ Unwrap() []error }:
		for _, e := range u.Unwrap() {
			out = append(out, partErrors(e)...)
		}
	}
	return out
}

// expiryEverywhere: a session that ends at any one request is told as such.
func (b *bench) expiryEverywhere() {
	if b.fake.ExpireAt == nil {
		b.t.Skip("the platform has no sessions")
	}
	for total, n := b.total(b.login(b.first())), 0; n < total; n += stride {
		s := b.login(b.first())
		b.fake.ExpireAt(n + 1)
		if _, err := b.fetch(b.t.Context(), s, b.brief()); !errors.Is(err, source.ErrSessionExpired) {
			b.t.Errorf("Fetch with the session's end at request %d = %v, want %v", n+1, err, source.ErrSessionExpired)
		}
		b.fake.Heal()
		if r, ok := b.src.(source.Refresher); ok {
			if err := r.Refresh(b.t.Context(), s); !errors.Is(err, source.ErrSessionExpired) {
				b.t.Fatalf("Refresh of a session that only a person can renew = %v, want %v", err, source.ErrSessionExpired)
			}
		}
	}
}

// renewal: a session that lapsed is renewed without a person, hours later.
func (b *bench) renewal() {
	r, ok := b.src.(source.Refresher)
	if !ok || b.fake.Lapse == nil {
		b.t.Skip("sessions cannot be renewed silently")
	}
	s := b.login(b.first())
	for range 3 {
		<-time.NewTimer(3 * time.Hour).C
		b.fake.Lapse()
		if _, err := b.fetch(b.t.Context(), s, b.plan()); !errors.Is(err, source.ErrSessionExpired) {
			b.t.Fatalf("Fetch with a lapsed session = %v, want %v", err, source.ErrSessionExpired)
		}
		if err := r.Refresh(b.t.Context(), s); err != nil {
			b.t.Fatalf("Refresh = %v", err)
		}
		// What was renewed has to survive in the stored state alone.
		s = source.NewSession(slices.Clone(s.State()), nil)
		if _, err := b.fetch(b.t.Context(), s, b.plan()); err != nil {
			b.t.Fatalf("Fetch after Refresh = %v", err)
		}
	}
}

// noSession: without a session, or with one that is not ours, a person is
// needed.
func (b *bench) noSession() {
	if b.c.Login == nil {
		b.t.Skip("nobody logs in")
	}
	for _, state := range []string{"", "{}", "\x00\xff", `{"v":99}`, strings.Repeat("x", 1<<16)} {
		s := source.NewSession([]byte(state), nil)
		if _, err := b.fetch(b.t.Context(), s, b.plan()); !errors.Is(err, source.ErrSessionExpired) {
			b.t.Errorf("Fetch with state %.20q = %v, want %v", state, err, source.ErrSessionExpired)
		}
		if r, ok := b.src.(source.Refresher); ok {
			if err := r.Refresh(b.t.Context(), s); !errors.Is(err, source.ErrSessionExpired) {
				b.t.Errorf("Refresh with state %.20q = %v, want %v", state, err, source.ErrSessionExpired)
			}
		}
	}
	if n := b.fake.Requests(); n != 0 {
		b.t.Errorf("%d requests without a session, want none", n)
	}
}

// fault injects one fault before a read.
func (b *bench) fault(f Fault) {
	s := b.login(b.first())
	b.impolite = f.Impolite
	f.Inject(b.fake)
	k, err := b.fetch(b.t.Context(), s, b.brief())
	b.sentinel(f, err)
	if f.Nothing {
		if len(k.snapshots) > 0 {
			b.t.Errorf("%d children were handed on, want none", len(k.snapshots))
		}
		return
	}
	if k.roster == nil || len(k.snapshots) != len(k.roster.Children) {
		b.t.Fatalf("%d children were handed on, want all", len(k.snapshots))
	}
	for i, snap := range k.snapshots {
		want, _ := b.expected(snap, b.brief())
		for _, part := range b.c.Platform.Parts {
			_, covered := snap.Covers(part)
			covered = covered && snap.Skipped[part] == 0
			right := !slices.Contains(f.Parts, part)
			if covered != right && len(titles(partOf(want, part))) > 0 {
				b.t.Errorf("child %d: part %s is covered: %v, want %v", i+1, part, covered, right)
			}
		}
	}
}

// sentinel checks that a fault has the right name.
func (b *bench) sentinel(f Fault, err error) {
	b.t.Helper()
	if f.Wait > 0 {
		if rate, ok := errors.AsType[*source.RateLimitError](err); !ok || rate.RetryAfter != f.Wait {
			b.t.Errorf("Fetch = %v, want to wait %s", err, f.Wait)
		}
		return
	}
	if !errors.Is(err, f.Want) {
		b.t.Errorf("Fetch = %v, want %v", err, f.Want)
	}
}

// partOf leaves one part in a snapshot.
func partOf(s school.Snapshot, part school.Part) school.Snapshot {
	switch part {
	case school.PartNews:
		return school.Snapshot{News: s.News}
	case school.PartNotices:
		return school.Snapshot{Notices: s.Notices}
	case school.PartTimetable:
		return school.Snapshot{Timetable: s.Timetable}
	case school.PartCalendar, school.PartSchedule, school.PartMenu, school.PartTasks, school.PartCare:
	}
	return only(s, part)
}
