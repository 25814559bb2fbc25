package text

import "syncd/source/school"

// Keep is the page on which a guardian says for how long things are kept, and
// the pages on which they are deleted.
type Keep struct {
	Title, Lead, Open              string
	LimitsTitle, LimitsLead        string
	Kept                           string
	LeavesOn                       Plural // of them; the day stands behind it
	NothingLeaves, Save, Saved     string
	Days                           Plural
	Year, Always                   string
	DeleteTitle, DeleteLead        string
	Delete                         string
	DeleteChild, DeleteKind        Format // name; kind
	Everybody                      string // in place of a child's name
	DeleteChildTitle               Format // name
	DeleteKindTitle                Format // kind
	DeleteBothTitle                Format // kind, name
	Gone, Phones, School, NotAgain string
	Yes                            string
	NothingKept                    string
	UnwantedTitle, UnwantedLead    string
	Child                          Format // number, where no name is kept
	UnwantedKind                   Format // kind, whose
	Since                          Format // a day
	Allow                          string
	ReportTitle                    string
	Removed, RemovedNothing        string
	Files                          Plural
	Names                          Plural // of children
	Told, Untold, Mute             Format // platform
	EmptyLinks, Revoke             string
	Unsaved                        string
	Back                           string
	CopiesChanged                  Plural // backups
	Copies, CopiesLeft, CopyRemove string
	CopyAway, CopyKey, CopyDamaged string // why a copy was not changed
	CopyAside, CopyFault, CopyBusy string
	CopyForget, CopyForgetHint     string // of a folder that is away
	Accounts, Wipe                 string
	History                        string // links that reach back further
}

// Shelf returns the name of what is kept for a time of its own.
func (w *Words) Shelf(s school.Shelf) string {
	switch s {
	case school.ShelfPictures:
		return w.pick("Bilder i brev", "Pictures in letters")
	case school.ShelfLog:
		return w.pick("Logg", "Log")
	case school.ShelfGone:
		return w.pick("Barn som har slutat", "Children who have left")
	case school.ShelfEvents, school.ShelfLessons, school.ShelfHomework, school.ShelfCare, school.ShelfMeals,
		school.ShelfNews, school.ShelfNotices, school.ShelfChanges:
	}
	return w.Kind(school.Kind(s))
}

// ShelfHint returns from when on the time counts, and what else leaves.
func (w *Words) ShelfHint(s school.Shelf) string {
	switch s {
	case school.ShelfLessons:
		return w.pick("efter dagen; skoldagar och packlistor följer med", "after the day; school days and kit lists go with them")
	case school.ShelfHomework:
		return w.pick("efter sista dagen", "after the due day")
	case school.ShelfNews, school.ShelfNotices:
		return w.pick("från publiceringen; bifogade filer följer med", "from the day of publication; attached files go with them")
	case school.ShelfChanges:
		return w.pick("från dagen då de märktes", "from the day on which they were noticed")
	case school.ShelfPictures:
		return w.pick("från publiceringen; brevet blir kvar", "from the day of publication; the letter stays")
	case school.ShelfGone:
		return w.pick("allt om barn som ingen plattform längre listar", "everything of children that no platform lists any more")
	case school.ShelfLog:
		return w.pick("avslutade inloggningar, antal förfrågningar, borttagna länkar", "sessions that ended, counts of requests, links that were taken back")
	case school.ShelfEvents, school.ShelfCare, school.ShelfMeals:
	}
	return w.pick("efter dagen", "after the day")
}

// Limit returns how a limit is offered.
func (w *Words) Limit(l school.Limit) string {
	switch l {
	case school.LimitNone:
		return w.Keep.Always
	case school.LimitYear:
		return w.Keep.Year
	}
	return w.N(int(l), w.Keep.Days)
}

func svKeep() Keep {
	return Keep{
		Title: "Lagringstid och radering", Open: "Ändra lagringstiden eller radera",
		Lead:          "Det som ingen behöver längre försvinner av sig självt, en gång om dygnet: här, i kalendrar och flöden, och i säkerhetskopior allt eftersom de byts ut.",
		LimitsTitle:   "Så länge sparas det",
		LimitsLead:    "Tiden räknas från den sista dagen i varje sak. Sänker du en gräns försvinner det äldre vid nästa genomgång, inom ett dygn.",
		Kept:          "Antal",
		LeavesOn:      Plural{One: "%s försvinner", Many: "%s försvinner"},
		NothingLeaves: "inget på gång", Save: "Spara lagringstiderna", Saved: "Lagringstiderna är sparade.",
		Days: Plural{One: "%s dag", Many: "%s dagar"}, Year: "till läsårets slut", Always: "tills du raderar",
		DeleteTitle: "Radera nu", Delete: "Radera",
		DeleteLead:  "Det du raderar försvinner genast och läses inte in igen förrän du själv säger till. Hos skolan ändras ingenting.",
		DeleteChild: "Radera allt om %s", DeleteKind: "Radera %s", Everybody: "Alla barn",
		DeleteChildTitle: "Radera allt om %s?", DeleteKindTitle: "Radera %s för alla barn?", DeleteBothTitle: "Radera %s för %s?",
		Gone:        "Det här raderas, och går inte att ångra:",
		Phones:      "Det försvinner också ur telefonernas kalendrar nästa gång de hämtar. Det som Google, Outlook eller en nyhetsläsare redan har hämtat når syncd inte.",
		School:      "Hos skolan ändras ingenting.",
		NotAgain:    "Det läses inte in igen av sig självt. Ångrar du dig kan du slå på det igen under Lagringstid och radering; då hämtas det som skolan fortfarande visar.",
		Yes:         "Ja, radera",
		NothingKept: "Inget är sparat om något barn.", UnwantedTitle: "Läses inte in",
		UnwantedLead: "Det här har du raderat. Namn sparas inte, så ett raderat barn står med sitt nummer.",
		Child:        "Barn %d", UnwantedKind: "%s: %s", Since: "raderat %s", Allow: "Läs in igen",
		ReportTitle: "Raderat", Removed: "Det här togs bort:", RemovedNothing: "Det fanns inget att ta bort.",
		Files: Plural{One: "%s bild eller fil", Many: "%s bilder och filer"},
		Names: Plural{One: "namn och skola för %s barn", Many: "namn och skola för %s barn"},
		Told:  "Inloggningen hos %s är avslutad, också där.", Untold: "%s gick inte att nå för att avsluta inloggningen där. Här är den glömd, och hos plattformen tar den slut av sig själv.",
		Mute:       "Inloggningen hos %s är glömd här. Där tar den slut av sig själv, för något sätt att logga ut är inte känt.",
		EmptyLinks: "De här länkarna visar inget längre. Ta bort dem om ingen ska ha dem:", Revoke: "Ta bort länken",
		Unsaved:       "Det är borta ur minnet, men disken tog inte emot ändringen än. syncd försöker igen varje minut. Gör plats på disken, och stäng inte av servern innan statussidan är lugn.",
		Back:          "Till lagringstid och radering",
		CopiesChanged: Plural{One: "Det är borttaget ur %s säkerhetskopia.", Many: "Det är borttaget ur %s säkerhetskopior."},
		Copies:        "Äldre kopior",
		CopiesLeft:    "I de här kopiorna kan det finnas kvar:", CopyRemove: "Radera hela kopian",
		CopyAway:   "Mappen går inte att nå just nu, eller är tom. syncd försöker igen varje timme, till exempel när disken är tillbaka.",
		CopyForget: "Glöm mappen", CopyForgetHint: "Finns den inte längre kan syncd glömma den. Kopior som ligger där behåller då det som raderades.",
		CopyKey:     "Den öppnas inte med nyckeln som används nu.",
		CopyDamaged: "Den är inte hel, eller skriven av en nyare version.",
		CopyAside:   "Den lades åt sidan när något återställdes.",
		CopyFault:   "Den gick inte att ändra. syncd försöker igen varje timme; loggen säger varför.",
		CopyBusy:    "Mappen blev inte genomgången än, till exempel för att en säkerhetskopia pågick. syncd gör det inom en timme.",
		Accounts:    "Radera ett helt konto",
		Wipe:        "Allt på en gång, också nyckeln och säkerhetskopiorna: kör det här på servern.",
		History:     "En länk kan visa äldre dagar bara så långt tillbaka som de sparas här.",
	}
}

func enKeep() Keep {
	return Keep{
		Title: "Keeping and deleting", Open: "Change how long, or delete",
		Lead:          "What nobody needs any more leaves by itself, once a day: here, in calendars and feeds, and in backups as they are replaced.",
		LimitsTitle:   "For how long it is kept",
		LimitsLead:    "The time counts from the last day of each thing. When you lower a limit, what is older leaves with the next round, within a day.",
		Kept:          "Number",
		LeavesOn:      Plural{One: "%s leaves", Many: "%s leave"},
		NothingLeaves: "nothing yet", Save: "Save these times", Saved: "The times are saved.",
		Days: Plural{One: "%s day", Many: "%s days"}, Year: "until the school year ends", Always: "until you delete it",
		DeleteTitle: "Delete now", Delete: "Delete",
		DeleteLead:  "What you delete is gone at once and is not read again until you say so. Nothing changes at the school.",
		DeleteChild: "Delete everything about %s", DeleteKind: "Delete %s", Everybody: "All children",
		DeleteChildTitle: "Delete everything about %s?", DeleteKindTitle: "Delete %s of all children?", DeleteBothTitle: "Delete %s of %s?",
		Gone:        "This is deleted and cannot be undone:",
		Phones:      "It also leaves the phones' calendars the next time they fetch. What Google, Outlook or a feed reader has fetched already is out of reach for syncd.",
		School:      "Nothing changes at the school.",
		NotAgain:    "It is not read again by itself. If you want it back, look under Keeping and deleting; what the school still shows is read then.",
		Yes:         "Yes, delete",
		NothingKept: "Nothing is kept about any child.", UnwantedTitle: "Not read",
		UnwantedLead: "This is what you deleted. Names are not kept, so a child that was deleted stands here by its number.",
		Child:        "Child %d", UnwantedKind: "%s: %s", Since: "deleted %s", Allow: "Read again",
		ReportTitle: "Deleted", Removed: "This was removed:", RemovedNothing: "There was nothing to remove.",
		Files: Plural{One: "%s picture or file", Many: "%s pictures and files"},
		Names: Plural{One: "name and school of %s child", Many: "names and schools of %s children"},
		Told:  "The session at %s has ended, there too.", Untold: "%s could not be reached to end the session there. It is forgotten here, and ends there by itself.",
		Mute:       "The session at %s is forgotten here. It ends there by itself, because no way to sign out is known.",
		EmptyLinks: "These links show nothing any more. Take them back if nobody is to have them:", Revoke: "Take back the link",
		Unsaved:       "It is gone from memory, but the disk would not take the change yet. syncd tries again every minute. Make room on the disk, and do not switch the server off before the status page is calm.",
		Back:          "To keeping and deleting",
		CopiesChanged: Plural{One: "It has left %s backup.", Many: "It has left %s backups."},
		Copies:        "Older copies",
		CopiesLeft:    "These copies may still hold it:", CopyRemove: "Delete the whole copy",
		CopyAway:   "The folder cannot be reached now, or is empty. syncd tries again every hour, for instance when the disk is back.",
		CopyForget: "Forget the folder", CopyForgetHint: "If it is gone for ever, syncd can forget it. Copies that lie there then keep what was deleted.",
		CopyKey:     "It does not open with the key that is used now.",
		CopyDamaged: "It is not whole, or written by a newer version.",
		CopyAside:   "It was put aside when something was restored.",
		CopyFault:   "It could not be changed. syncd tries again every hour; the log says why.",
		CopyBusy:    "The folder was not gone through yet, for instance because a backup was being made. syncd does that within the hour.",
		Accounts:    "Delete a whole account",
		Wipe:        "Everything at once, the key and the backups too: run this on the server.",
		History:     "A link can show earlier days only as far back as they are kept here.",
	}
}
