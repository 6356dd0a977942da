package connection_test

import (
	"fmt"
	"math/rand"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// RemoteToken is the bearer token that Stytch accepts of a SCIM connection, and the next one while a rotation is under way, by their last
// four characters.
type RemoteToken struct{ LastFour, Next string }

// NewSCIM is the stage of a SCIM connection.
func NewSCIM(random *rand.Rand, remote *Remote) *Stage[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	o := &v1alpha1.SCIMConnection{ObjectMeta: Meta("acme-scim")}
	o.Spec.BearerToken.SecretName = "acme-scim"
	o.Status.ConnectionID = SCIMID
	s := &Stage[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{Kind: scim.Kind(), Held: o, Remote: remote}
	s.Shows = func() stytch.SCIMConnection { return remote.asSCIM(random) }
	s.Inputs = func() connection.Inputs {
		return connection.Inputs{Now: Noon, Secrets: map[string]*corev1.Secret{"acme-scim": remote.Secret}, Groups: remote.Groups}
	}
	return s
}

// asSCIM is what Stytch shows of a SCIM connection.
func (remote *Remote) asSCIM(random *rand.Rand) stytch.SCIMConnection {
	r := remote.Noisy(random).SCIM()
	r.BearerTokenLastFour, r.NextBearerTokenLastFour = remote.Token.LastFour, remote.Token.Next
	return r
}

// rotate does what a step says to the token at Stytch and to its Secret, and fails the test where one of the two would refuse it.
func (remote *Remote) rotate(t *testing.T, step connection.Step) {
	t.Helper()
	if remote.Secret != nil && remote.Secret.Labels[v1alpha1.LabelConnection] != SCIMID {
		t.Fatalf("%s while the Secret is somebody else's", step.Action)
	}
	open := remote.Token.Next != ""
	ends := step.Action == token.CompleteRotation || step.Action == token.CancelRotation
	if ends && !open || step.Action == token.StartRotation && open {
		t.Fatalf("%s while a rotation is under way: %t", step.Action, open)
	}
	switch step.Action {
	case token.StartRotation:
		remote.Made++
		remote.Token.Next = fmt.Sprintf("n%03d", remote.Made)
		remote.writeSecret(func(data map[string][]byte) bool {
			data["next-token"], data["base-url"] = TokenEndingIn(remote.Token.Next), []byte(SCIMRemote().BaseURL)
			return true
		})
	case token.CompleteRotation:
		if remote.InSecret().NextLastFour != remote.Token.Next {
			t.Fatalf("%s is completed, and the Secret holds %+v", remote.Token.Next, remote.InSecret())
		}
		remote.Token = RemoteToken{LastFour: remote.Token.Next}
	case token.CancelRotation:
		remote.Token.Next = ""
	case token.PublishToken, token.PromoteToken, token.RecoverToken:
		if !remote.writeSecret(func(data map[string][]byte) bool { return token.ApplyToSecret(data, step) }) {
			t.Fatalf("%s is not for a Secret that holds %+v", InJSON(t, step), remote.InSecret())
		}
	default:
		t.Fatalf("%s is not expected", step.Action)
	}
}

// writeSecret changes what the Secret holds, and leaves the one that was there before as it was.
func (remote *Remote) writeSecret(change func(data map[string][]byte) bool) bool {
	next := TokenSecret(SCIMID, nil)
	if remote.Secret != nil {
		next = remote.Secret.DeepCopy()
	}
	remote.Made++
	next.ResourceVersion = fmt.Sprint(remote.Made)
	done := change(next.Data)
	remote.Secret = next
	return done
}

// InSecret is what the Secret holds.
func (remote *Remote) InSecret() connection.Token {
	if remote.Secret == nil {
		return connection.Token{}
	}
	data := remote.Secret.Data
	return connection.Token{
		LastFour: stytch.Secret(data["token"]).LastFour(), NextLastFour: stytch.Secret(data["next-token"]).LastFour(), BaseURL: string(data["base-url"]),
	}
}

func TokenEndingIn(lastFour string) []byte { return []byte("a-token-ending-in-" + lastFour) }

// secretData is a Secret that holds tokens with these ends.
func secretData(bearer connection.Token) map[string][]byte {
	data := map[string][]byte{"base-url": []byte(bearer.BaseURL)}
	for key, lastFour := range map[string]string{"token": bearer.LastFour, "next-token": bearer.NextLastFour} {
		if lastFour != "" {
			data[key] = TokenEndingIn(lastFour)
		}
	}
	return data
}
