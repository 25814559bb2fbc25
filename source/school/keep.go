package school

// Shelf is what is kept for a time of its own: a kind, or one of the things
// that are no kind. A closed set.
type Shelf string

// The shelves. Kinds that are derived stand on that of their origin.
const (
	ShelfEvents   Shelf = Shelf(KindEvents)
	ShelfLessons  Shelf = Shelf(KindLessons)
	ShelfHomework Shelf = Shelf(KindHomework)
	ShelfCare     Shelf = Shelf(KindCare)
	ShelfMeals    Shelf = Shelf(KindMeals)
	ShelfNews     Shelf = Shelf(KindNews)
	ShelfNotices  Shelf = Shelf(KindNotices)
	ShelfChanges  Shelf = Shelf(KindChanges)
	ShelfPictures Shelf = "pictures" // of letters; attached files stay as long as the letter
	ShelfLog      Shelf = "log"      // sessions and counts of requests, links that were taken back
	ShelfGone     Shelf = "gone"     // everything of a child that no platform lists any more
)

// Shelves returns every shelf in the order in which they are shown.
func Shelves() []Shelf {
	return []Shelf{
		ShelfEvents, ShelfLessons, ShelfHomework, ShelfCare, ShelfMeals,
		ShelfNews, ShelfNotices, ShelfChanges, ShelfPictures, ShelfGone, ShelfLog,
	}
}

// Shelf returns where things of kind k stand; empty for [KindFamily] and
// [KindAll], which hold nothing of their own.
func (k Kind) Shelf() Shelf {
	switch k {
	case KindDay, KindKit:
		return ShelfLessons
	case KindEvents, KindLessons, KindHomework, KindCare, KindMeals, KindNews, KindNotices, KindChanges:
		return Shelf(k)
	case KindFamily, KindAll:
	}
	return ""
}

// Limit says for how long a thing is kept after its last day: so many days,
// or one of the two values below.
type Limit int

const (
	// LimitNone keeps things until somebody deletes them.
	LimitNone Limit = 0
	// LimitYear keeps things until their school year is over, the last of
	// July, and at least for [yearTail] days.
	LimitYear Limit = -1

	yearTail = 60
)

// MaxLimit is the longest limit in days: a whole time at school.
const MaxLimit = 13 * 366

// Valid reports whether l is a limit.
func (l Limit) Valid() bool { return l >= LimitYear && l <= MaxLimit }

// Leaves returns the day on which a thing whose last day was d is kept no
// longer; the zero Date: never.
func (l Limit) Leaves(d Date) Date {
	switch {
	case l == LimitNone, !l.Valid(), d.IsZero():
		return Date{}
	case l > 0:
		return d.AddDays(int(l))
	}
	ends := NewDate(d.Year, 8, 1)
	if d.Month >= 8 {
		ends.Year++
	}
	if tail := d.AddDays(yearTail); ends.Before(tail) {
		return tail
	}
	return ends
}

// Limits are the limits of all shelves.
type Limits map[Shelf]Limit

// DefaultLimits returns what is kept for how long where a guardian has not
// chosen otherwise: what a family may still look for, and no more.
func DefaultLimits() Limits {
	return Limits{
		ShelfEvents: LimitYear, ShelfLessons: 60, ShelfHomework: 90, ShelfCare: 60, ShelfMeals: 30,
		ShelfNews: 365, ShelfNotices: 90, ShelfChanges: 30, ShelfPictures: 90, ShelfGone: 90, ShelfLog: 30,
	}
}

// Expired reports whether a thing on a shelf whose last day was d has to leave
// by today.
func (l Limits) Expired(s Shelf, d, today Date) bool {
	leaves := l[s].Leaves(d)
	return !leaves.IsZero() && !today.Before(leaves)
}
