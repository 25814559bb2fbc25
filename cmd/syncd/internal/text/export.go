package text

// Export is what an export and the pages about it say.
type Export struct {
	Title     string
	Made      Format // when
	Open      string // that nothing of it is encrypted
	Calendars string
	Letters   string
	Entries   Plural
	Nothing   string
	Data      string // after the name of the file with everything
	Without   string
	Lost      string // of a picture or attachment
	AtSchool  string

	// Unfinished is the text, and its name that of the file, which stands
	// there until everything is written.
	Unfinished string

	// On the privacy page.
	Heading, Lead, Get string
}

func svExport() Export {
	return Export{
		Title:      "Allt som syncd har sparat",
		Made:       "Utskrivet %s.",
		Open:       "De här filerna är inte krypterade. Den som kommer åt dem kan läsa allt om barnen: spara dem där bara ni kommer åt dem, och ta bort dem när ni inte behöver dem.",
		Calendars:  "Kalendrar",
		Letters:    "Brev och aviseringar",
		Entries:    Plural{"%s post", "%s poster"},
		Nothing:    "Inget är sparat om något barn.",
		Data:       "samma sak för program, med ändringar och länkar.",
		Without:    "Lösenord, hemliga adresser och inloggningar hos skolan är inte med.",
		Lost:       "filen saknas",
		AtSchool:   "Hos skolan (kräver inloggning där)",
		Unfinished: "Utskriften är inte klar. Finns den här filen kvar avbröts den: ta bort mappen och gör om.\n",
		Heading:    "Hämta allt",
		Lead:       "Allt som är sparat, som vanliga filer i ett zip-arkiv: kalendrar, brev med bilder och bilagor, och JSON. Det är inte krypterat: spara det där bara ni kommer åt det.",
		Get:        "Hämta allt, okrypterat",
	}
}

func enExport() Export {
	return Export{
		Title:      "Everything that syncd has kept",
		Made:       "Written on %s.",
		Open:       "These files are not encrypted. Whoever gets at them can read everything about the children: keep them where only you get at them, and delete them when you do not need them.",
		Calendars:  "Calendars",
		Letters:    "Letters and notices",
		Entries:    Plural{"%s entry", "%s entries"},
		Nothing:    "Nothing is kept about any child.",
		Data:       "the same for programs, with changes and links.",
		Without:    "Passwords, secret addresses and sessions at the school are not in it.",
		Lost:       "the file is missing",
		AtSchool:   "At the school (asks to sign in there)",
		Unfinished: "The export is not finished. If this file stays, it was interrupted: delete the folder and export again.\n",
		Heading:    "Download everything",
		Lead:       "Everything that is kept, as ordinary files in a zip archive: calendars, letters with pictures and attachments, and JSON. It is not encrypted: keep it where only you get at it.",
		Get:        "Download everything, unencrypted",
	}
}
