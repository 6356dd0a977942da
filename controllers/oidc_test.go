package controllers

import (
	"context"
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

const issuer = "https://login.example.com/tenant"

// oidc is a manifest whose issuer is discovered, and its client secret.
func (w *world) oidc(name string) *v1alpha1.OIDCConnection {
	GinkgoHelper()
	w.publishIssuer(issuer, "https://login.example.com")
	w.create(w.secret(name+"-client", map[string]string{"secret": "client-secret-of-" + name}))
	return &v1alpha1.OIDCConnection{ObjectMeta: w.meta(name), Spec: v1alpha1.OIDCConnectionSpec{
		ConnectionSpec:   v1alpha1.ConnectionSpec{Organization: w.acme.ID, DisplayName: "Entra of " + name},
		IdentityProvider: "microsoft-entra",
		ClientID:         "client-of-" + name,
		ClientSecretRef:  &v1alpha1.SecretKeyRef{Name: name + "-client", Key: "secret"},
		Issuer:           issuer,
		CustomScopes:     []string{"openid", "profile", "groups"},
		AttributeMapping: map[string]v1alpha1.Attribute{"department": "dept"},
	}}
}

// publishIssuer makes an issuer's discovery document readable, without some of the fields of an update.
func (w *world) publishIssuer(issuer, root string, lacking ...string) {
	GinkgoHelper()
	of := func(field, path string) string {
		if slices.Contains(lacking, field) {
			return ""
		}
		return root + path
	}
	Expect(w.sim.AddDocument(stytchsim.Document{
		URL:                   issuer + "/.well-known/openid-configuration",
		AuthorizationEndpoint: of("authorization_url", "/authorize"), TokenEndpoint: of("token_url", "/token"),
		UserinfoEndpoint: of("userinfo_url", "/userinfo"), JWKSURI: of("jwks_url", "/keys"),
	})).To(Succeed())
}

// lateIssuer is an issuer whose document cannot be read before it is published.
const lateIssuer = "https://late.example.com/tenant"

// unread is a manifest whose issuer's document could not be read.
func (w *world) unread() *v1alpha1.OIDCConnection {
	GinkgoHelper()
	o := w.oidc("entra")
	o.Spec.Issuer = lateIssuer
	w.create(o)
	w.start().rest(o)
	w.reload(o)
	return o
}

// retryDiscovery asks for the document to be read again.
func (w *world) retryDiscovery(o *v1alpha1.OIDCConnection, request string) {
	GinkgoHelper()
	w.annotate(o, v1alpha1.AnnotationRetryDiscovery, request)
}

// holdRetry has a process ask for the document to be read again, and give up on its first request, which is held on the wire and takes
// effect when it is released.
func (w *world) holdRetry(p *process, o *v1alpha1.OIDCConnection) (release func()) {
	GinkgoHelper()
	w.retryDiscovery(o, "once")
	seq, h := w.seq(), w.hold("UpdateOIDCConnection")
	p.life.givesUp = h.arrived
	p.pass(o)
	p.life.givesUp = nil
	Expect(w.sentSince(seq)).To(Equal([][]string{{"issuer"}}))
	return func() {
		GinkgoHelper()
		h.release()
		Eventually(h.ended).Should(Receive())
		Expect(w.field(o, "issuer")).To(Equal(lateIssuer + "/"))
	}
}

// expectRetried says that Stytch has the issuer as it is in the manifest, what its document says now, and nothing left to do.
func (w *world) expectRetried(o *v1alpha1.OIDCConnection) {
	GinkgoHelper()
	w.expectKept(o)
	Expect(w.field(o, "issuer")).To(Equal(lateIssuer))
	Expect(w.field(o, "token_url")).To(Equal("https://late.example.com/token"))
	Expect(o.Status.Discovered.TokenURL).To(Equal("https://late.example.com/token"))
	Expect(o.Status.LastHandledRetryDiscovery).To(Equal("once"))
	Expect(o.Status.Discovering).To(BeNil())
}

// setEndpoint sets one of the URLs of a manifest.
func setEndpoint(o *v1alpha1.OIDCConnection, name, url string) {
	GinkgoHelper()
	field, known := map[string]*string{
		"authorizationURL": &o.Spec.AuthorizationURL, "tokenURL": &o.Spec.TokenURL, "userinfoURL": &o.Spec.UserinfoURL, "jwksURL": &o.Spec.JWKSURL,
	}[name]
	Expect(known).To(BeTrue())
	*field = url
}

// field is a field of a connection as Stytch keeps it.
func (w *world) field(o v1alpha1.Connection, name string) any {
	GinkgoHelper()
	remote, found := w.sim.Connection(o.CommonStatus().ConnectionID)
	Expect(found).To(BeTrue())
	return remote.Fields[name]
}

// sentSince are the fields of the calls since a part of the journal that changed something.
func (w *world) sentSince(seq int) [][]string {
	var sent [][]string
	for _, call := range w.callsSince(seq) {
		if call.Method != http.MethodGet {
			sent = append(sent, call.Fields)
		}
	}
	return sent
}

var _ = Describe("An OIDCConnection", func() {
	It("is created, discovered, configured and then left in peace", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.oidc("entra")
		w.create(o)
		p := w.start()
		got := p.expectPass(o, "GET /v1/b2b/sso/organization", "POST /v1/b2b/sso/oidc/organization", "PUT /v1/b2b/sso/oidc/organization/connections/oidc-connection")
		Expect(got.writes).To(HaveLen(4), "one of them is the record of what was discovered")
		w.expectKept(o)
		Expect(o.Status.RedirectURL).NotTo(BeEmpty())
		Expect(o.Status.Discovered).To(Equal(&v1alpha1.DiscoveredStatus{
			Issuer: issuer, AuthorizationURL: "https://login.example.com/authorize", TokenURL: "https://login.example.com/token",
			UserinfoURL: "https://login.example.com/userinfo", JWKSURL: "https://login.example.com/keys",
		}))
		p.expectQuiet(o)
		w.start().expectQuiet(o)
	})

	It("is pointed back at the endpoints that were discovered when somebody points it elsewhere at Stytch", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.oidc("entra")
		w.settled(o)
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"token_url": "https://attacker.example.net/token"})
		Expect(err).NotTo(HaveOccurred())
		p := w.start()
		p.pass(o)
		w.clock.advance(resync)
		seq := w.seq()
		p.settle(o)
		Expect(w.sentSince(seq)).To(Equal([][]string{{"token_url"}}))
		Expect(w.field(o, "token_url")).To(Equal("https://login.example.com/token"))
		w.expectKept(o)
	})

	It("takes the endpoints of another issuer, and of none that it was not told", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.oidc("entra")
		w.settled(o)
		w.publishIssuer("https://new.example.com", "https://new.example.com")
		edit(w, o, func(o *v1alpha1.OIDCConnection) {
			o.Spec.Issuer, o.Spec.JWKSURL = "https://new.example.com", "https://keys.example.com"
		})
		seq := w.seq()
		p := w.start()
		p.settle(o)
		Expect(w.sentSince(seq)).To(HaveLen(1))
		w.expectKept(o)
		Expect(w.field(o, "token_url")).To(Equal("https://new.example.com/token"))
		Expect(w.field(o, "jwks_url")).To(Equal("https://keys.example.com"))
		Expect(o.Status.Discovered.JWKSURL).To(BeEmpty())
	})

	It("says what to do when the discovery fails, once, and is whole again when the URLs are given", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.oidc("entra")
		o.Spec.Issuer = "https://unknown.example.com"
		w.create(o)
		p := w.start()
		p.rest(o)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDiscoveryFailed)
		Expect(message).To(And(ContainSubstring("does not try again for the same issuer"), ContainSubstring("set these fields in the manifest: authorizationURL, tokenURL, userinfoURL, jwksURL.")))
		Expect(w.eventReasons()).To(ContainElement(v1alpha1.ReasonDiscoveryFailed))
		Expect(w.field(o, "client_id")).To(Equal("client-of-entra"), "the other fields are applied")
		seq := w.seq()
		w.clock.advance(resync)
		p.rest(o)
		Expect(w.sentSince(seq)).To(BeEmpty(), "the same issuer is not sent again")
		edit(w, o, func(o *v1alpha1.OIDCConnection) {
			o.Spec.AuthorizationURL, o.Spec.TokenURL = "https://unknown.example.com/a", "https://unknown.example.com/t"
			o.Spec.UserinfoURL, o.Spec.JWKSURL = "https://unknown.example.com/u", "https://unknown.example.com/k"
		})
		p.settle(o)
		w.expectKept(o)
	})

	It("does not take the endpoints of the issuer before for those of an issuer that cannot be discovered", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.oidc("entra")
		w.settled(o)
		edit(w, o, func(o *v1alpha1.OIDCConnection) { o.Spec.Issuer = "https://unknown.example.com" })
		p := w.start()
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDiscoveryFailed)
		Expect(o.Status.Discovered.TokenURL).To(BeEmpty())
	})

	for _, endpoint := range []struct{ field, name string }{
		{"authorization_url", "authorizationURL"},
		{"token_url", "tokenURL"},
		{"userinfo_url", "userinfoURL"},
		{"jwks_url", "jwksURL"},
	} {
		It("does not keep the "+endpoint.name+" of the issuer before when the document of another issuer lacks it, and names it", func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.oidc("entra")
			w.settled(o)
			earlier := w.field(o, endpoint.field)
			w.publishIssuer("https://new.example.com", "https://new.example.com", endpoint.field)
			edit(w, o, func(o *v1alpha1.OIDCConnection) { o.Spec.Issuer = "https://new.example.com" })
			p := w.start()
			p.settle(o)
			w.expectKept(o)
			Expect(w.field(o, endpoint.field)).To(Equal(earlier), "Stytch keeps it")
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionTrue, v1alpha1.ReasonInSync)).To(
				ContainSubstring("These endpoints are not managed: " + endpoint.name + "."))

			_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{endpoint.field: "https://by.hand.example.com"})
			Expect(err).NotTo(HaveOccurred())
			w.clock.advance(resync)
			seq := w.seq()
			p.settle(o)
			Expect(w.sentSince(seq)).To(BeEmpty())

			edit(w, o, func(o *v1alpha1.OIDCConnection) { setEndpoint(o, endpoint.name, "https://mine.example.com") })
			p.settle(o)
			Expect(w.field(o, endpoint.field)).To(Equal("https://mine.example.com"))
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionTrue, v1alpha1.ReasonInSync)).To(Equal("Stytch matches the manifest."))
		})
	}

	It("has a document read again when that is asked for, once for each request", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.unread()
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDiscoveryFailed)).To(
			ContainSubstring("set a new value for the annotation " + v1alpha1.AnnotationRetryDiscovery))
		p := w.start()
		seq := w.seq()
		w.retryDiscovery(o, "too early")
		p.rest(o)
		Expect(w.sentSince(seq)).To(Equal([][]string{{"issuer"}, {"issuer"}}))
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDiscoveryFailed)
		Expect(o.Status.LastHandledRetryDiscovery).To(Equal("too early"))
		w.clock.advance(resync)
		p.rest(o)
		Expect(w.sentSince(seq)).To(HaveLen(2), "once for each request")

		w.publishIssuer(lateIssuer, "https://late.example.com")
		w.retryDiscovery(o, "again")
		p.settle(o)
		Expect(w.sentSince(seq)).To(HaveLen(4))
		w.expectKept(o)
		Expect(w.field(o, "issuer")).To(Equal(lateIssuer))
		Expect(o.Status.Discovered.TokenURL).To(Equal("https://late.example.com/token"))
		Expect(o.Status.LastHandledRetryDiscovery).To(Equal("again"))
		Expect(o.Status.Discovering).To(BeNil())
		Expect(w.eventReasons()).To(ContainElement("DiscoveryRetried"))

		w.retryDiscovery(o, "it is active now")
		p.settle(o)
		Expect(w.sentSince(seq)).To(HaveLen(4))
		w.reload(o)
		Expect(o.Status.LastHandledRetryDiscovery).To(Equal("it is active now"))
		p.expectQuiet(o)
	})

	It("has no document read again under Observe", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.unread()
		seq := w.seq()
		edit(w, o, func(o *v1alpha1.OIDCConnection) { o.Spec.Management = v1alpha1.ManagementObserve })
		w.retryDiscovery(o, "once")
		w.start().rest(o)
		Expect(w.sentSince(seq)).To(BeEmpty())
		w.reload(o)
		Expect(o.Status.LastHandledRetryDiscovery).To(BeEmpty())
	})

	It("has its own issuer in the end, wherever the process dies that has its document read again", func(ctx context.Context) {
		Expect(flow{
			name: "retry",
			arrange: func(w *world) v1alpha1.Connection {
				o := w.unread()
				w.publishIssuer(lateIssuer, "https://late.example.com")
				return o
			},
			ask:    func(w *world, o v1alpha1.Connection) { w.retryDiscovery(o.(*v1alpha1.OIDCConnection), "once") },
			expect: func(w *world, o v1alpha1.Connection) { w.expectRetried(o.(*v1alpha1.OIDCConnection)) },
		}.crash(ctx, 1)).To(BeNumerically(">=", 5), "list, write ahead, two updates, status")
	})

	It("has nothing sent for a retry while only one of its two turns is free", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.unread()
		w.publishIssuer(lateIssuer, "https://late.example.com")
		p := w.start()
		p.rest(o)
		allow := func(burst int32) {
			edit(w, w.project(), func(p *v1alpha1.StytchProject) {
				p.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 1, Burst: burst}
			})
			p.catchUp()
			p.check()
			w.clock.advance(10 * time.Second)
		}
		allow(2)
		w.retryDiscovery(o, "once")
		seq := w.seq()
		got := p.pass(o)
		Expect(got.calls).To(HaveLen(1), "the list takes one turn, and leaves one")
		Expect(w.sentSince(seq)).To(BeEmpty())
		Expect(got.writes).To(BeEmpty(), "nor is anything written down for what is not sent")
		Expect(got.result.RequeueAfter).To(BeNumerically("~", time.Second, 100*time.Millisecond))

		allow(3)
		p.settle(o)
		Expect(w.sentSince(seq)).To(Equal([][]string{{"issuer"}, {"issuer"}}))
		w.expectRetried(o)
	})

	It("has its own issuer in the end, although the retry's first request takes effect when its sender has given up", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.unread()
		w.publishIssuer(lateIssuer, "https://late.example.com")
		p := w.start()
		release := w.holdRetry(p, o)
		release()
		seq := w.seq()
		w.clock.advance(firstRetry)
		p.settle(o)
		Expect(w.sentSince(seq)).To(Equal([][]string{{"issuer"}}), "the issuer as it is, and it is seen that the other form was sent")
		w.expectRetried(o)
		p.expectQuiet(o)
	})

	It("has its own issuer in the end, although the retry's first request takes effect when the next process is done with it", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.unread()
		w.publishIssuer(lateIssuer, "https://late.example.com")
		release := w.holdRetry(w.start(), o)
		next := w.start()
		next.settle(o)
		w.expectRetried(o)
		release()
		seq := w.seq()
		w.clock.advance(resync)
		next.settle(o)
		Expect(w.sentSince(seq)).To(Equal([][]string{{"authorization_url", "issuer", "jwks_url", "token_url", "userinfo_url"}}))
		w.expectRetried(o)
		next.expectQuiet(o)
	})

	for _, shown := range []string{"plain", "masked", "empty"} {
		It("is sent a changed client secret once, and an untouched one never again, with the secret shown "+shown, func(ctx context.Context) {
			w := newWorld(ctx, func(s *stytchsim.Switches) { s.ClientSecret = shown })
			o := w.oidc("entra")
			w.settled(o)
			seq := w.seq()
			p := w.start()
			w.clock.advance(resync)
			p.settle(o)
			Expect(w.sentSince(seq)).To(BeEmpty())
			edit(w, w.secret("entra-client", nil), func(s *corev1.Secret) { s.Data["secret"] = []byte("another-client-secret") })
			p.settle(o)
			Expect(w.sentSince(seq)).To(Equal([][]string{{"client_secret"}}))
			w.clock.advance(resync)
			p.settle(o)
			w.start().settle(o)
			Expect(w.sentSince(seq)).To(HaveLen(1))
			w.expectKept(o)
		})
	}

	It("applies a client secret that changed while Stytch could not be reached, although Stytch does not show it", func(ctx context.Context) {
		w := newWorld(ctx, func(s *stytchsim.Switches) { s.ClientSecret = "masked" })
		o := w.oidc("entra")
		w.settled(o)
		edit(w, w.secret("entra-client", nil), func(s *corev1.Secret) { s.Data["secret"] = []byte("another-client-secret") })
		w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/sso/**", Status: http.StatusInternalServerError})
		p := w.start()
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonUnavailable)
		w.sim.RemoveFaults()
		seq := w.seq()
		p.settle(o)
		Expect(w.sentSince(seq)).To(Equal([][]string{{"client_secret"}}))
		w.expectKept(o)
	})
})
