package controllers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// keys puts RSA keys into Secrets of a name and returns what a manifest names them by.
func (w *world) keys(name string, numbers ...int) []v1alpha1.SecretKeyRef {
	GinkgoHelper()
	refs := []v1alpha1.SecretKeyRef{}
	for _, n := range numbers {
		secret := fmt.Sprintf("%s-%d", name, n)
		w.create(w.secret(secret, map[string]string{"key.pem": pkcs8(n)}))
		refs = append(refs, v1alpha1.SecretKeyRef{Name: secret, Key: "key.pem"})
	}
	return refs
}

// rotate puts another key into a Secret.
func (w *world) rotate(secret string, n int) {
	GinkgoHelper()
	edit(w, w.secret(secret, nil), func(s *corev1.Secret) { s.Data["key.pem"] = []byte(pkcs8(n)) })
}

// foreignKeys gives a connection encryption keys by hand, beside which the manifest's come.
func (w *world) foreignKeys(id string, numbers ...int) {
	GinkgoHelper()
	var texts []string
	for _, n := range numbers {
		texts = append(texts, pkcs1(n))
	}
	_, err := w.sim.PatchConnection(id, map[string]any{"encryption_private_keys": anyOf(texts...)})
	Expect(err).NotTo(HaveOccurred())
}

// callsPart makes a call as somebody would who has the project's secret, on a part of a connection.
func (w *world) callsPart(o *v1alpha1.SAMLConnection, method, part string, body io.Reader) {
	GinkgoHelper()
	url := fmt.Sprintf("%s/v1/b2b/sso/saml/%s/connections/%s%s", w.url, o.Status.OrganizationID, o.Status.ConnectionID, part)
	request, err := http.NewRequestWithContext(w.ctx, method, url, body)
	Expect(err).NotTo(HaveOccurred())
	request.SetBasicAuth(stytchsim.DefaultProjectID, stytchsim.DefaultSecret)
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	Expect(err).NotTo(HaveOccurred())
	Expect(response.Body.Close()).To(Succeed())
	Expect(response.StatusCode).To(Equal(http.StatusOK))
}

func (w *world) deleteKey(o *v1alpha1.SAMLConnection, id string) {
	GinkgoHelper()
	w.callsPart(o, http.MethodDelete, "/encryption_private_keys/"+id, nil)
}

var _ = Describe("A signing key", func() {
	for form, write := range map[string]func(int) string{"PKCS#1": pkcs1, "PKCS#8": pkcs8} {
		It("in "+form+" is what Stytch signs with, sent once, and shown nowhere", func(ctx context.Context) {
			w := newWorld(ctx)
			w.create(w.secret("signing", map[string]string{"key.pem": write(0)}))
			o := w.saml("okta")
			o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "signing", Key: "key.pem"}
			w.create(o)
			p := w.start()
			Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"GET", "POST /v1/b2b/sso/saml/organization", "PUT"}), "one update carries it beside the rest")
			w.expectKept(o)
			Expect(w.signingKeys(o.Status.ConnectionID)).To(Equal(spkis(0)))
			p.expectQuiet(o)
			w.start().expectQuiet(o)
			w.expectNoKey(0)
		})
	}

	for _, position := range []string{"replace", "append"} {
		It("that changes in its Secret is sent once, and the old one not again, where Stytch does "+position, func(ctx context.Context) {
			w := newWorld(ctx, func(s *stytchsim.Switches) { s.SigningCertificates = position })
			o := w.saml("okta")
			o.Spec.SigningPrivateKeyRef = &w.keys("signing", 0)[0]
			w.settled(o)
			w.clock.advance(resync)
			w.rotate("signing-0", 1)
			p := w.start()
			Expect(p.saml.referring(connection.KindSecret)(ctx, w.secret("signing-0", nil))).To(ConsistOf(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)}), "the change wakes it")
			seq := w.seq()
			p.settle(o)
			Expect(w.sentSince(seq)).To(Equal([][]string{{"signing_private_key"}}))
			w.expectKept(o)
			keys := w.signingKeys(o.Status.ConnectionID)
			Expect(keys[len(keys)-1]).To(Equal(spki(1)))
			Expect(o.Status.SigningCertificates).To(HaveLen(len(keys)))
			w.clock.advance(resync)
			p.settle(o)
			w.start().expectQuiet(o)

			w.rotate("signing-0", 0) // back to the first
			p = w.start()
			p.settle(o)
			Expect(w.sentSince(seq)).To(Equal([][]string{{"signing_private_key"}, {"signing_private_key"}}))
			keys = w.signingKeys(o.Status.ConnectionID)
			Expect(keys[len(keys)-1]).To(Equal(spki(0)))
			p.expectQuiet(o)
			w.expectNoKey(0, 1)
		})
	}

	It("that somebody replaces at Stytch is put back at the next slot", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.SigningPrivateKeyRef = &w.keys("signing", 0)[0]
		w.settled(o)
		w.clock.advance(resync)
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"signing_certificates": anyOf(newCertificate("foreign"))})
		Expect(err).NotTo(HaveOccurred())
		p := w.start()
		p.pass(o)
		w.clock.advance(resync)
		seq := w.seq()
		p.settle(o)
		Expect(w.sentSince(seq)).To(Equal([][]string{{"signing_private_key"}}))
		Expect(w.signingKeys(o.Status.ConnectionID)).To(Equal(spkis(0)))
		w.expectKept(o)
	})

	It("is shown by its fingerprint where it is planned and not sent", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		signing, encryption := w.keys("signing", 0), w.keys("encryption", 1)
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.Management = v1alpha1.ManagementObserve
			o.Spec.SigningPrivateKeyRef, o.Spec.EncryptionPrivateKeyRefs = &signing[0], encryption
		})
		w.start().rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPlanPending)
		Expect(o.Status.Plan).To(HaveLen(2))
		Expect(o.Status.Plan[0].Field).To(Equal("signing_private_key"))
		Expect(o.Status.Plan[0].Want).To(Equal(spki(0)))
		Expect(o.Status.Plan[1]).To(Equal(v1alpha1.Change{Field: "saml_encryption_private_key", Want: spki(1)}))
		w.expectNoKey(0, 1)
	})

	It("that Stytch refuses is not shown either", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		w.fault(stytchsim.Fault{
			Operation: "UpdateSAMLConnection", Status: http.StatusBadRequest, ErrorType: "saml_signing_private_key_invalid",
			ErrorMessage: "cannot use " + pkcs1(0),
		})
		signing := w.keys("signing", 0)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.SigningPrivateKeyRef = &signing[0] })
		p := w.start()
		p.pass(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)).To(ContainSubstring("saml_signing_private_key_invalid"))
		Expect(o.Status.SigningKeySentAt).To(BeNil(), "a refusal leaves no doubt")
		w.expectNoKey(0)
		w.sim.RemoveFaults()
		w.clock.advance(resync)
		p.settle(o)
		w.expectKept(o)
	})

	for _, position := range []string{"replace", "append"} {
		It("is what the details give the identity provider, where Stytch does "+position, func(ctx context.Context) {
			w := newWorld(ctx, func(s *stytchsim.Switches) { s.SigningCertificates = position })
			p := w.start()
			refs := w.keys("signing", 0)
			for i := range 8 {
				o := w.saml(fmt.Sprintf("okta-%d", i))
				o.Spec.SigningPrivateKeyRef, o.Spec.DetailsConfigMapName = &refs[0], fmt.Sprintf("details-%d", i)
				w.create(o)
				p.settle(o)
				w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
				details := w.configMap(o.Spec.DetailsConfigMapName, nil)
				w.reload(details)
				remote, _ := w.sim.Connection(o.Status.ConnectionID)
				all := remote.Fields["signing_certificates"].([]any)
				newest := all[len(all)-1].(map[string]any)["certificate"].(string)
				Expect(sha(details.Data[v1alpha1.DetailsKeySigningCertificate])).To(Equal(sha(newest)), "of the key that was given, made in the same second as Stytch's own")
			}
		})
	}
})

var _ = Describe("Encryption keys", func() {
	for _, shown := range []string{"plain", "masked", "empty"} {
		It("are added beside those of others, rotated through their Secrets, and taken away again, with the key shown "+shown, func(ctx context.Context) {
			w := newWorld(ctx, func(s *stytchsim.Switches) { s.PrivateKey = shown })
			o := w.saml("okta")
			w.settled(o)
			w.foreignKeys(o.Status.ConnectionID, 9)
			foreign := slices.Collect(maps.Keys(w.encryptionKeysByID(o.Status.ConnectionID)))[0]
			refs := w.keys("encryption", 0, 1)
			edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = refs })
			p := w.start()
			Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"GET", "PUT", "PUT"}))
			w.expectKept(o)
			Expect(w.encryptionKeys(o.Status.ConnectionID)).To(ConsistOf(spkis(9, 0, 1)))
			w.expectMapped(o, 0, 1)
			p.expectQuiet(o)
			w.clock.advance(resync)
			p.settle(o)
			w.start().expectQuiet(o)

			w.rotate("encryption-0", 2)
			p = w.start()
			Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"GET", "PUT", deletesKey}), "added before the old one goes")
			Expect(w.encryptionKeys(o.Status.ConnectionID)).To(ConsistOf(spkis(9, 1, 2)))
			w.expectMapped(o, 1, 2)
			p.expectQuiet(o)

			edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{} })
			Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{deletesKey, deletesKey}))
			w.expectKept(o)
			Expect(w.encryptionKeysByID(o.Status.ConnectionID)).To(Equal(map[string]string{foreign: spki(9)}), "the one of others is not touched")
			p.expectQuiet(o)
			w.expectNoKey(0, 1, 2, 9)
		})
	}

	It("that are not named any more are left as they are", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.EncryptionPrivateKeyRefs = w.keys("encryption", 0)
		w.settled(o)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = nil })
		seq := w.seq()
		p := w.start()
		p.settle(o)
		Expect(w.sentSince(seq)).To(BeEmpty())
		Expect(w.encryptionKeys(o.Status.ConnectionID)).To(Equal(spkis(0)))
		w.expectKept(o)
	})

	It("of which two are the same come once, and one that somebody deleted at Stytch comes again", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(w.secret("twin", map[string]string{"key.pem": pkcs1(0)}))
		o.Spec.EncryptionPrivateKeyRefs = append(w.keys("encryption", 0, 1), v1alpha1.SecretKeyRef{Name: "twin", Key: "key.pem"})
		w.settled(o)
		Expect(w.encryptionKeys(o.Status.ConnectionID)).To(ConsistOf(spkis(0, 1)))
		for id, key := range w.encryptionKeysByID(o.Status.ConnectionID) {
			if key == spki(0) {
				w.deleteKey(o, id)
			}
		}
		p := w.start()
		p.expectQuiet(o)
		w.clock.advance(p.pass(o).result.RequeueAfter)
		Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"GET", "PUT"}))
		Expect(w.encryptionKeys(o.Status.ConnectionID)).To(ConsistOf(spkis(0, 1)))
		w.expectMapped(o, 0, 1)
		w.expectKept(o)
	})

	It("are never more than five: where all places are taken one of the manifest's own goes first", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		w.foreignKeys(o.Status.ConnectionID, 9)
		refs := w.keys("encryption", 0, 1, 2, 3)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = refs })
		p := w.start()
		p.settle(o)
		Expect(w.encryptionKeys(o.Status.ConnectionID)).To(ConsistOf(spkis(9, 0, 1, 2, 3)))
		w.rotate("encryption-0", 4)
		w.rotate("encryption-1", 5)
		seq := w.seq()
		Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{deletesKey, "PUT", deletesKey, "PUT"}))
		for _, call := range w.callsSince(seq) {
			Expect(call.ErrorType).To(BeEmpty())
		}
		Expect(w.encryptionKeys(o.Status.ConnectionID)).To(ConsistOf(spkis(9, 2, 3, 4, 5)))
		w.expectKept(o)
	})

	It("find no place while others take it, and the manifest says what to do", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		w.foreignKeys(o.Status.ConnectionID, 1, 2, 3, 4, 5)
		refs := w.keys("encryption", 0)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = refs })
		seq := w.seq()
		p := w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)).To(
			ContainSubstring("In Stytch, delete an unused key that was not added by this manifest"))
		Expect(w.sentSince(seq)).To(BeEmpty(), "what Stytch has no place for is not sent")
		Expect(w.encryptionKeys(o.Status.ConnectionID)).To(ConsistOf(spkis(1, 2, 3, 4, 5)))
		w.deleteKey(o, slices.Collect(maps.Keys(w.encryptionKeysByID(o.Status.ConnectionID)))[0])
		w.clock.advance(resync)
		p.settle(o)
		w.expectKept(o)
		w.expectMapped(o, 0)
		Expect(w.encryptionKeys(o.Status.ConnectionID)).To(HaveLen(5))
	})

	It("whose request takes effect after its sender gave up are added once", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		refs := w.keys("encryption", 0)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = refs })
		w.fault(stytchsim.Fault{Operation: "UpdateSAMLConnection", Times: 1, Effect: stytchsim.FaultCutBeforeCommit})
		seq := w.seq()
		p := w.start()
		p.pass(o)
		Expect(w.sentSince(seq)).To(Equal([][]string{{"saml_encryption_private_key"}}))
		w.clock.advance(firstRetry)
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonUnavailable)
		w.clock.advance(4 * time.Second)
		w.callsPart(o, http.MethodPut, "", lateKey(0)) // as the request that was cut, when it takes effect
		seq = w.seq()
		w.clock.advance(resync)
		p.settle(o)
		Expect(w.sentSince(seq)).To(BeEmpty())
		w.expectKept(o)
		w.expectMapped(o, 0)
		Expect(w.encryptionKeys(o.Status.ConnectionID)).To(Equal(spkis(0)))
		p.expectQuiet(o)
	})

	It("that appear together because somebody adds another meanwhile are told from each other by nobody, and none is removed", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		refs := w.keys("encryption", 0)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = refs })
		w.fault(stytchsim.Fault{Operation: "UpdateSAMLConnection", Times: 1, Effect: stytchsim.FaultCommitAfterGivingUp})
		first := w.start()
		first.catchUp()
		passing, giveUp := context.WithCancel(ctx)
		DeferCleanup(giveUp)
		ended := make(chan outcome, 1)
		go func() {
			defer GinkgoRecover()
			result, err := first.saml.Reconcile(passing, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(o)})
			ended <- outcome{result: result, err: err}
		}()
		arrived := func() int {
			return len(slices.DeleteFunc(w.callsSince(0), func(c stytchsim.Call) bool { return !slices.Contains(c.Fields, "saml_encryption_private_key") }))
		}
		Eventually(arrived).Should(Equal(1))

		second := w.start()
		second.rest(o)
		Expect(arrived()).To(Equal(1), "another is not sent while the first may take effect")
		w.callsPart(o, http.MethodPut, "", lateKey(0))
		giveUp() // and the first one takes effect
		Eventually(ended).Should(Receive())
		Eventually(func() []string { return w.encryptionKeys(o.Status.ConnectionID) }).Should(HaveLen(2))
		w.clock.advance(resync)
		second.rest(o)
		keys := w.encryptionKeysByID(o.Status.ConnectionID)
		Expect(keys).To(HaveLen(2))
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)
		for id := range keys {
			Expect(message).To(ContainSubstring(id))
		}
		Expect(message).To(ContainSubstring("Delete the keys that you do not need in Stytch, until only one of these is left"))
		w.clock.advance(resync)
		second.rest(o)
		w.start().rest(o)
		Expect(w.encryptionKeysByID(o.Status.ConnectionID)).To(Equal(keys))

		w.deleteKey(o, slices.Sorted(maps.Keys(keys))[0])
		w.clock.advance(resync)
		second.settle(o)
		w.expectKept(o)
		w.expectMapped(o, 0)
		Expect(w.encryptionKeys(o.Status.ConnectionID)).To(Equal(spkis(0)))
		second.expectQuiet(o)
	})

	It("that take effect after the next process added its own are not taken for anybody's", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.EncryptionPrivateKeyRefs = w.keys("encryption", 0)
		w.settled(o)
		ours := w.encryptionKeysByID(o.Status.ConnectionID)
		w.callsPart(o, http.MethodPut, "", lateKey(0))
		w.clock.advance(resync)
		p := w.start()
		p.pass(o)
		w.clock.advance(resync)
		p.settle(o)
		w.expectKept(o)
		keys := w.encryptionKeysByID(o.Status.ConnectionID)
		Expect(keys).To(HaveLen(2))
		for id := range ours {
			Expect(keys).To(HaveKey(id))
		}
		p.expectQuiet(o)
	})
})

// lateKey is the body of an update that adds an encryption key.
func lateKey(n int) io.Reader {
	GinkgoHelper()
	body, err := json.Marshal(map[string]string{"saml_encryption_private_key": pkcs1(n)})
	Expect(err).NotTo(HaveOccurred())
	return bytes.NewReader(body)
}

// expectMapped expects status to know which of the keys at Stytch were added through the manifest.
func (w *world) expectMapped(o *v1alpha1.SAMLConnection, numbers ...int) {
	GinkgoHelper()
	w.reload(o)
	mapped := map[string]string{}
	for _, key := range o.Status.EncryptionKeys {
		mapped[key.PrivateKeyID] = key.SPKISHA256
	}
	Expect(slices.Collect(maps.Values(mapped))).To(ConsistOf(spkis(numbers...)))
	at := w.encryptionKeysByID(o.Status.ConnectionID)
	for id, key := range mapped {
		Expect(at).To(HaveKeyWithValue(id, key))
	}
	Expect(o.Status.AddingEncryptionKey).To(BeNil())
}

var _ = Describe("A process that dies while keys are changed", func() {
	// own makes a manifest of an organization of its own.
	own := func(w *world, name string) *v1alpha1.SAMLConnection {
		o := w.saml(name)
		o.Spec.Organization = w.organization(name).ID
		return o
	}
	settle := func(w *world, p *process, o *v1alpha1.SAMLConnection) *v1alpha1.SAMLConnection {
		w.create(o)
		p.catchUp()
		p.settleOnCache(o)
		w.reload(o)
		return o
	}
	for _, position := range []string{"replace", "append"} {
		It("gives Stytch a signing key once ("+position+")", func(ctx context.Context) {
			crashSeries{
				switches: func(s *stytchsim.Switches) { s.SigningCertificates = position },
				arrange: func(w *world, p *process, name string) *v1alpha1.SAMLConnection {
					o := own(w, name)
					o.Spec.SigningPrivateKeyRef = &w.keys("signing-of-"+name, 0)[0]
					return settle(w, p, o)
				},
				ask: func(w *world, o *v1alpha1.SAMLConnection) {
					w.clock.advance(time.Second)
					w.rotate("signing-of-"+o.Name+"-0", 1)
				},
				expect: func(w *world, o *v1alpha1.SAMLConnection) {
					w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
					keys := w.signingKeys(o.Status.ConnectionID)
					if position == "append" {
						Expect(keys[1:]).To(Equal(spkis(0, 1)))
					} else {
						Expect(keys).To(Equal(spkis(1)))
					}
				},
			}.run(ctx)
		})
	}

	It("adds each encryption key once, and removes none of others", func(ctx context.Context) {
		crashSeries{
			arrange: func(w *world, p *process, name string) *v1alpha1.SAMLConnection {
				o := settle(w, p, own(w, name))
				w.foreignKeys(o.Status.ConnectionID, 9)
				return o
			},
			ask: func(w *world, o *v1alpha1.SAMLConnection) {
				refs := w.keys("of-"+o.Name, 0, 1)
				edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = refs })
			},
			expect: func(w *world, o *v1alpha1.SAMLConnection) {
				w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
				Expect(w.encryptionKeys(o.Status.ConnectionID)).To(ConsistOf(spkis(9, 0, 1)))
				w.expectMapped(o, 0, 1)
			},
		}.run(ctx)
	})

	It("rotates each encryption key once, and removes none of others", func(ctx context.Context) {
		crashSeries{
			arrange: func(w *world, p *process, name string) *v1alpha1.SAMLConnection {
				o := settle(w, p, own(w, name))
				w.foreignKeys(o.Status.ConnectionID, 9)
				refs := w.keys("of-"+name, 0, 1)
				edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = refs })
				p.catchUp()
				w.clock.advance(resync)
				p.settleOnCache(o)
				w.expectMapped(o, 0, 1)
				return o
			},
			ask: func(w *world, o *v1alpha1.SAMLConnection) {
				w.rotate("of-"+o.Name+"-0", 2)
				w.rotate("of-"+o.Name+"-1", 3)
			},
			expect: func(w *world, o *v1alpha1.SAMLConnection) {
				w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
				Expect(w.encryptionKeys(o.Status.ConnectionID)).To(ConsistOf(spkis(9, 2, 3)))
				w.expectMapped(o, 2, 3)
			},
		}.run(ctx)
	})
})
