package text

import (
	"fmt"
	"math"
	"strings"
	"time"

	"syncd/source/school"
)

// Keeping is the page about one account's session: how long it lasts, when to
// sign in anew, and what keeps it from ending for want of use.
type Keeping struct {
	Open                string
	Title               Format // platform
	Lead, Saved         string
	BadPlan, BadPing    string
	DiaryTitle          string
	PerSignIn           Format // how long, how many sign-ins
	NoneEnded           string
	How, Why, Times     string
	Guess               string
	Latest, Began       string
	Lasted, Requests    string
	Living              string
	PlanTitle, PlanLead string
	PlanDay, PlanTime   string
	NoPlan, Daily       string
	PingTitle, PingLead string
	PingEvery, NoPing   string
	PingUntil, PingCost string
	SettingsTitle       string
	SettingsLead        string
	Save                string
	Planned             string
	Asked               Format // when it was planned
	AskedLead           string
	AskedButton         string
	Second, Minute      Plural
	Hour, Day           Plural
}

// HowLong says how long d is in words, rounded: "40 sekunder", "30 minuter",
// "9 timmar", "3 dygn".
func (w *Words) HowLong(d time.Duration) string {
	k := w.Keeping
	of := func(unit time.Duration, p Plural) string { return w.N(int(math.Round(float64(d)/float64(unit))), p) }
	switch {
	case d < 90*time.Second:
		return of(time.Second, k.Second)
	case d < 90*time.Minute && d != time.Hour:
		return of(time.Minute, k.Minute)
	case d < 36*time.Hour && d != 24*time.Hour:
		return of(time.Hour, k.Hour)
	}
	return of(24*time.Hour, k.Day)
}

// DayName returns the name of a day of the week.
func (w *Words) DayName(d time.Weekday) string {
	return strings.Fields(w.pick("söndag måndag tisdag onsdag torsdag fredag lördag",
		"Sunday Monday Tuesday Wednesday Thursday Friday Saturday"))[d]
}

// Moment names a time of the week: "söndag 19:30", "varje dag 07:15"; empty
// for none.
func (w *Words) Moment(r school.Renewal) string {
	if !r.Set {
		return ""
	}
	day := w.Keeping.Daily
	if !r.Daily {
		day = w.DayName(r.Weekday)
	}
	return fmt.Sprintf("%s %02d:%02d", day, r.Hour, r.Minute)
}

// Rung says how a session came to be.
func (w *Words) Rung(r school.Rung) string {
	switch r {
	case school.RungReentry:
		return w.pick("Tyst, genom en inloggning som ännu gällde", "Silently, through a sign-in that still lived")
	case school.RungPairing:
		return w.pick("Tyst, som parkopplad enhet", "Silently, as a paired device")
	case school.RungPerson:
		return w.pick("Någon loggade in", "Somebody signed in")
	}
	return string(r)
}

// EndCause says why a session ended.
func (w *Words) EndCause(c school.EndCause) string {
	switch c {
	case school.EndNone:
		return ""
	case school.EndIdle:
		return w.pick("Den hade inte använts på ett tag", "It had not been used for a while")
	case school.EndAbsolute:
		return w.pick("Den hade nått sin högsta ålder", "It had reached its greatest age")
	case school.EndRestart:
		return w.pick("Plattformen startade om", "The platform restarted")
	case school.EndSignedOut:
		return w.pick("Den avslutades härifrån", "It was ended from here")
	case school.EndReplaced:
		return w.pick("Någon loggade in på nytt", "Somebody signed in anew")
	case school.EndUnknown:
		return w.pick("Okänt", "Not known")
	}
	return string(c)
}

func svKeeping() Keeping {
	return Keeping{
		Open: "Inloggningen", Title: "Inloggningen hos %s",
		Lead:  "Hur länge en inloggning gäller bestämmer plattformen, inte syncd. Här ser du hur det har gått hos er, och vad du kan göra åt det.",
		Saved: "Sparat.", Save: "Spara",
		BadPlan:    "Välj en dag och ett klockslag, till exempel söndag 19:30.",
		BadPing:    "Gränsen måste vara minst så lång som tiden mellan två livstecken, och högst 31 dygn.",
		DiaryTitle: "Hittills", PerSignIn: "En inloggning har i snitt räckt %s (%s).",
		NoneEnded: "Plattformen har inte avslutat någon session ännu.",
		How:       "Så började sessionerna", Why: "Därför slutade de", Times: "Gånger",
		Guess:  "Orsakerna är slutsatser utifrån när det hände. Plattformen säger inte varför.",
		Latest: "De senaste", Began: "Började", Lasted: "Varade", Requests: "Förfrågningar", Living: "Pågår",
		PlanTitle: "Planerad inloggning",
		PlanLead:  "Välj en stund då du ändå har telefonen framme. Då ber syncd dig att logga in på nytt, innan plattformen gör det vid en sämre tidpunkt. Frågan står på statussidan och, så länge den gäller, i kalendrar och flöden vars länkar säger till om gamla uppgifter. Hoppar du över den händer ingenting: det som fungerar fortsätter att fungera.",
		PlanDay:   "Dag", PlanTime: "Klockslag", NoPlan: "Ingen", Daily: "varje dag",
		PingTitle: "Livstecken",
		PingLead:  "Många plattformar avslutar en session som inte har använts på en stund. Med livstecken gör syncd en enda liten förfrågan när inget annat ska läsas, även på natten.",
		PingEvery: "När inget har lästs på", NoPing: "Aldrig", PingUntil: "Sluta, räknat från din inloggning, efter",
		PingCost:      "Varje livstecken räknas av från dagens förfrågningar. Att en oanvänd inloggning tar slut är också ett skydd, så välj inte längre än du behöver.",
		SettingsTitle: "Inställningar",
		SettingsLead:  "En ändring gäller från nästa läsning, och det som rör inloggningen från nästa gång den förnyas. Tomt betyder som vanligt.",
		Planned:       "Planerad inloggning", Asked: "Dags för den planerade inloggningen (%s).",
		AskedLead:   "Den gamla gäller fortfarande. Loggar du in nu börjar en ny, och det tar en halv minut. Gör du det inte går ingenting förlorat.",
		AskedButton: "Logga in på nytt",
		Second:      Plural{"%s sekund", "%s sekunder"}, Minute: Plural{"%s minut", "%s minuter"},
		Hour: Plural{"%s timme", "%s timmar"}, Day: Plural{"%s dygn", "%s dygn"},
	}
}

func enKeeping() Keeping {
	return Keeping{
		Open: "Session", Title: "The session at %s",
		Lead:  "How long a sign-in lasts is for the platform to say, not for syncd. This is how it went in your family, and what you can do about it.",
		Saved: "Saved.", Save: "Save",
		BadPlan:    "Choose a day and a time, such as Sunday 19:30.",
		BadPing:    "The limit has to be at least as long as the time between two signs of life, and 31 days at most.",
		DiaryTitle: "So far", PerSignIn: "One sign-in lasted %s on average (%s).",
		NoneEnded: "The platform has not ended a session yet.",
		How:       "How sessions began", Why: "Why they ended", Times: "Times",
		Guess:  "The causes are concluded from when it happened. The platform does not say why.",
		Latest: "The latest", Began: "Began", Lasted: "Lasted", Requests: "Requests", Living: "Goes on",
		PlanTitle: "Planned sign-in",
		PlanLead:  "Choose a moment at which your phone is at hand anyway. syncd then asks you to sign in anew, before the platform does at a worse time. The question stands on the status page and, while it is open, in calendars and feeds of links that tell when data are old. If you skip it, nothing happens: what works goes on working.",
		PlanDay:   "Day", PlanTime: "Time", NoPlan: "None", Daily: "every day",
		PingTitle: "Signs of life",
		PingLead:  "Many platforms end a session that was not used for a while. With signs of life syncd makes one small request when nothing else is to be read, at night too.",
		PingEvery: "When nothing was read for", NoPing: "Never", PingUntil: "Stop, counted from your sign-in, after",
		PingCost:      "Each sign of life counts as one of the day's requests. That an unused sign-in ends is a protection as well, so do not choose more than you need.",
		SettingsTitle: "Settings",
		SettingsLead:  "A change holds from the next read on, and what concerns the sign-in from when that is next renewed. Empty means as usual.",
		Planned:       "Planned sign-in", Asked: "It is time for the planned sign-in (%s).",
		AskedLead:   "The old one still works. If you sign in now a new one begins, which takes half a minute. If you do not, nothing is lost.",
		AskedButton: "Sign in anew",
		Second:      Plural{"%s second", "%s seconds"}, Minute: Plural{"%s minute", "%s minutes"},
		Hour: Plural{"%s hour", "%s hours"}, Day: Plural{"%s day", "%s days"},
	}
}
