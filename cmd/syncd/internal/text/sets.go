package text

import (
	"syncd/source"
	"syncd/source/school"
)

// Advice is what a family is told of a problem: what it means, then what to do.
type Advice struct{ Sentence, Remedy string }

// Method is how a way to sign in is offered.
type Method struct{ Name, Hint string }

// Field is how a question is put. Choices are left as the platform writes them.
type Field struct{ Label, Hint string }

// Problem returns sentence and remedy for a problem; both are empty for
// [school.ProblemNone].
func (w *Words) Problem(p school.Problem) Advice {
	if w.Lang == EN {
		return enProblem(p)
	}
	return svProblem(p)
}

// State returns in a few words where an account stands.
func (w *Words) State(s school.SessionState) string {
	if w.Lang == EN {
		return enState(s)
	}
	return svState(s)
}

// Kind returns the name of a kind of calendar or feed.
func (w *Words) Kind(k school.Kind) string {
	if w.Lang == EN {
		return enKind(k)
	}
	return svKind(k)
}

// KindHint returns half a sentence about what the kind holds.
func (w *Words) KindHint(k school.Kind) string {
	if w.Lang == EN {
		return enKindHint(k)
	}
	return svKindHint(k)
}

// LoginState returns what a person is told, or has to do, in a state of a login.
func (w *Words) LoginState(s source.LoginState, m source.MethodID) string {
	if w.Lang == EN {
		return enLoginState(s, m)
	}
	return svLoginState(s, m)
}

// Method returns the name of a way to sign in and a hint. An unknown one is
// called by its id.
func (w *Words) Method(id source.MethodID) Method {
	if w.Lang == EN {
		return enMethod(id)
	}
	return svMethod(id)
}

// Field returns the label of a question. An unknown one is called by its id.
func (w *Words) Field(id string) Field {
	if w.Lang == EN {
		return enField(id)
	}
	return svField(id)
}

// Choice returns the label of an answer that a question allows. What is a name
// of its own is shown as it is.
func (w *Words) Choice(value string) string {
	switch value {
	case "yes":
		return w.pick("Ja", "Yes")
	case "no":
		return w.pick("Nej", "No")
	}
	return value
}

// KeyPlace returns what the place of the key protects from, and from what not.
func (w *Words) KeyPlace(k KeyPlace) Advice {
	if w.Lang == EN {
		return enKeyPlace(k)
	}
	return svKeyPlace(k)
}

// Client returns the name of a family of programs; an unknown one is an other
// one.
func (w *Words) Client(c Client) string {
	switch c {
	case ClientApple:
		return "Apple"
	case ClientGoogle:
		return "Google"
	case ClientOutlook:
		return "Outlook"
	case ClientThunderbird:
		return "Thunderbird"
	case ClientDAVx5:
		return "DAVx⁵"
	case ClientICSx5:
		return "ICSx⁵"
	case ClientHomeAssistant:
		return "Home Assistant"
	case ClientReader:
		return w.pick("nyhetsläsare", "feed reader")
	case ClientOther:
	}
	return w.pick("annat program", "other program")
}

// isFreja reports whether the person acts in the Freja app.
func isFreja(m source.MethodID) bool { return m == source.Freja || m == source.FrejaApp }
