package storage_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/storage/storagetest"
)

func TestSmoke(t *testing.T) {
	db := storagetest.Open(t)
	acc, s := storagetest.Fill(t, db, 50)
	es, err := db.Entries(t.Context(), 1, "events")
	if err != nil || len(es) != 50 {
		t.Fatal(len(es), err)
	}
	r, err := db.Revision(t.Context(), nil, nil)
	if err != nil || r.Seq != 50 {
		t.Fatal(r, err)
	}
	ch, err := db.Apply(t.Context(), acc, s)
	if err != nil || ch.Any() {
		t.Fatal(ch, err)
	}
	rd, err := db.Readings(t.Context())
	t.Log(rd, err, cmp.Diff(1, 2))
}
