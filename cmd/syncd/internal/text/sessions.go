package text

// Sessions is what is said of the sessions at a platform.
type Sessions struct {
	Title string
	// Line is how many there were, how long they lasted on average, and how
	// often somebody signed in.
	Line   Format
	Count  Plural
	Person Plural
}

func svSessions() Sessions {
	return Sessions{
		Title: "Hittills",
		Line:  "%s, i snitt %s. %s.",
		Count: Plural{"%s session", "%s sessioner"}, Person: Plural{"Någon loggade in %s gång", "Någon loggade in %s gånger"},
	}
}

func enSessions() Sessions {
	return Sessions{
		Title: "So far",
		Line:  "%s, %s on average. %s.",
		Count: Plural{"%s session", "%s sessions"}, Person: Plural{"Somebody signed in %s time", "Somebody signed in %s times"},
	}
}
