package text

// CLIWipe is what the command says that deletes everything.
type CLIWipe struct {
	Ask      string // on a terminal, before anything is deleted
	Word     string // that has to be typed
	NotSaid  string // something else was typed
	Would    string // above the paths that would be deleted
	Key      string
	Files    string // how many sealed files, pictures
	Foreign  string // a path that is not syncd's own
	Unopened string // the data could not be opened: sessions at schools live on
	Nothing  string
	Reach    string // above the copies that are out of reach
	Busy     string // the folders of backups were not touched
	KeyLeft  string // a path
	Draft    string // a path beside that: what a rotation that was cut short left
	Export   string // a path
	Link     string // label, families of programs
	Always   []string
	Done     string
}

// TerminalWipe returns the words of the command that deletes everything.
func TerminalWipe() CLIWipe {
	return CLIWipe{
		Ask: "This deletes everything that syncd has made on this machine: the key, the data, the pictures and all backups that it " +
			"knows of. Links stop working. It cannot be undone. Type WIPE to go on: ",
		Word:    "WIPE",
		NotSaid: "nothing was deleted",
		Would:   "syncd wipe would delete:",
		Key:     "the key is deleted: what was sealed with it cannot be opened any more",
		Files:   "deleted %d sealed files, %d pictures and files of letters",
		Foreign: "left, because it is not syncd's own: %s",
		Unopened: "The data could not be opened, so nobody was signed out: sessions at the schools end by themselves, " +
			"and backups elsewhere were not looked for.",
		Nothing: "there is nothing to delete",
		Reach:   "Out of reach, for you to see to:",
		Busy: "Other work on backups did not end, so these folders were left as they are. A daemon ends when that work does; " +
			"if it does not, stop it.",
		KeyLeft: "the key file %s was not made by syncd; without it nothing of the above can be opened",
		Draft:   "%s holds a key too: a rotation to that file was cut short",
		Export:  "what was exported to %s lies there in the clear",
		Link:    "what the link %q has shown: %s keep what they have fetched until it is removed there",
		Always: []string{
			"copies of the key, the data or backups that were made by hand, and snapshots of the disk",
			"what a disk keeps of deleted files; without the key it cannot be opened",
			"the schools: nothing has changed there",
		},
		Done: "Everything is deleted. A container that restarts by itself begins anew and empty: stop it.",
	}
}
