package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// moment is where a connection is when its manifest loses something.
type moment struct {
	name string
	// kinds that have it; nil for all.
	kinds []string
	// arrive makes a manifest of a kind, and takes it there.
	arrive func(w *world, kind kindOfSpecs) v1alpha1.Connection
	// begun says that a creation is under way: what Stytch has is not as the manifest says yet.
	begun bool
	// goesOn expects that what was under way ends as it would have; nil where nothing was.
	goesOn func(w *world, p *process, o v1alpha1.Connection)
}

func moments() []moment {
	return []moment{
		{name: "idle", arrive: func(w *world, kind kindOfSpecs) v1alpha1.Connection { return w.settled(kind.manifest(w)) }},
		{name: "creation under way", begun: true, arrive: func(w *world, kind kindOfSpecs) v1alpha1.Connection {
			o := kind.manifest(w)
			w.create(o)
			p := w.start()
			p.life.dieOnEvent("stytch POST ")
			p.pass(o)
			Expect(p.life.dead()).To(BeTrue())
			w.reload(o)
			return o
		}},
		{name: "rotation under way", kinds: []string{"SCIMConnection"}, arrive: func(w *world, _ kindOfSpecs) v1alpha1.Connection { return w.rotating() }},
		{name: "Automatic rotation under way", kinds: []string{"SCIMConnection"}, goesOn: expectOverlap, arrive: func(w *world, _ kindOfSpecs) v1alpha1.Connection {
			o := w.rotating(automatic)
			w.clock.advance(time.Hour)
			return o
		}},
		{name: "keys added", kinds: []string{"SAMLConnection"}, arrive: func(w *world, _ kindOfSpecs) v1alpha1.Connection {
			o := w.saml("okta")
			o.Spec.EncryptionPrivateKeyRefs = w.keys("decrypt", 0, 1)
			return w.settled(o)
		}},
		{
			name: "details written", kinds: []string{"SAMLConnection", "OIDCConnection"},
			arrive: func(w *world, kind kindOfSpecs) v1alpha1.Connection {
				return w.settled(detailsIn(kind.manifest(w), "details"))
			},
			goesOn: func(w *world, p *process, o v1alpha1.Connection) {
				w.clock.advance(resync) // a new uid alone tells nobody of the ConfigMap; a garbage collector would
				p.settle(o)
				w.expectDetails(o, "details")
				p.expectQuiet(o)
			},
		},
		{name: "metadata read", kinds: []string{"SAMLConnection"}, arrive: func(w *world, _ kindOfSpecs) v1alpha1.Connection {
			w.publishMetadata(metadataURL("okta"), "https://idp.example.com", newCertificate("restore"))
			o := w.settled(w.describedBy("okta", metadataURL("okta")))
			w.publishMetadata(metadataURL("okta"), "https://another.example.com", newCertificate("another"))
			return o
		}},
	}
}

// expectOverlap expects that a rotation is known to be under way since a time that is known, and that it is completed by itself an
// overlap after that, and not before.
func expectOverlap(w *world, p *process, connection v1alpha1.Connection) {
	GinkgoHelper()
	o := connection.(*v1alpha1.SCIMConnection)
	before := w.current(o)
	w.expectRotating(o)
	w.expectCondition(o, v1alpha1.ConditionRotating, isTrueNow, v1alpha1.ReasonOverlapping)
	start := o.Status.BearerToken.StartedAt
	Expect(p.rotationGauges()).To(HaveKeyWithValue("stytch_scim_token_rotation_start_timestamp_seconds/directory/", float64(start.Unix())))
	w.clock.advance(start.Add(72*time.Hour).Sub(w.clock.Now()) - time.Minute)
	Expect(p.settle(o).result.RequeueAfter).To(BeNumerically("<=", time.Minute), "the moment wakes it")
	w.expectRotating(o)
	w.clock.advance(time.Minute)
	p.settle(o)
	w.expectIdle(o, before)
	Expect(w.rotationsStarted()).To(Equal(1))
}

// loss is what a manifest loses, or what is done to it.
type loss struct {
	name string
	// lose returns the world and the manifest in which the connection goes on.
	lose func(w *world, o v1alpha1.Connection) (*world, v1alpha1.Connection)
	// record says that neither status nor the annotation have the connection any more, and uid, that the mark cannot be computed again.
	record, uid bool
	// again is done after each pass.
	again func(w *world, o v1alpha1.Connection)
}

func here(change func(w *world, o v1alpha1.Connection)) func(*world, v1alpha1.Connection) (*world, v1alpha1.Connection) {
	return func(w *world, o v1alpha1.Connection) (*world, v1alpha1.Connection) {
		change(w, o)
		return w, o
	}
}

func losses() []loss {
	const annotations, status = true, true
	return []loss{
		{name: "its status", lose: here(loseStatus)},
		{name: "its record", lose: here(loseRecord)},
		{name: "status and record", record: true, lose: here(func(w *world, o v1alpha1.Connection) {
			loseRecord(w, o)
			loseStatus(w, o)
		})},
		{name: "its finalizer", lose: here(func(w *world, o v1alpha1.Connection) {
			edit(w, o, func(o v1alpha1.Connection) { o.SetFinalizers(nil) })
		})},
		{name: "the owner of its ConfigMap", lose: here(loseOwners)},
		{name: "its uid", lose: func(w *world, o v1alpha1.Connection) (*world, v1alpha1.Connection) {
			return w, w.reborn(w, o, annotations, status)
		}},
		{name: "its uid and its status", lose: func(w *world, o v1alpha1.Connection) (*world, v1alpha1.Connection) {
			return w, w.reborn(w, o, annotations, !status)
		}},
		{name: "all but what is in Git", record: true, uid: true, lose: func(w *world, o v1alpha1.Connection) (*world, v1alpha1.Connection) {
			return w, w.reborn(w, o, !annotations, !status)
		}},
		{name: "its namespace or its cluster", lose: func(w *world, o v1alpha1.Connection) (*world, v1alpha1.Connection) {
			there := w.elsewhere()
			return there, w.reborn(there, o, annotations, !status)
		}},
		{name: "its cluster, where Git alone is left", record: true, uid: true, lose: func(w *world, o v1alpha1.Connection) (*world, v1alpha1.Connection) {
			there := w.elsewhere()
			return there, w.reborn(there, o, !annotations, !status)
		}},
		{name: "what is newer than an old record that somebody writes again and again", again: func(w *world, o v1alpha1.Connection) {
			annotate(w, o, fmt.Sprintf(`{"v":1,"uid":%q,"kind":"StytchProject","mark":"00000000"}`, o.GetUID()))
		}, lose: here(func(*world, v1alpha1.Connection) {})},
	}
}

func annotate(w *world, o v1alpha1.Connection, record string) {
	GinkgoHelper()
	edit(w, o, func(o v1alpha1.Connection) {
		annotations := maps.Clone(o.GetAnnotations())
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[v1alpha1.AnnotationRecord] = record
		o.SetAnnotations(annotations)
	})
}

func loseRecord(w *world, o v1alpha1.Connection) {
	GinkgoHelper()
	edit(w, o, func(o v1alpha1.Connection) {
		annotations := maps.Clone(o.GetAnnotations())
		delete(annotations, v1alpha1.AnnotationRecord)
		o.SetAnnotations(annotations)
	})
}

func loseStatus(w *world, o v1alpha1.Connection) {
	GinkgoHelper()
	w.reload(o)
	Expect(api.Status().Patch(w.ctx, o, client.RawPatch("application/merge-patch+json", []byte(`{"status": null}`)))).To(Succeed())
}

// loseOwners takes away the owners of the ConfigMaps that a manifest has its details in.
func loseOwners(w *world, _ v1alpha1.Connection) {
	GinkgoHelper()
	var list corev1.ConfigMapList
	Expect(api.List(w.ctx, &list, client.InNamespace(w.namespace))).To(Succeed())
	for i := range list.Items {
		edit(w, &list.Items[i], func(c *corev1.ConfigMap) { c.OwnerReferences = nil })
	}
}

// reborn removes a manifest without a word to the operator, and makes it again in a world, as a backup has it.
func (w *world) reborn(there *world, o v1alpha1.Connection, annotations, status bool) v1alpha1.Connection {
	GinkgoHelper()
	w.reload(o)
	backup := copyOf(o)
	edit(w, o, func(o v1alpha1.Connection) { o.SetFinalizers(nil) })
	w.delete(o)
	backup.SetNamespace(there.namespace)
	backup.SetUID("")
	backup.SetResourceVersion("")
	backup.SetOwnerReferences(nil)
	if !annotations {
		backup.SetAnnotations(nil)
		backup.SetFinalizers(nil)
	}
	restored := copyOf(backup)
	there.create(restored)
	if status {
		backup.SetResourceVersion(restored.GetResourceVersion())
		Expect(api.Status().Update(w.ctx, backup)).To(Succeed())
	}
	there.reload(restored)
	return restored
}

// elsewhere is another namespace with the same Stytch, to which a manifest's Secrets and ConfigMaps went along without their owners.
func (w *world) elsewhere() *world {
	GinkgoHelper()
	there := &world{ctx: w.ctx, sim: w.sim, url: w.url, clock: w.clock, log: w.log, acme: w.acme, partner: w.partner, issued: w.issued, observe: func() {}}
	DeferCleanup(there.end)
	there.settleIn()
	var secrets corev1.SecretList
	Expect(api.List(w.ctx, &secrets, client.InNamespace(w.namespace))).To(Succeed())
	for _, secret := range secrets.Items {
		if secret.Name != "stytch" {
			there.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: there.namespace, Name: secret.Name, Labels: secret.Labels}, Data: secret.Data})
		}
	}
	var configMaps corev1.ConfigMapList
	Expect(api.List(w.ctx, &configMaps, client.InNamespace(w.namespace))).To(Succeed())
	for _, c := range configMaps.Items {
		if c.Name != "kube-root-ca.crt" {
			there.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: there.namespace, Name: c.Name, Labels: c.Labels}, Data: c.Data})
		}
	}
	return there
}

// expected is the reason of Synced after a loss: written down before there was any code for it.
func expected(l loss, m moment) string {
	if l.record && (l.uid || !m.begun) {
		return v1alpha1.ReasonConflict
	}
	return v1alpha1.ReasonInSync
}

// impossible says why there is nothing to expect of a loss at a moment.
func impossible(l loss, m moment, kind kindOfSpecs) string {
	if l.uid && m.begun && slices.Contains([]string{"SAMLConnection", "OIDCConnection"}, kind.name) {
		return "a connection that was being created for a manifest of which nothing is left may be anybody's, and an organization may have many"
	}
	return ""
}

// remoteFields is all that Stytch has of the one connection that there is.
func (w *world) remoteFields() map[string]any {
	GinkgoHelper()
	Expect(w.made()).To(HaveLen(1))
	c, _ := w.sim.Connection(w.made()[0])
	return c.Fields
}

// tokens are what the Secret of a SCIM connection holds; nil for other kinds, and while there is no Secret.
func (w *world) tokens(o v1alpha1.Connection) map[string][]byte {
	GinkgoHelper()
	scim, isSCIM := o.(*v1alpha1.SCIMConnection)
	if !isSCIM || !w.exists(&corev1.Secret{ObjectMeta: w.meta(scim.Spec.BearerToken.SecretName)}) {
		return nil
	}
	return w.tokenSecret(scim).Data
}

var _ = Describe("A manifest that lost", func() {
	for _, l := range losses() {
		for _, m := range moments() {
			for _, kind := range kindsOfSpecs() {
				if m.kinds != nil && !slices.Contains(m.kinds, kind.name) || impossible(l, m, kind) != "" {
					continue
				}
				It(fmt.Sprintf("%s (%s, %s) has its connection, and nothing is made, added or read", l.name, kind.name, m.name), func(ctx context.Context) {
					w := newWorld(ctx)
					o := m.arrive(w, kind)
					before, tokens, seq := w.remoteFields(), w.tokens(o), w.seq()
					w, o = l.lose(w, o)
					restored := w.start()
					for range 3 {
						restored.settle(o)
						if l.again != nil {
							l.again(w, o)
						}
					}
					w.expectCondition(o, v1alpha1.ConditionSynced, statusOf(expected(l, m)), expected(l, m))
					if !m.begun {
						Expect(w.remoteFields()).To(Equal(before))
						Expect(w.tokens(o)).To(Equal(tokens))
						w.expectNothingSentSince(seq)
					}
					Expect(w.made()).To(HaveLen(1))
					if expected(l, m) == v1alpha1.ReasonInSync {
						w.expectKept(o)
						Expect(o.GetFinalizers()).To(ContainElement(v1alpha1.Finalizer))
						if m.goesOn != nil {
							m.goesOn(w, restored, o)
						}
					}
				})
			}
		}
	}
})

var _ = Describe("The record of a connection", func() {
	It("is written to a settled manifest that has none, without a call, and one after the other", func(ctx context.Context) {
		w := newWorld(ctx)
		a, b := w.settled(w.saml("a")), w.saml("b")
		b.Spec.DisplayName = "Another"
		w.create(b)
		w.start().settle(b)
		loseRecord(w, a)
		loseRecord(w, b)
		p := w.start()
		first, second := p.pass(a), p.pass(b)
		Expect(first.calls).To(BeEmpty())
		Expect(first.writes).To(HaveLen(1))
		Expect(second.quiet()).To(BeTrue())
		Expect(second.result.RequeueAfter).To(BeNumerically("<=", healInterval))
		w.clock.advance(healInterval)
		second = p.pass(b)
		Expect(second.calls).To(BeEmpty())
		Expect(second.writes).To(HaveLen(1))
		w.reload(b)
		Expect(connection.Written(b)).To(ContainSubstring(b.Status.ConnectionID))
		p.expectQuiet(a)
		p.expectQuiet(b)
	})

	It("is written once for each slot where somebody else writes it again and again, and that is mentioned", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		p.settle(o)
		const old = `{"v":1,"uid":"somebody","kind":"StytchProject","id":"saml-connection-test-old"}`
		writes := func() (n int) {
			for range 3 {
				annotate(w, o, old)
				n += len(p.settle(o).writes)
			}
			return n
		}
		Expect(writes()).To(Equal(1), "in the slot of the first")
		w.clock.advance(resync)
		Expect(writes()).To(Equal(2), "the record, and the status that mentions it")
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionTrue, v1alpha1.ReasonInSync)).To(ContainSubstring("remove it there"))
		w.clock.advance(resync)
		Expect(writes()).To(Equal(1), "in the slot after")
		w.expectKept(o)
	})

	It("is written again with the finalizer after a plain replace, and nothing is said of it", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		p.settle(o)
		w.reload(o)
		replaced := &v1alpha1.SAMLConnection{ObjectMeta: w.meta(o.Name), Spec: *o.Spec.DeepCopy()}
		replaced.ResourceVersion, replaced.Spec.DisplayName = o.ResourceVersion, "Replaced"
		Expect(api.Update(w.ctx, replaced)).To(Succeed())
		p.settle(o)
		w.reload(o)
		Expect(o.Finalizers).To(ContainElement(v1alpha1.Finalizer))
		Expect(connection.Written(o)).To(ContainSubstring(o.Status.ConnectionID))
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(Equal("Stytch matches the manifest."))
		p.expectQuiet(o)
	})

	It("of a copy of a manifest makes nothing, takes nothing over when the other goes, and yields to its removal", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.saml("okta"))
		w.reload(o)
		copied := w.saml("copy")
		copied.Annotations = o.GetAnnotations()
		copied.Spec.DisplayName = "Copy"
		w.create(copied)
		p := w.start()
		p.settle(copied)
		Expect(w.expectCondition(copied, v1alpha1.ConditionSynced, metav1.ConditionFalse, v1alpha1.ReasonConflict)).To(And(
			ContainSubstring("belongs to manifest okta"), ContainSubstring("remove the annotation")))
		w.delete(o)
		p.settle(o)
		Expect(w.exists(o)).To(BeFalse())
		p.settle(copied)
		Expect(w.expectCondition(copied, v1alpha1.ConditionSynced, metav1.ConditionFalse, v1alpha1.ReasonConflict)).To(ContainSubstring("belonged to another manifest"))
		Expect(w.made()).To(HaveLen(1))
		loseRecord(w, copied)
		p.settle(copied)
		w.expectCondition(copied, v1alpha1.ConditionSynced, metav1.ConditionTrue, v1alpha1.ReasonInSync)
		Expect(w.made()).To(HaveLen(2))
	})

	It("keeps encryption keys that it does not know from being added again, until somebody says how many they are", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.EncryptionPrivateKeyRefs = w.keys("decrypt", 0)
		w.settled(o)
		old := o.DeepCopy()
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.EncryptionPrivateKeyRefs = append(o.Spec.EncryptionPrivateKeyRefs, w.keys("more", 1)...)
		})
		w.start().settle(o)
		spec := o.Spec.DeepCopy()
		old = w.reborn(w, old, true, false).(*v1alpha1.SAMLConnection)
		annotate(w, old, fmt.Sprintf(`{"v":1,"uid":"another","kind":"StytchProject","project":%q,"organization":%q,"id":%q,"keys":{%q:%q},"read":"none"}`,
			o.Status.ProjectID, w.acme.ID, o.Status.ConnectionID, o.Status.EncryptionKeys[0].PrivateKeyID, o.Status.EncryptionKeys[0].SPKISHA256))
		edit(w, old, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = spec.EncryptionPrivateKeyRefs })
		p := w.start()
		p.settle(old)
		Expect(w.expectCondition(old, v1alpha1.ConditionSynced, metav1.ConditionFalse, v1alpha1.ReasonKeysUnidentified)).To(ContainSubstring("add-encryption-keys=1"))
		Expect(w.encryptionKeys(old.Status.ConnectionID)).To(HaveLen(2))
		w.annotate(old, v1alpha1.AnnotationAddEncryptionKeys, "1")
		p.settle(old)
		w.expectCondition(old, v1alpha1.ConditionSynced, metav1.ConditionTrue, v1alpha1.ReasonInSync)
		Expect(w.encryptionKeys(old.Status.ConnectionID)).To(HaveLen(3))
	})

	It("of metadata that Stytch shows otherwise now keeps what is there, until a refresh is asked for", func(ctx context.Context) {
		w := newWorld(ctx)
		certificate := newCertificate("restore")
		w.publishMetadata(metadataURL("okta"), "https://idp.example.com", certificate)
		o := w.settled(w.describedBy("okta", metadataURL("okta"))).(*v1alpha1.SAMLConnection)
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"idp_sso_url": "https://elsewhere.example.com/sso"})
		Expect(err).NotTo(HaveOccurred())
		loseStatus(w, o)
		p := w.start()
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionFalse, v1alpha1.ReasonMetadataUnread)).To(ContainSubstring("refresh-metadata"))
		w.expectCondition(o, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonActive)
		Expect(w.field(o, "idp_sso_url")).To(Equal("https://elsewhere.example.com/sso"))
		w.refresh(o, new("now"))
		p.settle(o)
		w.expectDescribed(o, "https://idp.example.com", certificate)
	})

	It("of a creation that was under way is found by a process that has run for long, though the backup has no finalizer", func(ctx context.Context) {
		w := newWorld(ctx)
		dying, running := w.start(), w.start()
		o := w.saml("okta")
		w.create(o)
		dying.life.dieOnEvent("stytch POST ")
		dying.pass(o)
		Expect(dying.life.dead()).To(BeTrue())
		other := w.saml("other")
		other.Spec.DisplayName = "Other"
		other.Spec.Organization = w.partner.ID
		w.create(other)
		running.settle(other)
		w.clock.advance(2 * DefaultSettleTime)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Finalizers = nil })
		restored := w.reborn(w, o, true, false)
		running.settle(restored)
		w.expectKept(restored)
	})

	It("is made again for a creation that the version without a record began", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Finalizers = []string{v1alpha1.Finalizer}
		w.create(o)
		_, err := w.sim.AddConnection(w.acme.ID, stytchsim.SAML, map[string]any{"display_name": connection.ProvisionalName("Okta", connection.UIDMark(o.UID))})
		Expect(err).NotTo(HaveOccurred())
		w.start().settle(o)
		w.expectKept(o)
	})

	It("is not made from a connection that bears the mark and is configured already", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		w.reload(o)
		_, err := w.sim.AddConnection(w.acme.ID, stytchsim.SAML, map[string]any{
			"display_name": connection.ProvisionalName("Okta", connection.UIDMark(o.UID)), "idp_sso_url": "https://evil.example.com/sso",
		})
		Expect(err).NotTo(HaveOccurred())
		w.start().settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionFalse, v1alpha1.ReasonConflict)).To(ContainSubstring("already configured"))
		Expect(w.made()).To(HaveLen(1))
	})
})

var _ = Describe("The Secret of a SCIM connection's token that is older than its last rotation", func() {
	for _, l := range losses() {
		if !slices.Contains([]string{"its status", "its uid and its status", "its namespace or its cluster"}, l.name) {
			continue // the connection is lost too, or status knows what the Secret held, and the token is replaced: see rotation_test.go
		}
		It(fmt.Sprintf("is InputMissing where the manifest lost %s too, until the token is put there or replaced", l.name), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.scim("directory")
			w.settled(o)
			old := w.tokenSecret(o).Data
			w.askForRotation(o, "")
			p := w.start()
			p.settle(o)
			w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
			p.settle(o)
			current, kept := w.current(o), w.tokenSecret(o).Data
			edit(w, w.tokenSecret(o), func(s *corev1.Secret) { s.Data = old })
			lost := o.DeepCopy()
			there, restored := l.lose(w, lost)
			w, o = there, restored.(*v1alpha1.SCIMConnection)
			p, seq := w.start(), w.seq()
			p.rest(o)
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)).To(And(
				ContainSubstring("contains a token that is not the connection's current token (ending in "+current+")"),
				ContainSubstring("Store the token under the key token"), ContainSubstring(v1alpha1.AnnotationRotateToken+"="+current)))
			w.expectCondition(o, v1alpha1.ConditionReady, isFalseNow, v1alpha1.ReasonInputMissing)
			w.expectNothingSentSince(seq)
			Expect(p.pass(o).quiet()).To(BeTrue())
			edit(w, w.tokenSecret(o), func(s *corev1.Secret) { s.Data = kept })
			p.settle(o)
			w.expectKept(o)
		})
	}
})

func statusOf(reason string) metav1.ConditionStatus {
	if connection.Applied(reason) {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// expectNothingSentSince expects that Stytch was only read since a call.
func (w *world) expectNothingSentSince(seq int) {
	GinkgoHelper()
	for _, call := range w.callsSince(seq) {
		Expect(call.Method).To(Equal("GET"), "%s", call.Operation)
	}
}
