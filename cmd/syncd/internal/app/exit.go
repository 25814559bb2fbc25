package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"syncd/cmd/syncd/internal/config"
	"syncd/cmd/syncd/internal/text"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/vault"
)

// Exit statuses, as scripts rely on them.
const (
	ExitOK     = 0
	ExitError  = 1
	ExitUsage  = 2
	ExitLocked = 75 // another process holds the data (EX_TEMPFAIL)
	ExitData   = 78 // the key or the data cannot be used (EX_CONFIG)
)

// ErrUsage is wrapped by errors about how a command was called.
var ErrUsage = errors.New("usage")

// usageError makes an error about how a command was called.
func usageError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUsage}, args...)...)
}

// Fail prints an error and, where we know better, what may help against it,
// and answers the exit status that goes with it.
func Fail(w io.Writer, err error) int {
	if err == nil {
		return ExitOK
	}
	fmt.Fprintf(w, "syncd: error: %v\n", err)
	if h := hint(err); h != "" {
		fmt.Fprintf(w, "syncd: hint: %s\n", h)
	}
	switch {
	case errors.Is(err, ErrUsage):
		return ExitUsage
	case errors.Is(err, vault.ErrLocked):
		return ExitLocked
	case Unusable(err):
		return ExitData
	}
	return ExitError
}

// Unusable reports whether an error says that key or data cannot be used.
func Unusable(err error) bool {
	for _, target := range []error{
		vault.ErrKeyMissing, vault.ErrKeyBroken, vault.ErrPassphrase, vault.ErrKeyUnfit, vault.ErrDamaged,
		vault.ErrDenied, vault.ErrKeyFleeting, storage.ErrNewer, storage.ErrMismatch,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// hint says what may help against an error, "" where we do not know better.
func hint(err error) string {
	if b, ok := errors.AsType[*backup.Error](err); ok && b.Hint() != "" {
		return b.Hint()
	}
	switch {
	case errors.Is(err, storage.ErrOccupied):
		return text.TerminalBackup().Occupied
	case errors.Is(err, vault.ErrDamaged):
		return "put back a copy of the file, or run syncd reset: it puts the file aside and goes on with the rest"
	case errors.Is(err, vault.ErrKeyUnfit):
		return "put back the key that belongs to it (after key rotate -to: the new one); without it, syncd reset puts the file aside and goes on with the rest"
	}
	if v, ok := errors.AsType[*vault.Error](err); ok {
		switch {
		case errors.Is(err, vault.ErrKeyMissing) && v.Detail != "": // something sealed is there
			return "put the key back; without it, syncd reset puts the data aside and begins anew"
		case v.Hint() != "":
			return v.Hint()
		}
	}
	switch {
	case errors.Is(err, config.ErrRedirect):
		return "set all of them, or leave SYNCD_REDIRECT_LISTEN out: where a proxy ends TLS, the proxy sends http on"
	case errors.Is(err, ErrUsage):
		return "syncd help lists the commands"
	case errors.Is(err, storage.ErrNewer):
		return "run the newer version again; an older one cannot read its data"
	case errors.Is(err, storage.ErrMismatch):
		return "put back cache.age and state.age from the same backup"
	case errors.Is(err, fs.ErrPermission):
		return "the folders must belong to the user that runs syncd"
	}
	return ""
}
