//go:build !race

package syncer_test

const cadenceDays = 4
