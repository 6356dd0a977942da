package token_test

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestATokenThatWasLostEndsInTheSecretWhateverACrashLeft(t *testing.T) {
	base := SCIMRemote().BaseURL
	for _, secret := range []connection.Token{
		{},
		{LastFour: "aaaa", BaseURL: base},
		{LastFour: "aaaa", BaseURL: "old"},
		{NextLastFour: "nnnn", BaseURL: base},
		{LastFour: "aaaa", NextLastFour: "nnnn", BaseURL: base},
		{NextLastFour: "nnnn"},
		{NextLastFour: "aaaa"},
		{LastFour: "oooo", NextLastFour: "aaaa"},
		{LastFour: "oooo", BaseURL: "old"},
		{Foreign: true},
	} {
		for _, next := range []string{"", "nnnn"} {
			for _, isNew := range []bool{true, false} {
				t.Run(fmt.Sprintf("secret %q %q %q, foreign %t, next %q, new %t", secret.LastFour, secret.NextLastFour, secret.BaseURL, secret.Foreign, next, isNew), func(t *testing.T) {
					l := newLost(rand.New(rand.NewSource(1)), secret, next, isNew)
					l.Watch = l.watchMark(t)
					out := l.Pass(t)
					Same(t, "how it ended", out.Err, error(nil))
					Same(t, "what is stuck", out.Stuck, []v1alpha1.NotConverging(nil))
					l.checkToken(t, secret, next, isNew)
				})
			}
		}
	}
}

// lost is a SCIM connection whose token may have been lost.
type lost struct {
	*Stage[*v1alpha1.SCIMConnection, stytch.SCIMConnection]
}

func newLost(random *rand.Rand, secret connection.Token, next string, isNew bool) lost {
	remote := &Remote{Document: Document{DisplayName: "Acme"}, Token: RemoteToken{LastFour: "aaaa", Next: next}}
	if isNew {
		remote.DisplayName = MarkedName("Acme", ManifestUID)
	}
	switch {
	case secret.Foreign:
		remote.Secret = TokenSecret("", nil)
	case secret != (connection.Token{}):
		remote.Secret = TokenSecret(SCIMID, nil)
		remote.Secret.Data = secretData(secret)
	}
	l := lost{NewSCIM(random, remote)}
	l.Held.Spec.DisplayName = "Acme"
	return l
}

// isNew says that the connection still bears its mark.
func (l lost) isNew() bool {
	return strings.HasSuffix(l.Remote.DisplayName, MarkedName("", ManifestUID))
}

// watchMark fails the test where the mark goes before the Secret holds the token and no rotation is open.
func (l lost) watchMark(t *testing.T) func(connection.Step) {
	t.Helper()
	wasNew := l.isNew()
	return func(connection.Step) {
		if wasNew && !l.isNew() && (l.Remote.InSecret().LastFour != l.Remote.Token.LastFour || l.Remote.Token.Next != "") {
			t.Fatalf("%s: the mark went while Stytch accepts %+v and the Secret holds %+v", Story(l.Log), l.Remote.Token, l.Remote.InSecret())
		}
	}
}

// checkToken checks how it ended.
func (l lost) checkToken(t *testing.T, began connection.Token, next string, wasNew bool) {
	t.Helper()
	if began.Foreign {
		Same(t, "the steps beside a Secret that is not ours", Story(l.Log), "")
		return
	}
	token, secret := l.Remote.Token, l.Remote.InSecret()
	if wasNew {
		want := connection.Token{LastFour: token.LastFour, BaseURL: SCIMRemote().BaseURL}
		if secret != want || token.Next != "" || l.isNew() || len(l.Log) > 5 {
			t.Errorf("%s: Stytch accepts %+v, the Secret holds %+v, still new: %t", Story(l.Log), token, secret, l.isNew())
		}
		return
	}
	kept := began.LastFour
	if began.NextLastFour == "aaaa" { // it was completed
		kept = "aaaa"
	}
	if token != (RemoteToken{LastFour: "aaaa", Next: next}) || secret.LastFour != kept {
		t.Errorf("%s: a token that may be in use was changed", Story(l.Log))
	}
}

func TestATokenIsRecoveredThoughTheProcessIsLostAtAnyStep(t *testing.T) {
	t.Parallel()
	for seed := range int64(500) {
		random := rand.New(rand.NewSource(seed))
		l := newLost(random, connection.Token{}, Pick(random, "", "nnnn"), true)
		l.Watch = l.watchMark(t)
		l.Lose = func(connection.Step) string { return Pick(random, "", "unanswered", "unanswered", "unkept", "unkept") }
		for crashes := 0; crashes < 10 && l.isNew(); crashes++ {
			if out := l.Pass(t); out.Err != nil && !errors.Is(out.Err, ErrLost) {
				t.Fatalf("seed %d: %s ended with %v", seed, Story(l.Log), out.Err)
			}
		}
		l.Lose = nil
		Same(t, "how it ended", l.Pass(t).Err, error(nil))
		l.checkToken(t, connection.Token{}, "", true)
	}
}
