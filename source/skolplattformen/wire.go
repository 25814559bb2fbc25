package skolplattformen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"syncd/source"
	"syncd/source/internal/wire"
)

// envelope is around every answer in JSON but the user's.
type envelope struct {
	Success *bool           `json:"Success"`
	Error   *string         `json:"Error"`
	Data    json.RawMessage `json:"Data"`
}

// errTaskCanceled is how the platform says, among other things, that a child
// has no schedule. It comes with source.ErrUnavailable, for elsewhere it is a
// timeout over there.
var errTaskCanceled = fmt.Errorf("a task was canceled over there: %w", source.ErrUnavailable)

// taskCanceled is the platform's own text.
const taskCanceled = "A task was canceled."

// decodeEnvelope returns the inside of an envelope, never null. The
// platform's own message is not passed on: nobody knows what it may quote.
func decodeEnvelope(body []byte) (json.RawMessage, error) {
	var e envelope
	switch err := decode(body, &e); {
	case err != nil:
		return nil, err
	case e.Success == nil:
		return nil, notUnderstood("envelope has no Success")
	case !*e.Success && e.Error != nil && strings.TrimSpace(*e.Error) == taskCanceled:
		return nil, errTaskCanceled
	case !*e.Success:
		return nil, fmt.Errorf("no success: %w", source.ErrRefused)
	case len(e.Data) == 0 || bytes.Equal(e.Data, []byte("null")):
		return nil, notUnderstood("envelope is empty")
	}
	return e.Data, nil
}

func decode(data []byte, v any) error { return wire.Decode(data, v) }

func notUnderstood(what string) error { return wire.NotUnderstood(what) }

func decodeRows[T any](data json.RawMessage) (rows []T, skipped int, err error) {
	return wire.Rows[T](data)
}

// wireUser is getuserdata: no envelope, names in camelCase.
type wireUser struct {
	PersonalNumber *string `json:"socialSecurityNumber"`
	Authenticated  *bool   `json:"isAuthenticated"`
	FirstName      *string `json:"userFirstName"`
	LastName       *string `json:"userLastName"`
}

// decodeUser answers source.ErrSessionExpired for somebody who is not signed
// in.
func decodeUser(body []byte) (wireUser, error) {
	var u wireUser
	switch err := decode(body, &u); {
	case err != nil:
		return wireUser{}, err
	case u.Authenticated == nil:
		return wireUser{}, notUnderstood("isAuthenticated is missing")
	case !*u.Authenticated:
		return wireUser{}, source.ErrSessionExpired
	case strings.TrimSpace(deref(u.PersonalNumber)) == "":
		return wireUser{}, notUnderstood("socialSecurityNumber is missing")
	}
	return u, nil
}

type wireChild struct {
	Name       string  `json:"Name"`
	ID         string  `json:"Id"`
	SDSID      string  `json:"SDSId"`
	Status     *string `json:"Status"`
	SchoolID   *string `json:"SchoolId"`
	SchoolName *string `json:"SchoolName"`
}

type wireEvent struct {
	Title       wireTitle `json:"Title"`
	ID          wireID    `json:"Id"`
	Description *string   `json:"Description"`
	Location    *string   `json:"Location"`
	Start       *string   `json:"LongEventDateTime"`
	End         *string   `json:"LongEndDateTime"`
	AllDay      bool      `json:"AllDayEvent"`
}

// wireTitle is a title, which may be null. Where the field itself is missing
// the platform has another name for it now, and what was stored is better.
type wireTitle struct {
	there bool
	text  string
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *wireTitle) UnmarshalJSON(data []byte) error {
	t.there = true
	return json.Unmarshal(data, &t.text)
}

// wireID is an id that may be a number or a text; 0, "" and null are none.
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
	if s = strings.TrimSpace(s); s == "0" {
		s = ""
	}
	*id = wireID(s)
	return nil
}

type wireArchive struct {
	NewsItems json.RawMessage `json:"NewsItems"`
}

type wireArticle struct {
	Item *wireNews `json:"CurrentNewsItem"`
}

type wireNews struct {
	ID          string    `json:"NewsId"`
	Header      wireTitle `json:"Header"`
	Published   *string   `json:"PublicationDate"`
	PublishedSE *string   `json:"PubDateSE"`
	Modified    *string   `json:"ModifiedDate"`
	Source      *string   `json:"Source"`
	Preamble    *string   `json:"Preamble"`
	BannerURL   *string   `json:"BannerImageUrl"`
	Alt         *string   `json:"altText"`
	Body        *string   `json:"Body"`
	Author      *string   `json:"AuthorDisplayName"`
}

type wireNotice struct {
	Notification struct {
		ID      string  `json:"Messageid"`
		Message *string `json:"Message"` // JSON inside JSON
		Created *string `json:"DateCreated"`
	} `json:"Notification"`
	Inner struct {
		Messages struct {
			Message struct {
				ID     string  `json:"Messageid"`
				Text   *string `json:"Messagetext"`
				Time   *string `json:"Messagetime"`
				Link   *string `json:"Linkbackurl"`
				Sender struct {
					Name *string `json:"Name"`
				} `json:"Sender"`
			} `json:"Message"`
		} `json:"Messages"`
	} `json:"NotificationMessage"`
}

// wireNoticeText is the JSON inside a notice; only it has the subject.
type wireNoticeText struct {
	Messages struct {
		Message struct {
			Subject *string `json:"messagesubject"`
		} `json:"message"`
	} `json:"messages"`
}

type wireMeal struct {
	Title       string  `json:"Title"`
	Description *string `json:"Description"`
}

type wireMenu struct {
	Selected wireID          `json:"SelectedWeek"`
	Menus    json.RawMessage `json:"Menus"`
}

type wireWeek struct {
	Week wireID  `json:"Week"`
	Mon  *string `json:"Mon"`
	Tue  *string `json:"Tue"`
	Wed  *string `json:"Wed"`
	Thu  *string `json:"Thu"`
	Fri  *string `json:"Fri"`
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
