package controllers

import (
	"context"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// wakes are what an object may become, and whether somebody is woken by that.
type wakes[O client.Object] map[string]struct {
	change func(o O)
	wakes  bool
}

// expect expects a predicate to let through what wakes, and nothing else.
func (w wakes[O]) expect(t *testing.T, by predicate.Predicate, before O) {
	t.Helper()
	for name, c := range w {
		after := copyOf(before)
		after.SetResourceVersion("2")
		c.change(after)
		if got := by.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != c.wakes {
			t.Errorf("%s: wakes is %t", name, got)
		}
	}
}

func TestAStytchProjectWakesItsConnectionsOnlyWhenItIsOtherwiseThanBefore(t *testing.T) {
	wakes[*v1alpha1.StytchProject]{
		"checked again with the same result": {func(p *v1alpha1.StytchProject) { p.Status.LastRequest = &v1alpha1.Request{RequestID: "another"} }, false},
		"edited":                             {func(p *v1alpha1.StytchProject) { p.Generation = 2 }, true},
		"rejected":                           {func(p *v1alpha1.StytchProject) { p.Status.Conditions[0].Status = metav1.ConditionFalse }, true},
		"checked with another Secret":        {func(p *v1alpha1.StytchProject) { p.Status.Inputs[0].ResourceVersion = "8" }, true},
		"given another session of its member, and nothing else": {func(p *v1alpha1.StytchProject) { p.Status.Inputs[1].ResourceVersion = "8" }, false},
		"given another session of its member, and rejected": {func(p *v1alpha1.StytchProject) {
			p.Status.Inputs[1].ResourceVersion = "8"
			p.Status.Conditions[0].Status = metav1.ConditionFalse
		}, true},
		"given a session of a member": {func(p *v1alpha1.StytchProject) { p.Status.Inputs = append(p.Status.Inputs, p.Status.Inputs[1]) }, true},
	}.expect(t, credentialsChanged(), &v1alpha1.StytchProject{
		ObjectMeta: metav1.ObjectMeta{Generation: 1, ResourceVersion: "1"},
		Status: v1alpha1.StytchProjectStatus{ProjectStatus: v1alpha1.ProjectStatus{
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}},
			Inputs:     []v1alpha1.Input{{Kind: "Secret", Name: "stytch", ResourceVersion: "7"}, {Kind: "Secret", Name: "member", ResourceVersion: "7"}},
		}},
	})
}

func TestARenewedSessionIsToldFromEverythingElse(t *testing.T) {
	before := &v1alpha1.StytchProject{Status: v1alpha1.StytchProjectStatus{ProjectStatus: v1alpha1.ProjectStatus{Inputs: []v1alpha1.Input{{Name: "stytch"}, {Name: "member"}}}}}
	wakes[*v1alpha1.StytchProject]{
		"renewed":               {func(p *v1alpha1.StytchProject) { p.Status.Inputs[1].ResourceVersion = "8" }, true},
		"with another Secret":   {func(p *v1alpha1.StytchProject) { p.Status.Inputs[0].ResourceVersion = "8" }, false},
		"without a member":      {func(p *v1alpha1.StytchProject) { p.Status.Inputs = p.Status.Inputs[:1] }, false},
		"as before":             {func(*v1alpha1.StytchProject) {}, false},
		"renewed after an edit": {func(p *v1alpha1.StytchProject) { p.Status.Inputs[1].ResourceVersion, p.Generation = "8", 2 }, false},
	}.expect(t, updates(sessionRenewed), before)
}

func TestAManifestIsLookedAtWhenItAsksForSomethingElse(t *testing.T) {
	const refresh = v1alpha1.AnnotationRefreshMetadata
	wakes[*v1alpha1.SAMLConnection]{
		"status written":              {func(o *v1alpha1.SAMLConnection) { o.Status.State = "active" }, false},
		"finalizer written":           {func(o *v1alpha1.SAMLConnection) { o.Finalizers = []string{v1alpha1.Finalizer} }, false},
		"labelled":                    {func(o *v1alpha1.SAMLConnection) { o.Labels = map[string]string{refresh: "2"} }, false},
		"edited":                      {func(o *v1alpha1.SAMLConnection) { o.Generation = 2 }, true},
		"another's annotation":        {func(o *v1alpha1.SAMLConnection) { o.Annotations["kubectl.kubernetes.io/restartedAt"] = "now" }, false},
		"one that only looks like it": {func(o *v1alpha1.SAMLConnection) { o.Annotations["x."+refresh] = "2" }, false},
		"our annotation added":        {func(o *v1alpha1.SAMLConnection) { o.Annotations[v1alpha1.AnnotationPrefix+"other"] = "1" }, true},
		"our annotation changed":      {func(o *v1alpha1.SAMLConnection) { o.Annotations[refresh] = "2" }, true},
		"our annotation gone":         {func(o *v1alpha1.SAMLConnection) { o.Annotations = nil }, true},
	}.expect(t, desiredStateChanged(), &v1alpha1.SAMLConnection{
		ObjectMeta: metav1.ObjectMeta{Generation: 1, ResourceVersion: "1", Annotations: map[string]string{refresh: "1", "somebody": "else"}},
	})
}

func TestASourceWakesThoseThatReuseItWhenItsConnectionIsAnotherOrInAnotherState(t *testing.T) {
	wakes[*v1alpha1.OIDCConnection]{
		"edited":             {func(o *v1alpha1.OIDCConnection) { o.Generation = 2 }, false},
		"found again":        {func(o *v1alpha1.OIDCConnection) { o.Status.ObservedGeneration = 2 }, false},
		"active":             {func(o *v1alpha1.OIDCConnection) { o.Status.State = "active" }, true},
		"another connection": {func(o *v1alpha1.OIDCConnection) { o.Status.ConnectionID = "another" }, true},
	}.expect(t, sourceChanged(), &v1alpha1.OIDCConnection{Status: v1alpha1.OIDCConnectionStatus{
		ConnectionStatus: v1alpha1.ConnectionStatus{ConnectionID: "one", State: "pending"},
	}})
}

func TestAnExternalConnectionWakesItsSourceWhenItIsOnItsWayOut(t *testing.T) {
	before := &v1alpha1.ExternalConnection{ObjectMeta: metav1.ObjectMeta{Generation: 1}}
	wakes[*v1alpha1.ExternalConnection]{
		"edited":        {func(o *v1alpha1.ExternalConnection) { o.Generation = 2 }, false},
		"written":       {func(o *v1alpha1.ExternalConnection) { o.Status.State = "active" }, false},
		"being deleted": {func(o *v1alpha1.ExternalConnection) { o.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, true},
	}.expect(t, dependantGone(), before)
	if dependantGone().Create(event.CreateEvent{Object: before}) || !dependantGone().Delete(event.DeleteEvent{Object: before}) {
		t.Error("one that appears wakes nobody, and one that is gone does")
	}
}

func TestASecretIsNewsUnlessItIsAProofOfThisProcess(t *testing.T) {
	d := &shared{}
	proof := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{UID: "one", ResourceVersion: "7"}}
	edited := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{UID: "one", ResourceVersion: "8"}}
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{UID: "two", ResourceVersion: "7"}}
	news := d.secretChanged()
	is := func(secret *corev1.Secret) bool {
		return news.Update(event.UpdateEvent{ObjectOld: proof, ObjectNew: secret}) && news.Create(event.CreateEvent{Object: secret})
	}
	if !is(proof) {
		t.Error("nothing was proved")
	}
	d.memory.keepProof(proof)
	if is(proof) || !is(edited) || !is(other) {
		t.Errorf("what was proved is news: %t; what was edited since: %t; another: %t", is(proof), is(edited), is(other))
	}
	if !news.Delete(event.DeleteEvent{Object: proof}) || !is(proof) {
		t.Error("a Secret that is deleted is news, and nothing is remembered of it")
	}
}

// manage runs the controllers as the program does, until the spec ends. The world's clock stands still, so that nothing comes of
// time: what happens was woken.
func (w *world) manage() {
	GinkgoHelper()
	cached := CacheOptions()
	cached.DefaultNamespaces = map[string]cache.Config{w.namespace: {}}
	mgr, err := ctrl.NewManager(rest.CopyConfig(apiServer), ctrl.Options{
		Scheme: scheme, Logger: w.logger(), Metrics: metricsserver.Options{BindAddress: "0"},
		Cache:                   cached,
		Client:                  ClientOptions(),
		Controller:              config.Controller{SkipNameValidation: new(true)}, // of one process there are several lives here
		GracefulShutdownTimeout: new(time.Second),
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(w.ctx)
	Expect(Setup(ctx, mgr, Options{
		Stytch:         stytch.New(stytch.Options{UserAgent: "stytch-operator/test", Now: w.clock.Now}),
		Endpoints:      connection.Endpoints{InsecureLoopback: true},
		ResyncInterval: resync, SettleTime: DefaultSettleTime, ExpiryWarning: expiryWarning, Now: w.clock.Now,
	})).To(Succeed())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	DeferCleanup(func() {
		cancel()
		Eventually(ended).Should(Receive())
		for _, collector := range []prometheus.Collector{&expiries{}, &rotations{}, &unclaimed{}, &manifests{}, &drift{}} {
			metrics.Registry.Unregister(collector)
		}
	})
}

// comesTo waits until a condition of an object has a reason.
func (w *world) comesTo(o v1alpha1.Connection, condition, reason string) {
	GinkgoHelper()
	Eventually(func() string {
		w.reload(o)
		if c := meta.FindStatusCondition(o.CommonStatus().Conditions, condition); c != nil && c.ObservedGeneration == o.GetGeneration() {
			return c.Reason
		}
		return ""
	}).WithPolling(10*time.Millisecond).Should(Equal(reason), "%+v", o.CommonStatus())
}

// soon waits until something holds.
func soon(holds func() bool, about string) {
	GinkgoHelper()
	Eventually(holds).WithPolling(10*time.Millisecond).Should(BeTrue(), about)
}

var _ = Describe("The manager wakes", func() {
	It("an ExternalConnection when its source appears, gets its connection and becomes active, and a source when that is gone", func(ctx context.Context) {
		w := newWorld(ctx)
		w.manage()
		for kind, manifest := range sources() {
			o := w.externalTo(kind)
			o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
			w.create(o)
			w.comesTo(o, v1alpha1.ConditionSynced, v1alpha1.ReasonSourceNotReady)
			source := manifest(w)
			source.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			giveBack := pendingSource(source)
			w.create(source)
			w.comesTo(source, v1alpha1.ConditionReady, v1alpha1.ReasonPending)
			edit(w, source, giveBack)
			w.comesTo(o, v1alpha1.ConditionReady, v1alpha1.ReasonActive)

			w.delete(source)
			w.comesTo(source, v1alpha1.ConditionSynced, v1alpha1.ReasonDeletionBlocked)
			w.delete(o)
			soon(func() bool { return !w.exists(o) }, "the ExternalConnection goes")
			soon(func() bool { return !w.exists(source) }, "and the source after it")
			Expect(w.sim.Connections(w.partner.ID)).To(BeEmpty())
		}
		w.expectHonest()
	})

	It("a manifest when a Secret or a ConfigMap that it names appears, changes or goes", func(ctx context.Context) {
		w := newWorld(ctx)
		w.manage()
		o := w.saml("okta")
		o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{fromSecret("idp"), fromConfigMap("idp")}
		o.Spec.DetailsConfigMapName = "details"
		w.create(o)
		w.comesTo(o, v1alpha1.ConditionSynced, v1alpha1.ReasonInputMissing)
		first, second, third := newCertificate("first"), newCertificate("second"), newCertificate("third")
		w.create(w.secret("idp", map[string]string{corev1.TLSCertKey: first}))
		w.create(w.configMap("idp", map[string]string{"idp.pem": second}))
		w.comesTo(o, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		w.expectInstalled(o, first, second)

		edit(w, w.secret("idp", nil), func(s *corev1.Secret) { s.Data[corev1.TLSCertKey] = []byte(third) })
		soon(func() bool {
			return len(w.installed(o.Status.ConnectionID)) == 2 && sha(w.installed(o.Status.ConnectionID)[1]) == sha(third)
		}, "the Secret's")
		edit(w, w.configMap("idp", nil), func(c *corev1.ConfigMap) { c.Data["idp.pem"] = first })
		soon(func() bool { return sha(w.installed(o.Status.ConnectionID)[1]) == sha(first) }, "the ConfigMap's")
		w.delete(w.configMap("details", nil))
		soon(func() bool { return w.exists(w.configMap("details", nil)) }, "the details")

		sso := w.oidc("entra")
		w.delete(w.secret("entra-client", nil))
		w.create(sso)
		w.comesTo(sso, v1alpha1.ConditionSynced, v1alpha1.ReasonInputMissing)
		w.create(w.secret("entra-client", map[string]string{"secret": "a client's secret"}))
		w.comesTo(sso, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		w.expectHonest()
	})

	It("a SCIMConnection when its token is asked to be rotated, acknowledged, or taken out of its Secret", func(ctx context.Context) {
		w := newWorld(ctx)
		w.manage()
		o := w.scim("directory")
		w.create(o)
		w.comesTo(o, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		acknowledge := func() {
			w.comesTo(o, v1alpha1.ConditionRotating, v1alpha1.ReasonAwaitingAcknowledgement)
			before := w.current(o)
			w.annotate(o, v1alpha1.AnnotationAcknowledgeToken, w.next(o))
			soon(func() bool { return w.current(o) != before }, "the rotation is completed")
			w.expectIdle(o, before)
		}
		w.askForRotation(o, "")
		acknowledge()
		edit(w, w.tokenSecret(o), func(s *corev1.Secret) { delete(s.Data, v1alpha1.SecretKeyToken) })
		acknowledge()
		w.delete(w.tokenSecret(o))
		acknowledge()
		w.expectHonest()
	})

	It("a manifest when an annotation asks for something", func(ctx context.Context) {
		w := newWorld(ctx)
		document := stytchsim.Document{
			URL: "https://idp.example.com/metadata", IDPEntityID: "https://idp.example.com", IDPSSOURL: "https://idp.example.com/sso",
			Certificates: newCertificates("first"),
		}
		Expect(w.sim.AddDocument(document)).To(Succeed())
		w.manage()
		o := w.saml("okta")
		o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.VerificationCertificates = "", "", nil
		o.Spec.MetadataURL = document.URL
		w.create(o)
		w.comesTo(o, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		document.IDPSSOURL = "https://idp.example.com/sso2"
		Expect(w.sim.AddDocument(document)).To(Succeed())
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Annotations = map[string]string{v1alpha1.AnnotationRefreshMetadata: "today"}
		})
		soon(func() bool { return w.field(o, "idp_sso_url") == document.IDPSSOURL }, "the metadata is read again")
		w.expectHonest()
	})

	It("what a member's session blocked when that is renewed, and nothing else", func(ctx context.Context) {
		w, m := newMemberWorld(ctx, asToken)
		o, refused := w.saml("okta"), w.oidc("entra")
		w.settledSource(o)
		w.settledSource(refused)
		w.fault(stytchsim.Fault{Operation: "UpdateOIDCConnection", Status: http.StatusBadRequest, ErrorType: "invalid_display_name"})
		w.manage()
		edit(w, refused, func(o *v1alpha1.OIDCConnection) { o.Spec.DisplayName = "Refused" })
		w.comesTo(refused, v1alpha1.ConditionSynced, v1alpha1.ReasonRejected)
		m.revoke()
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		w.comesTo(o, v1alpha1.ConditionSynced, v1alpha1.ReasonCredentialsRejected)
		seq := w.seq()
		m.renew()
		w.comesTo(o, v1alpha1.ConditionSynced, v1alpha1.ReasonInSync)
		Expect(w.field(o, "display_name")).To(Equal("Renamed"))
		Expect(w.callsSince(seq)).To(HaveLen(1))
	})
})
