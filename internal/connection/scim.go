package connection

import (
	"fmt"
	"slices"
	"time"

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
		Rotating: scimRotating,
		Prepare:  scimPrepare,
		Learn:    scimLearn,
		Undo:     func(*v1alpha1.SCIMConnection, Step, string) *Step { return nil },
		Expiries: scimExpiries,
		Due:      scimDue,
	}
}

func scimWant(o *v1alpha1.SCIMConnection, id string, in Inputs) (State, []Problem) {
	s := Settings{}
	s.set(fieldIdentityProvider, o.Spec.IdentityProvider != "", Provider(string(o.Spec.IdentityProvider)))
	token, problems := tokenInSecret(o, id, in.Secrets[o.Spec.BearerToken.SecretName])
	token.Life = new(lifeOf(o, in.Now))
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
		Token: &Token{
			LastFour: r.BearerTokenLastFour, NextLastFour: r.NextBearerTokenLastFour, BaseURL: r.BaseURL,
			ExpiresAt: r.BearerTokenExpiresAt.Truncate(time.Second), // as status has it, so that the two never disagree
		},
	}
}

// tokenInSecret reads what the token's Secret holds. One that is not this connection's is a problem, and is never written.
func tokenInSecret(o *v1alpha1.SCIMConnection, id string, secret *corev1.Secret) (*Token, []Problem) {
	version := v1alpha1.Input{Kind: KindSecret, Name: o.Spec.BearerToken.SecretName}
	if secret == nil {
		return &Token{Edited: !slices.Contains(o.Status.Inputs, version)}, nil
	}
	if !OwnsSecret(secret, id, o.GetUID()) {
		return &Token{Foreign: true}, []Problem{{Reason: v1alpha1.ReasonInvalid, Message: ForeignSecret(secret.Name, id)}}
	}
	return &Token{
		LastFour:     stytch.Secret(secret.Data[v1alpha1.SecretKeyToken]).LastFour(),
		NextLastFour: stytch.Secret(secret.Data[v1alpha1.SecretKeyNextToken]).LastFour(),
		BaseURL:      string(secret.Data[v1alpha1.SecretKeyBaseURL]),
		Edited:       !slices.Contains(o.Status.Inputs, InputOf(KindSecret, secret.ObjectMeta)),
		Immutable:    immutable(secret),
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

func immutable(secret *corev1.Secret) bool { return secret.Immutable != nil && *secret.Immutable }

// ImmutableSecret says that no token can be put into a Secret. What it holds may be the only copy of a token.
func ImmutableSecret(name string, holdsToken bool) string {
	if !holdsToken {
		return fmt.Sprintf("Secret %s is immutable, so that no token can be put into it: delete it.", name)
	}
	return fmt.Sprintf("Secret %s is immutable, so that no token can be put into it, and it may hold the only copy of one: save it, delete it, and create it again with the same data and label and without immutable.", name)
}

// ForeignSecret says that a Secret in the place of a token's is left alone.
func ForeignSecret(name, id string) string {
	if id == "" {
		return fmt.Sprintf("Secret %s is there and is not this connection's, so it is left alone: delete it, or name another in a new manifest.", name)
	}
	return fmt.Sprintf("Secret %s is not labelled as this connection's, so it is left alone: if it holds this connection's token, label it %s=%s; otherwise delete it.",
		name, v1alpha1.LabelConnection, id)
}

// scimDoubts reports what is wrong with the token. A Secret that is not the connection's is reported already.
func scimDoubts(_ *v1alpha1.SCIMConnection, want, have State) []Problem {
	return judgeToken(want.Token, have.Token, have.New).problems
}
