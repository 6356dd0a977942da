package controllers

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

var _ = Describe("A connection is not held by who only names it", func() {
	// strangers are older manifests of another namespace that name a connection.
	strangers := map[string]struct {
		project bool // the namespace has credentials
		change  func(w *world, o *v1alpha1.SAMLConnection)
	}{
		"in a namespace without a project":        {change: func(*world, *v1alpha1.SAMLConnection) {}},
		"Paused in a namespace without a project": {change: func(_ *world, o *v1alpha1.SAMLConnection) { o.Spec.Management = v1alpha1.ManagementPaused }},
		"Paused in a namespace with a project":    {project: true, change: func(_ *world, o *v1alpha1.SAMLConnection) { o.Spec.Management = v1alpha1.ManagementPaused }},
		"of another organization":                 {project: true, change: func(w *world, o *v1alpha1.SAMLConnection) { o.Spec.Organization = w.partner.ID }},
		"that has never been valid":               {project: true, change: func(_ *world, o *v1alpha1.SAMLConnection) { o.Spec.ProjectRef.Name = "none" }},
	}
	for which, stranger := range strangers {
		It("by a manifest "+which, func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.saml("okta")
			w.settled(o)
			w.reload(o)
			id := o.Status.ConnectionID

			mine := w.namespace
			w.settleIn()
			if !stranger.project {
				w.delete(w.project())
			}
			other := w.saml("stranger")
			other.Spec.ConnectionID = id
			stranger.change(w, other)
			w.create(other)
			p := w.start()
			p.pass(other)
			p.pass(other)
			w.namespace = mine

			restored := w.saml("okta") // all of it is lost, but what Git has
			restored.Spec.ConnectionID = id
			edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Finalizers = nil })
			w.delete(o)
			w.create(restored)
			p = w.start()
			p.settle(restored)
			w.expectCondition(restored, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
			w.reload(restored)
			Expect(restored.Status.ConnectionID).To(Equal(id))
			Expect(w.sim.Connections(w.acme.ID)).To(HaveLen(1))
		})
	}

	It("but is kept by a Paused manifest that lost its status", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		w.reload(o)
		other := w.saml("other")
		other.Spec.ConnectionID = o.Status.ConnectionID
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.Management = v1alpha1.ManagementPaused })
		w.start().settle(o)
		loseStatus(w, o)
		w.create(other)
		w.start().settle(other)
		w.expectCondition(other, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)
	})

	It("and is not taken by a manifest that it matches, nor made a second time", func(ctx context.Context) {
		w := newWorld(ctx)
		o, stranger := w.saml("okta"), w.saml("stranger")
		found, err := w.sim.AddConnection(w.acme.ID, stytchsim.SAML, map[string]any{"display_name": o.Spec.DisplayName})
		Expect(err).NotTo(HaveOccurred())
		stranger.Spec.ConnectionID, stranger.Spec.Management = found.ID, v1alpha1.ManagementPaused
		o.Spec.AdoptionPolicy = v1alpha1.AdoptMatching
		w.create(stranger)
		w.create(o)
		p := w.start()
		p.settle(stranger)
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring("another manifest names it"))
		Expect(w.made()).To(ConsistOf(found.ID))
	})

	It("and of two that may both come to it one has it, whichever is first", func(ctx context.Context) {
		w := newWorld(ctx)
		_, all := w.twoThatName()
		p := w.start()
		for _, o := range slices.Backward(all) {
			p.settle(o)
		}
		for _, o := range all {
			p.settle(o)
		}
		w.expectCondition(all[0], v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		w.expectCondition(all[1], v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)
	})

	It("and of two that waited for the same project one has it, though the cache does not show yet which", func(ctx context.Context) {
		w := newWorld(ctx)
		project := w.project()
		w.delete(project)
		id, all := w.twoThatName()
		p := w.start()
		for _, o := range all {
			p.pass(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		}
		project.SetResourceVersion("")
		w.create(project)
		p = w.startAlone()
		p.catchUp()
		p.check()
		p.catchUp()
		p.freeze()
		for range 2 {
			for _, o := range slices.Backward(all) {
				p.again(o)
			}
		}
		w.reload(all[0])
		w.reload(all[1])
		Expect(connection.RecordOf(all[1]).ID).To(Equal(id))
		Expect(connection.RecordOf(all[0]).ID).To(BeEmpty())
		p = w.start()
		p.settle(all[0])
		w.expectCondition(all[0], v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)
	})
})

// twoThatName makes a connection, and two manifests that name it: the one that holds it where neither has it yet is the first.
func (w *world) twoThatName() (string, []v1alpha1.Connection) {
	GinkgoHelper()
	found, err := w.sim.AddConnection(w.acme.ID, stytchsim.SAML, map[string]any{"display_name": "By hand"})
	Expect(err).NotTo(HaveOccurred())
	var all []v1alpha1.Connection
	for _, name := range []string{"first", "second"} {
		o := w.saml(name)
		o.Spec.ConnectionID = found.ID
		w.create(o)
		all = append(all, o)
	}
	slices.SortFunc(all, elderFirst)
	return found.ID, all
}

// elderFirst orders manifests as their claims of the same rank count: in the same second their UIDs decide.
func elderFirst(a, b v1alpha1.Connection) int {
	return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), strings.Compare(string(a.GetUID()), string(b.GetUID())))
}

func TestOnlyThoseInConflictAboutAConnectionThatMovesAreWoken(t *testing.T) {
	manifest := func(change func(*v1alpha1.SAMLConnection)) *v1alpha1.SAMLConnection {
		o := &v1alpha1.SAMLConnection{ObjectMeta: metav1.ObjectMeta{Generation: 1, UID: "u"}}
		o.Status.ObservedGeneration = 1
		change(o)
		return o
	}
	has := func(id string) *v1alpha1.SAMLConnection {
		return manifest(func(o *v1alpha1.SAMLConnection) { o.Status.ConnectionID = id })
	}
	names := func(reason string) *v1alpha1.SAMLConnection {
		return manifest(func(o *v1alpha1.SAMLConnection) {
			o.Spec.ConnectionID = "a"
			o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSynced, Reason: reason}}
		})
	}
	paused := names(v1alpha1.ReasonConflict)
	paused.Spec.Management = v1alpha1.ManagementPaused
	for name, c := range map[string]struct {
		before, after *v1alpha1.SAMLConnection
		want          []string
	}{
		"nothing moves":                       {has("a"), has("a"), nil},
		"it gets its connection":              {has(""), has("a"), []string{"a"}},
		"it loses its connection":             {has("a"), has(""), []string{"a"}},
		"it has another one":                  {has("a"), has("b"), []string{"a", "b"}},
		"it goes":                             {has("a"), nil, []string{"a"}},
		"it is Paused before it had it":       {names(v1alpha1.ReasonConflict), paused, []string{"a"}},
		"it turns out that it cannot have it": {names(v1alpha1.ReasonConflict), names(v1alpha1.ReasonInputMissing), []string{"a"}},
		"it still may have it":                {names(v1alpha1.ReasonConflict), names(v1alpha1.ReasonThrottled), nil},
		"it never stood":                      {names(v1alpha1.ReasonInputMissing), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := movedBetween(c.before, nil)
			if c.after != nil {
				got = movedBetween(c.before, c.after)
			}
			if !slices.Equal(slices.Sorted(slices.Values(got)), c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
