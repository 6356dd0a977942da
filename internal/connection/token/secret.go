package token

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// InSecret reads what the token's Secret holds. One that is not this connection's is a problem, and is never written.
func InSecret(o *v1alpha1.SCIMConnection, id string, secret *corev1.Secret) (*connection.Token, []connection.Problem) {
	version := v1alpha1.Input{Kind: connection.KindSecret, Name: o.Spec.BearerToken.SecretName}
	if secret == nil {
		return &connection.Token{Edited: !slices.Contains(o.Status.Inputs, version)}, nil
	}
	if !Owns(secret, id, o) {
		return &connection.Token{Foreign: true}, []connection.Problem{{Reason: v1alpha1.ReasonInvalid, Message: ForeignMessage(secret.Name, id)}}
	}
	return &connection.Token{
		LastFour:     lastFour(secret.Data[v1alpha1.SecretKeyToken]),
		NextLastFour: lastFour(secret.Data[v1alpha1.SecretKeyNextToken]),
		BaseURL:      string(secret.Data[v1alpha1.SecretKeyBaseURL]),
		Edited:       !slices.Contains(o.Status.Inputs, connection.InputOf(connection.KindSecret, secret.ObjectMeta)),
		Immutable:    immutable(secret),
	}, nil
}

// lastFour are the last four characters of a token that stands in a Secret, maybe put there by a person.
func lastFour(data []byte) string {
	text, err := pki.ReadText(data)
	if err != nil {
		return ""
	}
	return stytch.Secret(text).LastFour()
}

// Owns says whether a token's Secret is that of a connection: labelled with its ID or with the mark of its creation, or
// released by another and empty.
func Owns(secret *corev1.Secret, id string, o *v1alpha1.SCIMConnection) bool {
	label := secret.Labels[v1alpha1.LabelConnection]
	switch label {
	case "":
		return false
	case v1alpha1.LabelReleased:
		return len(secret.Data) == 0
	default:
		return label == id || connection.IsMarkLabel(label, o)
	}
}

// Unstamped are the differences between the token's Secret, if it is there and the connection's, and the template of the manifest.
func Unstamped(o *v1alpha1.SCIMConnection, id string, secret *corev1.Secret) []connection.Change {
	if secret == nil || !Owns(secret, id, o) {
		return nil
	}
	return connection.Unstamped(fieldTemplate, o.Spec.BearerToken.SecretTemplate, &secret.ObjectMeta)
}

func immutable(secret *corev1.Secret) bool { return secret.Immutable != nil && *secret.Immutable }

// ImmutableMessage says that no token can be put into a Secret. What it holds may be the only copy of a token.
func ImmutableMessage(name string, holdsToken bool) string {
	if !holdsToken {
		return fmt.Sprintf("Secret %s is immutable, so no token can be stored in it. Delete the Secret.", name)
	}
	return fmt.Sprintf("Secret %s is immutable, so no token can be stored in it. It may contain the only copy of a token: save the Secret, delete it, and create it again with the same data and label but without immutable.", name)
}

// ForeignMessage says that a Secret in the place of a token's is left alone.
func ForeignMessage(name, id string) string {
	if id == "" {
		return fmt.Sprintf("Secret %s already exists and does not belong to this connection, so it is not changed. Delete it, or apply a new manifest that names another Secret.", name)
	}
	return fmt.Sprintf("Secret %s does not have the label of this connection, so it is not changed. If it contains this connection's token, set the label %s=%s. Otherwise, delete it.",
		name, v1alpha1.LabelConnection, id)
}
