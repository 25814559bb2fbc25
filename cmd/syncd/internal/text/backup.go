package text

// Backups is what pages say about backups.
type Backups struct {
	Last Format // how long ago
	None string
}

func svBackups() Backups {
	return Backups{Last: "Senaste säkerhetskopian: %s.", None: "Ingen säkerhetskopia är gjord ännu."}
}

func enBackups() Backups {
	return Backups{Last: "Last backup: %s.", None: "No backup has been made yet."}
}

// BackupCLI is what the commands about backups say in a terminal, beside what
// scripts read.
type BackupCLI struct {
	Made      string // number of files, size
	LeftOut   string // number of pictures
	OwnKey    string
	Protected string
	Ask       string // asks for the passphrase
	AskAgain  string
	Good      string // when it was made, number of pictures

	Restored string // when the backup was made
	Links    string
	Aside    string // folder
	NewKey   string // path
	Occupied string // hint

	Exported string // numbers of calendars, entries, letters, files
	Lost     string // number of pictures and attachments
	Open     string // that nothing of it is encrypted
	NotEmpty string // hint

	Deletions Plural // of things and accounts, that stay deleted

	Waiting    string // others work on backups
	WaitingFor Format // the same, where that is given up; after how many seconds
}

// TerminalBackup returns the words of the terminal about backups.
func TerminalBackup() BackupCLI {
	return BackupCLI{
		Made:      "The backup is whole: %d files, %s, opened again and checked.",
		LeftOut:   "%d pictures or attachments were missing already; they are read again when the school still has them.",
		OwnKey:    "It opens with this installation's key. Keep a copy of that key somewhere else: see syncd key show.",
		Protected: "It opens with the passphrase, on any machine. Without the passphrase nobody can help you.",
		Ask:       "passphrase of the backup: ",
		AskAgain:  "once more: ",
		Good:      "The backup of %s is whole, with %d pictures and attachments.",
		Restored:  "The backup of %s is back.",
		Links:     "Links wait until a guardian says on the page that they hold. Sign in again at the schools.",
		Aside:     "What was there before is in %s. Delete that folder when all is well.",
		NewKey:    "A key was made: %s. Keep a copy of it somewhere else.",
		Exported:  "Written: %d calendars with %d entries, %d letters with %d pictures and attachments.",
		Lost:      "%d pictures or attachments are lost.",
		Open: "Inget av det är krypterat: den som kommer åt mappen kan läsa allt om barnen.\n" +
			"Nothing of it is encrypted: whoever gets at the folder can read everything about the children.",
		NotEmpty: "name a folder that is empty or does not exist; an interrupted export is deleted and made again",
		Occupied: "say -replace to put the data that are there aside",
		Deletions: Plural{
			One:  "What guardians had deleted or removed before stays deleted (%s deletion).",
			Many: "What guardians had deleted or removed before stays deleted (%s deletions).",
		},
		Waiting: "Väntar på att annat arbete med säkerhetskopior blir klart.\n" +
			"Waiting for other work on backups to end.",
		WaitingFor: "Väntar i högst %[1]d sekunder på att annat arbete med säkerhetskopior blir klart.\n" +
			"Waiting for other work on backups to end, for %[1]d seconds at most.",
	}
}
