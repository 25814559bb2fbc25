package text

// CLIKeep is what commands say about deleting.
type CLIKeep struct {
	Nothing  string // nothing was there to be removed
	NotAgain string // what was deleted is not read again
	Untold   string // behind a platform's name: it was not reached to sign out
	Mute     string // behind a platform's name: it has no sign-out that is known
	Unsaved  string // the disk is full
	Later    string // below a folder of backups that was not looked at yet
	Reached  string // hint: a folder of backups that is there is not forgotten
	// A folder of backups that is away: how to forget it, and that it was; its
	// path.
	Forget, Forgotten Format
}

// TerminalKeep returns the words of the terminal about deleting.
func TerminalKeep() CLIKeep {
	return CLIKeep{
		Nothing:  "there was nothing to remove",
		NotAgain: "It is not read again until you say so: syncd delete allow. At the school nothing has changed.",
		Untold:   "it could not be told of the sign-out; the session is forgotten here and ends there by itself",
		Mute:     "the session is forgotten here and ends there by itself; no way to sign out is known",
		Unsaved: "it is removed from memory, but the disk would not take the change yet; it is tried again every minute while the " +
			"daemon runs. Make room on the disk",
		Later:     "It was not gone through yet. While the daemon runs, what was deleted leaves the backups there within the hour.",
		Reached:   "what is deleted leaves the backups there by itself; to delete a backup, name its own folder",
		Forget:    "If it is gone for ever: syncd delete copy %s forgets it; copies there keep what was deleted.",
		Forgotten: "forgot %s; copies there keep what was deleted",
	}
}
