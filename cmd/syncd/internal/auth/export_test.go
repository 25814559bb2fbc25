package auth

// Cheapen makes hashing cost next to nothing. Under the race detector a
// password at full cost takes a second, and the tests of everything around
// it hash a hundred of them; one test runs at full cost.
func (a *Auth) Cheapen() { a.hasher.memory = 64 }
