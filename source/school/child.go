package school

import (
	"fmt"
	"log/slog"
	"strings"
)

// Child is a child as one platform knows it.
type Child struct {
	Ref    Ref    // the platform's own key, "platform:key" is the identity
	Name   string // first and last name as the platform writes them, roles removed
	School string // the school's name, empty where the platform does not say
	// Stages are the platform's codes for the child's forms of schooling
	// ("GR", "FS"), opaque to everyone but the adapter.
	Stages []string
	// Parts are what the platform has for this child; nil means unknown, that
	// is, everything the platform has.
	Parts []Part
}

// FirstName returns the first word of the name, or the name itself.
func (c Child) FirstName() string {
	first, _, _ := strings.Cut(strings.TrimSpace(c.Name), " ")
	return first
}

// String implements [fmt.Stringer] without showing the child.
func (Child) String() string { return Redacted }

// GoString implements [fmt.GoStringer] without showing the child.
func (Child) GoString() string { return Redacted }

// Format implements [fmt.Formatter], so that no verb shows the child.
func (Child) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, Redacted) }

// LogValue implements [slog.LogValuer] without showing the child.
func (Child) LogValue() slog.Value { return slog.StringValue(Redacted) }

// Roster is who is in front of the platform: the signed-in person and the
// children this person may read. It is handed on before any child is read.
type Roster struct {
	// Owner is the platform's key for the signed-in person, or a hash of it
	// where the key is a personal number. Never empty: it is compared with the
	// owner of the account after each login.
	Owner Ref
	// OwnerName is how the platform writes the person's name; may be empty.
	OwnerName string
	// Children is the whole list. A list that could not be read completely is
	// an error, never a shorter Roster.
	Children []Child
}

// String implements [fmt.Stringer] without showing anyone.
func (r Roster) String() string { return fmt.Sprintf("roster of %d children", len(r.Children)) }

// Format implements [fmt.Formatter], so that no verb shows anyone.
func (r Roster) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, r.String()) }

// LogValue implements [slog.LogValuer] without showing anyone.
func (r Roster) LogValue() slog.Value { return slog.StringValue(r.String()) }
