package connection

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

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
			return []Reference{{KindSecret, o.Spec.BearerToken.SecretName}}
		},
		Want: scimWant,
		Have: scimHave,
		Creation: func(o *v1alpha1.SCIMConnection) stytch.Fields {
			return creationWithProvider(string(o.Spec.IdentityProvider))
		},
		Lacks:    func(stytch.SCIMConnection) []string { return nil },
		Publish:  scimPublish,
		Doubts:   scimDoubts,
		Prepare:  func(*v1alpha1.SCIMConnection, stytch.SCIMConnection, Step) bool { return false },
		Learn:    func(*v1alpha1.SCIMConnection, stytch.SCIMConnection, stytch.SCIMConnection, *Step) {},
		Undo:     func(*v1alpha1.SCIMConnection, Step, string) *Step { return nil },
		Expiries: scimExpiries,
	}
}

func scimWant(o *v1alpha1.SCIMConnection, id string, in Inputs) (State, []Problem) {
	s := Settings{}
	s.set(fieldIdentityProvider, o.Spec.IdentityProvider != "", Provider(string(o.Spec.IdentityProvider)))
	token, problems := tokenInSecret(o, id, in.Secrets[o.Spec.BearerToken.SecretName])
	want := State{Settings: s, Token: token, Now: in.Now}
	if o.Spec.GroupImplicitRoles != nil && id != "" { // there are no groups before there is a connection
		found := resolveGroups(o.Spec.GroupImplicitRoles, in.Groups)
		s.set(fieldGroupRoles, len(found.ambiguous) == 0, found.roles)
		problems = append(problems, found.problems()...)
		want.Groups = found.status()
	}
	return want, problems
}

func scimHave(r stytch.SCIMConnection) State {
	return State{
		Settings: Settings{
			fieldIdentityProvider: Provider(r.IdentityProvider),
			fieldGroupRoles: assignments(r.GroupImplicitRoles, func(g stytch.SCIMGroupRole) roleAssignment {
				return roleAssignment{RoleID: g.RoleID, GroupID: g.GroupID}
			}),
		},
		Token: &Token{LastFour: r.BearerTokenLastFour, NextLastFour: r.NextBearerTokenLastFour, BaseURL: r.BaseURL},
	}
}

// tokenInSecret reads what the token's Secret holds. One that is not this connection's is a problem, and is never written.
func tokenInSecret(o *v1alpha1.SCIMConnection, id string, secret *corev1.Secret) (*Token, []Problem) {
	if secret == nil {
		return &Token{}, nil
	}
	if !OwnsSecret(secret, id, o.GetUID()) {
		return &Token{Foreign: true}, []Problem{{Reason: v1alpha1.ReasonInvalid, Message: ForeignSecret(secret.Name, id)}}
	}
	return &Token{
		LastFour: stytch.Secret(secret.Data[v1alpha1.SecretKeyToken]).LastFour(),
		BaseURL:  string(secret.Data[v1alpha1.SecretKeyBaseURL]),
	}, nil
}

// OwnsSecret says whether a token's Secret is that of a connection: labelled with its ID or with the mark of its creation, or
// released by another and empty.
func OwnsSecret(secret *corev1.Secret, id string, uid types.UID) bool {
	label := secret.Labels[v1alpha1.LabelConnection]
	switch label {
	case "":
		return false
	case v1alpha1.LabelReleased:
		return len(secret.Data) == 0
	default:
		return label == id || label == MarkLabel(uid)
	}
}

// ForeignSecret says that a Secret in the place of a token's is left alone.
func ForeignSecret(name, id string) string {
	if id == "" {
		return fmt.Sprintf("Secret %s is there and is not this connection's, so it is left alone: delete it, or name another in a new manifest.", name)
	}
	return fmt.Sprintf("Secret %s is not labelled as this connection's, so it is left alone: if it holds this connection's token, label it %s=%s; otherwise delete it.",
		name, v1alpha1.LabelConnection, id)
}

func scimPublish(o *v1alpha1.SCIMConnection, r stytch.SCIMConnection, want State) {
	o.Status.BaseURL, o.Status.Groups = r.BaseURL, want.Groups
	token := &v1alpha1.SCIMBearerTokenStatus{LastFour: r.BearerTokenLastFour, ExpiresAt: expiry(r.BearerTokenExpiresAt)}
	if kept(o) || (want.Token != nil && want.Token.LastFour == r.BearerTokenLastFour) {
		token.SecretName = o.Spec.BearerToken.SecretName
	}
	o.Status.BearerToken = token
}

func scimExpiries(o *v1alpha1.SCIMConnection) []Expiry {
	token := o.Status.BearerToken
	if token == nil {
		return nil
	}
	return ends(nil, token.ExpiresAt, Expiry{
		What: "bearer_token", Name: "The bearer token that ends in " + token.LastFour,
		Advice: "rotate it at Stytch and put the new one into the Secret, or users and groups are not provisioned any more",
	})
}

// kept says that the Secret held the token once.
func kept(o *v1alpha1.SCIMConnection) bool {
	return o.Status.BearerToken != nil && o.Status.BearerToken.SecretName != ""
}

// scimDoubts reports a token that the Secret does not hold. Of a connection that was taken over it cannot be known, which
// keeps nothing from working; where the Secret held it once, somebody has to put it back.
func scimDoubts(o *v1alpha1.SCIMConnection, want, have State) []Problem {
	if want.Token == nil || want.Token.Foreign || have.New || want.Token.LastFour == have.Token.LastFour {
		return nil
	}
	problem := Problem{Message: fmt.Sprintf(
		"Secret %s does not hold the connection's token, which ends in %s and which Stytch shows only once: put it there as %s, in a Secret labelled %s=%s.",
		o.Spec.BearerToken.SecretName, have.Token.LastFour, v1alpha1.SecretKeyToken, v1alpha1.LabelConnection, cmp.Or(o.Status.ConnectionID, o.Spec.ConnectionID))}
	if kept(o) {
		problem.Reason = v1alpha1.ReasonInputMissing
	}
	return []Problem{problem}
}
