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
)

// stampable is a kind with a template for an object that the operator writes.
type stampable struct {
	manifest func(w *world) v1alpha1.Connection
	field    string // as status and events name the template
	event    string // that tells of a write of the object
	object   func(w *world) client.Object
}

// stampables are the kinds with a template.
func stampables() map[string]stampable {
	details := func(w *world) client.Object { return w.configMap("details", nil) }
	secret := func(w *world) client.Object { return &corev1.Secret{ObjectMeta: w.meta("directory-token")} }
	return map[string]stampable{
		kindSAML: {detailed()[kindSAML], "detailsTemplate", "DetailsPublished", details},
		kindOIDC: {detailed()[kindOIDC], "detailsTemplate", "DetailsPublished", details},
		"SCIMConnection": {
			func(w *world) v1alpha1.Connection { return w.scim("directory") }, "secretTemplate", "SecretUpdated", secret,
		},
	}
}

// stampedWith gives a manifest a template.
func stampedWith(o v1alpha1.Connection, template *v1alpha1.ObjectTemplate) v1alpha1.Connection {
	switch o := o.(type) {
	case *v1alpha1.SAMLConnection:
		o.Spec.DetailsTemplate = template
	case *v1alpha1.OIDCConnection:
		o.Spec.DetailsTemplate = template
	case *v1alpha1.SCIMConnection:
		o.Spec.BearerToken.SecretTemplate = template
	}
	return o
}

// aTemplate has a label and an annotation.
func aTemplate() *v1alpha1.ObjectTemplate {
	return &v1alpha1.ObjectTemplate{Labels: map[string]v1alpha1.LabelValue{"team": "infra"}, Annotations: map[string]string{"example.com/copy": "true"}}
}

// expectStamps expects that an object has these labels and annotations, in addition to those of the operator.
func (w *world) expectStamps(object client.Object, labels, annotations map[string]string) {
	GinkgoHelper()
	w.reload(object)
	others := func(all map[string]string) map[string]string {
		kept := map[string]string{}
		for key, value := range all {
			if !strings.HasPrefix(key, v1alpha1.AnnotationPrefix) {
				kept[key] = value
			}
		}
		return kept
	}
	Expect(others(object.GetLabels())).To(Equal(labels))
	Expect(others(object.GetAnnotations())).To(Equal(annotations))
}

type stamps = map[string]string

// writesTo are the writes of an object among those of a process.
func writesTo(object client.Object, writes []string) int {
	resource, n := "/secrets", 0
	if _, isConfigMap := object.(*corev1.ConfigMap); isConfigMap {
		resource = "/configmaps"
	}
	for _, write := range writes {
		if strings.Contains(write, resource) {
			n++
		}
	}
	return n
}

var _ = Describe("A template of labels and annotations", func() {
	for kind, s := range stampables() {
		It(fmt.Sprintf("is applied when its object is created, without a further write (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			without := newWorld(ctx)
			plain := s.manifest(without)
			without.create(plain)
			want := without.start().settle(plain).writes
			o := stampedWith(s.manifest(w), aTemplate())
			w.create(o)
			p := w.start()
			Expect(p.settle(o).writes).To(HaveLen(len(want)))
			w.expectKept(o)
			w.expectStamps(s.object(w), stamps{"team": "infra"}, stamps{"example.com/copy": "true"})
			p.expectQuiet(o)
			w.start().expectQuiet(o)
		})

		It(fmt.Sprintf("is followed when it is edited, by one write and without a call, and keeps the keys of others (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(stampedWith(s.manifest(w), aTemplate()))
			edit(w, s.object(w), func(object client.Object) {
				object.SetLabels(with(object.GetLabels(), "their", "own"))
				object.SetAnnotations(with(object.GetAnnotations(), "example.com/their", "own"))
			})
			p, seq := w.start(), w.seq()
			Expect(writesTo(s.object(w), p.settle(o).writes)).To(BeZero())
			for _, step := range []struct {
				template            *v1alpha1.ObjectTemplate
				labels, annotations stamps
			}{
				{
					&v1alpha1.ObjectTemplate{Labels: map[string]v1alpha1.LabelValue{"team": "other", "more": ""}},
					stamps{"team": "other", "more": "", "their": "own"},
					stamps{"example.com/their": "own"},
				},
				{
					&v1alpha1.ObjectTemplate{Annotations: stamps{"example.com/copy": "again", "example.com/their": "own"}},
					stamps{"their": "own"},
					stamps{"example.com/copy": "again", "example.com/their": "own"},
				},
				{nil, stamps{"their": "own"}, stamps{"example.com/their": "own"}},
			} {
				edit(w, o, func(o v1alpha1.Connection) { stampedWith(o, step.template) })
				Expect(writesTo(s.object(w), p.settle(o).writes)).To(Equal(1))
				w.expectKept(o)
				w.expectStamps(s.object(w), step.labels, step.annotations)
				p.expectQuiet(o)
			}
			Expect(w.sentSince(seq)).To(BeEmpty())
			object := s.object(w)
			w.reload(object)
			Expect(object.GetAnnotations()).NotTo(HaveKey(v1alpha1.AnnotationTemplateKeys))
			Eventually(func() []string { return w.notes(s.event) }).Should(
				ContainElement(ContainSubstring(s.field + `.labels.team: "infra" → "other"`)))
		})

		It(fmt.Sprintf("is applied again when somebody removes or changes what it set, and otherwise nothing is written (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(stampedWith(s.manifest(w), aTemplate()))
			p, seq := w.start(), w.seq()
			for _, change := range []func(client.Object){
				func(object client.Object) { object.SetLabels(with(object.GetLabels(), "team", "theirs")) },
				func(object client.Object) {
					labels := object.GetLabels()
					delete(labels, "team")
					object.SetLabels(labels)
				},
				func(object client.Object) { object.SetAnnotations(nil) },
			} {
				edit(w, s.object(w), change)
				Expect(writesTo(s.object(w), p.settle(o).writes)).To(Equal(1))
				w.expectKept(o)
				w.expectStamps(s.object(w), stamps{"team": "infra"}, stamps{"example.com/copy": "true"})
				p.expectQuiet(o)
			}
			Expect(w.sentSince(seq)).To(BeEmpty())
			w.clock.advance(resync)
			Expect(p.settle(o).writes).To(BeEmpty())
		})

		It(fmt.Sprintf("is not applied under Paused and Observe, whose plan shows it (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(s.manifest(w))
			object := s.object(w)
			w.reload(object)
			before, p := object.GetResourceVersion(), w.start()
			edit(w, o, func(o v1alpha1.Connection) {
				stampedWith(o, aTemplate()).CommonSpec().Management = v1alpha1.ManagementPaused
			})
			p.settle(o)
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().Management = v1alpha1.ManagementObserve })
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPlanPending)
			Expect(o.CommonStatus().Plan).To(ConsistOf(
				v1alpha1.Change{Field: s.field + ".labels.team", Want: "infra"},
				v1alpha1.Change{Field: s.field + ".annotations.example.com/copy", Want: "true"}))
			w.reload(object)
			Expect(object.GetResourceVersion()).To(Equal(before))
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().Management = "" })
			p.settle(o)
			w.expectKept(o)
			w.expectStamps(object, stamps{"team": "infra"}, stamps{"example.com/copy": "true"})
		})

		for name, f := range map[string]flow{
			"its creation": creation(func(w *world) v1alpha1.Connection { return stampedWith(s.manifest(w), aTemplate()) }),
			"an edit": {
				arrange: func(w *world) v1alpha1.Connection { return w.settled(s.manifest(w)) },
				ask: func(w *world, o v1alpha1.Connection) {
					edit(w, o, func(o v1alpha1.Connection) { stampedWith(o, aTemplate()) })
				},
			},
		} {
			It(fmt.Sprintf("is applied whatever call or write of %s a crash falls on (%s)", name, kind), func(ctx context.Context) {
				f.expect = func(w *world, o v1alpha1.Connection) {
					w.expectKept(o)
					w.expectStamps(s.object(w), stamps{"team": "infra"}, stamps{"example.com/copy": "true"})
				}
				Expect(f.crash(ctx, 1)).To(BeNumerically(">=", 2))
			})
		}
	}

	It("that admission refuses keeps back neither the token nor the settings, and is said", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		w.watchSecret(o)
		lift := w.refuseLabel("secrets", "team")
		edit(w, o, func(o *v1alpha1.SCIMConnection) {
			stampedWith(o, aTemplate())
			o.Spec.DisplayName = "Renamed"
		})
		w.askForRotation(o, "")
		p := w.start()
		p.pass(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(Equal(
			"The labels and annotations in spec.bearerToken.secretTemplate cannot be set on Secret directory-token (the API server returned Invalid). " +
				"Fix spec.bearerToken.secretTemplate, or check admission policies. Retrying at the next resync."))
		remote, _ := w.sim.Connection(o.Status.ConnectionID)
		Expect(remote.DisplayName).To(Equal("Renamed"))
		next := w.tokenSecret(o).Data[v1alpha1.SecretKeyNextToken]
		Expect(w.sim.VerifyToken(o.Status.ConnectionID, string(next)).Which).To(Equal("next"))
		w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, lastFour(next))
		p.pass(o)
		Expect(w.current(o)).To(Equal(lastFour(next)))
		w.clock.advance(inputPatience)
		p.pass(o)
		w.expectCondition(o, v1alpha1.ConditionStalled, isTrueNow, v1alpha1.ReasonInputMissing)
		w.reload(o)
		before := o.ResourceVersion
		w.clock.advance(resync)
		p.pass(o)
		w.reload(o)
		Expect(o.ResourceVersion).To(Equal(before), "the same finding is written again")
		lift()
		w.clock.advance(resync)
		p.settle(o)
		w.expectKept(o)
		w.expectStamps(w.tokenSecret(o), stamps{"team": "infra"}, stamps{"example.com/copy": "true"})
	})

	It("that admission refuses on a new Secret costs no token: nothing is created before that is mended", func(ctx context.Context) {
		w := newWorld(ctx)
		lift := w.refuseLabel("secrets", "team")
		defer lift()
		o := stampedWith(w.scim("directory"), aTemplate()).(*v1alpha1.SCIMConnection)
		w.create(o)
		p := w.start()
		p.pass(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(And(
			ContainSubstring("Secret directory-token cannot be written (the API server returned Invalid). Nothing is sent to Stytch"),
			ContainSubstring("spec.bearerToken.secretTemplate")))
		Expect(w.made()).To(BeEmpty())
		edit(w, o, func(o *v1alpha1.SCIMConnection) { o.Spec.BearerToken.SecretTemplate.Labels = nil })
		p.settle(o)
		w.expectKept(o)
		w.expectStamps(w.tokenSecret(o), stamps{}, stamps{"example.com/copy": "true"})
	})

	It("that admission refuses does not hold up what the ConfigMap holds", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(detailed()[kindSAML](w))
		lift := w.refuseLabel("configmaps", "team")
		defer lift()
		edit(w, w.configMap("details", nil), func(c *corev1.ConfigMap) { c.Data["acs-url"] = "by hand" })
		edit(w, o, func(o v1alpha1.Connection) { stampedWith(o, aTemplate()).CommonSpec().DisplayName = "Renamed" })
		w.start().pass(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(And(
			ContainSubstring("The labels and annotations in spec.detailsTemplate cannot be set on ConfigMap details"),
			ContainSubstring("Fix spec.detailsTemplate, or check admission policies.")))
		Expect(w.field(o, "display_name")).To(Equal("Renamed"))
		w.expectDetails(o, "details")
	})

	It("leaves what is in a Secret, its type and the label by which it is the connection's as they are", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		before := w.tokenSecret(o)
		edit(w, o, func(o *v1alpha1.SCIMConnection) { stampedWith(o, aTemplate()) })
		w.start().settle(o)
		after := w.tokenSecret(o)
		Expect(after.Data).To(Equal(before.Data))
		Expect(after.Type).To(Equal(before.Type))
		Expect(after.Labels).To(HaveKeyWithValue(v1alpha1.LabelConnection, o.Status.ConnectionID))
	})
})

// with is a copy of labels or annotations with one more.
func with(all stamps, key, value string) stamps {
	more := stamps{key: value}
	for k, v := range all {
		if k != key {
			more[k] = v
		}
	}
	return more
}
