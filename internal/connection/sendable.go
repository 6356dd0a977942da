package connection

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// sendableTypes are the types of Secrets whose values may be sent to Stytch. Kubernetes gives an absent type as Opaque.
var sendableTypes = []corev1.SecretType{ //nolint:gochecknoglobals // Go has no constants of this type
	"", corev1.SecretTypeOpaque, corev1.SecretTypeTLS, corev1.SecretTypeBasicAuth, corev1.SecretTypeSSHAuth,
}

// Sendable says whether a value of a Secret may be sent to Stytch for a manifest that names it. Whoever can write the manifest need not be
// allowed to read the Secret, and can have what is sent delivered to an endpoint of his own. OfProject says that it is the Secret of a
// StytchProject, or in the namespace of those of ClusterStytchProjects, and requireLabel that a Secret has to be labelled for this.
func Sendable(secret *corev1.Secret, ofProject, requireLabel bool) bool {
	_, ours := secret.Labels[v1alpha1.LabelConnection]
	labelled := secret.Labels[v1alpha1.LabelMayBeSent] == "true"
	return slices.Contains(sendableTypes, secret.Type) && !ours && !ofProject && (labelled || !requireLabel)
}

// ReadToSend is what stands under the entry's key, if it may be sent to Stytch, or what is wrong with it. It is the same problem whatever
// the Secret is, so that nobody learns of a Secret what he cannot read.
func (i KeyRef) ReadToSend(in Inputs) ([]byte, *Problem) {
	if !in.Unsendable[i.Name] {
		return i.Read(in)
	}
	label := ""
	if in.LabelRequired {
		label = fmt.Sprintf(`the label %s: "true" and `, v1alpha1.LabelMayBeSent)
	}
	return nil, &Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
		"Secret %s, referenced by %s, must not be sent to Stytch. Such a Secret must have %sthe type Opaque, kubernetes.io/tls, kubernetes.io/basic-auth or kubernetes.io/ssh-auth, "+
			"must not be the Secret of a StytchProject or of a token that the operator stored, and must not be in the namespace of the Secrets of ClusterStytchProjects. Store the value in another Secret, or fix this one.", i.Name, i.Path, label)}
}
