//go:build !race

package vault_test

const flipStep = 1
