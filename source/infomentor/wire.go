package infomentor

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"syncd/source/internal/wire"
)

// encode writes a request's body; nothing at all for nil.
func encode(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// decode reads JSON; null is none.
func decode(data []byte, v any) error {
	if wire.Null(data) {
		return notUnderstood("JSON is null")
	}
	return wire.Decode(data, v)
}

// decodeRows reads a list; null is none.
func decodeRows[T any](data json.RawMessage) (rows []T, skipped int, err error) {
	if wire.Null(data) {
		return nil, 0, notUnderstood("list is null")
	}
	return wire.Rows[T](data)
}

// rowsOf reads a list that is bare or stands under "items".
func rowsOf(data json.RawMessage) (json.RawMessage, error) {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '[' {
		return data, nil
	}
	var list struct {
		Items json.RawMessage `json:"items"`
	}
	if err := decode(data, &list); err != nil {
		return nil, err
	}
	if len(list.Items) == 0 {
		return nil, notUnderstood("items are missing")
	}
	return list.Items, nil
}

// wireID is an id that may be a number or a text; "" and null are none.
type wireID string

// UnmarshalJSON implements [json.Unmarshaler].
func (id *wireID) UnmarshalJSON(data []byte) error {
	var s string
	var n json.Number
	switch {
	case bytes.Equal(data, []byte("null")):
	case json.Unmarshal(data, &s) == nil:
	case json.Unmarshal(data, &n) == nil:
		s = n.String()
	default:
		return notUnderstood("id is neither number nor text")
	}
	*id = wireID(strings.TrimSpace(s))
	return nil
}

// flag is a truth that may be written as a number.
type flag bool

// UnmarshalJSON implements [json.Unmarshaler].
func (f *flag) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "true", "1":
		*f = true
	case "false", "0", "null":
		*f = false
	default:
		return notUnderstood("neither true nor false")
	}
	return nil
}

// wireHome is IMHome.home.homeData.
type wireHome struct {
	Account struct {
		User struct {
			ID   userID `json:"id"`
			Name string `json:"name"`
		} `json:"currentUser"`
		Pupils []wirePupil `json:"pupils"`
	} `json:"account"`
	Apps []wireApp `json:"apps"`
}

type wirePupil struct {
	ID        pupilID   `json:"id"`
	Name      string    `json:"name"`
	Mapping   mappingID `json:"hybridMappingId"`
	Selected  bool      `json:"selected"`
	SwitchURL *string   `json:"switchPupilUrl"`
}

type wireApp struct {
	CodeName string `json:"codeName"`
	Title    string `json:"title"`
}

// check insists on a whole family: a list of which something is missing is no
// list.
func (h wireHome) check() error {
	if h.Account.User.ID == "" {
		return notUnderstood("homeData: nobody is signed in")
	}
	if len(h.Account.Pupils) == 0 {
		return notUnderstood("homeData: there is no pupil")
	}
	selected := 0
	for i, p := range h.Account.Pupils {
		if p.ID == "" || strings.TrimSpace(p.Name) == "" {
			return notUnderstood("homeData: a pupil has no id or no name")
		}
		if slices.ContainsFunc(h.Account.Pupils[:i], func(o wirePupil) bool { return o.ID == p.ID }) {
			return notUnderstood("homeData: a pupil stands twice in the list")
		}
		if p.Selected {
			selected++
		}
	}
	if selected != 1 && len(h.Account.Pupils) > 1 {
		return notUnderstood("homeData: not exactly one pupil is selected")
	}
	return nil
}

// selected returns the id of the selected pupil; an only child is selected
// whatever the page says.
func (h wireHome) selected() pupilID {
	for _, p := range h.Account.Pupils {
		if p.Selected || len(h.Account.Pupils) == 1 {
			return p.ID
		}
	}
	return ""
}

type wirePairing struct {
	API            string `json:"apiUrl"`
	Authentication string `json:"authenticationUrl"`
	Client         string `json:"clientId"`
	Token          string `json:"tokenUrl"`
	Revoke         string `json:"revokeRefreshTokenUrl"`
}

type wireTokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

type wirePhoneAccount struct {
	Pupils []wirePhonePupil `json:"Pupils"`
}

type wirePhonePupil struct {
	ID        switchID `json:"UserRoleId"`
	FirstName string   `json:"FirstName"`
	LastName  string   `json:"LastName"`
}

// wireMark is what a module says of whom it is about.
type wireMark struct {
	Consent struct {
		Pupil im2ID `json:"pupilIM2Id"`
	} `json:"consentViewConfig"`
}

type wireCalendar struct {
	Types json.RawMessage `json:"calendarEntryTypes"`
}

type wireType struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type wireEntry struct {
	ID          wireID        `json:"id"`
	Title       *string       `json:"title"`
	Text        *string       `json:"text"`
	Description *string       `json:"description"`
	Type        *int64        `json:"calendarEntryTypeId"`
	AllDay      bool          `json:"isAllDayEvent"`
	StartFull   *string       `json:"startDateFull"`
	EndFull     *string       `json:"endDateFull"`
	End         *string       `json:"endDate"`
	Attachments bool          `json:"hasAttachments"`
	Subjects    []wireSubject `json:"subjects"`
	URL         *string       `json:"url"`
}

type wireSubject struct {
	Title *string `json:"title"`
}

type wireFile struct {
	Title *string `json:"title"`
	URL   *string `json:"url"`
}

type wireLesson struct {
	Start   *string `json:"start"`
	End     *string `json:"end"`
	Title   *string `json:"title"`
	AllDay  bool    `json:"allDay"`
	Details *string `json:"details"`
	Notes   *struct {
		Room  *string `json:"roomInfo"`
		Notes *string `json:"timetableNotes"`
		Tutor *string `json:"tutors"`
	} `json:"notes"`
}

type wireWeek struct {
	Start *string         `json:"startDate"`
	End   *string         `json:"endDate"`
	Days  json.RawMessage `json:"days"`
}

type wireDay struct {
	Date   *string `json:"date"`
	Start  *string `json:"startDateTime"`
	End    *string `json:"endDateTime"`
	Leave  bool    `json:"onLeave"`
	Closed bool    `json:"isSchoolClosed"`
	Reason *string `json:"schoolClosedReason"`
}

type wireNews struct {
	ID        wireID     `json:"id"`
	Title     *string    `json:"title"`
	Content   *string    `json:"content"`
	Published *string    `json:"publishedDate"`
	Author    *string    `json:"publishedBy"`
	Image     *string    `json:"newsImageUrl"`
	Files     []wireFile `json:"attachments"`
}

type wireNotices struct {
	Notices json.RawMessage `json:"notifications"`
}

type wireNotice struct {
	ID       wireID    `json:"id"`
	Title    *string   `json:"title"`
	SubTitle *string   `json:"subTitle"`
	Sent     *string   `json:"dateSent"`
	Order    *string   `json:"orderDate"`
	URL      *string   `json:"url"`
	App      string    `json:"appType"`
	IM2      im2ID     `json:"pupilIM2Id"`
	Mapping  mappingID `json:"pupilSourceId"`
}

type wireTasks struct {
	Items json.RawMessage `json:"items"`
	More  flag            `json:"more"`
}

type wireTask struct {
	ID          wireID  `json:"id"`
	Status      string  `json:"status"`
	Subject     *string `json:"subject"`
	Title       *string `json:"title"`
	Description *string `json:"description"`
	Due         *string `json:"dueDateDateValue"`
}

type wireMeetings struct {
	Pages int             `json:"totalPages"`
	Rows  json.RawMessage `json:"availabilities"`
}

type wireMeeting struct {
	ID       wireID  `json:"availabilityId"`
	Date     *string `json:"date"`
	From     *string `json:"timeFrom"`
	Range    *string `json:"timeRange"`
	With     *string `json:"registeredBy"`
	Location *string `json:"location"`
	Meeting  wireID  `json:"meetingId"`
	Link     *string `json:"meetingLink"`
}

type wireLog struct {
	ID    wireID  `json:"id"`
	Title *string `json:"title"`
	Text  *string `json:"text"`
	Group *string `json:"groupName"`
	At    *string `json:"lastModifiedOn"`
	Media []struct {
		Type *string `json:"fileType"`
		URL  *string `json:"fileUrl"`
	} `json:"media"`
	Files []wireFile `json:"attachments"`
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
