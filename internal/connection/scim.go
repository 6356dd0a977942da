package connection

import (
	"maps"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// SCIM is what is thought about SCIM connections.
func SCIM() Kind[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	return Kind[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{
		API:     stytch.APISCIM,
		Common:  func(r stytch.SCIMConnection) stytch.Connection { return r.Connection },
		Rival:   func(*v1alpha1.SCIMConnection, stytch.SCIMConnection) bool { return true },
		Rivalry: "The organization already has a SCIM connection, and Stytch allows one",
		References: func(o *v1alpha1.SCIMConnection) []Reference {
			return []Reference{{Kind: KindSecret, Name: o.Spec.BearerToken.SecretName}}
		},
		Settings: scimSettings(),
		Want:     scimWant,
		Have: func(r stytch.SCIMConnection) State {
			return State{Token: &Token{
				LastFour: r.BearerTokenLastFour, NextLastFour: r.NextBearerTokenLastFour, BaseURL: r.BaseURL,
				ExpiresAt: r.BearerTokenExpiresAt.Truncate(time.Second), // as status has it, so that the two never disagree
			}}
		},
		Plan:     scimPlan,
		Problems: func(o *v1alpha1.SCIMConnection, want, have State) []Problem { return Decide(o, want, have).Problems },
		Rotating: func(o *v1alpha1.SCIMConnection, want, have State) (reason, message string) {
			d := Decide(o, want, have)
			return d.Rotating, d.Message
		},
		Creation: func(o *v1alpha1.SCIMConnection) stytch.Fields {
			return WithProvider(string(o.Spec.IdentityProvider))
		},
		Remember: func(o *v1alpha1.SCIMConnection, e Event[stytch.SCIMConnection]) {
			o.Status.BearerToken = tokenAfter(o, e)
		},
		Publish: func(o *v1alpha1.SCIMConnection, r stytch.SCIMConnection, want State) {
			o.Status.BaseURL, o.Status.Groups = r.BaseURL, want.Groups
		},
		Expiries: scimExpiries,
		Due:      scimDue,
	}
}

func scimSettings() []Setting[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	type o = *v1alpha1.SCIMConnection
	type r = stytch.SCIMConnection
	return []Setting[o, r]{
		ProviderSetting(func(o o) string { return string(o.Spec.IdentityProvider) }, func(r r) string { return r.IdentityProvider }),
		Field(fieldGroupRoles, TopicMapping,
			wantedSCIMRoles,
			func(r r) Value { return seenSCIMRoles(r.GroupImplicitRoles) }),
	}
}

// scimWant is the token as the Secret holds it, and what became of the groups that are given by name.
func scimWant(o *v1alpha1.SCIMConnection, in Inputs) (State, []Problem) {
	token, problems := tokenInSecret(o, in.ID, in.Secrets[o.Spec.BearerToken.SecretName])
	want := State{Token: token}
	if wantsGroups(o, in) {
		found := resolveGroups(o.Spec.GroupImplicitRoles, in.Groups)
		problems = append(problems, found.problems()...)
		want.Groups = found.status()
	}
	return want, problems
}

// scimPlan puts the token in order before anything else: a new connection keeps its mark, that is its provisional name, until its
// token is in the Secret.
func scimPlan(o *v1alpha1.SCIMConnection, want, have State) []Step {
	update := PlanUpdate(want, have)
	if want.Token == nil || have.Token == nil {
		return update
	}
	if have.New && want.Token.LastFour != have.Token.LastFour {
		settings := maps.Clone(want.Settings)
		delete(settings, FieldDisplayName)
		want.Settings = settings
		update = PlanUpdate(want, have)
	}
	if step := Decide(o, want, have).Step; step != nil {
		return append([]Step{*step}, update...)
	}
	return update
}
