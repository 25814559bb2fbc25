package text

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

// Client is a family of programs that read calendars and feeds: a closed set,
// and all that is kept of who used a link.
type Client string

// The families.
const (
	ClientApple         Client = "apple"
	ClientGoogle        Client = "google"
	ClientOutlook       Client = "outlook"
	ClientThunderbird   Client = "thunderbird"
	ClientDAVx5         Client = "davx5"
	ClientICSx5         Client = "icsx5"
	ClientHomeAssistant Client = "home-assistant"
	ClientReader        Client = "reader" // of feeds
	ClientOther         Client = "other"
)

// Clients returns every family.
func Clients() []Client {
	return []Client{
		ClientApple, ClientGoogle, ClientOutlook, ClientThunderbird, ClientDAVx5, ClientICSx5, ClientHomeAssistant,
		ClientReader, ClientOther,
	}
}

// Common are words that stand on every page.
type Common struct {
	Demo          string // on each page of the demo
	SignIn        string
	SignOut       string
	Status        string
	Links         string
	Privacy       string
	Main          string // name of the navigation, for screen readers
	Skip          string // jumps to the content
	OtherLanguage string // the other language's name, in itself
	Cancel        string
	Back          string
	Copy          string
	Copied        string
	Choose        string // the first line of a list, while nothing is chosen
	Unprotected   string // this connection can be read on the way
	Promise       string
}

// Errors are the sentences of error pages and of answers to programs.
type Errors struct {
	NotFoundTitle, NotFound         string
	InternalTitle, Internal         string
	ForbiddenTitle, Forbidden       string
	Busy                            Format // how long to wait
	MethodTitle, Method             string
	Unprotected                     string // to a calendar program
	Unauthorized                    string // to a calendar program
	TooMany                         string // to a calendar program
	Home                            string
	WrongSignIn, BadUser, BadPhrase string
	UsedTitle, Used                 string
	BadSettings                     string
	Missing                         string // a field that has to be filled in
	NothingChosen                   string
}

// Calendar is what syncd itself writes into calendars and feeds.
type Calendar struct {
	Done        string // before the title of a finished task, with a blank
	Cancelled   string // before the title of what was called off, with a blank
	Name        Format // of a calendar: child, kind
	Description Format // of a calendar: child or family, kind
	Family      string // in place of a child
	Letters     Format // name of a feed: child, kind
}

// Front is the page that strangers see, and the way in.
type Front struct {
	Title, Lead, Note             string
	SignInTitle, SignInLead       string
	User, Phrase                  string
	Forgot, ForgotCommand         string
	WelcomeTitle, WelcomeLead     string
	UserHint, PhraseHint, Welcome string
}

// Overview is the status page.
type Overview struct {
	ShowAddresses                               string
	UntilTime                                   Format // when
	Waiting, AfterSignIn                        string
	Title                                       string
	Accounts, AddAccount, NoAccounts, FirstStep string
	Children, NoChildren                        string
	SignedInSince, Until, UntilUnknown          string
	LastRead, NextRead, Never, NotPlanned       string
	Requests                                    string
	RequestsOf                                  Format // made, allowed
	ReadNow, Reading, ReadingLead               string
	SignInAgain, SignIn, Remove                 string
	NoSignIn                                    string
	Kind, Entries, Read                         string
	NotReadYet, Older                           string
	Gone                                        Format // since when
	NextStep, NextStepLead, GetAddresses        string
	LinkCount                                   Plural
	ManageLinks                                 string
	Attention                                   Plural // accounts that need a person
	Suspended                                   Plural // links that wait for a guardian's word
	AllWell                                     string
}

// Accounts are the pages that add and remove an account.
type Accounts struct {
	Title, Lead           string
	Add                   Format // platform
	Budget                Format // requests a day
	Hosts                 string
	NoSignIn              string
	RemoveTitle           Format // platform
	RemoveLead, RemoveAll string
	RemoveYes             string
}

// Login is the sign-in to a platform.
type Login struct {
	OpenBankIDHere, OpenFrejaHere string // on a computer
	Title                         Format // platform
	Lead                          Format // platform
	Choose                        string
	Start                         string
	QRAlt                         Format // platform
	QRHelp                        string
	OpenBankID                    string
	OpenFreja                     string
	OtherLink                     string
	OpenPage                      string // opens the own sign-in page of the school
	OpenAgain                     string
	Cancel                        string
	Again                         string
	ToStatus                      string
	AlreadySignedIn               string
	Restarted                     Plural
	NoScript                      string
	CancelIsFree                  string
	ComeBack                      string
	Answer                        string
	ReadsNow                      string
	Other                         string // another way to sign in
}

// Links are the pages of links.
type Links struct {
	Title, Lead, Add, None                     string
	Scope, Everything, AllChildren, AllKinds   string
	Created, LastUsed, Never, Revoke           string
	NewTitle, NewLead                          string
	Label, LabelHint, LabelDefault             string
	Children, ChildrenHint, Kinds, KindsHint   string
	Calendars, Feeds                           string
	Adjust, Language                           string
	Layout, PerChild, Merged                   string
	Day, Prefix, UTC                           string
	Cancelled, CancelledTitle, CancelledStatus string
	CancelledDrop                              string
	Suspended                                  Format // since when
	Confirm                                    string
	Cloud                                      string // Google and Outlook keep a copy
	Create                                     string
	RevokeTitle                                Format // label
	RevokeLead, RevokeYes                      string
	Detail, DetailHint                         string
	DetailFull, DetailTimes, DetailBusy        string
	History, HistoryUsual                      string
	HistoryDays                                Plural
	Quiet                                      string
	Until, UntilHint                           string // the day a link ends
	UntilPast                                  string
	Edit, Save                                 string
	EditTitle                                  Format // label
	EditLead                                   string
	Overlap                                    Format // until when replaced addresses work
	UsedBy                                     Format // day, family of programs
	Large                                      Format // calendar
	Narrowed                                   Format // calendar, first day, last day
	Rotation
}

// Rotation are the words about replacing a link's addresses.
type Rotation struct {
	Rotate, RotateYes                    string
	RotateTitle                          Format // label
	RotateLead, RotateWhat               string
	RotatePage, RotatePageHint           string
	RotateCalendars, RotateCalendarsHint string
	RotateFeeds, RotateFeedsHint         string
	RotatePhrase, RotatePhraseHint       string
	RotateNow, RotateNowHint             string
	RotateNothing, RotateDead            string
}

// Addresses is the page that shows a new link's secrets once.
type Addresses struct {
	Title                                  Format // label
	Lead, Until                            string
	CalDAVTitle, CalDAVLead                string
	Server, User, Phrase                   string
	Apple, Android, Thunderbird            string
	AppleTitle, AndroidTitle, ThunderTitle string
	ICSTitle, ICSLead                      string
	Family                                 string
	AddApple, AddGoogle, AddOutlook        string
	AddOffice                              string // an account at Microsoft from work or school
	Address                                string
	Delays                                 string
	NotPublic                              string
	FeedsTitle, FeedsLead, FeedsCloud      string
	None                                   string
	Done                                   string
	GoneTitle, Gone                        string
	PageTitle, PageLead, Page, PageQR      string // the subscriber's own page
	PagePhrase                             string // the whole address holds the secrets
	Replaced                               string // only what was replaced is shown
	Overlap                                Format // until when the old ones work
}

// Subscriber is the page that a link's receiver opens, who may know nothing
// of syncd.
type Subscriber struct {
	Title, Lead                        string
	Holds, Nothing                     string
	Until                              Format // when the link ends
	Whole                              string // the secrets did not come with the address
	Keep                               string
	GoneTitle, Gone                    string // it never was one, has ended, or was replaced
	PhoneTitle, PhoneLead, QRAlt       string
	PhraseElsewhere                    string
	Plain                              string // passwords are refused on this connection
	CalDAVTitle, CalDAVLead            string
	Profile, ProfileLead               string
	AppleTitle, Apple                  string
	AndroidTitle, Android              string
	ThunderTitle, Thunderbird          string
	ICSTitle, ICSLead, Twice           string
	ICSApple, ICSGoogle, ICSOutlook    string
	GoogleTitle, OutlookTitle          string
	ICSAndroid, ICSThunderbird         string
	ICSAndroidTitle                    string
	Profiles, ProfilesLead             string
	FeedsTitle, FeedsLead, OPML, Cloud string
	CalendarsMissing, FeedsMissing     string // that address did not come along
	Child                              Format // in place of a name: number
	ProfileName                        string // on a telephone, of what was installed
}

// Privacy is the privacy page.
type Privacy struct {
	Title, Lead               string
	KeptTitle, KeptLead, Kind string
	Count, Oldest, Newest     string
	NotKept                   string
	HostsTitle, HostsLead     string
	Host, Why                 string
	KeyTitle, SameDisk        string
	AccountsTitle             string
	AccountsLead              string
	Remove                    Format // platform
	Household                 string
	Nothing                   string
}
