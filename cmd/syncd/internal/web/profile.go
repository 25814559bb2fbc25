package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"syncd/feeds"
)

// opml lists the link's feeds for a reader (OPML 2.0): those that hold all of
// it and nothing twice.
func (s *server) opml(w http.ResponseWriter, r *http.Request, sub Subscriber, k Keys) error {
	words := s.visitorWords(r)
	var outlines []feeds.Outline
	for _, f := range sub.OnceFeeds {
		child := childName(words, f.Child, f.Name)
		o := feeds.Outline{
			Title: child + " – " + words.Kind(f.Kind), Page: s.BaseURL + "/", Lang: string(sub.Lang),
			URL: s.BaseURL + "/f/" + url.PathEscape(string(k.Feeds)) + "/" + f.Slug + ".atom",
		}
		if len(sub.OnceFeeds) > 1 {
			o.Group = child
		}
		outlines = append(outlines, o)
	}
	list, err := feeds.OPML(words.Subscriber.FeedsTitle, outlines)
	if err != nil {
		return fmt.Errorf("web: opml: %w", err)
	}
	attach(w, "text/x-opml; charset=utf-8", opmlFile, list)
	return nil
}

// profile writes a configuration profile for Apple's devices: the calendar
// account, or, where the key to the calendars is given, subscriptions to all
// that the link shows, nothing twice. It
// holds no password: outside encrypted profiles none belongs there, and the
// device asks for it. Identifiers and UUIDs are the link's own for ever, so
// that a profile installed again takes the earlier one's place.
func (s *server) profile(w http.ResponseWriter, r *http.Request, sub Subscriber, k Keys) error {
	words := s.visitorWords(r)
	p := plist{link: string(sub.Link)}
	p.open(words.Subscriber.ProfileName)
	if k.Calendars == "" {
		p.account(s.base, sub.CalDAV, words.Subscriber.ProfileName)
	}
	for _, c := range sub.OnceCalendars {
		if k.Calendars != "" {
			address := s.BaseURL + "/c/" + url.PathEscape(string(k.Calendars)) + "/" + c.Slug + ".ics"
			p.subscription(c.Slug, address, s.base.Scheme == "https", childName(words, c.Child, c.Name)+" – "+words.Kind(c.Kind))
		}
	}
	p.close(k.Calendars != "")
	attach(w, "application/x-apple-aspen-config", profileFile, p.b.Bytes())
	return nil
}

// plist writes a configuration profile as an XML property list.
type plist struct {
	b    bytes.Buffer
	link string
}

func (p *plist) open(name string) {
	p.b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` +
		"\n<plist version=\"1.0\">\n<dict>\n")
	p.text("PayloadDisplayName", name)
	p.b.WriteString("<key>PayloadContent</key>\n<array>\n")
}

// close ends the payloads and names the profile. One with subscriptions is
// another profile than one with the account.
func (p *plist) close(subscriptions bool) {
	what := "account"
	if subscriptions {
		what = "subscriptions"
	}
	p.b.WriteString("</array>\n")
	p.names("Configuration", "profile."+what)
	p.b.WriteString("</dict>\n</plist>\n")
}

func (p *plist) account(base *url.URL, to CalDAVAddress, name string) {
	port := 443
	if base.Scheme != "https" {
		port = 80
	}
	if n, err := strconv.Atoi(base.Port()); err == nil {
		port = n
	}
	p.b.WriteString("<dict>\n")
	p.names("com.apple.caldav.account", "caldav")
	p.text("PayloadDisplayName", name)
	p.text("CalDAVAccountDescription", name)
	p.text("CalDAVHostName", base.Hostname())
	p.whole("CalDAVPort", port)
	p.boolean("CalDAVUseSSL", base.Scheme == "https")
	p.text("CalDAVPrincipalURL", pathOf(to.URL)+url.PathEscape(to.User)+"/")
	p.text("CalDAVUsername", to.User)
	p.b.WriteString("</dict>\n")
}

func (p *plist) subscription(slug, address string, tls bool, name string) {
	p.b.WriteString("<dict>\n")
	p.names("com.apple.subscribedcalendar.account", "calendar."+slug)
	p.text("PayloadDisplayName", name)
	p.text("SubCalAccountDescription", name)
	p.text("SubCalAccountHostName", address)
	p.boolean("SubCalAccountUseSSL", tls)
	p.b.WriteString("</dict>\n")
}

func (p *plist) names(payload, what string) {
	p.text("PayloadType", payload)
	p.whole("PayloadVersion", 1)
	p.text("PayloadIdentifier", "syncd."+p.link+"."+what)
	p.text("PayloadUUID", uuid("syncd profile", p.link, what))
}

func (p *plist) text(key, value string) {
	p.key(key)
	p.b.WriteString("<string>")
	_ = xml.EscapeText(&p.b, []byte(value)) // a bytes.Buffer takes everything
	p.b.WriteString("</string>\n")
}

func (p *plist) whole(key string, n int) {
	p.key(key)
	p.b.WriteString("<integer>" + strconv.Itoa(n) + "</integer>\n")
}

func (p *plist) boolean(key string, v bool) {
	p.key(key)
	p.b.WriteString("<" + strconv.FormatBool(v) + "/>\n")
}

func (p *plist) key(name string) { p.b.WriteString("<key>" + name + "</key>\n") }

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "/"
	}
	return u.EscapedPath()
}

// uuid makes a UUID from names, the same for ever (RFC 9562 5.8, version 8).
func uuid(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

// qrPicture draws the whole address of the page, secrets and all, for the
// camera of a phone.
func (s *server) qrPicture(w http.ResponseWriter, _ *http.Request, token string, k Keys) error {
	code := newQR(s.BaseURL + subscriberPrefix + url.PathEscape(token) + "#" + k.Fragment())
	w.Header().Set("Content-Type", "image/svg+xml")
	if code == nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return nil
	}
	_, _ = fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges">`+
		`<rect width="%[1]d" height="%[1]d" fill="#fff"/><path d="%[2]s" fill="#000"/></svg>`, code.Side, code.Path)
	return nil
}
