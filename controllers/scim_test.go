package controllers

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func (w *world) scim(name string) *v1alpha1.SCIMConnection {
	GinkgoHelper()
	return &v1alpha1.SCIMConnection{ObjectMeta: w.meta(name), Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec:   v1alpha1.ConnectionSpec{Organization: w.acme.ID, DisplayName: "Directory"},
		IdentityProvider: "okta",
		BearerToken:      v1alpha1.SCIMBearerToken{SecretName: name + "-token"},
	}}
}

// tokenSecret is the Secret of a connection's token.
func (w *world) tokenSecret(o *v1alpha1.SCIMConnection) *corev1.Secret {
	GinkgoHelper()
	secret := &corev1.Secret{ObjectMeta: w.meta(o.Spec.BearerToken.SecretName)}
	w.reload(secret)
	return secret
}

// expectToken expects the Secret to hold the token that Stytch accepts.
func (w *world) expectToken(o *v1alpha1.SCIMConnection) {
	GinkgoHelper()
	w.reload(o)
	secret := w.tokenSecret(o)
	verdict := w.sim.VerifyToken(o.Status.ConnectionID, string(secret.Data[v1alpha1.SecretKeyToken]))
	Expect(verdict).To(Equal(stytchsim.Verdict{Accepted: true, Which: "current"}))
	Expect(secret.Labels).To(HaveKeyWithValue(v1alpha1.LabelConnection, o.Status.ConnectionID))
	Expect(string(secret.Data[v1alpha1.SecretKeyBaseURL])).To(Equal(o.Status.BaseURL))
	token := string(secret.Data[v1alpha1.SecretKeyToken])
	Expect(o.Status.BearerToken.LastFour).To(Equal(token[len(token)-4:]))
}

var _ = Describe("A SCIMConnection", func() {
	It("is created with its token in the Secret, and then left in peace", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.create(o)
		p := w.start()
		got := p.expectPass(o, "GET /v1/b2b/scim/organization/connection", "POST /v1/b2b/scim/organization/connection", "PUT /v1/b2b/scim/organization/connection/scim-connection")
		Expect(got.writes).To(HaveLen(5))
		w.expectToken(o)
		Expect(isTrue(o, v1alpha1.ConditionReady)).To(BeTrue(), "%+v", o.Status)
		Expect(o.Status.BearerToken.ExpiresAt).NotTo(BeNil())
		p.expectQuiet(o)
		w.start().expectQuiet(o)
	})
})
