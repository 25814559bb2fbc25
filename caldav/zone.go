package caldav

import (
	"strings"
	"sync"
	"time"

	"syncd/source/school"
)

// timezone is the value of calendar-timezone (RFC 4791, 5.2.2): the zone of
// floating times and whole days, as a calendar with one VTIMEZONE. A test
// holds it against what the encoder writes into objects.
const timezone = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//syncd//calendar//SV\r\n" +
	"BEGIN:VTIMEZONE\r\nTZID:" + school.Zone + "\r\nX-LIC-LOCATION:" + school.Zone + "\r\n" +
	"BEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n" +
	"DTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\n" +
	"BEGIN:STANDARD\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\n" +
	"DTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n" +
	"END:VTIMEZONE\r\nEND:VCALENDAR\r\n"

// zones remembers time zones by name: the library would read each from the
// zone database again for every property. Only zones that exist are kept, so
// it cannot grow without bound.
type zones struct {
	home *time.Location
	mu   sync.RWMutex
	seen map[string]*time.Location
}

func newZones() *zones {
	home := school.Stockholm()
	return &zones{home: home, seen: map[string]*time.Location{school.Zone: home, "UTC": time.UTC}}
}

// named returns the zone called name in the database, or, because programs put
// a path before it ("/example.org/20200101/Europe/Stockholm"), the zone that
// its last parts name. It returns nil for others.
func (z *zones) named(name string) *time.Location {
	if loc := z.lookUp(name); loc != nil {
		return loc
	}
	parts := strings.Split(strings.Trim(name, "/"), "/")
	for n := min(3, len(parts)); n > 1; n-- {
		if loc := z.lookUp(strings.Join(parts[len(parts)-n:], "/")); loc != nil {
			return loc
		}
	}
	return nil
}

func (z *zones) lookUp(name string) *time.Location {
	if name == "" || strings.EqualFold(name, "local") || len(name) > 64 {
		return nil
	}
	z.mu.RLock()
	loc := z.seen[name]
	z.mu.RUnlock()
	if loc != nil {
		return loc
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	z.mu.Lock()
	z.seen[name] = loc
	z.mu.Unlock()
	return loc
}
