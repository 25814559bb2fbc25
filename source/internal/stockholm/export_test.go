package stockholm

import "net/url"

// The parsers of foreign bytes are fuzzed directly: through a whole sign-in
// they would see a small part of what can be thrown at them.

// Follow returns the addresses to which a page's forms and chooser lead.
func Follow(from *url.URL, body []byte) []string {
	var out []string
	p := readPage(body)
	saml, isSAML := p.saml()
	auto, isAuto := p.auto()
	link, through, isChooser := p.chooser(bankID())
	for _, f := range []struct {
		form form
		ok   bool
	}{{saml, isSAML}, {auto, isAuto}, {through, isChooser && link == ""}} {
		if !f.ok {
			continue
		}
		if req, err := f.form.request(from); err == nil {
			out = append(out, req.Method+" "+req.URL+" "+string(req.Body))
		}
	}
	if isChooser && link != "" {
		if to, err := follow(from, link); err == nil {
			out = append(out, " "+to+" "+startOf(to))
		}
	}
	return out
}

// ReadBankID reads an answer about an order.
func ReadBankID(body []byte) (word, frame string, err error) {
	st, frame, err := readBankID(body)
	return st.word(), frame, err
}

// ReadFreja reads Freja's status.
func ReadFreja(body []byte) (string, error) {
	st, err := readFreja(body)
	return st.word(), err
}

func (s status) word() string {
	return map[status]string{
		waiting: "waiting", opened: "opened", signed: "signed", cancelled: "cancelled", timedOut: "timed out", dead: "dead",
	}[s]
}

// FrejaLink reads the address that opens Freja's app.
func FrejaLink(body []byte) (string, error) { return frejaLink(body) }

// Page is the address of the BankID page for a landing.
func Page(landing string) string { return bankID().page(landing) }

// FrejaPage is the address of the Freja page for a landing.
func FrejaPage(landing string) string { return freja().page(landing) }

// PersonalNumber brings a personal number into its long form.
var PersonalNumber = personalNumber
