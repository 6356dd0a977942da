package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

var _ = Describe("Credentials that are checked", func() {
	// checks has each StytchProject looked at once, and returns the calls.
	checks := func(p *process) []string {
		GinkgoHelper()
		p.catchUp()
		before := p.life.eventCount()
		p.check()
		calls, _ := p.life.since(before)
		return calls
	}
	whoami := []string{"GET /v1/debug/whoami"}

	It("are not asked about again where only their Secret was written, by however many StytchProjects that name it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.delete(w.project())
		for i := range 60 {
			project := w.project()
			project.Name = fmt.Sprintf("project-%02d", i)
			w.create(project)
		}
		p := w.start()
		Expect(checks(p)).To(HaveLen(10), "the checks of a namespace are paced")
		for range 50 {
			w.clock.advance(time.Second)
			Expect(checks(p)).To(Equal(whoami))
		}
		edit(w, w.secret("stytch", nil), func(s *corev1.Secret) { s.Annotations = map[string]string{"touched": "yes"} })
		Expect(checks(p)).To(BeEmpty())
		w.clock.advance(time.Minute)
		Expect(checks(p)).To(BeEmpty())
		o := w.saml("okta")
		o.Spec.ProjectRef.Name = "project-07"
		w.create(o)
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)

		edit(w, w.secret("stytch", nil), func(s *corev1.Secret) { s.Data["secret"] = []byte("secret-test-wrong") })
		Expect(checks(p)).To(HaveLen(10), "another secret is new")
	})

	It("are asked about again where Stytch rejected them since, or their StytchProject names another project", func(ctx context.Context) {
		w := newWorld(ctx)
		p := w.start()
		Expect(checks(p)).To(Equal(whoami))
		edit(w, w.project(), func(o *v1alpha1.StytchProject) { o.Spec.RateLimit.Burst = 5 })
		Expect(checks(p)).To(BeEmpty(), "a rate is no credential")
		p.projects.shared.recheck.add(client.ObjectKeyFromObject(w.project()))
		Expect(checks(p)).To(Equal(whoami))
	})

	It("slow nobody down once their StytchProject is gone, even where a pass opens its session late", func(ctx context.Context) {
		w := newWorld(ctx)
		slow := w.project()
		slow.Name, slow.Spec.RateLimit = "slow", &v1alpha1.RateLimit{RequestsPerSecond: 1, Burst: 1}
		w.create(slow)
		p := w.start()
		checks(p)
		w.delete(slow)
		checks(p)
		begun, shared := w.clock.Now(), p.projects.shared
		credentials := stytch.Credentials{BaseURL: w.url, ProjectID: stytchsim.DefaultProjectID, Secret: stytchsim.DefaultSecret}
		_, err := shared.putSession(ctx, slow, credentials, stytch.Member{}, nil)
		Expect(err).To(MatchError(errProjectUnchecked))
		for i := range 5 {
			o := w.saml(fmt.Sprint("okta-", i))
			w.create(o)
			p.settle(o)
		}
		Expect(w.clock.Now()).To(BeTemporally("<", begun.Add(time.Second)), "nobody had to wait")
	})

	It("are said to be short of turns while drift checks come late, and no longer than that", func(ctx context.Context) {
		w := newWorld(ctx)
		edit(w, w.project(), func(o *v1alpha1.StytchProject) {
			o.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 1, Burst: 1}
		})
		p := w.start()
		checks(p)
		project := w.project()
		says := func() string {
			checks(p)
			w.reload(project)
			return meta.FindStatusCondition(project.Status.Conditions, v1alpha1.ConditionReady).Message
		}
		Expect(says()).To(Equal("Stytch accepts the credentials."))
		known, _ := p.projects.shared.knownSession(project)
		for i := range int(resync.Seconds()) + 100 {
			_, _ = known.stytch.Caller("other", "uid", stytch.Drift).SSO(ctx, fmt.Sprint("organization-", i), w.clock.Now())
		}
		Expect(says()).To(Equal("Stytch accepts the credentials."))
		w.clock.advance(resync + time.Second)
		Expect(says()).To(HavePrefix("Stytch accepts the credentials. Drift checks come later than the resync interval asks for"))
		w.clock.advance(resync)
		o := w.saml("okta")
		w.create(o)
		p.settle(o)
		Expect(says()).To(Equal("Stytch accepts the credentials."))
	})
})

var _ = Describe("An edit that waits for its turn", func() {
	It("does not wait for another list where a slot begins meanwhile", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		w.reload(o)
		edit(w, w.project(), func(p *v1alpha1.StytchProject) {
			p.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 1, Burst: 1}
		})
		slots := connection.SlotsOf(resync, stytchsim.DefaultProjectID, w.acme.ID, string(stytch.APISSO))
		w.clock.advance(slots.Next(w.clock.Now()).Sub(w.clock.Now()) - 500*time.Millisecond)
		p := w.start() // which has no list yet
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		first := p.pass(o)
		Expect(first.calls).To(ContainElement(ContainSubstring("GET /v1/b2b/sso/")))
		Expect(first.calls).NotTo(ContainElement(ContainSubstring("PUT")))
		w.clock.advance(first.result.RequeueAfter)
		Expect(slots.Start(w.clock.Now())).To(BeTemporally(">", w.clock.Now().Add(-resync/2)), "a slot has begun")
		p.expectPass(o, "PUT /v1/b2b/sso/saml/"+w.acme.ID+"/connections/"+o.Status.ConnectionID)
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		w.clock.advance(resync)
		Expect(p.pass(o).calls).To(ContainElement(ContainSubstring("GET /v1/b2b/sso/")), "drift is looked for as ever")
	})
})

var _ = Describe("Two namespaces of a ClusterStytchProject", func() {
	It("have their turns one after the other, however many edits the one has", func(ctx context.Context) {
		w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
			theirs := w.grant(w.partner.ID)
			theirs.Namespaces = []v1alpha1.GrantedNamespace{v1alpha1.GrantedNamespace(w.shared.other)}
			return []v1alpha1.Grant{w.grant(w.acme.ID), theirs}
		})
		p := w.start()
		var crowd []v1alpha1.Connection
		for i := range 12 {
			crowd = append(crowd, w.of(w.saml(fmt.Sprint("okta-", i)), w.acme.ID))
		}
		calm := w.of(w.saml("calm"), w.partner.ID)
		calm.SetNamespace(w.shared.other)
		for _, o := range slices.Concat(crowd, []v1alpha1.Connection{calm}) {
			w.create(o)
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		}

		edit(w, w.clusterProject(), func(o *v1alpha1.ClusterStytchProject) {
			o.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 1, Burst: 1}
		})
		for _, o := range slices.Concat(crowd, []v1alpha1.Connection{calm}) {
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DisplayName += ", renamed" })
		}
		p.catchUp()
		p.check()
		p.catchUp()
		var last time.Duration
		for _, o := range crowd {
			last = max(last, p.again(o).result.RequeueAfter)
		}
		Expect(last).To(BeNumerically(">", 9*time.Second), "the crowd has to wait for itself")
		begun := w.clock.Now()
		for got := p.again(calm); got.result.RequeueAfter > 0 && len(got.calls) == 0; got = p.again(calm) {
			w.clock.advance(got.result.RequeueAfter)
		}
		Expect(w.clock.Now().Sub(begun)).To(BeNumerically("<", 4*time.Second))
		remote, _ := w.sim.Connection(calm.CommonStatus().ConnectionID)
		Expect(remote.DisplayName).To(HaveSuffix(", renamed"))
	})
})
