package school

// Basis is what the derived entries of one child at one platform are worked
// out from: everything of it that is kept, not only what was read last.
type Basis struct {
	Platform PlatformID
	Child    Ref
	Lessons  []Entry // called-off ones too
	// Days are the whole-day events of the child, from whichever platform:
	// closures are among them.
	Days []Entry
}

// Origin returns the kind from which k is derived, "" for a kind that is read.
func (k Kind) Origin() Kind {
	switch k {
	case KindDay, KindKit:
		return KindLessons
	case KindEvents, KindLessons, KindHomework, KindCare, KindMeals, KindFamily,
		KindNews, KindNotices, KindChanges, KindAll:
		return ""
	}
	return ""
}

// DerivedKinds returns the kinds that are derived, in their order.
func DerivedKinds() []Kind { return []Kind{KindDay, KindKit} }
