package stockholm

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

	"syncd/source"
)

// family is one of the city's two programs, with what differs between them.
type family struct {
	path    string // of its page on pageHost
	collect string // last part of the path that hands over the session
	start   string // path part of its start page on loginHost
	realm   string // REALMOID
}

func bankID() family {
	return family{
		path:    "/NECSadcmbid/authenticate/NECSadcmbid",
		collect: "SiteMinderAuthADC",
		start:   "NECSadc/mbid",
		realm:   "06-42f40edd-0c5b-4dbc-b714-1be1e907f2de",
	}
}

func freja() family {
	return family{
		path:    "/NECSadcfreja/authenticate/NECSadcfreja",
		collect: "SiteMinderAuthADCFREJA",
		start:   "NECSadc/freja",
		realm:   "06-89cf916c-9764-45fa-8690-eaf3fe9282bc",
	}
}

func (f family) collectPath() string {
	return f.path[:strings.LastIndexByte(f.path, '/')+1] + f.collect
}

// page returns the family's page for a sign-in that lands at landing. The
// city's own encoding of the target is not that of a URL library and is
// written byte for byte.
func (f family) page(landing string) string {
	start := strings.ReplaceAll(f.start, "/", "%2f")
	b64 := strings.NewReplacer("=", "%3d", "+", "%2b", "/", "%2f").
		Replace(base64.StdEncoding.EncodeToString([]byte(landing)))
	return "https://" + pageHost + f.path +
		"?TYPE=33554433" +
		"&REALMOID=" + f.realm +
		"&GUID=1" +
		"&SMAUTHREASON=0" +
		"&METHOD=GET" +
		"&SMAGENTNAME=IfNE0iMOtzq2TcxFADHylR6rkmFtwzoxRKh5nRMO9NBqIxHrc38jFyt56FASdxk1" +
		"&TARGET=-SM-HTTPS%3a%2f%2flogin001%2estockholm%2ese%2f" + start + "%2fb64startpage%2ejsp%3fstartpage%3d" + b64
}

// place is a login page that was reached, and where it leads afterwards.
type place struct {
	page  string // the page with its query; what PROTOCOL.md calls PAGE
	start string // where the city goes after the sign-in; may be empty
}

// with returns the page with more in its query.
func (p place) with(query string) string {
	if strings.Contains(p.page, "?") {
		return p.page + "&" + query
	}
	return p.page + "?" + query
}

// bare returns the page without its query.
func (p place) bare() string {
	bare, _, _ := strings.Cut(p.page, "?")
	return bare
}

// collect returns the address that hands over the session of a signed order:
// the page's, with another last part of the path.
func (p place) collect(f family) string {
	bare, query, _ := strings.Cut(p.page, "?")
	return bare[:strings.LastIndexByte(bare, '/')+1] + f.collect + "?" + query
}

// atLogin reports whether an address is on the city's sign-in hosts.
func atLogin(u *url.URL) bool { return u.Hostname() == loginHost || u.Hostname() == pageHost }

// isPage reports whether an address is a family's page.
func (f family) isPage(u *url.URL) bool {
	return u.Hostname() == pageHost && strings.EqualFold(u.Path, f.path)
}

func anyPage(u *url.URL) bool { return bankID().isPage(u) || freja().isPage(u) }

// startOf decodes the address that a link to a start page carries; empty
// when it carries none that can be followed.
func startOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	b64 := strings.NewReplacer("-", "+", "_", "/", " ", "+", "=", "").Replace(u.Query().Get("startpage"))
	data, err := base64.RawStdEncoding.DecodeString(b64)
	if err != nil || !strings.HasPrefix(string(data), "https://") {
		return ""
	}
	return string(data)
}

// returnAddress accepts the address of the program's own page, to which the
// app on a phone returns; anything else is left out.
func returnAddress(s string) string {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

func notUnderstood(what string) error { return fmt.Errorf("%w: %s", source.ErrNotUnderstood, what) }
