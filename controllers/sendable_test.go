package controllers

import (
	"context"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// secretsSent are the fields of all calls that hold a client secret or a private key.
func (w *world) secretsSent() []string {
	var fields []string
	for _, c := range w.sim.Calls() {
		for _, field := range c.Fields {
			if field == "client_secret" || strings.Contains(field, "private_key") {
				fields = append(fields, field)
			}
		}
	}
	return slices.Compact(fields)
}

var _ = Describe("A Secret that a manifest names is sent to Stytch only if it is meant for that", func() {
	serviceAccountToken := func(w *world, data map[string]string) {
		secret := w.secret("value", data)
		secret.Type, secret.Annotations = corev1.SecretTypeServiceAccountToken, map[string]string{corev1.ServiceAccountNameKey: "default"}
		w.create(secret)
	}
	// secrets are made under the name "value", or are there already under the name that they return.
	secrets := map[string]func(w *world, data map[string]string) string{
		"a service account's token": func(w *world, data map[string]string) string { serviceAccountToken(w, data); return "value" },
		"the secret of the project": func(*world, map[string]string) string { return "stytch" },
		"the token of a connection": func(w *world, _ map[string]string) string {
			o := w.scim("directory")
			w.settled(o)
			return o.Spec.BearerToken.SecretName
		},
		"the session of a member": func(w *world, data map[string]string) string {
			w.create(w.secret("value", data))
			edit(w, w.project(), func(p *v1alpha1.StytchProject) {
				p.Spec.MemberSessionRef = &v1alpha1.SecretKeyRef{Name: "value", Key: "session"}
			})
			edit(w, w.secret("value", nil), func(s *corev1.Secret) { s.Data["session"] = []byte(w.memberOf(w.acme, asToken).session.Token) })
			return "value"
		},
		"of a type that others made up": func(w *world, data map[string]string) string {
			secret := w.secret("value", data)
			secret.Type = "example.com/whatever"
			w.create(secret)
			return "value"
		},
	}
	manifests := map[string]func(w *world, secret, key string) v1alpha1.Connection{
		"client secret": func(w *world, secret, key string) v1alpha1.Connection {
			o := w.oidc("entra")
			o.Spec.ClientSecretRef = &v1alpha1.SecretKeyRef{Name: secret, Key: key}
			return o
		},
		"signing key": func(w *world, secret, key string) v1alpha1.Connection {
			o := w.saml("okta")
			o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: secret, Key: key}
			return o
		},
		"encryption key": func(w *world, secret, key string) v1alpha1.Connection {
			o := w.saml("okta")
			o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: secret, Key: key}}
			return o
		},
	}
	for what, manifest := range manifests {
		for which, make := range secrets {
			It("and not "+which+" as a "+what, func(ctx context.Context) {
				w := newWorld(ctx)
				name, key := make(w, map[string]string{"secret": "a value that nobody may read"}), "secret"
				if which == "the token of a connection" {
					key = v1alpha1.SecretKeyToken
				}
				o := manifest(w, name, key)
				w.create(o)
				p := w.start()
				p.settle(o)
				message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)
				Expect(message).To(ContainSubstring("Secret " + name + ", referenced by spec."))
				Expect(message).To(ContainSubstring("must not be sent to Stytch"))
				w.clock.advance(resync)
				p.settle(o)
				Expect(w.secretsSent()).To(BeEmpty())
			})
		}
	}

	It("and with a label for that, where the operator requires one", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.oidc("entra")
		w.create(o)
		p := w.start()
		p.projects.shared.RequireSendLabel = true
		p.settle(o)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)
		Expect(message).To(ContainSubstring(v1alpha1.LabelMayBeSent))
		Expect(w.secretsSent()).To(BeEmpty())
		edit(w, &corev1.Secret{ObjectMeta: w.meta("entra-client")}, func(s *corev1.Secret) {
			metav1.SetMetaDataLabel(&s.ObjectMeta, v1alpha1.LabelMayBeSent, "true")
		})
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		Expect(w.secretsSent()).To(Equal([]string{"client_secret"}))
	})

	It("and one that becomes the secret of a project later is not sent again", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.oidc("entra")
		w.settled(o)
		project := w.project()
		project.Name, project.Spec.SecretRef.Name = "second", "entra-client"
		w.create(project)
		edit(w, &corev1.Secret{ObjectMeta: w.meta("entra-client")}, func(s *corev1.Secret) { s.Data["secret"] = []byte("another value") })
		before := len(w.sim.Calls())
		w.start().settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)
		for _, c := range w.sim.Calls()[before:] {
			Expect(c.Fields).NotTo(ContainElement("client_secret"))
		}
	})
})
