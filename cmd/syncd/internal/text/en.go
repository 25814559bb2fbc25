package text

func (w *Words) fillEnglish() {
	w.Common = enCommon()
	w.Errors = enErrors()
	w.Calendar = Calendar{
		Cancelled: "Cancelled: ", Done: "Done: ", Name: "%s – %s", Description: "%s: %s. Read from the school by syncd.",
		Family: "Family", Letters: "%s – %s",
	}
	w.Front = enFront()
	w.Overview = enOverview()
	w.Accounts = enAccounts()
	w.Login = enLogin()
	w.Links = enLinks()
	w.Addresses = enAddresses()
	w.Subscriber = enSubscriber()
	w.Privacy = enPrivacy()
	w.Sessions = enSessions()
	w.Backups = enBackups()
	w.Export = enExport()
	w.Keeping = enKeeping()
	w.Spare = enSpare()
	w.Pairing = enPairing()
	w.Importing = enImporting()
	w.Children = enChildren()
	w.Keep = enKeep()
	w.Subscribed = enSubscribed()
}

func enCommon() Common {
	return Common{
		Demo:          "Demo: the family, the schools and everything they publish are invented.",
		SignIn:        "Sign in",
		SignOut:       "Sign out",
		Status:        "Status",
		Links:         "Links",
		Privacy:       "Privacy",
		Main:          "Main menu",
		Skip:          "Skip to the content",
		OtherLanguage: "Svenska",
		Cancel:        "Cancel",
		Back:          "Back",
		Copy:          "Copy",
		Copied:        "Copied",
		Choose:        "Choose …",
		Unprotected:   "This connection is not encrypted. Others on the same network can read what you type.",
		Promise:       "syncd stays signed in for as long as the platform lets it. When that ends nothing disappears, the status page says so in plain words, and signing in again takes half a minute. syncd never signs in for you.",
	}
}

func enErrors() Errors {
	return Errors{
		NotFoundTitle:  "There is no such page",
		NotFound:       "The address is wrong, or what it led to has been removed.",
		InternalTitle:  "Something went wrong here",
		Internal:       "It is noted in the server's log. Nothing that was read is lost. Try again in a while.",
		ForbiddenTitle: "The request was stopped",
		Forbidden:      "It did not come from this site. Open syncd in a window of its own and try again.",
		Busy:           "Too many tries. Try again in %s.",
		MethodTitle:    "The page cannot be used like that",
		Method:         "Go to the status page and try from there.",
		Unprotected:    "The password is not accepted because the connection is not encrypted. Use an https address. If syncd stands behind a proxy: put the proxy's address into SYNCD_TRUSTED_PROXIES and let it send X-Forwarded-Proto: https.",
		Unauthorized:   "The user name or password is wrong, or the link has been removed.",
		TooMany:        "Too many tries. Wait a minute and try again.",
		Home:           "To the status page",
		WrongSignIn:    "The user name or password is wrong.",
		BadUser:        "Choose a user name of at most 64 characters: letters, digits, dot, hyphen.",
		BadPhrase:      "Choose a password of at least 10 characters that is not the user name.",
		UsedTitle:      "The address is no longer valid",
		Used:           "A one-time address works once, within 60 minutes. Run the command on the server to get a new one:",
		BadSettings:    "The platform does not accept these settings. Check them and try again.",
		Missing:        "This has to be filled in.",
		NothingChosen:  "Choose at least one child and at least one kind of content.",
	}
}

func enFront() Front {
	return Front{
		Title:         "School in the family's own calendar",
		Lead:          "Timetable, closures, lunches, homework and letters from school – in the apps that the family already uses, on your own server.",
		Note:          "This server belongs to one family. There is nothing to sign up for.",
		SignInTitle:   "Sign in",
		SignInLead:    "With the user name and password that you chose for this site. Not with BankID – that comes later.",
		User:          "User name",
		Phrase:        "Password",
		Forgot:        "Forgotten? Whoever looks after the server runs the command below and gets a new one-time address.",
		ForgotCommand: "syncd guardian reset",
		WelcomeTitle:  "Welcome",
		WelcomeLead:   "Choose how you want to sign in to this site. The one-time address ends when you are done.",
		UserHint:      "Your first name will do.",
		PhraseHint:    "At least 10 characters. A sentence is easy to remember.",
		Welcome:       "Save and go on",
	}
}

func enOverview() Overview {
	return Overview{
		Title:         "Status",
		Accounts:      "School platforms",
		AddAccount:    "Add an account",
		NoAccounts:    "No account yet. Add the platform that the school or preschool uses, and sign in with your own eID.",
		FirstStep:     "Begin here",
		Children:      "Children",
		NoChildren:    "The children appear here when the first read is done.",
		SignedInSince: "Signed in since",
		Until:         "Lasts",
		UntilTime:     "until %s",
		UntilUnknown:  "as long as the platform lets it",
		LastRead:      "Last read",
		NextRead:      "Next read",
		Never:         "never",
		NotPlanned:    "none planned",
		AfterSignIn:   "when you have signed in",
		Waiting:       "Waiting",
		Requests:      "Requests today",
		RequestsOf:    "%s of at most %s",
		ReadNow:       "Read now",
		Reading:       "Reading …",
		ReadingLead:   "It is read at a gentle pace. The page refreshes by itself.",
		SignInAgain:   "Sign in again",
		SignIn:        "Sign in",
		Remove:        "Remove",
		NoSignIn:      "Needs no sign-in",
		Kind:          "Content",
		Entries:       "Number",
		Read:          "Last read",
		NotReadYet:    "not read yet",
		Older:         "the last try failed, this is older",
		Gone:          "No longer in the platform's list since %s. What was read is kept.",
		NextStep:      "Next: put it into the calendar",
		NextStepLead:  "A link holds the addresses that the app you use needs. More links can be made at any time.",
		ShowAddresses: "Show the addresses",
		GetAddresses:  "Make a calendar link",
		LinkCount:     Plural{One: "%s link is used by calendars and readers.", Many: "%s links are used by calendars and readers."},
		ManageLinks:   "Show links",
		Attention:     Plural{One: "%s account needs you", Many: "%s accounts need you"},
		Suspended:     Plural{One: "%s link is paused, because an older backup was put back.", Many: "%s links are paused, because an older backup was put back."},
		AllWell:       "All is well",
	}
}

func enAccounts() Accounts {
	return Accounts{
		Title:       "Add an account",
		Lead:        "Choose the platform that the school or preschool uses. If the children are on several, add them one by one.",
		Add:         "Choose %s",
		Budget:      "At most %s requests a day, one at a time.",
		Hosts:       "Contacts",
		NoSignIn:    "No sign-in is needed.",
		RemoveTitle: "Remove %s?",
		RemoveLead:  "The session is ended and everything read through the account is deleted here: calendars, letters and pictures. Nothing changes at the school.",
		RemoveAll:   "It also disappears from the calendars that subscribe.",
		RemoveYes:   "Yes, remove the account and all it has read",
	}
}

func enLogin() Login {
	return Login{
		Title:           "Sign in to %s",
		Lead:            "You sign in at %s with your own eID. Nothing begins until you tap.",
		Choose:          "How do you want to sign in?",
		Start:           "Begin",
		QRAlt:           "QR code for signing in to %s",
		QRHelp:          "The code changes every second. Hold the phone a little way from the screen.",
		OpenBankID:      "Open BankID on this phone",
		OpenFreja:       "Open Freja on this phone",
		OpenBankIDHere:  "Open BankID on this computer",
		OpenFrejaHere:   "Open Freja on this computer",
		OtherLink:       "Nothing happens? Try the other link",
		OpenPage:        "Open the school's sign-in page",
		OpenAgain:       "Then come back here. The page goes on by itself.",
		Cancel:          "Cancel the sign-in",
		Again:           "Try again",
		ToStatus:        "To the status page",
		AlreadySignedIn: "You are signed in here already. You may sign in anew if something is wrong.",
		Restarted:       Plural{One: "The code ran out and was replaced %s time. Use the one shown now.", Many: "The code ran out and was replaced %s times. Use the one shown now."},
		NoScript:        "The page reloads every other second. It is smoother with JavaScript on.",
		CancelIsFree:    "Cancelling costs nothing and changes nothing.",
		ComeBack:        "Leave the page open until it says that you are signed in.",
		Answer:          "Go on",
		ReadsNow:        "What is new is being read now. That takes a minute or so.",
		Other:           "Sign in another way",
	}
}
