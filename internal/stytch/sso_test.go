package stytch

import (
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestWhatGoesFromAnUnknownConnectionChangesNoList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	w.sso(caller, start)
	c, err := w.AddConnection(w.org, stytchsim.SAML, nil) // which the list does not know yet
	must(t, err)
	_, err = caller.DeleteEncryptionKey(ctx(t), w.org, c.ID, "saml-encryption-key-test-none")
	_ = failedAs(t, err, NotFound)
	w.expect(func() {
		if cached := w.sso(caller, start); cached.SAML != nil {
			t.Errorf("held: %+v", cached)
		}
	})
}
