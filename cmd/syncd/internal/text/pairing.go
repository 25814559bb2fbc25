package text

// Pairing is what a status page says where a guardian wants syncd to be
// registered like a phone and the platform refused.
type Pairing struct {
	Since Format // when it last refused
	Lead  string
}

func svPairing() Pairing {
	return Pairing{
		Since: "InfoMentor lät inte syncd registrera sig som en telefon, senast försökt %s.",
		Lead:  "syncd försöker igen när ni loggar in nästa gång, annars efter en vecka. Tills dess loggar ni in när sessionen tar slut.",
	}
}

func enPairing() Pairing {
	return Pairing{
		Since: "InfoMentor did not let syncd register like a phone, last tried %s.",
		Lead:  "syncd tries again when you next sign in, or else after a week. Until then you sign in when the session ends.",
	}
}
