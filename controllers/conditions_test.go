package controllers

import (
	"context"
	"net/http"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// row is one line of the table of what is learned and what is said.
type row struct {
	// arrange makes what is learned, and returns the manifest that it is learned about.
	arrange func(w *world) v1alpha1.Connection
	// what Synced, Ready and kstatus then say; remedy is Stalled, Reconciling or "".
	synced, ready metav1.ConditionStatus
	reason        string
	readyReason   string
	remedy        string
	kstatus       status.Status
	// message that a person reads, or the telling part of it.
	message string
	// lift takes the cause away. Nil: there is none to take away.
	lift func(w *world, o v1alpha1.Connection)
}

// expectSaid takes passes until the manifest says what the row says, expects that it is said once, and that it ends with its
// cause.
func (r row) expectSaid(ctx context.Context) {
	w := newWorld(ctx)
	o := r.arrange(w)
	p := w.start()
	p.rest(o)
	message := w.expectCondition(o, v1alpha1.ConditionSynced, r.synced, r.reason)
	Expect(message).To(ContainSubstring(r.message))
	w.expectCondition(o, v1alpha1.ConditionReady, r.ready, r.readyReason)
	for _, remedy := range []string{v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling} {
		Expect(isTrue(o, remedy)).To(Equal(remedy == r.remedy), "%+v", o.CommonStatus().Conditions)
	}
	Expect(kstatusOf(o)).To(Equal(r.kstatus))
	external, is := o.(*v1alpha1.ExternalConnection)
	if r.reason == v1alpha1.ReasonInputMissing || r.reason == v1alpha1.ReasonSourceNotReady && is && external.Spec.SourceRef != nil {
		p.expectPatienceToEnd(o)
	} else {
		Expect(o.CommonStatus().WaitingSince).To(BeNil())
	}

	before := o.GetResourceVersion()
	w.clock.advance(resync)
	p.rest(o)
	w.reload(o)
	Expect(o.GetResourceVersion()).To(Equal(before), "the same finding is written again: %+v", o.CommonStatus())

	if r.lift != nil {
		r.lift(w, o)
		w.clock.advance(resync)
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionTrue, v1alpha1.ReasonInSync)
		w.expectCondition(o, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonActive)
		Expect(kstatusOf(o)).To(Equal(status.CurrentStatus))
	}
}

// expectPatienceToEnd expects that a manifest that waits for an input is Stalled once the patience ends, at a moment that the last pass
// asked for, and that this is one write and one event.
func (p *process) expectPatienceToEnd(o v1alpha1.Connection) {
	GinkgoHelper()
	w := p.world
	since, synced := o.CommonStatus().WaitingSince, meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced)
	Expect(since).NotTo(BeNil())
	Expect(p.pass(o).result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", inputPatience)))
	w.clock.advance(since.Add(inputPatience - time.Second).Sub(w.clock.Now()))
	Expect(p.pass(o).writes).To(BeEmpty(), "it is said before the patience ends")
	w.clock.advance(time.Second)
	Expect(p.pass(o).writes).To(HaveLen(1))
	w.reload(o)
	Expect(isTrue(o, stalled)).To(BeTrue())
	Expect(isTrue(o, reconciling)).To(BeFalse())
	Expect(kstatusOf(o)).To(Equal(status.FailedStatus))
	Expect(w.expectCondition(o, v1alpha1.ConditionSynced, synced.Status, synced.Reason)).To(Equal(synced.Message))
	Expect(o.CommonStatus().WaitingSince).To(Equal(since))
	Eventually(func() []string { return w.notes(synced.Reason) }).Should(ContainElement(synced.Message))
}

// rest takes passes until one writes nothing.
func (p *process) rest(o v1alpha1.Connection) {
	GinkgoHelper()
	for range 10 {
		if got := p.pass(o); len(got.writes) == 0 {
			return
		}
	}
	Fail("each pass writes something")
}

// fault plants a fault that strikes for ever.
func (w *world) fault(f stytchsim.Fault) {
	GinkgoHelper()
	_, err := w.sim.AddFault(f)
	Expect(err).NotTo(HaveOccurred())
}

// edited makes a manifest whose connection is as it says, and then edits it: its display name, and what else is to be changed.
func (w *world) edited(o v1alpha1.Connection, further ...func(o v1alpha1.Connection)) v1alpha1.Connection {
	GinkgoHelper()
	w.settled(o)
	edit(w, o, func(o v1alpha1.Connection) {
		o.CommonSpec().DisplayName = "Renamed"
		for _, change := range further {
			change(o)
		}
	})
	return o
}

const (
	stalled     = v1alpha1.ConditionStalled
	reconciling = v1alpha1.ConditionReconciling
	isTrueNow   = metav1.ConditionTrue
	isFalseNow  = metav1.ConditionFalse
	isUnknown   = metav1.ConditionUnknown
)

var _ = DescribeTable("What is learned is said, once, and until its cause is gone:",
	func(ctx context.Context, r row) { r.expectSaid(ctx) },

	Entry("equal, and active", row{
		arrange: func(w *world) v1alpha1.Connection { return w.settled(w.saml("okta")) },
		synced:  isTrueNow, reason: v1alpha1.ReasonInSync, ready: isTrueNow, readyReason: v1alpha1.ReasonActive,
		kstatus: status.CurrentStatus, message: "Stytch matches the manifest.",
	}),
	Entry("equal, and pending", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.saml("okta")
			o.Spec.VerificationCertificates, o.Spec.IDPEntityID = nil, ""
			w.create(o)
			return o
		},
		synced: isTrueNow, reason: v1alpha1.ReasonInSync, ready: isFalseNow, readyReason: v1alpha1.ReasonPending,
		kstatus: status.InProgressStatus, message: "Stytch matches the manifest.",
		lift: func(w *world, o v1alpha1.Connection) {
			Expect(w.expectCondition(o, v1alpha1.ConditionReady, isFalseNow, v1alpha1.ReasonPending)).To(ContainSubstring("idpEntityID, verificationCertificates"))
			edit(w, o.(*v1alpha1.SAMLConnection), func(o *v1alpha1.SAMLConnection) {
				o.Spec.IDPEntityID = "https://idp.example.com"
				o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: newCertificate("late")}}
			})
		},
	}),
	Entry("Observe, and it differs", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.edited(w.saml("okta"))
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().Management = v1alpha1.ManagementObserve })
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonPlanPending, ready: isTrueNow, readyReason: v1alpha1.ReasonActive,
		kstatus: status.CurrentStatus, message: "Stytch differs from the manifest in: display_name. Nothing is sent because management is Observe. See status.plan for the values.",
		lift: func(w *world, o v1alpha1.Connection) {
			Expect(o.CommonStatus().Plan).To(Equal([]v1alpha1.Change{{Field: "display_name", Have: "Okta of okta", Want: "Renamed"}}))
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().Management = v1alpha1.ManagementManage })
		},
	}),
	Entry("Observe, and nothing is there", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.saml("okta")
			o.Spec.Management = v1alpha1.ManagementObserve
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonPlanPending, ready: isFalseNow, readyReason: v1alpha1.ReasonPlanPending,
		kstatus: status.InProgressStatus, message: "The connection does not exist.",
		lift: func(w *world, o v1alpha1.Connection) {
			Expect(w.made()).To(BeEmpty())
			Expect(o.GetFinalizers()).To(BeEmpty())
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().Management = "" })
		},
	}),
	Entry("Paused", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.edited(w.saml("okta"))
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().Management = v1alpha1.ManagementPaused })
			return o
		},
		synced: isUnknown, reason: v1alpha1.ReasonPaused, ready: isTrueNow, readyReason: v1alpha1.ReasonActive,
		kstatus: status.CurrentStatus, message: "not read or changed",
		lift: func(w *world, o v1alpha1.Connection) {
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().Management = "" })
		},
	}),
	Entry("a certificate that cannot be read", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.saml("okta")
			o.Spec.VerificationCertificates[0].PEM = "MIIC"
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInvalid, ready: isFalseNow, readyReason: v1alpha1.ReasonInvalid,
		remedy: stalled, kstatus: status.FailedStatus, message: "spec.verificationCertificates[0].pem is not PEM. Paste it with its BEGIN and END lines",
		lift: func(w *world, o v1alpha1.Connection) {
			Expect(w.made()).To(BeEmpty(), "nothing is created for a manifest that cannot be meant")
			edit(w, o.(*v1alpha1.SAMLConnection), func(o *v1alpha1.SAMLConnection) { o.Spec.VerificationCertificates[0].PEM = newCertificate("good") })
		},
	}),
	Entry("no StytchProject", row{
		arrange: func(w *world) v1alpha1.Connection {
			w.delete(w.project())
			o := w.saml("okta")
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInputMissing, ready: isFalseNow, readyReason: v1alpha1.ReasonInputMissing,
		remedy: reconciling, kstatus: status.InProgressStatus, message: "StytchProject default does not exist in this namespace. Create it",
		lift: func(w *world, _ v1alpha1.Connection) { w.create(w.project()) },
	}),
	Entry("no Secret of the StytchProject", row{
		arrange: func(w *world) v1alpha1.Connection {
			w.delete(w.secret("stytch", nil))
			o := w.saml("okta")
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInputMissing, ready: isFalseNow, readyReason: v1alpha1.ReasonInputMissing,
		remedy: reconciling, kstatus: status.InProgressStatus, message: "Secret stytch does not exist in this namespace. Create it",
		lift: func(w *world, _ v1alpha1.Connection) {
			w.create(w.secret("stytch", map[string]string{"secret": stytchsim.DefaultSecret}))
		},
	}),
	Entry("a wrong secret", row{
		arrange: func(w *world) v1alpha1.Connection {
			edit(w, w.secret("stytch", nil), func(s *corev1.Secret) { s.Data["secret"] = []byte("secret-test-wrong") })
			o := w.saml("okta")
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonCredentialsRejected, ready: isFalseNow, readyReason: v1alpha1.ReasonCredentialsRejected,
		remedy: stalled, kstatus: status.FailedStatus, message: "Store the project's current secret in the Secret",
		lift: func(w *world, _ v1alpha1.Connection) {
			edit(w, w.secret("stytch", nil), func(s *corev1.Secret) { s.Data["secret"] = []byte(stytchsim.DefaultSecret) })
		},
	}),
	Entry("a 401 to a connection whose project was accepted", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.edited(w.saml("okta"))
			w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/sso/**", Status: http.StatusUnauthorized, ErrorType: "unauthorized_credentials"})
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonCredentialsRejected, ready: isFalseNow, readyReason: v1alpha1.ReasonCredentialsRejected,
		remedy: stalled, kstatus: status.FailedStatus, message: "401 unauthorized_credentials",
		lift: func(w *world, _ v1alpha1.Connection) { w.sim.RemoveFaults() },
	}),
	Entry("a 403", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.edited(w.saml("okta"))
			w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/sso/**", Status: http.StatusForbidden, ErrorType: "session_authorization_error"})
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonPermissionDenied, ready: isFalseNow, readyReason: v1alpha1.ReasonPermissionDenied,
		remedy: stalled, kstatus: status.FailedStatus, message: "403 session_authorization_error",
		lift: func(w *world, _ v1alpha1.Connection) { w.sim.RemoveFaults() },
	}),
	Entry("a role that Stytch does not know", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.settled(w.external()).(*v1alpha1.ExternalConnection)
			edit(w, o, func(o *v1alpha1.ExternalConnection) { o.Spec.ImplicitRoles = []string{"nobody"} })
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonRejected, ready: isFalseNow, readyReason: v1alpha1.ReasonRejected,
		remedy: stalled, kstatus: status.FailedStatus, message: "invalid_rbac_role_id",
		lift: func(w *world, o v1alpha1.Connection) {
			edit(w, o.(*v1alpha1.ExternalConnection), func(o *v1alpha1.ExternalConnection) { o.Spec.ImplicitRoles = []string{"editor"} })
		},
	}),
	Entry("an attribute mapping without e-mail", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.saml("okta")
			o.Spec.AttributeMapping = map[string]v1alpha1.Attribute{"groups": "groups"}
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonRejected, ready: isFalseNow, readyReason: v1alpha1.ReasonRejected,
		remedy: stalled, kstatus: status.FailedStatus, message: "mapping_required",
		lift: func(w *world, o v1alpha1.Connection) {
			edit(w, o.(*v1alpha1.SAMLConnection), func(o *v1alpha1.SAMLConnection) {
				o.Spec.AttributeMapping = map[string]v1alpha1.Attribute{"email": "NameID", "full_name": "name", "groups": "groups"}
			})
		},
	}),
	Entry("an organization that Stytch does not know", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.saml("okta")
			o.Spec.Organization = "nobody"
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonRejected, ready: isFalseNow, readyReason: v1alpha1.ReasonRejected,
		remedy: stalled, kstatus: status.FailedStatus, message: "organization_not_found",
		lift: func(w *world, _ v1alpha1.Connection) { w.organization("nobody") },
	}),
	Entry("an External source that is not active", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.external()
			pending, err := w.sim.AddConnection(w.partner.ID, stytchsim.SAML, map[string]any{"display_name": "Not ready"})
			Expect(err).NotTo(HaveOccurred())
			o.Spec.Source.ConnectionID = pending.ID
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonSourceNotReady, ready: isFalseNow, readyReason: v1alpha1.ReasonSourceNotReady,
		remedy: reconciling, kstatus: status.InProgressStatus, message: "external_connection_not_active",
		lift: func(w *world, o v1alpha1.Connection) {
			_, err := w.sim.PatchConnection(o.(*v1alpha1.ExternalConnection).Spec.Source.ConnectionID, map[string]any{
				"status": "active", "idp_entity_id": "https://idp", "idp_sso_url": "https://idp.example.com/sso",
				"attribute_mapping": map[string]any{"email": "e", "full_name": "n"}, "verification_certificates": []any{newCertificate("late")},
			})
			Expect(err).NotTo(HaveOccurred())
		},
	}),
	Entry("a source's manifest that is not there", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.externalTo(v1alpha1.SourceSAML)
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonSourceNotReady, ready: isFalseNow, readyReason: v1alpha1.ReasonSourceNotReady,
		remedy: reconciling, kstatus: status.InProgressStatus,
		message: "SAMLConnection source, referenced by spec.sourceRef, does not exist in this namespace. The operator continues automatically when this changes.",
		lift:    func(w *world, _ v1alpha1.Connection) { w.settledSource(w.ofPartner(w.saml("source"))) },
	}),
	Entry("a source's manifest whose connection is pending", row{
		arrange: func(w *world) v1alpha1.Connection {
			source := w.ofPartner(w.saml("source"))
			pendingSource(source)
			w.create(source)
			w.start().rest(source)
			o := w.externalTo(v1alpha1.SourceSAML)
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonSourceNotReady, ready: isFalseNow, readyReason: v1alpha1.ReasonSourceNotReady,
		remedy: reconciling, kstatus: status.InProgressStatus, message: "is not active yet (state in Stytch: pending). The operator continues automatically when this changes.",
		lift: func(w *world, _ v1alpha1.Connection) {
			source := w.saml("source")
			edit(w, source, func(o *v1alpha1.SAMLConnection) { o.Spec.IDPEntityID = "https://idp.example.com/late" })
			w.start().settle(source)
		},
	}),
	Entry("a source's manifest of the same organization", row{
		arrange: func(w *world) v1alpha1.Connection {
			w.settled(w.saml("source"))
			o := w.externalTo(v1alpha1.SourceSAML)
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInvalid, ready: isFalseNow, readyReason: v1alpha1.ReasonInvalid,
		remedy: stalled, kstatus: status.FailedStatus, message: "belongs to the same organization",
	}),
	Entry("a group that was not pushed", row{
		arrange: func(w *world) v1alpha1.Connection {
			o, _ := w.pushed()
			w.give(o, byName("Engineering", "editor"))
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonGroupsPending, ready: isFalseNow, readyReason: v1alpha1.ReasonGroupsPending,
		remedy: reconciling, kstatus: status.InProgressStatus, message: "has not pushed these groups of spec.groupImplicitRoles yet",
		lift: func(w *world, o v1alpha1.Connection) { w.push(o.(*v1alpha1.SCIMConnection), "Engineering") },
	}),
	Entry("a group name that two groups have", row{
		arrange: func(w *world) v1alpha1.Connection {
			o, _ := w.pushed("Engineering")
			w.push(o, "Engineering")
			w.give(o, byName("Engineering", "editor"))
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInvalid, ready: isFalseNow, readyReason: v1alpha1.ReasonInvalid,
		remedy: stalled, kstatus: status.FailedStatus, message: "spec.groupImplicitRoles uses a group name that several groups have: \"Engineering\" (scim-group-test-",
		lift: func(w *world, o v1alpha1.Connection) {
			w.give(o.(*v1alpha1.SCIMConnection), v1alpha1.SCIMGroupRole{GroupID: w.push(o.(*v1alpha1.SCIMConnection), "Sales"), Role: "editor"})
		},
	}),
	Entry("a group that is waited for beside a name that two groups have", row{
		arrange: func(w *world) v1alpha1.Connection {
			o, _ := w.pushed("Engineering")
			w.push(o, "Engineering")
			w.give(o, byName("Contractors", "viewer"), byName("Engineering", "editor"))
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInvalid, ready: isFalseNow, readyReason: v1alpha1.ReasonInvalid,
		remedy: stalled, kstatus: status.FailedStatus, message: "yet: \"Contractors\".",
		lift: func(w *world, o v1alpha1.Connection) { w.give(o.(*v1alpha1.SCIMConnection)) },
	}),
	Entry("an issuer that cannot be discovered", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.oidc("entra")
			o.Spec.Issuer = "https://unknown.example.com"
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonDiscoveryFailed, ready: isFalseNow, readyReason: v1alpha1.ReasonDiscoveryFailed,
		remedy: stalled, kstatus: status.FailedStatus, message: "Stytch could not read the discovery document of https://unknown.example.com",
		lift: func(w *world, o v1alpha1.Connection) {
			edit(w, o.(*v1alpha1.OIDCConnection), func(o *v1alpha1.OIDCConnection) { o.Spec.Issuer = issuer })
		},
	}),
	Entry("a Secret of the client secret that is not there", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.oidc("entra")
			w.delete(w.secret("entra-client", nil))
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInputMissing, ready: isFalseNow, readyReason: v1alpha1.ReasonInputMissing,
		remedy: reconciling, kstatus: status.InProgressStatus, message: "Secret entra-client, referenced by spec.clientSecretRef, does not exist in this namespace. Create it.",
		lift: func(w *world, _ v1alpha1.Connection) {
			Expect(w.made()).To(BeEmpty(), "nothing is created for a manifest whose inputs are missing")
			w.create(w.secret("entra-client", map[string]string{"secret": "a client's secret"}))
		},
	}),
	Entry("a key of the client secret that is not there", row{
		arrange: func(w *world) v1alpha1.Connection {
			return w.edited(w.oidc("entra"), func(o v1alpha1.Connection) { o.(*v1alpha1.OIDCConnection).Spec.ClientSecretRef.Key = "client-secret" })
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInputMissing, ready: isFalseNow, readyReason: v1alpha1.ReasonInputMissing,
		remedy: reconciling, kstatus: status.InProgressStatus,
		message: "Secret entra-client has no value for the key \"client-secret\". Add it, or fix spec.clientSecretRef.key.",
		lift: func(w *world, o v1alpha1.Connection) {
			Expect(w.field(o, "display_name")).To(Equal("Renamed"), "the other fields are applied")
			edit(w, w.secret("entra-client", nil), func(s *corev1.Secret) { s.Data["client-secret"] = []byte("a client's secret") })
		},
	}),
	Entry("a ConfigMap in the place of the details that is somebody else's", row{
		arrange: func(w *world) v1alpha1.Connection {
			w.create(w.configMap("details", map[string]string{"note": "somebody else's"}))
			return w.edited(w.saml("okta"), func(o v1alpha1.Connection) { detailsIn(o, "details") })
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInvalid, ready: isFalseNow, readyReason: v1alpha1.ReasonInvalid,
		remedy: stalled, kstatus: status.FailedStatus, message: "ConfigMap details already exists and was not created for this manifest, so it is not changed. Delete it",
		lift: func(w *world, o v1alpha1.Connection) {
			Expect(w.field(o, "display_name")).To(Equal("Renamed"), "the other fields are applied")
			w.delete(w.configMap("details", nil))
		},
	}),
	Entry("a SCIM connection made by hand", row{
		arrange: func(w *world) v1alpha1.Connection {
			_, err := w.sim.AddConnection(w.acme.ID, stytchsim.SCIM, map[string]any{"display_name": "Directory"})
			Expect(err).NotTo(HaveOccurred())
			o := w.scim("directory")
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonConflict, ready: isFalseNow, readyReason: v1alpha1.ReasonConflict,
		remedy: stalled, kstatus: status.FailedStatus, message: "To take it over, set spec.connectionID to scim-connection-test-",
		lift: func(w *world, o v1alpha1.Connection) {
			Expect(w.sim.Connections(w.acme.ID)[0].DisplayName).To(Equal("Directory"), "it is never touched")
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().ConnectionID = w.made()[0] })
		},
	}),
	Entry("a second manifest for the SCIM connection of one organization", row{
		arrange: func(w *world) v1alpha1.Connection {
			w.settled(w.scim("first"))
			o := w.scim("second")
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonConflict, ready: isFalseNow, readyReason: v1alpha1.ReasonConflict,
		remedy: stalled, kstatus: status.FailedStatus, message: "which belongs to manifest first",
		lift: func(w *world, _ v1alpha1.Connection) {
			first := w.scim("first")
			edit(w, first, func(o *v1alpha1.SCIMConnection) { o.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
			w.delete(first)
			w.start().settle(first)
		},
	}),
	Entry("the StytchProject replaced by one for another project", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.edited(w.saml("okta"))
			const other = "project-test-22222222-2222-4222-8222-222222222222"
			Expect(w.sim.AddProject(stytchsim.Project{ID: other, Secret: stytchsim.DefaultSecret})).To(Succeed())
			w.delete(w.project())
			project := w.project()
			project.Spec.ProjectID = other
			w.create(project)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonConflict, ready: isFalseNow, readyReason: v1alpha1.ReasonConflict,
		remedy: stalled, kstatus: status.FailedStatus, message: "now refers to project-test-22222222",
		lift: func(w *world, _ v1alpha1.Connection) {
			w.delete(w.project())
			w.create(w.project())
		},
	}),
	Entry("a recorded connection that is gone, and an empty list where there was something", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.edited(w.saml("okta"))
			w.fault(stytchsim.Fault{Method: "GET", Path: "/v1/b2b/sso/*", Effect: stytchsim.FaultEmptyList})
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonRemoteMissing, ready: isFalseNow, readyReason: v1alpha1.ReasonRemoteMissing,
		remedy: stalled, kstatus: status.FailedStatus, message: "no longer exists in Stytch. It is not created again automatically",
		lift: func(w *world, _ v1alpha1.Connection) { w.sim.RemoveFaults() },
	}),
	Entry("a creation whose answer never comes", row{
		arrange: func(w *world) v1alpha1.Connection {
			w.fault(stytchsim.Fault{Method: "POST", Path: "/v1/b2b/sso/saml/*", Effect: stytchsim.FaultCutBeforeCommit})
			o := w.saml("okta")
			w.create(o)
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonCreationInDoubt, ready: isFalseNow, readyReason: v1alpha1.ReasonCreationInDoubt,
		remedy: reconciling, kstatus: status.InProgressStatus, message: `a connection named "Okta of okta [new `,
		lift: func(w *world, _ v1alpha1.Connection) { w.sim.RemoveFaults() },
	}),
	Entry("a token whose Secret was deleted", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.settled(w.scim("directory")).(*v1alpha1.SCIMConnection)
			w.kept = w.tokenSecret(o)
			w.delete(w.tokenSecret(o))
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInputMissing, ready: isTrueNow, readyReason: v1alpha1.ReasonActive,
		remedy: reconciling, kstatus: status.InProgressStatus, message: "does not contain the connection's token",
		lift: func(w *world, _ v1alpha1.Connection) {
			edit(w, w.secret(w.kept.Name, nil), func(s *corev1.Secret) { s.Data[v1alpha1.SecretKeyToken] = w.kept.Data[v1alpha1.SecretKeyToken] })
		},
	}),
	Entry("a value that reads back different", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.settled(w.saml("okta")).(*v1alpha1.SAMLConnection)
			switches := w.sim.Switches()
			switches.EmptyString = "ignore"
			Expect(w.sim.SetSwitches(switches)).To(Succeed())
			edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.AlternativeACSURL = new("") })
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonNotConverging, ready: isFalseNow, readyReason: v1alpha1.ReasonNotConverging,
		remedy: stalled, kstatus: status.FailedStatus, message: "returns another value for: alternative_acs_url",
		lift: func(w *world, o v1alpha1.Connection) {
			Expect(o.CommonStatus().NotConverging).To(HaveLen(1))
			edit(w, o.(*v1alpha1.SAMLConnection), func(o *v1alpha1.SAMLConnection) { o.Spec.AlternativeACSURL = nil })
		},
	}),
	Entry("a 429 to an edit", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.edited(w.saml("okta"))
			w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/**", Status: http.StatusTooManyRequests, ErrorType: "too_many_requests", RetryAfter: "30"})
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonThrottled, ready: isFalseNow, readyReason: v1alpha1.ReasonThrottled,
		remedy: reconciling, kstatus: status.InProgressStatus, message: "Retrying automatically when Stytch accepts requests again",
		lift: func(w *world, _ v1alpha1.Connection) { w.sim.RemoveFaults() },
	}),
	Entry("a 500 to an edit", unavailable500(http.StatusInternalServerError, stytchsim.FaultError, "500 internal_server_error")),
	Entry("HTML in answer to an edit", unavailable500(http.StatusBadGateway, stytchsim.FaultHTML, "502")),
	Entry("nothing at all in answer to an edit", unavailable500(0, stytchsim.FaultCutBeforeCommit, "got no response")),
)

func unavailable500(code int, effect stytchsim.Effect, message string) row {
	return row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.edited(w.saml("okta"))
			w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/**", Status: code, Effect: effect})
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonUnavailable, ready: isFalseNow, readyReason: v1alpha1.ReasonUnavailable,
		remedy: reconciling, kstatus: status.InProgressStatus, message: message,
		lift: func(w *world, _ v1alpha1.Connection) { w.sim.RemoveFaults() },
	}
}

var _ = Describe("A look that fails while there is nothing to apply", func() {
	It("says nothing before the next slot's look fails too", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.saml("okta"))
		before := o.GetResourceVersion()
		p := w.start()
		w.fault(stytchsim.Fault{Method: "GET", Path: "/v1/b2b/sso/*", Status: http.StatusServiceUnavailable})
		p.expectQuiet(o)
		w.clock.advance(resync)
		got := p.expectPass(o, "GET /v1/b2b/sso/organization")
		Expect(got.result.RequeueAfter).To(BeNumerically("~", 2*time.Second, time.Millisecond))
		w.reload(o)
		Expect(o.GetResourceVersion()).To(Equal(before))
		w.clock.advance(resync)
		p.expectPass(o, "GET /v1/b2b/sso/organization")
		w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionFalse, v1alpha1.ReasonUnavailable)
		w.expectCondition(o, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonActive)
		w.sim.RemoveFaults()
		w.clock.advance(resync)
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, metav1.ConditionTrue, v1alpha1.ReasonInSync)
	})
})

var _ = Describe("An edit that fails by itself", func() {
	It("is tried again when a 429 says, and after a 500 by the back-off of the work queue", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.edited(w.saml("okta"))
		p := w.start()
		w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/**", Times: 1, Status: http.StatusTooManyRequests, RetryAfter: "30"})
		Expect(p.pass(o).result.RequeueAfter).To(BeNumerically("~", 30*time.Second, time.Second))
		w.clock.advance(31 * time.Second)
		w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/**", Times: 1, Status: http.StatusInternalServerError, Effect: stytchsim.FaultError})
		Expect(p.pass(o).err).To(HaveOccurred())
		w.clock.advance(firstRetry)
		p.settle(o)
		w.expectKept(o)
	})
})
