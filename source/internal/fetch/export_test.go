package fetch

// The parsers of foreign bytes are fuzzed directly: through a whole request
// they would see a small part of what can be thrown at them.
var (
	RetryAfter = retryAfter
	CookieDate = cookieDate
	Split      = split
	Clean      = clean
	Public     = public
)
