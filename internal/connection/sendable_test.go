package connection_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestASecretIsSentOnlyIfItIsMeantForThat(t *testing.T) {
	labelled := map[string]string{v1alpha1.LabelMayBeSent: "true"}
	for _, c := range []struct {
		name                string
		of                  corev1.SecretType
		labels              map[string]string
		ofProject, required bool
		want                bool
	}{
		{"Opaque", corev1.SecretTypeOpaque, nil, false, false, true},
		{"without a type", "", nil, false, false, true},
		{"TLS", corev1.SecretTypeTLS, nil, false, false, true},
		{"basic-auth", corev1.SecretTypeBasicAuth, nil, false, false, true},
		{"ssh-auth", corev1.SecretTypeSSHAuth, nil, false, false, true},
		{"a service account's token", corev1.SecretTypeServiceAccountToken, nil, false, false, false},
		{"a registry's password", corev1.SecretTypeDockerConfigJson, nil, false, false, false},
		{"a bootstrap token", "bootstrap.kubernetes.io/token", nil, false, false, false},
		{"a release of Helm", "helm.sh/release.v1", nil, false, false, false},
		{"a type that others made up", "example.com/whatever", nil, false, false, false},
		{"another connection's token", corev1.SecretTypeOpaque, map[string]string{v1alpha1.LabelConnection: "scim-connection-live-1"}, false, false, false},
		{"a released token", corev1.SecretTypeOpaque, map[string]string{v1alpha1.LabelConnection: v1alpha1.LabelReleased}, false, false, false},
		{"a label of ours without a value", corev1.SecretTypeOpaque, map[string]string{v1alpha1.LabelConnection: ""}, false, false, false},
		{"the secret of a project", corev1.SecretTypeOpaque, nil, true, false, false},
		{"the secret of a project with the label", corev1.SecretTypeOpaque, labelled, true, true, false},
		{"a required label", corev1.SecretTypeOpaque, labelled, false, true, true},
		{"no required label", corev1.SecretTypeOpaque, nil, false, true, false},
		{"a required label that is off", corev1.SecretTypeOpaque, map[string]string{v1alpha1.LabelMayBeSent: "false"}, false, true, false},
		{"the label and another type", corev1.SecretTypeServiceAccountToken, labelled, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Labels: c.labels}, Type: c.of}
			Same(t, "may be sent", connection.Sendable(secret, c.ofProject, c.required), c.want)
		})
	}
}

func TestWhatMustNotBeSentIsNotReadEither(t *testing.T) {
	at := connection.SecretKey("spec.clientSecretRef", v1alpha1.SecretKeyRef{Name: "s", Key: "k"})
	in := connection.Inputs{Secrets: map[string]*corev1.Secret{"s": {Data: map[string][]byte{"k": []byte("value")}}}}
	value, problem := at.ReadToSend(in)
	Same(t, "the value", string(value), "value")
	Same(t, "a problem", problem != nil, false)
	in.Unsendable = map[string]bool{"s": true}
	value, problem = at.ReadToSend(in)
	Same(t, "the value", string(value), "")
	Same(t, "the reason", problem.Reason, v1alpha1.ReasonInvalid)
	Contains(t, problem.Message, "Secret s, referenced by spec.clientSecretRef, must not be sent to Stytch.")
	in.LabelRequired = true
	_, problem = at.ReadToSend(in)
	Contains(t, problem.Message, `must have the label connections.stytch-operator.dev/may-be-sent: "true" and the type Opaque, `, "StytchProjects. Store")
}
