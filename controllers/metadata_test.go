package controllers

import (
	"context"
	"net/http"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// metadataURL is where the identity provider of a name publishes its metadata.
func metadataURL(name string) string { return "https://idp.example.com/" + name + "/metadata" }

// publishMetadata puts an identity provider's metadata at a URL.
func (w *world) publishMetadata(url, entity string, certificates ...string) {
	GinkgoHelper()
	Expect(w.sim.AddDocument(stytchsim.Document{
		URL: url, IDPEntityID: entity, IDPSSOURL: entity + "/sso", Certificates: certificates,
	})).To(Succeed())
}

// describedBy is a manifest that takes everything from metadata.
func (w *world) describedBy(name, url string) *v1alpha1.SAMLConnection {
	GinkgoHelper()
	o := w.saml(name)
	o.Spec.MetadataURL = url
	o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.VerificationCertificates = "", "", nil
	return o
}

// refresh asks for the metadata to be read again; nil takes the annotation away.
func (w *world) refresh(o *v1alpha1.SAMLConnection, value *string) {
	GinkgoHelper()
	edit(w, o, func(o *v1alpha1.SAMLConnection) {
		delete(o.Annotations, v1alpha1.AnnotationRefreshMetadata)
		if value == nil {
			return
		}
		if o.Annotations == nil {
			o.Annotations = map[string]string{}
		}
		o.Annotations[v1alpha1.AnnotationRefreshMetadata] = *value
	})
}

// expectDescribed expects a connection that is as metadata says, and that this is recorded.
func (w *world) expectDescribed(o *v1alpha1.SAMLConnection, entity string, certificates ...string) {
	GinkgoHelper()
	w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	Expect(w.field(o, "idp_entity_id")).To(Equal(entity))
	Expect(w.field(o, "idp_sso_url")).To(Equal(entity + "/sso"))
	w.expectInstalled(o, certificates...)
	read := o.Status.FromMetadata
	Expect(read).NotTo(BeNil())
	Expect([]string{read.MetadataURL, read.IDPEntityID, read.IDPSSOURL}).To(Equal([]string{o.Spec.MetadataURL, entity, entity + "/sso"}))
	Expect(read.Certificates).To(ConsistOf(shas(certificates...)))
}

// positions are those of the switch metadata-certificates: what reading does to the certificates there is not documented.
var positions = []string{"append", "append-all", "replace"}

func withCertificates(position string) func(*stytchsim.Switches) {
	return func(s *stytchsim.Switches) { s.MetadataCertificates = position }
}

var _ = Describe("A metadataURL", func() {
	const idp, other = "https://idp.example.com", "https://other.example.com"
	url := metadataURL("okta")

	for _, position := range positions {
		Context("where reading does "+position, func() {
			It("makes a new connection active in one reading, is recorded, and is not read again", func(ctx context.Context) {
				w := newWorld(ctx, withCertificates(position))
				a, b := newCertificate("a"), newCertificate("b")
				w.publishMetadata(url, idp, a, b)
				o := w.describedBy("okta", url)
				w.create(o)
				p := w.start()
				Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"GET", "POST /v1/b2b/sso/saml/organization", "PUT", readsMetadata}))
				w.expectKept(o)
				w.expectDescribed(o, idp, a, b)
				p.expectQuiet(o)
				w.start().expectQuiet(o)
				for range 2 {
					w.clock.advance(p.pass(o).result.RequeueAfter)
					got := p.pass(o)
					Expect(samlCalls(got.calls)).To(Equal([]string{"GET"}))
					Expect(got.writes).To(BeEmpty())
				}
			})

			It("is read again whenever the annotation comes or changes, and not when it goes", func(ctx context.Context) {
				w := newWorld(ctx, withCertificates(position))
				certificate := newCertificate("idp")
				w.publishMetadata(url, idp, certificate)
				o := w.describedBy("okta", url)
				w.settled(o)
				p := w.start()
				for _, value := range []*string{new("once"), new("twice"), new("")} {
					w.refresh(o, value)
					seq := w.seq()
					p.settle(o)
					Expect(w.sentSince(seq)).To(ContainElement([]string{"metadata_url"}))
					Expect(slices.DeleteFunc(w.sentSince(seq), func(f []string) bool { return len(f) == 0 })).To(HaveLen(1), "certificates that came twice are deleted, and nothing else is sent")
					w.expectDescribed(o, idp, certificate)
					p.expectQuiet(o)
				}
				w.refresh(o, nil)
				seq := w.seq()
				p.settle(o)
				Expect(w.sentSince(seq)).To(BeEmpty())
				w.start().expectQuiet(o)
			})

			It("brings the next certificate that the identity provider publishes there when a refresh is asked for", func(ctx context.Context) {
				w := newWorld(ctx, withCertificates(position))
				old, next := newCertificate("old"), newCertificate("next")
				w.publishMetadata(url, idp, old)
				o := w.describedBy("okta", url)
				w.settled(o)
				w.publishMetadata(url, idp, old, next)
				v := w.watchCertificates()
				v.note(o.Status.ConnectionID, "at first")
				p := w.start()
				w.clock.advance(resync)
				p.settle(o)
				w.expectDescribed(o, idp, old)
				w.refresh(o, new("rolled over"))
				p.settle(o)
				w.expectDescribed(o, idp, old, next)
				v.expectNeverFewer(o.Status.ConnectionID, old, next)
				p.expectQuiet(o)
			})

			It("takes the place of another, with the other identity provider's certificates", func(ctx context.Context) {
				w := newWorld(ctx, withCertificates(position))
				a, b, c := newCertificate("a"), newCertificate("b"), newCertificate("c")
				w.publishMetadata(url, idp, a, b)
				w.publishMetadata(metadataURL("other"), other, c)
				o := w.describedBy("okta", url)
				w.settled(o)
				edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.MetadataURL = metadataURL("other") })
				p := w.start()
				seq := w.seq()
				p.settle(o)
				w.expectDescribed(o, other, c)
				Expect(w.sentSince(seq)[0]).To(Equal([]string{"metadata_url"}))
				p.expectQuiet(o)
			})

			It("may move, and what it describes stays", func(ctx context.Context) {
				w := newWorld(ctx, withCertificates(position))
				a := newCertificate("a")
				w.publishMetadata(url, idp, a)
				w.publishMetadata(metadataURL("moved"), idp, a)
				o := w.describedBy("okta", url)
				w.settled(o)
				edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.MetadataURL = metadataURL("moved") })
				p := w.start()
				p.settle(o)
				w.expectDescribed(o, idp, a)
				p.expectQuiet(o)
			})

			It("holds against whoever points the connection at another identity provider in the dashboard", func(ctx context.Context) {
				w := newWorld(ctx, withCertificates(position))
				ours, foreign := newCertificate("ours"), newCertificate("foreign")
				w.publishMetadata(url, idp, ours)
				o := w.describedBy("okta", url)
				w.settled(o)
				for _, theft := range []map[string]any{
					{"idp_entity_id": other, "idp_sso_url": other + "/sso"},
					{"verification_certificates": anyOf(ours, foreign)},
					{"verification_certificates": anyOf(foreign)},
					{"idp_entity_id": other, "idp_sso_url": other + "/sso", "verification_certificates": anyOf(foreign)},
					{"idp_entity_id": other, "verification_certificates": anyOf(newCertificates("1", "2", "3", "4", "5")...)},
				} {
					_, err := w.sim.PatchConnection(o.Status.ConnectionID, theft)
					Expect(err).NotTo(HaveOccurred())
					p := w.start()
					p.expectQuiet(o)
					w.clock.advance(p.pass(o).result.RequeueAfter)
					p.settle(o)
					w.expectDescribed(o, idp, ours)
					p.expectQuiet(o)
				}
			})

			It("replaces, when it comes in the place of what the manifest said, the certificates of another identity provider", func(ctx context.Context) {
				w := newWorld(ctx, withCertificates(position))
				a, b := newCertificate("a"), newCertificate("b")
				w.publishMetadata(url, other, b)
				o := w.saml("okta")
				o.Spec.VerificationCertificates = specCertificates(a)
				w.settled(o)
				edit(w, o, func(o *v1alpha1.SAMLConnection) {
					o.Spec.MetadataURL = url
					o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.VerificationCertificates = "", "", nil
				})
				p := w.start()
				p.settle(o)
				w.expectDescribed(o, other, b)

				edit(w, o, func(o *v1alpha1.SAMLConnection) {
					o.Spec.MetadataURL = ""
					o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.VerificationCertificates = idp, idp+"/sso", specCertificates(a)
				})
				p.settle(o)
				w.expectKept(o)
				w.expectInstalled(o, a)
				Expect(o.Status.FromMetadata).To(BeNil())
				p.expectQuiet(o)
			})
		})
	}

	for what, document := range map[string]*stytchsim.Document{
		"HTML":               {URL: url, Body: "<html><body>Sign in</body></html>"},
		"nothing":            nil,
		"half of what is it": {URL: url, IDPEntityID: idp},
	} {
		It("that answers with "+what+" is refused with advice, while the other fields are applied, until it answers well", func(ctx context.Context) {
			w := newWorld(ctx)
			if document != nil {
				Expect(w.sim.AddDocument(*document)).To(Succeed())
			}
			o := w.describedBy("okta", url)
			o.Spec.EncryptionPrivateKeyRefs = w.keys("enc", 0)
			w.create(o)
			p := w.start()
			p.rest(o)
			message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
			Expect(message).To(ContainSubstring("Check spec.metadataURL. It must be reachable from the internet and return the identity provider's SAML metadata as XML"))
			w.expectCondition(o, v1alpha1.ConditionReady, isFalseNow, v1alpha1.ReasonRejected)
			Expect(isTrue(o, stalled)).To(BeTrue())
			Expect(w.field(o, "attribute_mapping")).To(HaveKeyWithValue("email", "NameID"))
			Expect(w.field(o, "display_name")).To(Equal(o.Spec.DisplayName))
			Expect(w.encryptionKeys(o.Status.ConnectionID)).To(Equal(spkis(0)), "the other fields are applied")
			Expect(o.Status.FromMetadata).To(BeNil())
			before := o.ResourceVersion
			w.clock.advance(resync)
			p.rest(o)
			w.reload(o)
			Expect(o.ResourceVersion).To(Equal(before))

			certificate := newCertificate("idp")
			w.publishMetadata(url, idp, certificate)
			w.clock.advance(resync)
			p.settle(o)
			w.expectDescribed(o, idp, certificate)
		})
	}

	It("that does not answer any more leaves the connection as it was", func(ctx context.Context) {
		w := newWorld(ctx)
		certificate := newCertificate("idp")
		w.publishMetadata(url, idp, certificate)
		o := w.describedBy("okta", url)
		w.settled(o)
		Expect(w.sim.AddDocument(stytchsim.Document{URL: url, Body: "<html>"})).To(Succeed())
		w.refresh(o, new("now"))
		p := w.start()
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
		w.expectInstalled(o, certificate)
		w.refresh(o, nil)
		p.settle(o)
		w.expectDescribed(o, idp, certificate)
		p.expectQuiet(o)
	})

	It("is read once more after an answer that was lost, and what it brought is known", func(ctx context.Context) {
		w := newWorld(ctx)
		a, b := newCertificate("a"), newCertificate("b")
		w.publishMetadata(url, idp, a)
		o := w.describedBy("okta", url)
		w.settled(o)
		w.publishMetadata(url, idp, a, b)
		w.refresh(o, new("now"))
		w.fault(stytchsim.Fault{Operation: "UpdateSAMLConnectionByURL", Times: 1, Effect: stytchsim.FaultCutAfterCommit})
		p := w.start()
		p.settle(o)
		w.expectDescribed(o, idp, a, b)
		p.expectQuiet(o)
	})

	It("is read under Observe by nobody, and shown as planned", func(ctx context.Context) {
		w := newWorld(ctx)
		w.publishMetadata(url, idp, newCertificate("idp"))
		o := w.describedBy("okta", url)
		w.settled(o)
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.Management, o.Spec.MetadataURL = v1alpha1.ManagementObserve, metadataURL("other")
		})
		seq := w.seq()
		p := w.start()
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPlanPending)
		Expect(o.Status.Plan).To(Equal([]v1alpha1.Change{{Field: "metadata_url", Have: url, Want: metadataURL("other")}}))
		for _, call := range w.callsSince(seq) {
			Expect(call.Method).To(Equal(http.MethodGet))
		}
	})
})

var _ = Describe("A process that dies while metadata is read", func() {
	const idp, other = "https://idp.example.com", "https://other.example.com"
	old, next, others := newCertificate("old"), newCertificate("next"), newCertificate("other")

	// described makes a manifest of an organization of its own, with metadata of its own.
	described := func(w *world, name string) *v1alpha1.SAMLConnection {
		w.publishMetadata(metadataURL(name), idp, old)
		o := w.describedBy(name, metadataURL(name))
		o.Spec.Organization = w.organization(name).ID
		return o
	}
	for _, position := range positions {
		It("for the first time leaves a connection as it says ("+position+")", func(ctx context.Context) {
			crashSeries{
				switches: withCertificates(position),
				arrange:  func(w *world, _ *process, name string) *v1alpha1.SAMLConnection { return described(w, name) },
				ask:      func(w *world, o *v1alpha1.SAMLConnection) { w.create(o) },
				expect:   func(w *world, o *v1alpha1.SAMLConnection) { w.expectDescribed(o, idp, old) },
			}.run(ctx)
		})

		settled := func(w *world, p *process, name string) *v1alpha1.SAMLConnection {
			o := described(w, name)
			w.create(o)
			p.catchUp()
			p.settleOnCache(o)
			return o
		}
		It("again leaves a connection as it says ("+position+")", func(ctx context.Context) {
			crashSeries{
				switches: withCertificates(position), arrange: settled,
				ask: func(w *world, o *v1alpha1.SAMLConnection) {
					w.publishMetadata(o.Spec.MetadataURL, idp, old, next)
					w.refresh(o, new("rolled over"))
				},
				expect: func(w *world, o *v1alpha1.SAMLConnection) { w.expectDescribed(o, idp, old, next) },
			}.run(ctx)
		})

		It("in the place of what the manifest said leaves a connection as it says ("+position+")", func(ctx context.Context) {
			crashSeries{
				switches: withCertificates(position),
				arrange: func(w *world, p *process, name string) *v1alpha1.SAMLConnection {
					o := w.saml(name)
					o.Spec.Organization = w.organization(name).ID
					o.Spec.VerificationCertificates = specCertificates(old)
					w.create(o)
					p.catchUp()
					p.settleOnCache(o)
					return o
				},
				ask: func(w *world, o *v1alpha1.SAMLConnection) {
					w.publishMetadata(metadataURL(o.Name), other, others)
					edit(w, o, func(o *v1alpha1.SAMLConnection) {
						o.Spec.MetadataURL = metadataURL(o.Name)
						o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.VerificationCertificates = "", "", nil
					})
				},
				expect: func(w *world, o *v1alpha1.SAMLConnection) { w.expectDescribed(o, other, others) },
			}.run(ctx)
		})

		It("at another URL leaves a connection as it says there ("+position+")", func(ctx context.Context) {
			crashSeries{
				switches: withCertificates(position), arrange: settled,
				ask: func(w *world, o *v1alpha1.SAMLConnection) {
					w.publishMetadata(metadataURL("other-of-"+o.Name), other, others)
					edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.MetadataURL = metadataURL("other-of-" + o.Name) })
				},
				expect: func(w *world, o *v1alpha1.SAMLConnection) { w.expectDescribed(o, other, others) },
			}.run(ctx)
		})
	}
})
