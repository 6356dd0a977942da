package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// appending is a call that adds something at Stytch.
type appending struct {
	name, operation, field string
	switches               func(*stytchsim.Switches)
	// arrange makes what is there before, and returns the manifest; ask asks for what is to be added.
	arrange func(w *world) v1alpha1.Connection
	ask     func(w *world, o v1alpha1.Connection)
	// doubted expects what is said while the call may yet take effect. Sent is how often it may have been sent then: a call that
	// can be repeated is sent again, and what came twice is removed.
	doubted func(w *world, o v1alpha1.Connection)
	sent    int
	// expect what must hold in the end: there is one of what was added.
	expect func(w *world, o v1alpha1.Connection)
}

func appendings() []appending {
	list := []appending{addedCertificate(), addedKey(), rotationStart()}
	for _, position := range []string{"replace", "append"} {
		list = append(list, addedSigningKey(position))
	}
	for _, position := range positions {
		list = append(list, readMetadata(position))
	}
	for _, kind := range kindsOfSpecs() {
		list = append(list, createdConnection(kind))
	}
	return list
}

func createdConnection(kind kindOfSpecs) appending {
	return appending{
		name: "creation of a " + kind.name, operation: "Create" + kind.name, field: "display_name", sent: 1,
		arrange: kind.manifest,
		ask:     func(w *world, o v1alpha1.Connection) { w.create(o) },
		doubted: func(w *world, o v1alpha1.Connection) {
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonCreationInDoubt)
			Expect(w.made()).To(BeEmpty())
		},
		expect: func(w *world, o v1alpha1.Connection) { w.expectKept(o) },
	}
}

// settledSAML makes a SAML connection that an edit is made to.
func settledSAML(w *world) v1alpha1.Connection { return w.settled(w.saml("okta")) }

// inSyncMeanwhile expects that the call was repeated, and that Stytch shows what it brought.
func inSyncMeanwhile(w *world, o v1alpha1.Connection) {
	w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
}

func addedCertificate() appending {
	added := newCertificate("added")
	return appending{
		name: "verification certificate", operation: "UpdateSAMLConnection", field: "x509_certificate", sent: 2,
		arrange: settledSAML,
		ask: func(w *world, o v1alpha1.Connection) {
			edit(w, o.(*v1alpha1.SAMLConnection), func(o *v1alpha1.SAMLConnection) {
				o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: added})
			})
		},
		doubted: inSyncMeanwhile,
		expect: func(w *world, o v1alpha1.Connection) {
			w.expectKept(o)
			var wanted []string
			for _, c := range o.(*v1alpha1.SAMLConnection).Spec.VerificationCertificates {
				wanted = append(wanted, c.PEM)
			}
			w.expectInstalled(o.(*v1alpha1.SAMLConnection), wanted...)
		},
	}
}

func addedKey() appending {
	return appending{
		name: "encryption key", operation: "UpdateSAMLConnection", field: "saml_encryption_private_key", sent: 1,
		arrange: settledSAML,
		ask: func(w *world, o v1alpha1.Connection) {
			refs := w.keys("encryption", 0)
			edit(w, o.(*v1alpha1.SAMLConnection), func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = refs })
		},
		doubted: func(w *world, o v1alpha1.Connection) {
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonUnavailable)
		},
		expect: func(w *world, o v1alpha1.Connection) {
			w.expectKept(o)
			w.expectMapped(o.(*v1alpha1.SAMLConnection), 0)
			Expect(w.encryptionKeys(o.CommonStatus().ConnectionID)).To(Equal(spkis(0)))
		},
	}
}

func addedSigningKey(position string) appending {
	return appending{
		name: "signing key where Stytch does " + position, operation: "UpdateSAMLConnection", field: "signing_private_key", sent: 1,
		switches: func(s *stytchsim.Switches) { s.SigningCertificates = position },
		arrange:  settledSAML,
		ask: func(w *world, o v1alpha1.Connection) {
			ref := w.keys("signing", 0)[0]
			edit(w, o.(*v1alpha1.SAMLConnection), func(o *v1alpha1.SAMLConnection) { o.Spec.SigningPrivateKeyRef = &ref })
		},
		doubted: func(w *world, o v1alpha1.Connection) {
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonUnavailable)
		},
		expect: func(w *world, o v1alpha1.Connection) {
			w.expectKept(o)
			of := func(key string) bool { return key != spki(0) }
			Expect(slices.DeleteFunc(w.signingKeys(o.CommonStatus().ConnectionID), of)).To(Equal(spkis(0)))
		},
	}
}

func readMetadata(position string) appending {
	const idp = "https://idp.example.com"
	before, after := newCertificate("idp"), newCertificate("idp, next")
	return appending{
		name: "reading of metadata where it does " + position, operation: "UpdateSAMLConnectionByURL", field: "metadata_url", sent: 2,
		switches: withCertificates(position),
		arrange: func(w *world) v1alpha1.Connection {
			w.publishMetadata(metadataURL("okta"), idp, before)
			return w.settled(w.describedBy("okta", metadataURL("okta")))
		},
		ask: func(w *world, o v1alpha1.Connection) {
			w.publishMetadata(metadataURL("okta"), idp, after)
			w.refresh(o.(*v1alpha1.SAMLConnection), new("now"))
		},
		doubted: inSyncMeanwhile,
		expect: func(w *world, o v1alpha1.Connection) {
			read := []string{after}
			if position != "replace" {
				read = append(read, before) // nobody knows whether the document has it too
			}
			w.expectDescribed(o.(*v1alpha1.SAMLConnection), idp, read...)
		},
	}
}

func rotationStart() appending {
	return appending{
		name: "start of a rotation", operation: "StartSCIMTokenRotation", sent: 1,
		arrange: func(w *world) v1alpha1.Connection { return w.settled(w.scim("directory")) },
		ask:     func(w *world, o v1alpha1.Connection) { w.askForRotation(o.(*v1alpha1.SCIMConnection), "") },
		doubted: func(w *world, o v1alpha1.Connection) {
			w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonStarting)
			w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		},
		expect: func(w *world, o v1alpha1.Connection) {
			w.expectRotating(o.(*v1alpha1.SCIMConnection))
			Expect(w.rotationsStarted()).To(Equal(2), "the first one is canceled: nobody has its token")
		},
	}
}

// sentOf is how often a call was sent that carries what it adds, or of those, how often with effect.
func (a appending) sentOf(w *world, committed bool) int {
	n := 0
	for _, c := range w.callsSince(0) {
		if c.Operation == a.operation && (a.field == "" || slices.Contains(c.Fields, a.field)) && (c.Committed || !committed) {
			n++
		}
	}
	return n
}

var _ = Describe("What takes effect after its sender gave up", func() {
	for _, a := range appendings() {
		for _, dies := range []bool{false, true} {
			whose := map[bool]string{false: "whose sender lives", true: "whose sender died"}[dies]
			It(fmt.Sprintf("is there once (%s, %s)", a.name, whose), func(ctx context.Context) {
				switches := a.switches
				if switches == nil {
					switches = func(*stytchsim.Switches) {}
				}
				w := newWorld(ctx, switches)
				o := a.arrange(w)
				a.ask(w, o)
				before := a.sentOf(w, false)
				p := w.start()
				h := w.hold(a.operation)
				p.life.givesUp = h.arrived
				p.pass(o)
				Expect(a.sentOf(w, false)).To(Equal(before+1), "it is on the wire")
				Expect(a.sentOf(w, true)).To(Equal(before))
				if dies {
					p.life.end()
					p = w.start()
				}
				p.life.givesUp = nil
				w.clock.advance(firstRetry)
				p.rest(o)
				a.doubted(w, o)
				w.clock.advance(4 * time.Second)
				p.rest(o)
				Expect(a.sentOf(w, false)).To(Equal(before + a.sent))
				h.release()
				Eventually(h.ended).Should(Receive())
				for range 2 {
					w.clock.advance(resync)
					p.settle(o)
				}
				a.expect(w, o)
				p.expectQuiet(o)
				w.start().expectQuiet(o)
			})
		}
	}
})
