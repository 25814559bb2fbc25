package text

// Spare is what a status page says of an account that is read, a little,
// without a session.
type Spare struct {
	Since Format // when it was last read so
	Lead  string
}

func svSpare() Spare {
	return Spare{
		Since: "Skolans kalender hämtas så länge från InfoMentors egen kalenderadress, senast %s.",
		Lead:  "Nya och flyttade händelser syns. Allt annat ligger kvar som det var tills ni loggar in.",
	}
}

func enSpare() Spare {
	return Spare{
		Since: "Meanwhile the school calendar comes from InfoMentor's own calendar address, last read %s.",
		Lead:  "New and moved events appear. Everything else stays as it was until you sign in.",
	}
}
