package connectiontest

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// AcknowledgedRotation starts a rotation a month before the end, and waits for an acknowledgement.
func AcknowledgedRotation() *v1alpha1.SCIMTokenRotation {
	return &v1alpha1.SCIMTokenRotation{RenewBefore: &metav1.Duration{Duration: 30 * 24 * time.Hour}}
}

// AutomaticRotation completes a rotation after three days.
func AutomaticRotation() *v1alpha1.SCIMTokenRotation {
	return &v1alpha1.SCIMTokenRotation{Completion: v1alpha1.RotationAutomatic, Overlap: &metav1.Duration{Duration: 3 * 24 * time.Hour}}
}

// RemoteToken is the bearer token that Stytch accepts of a SCIM connection, and the next one while a rotation is under way, by their last
// four characters.
type RemoteToken struct{ LastFour, Next string }

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
	case token.ApplyTemplate:
		next := remote.Secret.DeepCopy()
		connection.StampBy(step, next)
		remote.Secret = next
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
