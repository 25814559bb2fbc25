package skolplattformentest

// The shapes of the platform's answers, written from the protocol's
// description and on purpose not shared with the adapter: a wrong tag in one
// must not be hidden by the same wrong tag in the other.

type envelope struct {
	Success bool
	Error   *string
	Data    any
}

type userData struct {
	SocialSecurityNumber *string `json:"socialSecurityNumber"`
	IsAuthenticated      bool    `json:"isAuthenticated"`
	UserFirstName        *string `json:"userFirstName"`
	UserLastName         *string `json:"userLastName"`
	UserEmail            *string `json:"userEmail"`
	NotificationID       *string `json:"notificationId"`
}

type childRow struct {
	Name           string
	ID             string `json:"Id"`
	SDSID          string `json:"SDSId"`
	Status         string
	UserType       string
	SchoolID       string  `json:"SchoolId"`
	SchoolName     *string `json:"SchoolName"`
	GroupID        *string `json:"GroupId"`
	GroupName      *string
	Classes        string
	IsSameSDSID    bool    `json:"isSameSDSId"`
	ResultUnitID   *string `json:"ResultUnitId"`
	ResultUnitName *string
	UnitID         *string `json:"UnitId"`
	UnitName       *string
}

type calendarRow struct {
	Title                  string
	ID                     int `json:"Id"`
	Description            *string
	Location               *string
	EventDate              string
	EventDateTime          string
	LongEventDateTime      string
	EndDate                string
	EndDateTime            string
	LongEndDateTime        string
	EventDateDayNumber     string
	EventDateMonthName     string
	EventDateMonthFullName string
	FullDateDescription    string
	IsSameDay              bool
	AllDayEvent            bool
	ListID                 *string `json:"ListId"`
	Mentor                 *string
}

type newsArchive struct {
	CurrentChild           *string
	NewsItems              []newsRow
	ViewGlobalTranslations struct{}
	ViewLocalTranslations  struct{}
	Children               *string
	Status                 *string
	GlobalTranslationIDs   []string `json:"GlobalTranslationIds"`
	LocalTranslationIDs    []string `json:"LocalTranslationIds"`
}

type newsArticle struct {
	CurrentNewsItem        newsRow
	CurrentChild           *string
	ViewGlobalTranslations struct{}
	ViewLocalTranslations  struct{}
	Children               *string
	Status                 *string
	GlobalTranslationIDs   []string `json:"GlobalTranslationIds"`
	LocalTranslationIDs    []string `json:"LocalTranslationIds"`
}

type newsRow struct {
	NewsID            string `json:"NewsId"`
	SiteID            string `json:"SiteId"`
	NewsListID        string `json:"NewsListId"`
	NewsItemID        string `json:"NewsItemId"`
	Header            string
	PublicationDate   string
	PubDateSE         string
	ModifiedDate      string
	ModDateSE         string
	Source            string
	Preamble          string
	BannerImageURL    *string `json:"BannerImageUrl"`
	BannerImageGUID   *string `json:"BannerImageGuid"`
	BannerImageListID *string `json:"BannerImageListId"`
	Body              string
	BodyNoHTML        *string `json:"BodyNoHtml"`
	AuthorDisplayName string
	AltText           *string `json:"altText"`
	OriginalSourceURL *string `json:"OriginalSourceUrl"`
}

type noticeRow struct {
	Notification        notification
	NotificationMessage notificationMessage
}

type notification struct {
	Messageid            string
	Messagecorrelationid string
	Message              string // JSON inside JSON
	Readreceipt          bool
	Recipient            string
	ID                   int `json:"Id"`
	DateCreated          string
	DateModified         string
	Role                 string
	Participant          string
}

type notificationMessage struct {
	Messages struct{ Message noticeMessage }
}

type noticeMessage struct {
	Messageid            string
	Messagecorrelationid string
	Messagetext          string
	Messagetime          string
	Linkbackurl          string
	Category             *string
	Sender               struct{ Name string }
	Recipient            struct {
		RecipientRecipient string
		Role               string
		Schooltype         *string
	}
	Messagetype struct{ Type string }
	System      string
}

type menuRow struct{ Title, Description string }

type menuList struct {
	SelectedWeek int
	Menus        []menuWeek
}

type menuWeek struct{ Week, Mon, Tue, Wed, Thu, Fri string }
