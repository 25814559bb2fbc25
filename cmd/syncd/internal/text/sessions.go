package text

// Sessions is what is said of the sessions at a platform.
type Sessions struct {
	Title string
	// Line is how many there were, how long they lasted on average, and how
	// often somebody signed in.
	Line   Format
	Count  Plural
	Person Plural
	// Lasts is for how long one sign-in is good, in this family's own figures.
	Lasts     string
	LastsLine Format // how long, how many sign-ins
	SignIns   Plural
}

func svSessions() Sessions {
	return Sessions{
		Title: "Hittills",
		Line:  "%s, i snitt %s. %s.",
		Count: Plural{"%s session", "%s sessioner"}, Person: Plural{"Någon loggade in %s gång", "Någon loggade in %s gånger"},
		Lasts: "En inloggning räcker", LastsLine: "i snitt %s (%s)",
		SignIns: Plural{"%s inloggning hittills", "%s inloggningar hittills"},
	}
}

func enSessions() Sessions {
	return Sessions{
		Title: "So far",
		Line:  "%s, %s on average. %s.",
		Count: Plural{"%s session", "%s sessions"}, Person: Plural{"Somebody signed in %s time", "Somebody signed in %s times"},
		Lasts: "One sign-in lasts", LastsLine: "%s on average (%s)",
		SignIns: Plural{"%s sign-in so far", "%s sign-ins so far"},
	}
}
