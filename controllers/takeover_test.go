package controllers

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// takingOver are the ways in which a manifest says that it takes a connection over, by what the manifest says.
func takingOver() map[string]func(o v1alpha1.Connection, id string) {
	return map[string]func(o v1alpha1.Connection, id string){
		matching: func(o v1alpha1.Connection, _ string) { o.CommonSpec().AdoptionPolicy = v1alpha1.AdoptMatching },
		itsID:    func(o v1alpha1.Connection, id string) { o.CommonSpec().ConnectionID = id },
	}
}

// expectTakenOver expects that a manifest has the one connection that the world made before, as it was made.
func (w *world) expectTakenOver(o v1alpha1.Connection) {
	GinkgoHelper()
	w.expectKept(o)
	Expect(o.CommonStatus().ConnectionID).To(Equal(w.before))
	Expect(o.GetFinalizers()).To(ContainElement(v1alpha1.Finalizer))
	var created []string
	for _, call := range w.callsSince(0) {
		Expect(call.Method).NotTo(Equal("DELETE"))
		if strings.HasPrefix(call.Operation, "Create") {
			created = append(created, call.Operation)
		}
	}
	Expect(created).To(HaveLen(1))
}

// takeOver is a flow in which a manifest of which only Git is left takes its connection over.
func takeOver(manifest func(w *world) v1alpha1.Connection, says func(o v1alpha1.Connection, id string)) flow {
	return flow{
		name: "take-over",
		arrange: func(w *world) v1alpha1.Connection {
			o := manifest(w)
			fromGit := copyOf(o)
			w.settled(o)
			w.before = o.CommonStatus().ConnectionID
			edit(w, o, func(o v1alpha1.Connection) { o.SetFinalizers(nil) })
			w.delete(o)
			says(fromGit, w.before)
			return fromGit
		},
		ask:    func(w *world, o v1alpha1.Connection) { w.create(o) },
		expect: func(w *world, o v1alpha1.Connection) { w.expectTakenOver(o) },
	}
}

// handOver is a flow in which a manifest is deleted, under Delete, and its connection stays for one that waits for it.
func handOver(manifest func(w *world) v1alpha1.Connection, says func(o v1alpha1.Connection, id string)) flow {
	const heirOf = "heir-of-"
	old := func(heir v1alpha1.Connection) v1alpha1.Connection {
		o := copyOf(heir)
		o.SetName(strings.TrimPrefix(heir.GetName(), heirOf))
		return o
	}
	return flow{
		name: "handing over",
		arrange: func(w *world) v1alpha1.Connection {
			o := manifest(w)
			heir := copyOf(o)
			o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.settled(o)
			w.before = o.CommonStatus().ConnectionID
			heir.SetName(heirOf + o.GetName())
			says(heir, w.before)
			w.create(heir)
			w.start().settle(heir)
			w.expectCondition(heir, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)
			return heir
		},
		ask: func(w *world, heir v1alpha1.Connection) { w.delete(old(heir)) },
		live: func(_ *world, p *process, heir v1alpha1.Connection) {
			p.settle(old(heir))
			p.settle(heir)
		},
		expect: func(w *world, heir v1alpha1.Connection) {
			Expect(w.exists(old(heir))).To(BeFalse())
			w.expectTakenOver(heir)
			w.start().expectQuiet(heir)
		},
	}
}

var _ = Describe("A process that dies", func() {
	for _, kind := range kindsOfSpecs() {
		for way, says := range takingOver() {
			for _, f := range []flow{takeOver(kind.manifest, says), handOver(kind.manifest, says)} {
				It(fmt.Sprintf("at any call or write of the %s of a %s with %s leaves the one connection to the manifest that takes it", f.name, kind.name, way), func(ctx context.Context) {
					Expect(f.crash(ctx, 1)).To(BeNumerically(">=", 2))
				})
			}
		}
	}
})

var _ = Describe("A take-over", func() {
	for way, says := range takingOver() {
		It("with "+way+" is the event Adopted", func(ctx context.Context) {
			w := newWorld(ctx)
			f := takeOver(func(w *world) v1alpha1.Connection { return w.saml("okta") }, says)
			o := f.arrange(w)
			w.create(o)
			w.start().settle(o)
			Expect(w.notes("Adopted")).To(ConsistOf(ContainSubstring(w.before)))
			Expect(w.notes("Recovered")).To(BeEmpty())
		})
	}

	It("by a restored manifest is the event Adopted", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.saml("okta"))
		const annotations, status = true, false
		o = w.reborn(w, o, annotations, status)
		w.start().settle(o)
		w.expectKept(o)
		Expect(w.notes("Adopted")).To(ConsistOf(ContainSubstring(o.CommonStatus().ConnectionID)))
		Expect(w.notes("Recovered")).To(BeEmpty())
	})
})
