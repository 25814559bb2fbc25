package stockholmtest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

const (
	bankIDPath    = "/NECSadcmbid/authenticate/NECSadcmbid"
	bankIDCollect = "/NECSadcmbid/authenticate/SiteMinderAuthADC"
	frejaPath     = "/NECSadcfreja/authenticate/NECSadcfreja"
	frejaCollect  = "/NECSadcfreja/authenticate/SiteMinderAuthADCFREJA"

	bankIDRealm = "06-42f40edd-0c5b-4dbc-b714-1be1e907f2de"
	frejaRealm  = "06-89cf916c-9764-45fa-8690-eaf3fe9282bc"
	agent       = "IfNE0iMOtzq2TcxFADHylR6rkmFtwzoxRKh5nRMO9NBqIxHrc38jFyt56FASdxk1"
	samlAgent   = "$SM$gTq0yUxL2bW8%2fV9cHn1dKe%2b4Zs7oRf"
	targetHead  = "-SM-HTTPS%3a%2f%2flogin001%2estockholm%2ese%2fNECSadc%2f"
	targetTail  = "%2fb64startpage%2ejsp%3fstartpage%3d"
)

// way is one of the city's two programs.
type way struct{ name, path, collect, realm string }

func mbid() way  { return way{"mbid", bankIDPath, bankIDCollect, bankIDRealm} }
func freja() way { return way{"freja", frejaPath, frejaCollect, frejaRealm} }

// pageURL returns the address of a way's page for a sign-in that goes on at
// start, as the server itself issues it.
func (wy way) pageURL(start string) string {
	return "https://" + PageHost + wy.path + "?TYPE=33554433&REALMOID=" + wy.realm + "&GUID=0-" + uuid() +
		"&SMAUTHREASON=0&METHOD=GET&SMAGENTNAME=" + samlAgent + "&TARGET=" + targetHead + wy.name + targetTail + smBase64(start)
}

// smBase64 writes a start address as SiteMinder puts it into a TARGET.
func smBase64(start string) string {
	return strings.NewReplacer("=", "%3d", "+", "%2b", "/", "%2f").Replace(base64.StdEncoding.EncodeToString([]byte(start)))
}

// param returns a parameter of a query as it was written.
func param(query, name string) string {
	for kv := range strings.SplitSeq(query, "&") {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v
		}
	}
	return ""
}

// start reads where a page's sign-in goes on. Every parameter has to be there
// and to be written as the city writes it.
func (wy way) start(r *http.Request) (string, bool) {
	q := r.URL.RawQuery
	if param(q, "TYPE") != "33554433" || param(q, "REALMOID") != wy.realm || param(q, "GUID") == "" ||
		param(q, "SMAUTHREASON") != "0" || param(q, "METHOD") != "GET" {
		return "", false
	}
	if a := param(q, "SMAGENTNAME"); a != agent && a != samlAgent {
		return "", false
	}
	b64, ok := strings.CutPrefix(param(q, "TARGET"), targetHead+wy.name+targetTail)
	if !ok {
		return "", false
	}
	b64, err := url.PathUnescape(b64)
	if err != nil {
		return "", false
	}
	return ours(b64)
}

// ours decodes a start address, which has to be one of the city's.
func ours(b64 string) (string, bool) {
	b64 = strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(b64)
	data, err := base64.RawStdEncoding.DecodeString(b64)
	if err != nil {
		return "", false
	}
	u, err := url.Parse(string(data))
	if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Hostname(), ".stockholm.se") {
		return "", false
	}
	return string(data), true
}

// servePage answers for the BankID and Freja pages.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	var wy way
	switch r.URL.Path {
	case bankIDPath, bankIDCollect:
		wy = mbid()
	case frejaPath, frejaCollect:
		wy = freja()
	default:
		answer(w, http.StatusNotFound, "text/html", "<html><title>404</title></html>")
		return
	}
	if wy.name == "freja" && r.URL.Path == frejaPath && r.URL.Query().Get("action") == "init" {
		s.initFreja(w, r)
		return
	}
	if r.Method != http.MethodGet {
		s.offend("a page was sent a " + r.Method)
		answer(w, http.StatusMethodNotAllowed, "text/html", "<html><title>405</title></html>")
		return
	}
	start, ok := wy.start(r)
	if !ok {
		s.offend("a page's parameters did not come as they were issued")
		answer(w, http.StatusInternalServerError, "text/html", "<html><title>500</title></html>")
		return
	}
	q := r.URL.Query()
	switch {
	case r.URL.Path == wy.collect:
		s.collect(w, r, wy, start)
	case q.Has("initialize"):
		s.initBankID(w, r, q.Get("initialize"))
	case q.Has("verifyorder"):
		s.verify(w, r, q.Get("verifyorder"))
	case q.Get("action") == "checkstatus" && wy.name == "freja":
		s.statusFreja(w, r)
	default:
		s.bare(w, r, wy, start)
	}
}

// startURL returns the start page that leads to start.
func startURL(wy way, start string) string {
	return "https://" + LoginHost + "/NECSadc/" + wy.name + "/b64startpage.jsp?startpage=" +
		url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(start)))
}

// bare answers a page without a question: it leads on who has signed, and is
// a login page for everybody else.
func (s *Server) bare(w http.ResponseWriter, r *http.Request, wy way, start string) {
	v := s.enter(w, r)
	p, ok := v.who(s.now())
	if !ok || v.bounced[param(r.URL.RawQuery, "GUID")] {
		loginPage(w)
		return
	}
	s.goOn(w, v, p, wy, start)
}

// collect hands over the session of who has signed.
func (s *Server) collect(w http.ResponseWriter, r *http.Request, wy way, start string) {
	v := s.visit(r)
	p, ok := v.who(s.now())
	if !ok {
		redirect(w, "https://"+PageHost+wy.path+"?"+r.URL.RawQuery)
		return
	}
	s.goOn(w, v, p, wy, start)
}

// goOn signs a person in and leads on, or to the login page once more.
func (s *Server) goOn(w http.ResponseWriter, v *visit, p Person, wy way, start string) {
	s.setCookies(w, s.issue(s.open(p)))
	if s.o.Bounces > 0 {
		s.o.Bounces--
		to := wy.pageURL(start)
		_, query, _ := strings.Cut(to, "?")
		v.bounced[param(query, "GUID")] = true
		redirect(w, to)
		return
	}
	redirect(w, startURL(wy, start))
}

// loginPage is a page that only a person can use. Its form and its script are
// there to be left alone.
func loginPage(w http.ResponseWriter) {
	answer(w, http.StatusOK, "text/html", `<!DOCTYPE html><html lang="sv"><head><title>Logga in - Stockholms stad</title>
<script>function send(){document.forms[0].submit();}</script></head>
<body><h1>Logga in</h1><form name="Login" method="post" action="/login">
<input type="hidden" name="SMENC" value="UTF-8"><input type="text" name="personalNumber"><button onclick="send()">Logga in</button>
</form><p>Öppna appen</p></body></html>`)
}

// serveLogin answers for the host of choosers, start pages and SAML.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case path == "/NECSadc/mbid/b64startpage.jsp" && r.Method == http.MethodGet:
		s.startPage(w, r, mbid())
	case path == "/NECSadc/freja/b64startpage.jsp" && r.Method == http.MethodGet:
		s.startPage(w, r, freja())
	case path == samlPath:
		s.serveSAML(w, r)
	case path == jspPath && r.Method == http.MethodGet:
		s.serveJSP(w, r)
	case path == chooserPath && r.Method == http.MethodGet:
		s.serveChooser(w, r)
	default:
		answer(w, http.StatusNotFound, "text/html", "<html><title>404</title></html>")
	}
}

// startPage leads on who is signed in, everybody else to the way's page.
func (s *Server) startPage(w http.ResponseWriter, r *http.Request, wy way) {
	start, ok := ours(r.URL.Query().Get("startpage"))
	if !ok {
		s.offend("a start page's address did not come as it was issued")
		answer(w, http.StatusBadRequest, "text/html", "<html><title>400</title></html>")
		return
	}
	if ses := s.session(r); ses != nil {
		s.setCookies(w,
			"SMIDENTITY="+uuid()+"; Expires="+s.now().AddDate(1, 0, 0).UTC().Format("Monday, 02-Jan-06 15:04:05 GMT")+"; Path=/; Domain=.stockholm.se",
			s.issue(ses))
		redirect(w, start)
		return
	}
	redirect(w, wy.pageURL(start))
}
