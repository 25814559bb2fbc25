//nolint:misspell // Swedish
package text

import (
	"syncd/source"
	"syncd/source/school"
)

func svProblem(p school.Problem) Advice {
	switch p {
	case school.ProblemNone:
		return Advice{}
	case school.ProblemSignIn:
		return Advice{"Plattformen har avslutat inloggningen.", "Logga in igen med din legitimation. Det tar en halv minut, och till dess ligger allt kvar som det är."}
	case school.ProblemWrongPerson:
		return Advice{"En annan person än kontots ägare loggade in. Inget sparades.", "Logga in med samma person som förut, eller lägg till ett eget konto för den andra."}
	case school.ProblemRefused:
		return Advice{"Plattformen känner igen inloggningen men lämnar inte ut uppgifterna.", "Kontrollera i plattformens egen app att du ser barnen där. Gör du det, rapportera felet."}
	case school.ProblemBlocked:
		return Advice{"Plattformen verkar stoppa läsningen med avsikt. Allt är pausat en längre tid.", "Gör ingenting nu. Kontrollera i morgon, och se till att ha den senaste versionen av syncd."}
	case school.ProblemRate:
		return Advice{"Plattformen har bett oss att vänta.", "Inget behöver göras. Läsningen fortsätter av sig själv när väntetiden är slut."}
	case school.ProblemUnavailable:
		return Advice{"Plattformen svarar inte, eller så har servern ingen kontakt med internet.", "Inget behöver göras. Nya försök görs av sig själva, med allt längre mellanrum."}
	case school.ProblemNotUnderstood:
		return Advice{"Plattformen svarar på ett nytt sätt som syncd inte förstår.", "Det som redan är hämtat ligger kvar. Uppdatera syncd när det finns en ny version."}
	case school.ProblemWrongChild:
		return Advice{"Plattformen svarade om ett annat barn än det vi frågade om. Svaret slängdes.", "Inget behöver göras. Läsningen görs om, och inget har hamnat på fel barn."}
	case school.ProblemHeld:
		return Advice{"Ovanligt mycket var borta i senaste svaret. Det gamla visas tills nästa läsning säger samma sak.", "Inget behöver göras. Vill du veta direkt: tryck på Läs nu."}
	case school.ProblemBudget:
		return Advice{"Dagens förfrågningar är slut.", "Inget behöver göras. Läsningen fortsätter i morgon."}
	case school.ProblemNotSaved:
		return Advice{"Det nya kunde inte sparas på disken.", "Se efter om disken är full eller skrivskyddad. Det gamla visas så länge."}
	case school.ProblemFull:
		return Advice{"Det är ont om plats för det som sparas. När det är fullt försvinner de äldsta breven först.", "Välj under Integritet att spara saker kortare tid, eller radera det ni inte behöver."}
	case school.ProblemOldCache:
		return Advice{"Det som var läst från skolorna var en äldre kopia som lagts tillbaka. Allt läses om.", "Inget behöver göras om du är inloggad. Har ingen lagt tillbaka en gammal kopia, se efter vem som kan skriva i datamappen."}
	case school.ProblemLostCache:
		return Advice{"Det som var läst från skolorna gick inte längre att använda. Allt läses om.", "Inget behöver göras om du är inloggad. Det som skolorna inte längre visar kommer inte tillbaka; en säkerhetskopia kan ha det."}
	case school.ProblemOldState:
		return Advice{"Konton och länkar var en äldre kopia som lagts tillbaka. Alla länkar väntar, och ingen är inloggad hos skolorna.", "Låt varje länk gälla eller ta tillbaka den under Länkar, och logga in igen. Har ingen lagt tillbaka en gammal kopia, se efter vem som kan skriva i datamappen."}
	case school.ProblemLostState:
		return Advice{"Konton och länkar gick inte längre att använda. Det som var läst från skolorna finns kvar.", "Lägg till kontona, logga in och gör nya länkar. Barnen behåller sina nummer, och inget visas dubbelt."}
	case school.ProblemBackup:
		return Advice{"Den senaste säkerhetskopian kunde inte göras.", "Se efter om disken den ska ligga på är ansluten, har plats och får skrivas på. Ett nytt försök görs varje timme."}
	case school.ProblemInternal:
		return Advice{"Ett fel i syncd stoppade läsningen.", "Det som redan är hämtat ligger kvar. Uppdatera syncd, eller rapportera felet med raden ur loggen."}
	}
	return Advice{}
}

func svState(s school.SessionState) string {
	switch s {
	case school.SignedOut:
		return "Inte inloggad"
	case school.SigningIn:
		return "Inloggning pågår"
	case school.Active:
		return "Inloggad"
	case school.Expired:
		return "Inloggning behövs"
	}
	return string(s)
}

func svKind(k school.Kind) string {
	switch k {
	case school.KindEvents:
		return "Skolkalender"
	case school.KindLessons:
		return "Schema"
	case school.KindDay:
		return "Skoldag"
	case school.KindHomework:
		return "Läxor och prov"
	case school.KindCare:
		return "Omsorgstider"
	case school.KindMeals:
		return "Lunch"
	case school.KindKit:
		return "Ta med"
	case school.KindFamily:
		return "Allt i en kalender"
	case school.KindNews:
		return "Brev och nyheter"
	case school.KindNotices:
		return "Aviseringar"
	case school.KindChanges:
		return "Ändringar"
	case school.KindAll:
		return "Allt i ett flöde"
	}
	return string(k)
}

func svKindHint(k school.Kind) string {
	switch k {
	case school.KindEvents:
		return "lov, studiedagar, möten, utflykter"
	case school.KindLessons:
		return "varje lektion"
	case school.KindDay:
		return "när skoldagen börjar och slutar"
	case school.KindHomework:
		return "med sista dag"
	case school.KindCare:
		return "fritids, förskola, stängda dagar"
	case school.KindMeals:
		return "dagens lunch"
	case school.KindKit:
		return "idrottskläder, badkläder"
	case school.KindFamily:
		return "barnets namn före rubriken"
	case school.KindNews:
		return "hela texten, med bilder"
	case school.KindNotices:
		return "det som plattformen aviserar"
	case school.KindChanges:
		return "vad som flyttats eller ställts in"
	case school.KindAll:
		return "brev, aviseringar och ändringar"
	}
	return ""
}

func svLoginState(s source.LoginState, m source.MethodID) string {
	app := "BankID-appen"
	if isFreja(m) {
		app = "Freja-appen"
	}
	switch s {
	case source.LoginStarting:
		return "Kontaktar inloggningen …"
	case source.LoginScan:
		return svScan(m)
	case source.LoginApprove:
		return "Godkänn i " + app + "."
	case source.LoginFinishing:
		return "Godkänt. Slutför inloggningen …"
	case source.LoginQuestion:
		return "Det behövs ett svar till."
	case source.LoginDone:
		return "Klart, du är inloggad."
	case source.LoginCancelled:
		return "Inloggningen avbröts. Inget har ändrats."
	case source.LoginExpired:
		return "Tiden gick ut. Börja om när du är redo."
	case source.LoginFailed:
		return "Det gick inte den här gången. Försök igen; går det inte heller då kan plattformen ha problem."
	case source.LoginRejected:
		return "Den som loggade in har inget konto där. Prova med den andra vårdnadshavaren."
	}
	return ""
}

func svScan(m source.MethodID) string {
	switch m {
	case source.BankIDQR:
		return "Öppna BankID-appen, välj att skanna QR-kod och rikta kameran hit."
	case source.BankIDApp:
		return "Tryck på knappen så öppnas BankID."
	case source.Freja:
		return "Öppna Freja-appen. Där väntar en begäran att godkänna."
	case source.FrejaApp:
		return "Tryck på knappen så öppnas Freja."
	case source.Password, source.Cookies:
		return "Kontaktar inloggningen …"
	default:
		return "Fortsätt i appen."
	}
}

func svMethod(id source.MethodID) Method {
	switch id {
	case source.BankIDQR:
		return Method{"BankID med QR-kod", "BankID finns på en annan enhet än den här."}
	case source.BankIDApp:
		return Method{"BankID på den här enheten", "Appen öppnas här, på telefonen eller datorn."}
	case source.Freja:
		return Method{"Freja på en annan telefon", "En begäran skickas till Freja-appen. Personnumret används bara till det och sparas inte."}
	case source.FrejaApp:
		return Method{"Freja på den här telefonen", "Appen öppnas här."}
	case source.Password:
		return Method{"Användarnamn och lösenord", "De som skolan har gett dig."}
	case source.Cookies:
		return Method{"Flytta över från webbläsaren", "För kommuner där inget annat fungerar."}
	default:
		return Method{Name: string(id)}
	}
}

func svField(id string) Field {
	switch id {
	case "personal-number":
		return Field{"Personnummer", "12 siffror, ÅÅÅÅMMDDNNNN."}
	case "municipality":
		return Field{"Kommun", ""}
	case "user":
		return Field{"Användarnamn", ""}
	case "password":
		return Field{"Lösenord", ""}
	case "cookies":
		return Field{"Kakor", "Raden Cookie, eller innehållet i en cookies.txt."}
	case "address":
		return Field{"Kalenderadress", "En adress som börjar med https:// eller webcal://."}
	case "school":
		return Field{"Skola", ""}
	case "pin":
		return Field{"Pinkod", ""}
	case "name":
		return Field{"Namn", "Så som det ska synas här."}
	case "pairing":
		return Field{"Registrera servern som en telefon", "Då kan syncd logga in igen av sig självt så länge InfoMentor tillåter det. Annars loggar ni in när sessionen tar slut. Går att ta tillbaka."}
	case "keep-password":
		return Field{"Behåll lösenordet", "Bara vid inloggning med lösenord: det sparas krypterat, så att inloggningen kan förnyas."}
	case "learning-log":
		return Field{"Läs lärloggen", ""}
	case "calendar-address":
		return Field{"Läs InfoMentors kalenderadress när inloggningen har gått ut", "Adressen sparas krypterad, och skolans kalender följs genom den tills ni loggar in igen. Den glöms när ni stänger av det eller tar bort kontot."}
	}
	return Field{Label: id}
}

func svKeyPlace(k KeyPlace) Advice {
	const whole = "Det skyddar inte mot den som tar hela disken eller är administratör på servern."
	switch k {
	case KeyManaged:
		return Advice{"Nyckeln ligger i en egen mapp på den här servern. Det skyddar kopior av datamappen: säkerhetskopior, synkade mappar, en bortglömd volym.", whole + " Vill ni ha det skyddet: lås nyckeln med en lösenfras, flytta den till systemd-creds med TPM2 eller kryptera disken."}
	case KeyFile:
		return Advice{"Nyckeln ligger i en fil som den som sköter servern har valt.", whole + " Om filen ligger på en annan disk eller enhet krävs båda för att läsa."}
	case KeyCredential:
		return Advice{"Nyckeln lämnas av systemd när syncd startar.", "Är den låst till datorns TPM2 går den inte att läsa någon annanstans. Ha en kopia av den på ett säkert ställe."}
	case KeySecret:
		return Advice{"Nyckeln lämnas av containermotorn när syncd startar.", whole + " Det beror på var motorn förvarar sina hemligheter."}
	case KeyPassphrase:
		return Advice{"Nyckeln är låst med en lösenfras och ligger öppen bara i minnet.", "Den som tar disken kan inte läsa utan lösenfrasen. Glöms den bort måste allt hämtas på nytt."}
	}
	return Advice{}
}
