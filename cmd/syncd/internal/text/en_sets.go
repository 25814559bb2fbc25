package text

import (
	"syncd/source"
	"syncd/source/school"
)

func enProblem(p school.Problem) Advice {
	switch p {
	case school.ProblemNone:
		return Advice{}
	case school.ProblemSignIn:
		return Advice{"The platform has ended the session.", "Sign in again with your eID. It takes half a minute, and until then everything stays as it is."}
	case school.ProblemWrongPerson:
		return Advice{"Another person than the account's owner signed in. Nothing was kept.", "Sign in as the same person as before, or add an account of its own for the other one."}
	case school.ProblemRefused:
		return Advice{"The platform knows who is signed in but does not hand anything out.", "Check in the platform's own app that you see the children there. If you do, report the fault."}
	case school.ProblemBlocked:
		return Advice{"The platform seems to stop the reading on purpose. Everything rests for a long while.", "Do nothing now. Look again tomorrow, and make sure that you have the latest version of syncd."}
	case school.ProblemRate:
		return Advice{"The platform has asked us to wait.", "Nothing has to be done. Reading goes on by itself when the wait is over."}
	case school.ProblemUnavailable:
		return Advice{"The platform does not answer, or the server has no contact with the internet.", "Nothing has to be done. It is tried again by itself, at ever longer intervals."}
	case school.ProblemNotUnderstood:
		return Advice{"The platform answers in a new way that syncd does not understand.", "What was read stays. Update syncd when there is a new version."}
	case school.ProblemWrongChild:
		return Advice{"The platform answered about another child than we asked for. The answer was thrown away.", "Nothing has to be done. It is read again, and nothing has ended up with the wrong child."}
	case school.ProblemHeld:
		return Advice{"An unusual amount was missing in the last answer. The old is shown until the next read says the same.", "Nothing has to be done. If you want to know at once: press Read now."}
	case school.ProblemBudget:
		return Advice{"The requests of the day are used up.", "Nothing has to be done. Reading goes on tomorrow."}
	case school.ProblemNotSaved:
		return Advice{"What is new could not be written to the disk.", "See whether the disk is full or write-protected. The old is shown meanwhile."}
	case school.ProblemFull:
		return Advice{"There is little room left for what is kept. When it is full, the oldest letters leave first.", "Under Privacy, choose to keep things for a shorter time, or delete what you do not need."}
	case school.ProblemOldCache:
		return Advice{"What was read from the schools was an older copy, put back from somewhere. Everything is read again.", "Nothing has to be done if you are signed in. If nobody has put back an old copy, see who can write to the data folder."}
	case school.ProblemLostCache:
		return Advice{"What was read from the schools could not be used any more. Everything is read again.", "Nothing has to be done if you are signed in. What the schools no longer show does not come back; a backup may have it."}
	case school.ProblemOldState:
		return Advice{"Accounts and links were an older copy, put back from somewhere. All links wait, and nobody is signed in at the schools.", "Under Links, let each link go on or take it back, and sign in again. If nobody has put back an old copy, see who can write to the data folder."}
	case school.ProblemLostState:
		return Advice{"Accounts and links could not be used any more. What was read from the schools is still there.", "Add the accounts, sign in, and make new links. The children keep their numbers, and nothing appears twice."}
	case school.ProblemBackup:
		return Advice{"The last backup could not be made.", "See whether the disk that it goes to is connected, has room, and may be written to. It is tried again every hour."}
	case school.ProblemInternal:
		return Advice{"A fault in syncd stopped the reading.", "What was read stays. Update syncd, or report the fault with the line from the log."}
	}
	return Advice{}
}

func enState(s school.SessionState) string {
	switch s {
	case school.SignedOut:
		return "Not signed in"
	case school.SigningIn:
		return "Signing in"
	case school.Active:
		return "Signed in"
	case school.Expired:
		return "Sign-in needed"
	}
	return string(s)
}

func enKind(k school.Kind) string {
	switch k {
	case school.KindEvents:
		return "School calendar"
	case school.KindLessons:
		return "Timetable"
	case school.KindDay:
		return "School day"
	case school.KindHomework:
		return "Homework and tests"
	case school.KindCare:
		return "Care times"
	case school.KindMeals:
		return "Lunch"
	case school.KindKit:
		return "Bring along"
	case school.KindFamily:
		return "All in one calendar"
	case school.KindNews:
		return "Letters and news"
	case school.KindNotices:
		return "Notices"
	case school.KindChanges:
		return "Changes"
	case school.KindAll:
		return "All in one feed"
	}
	return string(k)
}

func enKindHint(k school.Kind) string {
	switch k {
	case school.KindEvents:
		return "closures, study days, meetings, excursions"
	case school.KindLessons:
		return "each lesson"
	case school.KindDay:
		return "when the school day begins and ends"
	case school.KindHomework:
		return "with the last day"
	case school.KindCare:
		return "after-school care, preschool, closing days"
	case school.KindMeals:
		return "lunch of the day"
	case school.KindKit:
		return "gym clothes, swimwear"
	case school.KindFamily:
		return "the child's name before the title"
	case school.KindNews:
		return "the whole text, with pictures"
	case school.KindNotices:
		return "what the platform notifies about"
	case school.KindChanges:
		return "what was moved or called off"
	case school.KindAll:
		return "letters, notices and changes"
	}
	return ""
}

func enLoginState(s source.LoginState, m source.MethodID) string {
	app := "the BankID app"
	if isFreja(m) {
		app = "the Freja app"
	}
	switch s {
	case source.LoginStarting:
		return "Contacting the sign-in service …"
	case source.LoginScan:
		return enScan(m)
	case source.LoginApprove:
		return "Approve in " + app + "."
	case source.LoginFinishing:
		return "Approved. Finishing the sign-in …"
	case source.LoginQuestion:
		return "One more answer is needed."
	case source.LoginDone:
		return "Done, you are signed in."
	case source.LoginCancelled:
		return "The sign-in was cancelled. Nothing has changed."
	case source.LoginExpired:
		return "Time ran out. Begin again when you are ready."
	case source.LoginFailed:
		return "It did not work this time. Try again; if that fails too, the platform may have trouble."
	case source.LoginRejected:
		return "The person who signed in has no account there. Try with the other guardian."
	}
	return ""
}

func enScan(m source.MethodID) string {
	switch m {
	case source.BankIDQR:
		return "Open the BankID app, choose to scan a QR code and point the camera here."
	case source.BankIDApp:
		return "Tap the button and BankID opens."
	case source.Freja:
		return "Open the Freja app. A request to approve is waiting there."
	case source.FrejaApp:
		return "Tap the button and Freja opens."
	case source.Password, source.Cookies:
		return "Contacting the sign-in service …"
	default:
		return "Go on in the app."
	}
}

func enMethod(id source.MethodID) Method {
	switch id {
	case source.BankIDQR:
		return Method{"BankID by QR code", "BankID is on another device than this one."}
	case source.BankIDApp:
		return Method{"BankID on this device", "The app opens here, on the phone or the computer."}
	case source.Freja:
		return Method{"Freja on another phone", "A request is sent to the Freja app. The personal number is used for that only and not kept."}
	case source.FrejaApp:
		return Method{"Freja on this phone", "The app opens here."}
	case source.Password:
		return Method{"User name and password", "The ones that the school gave you."}
	case source.Cookies:
		return Method{"Carry over from the browser", "For municipalities where nothing else works."}
	default:
		return Method{Name: string(id)}
	}
}

func enField(id string) Field {
	switch id {
	case "personal-number":
		return Field{"Personal number", "12 digits, YYYYMMDDNNNN."}
	case "municipality":
		return Field{"Municipality", ""}
	case "user":
		return Field{"User name", ""}
	case "password":
		return Field{"Password", ""}
	case "cookies":
		return Field{"Cookies", "The Cookie line, or the content of a cookies.txt."}
	case "address":
		return Field{"Calendar address", "An address that begins with https:// or webcal://."}
	case "school":
		return Field{"School", ""}
	case "pin":
		return Field{"PIN", ""}
	case "name":
		return Field{"Name", "As it is to be shown here."}
	case "pairing":
		return Field{"Register the server like a phone", "syncd can then sign in again by itself for as long as InfoMentor lets it. Otherwise you sign in when the session ends. Can be taken back."}
	case "keep-password":
		return Field{"Keep the password", "Only for signing in by password: it is kept encrypted, so that the sign-in can be renewed."}
	case "learning-log":
		return Field{"Read the learning log", ""}
	case "calendar-address":
		return Field{"Read InfoMentor's calendar address when the session is over", "The address is kept encrypted, and the school calendar is followed by it until you sign in again. It is forgotten when you switch this off or remove the account."}
	}
	return Field{Label: id}
}

func enKeyPlace(k KeyPlace) Advice {
	const whole = "It does not protect against someone who takes the whole disk or is administrator of the server."
	switch k {
	case KeyManaged:
		return Advice{"The key lies in a separate folder of this server. That protects copies of the data folder: backups, synced folders, a stray volume.", whole + " If you want that: lock the key with a passphrase, move it to systemd-creds with TPM2, or encrypt the disk."}
	case KeyFile:
		return Advice{"The key lies in a file that whoever looks after the server has chosen.", whole + " If the file is on another disk or device, both are needed to read."}
	case KeyCredential:
		return Advice{"The key is handed over by systemd when syncd starts.", "If it is bound to the computer's TPM2 it cannot be read anywhere else. Keep a copy of it in a safe place."}
	case KeySecret:
		return Advice{"The key is handed over by the container engine when syncd starts.", whole + " It depends on where the engine keeps its secrets."}
	case KeyPassphrase:
		return Advice{"The key is locked with a passphrase and lies open in memory only.", "Whoever takes the disk cannot read without the passphrase. If it is forgotten, everything has to be read anew."}
	}
	return Advice{}
}
