package infomentortest

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// hash makes the same number of the same words, below 2^31.
func hash(words ...string) int {
	h := sha256.Sum256([]byte("infomentortest\x00" + strings.Join(words, "\x00")))
	return int(binary.BigEndian.Uint32(h[:4]) >> 1)
}

// UserID returns the id of a guardian's account.
func UserID(g schooltest.Guardian) string {
	return strconv.Itoa(1600000000 + hash("user", g.PersonalNumber)%100000000)
}

// PupilID returns the child's account pupil id, ten digits.
func PupilID(c schooltest.Child) string {
	return strconv.Itoa(1700000000 + hash("pupil", c.Key)%100000000)
}

// SwitchID returns the child's user-role id, by which it is selected.
func SwitchID(c schooltest.Child) int { return 4100000 + hash("switch", c.Key)%100000 }

// IM2ID returns the child's third id, of notifications and modules.
func IM2ID(c schooltest.Child) int { return 2900000 + hash("im2", c.Key)%100000 }

// MappingID returns the id by which notifications name the child.
func MappingID(c schooltest.Child) string {
	return "STO-" + strconv.Itoa(9000+hash("school", c.School)%999) + "|" + PupilID(c) + "|NEMANDI_SKOLI"
}

// EventID returns the id of an event of a school's calendar.
func EventID(s schooltest.School, e school.Event) int {
	if e.Ref == "" {
		return 220000000 + hash("event", s.Key, e.Title)%10000000
	}
	return 220000000 + hash("event", s.Key, string(e.Ref))%10000000
}

// LetterID returns the id of a letter.
func LetterID(n school.NewsItem) int { return 2200000 + hash("letter", string(n.Ref))%10000000 }

// NoticeID returns the id of a notification.
func NoticeID(n school.Notice) int { return 70000000 + hash("notice", string(n.Ref))%10000000 }

// ResourceID returns the id under which the n-th picture or file of a thing
// is downloaded.
func ResourceID(kind string, of school.Ref, n int) int {
	return 550000000 + hash("resource", kind, string(of), strconv.Itoa(n))%10000000
}
