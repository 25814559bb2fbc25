package school

// Kind is one calendar kind or feed kind: a closed set.
type Kind string

// The calendar kinds.
const (
	KindEvents   Kind = "events"   // school calendar: closures, study days, meetings, bookings
	KindLessons  Kind = "lessons"  // timetable, one entry per lesson
	KindDay      Kind = "day"      // derived: first to last lesson of a school day
	KindHomework Kind = "homework" // tasks and tests
	KindCare     Kind = "care"     // care times and closing days
	KindMeals    Kind = "meals"    // lunch of the day
	KindKit      Kind = "kit"      // derived: what to bring
	KindFamily   Kind = "family"   // everything in scope in one calendar
)

// The feed kinds.
const (
	KindNews    Kind = "news"    // letters and news
	KindNotices Kind = "notices" // the platform's notifications
	KindChanges Kind = "changes" // derived: what moved, in plain words
	KindAll     Kind = "all"     // the three above
)

// CalendarKinds returns the kinds that are stored as calendars of one child,
// in the order in which they are shown. [KindFamily] is a view over them.
func CalendarKinds() []Kind {
	return []Kind{KindEvents, KindLessons, KindDay, KindHomework, KindCare, KindMeals, KindKit}
}

// FeedKinds returns the kinds that are shown as feeds, in their order.
func FeedKinds() []Kind { return []Kind{KindNews, KindNotices, KindChanges, KindAll} }

// IsCalendar reports whether k is shown as a calendar, [KindFamily] included.
func (k Kind) IsCalendar() bool {
	switch k {
	case KindEvents, KindLessons, KindDay, KindHomework, KindCare, KindMeals, KindKit, KindFamily:
		return true
	case KindNews, KindNotices, KindChanges, KindAll:
		return false
	}
	return false
}

// IsFeed reports whether k is shown as a feed.
func (k Kind) IsFeed() bool {
	switch k {
	case KindNews, KindNotices, KindChanges, KindAll:
		return true
	case KindEvents, KindLessons, KindDay, KindHomework, KindCare, KindMeals, KindKit, KindFamily:
		return false
	}
	return false
}
