package source

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"syncd/source/school"
)

// Authenticator is implemented by sources that a person logs in to.
type Authenticator interface {
	// Begin starts a login by one of the platform's methods. The method's
	// Fields must be answered. It talks to the platform, within ctx; the
	// login goes on after ctx ends and is given up when it is not polled for
	// a minute or ends by itself.
	Begin(ctx context.Context, method MethodID, in Answers) (Login, error)
}

// Login is one login under way. Its methods are called one at a time.
type Login interface {
	// Poll asks the platform how far the login is. The caller polls about
	// once a second for as long as a person is looking, and stops once
	// Progress.State.Final() is true. Trouble that a retry may cure is
	// handled inside; an error ends the login.
	Poll(ctx context.Context) (Progress, error)
	// Answer gives what Progress.Ask asked for.
	Answer(ctx context.Context, in Answers) error
	// Cancel gives the login up. Harmless after its end.
	Cancel(ctx context.Context) error
}

// Refresher is implemented by sources whose sessions can be renewed without
// a person.
type Refresher interface {
	// Refresh tries once to renew the session. It answers
	// [ErrSessionExpired] when a person is needed. An adapter that has more
	// ways than re-entry tries them in the order of the rungs and says by
	// [Session.Renewed] which one helped.
	Refresh(ctx context.Context, s *Session) error
}

// Pinger is implemented by sources whose sessions end when they are not used.
type Pinger interface {
	// Ping makes the cheapest request that counts as use of the session, one
	// only, and reads nothing of a child. It answers [ErrSessionExpired],
	// [ErrWrongPerson] and all the rest as Fetch does, and updates s as Fetch
	// does.
	Ping(ctx context.Context, s *Session) error
}

// Pairer is implemented by sources that can register with the platform like a
// phone, where the guardian wants that.
type Pairer interface {
	// Unpaired returns when the platform last refused to, of a session that
	// would have to sign in anew for it; zero where nothing is amiss or nobody
	// wants it. It asks nothing of the platform.
	Unpaired(s *Session) time.Time
}

// Rung is a way in which a session came to be or was renewed.
type Rung = school.Rung

// The rungs of the ladder, see package school.
const (
	RungReentry = school.RungReentry
	RungPairing = school.RungPairing
	RungPerson  = school.RungPerson
)

// SignOuter is implemented by sources that leave something behind at the
// platform which ends only when it is told to, such as a paired device.
type SignOuter interface {
	// SignOut takes back, as far as it can, what the session's logins left at
	// the platform. It is called once, when the account is removed, the
	// guardian signs out, or another login has taken this one's place, which
	// it must not disturb; afterwards the session is thrown away whatever it
	// returned. A session that is over already is no error.
	SignOut(ctx context.Context, s *Session) error
}

// MethodID names a way to log in.
type MethodID string

// The methods known so far.
const (
	BankIDQR  MethodID = "bankid-qr"  // BankID on another device, by QR
	BankIDApp MethodID = "bankid-app" // BankID on this device
	Freja     MethodID = "freja"      // Freja eID, a push to the phone
	FrejaApp  MethodID = "freja-app"  // Freja eID on this device
	Password  MethodID = "password"
	Cookies   MethodID = "cookies" // a browser's session, imported
)

// Method describes a way to log in. What people read about it comes from the
// program's own words, by ID.
type Method struct {
	ID     MethodID
	Fields []Field // asked before the login begins
}

// Field is something to be answered by a person. Its label comes from the
// program's own words, by ID.
type Field struct {
	ID       string // "personal-number", "municipality"
	Secret   bool   // not echoed, never stored in the clear, never logged
	Optional bool
	Choices  []string // nil: free text. The first one holds where an optional field is left out
}

// AnswerReturn is an answer that no method's Fields ask for and that the page
// may add: the address of the page itself, to which a phone's app comes back.
// Methods without a use for it ignore it.
const AnswerReturn = "return"

// Answers are what a person typed, by field id.
type Answers map[string]string

// String implements [fmt.Stringer] without showing an answer.
func (Answers) String() string { return school.Redacted }

// Format implements [fmt.Formatter], so that no verb shows an answer.
func (Answers) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, school.Redacted) }

// LogValue implements [slog.LogValuer] without showing an answer.
func (Answers) LogValue() slog.Value { return slog.StringValue(school.Redacted) }

// LoginState says how far a login is.
type LoginState string

// The states of a login. The last five are final.
const (
	LoginStarting  LoginState = "starting"  // talking to the platform
	LoginScan      LoginState = "scan"      // waiting for the QR to be scanned or the app to be opened
	LoginApprove   LoginState = "approve"   // the app is open, waiting for the person
	LoginFinishing LoginState = "finishing" // approved, collecting the session
	LoginQuestion  LoginState = "question"  // waiting for Answer
	LoginDone      LoginState = "done"      // Progress.Session holds the session
	LoginCancelled LoginState = "cancelled" // the person said no
	LoginExpired   LoginState = "expired"   // nobody acted in time
	LoginFailed    LoginState = "failed"    // the platform or the app gave up
	LoginRejected  LoginState = "rejected"  // the person has no access there
)

// Final reports whether the login is over.
func (s LoginState) Final() bool {
	switch s {
	case LoginDone, LoginCancelled, LoginExpired, LoginFailed, LoginRejected:
		return true
	case LoginStarting, LoginScan, LoginApprove, LoginFinishing, LoginQuestion:
		return false
	}
	return false
}

// Progress is what a person is shown of a login. It holds secrets and is
// neither logged nor stored.
type Progress struct {
	State LoginState
	// QR is the text to draw as a QR code now; empty when there is none. It
	// is good for a second or two.
	QR string
	// AppLink opens the app on this device ("bankid:///?autostarttoken=…"),
	// UniversalLink is its https form for iOS. Empty when there are none.
	AppLink, UniversalLink string
	// Restarts counts orders that died and were silently replaced.
	Restarts int
	// Ask is what Answer has to bring in LoginQuestion.
	Ask []Field
	// Session is the state of the new session in LoginDone.
	Session []byte
}

// String implements [fmt.Stringer]: the state only.
func (p Progress) String() string { return string(p.State) }

// Format implements [fmt.Formatter], so that no verb shows more than the state.
func (p Progress) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, string(p.State)) }

// LogValue implements [slog.LogValuer]: the state only.
func (p Progress) LogValue() slog.Value { return slog.StringValue(string(p.State)) }
