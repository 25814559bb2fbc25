// Package infomentor reads InfoMentor, which Stockholm's schools and about a
// hundred other municipalities use: calendar, timetable, care times, news,
// notifications, tasks and booked meetings. Guardians sign in with user name
// and password, through the City of Stockholm (package stockholm), or bring a
// browser's session along.
//
// What is known about the dialogue, how well and since when, is in
// PROTOCOL.md. Its peculiarities are that the Hub answers about the pupil who
// is selected in the session, and that sessions die within the hour. The
// package selects each child, reads and checks in one go, throws away what it
// cannot vouch for, and puts the parent's own selection back. Where the
// guardian wants it, it is paired like a phone and comes back by itself.
//
// It keeps nothing between calls but what is in the session and remembered
// beside it, starts no
// goroutine, asks for one thing at a time and writes nothing at the school.
package infomentor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/stockholm"
	"syncd/source/school"
)

// ID is the platform's name in the program.
const ID school.PlatformID = "infomentor"

const (
	hubHost    = "hub.infomentor.se"
	loginHost  = "infomentor.se" // the older system, which knows the passwords
	ssoHost    = "sso.infomentor.se"
	deviceHost = "im.infomentor.se"
	apiHost    = "api-im.infomentor.se"
	// otherAPIHost is where some apps find the same (one project).
	otherAPIHost = "api.infomentor.se"
	// calendarHost answers to the addresses of calendar subscriptions.
	calendarHost = "im2-api.infomentor.se"

	hub       = "https://" + hubHost
	loginPath = "/swedish/production/mentor/"
	loginURL  = "https://" + loginHost + loginPath
	// handOver asks the older system for what it would not do by itself: to
	// hand a login over to the Hub.
	handOver  = hub + "/Authentication/Authentication/Login?apiType=IM1&forceOAuth=true&apiInstance="
	cityEntry = "https://" + ssoHost + "/login.ashx?idp=stockholm_par"

	// agent is honest: nothing is known to be refused for it. It stays the
	// same throughout a session.
	agent = "syncd (a family's own calendar; reads only)"
	// budget is requests per account and day. A whole read of three children
	// takes about a hundred and forty.
	budget = 1500
	// maxBody has room for the largest attachment that is read.
	maxBody = 24 << 20
)

// Settings of an account. All are "yes" or "no"; empty is the default.
const (
	// SettingPairing registers the program like a phone, so that it can sign
	// in again by itself for as long as InfoMentor lets it. Default no.
	SettingPairing = "pairing"
	// SettingKeepPassword keeps user name and password in the sealed session,
	// so that a password login can be renewed. Default yes.
	SettingKeepPassword = "keep-password"
	// SettingLearningLog reads the learning log as well. Default no.
	SettingLearningLog = "learning-log"
	// SettingCalendarAddress keeps InfoMentor's own calendar address of each
	// child, sealed, and reads it while nobody is signed in. Default no.
	SettingCalendarAddress = "calendar-address"
)

// Fields of logins.
const (
	fieldUser         = "user"
	fieldPassword     = "password"
	fieldCookies      = "cookies"
	fieldMunicipality = "municipality"
)

// Platform describes InfoMentor to the rest of the program.
func Platform() source.Platform {
	// What is said first holds where nothing is said, see [adapter.wants].
	noYes, yesNo := []string{"no", "yes"}, []string{"yes", "no"}
	return source.Platform{
		ID:   ID,
		Name: "InfoMentor",
		Settings: []source.Field{
			{ID: SettingPairing, Optional: true, Choices: noYes},
			{ID: SettingKeepPassword, Optional: true, Choices: yesNo},
			{ID: SettingLearningLog, Optional: true, Choices: noYes},
			{ID: SettingCalendarAddress, Optional: true, Choices: noYes},
		},
		Logins: append(stockholm.Methods(),
			source.Method{ID: source.Password, Fields: []source.Field{{ID: fieldUser}, {ID: fieldPassword, Secret: true}}},
			source.Method{ID: source.Cookies, Fields: []source.Field{{ID: fieldCookies, Secret: true, Optional: true}}},
		),
		Parts:     parts(),
		Announced: announcedParts(),
		Hosts:     []string{hubHost, loginHost, ssoHost, deviceHost, apiHost, otherAPIHost, calendarHost, "login001.stockholm.se", "login003.stockholm.se"},
		Budget:    budget,
		New:       New,
	}
}

// parts are read for each child, in this order. Tasks come before the
// calendar, which shows them a second time.
func parts() []school.Part {
	return []school.Part{
		school.PartNotices, school.PartTasks, school.PartCalendar, school.PartSchedule, school.PartNews,
		school.PartCare, school.PartTimetable,
	}
}

// Paths at the Hub, as its own pages write them.
const (
	pathCommunication = "/communication/communication/appData"
	pathNews          = "/Communication/News/GetNewsList"
	pathCalendar      = "/calendarv2/calendarv2/appData"
	pathEntries       = "/calendarv2/calendarv2/getentries"
	pathAttachments   = "/calendarv2/calendarv2/getattachments"
	pathSubscription  = "/calendarv2/calendarv2/geticalsubscriptionuri"
	pathTimetable     = "/timetable/timetable/gettimetablelist"
	pathCare          = "/TimeRegistration/TimeRegistration/GetTimeRegistrations/"
	pathNotices       = "/NotificationApp/NotificationApp/GetNotifications"
	pathTasks         = "/Task/Task/GetTasks"
	pathMeetings      = "/Home/meeting/GetPupilAvailabilities"
	pathLog           = "/learnlog/learnlog/getlearnlogs"
	pathPair          = "/account/pair/GetAuthenticationData"
	pathSwitch        = "/Account/PupilSwitcher/SwitchPupil/"
	pathDownload      = "/Resources/Resource/Download/"
	pathThumbnail     = "/Resources/Resource/Thumbnail/" // never asked for
	// pathCalendarFile begins what a calendar address names.
	pathCalendarFile = "/V1/CalendarV2/IcalSubscription/Subscription/"
	pathLogOut       = "/Authentication/Authentication/LogOut"
)

// rules are all requests that a read makes.
func rules() []fetch.Rule {
	list := []fetch.Rule{
		{Method: "GET", Host: hubHost, Path: "/"},
		{Method: "GET", Host: hubHost, Path: pathSwitch + "*"},
		{Method: "GET", Host: hubHost, Path: pathDownload + "*"},
	}
	for _, p := range []string{
		pathCommunication, pathNews, pathCalendar, pathEntries, pathAttachments, pathSubscription, pathTimetable,
		pathCare, pathNotices, pathTasks, pathMeetings, pathLog,
	} {
		list = append(list, fetch.Rule{Method: "POST", Host: hubHost, Path: p})
	}
	return list
}

// loginRules are what signing in and out needs beside them.
func loginRules() []fetch.Rule {
	return slices.Concat(rules(), stockholm.Rules(), []fetch.Rule{
		{Method: "GET", Host: hubHost, Path: "/Authentication/Authentication/Login"},
		{Method: "GET", Host: hubHost, Path: "/Authentication/Authentication/LoginCallback"},
		{Method: "GET", Host: hubHost, Path: "/Home/Errors/*"},
		{Method: "GET", Host: hubHost, Path: pathLogOut},
		{Method: "POST", Host: hubHost, Path: pathPair},
		{Method: "GET", Host: loginHost, Path: loginPath + "*"},
		{Method: "POST", Host: loginHost, Path: loginPath + "*"},
		{Method: "GET", Host: ssoHost, Path: "/login.ashx"},
		{Method: "POST", Host: ssoHost, Path: "/login.ashx"},
		{Method: "GET", Host: deviceHost, Path: "/Authentication/*"},
		{Method: "POST", Host: deviceHost, Path: "/Authentication/OAuth2/*"},
		{Method: "GET", Host: apiHost, Path: oneTimePath},
		{Method: "GET", Host: apiHost, Path: accountPath},
		{Method: "GET", Host: otherAPIHost, Path: oneTimePath},
		{Method: "GET", Host: otherAPIHost, Path: accountPath},
	})
}

// adapter implements source.Source, source.Authenticator, source.Refresher
// and source.SignOuter. It holds nothing of any account but its settings.
type adapter struct {
	cfg source.Config
}

var (
	_ source.Authenticator = (*adapter)(nil)
	_ source.Refresher     = (*adapter)(nil)
	_ source.SignOuter     = (*adapter)(nil)
	_ source.Pairer        = (*adapter)(nil)
)

// New returns a source. Now and Log of the configuration are required; its
// settings have to be among those of [Platform].
func New(cfg source.Config) (source.Source, error) {
	if cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("infomentor: new: Now and Log are required")
	}
	for _, f := range Platform().Settings {
		if v := cfg.Settings[f.ID]; v != "" && !slices.Contains(f.Choices, v) {
			return nil, fmt.Errorf("infomentor: new: setting %s: %w", f.ID, source.ErrAnswer)
		}
	}
	return &adapter{cfg: cfg}, nil
}

// wants reports whether a setting is on.
func (a *adapter) wants(setting string) bool {
	v := a.cfg.Settings[setting]
	return v == "yes" || v == "" && setting == SettingKeepPassword
}

// narrow returns a conversation that can only read.
func (a *adapter) narrow(s *source.Session) (*dialogue, error) { return a.open(s, rules()) }

// wide returns a conversation that can sign in and out as well.
func (a *adapter) wide(s *source.Session) (*dialogue, error) { return a.open(s, loginRules()) }

// open loads a session. One without a state is for a login.
func (a *adapter) open(s *source.Session, allow []fetch.Rule) (*dialogue, error) {
	c, err := fetch.New(a.cfg, fetch.Options{Allow: allow, MaxBody: maxBody, UserAgent: agent})
	if err != nil {
		return nil, err
	}
	d := &dialogue{http: c, session: s, a: a}
	if s == nil {
		d.session, d.state = source.NewSession(nil, nil), newState()
		return d, nil
	}
	if d.state, err = decodeState(s, c.Jar()); err != nil {
		return nil, err
	}
	if !a.wants(SettingKeepPassword) {
		d.state.Password = nil // it was kept before the guardian thought better of it
	}
	a.forget(&d.state.memory)
	return d, nil
}

// SignOut implements [source.SignOuter]: paired devices are taken off the
// guardian's account, and the session is ended.
func (a *adapter) SignOut(ctx context.Context, s *source.Session) error {
	d, err := a.wide(s)
	if errors.Is(err, source.ErrSessionExpired) {
		return nil // nothing that could be taken back
	}
	if err != nil {
		return fmt.Errorf("infomentor: sign out: %w", err)
	}
	err = d.revoke(ctx)
	_, out := d.send(ctx, fetch.Request{URL: hub + pathLogOut + "?ApiType=IM1&ApiInstance="})
	if err = errors.Join(err, out); err != nil {
		return fmt.Errorf("infomentor: sign out: %w", err)
	}
	return nil
}

// CalendarAddresses returns InfoMentor's own calendar address of each child,
// by the child's Ref, as https, where the account's setting asked to keep
// them. They hold a secret and need no session, so they still answer when it
// has ended. Empty when there is none.
func CalendarAddresses(s *source.Session) map[school.Ref]string {
	st, err := decodeState(s, nil)
	if err != nil {
		return nil
	}
	out := make(map[school.Ref]string, len(st.Addresses))
	for id, addr := range st.Addresses {
		out[school.Ref(id)] = strings.Replace(addr, "webcal://", "https://", 1)
	}
	return out
}
