package controllers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// expectHonest holds after every pass of every spec: status never reads as done for a generation that is not wholly met, and no
// secret stands anywhere but in its Secret. What is as it was when it last held is not looked at again.
func (w *world) expectHonest() {
	GinkgoHelper()
	now := honesty{
		secrets: w.writesOf("secrets") + len(w.issued.all()), events: w.writesOf("events"), log: w.log.Len(),
		manifests: w.writesOf(resourcesOfSpecs()...),
	}
	was := w.honest
	if now == was {
		return
	}
	if now.secrets != was.secrets {
		w.values = w.secretValues()
		was = honesty{}
	}
	if now.manifests != was.manifests {
		w.expectHonestManifests()
	}
	if now.events != was.events {
		w.expectHonestEvents()
	}
	expectNone(w.values, w.log.Since(was.log), "the log")
	w.honest = now
}

// honesty is how much there was to look at when a world was last found to be honest: writes of manifests and events, of Secrets
// and tokens that Stytch showed, and bytes of the log.
type honesty struct{ manifests, events, secrets, log int }

func (w *world) expectHonestManifests() {
	GinkgoHelper()
	for _, o := range w.connections() {
		w.expectHonestStatus(o)
		text, err := json.Marshal(o)
		Expect(err).NotTo(HaveOccurred())
		expectNone(w.values, string(text), "manifest "+o.GetName())
	}
}

func (w *world) expectHonestEvents() {
	GinkgoHelper()
	var events eventsv1.EventList
	Expect(api.List(w.ctx, &events, client.InNamespace(w.namespace))).To(Succeed())
	text, err := json.Marshal(events.Items)
	Expect(err).NotTo(HaveOccurred())
	expectNone(w.values, string(text), "the events")
}

func (w *world) connections() []v1alpha1.Connection {
	GinkgoHelper()
	var all []v1alpha1.Connection
	Expect(apiLedger.wait(w.namespace)).To(Succeed())
	for _, kind := range kindsOfSpecs() {
		Expect(sharedCluster.GetCache().List(w.ctx, kind.list, client.InNamespace(w.namespace))).To(Succeed())
		Expect(meta.EachListItem(kind.list, func(o runtime.Object) error {
			all = append(all, o.(v1alpha1.Connection))
			return nil
		})).To(Succeed())
	}
	return all
}

func (w *world) expectHonestStatus(o v1alpha1.Connection) {
	GinkgoHelper()
	s := o.CommonStatus()
	about := fmt.Sprintf("%T %s: %+v", o, o.GetName(), s.Conditions)
	stalled, reconciling := isTrue(o, v1alpha1.ConditionStalled), isTrue(o, v1alpha1.ConditionReconciling)
	Expect(stalled && reconciling).To(BeFalse(), "both Stalled and Reconciling: "+about)
	met := s.AppliedGeneration == o.GetGeneration()
	if s.ObservedGeneration == o.GetGeneration() && o.GetDeletionTimestamp().IsZero() {
		for _, c := range s.Conditions {
			Expect(c.ObservedGeneration).To(Equal(o.GetGeneration()), "a condition of another generation: "+about)
			Expect(c.Message).NotTo(BeEmpty(), about)
		}
		if !met {
			Expect(stalled || reconciling).To(BeTrue(), "not met, and neither Stalled nor Reconciling: "+about)
			Expect(isTrue(o, v1alpha1.ConditionReady) && !kept(o)).To(BeFalse(), "Ready for a generation that is not met: "+about)
		}
	}
	if kstatusOf(o) == status.CurrentStatus {
		Expect(met).To(BeTrue(), "kstatus reads a generation as done that is not met: "+about)
	}
}

// kept says that a connection was found and is kept as it was, until somebody says what is to become of it.
func kept(o v1alpha1.Connection) bool {
	synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced)
	return synced != nil && (synced.Reason == v1alpha1.ReasonMetadataUnread || synced.Reason == v1alpha1.ReasonKeysUnidentified)
}

// kstatusOf is what Flux, Argo CD and kubectl-like tools make of an object.
func kstatusOf(o client.Object) status.Status {
	GinkgoHelper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	Expect(err).NotTo(HaveOccurred())
	result, err := status.Compute(&unstructured.Unstructured{Object: content})
	Expect(err).NotTo(HaveOccurred())
	return result.Status
}

// secretValues are all values that may stand only in Secrets.
func (w *world) secretValues() []string {
	GinkgoHelper()
	values := append(w.issued.all(), stytchsim.DefaultSecret)
	for _, namespace := range w.namespaces() {
		var secrets corev1.SecretList
		Expect(api.List(w.ctx, &secrets, client.InNamespace(namespace))).To(Succeed())
		for _, secret := range secrets.Items {
			values = append(values, valuesOf(&secret)...)
		}
	}
	return values
}

func valuesOf(secret *corev1.Secret) []string {
	var values []string
	for key, value := range secret.Data {
		if key != v1alpha1.SecretKeyBaseURL && key != corev1.TLSCertKey && len(value) > 8 {
			values = append(values, string(value))
		}
		if strings.Contains(string(value), "PRIVATE KEY") { // logs and JSON escape what is between the lines
			for line := range strings.Lines(string(value)) {
				if line = strings.TrimSpace(line); len(line) > 16 && !strings.HasPrefix(line, "-----") {
					values = append(values, line)
				}
			}
		}
	}
	return values
}

// expectNowhereElse searches everything that is stored in the world's namespaces and in none but Secrets, events among it, and the
// process's log and metrics, for every token that Stytch ever showed, whether or not it was kept.
func (w *world) expectNowhereElse(p *process) {
	GinkgoHelper()
	tokens := w.secretValues()
	Expect(w.issued.all()).NotTo(BeEmpty())
	kinds := 0
	for _, namespace := range w.namespaces() {
		kinds += expectNotStored(w.ctx, tokens, (*discovery.DiscoveryClient).ServerPreferredNamespacedResources, client.InNamespace(namespace))
	}
	Expect(kinds).To(BeNumerically(">", 10))
	expectNotStored(w.ctx, tokens, clusterResources)
	expectNone(tokens, w.log.String(), "the log")
	_, all := p.series()
	for _, series := range all {
		name, _, _ := strings.Cut(series, " ")
		expectNone(tokens, series, "the metric "+name)
	}
}

// clusterResources are those that belong to no namespace.
func clusterResources(c *discovery.DiscoveryClient) ([]*metav1.APIResourceList, error) {
	all, err := c.ServerPreferredResources()
	return discovery.FilteredBy(discovery.ResourcePredicateFunc(func(_ string, r *metav1.APIResource) bool { return !r.Namespaced }), all), err
}

// expectNotStored searches the objects of all resources but Secrets, and returns how many kinds those are.
func expectNotStored(ctx context.Context, tokens []string, resources func(*discovery.DiscoveryClient) ([]*metav1.APIResourceList, error), options ...client.ListOption) int {
	GinkgoHelper()
	all, err := resources(discovery.NewDiscoveryClientForConfigOrDie(apiServer))
	Expect(err).NotTo(HaveOccurred())
	kinds := 0
	for _, group := range discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list"}}, all) {
		for _, resource := range group.APIResources {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(schema.FromAPIVersionAndKind(group.GroupVersion, resource.Kind+"List"))
			Expect(api.List(ctx, list, options...)).To(Succeed())
			text, err := json.Marshal(list)
			Expect(err).NotTo(HaveOccurred())
			if resource.Kind != "Secret" {
				expectNone(tokens, string(text), "the objects of kind "+resource.Kind)
				kinds++
				continue
			}
			found := func(token string) bool {
				return strings.Contains(string(text), base64.StdEncoding.EncodeToString([]byte(token)))
			}
			Expect(len(list.Items) == 0 || slices.ContainsFunc(tokens, found)).To(BeTrue(), "the search finds what is there")
		}
	}
	return kinds
}

// series are all series of metrics that a scrape of the process shows, with their values: its own, and those of all processes.
func (p *process) series() (own, all []string) {
	GinkgoHelper()
	registry := prometheus.NewPedanticRegistry()
	for _, collector := range p.collectors() {
		Expect(registry.Register(collector)).To(Succeed())
	}
	own = append(seriesOf(p.metrics), seriesOf(registry)...)
	return own, append(seriesOf(metrics.Registry), own...)
}

func seriesOf(from prometheus.Gatherer) []string {
	GinkgoHelper()
	families, err := from.Gather()
	Expect(err).NotTo(HaveOccurred())
	var series []string
	for _, family := range families {
		for _, m := range family.GetMetric() {
			series = append(series, family.GetName()+" "+m.String())
		}
	}
	return series
}

func expectNone(secrets []string, text, where string) {
	GinkgoHelper()
	for _, value := range secrets {
		if strings.Contains(text, value) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(value))) {
			Fail("a secret stands in " + where)
		}
	}
}

// expectCondition expects a condition of an object, as the API server has it, and returns its message.
func (w *world) expectCondition(o v1alpha1.Connection, kind string, status metav1.ConditionStatus, reason string) string {
	GinkgoHelper()
	w.reload(o)
	c := meta.FindStatusCondition(o.CommonStatus().Conditions, kind)
	Expect(c).NotTo(BeNil(), "no condition %s: %+v", kind, o.CommonStatus())
	Expect([]string{string(c.Status), c.Reason}).To(Equal([]string{string(status), reason}), "%+v", o.CommonStatus().Conditions)
	return c.Message
}

// expectPass takes one pass and expects exactly these calls to Stytch, by method and the end of the path.
func (p *process) expectPass(o client.Object, calls ...string) outcome {
	GinkgoHelper()
	got := p.pass(o)
	Expect(got.err).NotTo(HaveOccurred())
	Expect(short(got.calls)).To(Equal(short(calls)))
	return got
}

// expectQuiet expects that a pass calls nobody, writes nothing, and reads nothing past the cache.
func (p *process) expectQuiet(o client.Object) {
	GinkgoHelper()
	p.world.reload(o)
	before := o.GetResourceVersion()
	p.catchUp()
	p.check() // what the project needs is not the connection's doing
	_, n := p.life.readSince(0)
	got := p.pass(o)
	reads, _ := p.life.readSince(n)
	Expect(reads).To(BeEmpty())
	Expect(got.err).NotTo(HaveOccurred())
	Expect(got.calls).To(BeEmpty())
	Expect(got.writes).To(BeEmpty())
	p.world.reload(o)
	Expect(o.GetResourceVersion()).To(Equal(before))
}

// short makes IDs in paths readable.
func short(calls []string) []string {
	out := []string{}
	for _, call := range calls {
		parts := strings.Split(call, "/")
		for i, part := range parts {
			for _, prefix := range []string{"organization", "saml-connection", "oidc-connection", "scim-connection", "external-connection", "saml-verification-key", "saml-encryption-key"} {
				if strings.HasPrefix(part, prefix+"-test-") {
					parts[i] = prefix
				}
			}
		}
		out = append(out, strings.Join(parts, "/"))
	}
	return out
}

// notes are the notes of the namespace's events with a reason.
func (w *world) notes(reason string) []string {
	GinkgoHelper()
	var events eventsv1.EventList
	Expect(api.List(w.ctx, &events, client.InNamespace(w.namespace))).To(Succeed())
	notes := []string{}
	for _, e := range events.Items {
		if e.Reason == reason {
			notes = append(notes, e.Note)
		}
	}
	return notes
}

// eventReasons are the reasons of all events of the namespace.
func (w *world) eventReasons() []string {
	GinkgoHelper()
	var events eventsv1.EventList
	Expect(api.List(w.ctx, &events, client.InNamespace(w.namespace))).To(Succeed())
	reasons := []string{}
	for _, e := range events.Items {
		reasons = append(reasons, e.Reason)
	}
	return reasons
}
