package controllers

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// detailed are manifests that have their details written into the ConfigMap details.
func detailed() map[string]func(w *world) v1alpha1.Connection {
	return map[string]func(w *world) v1alpha1.Connection{
		kindSAML: func(w *world) v1alpha1.Connection { return detailsIn(w.saml("okta"), "details") },
		kindOIDC: func(w *world) v1alpha1.Connection { return detailsIn(w.oidc("entra"), "details") },
	}
}

// detailsIn has a manifest's details written into a ConfigMap.
func detailsIn(o v1alpha1.Connection, name string) v1alpha1.Connection {
	switch o := o.(type) {
	case *v1alpha1.SAMLConnection:
		o.Spec.DetailsConfigMapName = name
	case *v1alpha1.OIDCConnection:
		o.Spec.DetailsConfigMapName = name
	}
	return o
}

// expectDetails expects that a ConfigMap of the manifest's holds what Stytch has, and nothing else.
func (w *world) expectDetails(o v1alpha1.Connection, name string) *corev1.ConfigMap {
	GinkgoHelper()
	object := w.configMap(name, nil)
	w.reload(object)
	Expect(object.Data).To(Equal(w.detailsAtStytch(o)))
	Expect(object.OwnerReferences).To(HaveLen(1))
	Expect(object.Labels).To(HaveKeyWithValue(v1alpha1.LabelConnection, o.CommonStatus().ConnectionID))
	owner := object.OwnerReferences[0]
	Expect([]any{owner.UID, owner.Name, *owner.Controller}).To(Equal([]any{o.GetUID(), o.GetName(), true}))
	Expect(owner.BlockOwnerDeletion).To(Or(BeNil(), HaveValue(BeFalse())), "that right is more than the operator has")
	return object
}

// detailsAtStytch is what the identity provider's side has to know.
func (w *world) detailsAtStytch(o v1alpha1.Connection) map[string]string {
	GinkgoHelper()
	if _, isOIDC := o.(*v1alpha1.OIDCConnection); isOIDC {
		return map[string]string{"redirect-url": w.field(o, "redirect_url").(string)}
	}
	signing := w.field(o, "signing_certificates").([]any)
	newest := signing[len(signing)-1].(map[string]any)
	return map[string]string{
		"acs-url": w.field(o, "acs_url").(string), "audience-uri": w.field(o, "audience_uri").(string),
		"signing-certificate.pem": newest["certificate"].(string),
	}
}

var _ = Describe("The ConfigMap of a connection's details", func() {
	for kind, manifest := range detailed() {
		It(fmt.Sprintf("is made once, is the manifest's, and is then left in peace (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			o := manifest(w)
			w.create(o)
			p := w.start()
			got := p.settle(o)
			w.expectKept(o)
			object := w.expectDetails(o, "details")
			Expect(strings.Join(got.writes, "\n")).To(ContainSubstring("POST /api/v1/namespaces/"+w.namespace+"/configmaps"), "written by the operator")
			Expect(o.CommonStatus().Inputs).To(ContainElement(v1alpha1.Input{
				Kind: "ConfigMap", Name: "details", UID: string(object.UID), ResourceVersion: object.ResourceVersion,
			}))
			p.expectQuiet(o)
			w.start().expectQuiet(o)
			w.clock.advance(p.pass(o).result.RequeueAfter)
			got = p.expectPass(o, "GET /v1/b2b/sso/organization")
			Expect(got.writes).To(BeEmpty())
		})

		It(fmt.Sprintf("is put right when somebody edits it, and made again when somebody deletes it, without a call (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(manifest(w))
			p := w.start()
			p.expectQuiet(o)
			for _, act := range []func(){
				func() {
					edit(w, w.configMap("details", nil), func(c *corev1.ConfigMap) {
						for key := range c.Data {
							c.Data[key] = "by hand"
						}
						c.Data["note"] = "by hand"
					})
				},
				func() { edit(w, w.configMap("details", nil), func(c *corev1.ConfigMap) { c.Data = nil }) },
				func() { w.delete(w.configMap("details", nil)) },
			} {
				act()
				seq := w.seq()
				p.settle(o)
				w.expectDetails(o, "details")
				Expect(w.sentSince(seq)).To(BeEmpty())
				w.expectKept(o)
				p.expectQuiet(o)
			}
		})

		It(fmt.Sprintf("is never written where it is somebody else's: that is said, and the rest is applied (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			foreign := w.configMap("details", map[string]string{"acs-url": "somebody else's"})
			w.create(foreign)
			before := foreign.ResourceVersion
			o := w.settled(detailsIn(manifest(w), ""))
			edit(w, o, func(o v1alpha1.Connection) { detailsIn(o, "details").CommonSpec().DisplayName = "Renamed" })
			p := w.start()
			p.rest(o)
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(Equal(
				"ConfigMap details already exists and was not created for this manifest, so it is not changed. Delete it, or set spec.detailsConfigMapName to another name."))
			Expect(w.field(o, "display_name")).To(Equal("Renamed"))
			w.reload(foreign)
			Expect(foreign.ResourceVersion).To(Equal(before))
			Expect(p.pass(o).quiet()).To(BeTrue())
			w.delete(foreign)
			p.settle(o)
			w.expectKept(o)
			w.expectDetails(o, "details")
		})

		crashed := map[string]flow{
			kindSAML: creation(manifest),
			kindOIDC: {
				name:    "update",
				arrange: func(w *world) v1alpha1.Connection { return w.settled(manifest(w)) },
				ask: func(w *world, _ v1alpha1.Connection) {
					edit(w, w.configMap("details", nil), func(c *corev1.ConfigMap) { c.Data = map[string]string{"note": "by hand"} })
				},
				expect: func(w *world, o v1alpha1.Connection) { w.expectKept(o) },
			},
		}[kind]
		It(fmt.Sprintf("is whole whatever call or write of its %s a crash falls on (%s)", crashed.name, kind), func(ctx context.Context) {
			kept := crashed.expect
			crashed.expect = func(w *world, o v1alpha1.Connection) {
				kept(w, o)
				w.expectDetails(o, "details")
			}
			Expect(crashed.crash(ctx, 1)).To(BeNumerically(">=", 2))
		})
	}

	It("that was made without a label gets one with the next write, and not before", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(detailed()[kindSAML](w))
		w.expectDetails(o, "details")
		edit(w, w.configMap("details", nil), func(c *corev1.ConfigMap) { c.Labels = nil })
		p, before := w.start(), w.writesOf("configmaps")
		p.settle(o)
		p.expectQuiet(o)
		Expect(w.writesOf("configmaps")).To(Equal(before))
		edit(w, w.configMap("details", nil), func(c *corev1.ConfigMap) { c.Data["note"] = "by hand" })
		p.settle(o)
		w.expectDetails(o, "details")
	})

	It("that was restored without owner and label is the manifest's where it holds exactly what would be written", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(detailed()[kindSAML](w))
		w.expectDetails(o, "details")
		restored := func(change func(*corev1.ConfigMap)) {
			edit(w, w.configMap("details", nil), func(c *corev1.ConfigMap) {
				c.Labels, c.OwnerReferences = nil, nil
				change(c)
			})
		}
		p, seq := w.start(), w.seq()
		for _, change := range []func(*corev1.ConfigMap){
			func(c *corev1.ConfigMap) { c.Data["note"] = "by hand" },
			func(c *corev1.ConfigMap) { c.Labels = map[string]string{"app.kubernetes.io/instance": "infra"} },
			func(c *corev1.ConfigMap) {
				c.Labels = map[string]string{v1alpha1.LabelConnection: "saml-connection-test-other"}
			},
		} {
			restored(change)
			before := w.configMap("details", nil)
			w.reload(before)
			p.rest(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)
			after := w.configMap("details", nil)
			w.reload(after)
			Expect(after.ResourceVersion).To(Equal(before.ResourceVersion))
			restored(func(c *corev1.ConfigMap) { delete(c.Data, "note") })
			p.settle(o)
			w.expectKept(o)
			w.expectDetails(o, "details")
		}
		w.expectNothingSentSince(seq)
		p.expectQuiet(o)
	})

	It("is not the manifest's where another manifest of the same name was, if nothing says whose connection it tells of", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(detailed()[kindSAML](w))
		owned := w.expectDetails(o, "details")
		edit(w, owned, func(c *corev1.ConfigMap) { c.Labels = nil })
		w.delete(o)
		p := w.start()
		p.settle(o)
		again := w.saml("okta")
		again.Spec.ConnectionID, again.Spec.DetailsConfigMapName = o.CommonStatus().ConnectionID, "details"
		w.create(again)
		p.rest(again)
		w.expectCondition(again, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)
		before := owned.ResourceVersion
		w.reload(owned)
		Expect(owned.ResourceVersion).To(Equal(before))
		w.delete(owned) // as the garbage collector does
		p.settle(again)
		w.expectKept(again)
		w.expectDetails(again, "details")
	})

	It("is not the manifest's where the manifest is an owner beside its controller", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.saml("okta")).(*v1alpha1.SAMLConnection)
		shared := w.configMap("details", map[string]string{"acs-url": "somebody else's"})
		shared.OwnerReferences = []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: kindSAML, Name: o.Name, UID: o.UID}}
		w.create(shared)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DetailsConfigMapName = "details" })
		p := w.start()
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)
		w.reload(shared)
		Expect(shared.Data).To(Equal(map[string]string{"acs-url": "somebody else's"}))
	})

	for _, kept := range []string{"replace", "append"} {
		It("shows the signing certificate that Stytch makes of a new key, where that is told to "+kept+" the old one", func(ctx context.Context) {
			w := newWorld(ctx, func(s *stytchsim.Switches) { s.SigningCertificates = kept })
			o := w.settled(detailed()[kindSAML](w)).(*v1alpha1.SAMLConnection)
			before := w.expectDetails(o, "details").Data[v1alpha1.DetailsKeySigningCertificate]
			w.create(w.secret("keys", map[string]string{"signing": pkcs1(0)}))
			edit(w, o, func(o *v1alpha1.SAMLConnection) {
				o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "keys", Key: "signing"}
			})
			p := w.start()
			for _, key := range []string{pkcs1(0), pkcs8(1)} {
				edit(w, w.secret("keys", nil), func(s *corev1.Secret) { s.Data["signing"] = []byte(key) })
				got := p.settle(o)
				w.expectKept(o)
				after := w.expectDetails(o, "details").Data[v1alpha1.DetailsKeySigningCertificate]
				Expect(after).NotTo(Equal(before))
				before = after
				written := 0
				for _, write := range got.writes {
					if strings.Contains(write, "/configmaps/") {
						written++
					}
				}
				Expect(written).To(Equal(1), "%v", got.writes)
				p.expectQuiet(o)
			}
		})
	}

	It("does not hold up what is to be sent to Stytch while it cannot be written", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(detailed()[kindSAML](w)).(*v1alpha1.SAMLConnection)
		edit(w, w.configMap("details", nil), func(c *corev1.ConfigMap) { c.Data, c.Immutable = map[string]string{"acs-url": "by hand"}, new(true) })
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		w.start().pass(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		Expect(w.field(o, "display_name")).To(Equal("Renamed"))
	})

	It("that was made immutable is left as it is while it is right, and otherwise until somebody deletes it", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(detailed()[kindSAML](w)).(*v1alpha1.SAMLConnection)
		edit(w, w.configMap("details", nil), func(c *corev1.ConfigMap) { c.Immutable = new(true) })
		p := w.start()
		p.settle(o)
		w.expectKept(o)
		w.create(w.secret("keys", map[string]string{"signing": pkcs1(0)}))
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.SigningPrivateKeyRef, o.Spec.DisplayName = &v1alpha1.SecretKeyRef{Name: "keys", Key: "signing"}, "Renamed"
		})
		p.pass(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(And(
			ContainSubstring("ConfigMap details cannot be written"), ContainSubstring("immutable")))
		Expect(w.field(o, "display_name")).To(Equal("Renamed"))
		w.clock.advance(inputPatience)
		p.pass(o)
		w.expectCondition(o, stalled, isTrueNow, v1alpha1.ReasonInputMissing)
		before := o.ResourceVersion
		w.clock.advance(resync)
		p.pass(o)
		w.reload(o)
		Expect(o.ResourceVersion).To(Equal(before), "the same finding is written again")
		w.delete(w.configMap("details", nil))
		p.settle(o)
		w.expectKept(o)
		w.expectDetails(o, "details")
	})

	It("is written under another name when the manifest gives one", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(detailed()[kindSAML](w)).(*v1alpha1.SAMLConnection)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DetailsConfigMapName = "moved" })
		p := w.start()
		p.settle(o)
		w.expectKept(o)
		w.expectDetails(o, "moved")
		w.expectDetails(o, "details") // goes with the manifest
		p.expectQuiet(o)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DetailsConfigMapName = "" })
		p.settle(o)
		w.expectKept(o)
		w.expectDetails(o, "moved")
		p.expectQuiet(o)
	})

	It("is not written under Observe, where the plan shows it", func(ctx context.Context) {
		w := newWorld(ctx)
		id := w.activeSAML(w.acme)
		o := &v1alpha1.SAMLConnection{ObjectMeta: w.meta("taken"), Spec: v1alpha1.SAMLConnectionSpec{
			ConnectionSpec:       v1alpha1.ConnectionSpec{Organization: w.acme.ID, ConnectionID: id, Management: v1alpha1.ManagementObserve},
			DetailsConfigMapName: "details",
		}}
		w.create(o)
		p := w.start()
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPlanPending)
		Expect(w.exists(w.configMap("details", nil))).To(BeFalse())
		var fields []string
		for _, change := range o.Status.Plan {
			fields = append(fields, change.Field)
		}
		Expect(fields).To(ConsistOf("details.acs-url", "details.audience-uri", "details.signing-certificate.pem"))
		p.expectQuiet(o)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.Management = "" })
		p.settle(o)
		w.reload(o)
		w.expectDetails(o, "details")
	})
})
