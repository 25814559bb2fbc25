package text

// Children is the page on which a guardian joins what two platforms know of
// the same child.
type Children struct {
	Title, Lead, Open   string
	JoinTitle, JoinLead string
	First, Second       string
	Join, Split         string
	SplitLead           Format // a number
	Refused             string
	LeadTitle, LeadLead string
	Leads, Fill, Save   string
	Alone               string
}

func svChildren() Children {
	return Children{
		Title: "Barnen", Open: "Samma barn på två plattformar?",
		Lead:      "Barn från olika plattformar hålls isär, för syncd gissar aldrig vem som är vem. Här säger du när två av dem är samma barn.",
		JoinTitle: "Två är samma barn",
		JoinLead:  "Barnet behåller det lägre numret. Adresser med det andra numret fortsätter att fungera, och du kan dela upp igen när som helst.",
		First:     "Barn", Second: "är samma som", Join: "Slå ihop",
		Split: "Dela upp igen", SplitLead: "Nummer %d hör hit.",
		Refused:   "De två går inte att slå ihop: välj två olika barn som inte står bredvid varandra i samma konto.",
		LeadTitle: "Vem som gäller",
		LeadLead:  "När båda plattformarna har samma sorts innehåll visas den enas. Den andra kan fylla på med det som saknas; inget visas två gånger.",
		Leads:     "Visa från", Fill: "Fyll på från de andra", Save: "Spara",
		Alone: "Det finns inga två barn att slå ihop.",
	}
}

func enChildren() Children {
	return Children{
		Title: "Children", Open: "The same child at two platforms?",
		Lead:      "Children of different platforms are kept apart, because syncd never guesses who is who. Here you say when two of them are one.",
		JoinTitle: "Two are the same child",
		JoinLead:  "The child keeps the lower number. Addresses with the other number go on working, and you can split them again at any time.",
		First:     "Child", Second: "is the same as", Join: "Join",
		Split: "Split again", SplitLead: "Number %d belongs here.",
		Refused:   "These two cannot be joined: choose two different children that do not stand side by side in one account.",
		LeadTitle: "Who leads",
		LeadLead:  "Where both platforms have the same kind of content, one of them is shown. The other one can fill in what is missing; nothing is shown twice.",
		Leads:     "Show from", Fill: "Fill in from the others", Save: "Save",
		Alone: "There are no two children to join.",
	}
}
