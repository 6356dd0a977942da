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

// farToken is the bearer token that Stytch accepts of a SCIM connection, and the next one while a rotation is under way, by their last
// four characters.
type farToken struct{ lastFour, next string }

// newSCIM is the stage of a SCIM connection.
func newSCIM(random *rand.Rand, f *far) *stage[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	o := &v1alpha1.SCIMConnection{ObjectMeta: meta("acme-scim")}
	o.Spec.BearerToken.SecretName = "acme-scim"
	o.Status.ConnectionID = scimID
	s := &stage[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{kind: scim.Kind(), held: o, far: f}
	s.shows = func() stytch.SCIMConnection { return f.asSCIM(random) }
	s.inputs = func() connection.Inputs {
		return connection.Inputs{Now: noon, Secrets: map[string]*corev1.Secret{"acme-scim": f.secret}, Groups: f.groups}
	}
	return s
}

// asSCIM is what Stytch shows of a SCIM connection.
func (f *far) asSCIM(random *rand.Rand) stytch.SCIMConnection {
	r := f.noisy(random).scim()
	r.BearerTokenLastFour, r.NextBearerTokenLastFour = f.token.lastFour, f.token.next
	return r
}

// rotate does what a step says to the token at Stytch and to its Secret, and fails the test where one of the two would refuse it.
func (f *far) rotate(t *testing.T, step connection.Step) {
	t.Helper()
	if f.secret != nil && f.secret.Labels[v1alpha1.LabelConnection] != scimID {
		t.Fatalf("%s while the Secret is somebody else's", step.Action)
	}
	open := f.token.next != ""
	ends := step.Action == token.CompleteRotation || step.Action == token.CancelRotation
	if ends && !open || step.Action == token.StartRotation && open {
		t.Fatalf("%s while a rotation is under way: %t", step.Action, open)
	}
	switch step.Action {
	case token.StartRotation:
		f.made++
		f.token.next = fmt.Sprintf("n%03d", f.made)
		f.writeSecret(func(data map[string][]byte) bool {
			data["next-token"], data["base-url"] = tokenEndingIn(f.token.next), []byte(scimRemote().BaseURL)
			return true
		})
	case token.CompleteRotation:
		if f.inSecret().NextLastFour != f.token.next {
			t.Fatalf("%s is completed, and the Secret holds %+v", f.token.next, f.inSecret())
		}
		f.token = farToken{lastFour: f.token.next}
	case token.CancelRotation:
		f.token.next = ""
	case token.PublishToken, token.PromoteToken, token.RecoverToken:
		if !f.writeSecret(func(data map[string][]byte) bool { return token.ApplyToSecret(data, step) }) {
			t.Fatalf("%s is not for a Secret that holds %+v", inJSON(t, step), f.inSecret())
		}
	default:
		t.Fatalf("%s is not expected", step.Action)
	}
}

// writeSecret changes what the Secret holds, and leaves the one that was there before as it was.
func (f *far) writeSecret(change func(data map[string][]byte) bool) bool {
	next := tokenSecret(scimID, nil)
	if f.secret != nil {
		next = f.secret.DeepCopy()
	}
	f.made++
	next.ResourceVersion = fmt.Sprint(f.made)
	done := change(next.Data)
	f.secret = next
	return done
}

// inSecret is what the Secret holds.
func (f *far) inSecret() connection.Token {
	if f.secret == nil {
		return connection.Token{}
	}
	data := f.secret.Data
	return connection.Token{
		LastFour: stytch.Secret(data["token"]).LastFour(), NextLastFour: stytch.Secret(data["next-token"]).LastFour(), BaseURL: string(data["base-url"]),
	}
}

func tokenEndingIn(lastFour string) []byte { return []byte("a-token-ending-in-" + lastFour) }

// secretData is a Secret that holds tokens with these ends.
func secretData(bearer connection.Token) map[string][]byte {
	data := map[string][]byte{"base-url": []byte(bearer.BaseURL)}
	for key, lastFour := range map[string]string{"token": bearer.LastFour, "next-token": bearer.NextLastFour} {
		if lastFour != "" {
			data[key] = tokenEndingIn(lastFour)
		}
	}
	return data
}
