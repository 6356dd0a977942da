package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

var _ = Describe("Deleting a manifest", func() {
	for _, kind := range kindsOfSpecs() {
		It(fmt.Sprintf("under Retain ends at once, without credentials or Stytch, and leaves the connection (%s)", kind.name), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(kind.manifest(w))
			w.delete(w.secret("stytch", nil))
			w.delete(w.project())
			w.delete(o)
			got := w.start().pass(o)
			Expect(got.err).NotTo(HaveOccurred())
			Expect(got.calls).To(BeEmpty())
			Expect(got.writes).To(HaveLen(1))
			Expect(w.exists(o)).To(BeFalse())
			Expect(w.made()).To(HaveLen(1))
		})

		It(fmt.Sprintf("under Delete makes one call and one write of the manifest (%s)", kind.name), func(ctx context.Context) {
			w := newWorld(ctx)
			o := kind.manifest(w)
			o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.settled(o)
			p := w.start()
			p.expectQuiet(o)
			w.delete(o)
			got := p.pass(o)
			Expect(got.calls).To(HaveLen(1))
			Expect(got.calls[0]).To(HavePrefix("DELETE "))
			Expect(w.exists(o)).To(BeFalse())
			Expect(w.made()).To(BeEmpty())
		})
	}

	It("under Delete is done when the connection, or the whole organization, is gone already", func(ctx context.Context) {
		w := newWorld(ctx)
		a, b := w.saml("a"), w.scim("b")
		for _, o := range []v1alpha1.Connection{a, b} {
			o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.create(o)
			w.start().settle(o)
			w.delete(o)
		}
		Expect(w.sim.RemoveConnection(w.sim.Connections(w.acme.ID)[0].ID)).To(Succeed())
		w.start().settle(a)
		Expect(w.sim.RemoveOrganization(w.acme.ID)).To(Succeed())
		w.start().settle(b)
		Expect(w.exists(a) || w.exists(b)).To(BeFalse())
		secret := w.tokenSecret(b)
		Expect(secret.Data).To(BeEmpty())
		Expect(secret.Labels).To(HaveKeyWithValue(v1alpha1.LabelConnection, v1alpha1.LabelReleased))
	})

	It("under Delete takes both tokens of a rotation that is under way out of the Secret", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.rotating(func(o *v1alpha1.SCIMConnection) { o.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
		w.delete(o)
		w.start().settle(o)
		Expect(w.exists(o)).To(BeFalse())
		Expect(w.made()).To(BeEmpty())
		Expect(w.tokenSecret(o).Data).To(BeEmpty())
	})

	It("under Delete says what it waits for when Stytch keeps the organization's default connection, and goes on", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.settled(o)
		other := w.activeSAML(w.acme)
		w.delete(o)
		p := w.start()
		p.rest(o)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)
		Expect(message).To(ContainSubstring("Make another connection the default"))
		Expect(message).To(ContainSubstring("set deletionPolicy: Retain"))
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(kstatusOf(o)).To(Equal(status.TerminatingStatus))
		Expect(w.sim.RemoveConnection(other)).To(Succeed())
		w.clock.advance(resync)
		p.settle(o)
		Expect(w.exists(o)).To(BeFalse())
		Expect(w.made()).To(BeEmpty())
	})

	It("under Delete says what it waits for when the credentials are gone, and Retain is the way out", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.settled(o)
		w.unheld()
		w.delete(o)
		p := w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)).To(ContainSubstring("StytchProject default does not exist"))
		Expect(isTrue(o, v1alpha1.ConditionStalled)).To(BeTrue())
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		p.settle(o)
		Expect(w.exists(o)).To(BeFalse())
		Expect(w.made()).To(HaveLen(1))
	})

	It("under Delete never takes what another manifest holds", func(ctx context.Context) {
		w := newWorld(ctx)
		holder, other := w.saml("first"), w.saml("copy")
		holder.Spec.DeletionPolicy, other.Spec.DeletionPolicy = v1alpha1.DeletionDelete, v1alpha1.DeletionDelete
		w.settled(holder)
		other.Finalizers = []string{v1alpha1.Finalizer}
		w.create(other)
		other.Status = holder.Status
		Expect(api.Status().Update(ctx, other)).To(Succeed())
		if other.CreationTimestamp.Equal(&holder.CreationTimestamp) && other.UID < holder.UID {
			holder, other = other, holder // of two that are equally old the smaller uid holds
		}
		w.delete(other)
		w.start().settle(other)
		Expect(w.exists(other)).To(BeFalse())
		Expect(w.made()).To(ConsistOf(holder.Status.ConnectionID))
		Expect(w.start().settle(holder).err).NotTo(HaveOccurred())
		w.expectCondition(holder, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	})

	It("under Delete finds and deletes what a creation left whose answer was lost", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.create(o)
		first := w.start()
		first.life.dieOnEvent("stytch POST ")
		first.pass(o)
		Expect(w.made()).To(HaveLen(1))
		w.delete(o)
		w.start().settle(o)
		Expect(w.exists(o)).To(BeFalse())
		Expect(w.made()).To(BeEmpty())
	})

	It("under Delete waits until it is sure that a creation whose answer was lost left nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.create(o)
		first := w.start()
		w.fault(stytchsim.Fault{Method: http.MethodPost, Path: "/v1/b2b/sso/saml/*", Times: 1, Effect: stytchsim.FaultCutBeforeCommit})
		first.pass(o)
		w.delete(o)
		second := w.start()
		second.pass(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonCreationInDoubt)
		w.clock.advance(DefaultSettleTime)
		second.settle(o)
		Expect(w.exists(o)).To(BeFalse())
	})

	for name, arrange := range map[string]func(w *world, o *v1alpha1.SAMLConnection){
		"is recorded": func(w *world, o *v1alpha1.SAMLConnection) { w.settled(o) },
		"was lost in its creation": func(w *world, o *v1alpha1.SAMLConnection) {
			w.create(o)
			p := w.start()
			p.life.dieOnEvent("stytch POST ")
			p.pass(o)
		},
	} {
		It(fmt.Sprintf("under Delete keeps the manifest while it cannot be seen who else holds the connection that %s", name), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.saml("okta")
			o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
			arrange(w, o)
			w.delete(o)
			p := w.start()
			seeing := p.shared.client
			p.shared.client = blind{seeing}
			for range 2 {
				got := p.pass(o)
				Expect(got.err).To(MatchError(errBlind))
				Expect(got.writes).To(BeEmpty())
				w.clock.advance(DefaultSettleTime)
			}
			p.shared.client = seeing
			p.settle(o)
			Expect(w.exists(o)).To(BeFalse())
			Expect(w.made()).To(BeEmpty())
		})
	}

	// Serial: the garbage collector comes by in every namespace.
	It("under Retain keeps the token's Secret, whatever the garbage collector does", Serial, func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		canary := &corev1.ConfigMap{ObjectMeta: w.meta("canary")}
		canary.OwnerReferences = []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: "SCIMConnection", Name: o.Name, UID: o.UID}}
		w.create(canary)
		collectGarbage(ctx)
		token := w.tokenSecret(o)
		Expect(api.Delete(ctx, o, client.PropagationPolicy(metav1.DeletePropagationForeground))).To(Succeed())
		p := w.startAlone() // somebody else writes here
		Eventually(func() bool { p.pass(o); return w.exists(o) }).Should(BeFalse())
		Eventually(func() bool { return w.exists(canary) }).Should(BeFalse(), "the garbage collector has not come by")
		Expect(w.tokenSecret(o).Data).To(Equal(token.Data))
		Expect(w.sim.VerifyToken(o.Status.ConnectionID, string(token.Data[v1alpha1.SecretKeyToken])).Accepted).To(BeTrue())
	})
})

var _ = Describe("A connection that is there", func() {
	It("is no conflict while it cannot be seen who else holds the connection", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.saml("okta"))
		edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Renamed" })
		p := w.start()
		p.shared.client = blind{p.shared.client}
		got := p.pass(o)
		Expect(got.err).To(MatchError(errBlind))
		Expect(got.writes).To(BeEmpty())
	})
})

// blind is a cache whose lists cannot be read.
type blind struct{ client.Client }

var errBlind = errors.New("the cache cannot be listed")

func (blind) List(context.Context, client.ObjectList, ...client.ListOption) error { return errBlind }

// collectGarbage runs the real garbage collector until the spec ends.
func collectGarbage(ctx context.Context) { control(ctx, "garbage-collector-controller") }

// controlNamespaces runs the real namespace controller, and the garbage collector, until the spec ends.
func controlNamespaces(ctx context.Context) {
	control(ctx, "garbage-collector-controller,namespace-controller")
}

// control runs controllers of Kubernetes until the spec ends.
func control(ctx context.Context, controllers string) {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(os.WriteFile(path, kubeconfig, 0o600)).To(Succeed())
	command := exec.CommandContext(ctx, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kube-controller-manager"),
		"--kubeconfig="+path, "--controllers="+controllers, "--leader-elect=false", "--secure-port=0")
	session, err := gexec.Start(command, GinkgoWriter, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred(), controllers+": run `make test`, which provides it")
	DeferCleanup(func() { session.Kill().Wait(10 * time.Second) })
}
