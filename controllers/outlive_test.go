package controllers

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// trouble is something that may keep a connection from being deleted.
type trouble struct {
	name string
	make func(w *world)
	// reason that Synced takes, and the telling part of its message; no reason: the deletion ends.
	reason, says string
	// creates says that what the message asks for has to be created.
	creates bool
	// harmless are kinds for which it is none.
	harmless []string
	// lift does what the message asks for.
	lift func(w *world)
}

// refusing makes Stytch refuse each deletion.
func refusing(status int, errorType string) func(w *world) {
	return func(w *world) {
		w.fault(stytchsim.Fault{Method: http.MethodDelete, Path: "/v1/b2b/**", Status: status, ErrorType: errorType})
	}
}

func accepting(w *world) { w.sim.RemoveFaults() }

// setSecret changes the project's secret in its Secret.
func (w *world) setSecret(value string) {
	edit(w, w.secret("stytch", nil), func(s *corev1.Secret) { s.Data["secret"] = []byte(value) })
}

func (w *world) createSecret() {
	w.create(w.secret("stytch", map[string]string{"secret": stytchsim.DefaultSecret}))
}

// unheld deletes the StytchProject although connections use it, as only somebody can who takes its finalizer.
func (w *world) unheld() {
	edit(w, w.project(), func(p *v1alpha1.StytchProject) { p.Finalizers = nil })
	w.delete(w.project())
}

func troubles() []trouble {
	blocked := v1alpha1.ReasonDeletionBlocked
	return []trouble{
		{name: "nothing", make: func(*world) {}},
		{
			name: "the Secret is gone and the StytchProject stays", make: func(w *world) { w.delete(w.secret("stytch", nil)) },
			reason: blocked, says: "StytchProject default is not ready", creates: true, lift: (*world).createSecret,
		},
		{
			name: "the Secret and the StytchProject are being deleted, and the manager was restarted since",
			make: func(w *world) {
				w.delete(w.secret("stytch", nil))
				w.delete(w.project())
			},
			reason: blocked, says: "its Secret stytch does not exist, and the manager was restarted since", creates: true, lift: (*world).createSecret,
		},
		{name: "the StytchProject is being deleted", make: func(w *world) { w.delete(w.project()) }},
		{
			name: "the StytchProject is gone", make: (*world).unheld,
			reason: blocked, says: "StytchProject default does not exist in this namespace.", creates: true, lift: func(w *world) { w.create(w.project()) },
		},
		{
			name: "the credential is revoked", make: func(w *world) { w.setSecret("secret-test-revoked") },
			reason: blocked, says: "StytchProject default is not ready", creates: true, lift: func(w *world) { w.setSecret(stytchsim.DefaultSecret) },
		},
		{name: "401", make: refusing(http.StatusUnauthorized, "unauthorized_credentials"), reason: blocked, says: "401 unauthorized_credentials", creates: true, lift: accepting},
		{name: "403", make: refusing(http.StatusForbidden, "session_authorization_error"), reason: blocked, says: "Allow the action in Stytch.", lift: accepting},
		{name: "429", make: refusing(http.StatusTooManyRequests, "too_many_requests"), reason: v1alpha1.ReasonThrottled, says: "Retrying automatically", lift: accepting},
		{name: "no answer", make: refusing(http.StatusBadGateway, ""), reason: v1alpha1.ReasonUnavailable, says: "Retrying automatically", lift: accepting},
		{name: "the organization is gone", make: func(w *world) { Expect(w.sim.RemoveOrganization(w.acme.ID)).To(Succeed()) }},
		{name: "the connection is gone", make: func(w *world) { Expect(w.sim.RemoveConnection(w.made()[0])).To(Succeed()) }},
		{
			name: "it is the default connection", make: func(w *world) { w.activeSAML(w.acme) }, harmless: []string{"SCIMConnection"},
			reason: blocked, says: "Make another connection the default, or delete the other connections first.",
			lift: func(w *world) {
				_, err := w.sim.PatchOrganization("acme", map[string]any{"sso_default_connection_id": nil})
				Expect(err).NotTo(HaveOccurred())
			},
		},
	}
}

// terminate has the namespace deleted. No namespace controller runs: what is in it stays, and nothing can be created.
func (w *world) terminate() {
	GinkgoHelper()
	w.delete(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}})
	Expect(api.Create(w.ctx, w.configMap("probe", nil))).To(MatchError(ContainSubstring("because it is being terminated")))
}

// remains says whether a connection is still at Stytch.
func (w *world) remains(o v1alpha1.Connection) bool {
	_, there := w.sim.Connection(o.CommonStatus().ConnectionID)
	return there
}

// deleted makes a manifest with its connection, then trouble, and then has the manifest deleted.
func (t trouble) deleted(ctx context.Context, kind kindOfSpecs, policy v1alpha1.DeletionPolicy, terminating bool) (*world, v1alpha1.Connection) {
	GinkgoHelper()
	w := newWorld(ctx)
	o := kind.manifest(w)
	o.CommonSpec().DeletionPolicy = policy
	w.settled(o)
	if terminating {
		w.terminate()
	}
	t.make(w)
	w.delete(o)
	return w, o
}

// expectEnds expects that a manifest under Delete ends with its connection, or says what it waits for, and that this is the way out.
func (t trouble) expectEnds(ctx context.Context, kind kindOfSpecs, terminating bool) {
	GinkgoHelper()
	w, o := t.deleted(ctx, kind, v1alpha1.DeletionDelete, terminating)
	defer w.end()
	p := w.start()
	if t.reason == "" || slices.Contains(t.harmless, kind.name) {
		p.settle(o)
		Expect(w.exists(o)).To(BeFalse())
		Expect(w.remains(o)).To(BeFalse())
		return
	}
	p.rest(o)
	message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, t.reason)
	w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	Expect(w.remains(o)).To(BeTrue())
	before := o.GetResourceVersion()
	w.clock.advance(resync)
	p.rest(o)
	w.reload(o)
	Expect(o.GetResourceVersion()).To(Equal(before), "the same finding is written again: "+message)
	if terminating && t.creates {
		Expect(message).To(ContainSubstring("Nothing can be created in this namespace, because it is being deleted. Set deletionPolicy: Retain"))
		for _, impossible := range []string{"Create", "Store", "Restore", "Apply"} {
			Expect(message).NotTo(ContainSubstring(impossible))
		}
		w.retain(o)
		p.settle(o)
		Expect(w.exists(o)).To(BeFalse())
		Expect(w.remains(o)).To(BeTrue())
		return
	}
	Expect(message).To(ContainSubstring(t.says))
	Expect(strings.Contains(message, "deletionPolicy: Retain")).To(Equal(t.reason == v1alpha1.ReasonDeletionBlocked), message)
	t.lift(w)
	w.clock.advance(resync)
	p.settle(o)
	Expect(w.exists(o)).To(BeFalse())
	Expect(w.remains(o)).To(BeFalse())
}

// retain sets deletionPolicy: Retain.
func (w *world) retain(o v1alpha1.Connection) {
	GinkgoHelper()
	edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DeletionPolicy = v1alpha1.DeletionRetain })
}

var _ = Describe("A deletion ends, or says what it waits for and names only what can be done:", func() {
	for _, t := range troubles() {
		It(t.name, func(ctx context.Context) {
			for _, kind := range kindsOfSpecs() {
				for _, terminating := range []bool{false, true} {
					By(fmt.Sprintf("%s under Delete, namespace being deleted: %t", kind.name, terminating))
					t.expectEnds(ctx, kind, terminating)

					By(fmt.Sprintf("%s under Retain, namespace being deleted: %t", kind.name, terminating))
					w, o := t.deleted(ctx, kind, v1alpha1.DeletionRetain, terminating)
					made := w.made()
					got := w.start().pass(o)
					Expect(got.err).NotTo(HaveOccurred())
					Expect(got.calls).To(BeEmpty())
					Expect(w.exists(o)).To(BeFalse())
					Expect(w.made()).To(Equal(made))
					w.end()
				}
			}
		})
	}
})

// everything makes a manifest of each kind, all of one organization, with its connection.
func (w *world) everything(policy v1alpha1.DeletionPolicy) []v1alpha1.Connection {
	GinkgoHelper()
	var all []v1alpha1.Connection
	for _, kind := range kindsOfSpecs() {
		o := kind.manifest(w)
		o.CommonSpec().DeletionPolicy = policy
		w.create(o)
		w.start().settle(o)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		all = append(all, o)
	}
	return all
}

// projectNow is the StytchProject as the API server has it; false if it is gone.
func (w *world) projectNow() (*v1alpha1.StytchProject, bool) {
	GinkgoHelper()
	project := w.project()
	there := w.exists(project)
	return project, there
}

// said is the message of a condition of the StytchProject; "" if it does not stand with the reason.
func (w *world) said(kind, reason string) string {
	GinkgoHelper()
	project, _ := w.projectNow()
	c := meta.FindStatusCondition(project.Status.Conditions, kind)
	if c == nil || c.Reason != reason {
		return ""
	}
	return c.Message
}

var _ = Describe("A StytchProject", func() {
	It("is held from before the first connection under Delete, by one write, and by no other", func(ctx context.Context) {
		w := newWorld(ctx)
		retained, observed, paused := w.saml("retained"), w.oidc("observed"), w.scim("paused")
		observed.Spec.Management, paused.Spec.Management = v1alpha1.ManagementObserve, v1alpha1.ManagementPaused
		observed.Spec.DeletionPolicy, paused.Spec.DeletionPolicy = v1alpha1.DeletionDelete, v1alpha1.DeletionDelete
		p := w.start()
		for _, o := range []v1alpha1.Connection{retained, observed, paused} {
			w.create(o)
			p.settle(o)
		}
		project, _ := w.projectNow()
		Expect(project.Finalizers).To(BeEmpty())

		o := w.saml("deleted")
		o.Spec.DisplayName = "Another"
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.create(o)
		p.catchUp()
		Expect(p.again(o).quiet()).To(BeTrue(), "nothing is done before the StytchProject is held")
		writes := w.writesOf("stytchprojects")
		p.catchUp()
		p.check()
		p.catchUp()
		Expect(w.writesOf("stytchprojects")).To(Equal(writes + 1))
		got := p.again(o)
		Expect(got.writes).To(HaveLen(3))
		project, _ = w.projectNow()
		Expect(project.Finalizers).To(Equal([]string{v1alpha1.FinalizerInUse}))
		p.settle(o)
		p.expectQuiet(o)
		Expect(w.start().settle(o).quiet()).To(BeTrue())
		Expect(w.writesOf("stytchprojects")).To(Equal(writes + 1))
	})

	It("is held again when its finalizer was taken, and for a manifest that an earlier version left", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.settled(o)
		edit(w, w.project(), func(p *v1alpha1.StytchProject) { p.Finalizers = nil })
		p := w.start()
		p.expectQuiet(o)
		project, _ := w.projectNow()
		Expect(project.Finalizers).To(Equal([]string{v1alpha1.FinalizerInUse}))
	})

	It("outlives its Secret and a restart before it: connections are deleted with the credentials that were accepted last", func(ctx context.Context) {
		w := newWorld(ctx)
		all := w.everything(v1alpha1.DeletionDelete)
		p := w.start()
		p.catchUp()
		p.check() // a process that nobody has needed yet
		w.delete(w.secret("stytch", nil))
		w.delete(w.project())
		for _, o := range all {
			w.delete(o)
		}
		seq := w.seq()
		for range 2 { // of several connections the default one goes last
			for _, o := range all {
				if w.exists(o) {
					p.pass(o)
				}
			}
		}
		p.catchUp()
		p.check()
		for _, o := range all {
			Expect(w.exists(o)).To(BeFalse())
		}
		_, there := w.projectNow()
		Expect(there).To(BeFalse())
		Expect(w.made()).To(BeEmpty())
		for _, call := range w.callsSince(seq) {
			Expect(call.Method).To(Equal(http.MethodDelete))
		}
	})

	It("whose Secret is deleted serves no call while it stays, and then deletions alone", func(ctx context.Context) {
		w := newWorld(ctx)
		edited, removed := w.saml("edited"), w.scim("removed")
		for _, o := range []v1alpha1.Connection{edited, removed} {
			o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.create(o)
			w.start().settle(o)
		}
		p := w.start()
		p.catchUp()
		p.check()
		w.delete(w.secret("stytch", nil))
		edit(w, edited, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		w.delete(removed)
		seq := w.seq()
		p.rest(edited)
		p.rest(removed)
		Expect(w.callsSince(seq)).To(BeEmpty())
		w.expectCondition(removed, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)

		w.delete(w.project())
		p.rest(edited)
		p.settle(removed)
		Expect(w.exists(removed)).To(BeFalse())
		Expect(w.expectCondition(edited, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring("StytchProject default is being deleted"))
		Expect(w.callsSince(seq)).To(HaveLen(1))
	})

	It("says what it is kept for while it is being deleted, and Retain lets it go", func(ctx context.Context) {
		w := newWorld(ctx)
		all := w.everything(v1alpha1.DeletionDelete)
		p := w.start()
		w.delete(w.project())
		w.fault(stytchsim.Fault{Method: http.MethodDelete, Path: "/v1/b2b/**", Status: http.StatusForbidden, ErrorType: "session_authorization_error"})
		w.delete(all[3])
		p.rest(all[3])
		p.rest(all[3])
		Expect(w.said(v1alpha1.ConditionStalled, v1alpha1.ReasonInUse)).To(Equal(
			"The StytchProject is kept until the connections with deletionPolicy: Delete are deleted in Stytch: " +
				"ExternalConnection partner, OIDCConnection entra, SAMLConnection okta, SCIMConnection directory. " +
				"Delete these manifests, or set their deletionPolicy to Retain: ExternalConnection partner, OIDCConnection entra, SAMLConnection okta."))
		for _, o := range all[:3] {
			w.retain(o)
		}
		p.rest(all[3])
		Expect(w.said(v1alpha1.ConditionReconciling, v1alpha1.ReasonInUse)).To(HaveSuffix("in Stytch: SCIMConnection directory."))
		project, _ := w.projectNow()
		before := project.ResourceVersion
		p.check()
		project, _ = w.projectNow()
		Expect(project.ResourceVersion).To(Equal(before))
		w.retain(all[3])
		p.settle(all[3])
		p.catchUp()
		p.check()
		_, there := w.projectNow()
		Expect(there).To(BeFalse())
		Expect(w.made()).To(HaveLen(4))
		for _, o := range all[:3] {
			Expect(w.exists(o)).To(BeTrue())
		}
	})

	It("that is deleted before anything was made, or that comes back, serves the next one", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.create(o)
		p := w.start()
		p.catchUp()
		p.check() // and the process dies before it uses the project
		w.delete(w.project())
		p = w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring("is being deleted"))
		Expect(w.made()).To(BeEmpty())
		w.delete(o)
		Expect(w.exists(o)).To(BeFalse(), "nothing of it was made")
		p.catchUp()
		p.check()
		_, there := w.projectNow()
		Expect(there).To(BeFalse())

		w.create(w.project())
		again := w.saml("okta")
		again.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.create(again)
		p.settle(again)
		w.expectKept(again)
		w.delete(w.secret("stytch", nil))
		w.delete(w.project())
		w.delete(again)
		p.settle(again)
		Expect(w.exists(again)).To(BeFalse())
		Expect(w.made()).To(BeEmpty())
	})
})

// orders are all orders of n things.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, rest := range orders(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(rest), at, n-1))
		}
	}
	return all
}

// prunes are the steps of a prune of everything: of the Secret, the StytchProject and the manifests.
func (w *world) prunes(all []v1alpha1.Connection) []func() {
	return []func(){
		func() { w.delete(w.secret("stytch", nil)) },
		func() { w.delete(w.project()) },
		func() {
			for _, o := range all {
				w.delete(o)
			}
		},
	}
}

// managedEverything makes a manifest of each kind, and a manager that has begun to work.
func (w *world) managedEverything(policy v1alpha1.DeletionPolicy) []v1alpha1.Connection {
	GinkgoHelper()
	all := w.everything(policy)
	w.manage()
	edit(w, all[0], func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Renamed" })
	w.comesTo(all[0], v1alpha1.ConditionSynced, v1alpha1.ReasonInSync)
	return all
}

var _ = Describe("A prune of everything", func() {
	for _, order := range orders(3) {
		It(fmt.Sprintf("ends in every order, also when the manager sees each deletion by itself %v", order), func(ctx context.Context) {
			w := newWorld(ctx)
			all := w.everything(v1alpha1.DeletionDelete)
			p := w.start()
			pass := func() {
				p.catchUp()
				p.check()
				for _, o := range all {
					if w.exists(o) {
						p.pass(o)
					}
				}
			}
			pass()
			for _, step := range order {
				w.prunes(all)[step]()
				pass()
			}
			pass() // the default connection goes last
			p.catchUp()
			p.check()
			_, there := w.projectNow()
			Expect(there).To(BeFalse())
			Expect(w.connections()).To(BeEmpty())
			Expect(w.made()).To(BeEmpty())
		})

		It(fmt.Sprintf("ends with the manager running, in every order, without a resync %v", order), func(ctx context.Context) {
			w := newWorld(ctx)
			all := w.managedEverything(v1alpha1.DeletionDelete)
			for _, step := range order {
				w.prunes(all)[step]()
			}
			soon(func() bool { _, there := w.projectNow(); return !there && len(w.connections()) == 0 }, "all is gone")
			Expect(w.made()).To(BeEmpty())
		})
	}
})

// Serial: the namespace controller and the garbage collector come by in every namespace.
var _ = Describe("A namespace is deleted with all that is in it", Serial, func() {
	for _, policy := range []v1alpha1.DeletionPolicy{v1alpha1.DeletionDelete, v1alpha1.DeletionRetain} {
		It(fmt.Sprintf("by the real namespace controller, and what the manifests say becomes of their connections (%s)", policy), func(ctx context.Context) {
			w := newWorld(ctx)
			all := w.managedEverything(policy)
			controlNamespaces(ctx)
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
			Expect(api.Delete(ctx, namespace)).To(Succeed())
			Eventually(func() bool {
				err := api.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
				return client.IgnoreNotFound(err) == nil && err != nil
			}).WithPolling(100*time.Millisecond).Should(BeTrue(), "%+v", namespace.Status)
			for _, o := range all {
				Expect(w.remains(o)).To(Equal(policy == v1alpha1.DeletionRetain))
			}
			Expect(w.log.String()).To(ContainSubstring("an event was not recorded"))
			for line := range strings.Lines(w.log.String()) {
				Expect(line).NotTo(ContainSubstring("level=ERROR"))
			}
		})
	}
})
