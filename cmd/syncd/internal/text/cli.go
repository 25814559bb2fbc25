package text

// CLI is what commands say in a terminal beside what scripts read. The
// terminal is the operator's and speaks English only; what a family sees there
// (the one-time address, the first link's name) is Swedish first.
type CLI struct {
	OneTime         string // above the one-time address
	DefaultLink     string // name of the first link
	DefaultLinkMade string
	ShownOnce       string // below the addresses of a link
	OldUntil        string // before the time when replaced addresses end
	PersonalNumber  string // asks for what is typed
	OpenOnPhone     string // above the link that opens the app
	DemoReady       string // above the demo's addresses
	DemoEnds        string
	Unprotected     string // hint at start
}

// Terminal returns the words of the terminal.
func Terminal() CLI {
	return CLI{
		OneTime: "Välkommen! Öppna adressen inom en timme och välj användarnamn och lösenord.\n" +
			"Welcome! Open this address within an hour and choose a user name and a password.",
		DefaultLink:     "Familjen",
		DefaultLinkMade: "A first link over everything was made. The children's own calendars follow after the first read.",
		OldUntil:        "The old addresses work until",
		ShownOnce:       "Keep these addresses secret. They are shown this once; who loses them makes a new link.",
		PersonalNumber:  "personal number, twelve digits: ",
		OpenOnPhone:     "scan the code, or open this link on the device that has the app:",
		DemoReady:       "The demo is ready. Everything in it is invented.",
		DemoEnds:        "Ctrl-C ends it.",
		Unprotected: "CalDAV passwords are accepted from this machine only. For phones: set SYNCD_BASE_URL to an https address " +
			"and SYNCD_TRUSTED_PROXIES to the address of your proxy, or SYNCD_TLS_CERT and SYNCD_TLS_KEY",
	}
}
