package controllers

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// asBefore turns what a process left into what the version before the record would have left at that moment: the mark follows from
// the uid alone, the ID was recorded in status, and there is no annotation.
func (w *world) asBefore(o v1alpha1.Connection) {
	GinkgoHelper()
	if !w.exists(o) {
		return
	}
	mark, before := connection.MarkOf(o), connection.UIDMark(o.GetUID())
	for _, c := range w.sim.Connections(w.acme.ID) {
		if name, marked := strings.CutSuffix(c.DisplayName, connection.ProvisionalName("", mark)); marked {
			_, err := w.sim.PatchConnection(c.ID, map[string]any{"display_name": connection.ProvisionalName(name, before)})
			Expect(err).NotTo(HaveOccurred())
		}
	}
	if record := connection.RecordOf(o); record.ID != "" && connection.StatusID(o) == "" {
		patch := fmt.Sprintf(`{"status":{"projectID":%q,"organizationID":%q,"connectionID":%q}}`, record.Project, record.Organization, record.ID)
		Expect(api.Status().Patch(w.ctx, copyOf(o), client.RawPatch("application/merge-patch+json", []byte(patch)))).To(Succeed())
	}
	if connection.Written(o) != "" {
		loseRecord(w, o)
	}
	w.relabel(connection.MarkLabel(mark), connection.MarkLabel(before))
}

// relabel gives the Secrets that bear one label of a connection another.
func (w *world) relabel(label, another string) {
	GinkgoHelper()
	var secrets corev1.SecretList
	Expect(api.List(w.ctx, &secrets, client.InNamespace(w.namespace), client.MatchingLabels{v1alpha1.LabelConnection: label})).To(Succeed())
	for i := range secrets.Items {
		edit(w, &secrets.Items[i], func(s *corev1.Secret) { s.Labels[v1alpha1.LabelConnection] = another })
	}
}

// upgraded is a flow that the version before the record dies in, and this one continues.
func upgraded(f flow) flow {
	ask, between := f.ask, f.between
	f.ask = func(w *world, o v1alpha1.Connection) {
		w.asBefore(o)
		ask(w, o)
	}
	f.between = func(w *world, o v1alpha1.Connection) {
		w.asBefore(o)
		if between != nil {
			between(w, o)
		}
	}
	return f
}

var _ = Describe("What the version before the record left when it died", func() {
	for _, kind := range kindsOfSpecs() {
		for _, f := range []flow{upgraded(creation(kind.manifest)), upgraded(deletion(kind.manifest)), upgraded(unwanted(kind.manifest))} {
			It(fmt.Sprintf("at any call or write of the %s is continued with one connection, and nothing lost (%s)", f.name, kind.name), func(ctx context.Context) {
				Expect(f.crash(ctx, 1)).To(BeNumerically(">=", 2))
			})
		}
	}
})

var _ = Describe("An upgrade", func() {
	It("leaves two connections of one name and application Ready, each with its manifest, and calls nobody", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		a, b := w.saml("a"), w.saml("b")
		w.create(a)
		w.create(b)
		p := w.start()
		p.settle(a)
		p.settle(b)
		edit(w, b, func(o *v1alpha1.SAMLConnection) {
			o.Spec.DisplayName, o.Spec.IDPEntityID = a.Spec.DisplayName, a.Spec.IDPEntityID
		})
		p.settle(b)
		all := []v1alpha1.Connection{a, b}
		was := map[string]string{}
		for _, o := range all {
			w.asBefore(o)
			w.reload(o)
			was[o.GetName()] = connection.StatusID(o)
		}
		p = w.start()
		for _, o := range all {
			w.clock.advance(healInterval)
			got := p.expectPass(o)
			Expect(got.writes).To(ConsistOf(HaveSuffix("samlconnections/" + o.GetName())))
			p.expectQuiet(o)
		}
		w.clock.advance(resync)
		for _, o := range all {
			Expect(p.pass(o).writes).To(BeEmpty())
			w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
			Expect(connection.StatusID(o)).To(Equal(was[o.GetName()]))
			Expect(connection.Written(o)).To(ContainSubstring(was[o.GetName()]))
		}
		Expect(w.made()).To(ConsistOf(was["a"], was["b"]))
		Expect(w.notes("ProbableTwin")).To(BeEmpty())
	})
})
