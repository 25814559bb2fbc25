package text

// Importing explains how a session is carried over from a browser.
type Importing struct {
	Title                          string
	SignIn, Tools, Find, Copy, End string // the steps
	Care                           string
}

// Steps returns what is to be done, in order.
func (i Importing) Steps() []string { return []string{i.SignIn, i.Tools, i.Find, i.Copy, i.End} }

func svImporting() Importing {
	return Importing{
		Title:  "Så här gör du",
		SignIn: "Logga in på hub.infomentor.se i en dator, som ni brukar: välj kommunen och logga in hos den.",
		Tools:  "Tryck på F12 när startsidan visas, öppna fliken Nätverk och ladda om sidan.",
		Find:   "Klicka på den översta raden i listan, hub.infomentor.se, och leta under Begärandehuvuden efter raden Cookie.",
		Copy:   "Kopiera hela raden och klistra in den här. IMHome ska finnas med. En cookies.txt eller JSON från ett tillägg i webbläsaren går lika bra.",
		End:    "Stäng fönstret utan att logga ut: loggar ni ut där tar inloggningen slut även här.",
		Care:   "Kakorna är en nyckel till er inloggning. Skicka dem inte till någon. Här sparas de krypterat.",
	}
}

func enImporting() Importing {
	return Importing{
		Title:  "How to do it",
		SignIn: "Sign in at hub.infomentor.se on a computer as you usually do: choose the municipality and sign in there.",
		Tools:  "Press F12 when the start page shows, open the Network tab and reload the page.",
		Find:   "Click the topmost row of the list, hub.infomentor.se, and find the line Cookie among the request headers.",
		Copy:   "Copy the whole line and paste it here. IMHome has to be in it. A cookies.txt or JSON from a browser extension will do as well.",
		End:    "Close the window without signing out: signing out there ends the session here too.",
		Care:   "The cookies are a key to your sign-in. Send them to nobody. Here they are kept encrypted.",
	}
}
