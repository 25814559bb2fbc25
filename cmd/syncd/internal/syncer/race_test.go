//go:build race

package syncer_test

// cadenceDays is how many school days are read of a platform where the race
// detector makes each ten times as slow.
const cadenceDays = 2
