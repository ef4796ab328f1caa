package login

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzUsers reads what may stand in the file of users. What it accepts is the same
// after it has been written and read again.
func FuzzUsers(f *testing.F) {
	f.Add([]byte(`{"format":1,"users":[]}`))
	f.Add([]byte(`{"format":1,"users":[{"name":"a","groups":["$ops"],"hash":"$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		users, err := parse("users.json", raw)
		if err != nil {
			return
		}
		written, err := json.Marshal(content{Format: fileFormat, Users: users.accounts})
		require.NoError(t, err)
		again, err := parse("users.json", written)
		require.NoError(t, err)
		require.Equal(t, users, again)
	})
}
