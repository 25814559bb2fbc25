package infomentortest

// homeData is what the Hub's page assigns to IMHome.home.homeData.
type homeData struct {
	Account homeAccount `json:"account"`
	Apps    []homeApp   `json:"apps,omitempty"`
}

type homeAccount struct {
	CurrentUser homeUser    `json:"currentUser"`
	Pupils      []homePupil `json:"pupils"`
}

type homeUser struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type homePupil struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Mapping   string  `json:"hybridMappingId"`
	Selected  bool    `json:"selected"`
	SwitchURL *string `json:"switchPupilUrl"`
	Initials  string  `json:"initials"`
}

type homeApp struct {
	CodeName string `json:"codeName"`
	Title    string `json:"title"`
	URL      string `json:"url"`
}

type entryType struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	Colour    string `json:"colour"`
	ClassName string `json:"className"`
	Custom    bool   `json:"isCustomType"`
}

type calendarData struct {
	TodayDate  string      `json:"todayDate"`
	EntryTypes []entryType `json:"calendarEntryTypes"`
}

type calendarEntry struct {
	ID             int       `json:"id"`
	O365EventID    *string   `json:"o365EventId"`
	Title          string    `json:"title"`
	Text           *string   `json:"text"`
	Description    *string   `json:"description"`
	TypeID         int       `json:"calendarEntryTypeId"`
	AllDay         bool      `json:"isAllDayEvent"`
	StartFull      string    `json:"startDateFull"`
	EndFull        string    `json:"endDateFull"`
	Start          string    `json:"startDate"`
	End            string    `json:"endDate"`
	FormattedStart string    `json:"formattedStartDate"`
	FormattedEnd   string    `json:"formattedEndDate"`
	StartTime      *string   `json:"startTime"`
	EndTime        *string   `json:"endTime"`
	HasAttachments bool      `json:"hasAttachments"`
	Subjects       []subject `json:"subjects"`
	Courses        []subject `json:"courses"`
	URL            *string   `json:"url"`
}

type subject struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
}

type attachment struct {
	FileType string `json:"fileType"`
	URL      string `json:"url"`
	Title    string `json:"title"`
}

type lessonRow struct {
	Start         string      `json:"start"`
	End           string      `json:"end"`
	Title         string      `json:"title"`
	StartTime     string      `json:"startTime"`
	EndTime       string      `json:"endTime"`
	Notes         lessonNotes `json:"notes"`
	AllDay        bool        `json:"allDay"`
	Establishment *string     `json:"establishmentName"`
	Details       string      `json:"details"`
}

type lessonNotes struct {
	Room   string `json:"roomInfo"`
	Notes  string `json:"timetableNotes"`
	Tutors string `json:"tutors"`
}

type careWeek struct {
	Start string    `json:"startDate"`
	End   string    `json:"endDate"`
	Days  []careDay `json:"days"`
}

type careDay struct {
	ID           int     `json:"timeRegistrationId"`
	Date         string  `json:"date"`
	Start        *string `json:"startDateTime"`
	End          *string `json:"endDateTime"`
	OnLeave      bool    `json:"onLeave"`
	Locked       bool    `json:"isLocked"`
	Closed       bool    `json:"isSchoolClosed"`
	CanEdit      bool    `json:"canEdit"`
	ClosedReason string  `json:"schoolClosedReason"`
	Opening      string  `json:"schoolOpeningTime"`
	Closing      string  `json:"schoolClosingTime"`
}

type newsList struct {
	Items []newsItem `json:"items"`
	Total int        `json:"totalItemCount"`
}

type newsItem struct {
	ID          int          `json:"id"`
	Title       string       `json:"title"`
	Content     string       `json:"content"`
	Published   string       `json:"publishedDate"`
	PublishedSE string       `json:"publishedDateString"`
	PublishedBy string       `json:"publishedBy"`
	Image       string       `json:"newsImageUrl"`
	Thumbnail   string       `json:"newsThumbnailImageUrl"`
	Attachments []attachment `json:"attachments"`
}

type notificationList struct {
	Notifications []notification `json:"notifications"`
	Timestamp     string         `json:"timestamp"`
}

type notification struct {
	ID        int    `json:"id"`
	Title     string `json:"title"`
	SubTitle  string `json:"subTitle"`
	Subjects  string `json:"subjectsCourses"`
	Sent      string `json:"dateSent"`
	AppType   string `json:"appType"`
	State     string `json:"state"`
	Type      string `json:"type"`
	URL       string `json:"url"`
	Order     string `json:"orderDate"`
	PupilIM2  int    `json:"pupilIM2Id"`
	PupilID   string `json:"pupilSourceId"`
	IsCurrent bool   `json:"currentlySelectedPupil"`
	Entity    string `json:"entityTypeString"`
}

type taskList struct {
	Items   []taskRow `json:"items"`
	More    int       `json:"more"`
	Overdue int       `json:"totalOverdue"`
	Due     int       `json:"totalDue"`
	Done    int       `json:"totalDone"`
}

type taskRow struct {
	ID          int    `json:"id"`
	Status      string `json:"status"`
	DueDate     string `json:"dueDate"`
	Subject     string `json:"subject"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Read        int    `json:"read"`
	HasFiles    bool   `json:"hasFiles"`
	Due         string `json:"dueDateDateValue"`
	StatusText  string `json:"statusText"`
}

type availabilityList struct {
	Total          int            `json:"totalCount"`
	Pages          int            `json:"totalPages"`
	Availabilities []availability `json:"availabilities"`
}

type availability struct {
	ID           string  `json:"availabilityId"`
	Date         string  `json:"date"`
	From         string  `json:"timeFrom"`
	Range        string  `json:"timeRange"`
	RegisteredBy string  `json:"registeredBy"`
	MeetingType  string  `json:"meetingType"`
	Location     string  `json:"location"`
	MeetingID    *int    `json:"meetingId"`
	MeetingLink  *string `json:"meetingLink"`
}

type logEntry struct {
	ID           int          `json:"id"`
	Title        string       `json:"title"`
	Text         string       `json:"text"`
	Group        string       `json:"groupName"`
	LastModified string       `json:"lastModifiedOn"`
	Comments     []string     `json:"comments"`
	Media        []logMedia   `json:"media"`
	Attachments  []attachment `json:"attachments"`
}

type logMedia struct {
	FileID    int    `json:"fileId"`
	FileName  string `json:"fileName"`
	FileType  string `json:"fileType"`
	Extension string `json:"fileExtension"`
	Thumbnail string `json:"thumbnailUrl"`
	FileURL   string `json:"fileUrl"`
}

type consentData struct {
	HasNewsAccess bool          `json:"hasNewsAccess"`
	Consent       consentConfig `json:"consentViewConfig"`
}

type consentConfig struct {
	PupilIM2  int    `json:"pupilIM2Id"`
	ParentIM2 int    `json:"parentIM2Id"`
	Culture   string `json:"culture"`
}
