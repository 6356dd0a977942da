package controllers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// flow is something that an operator is asked to do, during which it may die.
type flow struct {
	name string
	// switches that Stytch's unknowns stand at. Nil: where they stand by default.
	switches func(*stytchsim.Switches)
	// before the process starts that may die: returns the manifest.
	arrange func(w *world) v1alpha1.Connection
	// ask for it.
	ask func(w *world, o v1alpha1.Connection)
	// between says what becomes of what a process left when it died, before the next one starts. Nil: nothing.
	between func(w *world, o v1alpha1.Connection)
	// live takes the passes of a process until it rests. Nil: settle does.
	live func(w *world, p *process, o v1alpha1.Connection)
	// expect what must hold once a process has come to rest.
	expect func(w *world, o v1alpha1.Connection)
}

// settled makes a manifest whose connection is as it says.
func (w *world) settled(o v1alpha1.Connection) v1alpha1.Connection {
	GinkgoHelper()
	w.create(o)
	w.start().settle(o)
	w.expectKept(o)
	return o
}

// expectKept expects one connection of the manifest's, as it says, with its real name, and its token where one is due.
func (w *world) expectKept(o v1alpha1.Connection) {
	GinkgoHelper()
	w.reload(o)
	status := o.CommonStatus()
	Expect(isTrue(o, v1alpha1.ConditionReady)).To(BeTrue(), "%+v", status.Conditions)
	Expect(isTrue(o, v1alpha1.ConditionSynced)).To(BeTrue(), "%+v", status.Conditions)
	Expect(w.made()).To(ConsistOf(status.ConnectionID), "exactly one connection")
	remote, _ := w.sim.Connection(status.ConnectionID)
	Expect(remote.DisplayName).To(Equal(o.CommonSpec().DisplayName))
	if scim, isSCIM := o.(*v1alpha1.SCIMConnection); isSCIM {
		w.expectToken(scim)
	}
}

// made are the connections that acme has.
func (w *world) made() []string {
	ids := []string{}
	for _, c := range w.sim.Connections(w.acme.ID) {
		ids = append(ids, c.ID)
	}
	return ids
}

func creation(manifest func(w *world) v1alpha1.Connection) flow {
	return flow{
		name:    "creation",
		arrange: manifest,
		ask:     func(w *world, o v1alpha1.Connection) { w.create(o) },
		expect:  func(w *world, o v1alpha1.Connection) { w.expectKept(o) },
	}
}

func update(manifest func(w *world) v1alpha1.Connection, change func(o v1alpha1.Connection)) flow {
	return flow{
		name:    "update",
		arrange: func(w *world) v1alpha1.Connection { return w.settled(manifest(w)) },
		ask:     func(w *world, o v1alpha1.Connection) { edit(w, o, change) },
		expect:  func(w *world, o v1alpha1.Connection) { w.expectKept(o) },
	}
}

func deletion(manifest func(w *world) v1alpha1.Connection) flow {
	return flow{
		name: "deletion",
		arrange: func(w *world) v1alpha1.Connection {
			o := manifest(w)
			o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			return w.settled(o)
		},
		ask: func(w *world, o v1alpha1.Connection) { w.delete(o) },
		expect: func(w *world, o v1alpha1.Connection) {
			Expect(w.exists(o)).To(BeFalse(), "the manifest is still there: %+v", o.CommonStatus())
			Expect(w.made()).To(BeEmpty())
			if scim, isSCIM := o.(*v1alpha1.SCIMConnection); isSCIM {
				secret := &corev1.Secret{ObjectMeta: w.meta(scim.Spec.BearerToken.SecretName)}
				w.reload(secret)
				Expect(secret.Data).To(BeEmpty())
				Expect(secret.Labels).To(HaveKeyWithValue(v1alpha1.LabelConnection, v1alpha1.LabelReleased))
			}
		},
	}
}

// unwanted is a flow in which a manifest is deleted, under Delete, once the process that created its connection is dead.
func unwanted(manifest func(w *world) v1alpha1.Connection) flow {
	return flow{
		name: "creation of one that is deleted then",
		arrange: func(w *world) v1alpha1.Connection {
			o := manifest(w)
			o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			return o
		},
		ask:     func(w *world, o v1alpha1.Connection) { w.create(o) },
		between: func(w *world, o v1alpha1.Connection) { w.delete(o) },
		expect: func(w *world, o v1alpha1.Connection) {
			if w.exists(o) { // nothing died
				w.expectKept(o)
			} else {
				Expect(w.made()).To(BeEmpty())
			}
		},
	}
}

// death of a process: at its n-th call or write, before or after the effect of that.
type death struct {
	n     int
	after bool
}

// run lets processes do what is asked, each dying its death, and then one that lives until it rests. It returns how many calls
// and writes that one made.
func (f flow) run(ctx context.Context, deaths ...death) int {
	GinkgoHelper()
	if len(deaths) > 0 {
		By(fmt.Sprintf("dying at %+v", deaths))
	}
	switches := f.switches
	if switches == nil {
		switches = func(*stytchsim.Switches) {}
	}
	live := f.live
	if live == nil {
		live = func(_ *world, p *process, o v1alpha1.Connection) { p.settle(o) }
	}
	w := newWorld(ctx, switches)
	defer w.end()
	o := f.arrange(w)
	p := w.start()
	f.ask(w, o)
	for _, d := range deaths {
		p.life.dieAtEvent(d.n, d.after)
		live(w, p, o)
		// How much there is to do may depend on the time of the day, by a look more or less: then it lived, and had less to do.
		Expect(p.life.dead() || p.life.eventCount() < d.n).To(BeTrue(), "the process came to its %d. call or write, and lives", d.n)
		if f.between != nil {
			f.between(w, o)
		}
		p = w.start()
	}
	p.life.dieAtEvent(0, false)
	live(w, p, o)
	count := p.life.eventCount()
	f.expect(w, o)
	if f.live == nil && w.exists(o) {
		w.start().expectQuiet(o)
	}
	return count
}

// inParallel is how many worlds a flow is run in at a time.
const inParallel = 3

// crash runs the flow with every row of at most so many deaths, each at every call and write that the process would have made
// without it. It returns how many the first one makes.
func (f flow) crash(ctx context.Context, rows int) int {
	GinkgoHelper()
	count := f.run(ctx)
	counts, died := []int{count}, [][]death{nil}
	for range rows {
		var next [][]death
		for i, deaths := range died {
			for n := 1; n <= counts[i]; n++ {
				next = append(next, append(slices.Clone(deaths), death{n, false}), append(slices.Clone(deaths), death{n, true}))
			}
		}
		counts, died = f.runEach(ctx, next), next
	}
	return count
}

// runEach runs the flow with each of these rows of deaths.
func (f flow) runEach(ctx context.Context, rows [][]death) []int {
	GinkgoHelper()
	counts := make([]int, len(rows))
	places := make(chan struct{}, inParallel)
	var running sync.WaitGroup
	for i, deaths := range rows {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			defer GinkgoRecover()
			counts[i] = f.run(ctx, deaths...)
		})
	}
	running.Wait()
	return counts
}

var _ = Describe("A process that dies", func() {
	for _, kind := range kindsOfSpecs() {
		for _, f := range []flow{creation(kind.manifest), update(kind.manifest, kind.edit), deletion(kind.manifest), unwanted(kind.manifest)} {
			It(fmt.Sprintf("at any call or write of the %s of a %s leaves one connection, and nothing lost", f.name, kind.name), func(ctx context.Context) {
				Expect(f.crash(ctx, 1)).To(BeNumerically(">=", 2))
			})
		}
	}

	It("at any call or write of the creation of an ExternalConnection that is deleted then together with its source leaves nothing", func(ctx context.Context) {
		f := unwanted(func(w *world) v1alpha1.Connection {
			source := w.saml("source")
			source.Spec.Organization = w.partner.ID
			w.settledSource(source)
			return w.externalTo(v1alpha1.SourceSAML)
		})
		apart := f.between
		f.between = func(w *world, o v1alpha1.Connection) {
			w.delete(&v1alpha1.SAMLConnection{ObjectMeta: w.meta("source")})
			apart(w, o)
		}
		Expect(f.crash(ctx, 1)).To(BeNumerically(">=", 2))
	})
})

// held is a call that is held on the wire: what arrives, and what lets it take effect.
type held struct {
	arrived chan struct{}
	release func()
	ended   chan struct{}
}

// hold holds the first call of an operation.
func (w *world) hold(operation string) held {
	released := make(chan struct{})
	h := held{arrived: make(chan struct{}, 1), release: sync.OnceFunc(func() { close(released) }), ended: make(chan struct{}, 1)}
	DeferCleanup(h.release) // a spec that fails must not leave a call on the wire
	var first atomic.Int64
	w.sim.SetIntercept(func(stage stytchsim.Stage, op stytchsim.Operation) bool {
		if op.Name == operation && (first.CompareAndSwap(0, int64(op.Seq)) || first.Load() == int64(op.Seq)) {
			if stage == stytchsim.BeforeEffect {
				h.arrived <- struct{}{}
				<-released
			} else {
				h.ended <- struct{}{}
			}
		}
		return false
	})
	return h
}

var _ = Describe("A creation that is still on the wire", func() {
	// onTheWire brings a first process to where its creation has arrived at Stytch and has had no effect yet.
	onTheWire := func(w *world) (o *v1alpha1.SAMLConnection, first *process, h held, ended chan outcome) {
		h = w.hold("CreateSAMLConnection")
		o = w.saml("okta")
		w.create(o)
		first = w.start()
		first.catchUp()
		first.check()
		first.catchUp()
		ended = make(chan outcome, 1)
		go func() {
			defer GinkgoRecover()
			result, err := first.saml.Reconcile(w.ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(o)})
			ended <- outcome{result: result, err: err}
		}()
		Eventually(h.arrived).Should(Receive())
		return o, first, h, ended
	}
	// inDoubt expects that another process finds nothing, creates nothing, and says so.
	inDoubt := func(w *world, second *process, o *v1alpha1.SAMLConnection) {
		got := second.expectPass(o, "GET /v1/b2b/sso/organization")
		Expect(got.result.RequeueAfter).To(BeNumerically("~", DefaultSettleTime, DefaultSettleTime/60))
		w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionFalse, v1alpha1.ReasonCreationInDoubt)
		Expect(second.pass(o).calls).To(BeEmpty(), "it looks only once before the doubt can be settled")
	}

	It("is found by the next process when the first one died and it took effect after the next one's first look", func(ctx context.Context) {
		w := newWorld(ctx)
		o, first, h, ended := onTheWire(w)
		first.life.end()
		second := w.start()
		inDoubt(w, second, o)
		h.release()
		Eventually(h.ended).Should(Receive())
		Eventually(ended).Should(Receive())
		w.clock.advance(DefaultSettleTime)
		second.settle(o)
		w.expectKept(o)
	})

	It("is left to the first leader by a second one that starts meanwhile", func(ctx context.Context) {
		w := newWorld(ctx)
		o, _, h, ended := onTheWire(w)
		second := w.start()
		inDoubt(w, second, o)
		h.release()
		Eventually(ended).Should(Receive())
		second.settle(o)
		w.expectKept(o)
	})

	It("is not recorded where another process has recorded its own meanwhile", func(ctx context.Context) {
		w := newWorld(ctx)
		o, _, h, ended := onTheWire(w)
		second := w.start()
		inDoubt(w, second, o)
		w.clock.advance(DefaultSettleTime)
		second.settle(o)
		w.expectKept(o)
		recorded := o.Status.ConnectionID
		h.release()
		Eventually(ended).Should(Receive())
		w.reload(o)
		Expect(o.Status.ConnectionID).To(Equal(recorded))
	})

	It("is not recorded in a manifest that took the place of the one that it was made for", func(ctx context.Context) {
		w := newWorld(ctx)
		o, _, h, ended := onTheWire(w)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Finalizers = nil })
		w.delete(o)
		another := w.saml("okta")
		w.create(another)
		h.release()
		Eventually(ended).Should(Receive())
		w.reload(another)
		Expect(another.Status.ConnectionID).To(BeEmpty())
	})

	It("is recorded with what it belongs to, whatever becomes of the process then", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		p.check()
		p.catchUp()
		p.life.dieOnEvent(fmt.Sprintf("kubernetes PATCH /apis/%s/namespaces/%s/samlconnections/okta/status", v1alpha1.GroupVersion, w.namespace))
		p.pass(o)
		Expect(p.life.dead()).To(BeTrue())
		w.reload(o)
		Expect([]string{o.Status.ProjectID, o.Status.OrganizationID, o.Status.ConnectionID}).To(
			Equal([]string{stytchsim.DefaultProjectID, w.acme.ID, w.made()[0]}))
	})

	It("is made again only once the doubt is settled, when it never took effect", func(ctx context.Context) {
		w := newWorld(ctx)
		_, err := w.sim.AddFault(stytchsim.Fault{Method: "POST", Path: "/v1/b2b/sso/saml/*", Times: 1, Effect: stytchsim.FaultCutBeforeCommit})
		Expect(err).NotTo(HaveOccurred())
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		p.expectPass(o, "GET /v1/b2b/sso/organization", "POST /v1/b2b/sso/saml/organization")
		w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionFalse, v1alpha1.ReasonCreationInDoubt)
		p.expectPass(o, "GET /v1/b2b/sso/organization")
		w.clock.advance(DefaultSettleTime)
		p.expectPass(o, "GET /v1/b2b/sso/organization", "POST /v1/b2b/sso/saml/organization", "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
		w.expectKept(o)
	})
})

var _ = Describe("Two manifests with one display name", func() {
	It("get one connection each although the process dies right after creating each", func(ctx context.Context) {
		w := newWorld(ctx)
		a, b := w.saml("a"), w.saml("b")
		a.Spec.DisplayName, b.Spec.DisplayName = "Okta", "Okta"
		w.create(a)
		w.create(b)
		for _, o := range []*v1alpha1.SAMLConnection{a, b} {
			p := w.start()
			p.check()
			p.catchUp()
			p.life.dieOnEvent("stytch POST ")
			p.pass(o)
			Expect(p.life.dead()).To(BeTrue())
		}
		Expect(w.made()).To(HaveLen(2))
		last := w.start()
		last.settle(a)
		last.settle(b)
		w.reload(a)
		w.reload(b)
		Expect(w.made()).To(ConsistOf(a.Status.ConnectionID, b.Status.ConnectionID))
		for _, o := range []*v1alpha1.SAMLConnection{a, b} {
			Expect(isTrue(o, v1alpha1.ConditionReady)).To(BeTrue())
			remote, _ := w.sim.Connection(o.Status.ConnectionID)
			Expect(remote.DisplayName).To(Equal("Okta"))
			Expect(remote.Fields["idp_entity_id"]).To(Equal(o.Spec.IDPEntityID))
		}
	})
})
