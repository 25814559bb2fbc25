//go:build !race

package storage_test

const slow = false
