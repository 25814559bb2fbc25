//nolint:misspell // Swedish
package text

func (w *Words) fillSwedish() {
	w.Common = svCommon()
	w.Errors = svErrors()
	w.Calendar = Calendar{
		Cancelled: "Inställt: ", Done: "Klar: ", Name: "%s – %s", Description: "%s: %s. Hämtat från skolan av syncd.",
		Family: "Familjen", Letters: "%s – %s",
	}
	w.Front = svFront()
	w.Overview = svOverview()
	w.Accounts = svAccounts()
	w.Login = svLogin()
	w.Links = svLinks()
	w.Addresses = svAddresses()
	w.Subscriber = svSubscriber()
	w.Privacy = svPrivacy()
	w.Sessions = svSessions()
	w.Backups = svBackups()
	w.Export = svExport()
	w.Keeping = svKeeping()
	w.Spare = svSpare()
	w.Pairing = svPairing()
	w.Importing = svImporting()
	w.Children = svChildren()
	w.Keep = svKeep()
	w.Subscribed = svSubscribed()
}

func svCommon() Common {
	return Common{
		Demo:          "Demo: familjen, skolorna och allt innehåll är påhittat.",
		SignIn:        "Logga in",
		SignOut:       "Logga ut",
		Status:        "Status",
		Links:         "Länkar",
		Privacy:       "Integritet",
		Main:          "Huvudmeny",
		Skip:          "Hoppa till innehållet",
		OtherLanguage: "English",
		Cancel:        "Avbryt",
		Back:          "Tillbaka",
		Copy:          "Kopiera",
		Copied:        "Kopierat",
		Choose:        "Välj …",
		Unprotected:   "Den här anslutningen är inte krypterad. Andra på samma nät kan läsa det du skriver.",
		Promise:       "syncd förblir inloggad så länge plattformen tillåter det. När det tar slut försvinner ingenting, statussidan säger det i klartext, och att logga in igen tar en halv minut. syncd loggar aldrig in åt dig.",
	}
}

func svErrors() Errors {
	return Errors{
		NotFoundTitle:  "Sidan finns inte",
		NotFound:       "Adressen är fel, eller så har det den ledde till tagits bort.",
		InternalTitle:  "Något gick fel hos oss",
		Internal:       "Felet är antecknat i serverns logg. Inget av det som är hämtat har gått förlorat. Försök igen om en stund.",
		ForbiddenTitle: "Begäran stoppades",
		Forbidden:      "Den kom inte från den här sidan. Öppna syncd i ett eget fönster och försök igen.",
		Busy:           "För många försök. Försök igen om %s.",
		MethodTitle:    "Så kan sidan inte användas",
		Method:         "Gå till statussidan och försök därifrån.",
		Unprotected:    "Lösenordet tas inte emot, för anslutningen är inte krypterad. Använd en https-adress. Står syncd bakom en proxy: ange proxyns adress i SYNCD_TRUSTED_PROXIES och låt den skicka X-Forwarded-Proto: https.",
		Unauthorized:   "Användarnamnet eller lösenordet stämmer inte, eller så är länken borttagen.",
		TooMany:        "För många försök. Vänta en minut och försök igen.",
		Home:           "Till statussidan",
		WrongSignIn:    "Användarnamnet eller lösenordet stämmer inte.",
		BadUser:        "Välj ett användarnamn med högst 64 tecken: bokstäver, siffror, punkt, bindestreck.",
		BadPhrase:      "Välj ett lösenord med minst 10 tecken som inte är användarnamnet.",
		UsedTitle:      "Adressen gäller inte längre",
		Used:           "En engångsadress fungerar en gång, inom 60 minuter. Kör kommandot på servern för att få en ny:",
		BadSettings:    "Plattformen godtar inte uppgifterna. Kontrollera dem och försök igen.",
		Missing:        "Det här behöver fyllas i.",
		NothingChosen:  "Välj minst ett barn och minst en sorts innehåll.",
	}
}

func svFront() Front {
	return Front{
		Title:         "Skolan i familjens egen kalender",
		Lead:          "Schema, lov, luncher, läxor och brev från skolan – i de appar som familjen redan använder, på er egen server.",
		Note:          "Den här servern tillhör en familj. Här finns inget att registrera sig till.",
		SignInTitle:   "Logga in",
		SignInLead:    "Med användarnamnet och lösenordet som du valde för den här sidan. Inte med BankID – det kommer senare.",
		User:          "Användarnamn",
		Phrase:        "Lösenord",
		Forgot:        "Glömt? Den som har hand om servern kör kommandot nedan och får en ny engångsadress.",
		ForgotCommand: "syncd guardian reset",
		WelcomeTitle:  "Välkommen",
		WelcomeLead:   "Välj hur du vill logga in på den här sidan. Engångsadressen slutar gälla när du är klar.",
		UserHint:      "Ditt förnamn duger bra.",
		PhraseHint:    "Minst 10 tecken. En mening är lätt att minnas.",
		Welcome:       "Spara och fortsätt",
	}
}

func svOverview() Overview {
	return Overview{
		Title:         "Status",
		Accounts:      "Skolplattformar",
		AddAccount:    "Lägg till konto",
		NoAccounts:    "Inget konto ännu. Lägg till plattformen som skolan eller förskolan använder, och logga in med din egen legitimation.",
		FirstStep:     "Börja här",
		Children:      "Barn",
		NoChildren:    "Barnen visas här när den första läsningen är klar.",
		SignedInSince: "Inloggad sedan",
		Until:         "Gäller",
		UntilTime:     "till %s",
		UntilUnknown:  "så länge plattformen tillåter",
		LastRead:      "Senast läst",
		NextRead:      "Nästa läsning",
		Never:         "aldrig",
		NotPlanned:    "ingen planerad",
		AfterSignIn:   "när du har loggat in",
		Waiting:       "Väntar",
		Requests:      "Förfrågningar i dag",
		RequestsOf:    "%s av högst %s",
		ReadNow:       "Läs nu",
		Reading:       "Läser …",
		ReadingLead:   "Läsningen sker i lugn takt. Sidan uppdateras av sig själv.",
		SignInAgain:   "Logga in igen",
		SignIn:        "Logga in",
		Remove:        "Ta bort",
		NoSignIn:      "Behöver ingen inloggning",
		Kind:          "Innehåll",
		Entries:       "Antal",
		Read:          "Senast läst",
		NotReadYet:    "inte läst än",
		Older:         "senaste försöket misslyckades, det här är äldre",
		Gone:          "Finns inte längre i plattformens lista sedan %s. Det som är hämtat ligger kvar.",
		NextStep:      "Nästa steg: lägg in det i kalendern",
		NextStepLead:  "En länk innehåller adresserna som appen ni använder behöver. Fler länkar går att skapa när som helst.",
		ShowAddresses: "Visa adresserna",
		GetAddresses:  "Skapa länk till kalendern",
		LinkCount:     Plural{One: "%s länk används av kalendrar och läsare.", Many: "%s länkar används av kalendrar och läsare."},
		ManageLinks:   "Visa länkar",
		Attention:     Plural{One: "%s konto behöver dig", Many: "%s konton behöver dig"},
		Suspended:     Plural{One: "%s länk är pausad, för en äldre säkerhetskopia har lagts tillbaka.", Many: "%s länkar är pausade, för en äldre säkerhetskopia har lagts tillbaka."},
		AllWell:       "Allt fungerar",
	}
}

func svAccounts() Accounts {
	return Accounts{
		Title:       "Lägg till konto",
		Lead:        "Välj plattformen som skolan eller förskolan använder. Finns barnen på flera lägger du till dem en i taget.",
		Add:         "Välj %s",
		Budget:      "Högst %s förfrågningar om dagen, en i taget.",
		Hosts:       "Kontaktar",
		NoSignIn:    "Ingen inloggning behövs.",
		RemoveTitle: "Ta bort %s?",
		RemoveLead:  "Inloggningen avslutas och allt som lästs genom kontot raderas här: kalendrar, brev och bilder. Hos skolan ändras ingenting.",
		RemoveAll:   "Det försvinner också ur kalendrarna som prenumererar.",
		RemoveYes:   "Ja, ta bort kontot och allt det hämtat",
	}
}

func svLogin() Login {
	return Login{
		Title:           "Logga in på %s",
		Lead:            "Du loggar in hos %s med din egen legitimation. Ingenting börjar förrän du trycker.",
		Choose:          "Hur vill du logga in?",
		Start:           "Börja",
		QRAlt:           "QR-kod för att logga in på %s",
		QRHelp:          "Koden byts varje sekund. Ha telefonen en bit från skärmen.",
		OpenBankID:      "Öppna BankID på den här telefonen",
		OpenFreja:       "Öppna Freja på den här telefonen",
		OpenBankIDHere:  "Öppna BankID på den här datorn",
		OpenFrejaHere:   "Öppna Freja på den här datorn",
		OtherLink:       "Händer inget? Prova den andra länken",
		OpenPage:        "Öppna skolans inloggningssida",
		OpenAgain:       "Kom sedan tillbaka hit. Sidan fortsätter av sig själv.",
		Cancel:          "Avbryt inloggningen",
		Again:           "Försök igen",
		ToStatus:        "Till statussidan",
		AlreadySignedIn: "Du är redan inloggad här. Du kan logga in på nytt om något inte stämmer.",
		Restarted:       Plural{One: "Koden slutade gälla och byttes ut %s gång. Använd den som syns nu.", Many: "Koden slutade gälla och byttes ut %s gånger. Använd den som syns nu."},
		NoScript:        "Sidan laddas om varannan sekund. Med JavaScript på går det mjukare.",
		CancelIsFree:    "Att avbryta kostar ingenting och ändrar ingenting.",
		ComeBack:        "Lämna sidan öppen tills det står att du är inloggad.",
		Answer:          "Fortsätt",
		ReadsNow:        "Nu läses det nya in. Det tar någon minut.",
		Other:           "Logga in på ett annat sätt",
	}
}
