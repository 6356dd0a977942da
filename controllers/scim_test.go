package controllers

import (
	"context"
	"net/http"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
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
	Expect(verdict).To(Equal(stytchsim.TokenCheck{Accepted: true, Which: "current"}))
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

	It("asks for no token while a Secret that is not its own stands in the place, and leaves that alone", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		foreign := w.secret(o.Spec.BearerToken.SecretName, map[string]string{"token": "somebody else's token"})
		w.create(foreign)
		w.create(o)
		p := w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(ContainSubstring("does not belong to this connection, so it is not changed. Delete it"))
		Expect(w.made()).To(BeEmpty())
		before := foreign.ResourceVersion
		w.reload(foreign)
		Expect(foreign.ResourceVersion).To(Equal(before))
		w.delete(foreign)
		p.settle(o)
		w.expectKept(o)
	})

	It("asks for no token while its Secret cannot be written", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.create(o)
		immutable := w.secret(o.Spec.BearerToken.SecretName, nil)
		immutable.Labels = map[string]string{v1alpha1.LabelConnection: connection.MarkLabel(connection.UIDMark(o.UID))}
		immutable.Immutable = new(true)
		w.create(immutable)
		p := w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(ContainSubstring("is immutable"))
		Expect(w.made()).To(BeEmpty())
		w.delete(immutable)
		p.settle(o)
		w.expectKept(o)
	})

	It("says so when the Secret of its token is deleted, and is whole again once the token is put back", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		secret := w.tokenSecret(o)
		w.delete(secret)
		p := w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring("does not contain the connection's token (ending in"))
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		edit(w, w.tokenSecret(o), func(s *corev1.Secret) { s.Data[v1alpha1.SecretKeyToken] = secret.Data[v1alpha1.SecretKeyToken] })
		p.settle(o)
		w.expectKept(o)
	})

	It("that was taken over is ready without its token, says what is missing, and takes the token when it is supplied", func(ctx context.Context) {
		w := newWorld(ctx)
		byHand := w.scim("by-hand")
		w.settled(byHand)
		token := w.tokenSecret(byHand).Data[v1alpha1.SecretKeyToken]
		w.delete(byHand)
		p := w.start()
		p.settle(byHand)

		o := w.scim("taken")
		o.Spec.ConnectionID = byHand.Status.ConnectionID
		w.create(o)
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(ContainSubstring("Secret taken-token does not contain the connection's token"))
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		supplied := w.secret("taken-token", map[string]string{v1alpha1.SecretKeyToken: string(token)})
		supplied.Labels = map[string]string{v1alpha1.LabelConnection: o.Status.ConnectionID}
		w.create(supplied)
		p.settle(o)
		w.expectKept(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(Equal("Stytch matches the manifest."))
	})

	// Or each try would be news of the Secret, and wake the next.
	It("proves once that its Secret can be written, however often what follows fails", func(ctx context.Context) {
		for _, operation := range []string{"CreateSCIMConnection", "StartSCIMTokenRotation", "CompleteSCIMTokenRotation"} {
			w := newWorld(ctx)
			var o *v1alpha1.SCIMConnection
			switch operation {
			case "CreateSCIMConnection":
				o = w.scim("directory")
				w.create(o)
			case "StartSCIMTokenRotation":
				o = w.settled(w.scim("directory")).(*v1alpha1.SCIMConnection)
				w.askForRotation(o, "")
			default:
				o = w.rotating()
				w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
			}
			w.fault(stytchsim.Fault{Operation: operation, Effect: stytchsim.FaultError, Status: http.StatusBadRequest, ErrorType: "planted"})
			p := w.start()
			tries, proofs := 0, 0
			for range 4 {
				got := p.pass(o)
				tries += len(slices.DeleteFunc(got.calls, func(call string) bool { return !strings.HasPrefix(call, "POST ") }))
				proofs += len(slices.DeleteFunc(got.writes, func(write string) bool { return !strings.Contains(write, "/secrets") }))
			}
			Expect([]int{tries, proofs}).To(Equal([]int{4, 1}), operation)
			w.sim.RemoveFaults()
			edit(w, w.tokenSecret(o), func(s *corev1.Secret) { s.Labels["somebody"] = "else" })
			got := p.pass(o)
			Expect(got.writes).To(ContainElement(HavePrefix("PATCH /api/v1/namespaces/"+w.namespace+"/secrets/")), "a proof of what somebody wrote since")
		}
	})

	It("takes a Secret that a deleted connection released", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.settled(o)
		w.delete(o)
		p := w.start()
		p.settle(o)
		again := w.scim("directory")
		w.create(again)
		p.settle(again)
		w.expectKept(again)
	})

	It("creates no second connection while Stytch's answers hold no token, and says so", func(ctx context.Context) {
		w := newWorld(ctx, func(s *stytchsim.Switches) { s.AnswerConnection = "absent" })
		o := w.scim("directory")
		w.create(o)
		p := w.start()
		for range 6 {
			p.pass(o)
			w.clock.advance(firstRetry)
		}
		Expect(w.made()).To(HaveLen(1))
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonUnavailable)
		w.sim.SetIntercept(nil)
		switches := w.sim.Switches()
		switches.AnswerConnection = "present"
		Expect(w.sim.SetSwitches(switches)).To(Succeed())
		p.settle(o)
		w.expectKept(o)
	})

	It("recovers its token from any two crashes in a row", func(ctx context.Context) {
		lost := flow{
			name: "recovery",
			arrange: func(w *world) v1alpha1.Connection {
				o := w.scim("directory")
				w.create(o)
				first := w.start()
				first.life.dieOnEvent("stytch POST ")
				first.pass(o)
				Expect(w.made()).To(HaveLen(1))
				return o
			},
			ask:    func(*world, v1alpha1.Connection) {},
			expect: func(w *world, o v1alpha1.Connection) { w.expectKept(o) },
		}
		Expect(lost.crash(ctx, 1)).To(BeNumerically(">=", 7), "list, record, prove, start, write the token, complete, put it in its place, rename, status")
	})
})
