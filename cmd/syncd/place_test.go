package main

import (
	"strings"
	"testing"
)

func TestPlaceOf(t *testing.T) {
	t.Parallel()
	const docker = `36 35 98:0 / / rw,noatime master:1 - overlay overlay rw,lowerdir=/a - b
37 36 0:5 / /proc rw - proc proc rw
38 36 8:1 /var/lib/docker/volumes/family_keys/_data /keys rw - ext4 /dev/sda1 rw
39 36 8:1 /var/lib/docker/volumes/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/_data /data rw - ext4 /dev/sda1 rw
40 36 0:6 / /tmp rw - tmpfs tmpfs rw
41 36 8:1 /srv/with\040space /mnt/with\040space rw - ext4 /dev/sda1 rw
42 36 0:7 / /twice rw - tmpfs tmpfs rw
43 36 8:1 /srv/twice /twice rw - ext4 /dev/sda1 rw
a line that is cut
`
	for path, want := range map[string]place{
		"/keys": placeLasting, "/keys/deeper": placeLasting, "/keysnot": placeLayer, "/home/keys": placeLayer, "/": placeLayer,
		"/data": placeUnnamed, "/data/keys": placeUnnamed, "/tmp/keys": placeMemory, "/mnt/with space/keys": placeLasting, "/twice": placeLasting,
	} {
		if got, err := placeOf(strings.NewReader(docker), path); got != want || err != nil {
			t.Errorf("placeOf(%s) = %d, %v, want %d", path, got, err, want)
		}
	}
	if got, err := placeOf(strings.NewReader(""), "/keys"); got != placeLasting || err != nil {
		t.Errorf("without mounts: %d, %v", got, err)
	}
	if _, err := placeOf(strings.NewReader(strings.Repeat("x", 100_000)), "/keys"); err == nil {
		t.Error("a line that is too long was passed over")
	}
}
