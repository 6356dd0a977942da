package scim

import (
	"maps"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Short names: of what a manifest says, of what Stytch has, and of one setting of either.
type (
	manifest = *v1alpha1.SCIMConnection
	remote   = stytch.SCIMConnection
	value    = connection.Value
)

// Kind is how SCIM connections are decided about.
func Kind() connection.Kind[manifest, remote] {
	return connection.Kind[manifest, remote]{
		API:     stytch.APISCIM,
		Common:  func(r remote) stytch.Connection { return r.Connection },
		Rival:   func(manifest, remote) bool { return true },
		Rivalry: "The organization already has a SCIM connection, and Stytch allows only one",
		Bare:    func(_ manifest, r remote) bool { return len(r.GroupImplicitRoles) == 0 },
		References: func(o manifest) []connection.Reference {
			return []connection.Reference{{Kind: connection.KindSecret, Name: o.Spec.BearerToken.SecretName}}
		},
		Settings: settings(),
		Want:     wantState,
		Have: func(r remote) connection.State {
			return connection.State{Token: &connection.Token{
				LastFour: r.BearerTokenLastFour, NextLastFour: r.NextBearerTokenLastFour, BaseURL: r.BaseURL,
				ExpiresAt: r.BearerTokenExpiresAt.Truncate(time.Second), // as status has it, so that the two never disagree
			}}
		},
		Plan: plan,
		Problems: func(o manifest, want, have connection.State) []connection.Problem {
			return token.Decide(o, want, have).Problems
		},
		Rotating: func(o manifest, want, have connection.State) (reason, message string) {
			d := token.Decide(o, want, have)
			return d.Rotating, d.Message
		},
		Creation: func(o manifest) stytch.Fields {
			return connection.WithProvider(string(o.Spec.IdentityProvider))
		},
		Remember: func(o manifest, e connection.Event[remote]) {
			o.Status.BearerToken = token.StatusAfter(o, e)
		},
		Publish: func(o manifest, r remote, want connection.State) {
			o.Status.BaseURL, o.Status.Groups = r.BaseURL, want.Groups
		},
		Warnings: renamedGroups,
		Expiries: token.Expiries,
		Due:      token.Due,
		Settle:   connection.SettleTime,
	}
}

func settings() []connection.Setting[manifest, remote] {
	return []connection.Setting[manifest, remote]{
		connection.ProviderSetting(func(o manifest) string { return string(o.Spec.IdentityProvider) }, func(r remote) string { return r.IdentityProvider }),
		connection.FieldFrom(fieldGroupRoles, connection.TopicMapping,
			wantedRoles,
			func(r remote) value { return seenRoles(r.GroupImplicitRoles) }),
	}
}

// wantState is the token as the Secret holds it, and what became of the groups that are given by name.
func wantState(o manifest, in connection.Inputs) (connection.State, []connection.Problem) {
	secret := in.Secrets[o.Spec.BearerToken.SecretName]
	bearer, problems := token.InSecret(o, in.ID, secret)
	want := connection.State{Token: bearer, Unstamped: token.Unstamped(o, in.ID, secret)}
	if wantsGroups(o, in) {
		found := resolveGroups(o, in.Groups)
		problems = append(problems, found.problems()...)
		want.Groups = found.status()
	}
	return want, problems
}

// plan puts the token in order before anything else: a new connection keeps its mark, that is its provisional name, until its
// token is in the Secret. Labels and annotations of the Secret come last, in a write of their own: no token waits for them.
func plan(o manifest, want, have connection.State) []connection.Step {
	return append(planConnection(o, want, have), connection.PlanStamp(token.ApplyTemplate, want)...)
}

func planConnection(o manifest, want, have connection.State) []connection.Step {
	update := connection.PlanUpdate(want, have)
	if want.Token == nil || have.Token == nil {
		return update
	}
	if have.New && want.Token.LastFour != have.Token.LastFour {
		settings := maps.Clone(want.Settings)
		delete(settings, connection.FieldDisplayName)
		want.Settings = settings
		update = connection.PlanUpdate(want, have)
	}
	if step := token.Decide(o, want, have).Step; step != nil {
		return append([]connection.Step{*step}, update...)
	}
	return update
}
