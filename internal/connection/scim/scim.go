package scim

import (
	"maps"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// SCIM is what is thought about SCIM connections.
func Kind() connection.Kind[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	return connection.Kind[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{
		API:     stytch.APISCIM,
		Common:  func(r stytch.SCIMConnection) stytch.Connection { return r.Connection },
		Rival:   func(*v1alpha1.SCIMConnection, stytch.SCIMConnection) bool { return true },
		Rivalry: "The organization already has a SCIM connection, and Stytch allows one",
		References: func(o *v1alpha1.SCIMConnection) []connection.Reference {
			return []connection.Reference{{Kind: connection.KindSecret, Name: o.Spec.BearerToken.SecretName}}
		},
		Settings: settings(),
		Want:     wantState,
		Have: func(r stytch.SCIMConnection) connection.State {
			return connection.State{Token: &connection.Token{
				LastFour: r.BearerTokenLastFour, NextLastFour: r.NextBearerTokenLastFour, BaseURL: r.BaseURL,
				ExpiresAt: r.BearerTokenExpiresAt.Truncate(time.Second), // as status has it, so that the two never disagree
			}}
		},
		Plan: plan,
		Problems: func(o *v1alpha1.SCIMConnection, want, have connection.State) []connection.Problem {
			return token.Decide(o, want, have).Problems
		},
		Rotating: func(o *v1alpha1.SCIMConnection, want, have connection.State) (reason, message string) {
			d := token.Decide(o, want, have)
			return d.Rotating, d.Message
		},
		Creation: func(o *v1alpha1.SCIMConnection) stytch.Fields {
			return connection.WithProvider(string(o.Spec.IdentityProvider))
		},
		Remember: func(o *v1alpha1.SCIMConnection, e connection.Event[stytch.SCIMConnection]) {
			o.Status.BearerToken = token.StatusAfter(o, e)
		},
		Publish: func(o *v1alpha1.SCIMConnection, r stytch.SCIMConnection, want connection.State) {
			o.Status.BaseURL, o.Status.Groups = r.BaseURL, want.Groups
		},
		Expiries: token.Expiries,
		Due:      token.Due,
	}
}

func settings() []connection.Setting[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	type o = *v1alpha1.SCIMConnection
	type r = stytch.SCIMConnection
	return []connection.Setting[o, r]{
		connection.ProviderSetting(func(o o) string { return string(o.Spec.IdentityProvider) }, func(r r) string { return r.IdentityProvider }),
		connection.Field(fieldGroupRoles, connection.TopicMapping,
			wantedRoles,
			func(r r) connection.Value { return seenRoles(r.GroupImplicitRoles) }),
	}
}

// scimWant is the token as the Secret holds it, and what became of the groups that are given by name.
func wantState(o *v1alpha1.SCIMConnection, in connection.Inputs) (connection.State, []connection.Problem) {
	bearer, problems := token.InSecret(o, in.ID, in.Secrets[o.Spec.BearerToken.SecretName])
	want := connection.State{Token: bearer}
	if wantsGroups(o, in) {
		found := resolveGroups(o.Spec.GroupImplicitRoles, in.Groups)
		problems = append(problems, found.problems()...)
		want.Groups = found.status()
	}
	return want, problems
}

// scimPlan puts the token in order before anything else: a new connection keeps its mark, that is its provisional name, until its
// token is in the Secret.
func plan(o *v1alpha1.SCIMConnection, want, have connection.State) []connection.Step {
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
