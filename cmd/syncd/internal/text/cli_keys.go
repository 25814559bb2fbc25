package text

// KeyCLI is what the key's commands say in a terminal. What a family has to
// act on is said in Swedish first and in English below.
type KeyCLI struct {
	Passphrase string // asks for what is typed
	Show       string // above the key
	Rotated    Format // the file of the new key
	Swap       Format // that file, where somebody else keeps the key
	Open       string // where a protected key was replaced by an open one
	Unreadable Format // how many pictures and files could not be sealed anew
	CutShort   string // several keys: a rotation was not finished
	Loose      string
	SameDisk   string // key and data on one file system
	Apart      string // they are not
	Swapped    Format // places, where memory may be written to a disk
	Unnamed    string // the key lies in a volume without a name
}

// KeyTerminal returns the words of the key's commands.
func KeyTerminal() KeyCLI {
	return KeyCLI{
		Passphrase: "passphrase of the key: ",
		Show: "Det här är nyckeln till allt som är sparat. Skriv av den eller skriv ut den och förvara den som ett pass, aldrig\n" +
			"tillsammans med säkerhetskopiorna. Den som har den och kopiorna kan läsa allt om barnen.\n" +
			"This is the key to everything that is kept. Write it down or print it and keep it as you keep a passport, never\n" +
			"beside the backups. Whoever has it and the copies can read everything about the children.",
		Rotated: "Allt är förseglat med en ny nyckel: %[1]s\n" +
			"Spara en ny kopia av den. Behåll den gamla kopian så länge som ni har säkerhetskopior från förr: de öppnas bara med den.\n" +
			"Everything is sealed with a new key: %[1]s\n" +
			"Keep a new copy of it. Keep the old copy for as long as you have backups from before: they open with nothing else.",
		Swap: "Lägg in den i stället för den gamla hemligheten före nästa start: %[1]s\n" +
			"Put it in the place of the old secret before the next start: %[1]s",
		Open: "Den nya nyckeln är inte låst med någon lösenfras. Lås den med age -p och ta bort den olåsta.\n" +
			"The new key is not locked with a passphrase. Lock it with age -p and remove the open one.",
		Unreadable: "Bilder och filer som inte gick att läsa: %[1]s. De är undanlagda i datamappen, och deras brev läses om från skolan.\n" +
			"Pictures and files that could not be read: %[1]s. They are put aside in the data folder, and their letters are read again.",
		CutShort: "The key file holds several keys. If that is not on purpose, a rotation was cut short: run syncd key rotate again.",
		Loose:    "Other users of this machine may read the key file.",
		SameDisk: "Nyckeln och uppgifterna ligger på samma disk. Det skyddar kopior av datamappen, men inte mot den som tar hela\n" +
			"disken eller är administratör här. Flytta nyckeln: en lösenfras, systemd-creds med TPM2 eller krypterad disk.\n" +
			"The key and the data lie on the same disk. That protects copies of the data folder, but not against somebody who\n" +
			"takes the whole disk or is root here. Move the key off it: a passphrase, systemd-creds with TPM2, or an encrypted disk.",
		Apart: "The key and the data lie on different file systems. That may still be one disk.",
		Swapped: "Minnet kan skrivas okrypterat till disken: %[1]s. Stäng av swap för syncd (se docker-compose.yml) eller kryptera den.\n" +
			"Memory may be written to the disk in the clear: %[1]s. Switch swap off for syncd (see docker-compose.yml), or encrypt it.",
		Unnamed: "Nyckeln ligger i en volym utan namn, som försvinner med containern. Ge den ett namn: se docker-compose.yml.\n" +
			"The key lies in a volume without a name, which goes when the container does. Give it one: see docker-compose.yml.",
	}
}
