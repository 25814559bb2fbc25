package text

// Common are words that stand on every page.
type Common struct {
	Tagline, Demo, SignOut, SignIn, Back, Cancel, Version     string
	Status, Links, Privacy, OtherLanguage, SkipToContent, Yes string
}

// KeyPlace says where the key to the stored data lies: a closed set.
type KeyPlace string

// The places.
const (
	KeyManaged    KeyPlace = "managed"    // made by syncd in its own folder of keys
	KeyFile       KeyPlace = "file"       // a file that the operator named
	KeyCredential KeyPlace = "credential" // handed in by systemd
	KeySecret     KeyPlace = "secret"     // handed in by the container engine
	KeyPassphrase KeyPlace = "passphrase" // any of them, locked with a passphrase
)

// KeyPlaces returns every place.
func KeyPlaces() []KeyPlace {
	return []KeyPlace{KeyManaged, KeyFile, KeyCredential, KeySecret, KeyPassphrase}
}

// Errors are the sentences of error pages and of answers to programs.
type Errors struct {
	Unprotected, AppPassword, TooMany string
}

// Calendar is what syncd itself writes into calendars.
type Calendar struct{ Cancelled string }

func (w *Words) fillSwedish() {
	w.Errors = Errors{
		Unprotected: "Lösenordet tas inte emot, för anslutningen är inte krypterad. Använd en https-adress. Står syncd bakom en proxy: ange proxyns adress i SYNCD_TRUSTED_PROXIES och låt den skicka X-Forwarded-Proto: https.",
		AppPassword: "Länkens namn eller lösenord stämmer inte, eller så har länken tagits bort.",
		TooMany:     "För många försök. Vänta en minut och försök igen.",
	}
	w.Calendar = Calendar{Cancelled: "Inställt: "}
}

func (w *Words) fillEnglish() {
	w.Errors = Errors{
		Unprotected: "The password is not accepted because the connection is not encrypted. Use an https address. If syncd stands behind a proxy: put the proxy's address into SYNCD_TRUSTED_PROXIES and let it send X-Forwarded-Proto: https.",
		AppPassword: "The link's name or password is wrong, or the link has been removed.",
		TooMany:     "Too many tries. Wait a minute and try again.",
	}
	w.Calendar = Calendar{Cancelled: "Cancelled: "}
}
