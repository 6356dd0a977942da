package token_test

import (
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestATokenThatIsLostIsReplacedOnlyWhileTheConnectionIsNew(t *testing.T) {
	const base = "https://api.stytch.com/scim"
	kept := func(last string) *connection.Token { return &connection.Token{LastFour: last, BaseURL: base} }
	next := func(last, next string) *connection.Token {
		return &connection.Token{LastFour: last, NextLastFour: next, BaseURL: base}
	}
	for _, test := range []struct {
		name    string
		secret  *connection.Token
		current string
		next    string
		isNew   bool
		story   string
		renamed bool // the provisional name gives way in the same plan
	}{
		{"kept and new: the mark goes", kept("aaaa"), "aaaa", "", true, "display_name", true},
		{"kept and no longer new: nothing", kept("aaaa"), "aaaa", "", false, "", false},
		{"kept, new and rotating: the rotation is cancelled before the mark goes", kept("aaaa"), "aaaa", "nnnn", true, "CancelRotation display_name", true},
		{"kept, no longer new and rotating: somebody else's rotation is left alone", kept("aaaa"), "aaaa", "nnnn", false, "", false},
		{"lost and new: a rotation is started", &connection.Token{}, "aaaa", "", true, "StartRotation", false},
		{"lost, new and rotating: the open rotation is cancelled", &connection.Token{}, "aaaa", "nnnn", true, "CancelRotation", false},
		{"the next one kept: the rotation is completed", next("", "nnnn"), "aaaa", "nnnn", true, "CompleteRotation", false},
		{"both kept: the rotation is cancelled", next("aaaa", "nnnn"), "aaaa", "nnnn", true, "CancelRotation display_name", true},
		{"the current one kept as the next: it takes its place", next("", "aaaa"), "aaaa", "", true, "RecoverToken&RecoverToken", false},
		{"the next one kept as the current: the open rotation is cancelled", kept("nnnn"), "aaaa", "nnnn", true, "CancelRotation", false},
		{"another one kept, and new: a rotation is started", kept("oooo"), "aaaa", "", true, "StartRotation", false},
		{"another one kept, new and rotating: it is cancelled", kept("oooo"), "aaaa", "nnnn", true, "CancelRotation", false},
		{"lost and no longer new: nothing", &connection.Token{}, "aaaa", "", false, "", false},
		{"the next one kept and no longer new: nothing", kept("nnnn"), "aaaa", "nnnn", false, "", false},
		{"a Secret that is not ours: nothing, and the mark stays", &connection.Token{Foreign: true}, "aaaa", "", true, "", false},
		{"a Secret that is not ours, rotating: nothing", &connection.Token{Foreign: true}, "aaaa", "nnnn", true, "", false},
		{"another base URL: it is published", &connection.Token{LastFour: "aaaa", BaseURL: "old"}, "aaaa", "", false, "PublishToken", false},
		{"another base URL while rotating: it is published", &connection.Token{LastFour: "aaaa", BaseURL: "old"}, "aaaa", "nnnn", false, "PublishToken", false},
		{"another base URL, new: it is published and the mark goes", &connection.Token{LastFour: "aaaa"}, "aaaa", "", true, "PublishToken display_name", true},
		{"another base URL beside another token: nothing", &connection.Token{LastFour: "oooo", BaseURL: "old"}, "aaaa", "", false, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			have := connection.State{
				Settings: connection.Settings{"display_name": connection.Text("Acme")},
				Token:    &connection.Token{LastFour: test.current, NextLastFour: test.next, BaseURL: base},
				New:      test.isNew,
			}
			if test.isNew {
				have.Settings["display_name"] = connection.Text(MarkedName("Acme", ManifestUID))
			}
			want := connection.State{Settings: connection.Settings{"display_name": connection.Text("Acme")}, Token: test.secret}
			plan := PlanOf(want, have)
			Same(t, "the plan", Story(plan), test.story)
			if renamed := strings.Contains(connection.Names(plan), "display_name"); renamed != test.renamed {
				t.Errorf("the mark goes: %t, want %t", renamed, test.renamed)
			}
		})
	}
}

func TestOtherSettingsDoNotWaitForTheToken(t *testing.T) {
	want := connection.State{Token: &connection.Token{}, Settings: connection.Settings{
		"display_name": connection.Text("Acme"), "identity_provider": connection.Provider("okta"),
	}}
	have := connection.State{New: true, Token: &connection.Token{LastFour: "aaaa"}, Settings: connection.Settings{
		"identity_provider": connection.Provider(""),
	}}
	Same(t, "the plan", Story(PlanOf(want, have)), "StartRotation identity_provider")
}

func TestTheBaseURLIsPublishedAsStytchShowsIt(t *testing.T) {
	plan := PlanOf(
		connection.State{Token: &connection.Token{LastFour: "aaaa", BaseURL: "old"}},
		connection.State{Token: &connection.Token{LastFour: "aaaa", BaseURL: "new"}})
	Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "base_url", Have: "another URL", Want: "new"}})
}

func TestAKindWithoutTokensNeedsNone(t *testing.T) {
	settings := connection.Settings{"display_name": connection.Text("Acme")}
	for _, want := range []*connection.Token{nil, {LastFour: "aaaa"}} {
		plan := PlanOf(connection.State{Settings: settings, Token: want}, connection.State{New: true})
		Same(t, "the plan without a token at Stytch", Story(plan), "display_name")
	}
	plan := PlanOf(connection.State{Settings: settings}, connection.State{New: true, Token: &connection.Token{LastFour: "aaaa"}})
	Same(t, "the plan without a token wanted", Story(plan), "display_name")
}

func TestWhatIsSentToReplaceATokenSaysWhatStytchHasAndWillHave(t *testing.T) {
	at := func(current, next string) connection.State {
		return connection.State{New: true, Token: &connection.Token{LastFour: current, NextLastFour: next}}
	}
	for _, test := range []struct {
		name   string
		secret string
		have   connection.State
		want   v1alpha1.Change
	}{
		{"start", "", at("aaaa", ""), v1alpha1.Change{Field: "bearer_token", Have: "…aaaa", Want: "a new token"}},
		{"complete", "nnnn", at("aaaa", "nnnn"), v1alpha1.Change{Field: "bearer_token", Have: "…aaaa", Want: "…nnnn"}},
		{"cancel", "", at("aaaa", "nnnn"), v1alpha1.Change{Field: "next_bearer_token", Have: "…nnnn", Want: ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := PlanOf(connection.State{Token: &connection.Token{NextLastFour: test.secret}}, test.have)
			Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{test.want})
		})
	}
}

func TestARotationThatWouldNotBeCancelledDoesNotKeepOneFromBeingStarted(t *testing.T) {
	want := connection.State{Token: &connection.Token{}}
	rotating := connection.State{New: true, Token: &connection.Token{LastFour: "aaaa", NextLastFour: "nnnn"}}
	cancel := PlanOf(want, rotating)
	held := connection.Repeated(cancel[0], PlanOf(want, rotating))
	if left, _ := connection.Withhold(cancel, held); len(left) > 0 {
		t.Fatalf("a cancellation that changed nothing is asked for again: %s", Story(left))
	}
	idle := connection.State{New: true, Token: &connection.Token{LastFour: "aaaa"}}
	left, hold := connection.Withhold(PlanOf(want, idle), held)
	Same(t, "what is left once the rotation is gone", Story(left), "StartRotation")
	Same(t, "what is held", hold, []v1alpha1.NotConverging(nil))
}
