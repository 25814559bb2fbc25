package skolplattformen

import (
	"encoding/json"
	"fmt"

	"syncd/source"
	"syncd/source/internal/fetch"
)

// state is what a session holds: the cookies of the platform and of the
// city's sign-in. The XSRF token is read anew each time.
type state struct {
	Version int    `json:"v"`
	Jar     []byte `json:"jar"`
}

const stateVersion = 1

func encodeState(jar *fetch.Jar) ([]byte, error) {
	cookies, err := jar.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return json.Marshal(state{Version: stateVersion, Jar: cookies})
}

// decodeState fills the jar. No state, or one that this version did not
// write, needs a new login.
func decodeState(data []byte, jar *fetch.Jar) error {
	var st state
	if len(data) == 0 {
		return fmt.Errorf("no session: %w", source.ErrSessionExpired)
	}
	if err := json.Unmarshal(data, &st); err != nil || st.Version != stateVersion {
		return fmt.Errorf("session is of another kind: %w", source.ErrSessionExpired)
	}
	if err := jar.UnmarshalBinary(st.Jar); err != nil {
		return fmt.Errorf("session is damaged: %w", source.ErrSessionExpired)
	}
	return nil
}
