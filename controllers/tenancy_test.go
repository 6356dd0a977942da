package controllers

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/config/crd"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// namesOfObjects are the fields of all kinds that name an object of Kubernetes: those of the length of such names.
func namesOfObjects() []string {
	GinkgoHelper()
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	Expect(err).NotTo(HaveOccurred())
	var names []string
	for _, file := range files {
		var definition struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Schema struct {
						OpenAPIV3Schema spec.Schema `json:"openAPIV3Schema"`
					}
				}
			}
		}
		raw, err := crd.Bases.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(yaml.Unmarshal(raw, &definition)).To(Succeed())
		of := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
		names = append(names, namesIn(&of, definition.Spec.Names.Kind+" spec")...)
	}
	return names
}

func namesIn(s *spec.Schema, path string) []string {
	var names []string
	for field, of := range s.Properties {
		if strings.HasSuffix(strings.ToLower(field), "name") && of.MaxLength != nil && *of.MaxLength == 253 {
			names = append(names, path+"."+field)
		}
		names = append(names, namesIn(&of, path+"."+field)...)
	}
	if s.Items != nil && s.Items.Schema != nil {
		names = append(names, namesIn(s.Items.Schema, path+"[]")...)
	}
	return names
}

// ofAnother is the name of everything that another namespace has and this one lacks.
const ofAnother = "theirs"

// itsCredentials are what the StytchProject of the other namespace reads in its own passes.
const itsCredentials = "credentials"

// reference has a manifest reference what only another namespace has.
type reference struct {
	// refer changes the manifest, or the StytchProject of the world, which gives nil.
	refer func(w *world, o v1alpha1.Connection)
	// reason of Synced, where it is not InputMissing.
	reason string
	// output is what is written to an object of that name: the own one is made, and the other one is not touched.
	output bool
}

func onSAML(change func(s *v1alpha1.SAMLConnectionSpec)) reference {
	return reference{refer: func(_ *world, o v1alpha1.Connection) { change(&o.(*v1alpha1.SAMLConnection).Spec) }}
}

func onProject(change func(s *v1alpha1.StytchProjectSpec)) reference {
	return reference{refer: func(w *world, _ v1alpha1.Connection) {
		edit(w, w.project(), func(p *v1alpha1.StytchProject) { change(&p.Spec) })
	}}
}

// references has a row for each of namesOfObjects.
func references() map[string]reference {
	key := v1alpha1.SecretKeyRef{Name: ofAnother, Key: "key"}
	project := reference{refer: func(_ *world, o v1alpha1.Connection) { o.CommonSpec().ProjectRef.Name = ofAnother }}
	return map[string]reference{
		"ExternalConnection spec.projectRef.name": project,
		"OIDCConnection spec.projectRef.name":     project,
		"SAMLConnection spec.projectRef.name":     project,
		"SCIMConnection spec.projectRef.name":     project,
		"ExternalConnection spec.sourceRef.name": {reason: v1alpha1.ReasonSourceNotReady, refer: func(_ *world, o v1alpha1.Connection) {
			s := &o.(*v1alpha1.ExternalConnection).Spec
			s.Source, s.SourceRef = nil, &v1alpha1.ExternalSourceRef{Kind: v1alpha1.SourceSAML, Name: ofAnother}
		}},
		"OIDCConnection spec.clientSecretRef.name": {refer: func(_ *world, o v1alpha1.Connection) {
			o.(*v1alpha1.OIDCConnection).Spec.ClientSecretRef = &key
		}},
		"OIDCConnection spec.detailsConfigMapName": {output: true, refer: func(_ *world, o v1alpha1.Connection) {
			o.(*v1alpha1.OIDCConnection).Spec.DetailsConfigMapName = ofAnother
		}},
		"SAMLConnection spec.detailsConfigMapName": {output: true, refer: func(_ *world, o v1alpha1.Connection) {
			o.(*v1alpha1.SAMLConnection).Spec.DetailsConfigMapName = ofAnother
		}},
		"SCIMConnection spec.bearerToken.secretName": {output: true, refer: func(_ *world, o v1alpha1.Connection) {
			o.(*v1alpha1.SCIMConnection).Spec.BearerToken.SecretName = ofAnother
		}},
		"SAMLConnection spec.encryptionPrivateKeyRefs[].name": onSAML(func(s *v1alpha1.SAMLConnectionSpec) {
			s.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{key}
		}),
		"SAMLConnection spec.signingPrivateKeyRef.name": onSAML(func(s *v1alpha1.SAMLConnectionSpec) { s.SigningPrivateKeyRef = &key }),
		"SAMLConnection spec.verificationCertificates[].secretKeyRef.name": onSAML(func(s *v1alpha1.SAMLConnectionSpec) {
			s.VerificationCertificates = []v1alpha1.VerificationCertificate{{SecretKeyRef: &key}}
		}),
		"SAMLConnection spec.verificationCertificates[].configMapKeyRef.name": onSAML(func(s *v1alpha1.SAMLConnectionSpec) {
			s.VerificationCertificates = []v1alpha1.VerificationCertificate{{ConfigMapKeyRef: &v1alpha1.ConfigMapKeyRef{Name: ofAnother, Key: "key"}}}
		}),
		"StytchProject spec.secretRef.name":        onProject(func(s *v1alpha1.StytchProjectSpec) { s.SecretRef = key }),
		"StytchProject spec.memberSessionRef.name": onProject(func(s *v1alpha1.StytchProjectSpec) { s.MemberSessionRef = &key }),
		"ClusterStytchProject spec.secretRef.name": {refer: func(w *world, o v1alpha1.Connection) {
			w.regrant(w.grant(w.acme.ID))
			w.of(o, w.acme.ID)
			edit(w, w.clusterProject(), func(p *v1alpha1.ClusterStytchProject) { p.Spec.SecretRef = key })
		}},
	}
}

// makeTheirs makes everything that a reference may name in another namespace, and in that alone.
func (w *world) makeTheirs() []client.Object {
	GinkgoHelper()
	at := metav1.ObjectMeta{Namespace: w.shared.other, Name: ofAnother}
	value := "secret-of-another-team-" + w.namespace
	project := &v1alpha1.StytchProject{ObjectMeta: at, Spec: w.project().Spec}
	credentials := w.secret(itsCredentials, map[string]string{"key": value})
	credentials.Namespace = w.shared.other
	project.Spec.SecretRef = v1alpha1.SecretKeyRef{Name: itsCredentials, Key: "key"}
	source := w.saml("source")
	source.ObjectMeta = at
	all := []client.Object{
		&corev1.Secret{ObjectMeta: at, StringData: map[string]string{"key": value}},
		&corev1.ConfigMap{ObjectMeta: at, Data: map[string]string{"key": newCertificate(ofAnother)}},
		credentials, project, source,
	}
	for _, o := range all {
		w.create(o)
	}
	source.Status.OrganizationID, source.Status.ConnectionID = w.partner.ID, w.activeSAML(w.partner)
	Expect(api.Status().Update(w.ctx, source)).To(Succeed())
	return all
}

var _ = Describe("What only another namespace has", func() {
	rows := references()
	It("is a row here for each field that names an object", func() {
		Expect(namesOfObjects()).To(ConsistOf(slices.Collect(maps.Keys(rows))))
	})

	for _, field := range slices.Sorted(maps.Keys(rows)) {
		It("is not there, nor read, nor written: "+field, func(ctx context.Context) {
			row := rows[field]
			w := newSharedWorld(ctx, func(*world) []v1alpha1.Grant { return nil })
			others := w.makeTheirs()
			kind := kindsOfSpecs()[2]
			for _, k := range kindsOfSpecs() {
				if strings.HasPrefix(field, k.name+" ") {
					kind = k
				}
			}
			o := kind.manifest(w)
			row.refer(w, o)
			w.create(o)
			p := w.start()
			p.check()
			for _, other := range others {
				w.reload(other)
			}
			seq := w.seq()
			p.rest(o)
			switch {
			case row.output:
				p.settle(o)
				w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
			case row.reason != "":
				w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, row.reason)
			default:
				w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
			}
			for _, call := range w.callsSince(seq) {
				Expect(call.Path).To(Or(ContainSubstring(w.acme.ID), Equal("/v1/debug/whoami")), "another organization than its own")
			}
			reads, _ := p.life.readSince(0)
			_, writes := p.life.since(0)
			there := ContainSubstring("/namespaces/" + w.shared.other + "/")
			own := Or(HaveSuffix("/secrets/"+itsCredentials), HaveSuffix("/stytchprojects/"+ofAnother+"/status")) // what the passes of its project need
			Expect(append(writes, reads...)).NotTo(ContainElement(And(there, Not(own))), "beyond the lists of the cache")
			for _, other := range others {
				before := other.GetResourceVersion()
				w.reload(other)
				Expect(other.GetResourceVersion()).To(Equal(before))
			}
		})
	}
})

// spelling is a way to write an organization.
type spelling struct {
	name string
	of   func(w *world) string
}

// spellings are all of acme, which may be granted, but for the last ones. What is no character of an organization no API server takes.
func spellings() []spelling {
	acme := func(change func(id string) string) func(w *world) string {
		return func(w *world) string { return change(w.acme.ID) }
	}
	return []spelling{
		{"id", acme(func(id string) string { return id })},
		{"upper-case", acme(strings.ToUpper)},
		{"upper-case-number", acme(func(id string) string {
			return strings.Replace(strings.ToUpper(id), "ORGANIZATION-TEST-", "organization-test-", 1)
		})},
		{"space-before", acme(func(id string) string { return " " + id })},
		{"space-after", acme(func(id string) string { return id + " " })},
		{"line-end", acme(func(id string) string { return id + "\n" })},
		{"slug", func(*world) string { return "acme" }},
		{"external-id", func(*world) string { return "crm-acme" }},
		{"live", acme(func(id string) string { return strings.Replace(id, "-test-", "-live-", 1) })},
		{"prefix", acme(func(id string) string { return id[:len(id)-1] })},
		{"longer", acme(func(id string) string { return id + "0" })},
		{"path", func(w *world) string { return w.acme.ID + "/../" + w.partner.ID }},
		{"everything", func(*world) string { return v1alpha1.Everything }},
		{"nothing", func(*world) string { return "organization-test-" }},
		{"another", func(w *world) string { return w.partner.ID }},
		{"slug-of-another", func(*world) string { return "partner" }},
	}
}

// usesOf has a manifest that uses another connection use one of this organization.
func (w *world) usesOf(o v1alpha1.Connection, source stytchsim.Organization) v1alpha1.Connection {
	GinkgoHelper()
	if external, is := o.(*v1alpha1.ExternalConnection); is {
		external.Spec.Source = &v1alpha1.ExternalSource{OrganizationID: source.ID, ConnectionID: w.activeSAML(source)}
	}
	return o
}

// guard is what may be granted to a namespace.
type guard struct {
	name    string
	grants  func(w *world) []v1alpha1.Grant // of a ClusterStytchProject; nil where the StytchProject names acme
	granted []string                        // the spellings that are served
	form    *regexp.Regexp                  // what the API server takes
}

func guards() []guard {
	fullID := regexp.MustCompile(`^organization-(live|test)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	return []guard{
		{"with a grant", func(w *world) []v1alpha1.Grant { return []v1alpha1.Grant{w.grant(w.acme.ID)} }, []string{"id"}, fullID},
		{"with a grant of another namespace alone", func(w *world) []v1alpha1.Grant {
			g := w.grant(v1alpha1.Everything)
			g.Namespaces = []v1alpha1.GrantedNamespace{v1alpha1.GrantedNamespace(w.shared.other)}
			return []v1alpha1.Grant{g}
		}, nil, fullID},
		{"without a grant", func(*world) []v1alpha1.Grant { return nil }, nil, fullID},
		{"of a StytchProject that names its organizations", nil, []string{"id"}, regexp.MustCompile(`^[A-Za-z0-9._~|-]+$`)},
	}
}

var _ = Describe("However an organization is spelled", func() {
	for _, g := range guards() {
		for _, kind := range kindsOfSpecs() {
			It(fmt.Sprintf("nothing is asked about one that is not granted (%s, %s)", kind.name, g.name), func(ctx context.Context) {
				var w *world
				var third stytchsim.Organization
				if g.grants == nil {
					w = newWorld(ctx)
					third = w.organization("third")
					edit(w, w.project(), func(p *v1alpha1.StytchProject) { p.Spec.Organizations = []string{w.acme.ID, third.ID} })
				} else {
					w = newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
						third = w.organization("third")
						all := g.grants(w)
						for i := range all {
							all[i].Sources = []v1alpha1.GrantedOrganization{v1alpha1.GrantedOrganization(third.ID)}
						}
						return all
					})
				}
				_, err := w.sim.PatchOrganization(w.acme.ID, map[string]any{"organization_external_id": "crm-acme"})
				Expect(err).NotTo(HaveOccurred())
				manifest, p := w.usesOf(kind.manifest(w), third), w.start()
				for _, s := range spellings() {
					o, organization := copyOf(manifest), s.of(w)
					o.SetName(s.name)
					o.CommonSpec().Organization = organization
					if g.grants != nil {
						w.of(o, organization)
					}
					err := api.Create(ctx, o)
					Expect(apierrors.IsInvalid(err)).To(Equal(!g.form.MatchString(organization)), "%s: %v", s.name, err)
					if err != nil {
						continue
					}
					p.rest(o)
					served := slices.Contains(g.granted, s.name)
					if !served {
						w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
					} else {
						p.settle(o)
						w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
					}
				}
				own := ContainSubstring(w.acme.ID)
				if kind.name == "ExternalConnection" {
					own = Or(own, Equal("/v1/b2b/sso/"+third.ID))
				}
				asked := 0
				for _, call := range w.callsSince(0) {
					if call.Path != "/v1/debug/whoami" {
						Expect(call.Path).To(own)
						asked++
					}
				}
				if g.granted == nil {
					Expect(asked).To(BeZero())
				} else {
					Expect(asked).To(BeNumerically(">", 0))
				}
			})
		}
	}
})

// seen is all that anybody can see of a manifest's passes, with what differs by name alone made the same.
type seen struct {
	Conditions, Events, Calls, Reads, Writes, Metrics, Log []string
}

// changing is what is never the same twice.
var changing = regexp.MustCompile(`time=\S+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// see creates a manifest, lets it come to rest without letting time pass, and says all that can be seen of that.
func (p *process) see(o v1alpha1.Connection) seen {
	GinkgoHelper()
	w := p.world
	p.catchUp()
	p.check()
	p.catchUp()
	seq, log, events := w.seq(), w.log.Len(), p.life.eventCount()
	_, reads := p.life.readSince(0)
	before, _ := p.series()
	w.create(o)
	p.rest(o)
	w.expectUntouched(seq)
	w.reload(o)
	var s seen
	s.Reads, _ = p.life.readSince(reads)
	s.Calls, s.Writes = p.life.since(events)
	for _, c := range o.CommonStatus().Conditions {
		c.LastTransitionTime = metav1.Time{}
		s.Conditions = append(s.Conditions, fmt.Sprintf("%+v", c))
	}
	after, _ := p.series()
	s.Metrics = slices.DeleteFunc(after, func(line string) bool {
		ofAnotherSpec := strings.Contains(line, `value:"ClusterStytchProject"`) && !strings.Contains(line, w.namespace)
		return slices.Contains(before, line) || ofAnotherSpec
	})
	Eventually(func() []string { return w.eventsAbout(o) }).WithPolling(50 * time.Millisecond).ShouldNot(BeEmpty())
	s.Events = w.eventsAbout(o)
	for line := range strings.Lines(w.log.Since(log)) {
		s.Log = append(s.Log, changing.ReplaceAllString(line, "*"))
	}
	w.delete(o)
	Expect(w.exists(o)).To(BeFalse())
	p.again(o) // whatever is remembered of it goes with it
	return s
}

// turnsWaitedFor is the gauge of the calls that wait at the gate.
func (p *process) turnsWaitedFor() float64 {
	GinkgoHelper()
	families, err := p.metrics.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		if family.GetName() == "stytch_gate_waiting_turns" {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	Fail("there is no such metric")
	return 0
}

// closeGate has a manifest that is granted use the one turn that there is and wait for the next one, as anybody would have to.
func (p *process) closeGate(o v1alpha1.Connection) {
	GinkgoHelper()
	p.world.create(o)
	p.rest(o)
	Expect(p.turnsWaitedFor()).To(BeNumerically(">", 0))
}

var _ = Describe("That an organization does not exist, and that it is not granted", func() {
	slow := &v1alpha1.RateLimit{RequestsPerSecond: 1, Burst: 1}
	// expectSame sees what is there, what is not, and what never was.
	expectSame := func(p *process, all ...v1alpha1.Connection) {
		GinkgoHelper()
		p.closeGate(p.world.grantedTo())
		p.see(copyOf(all[0])) // what a process does but once
		waiting := p.turnsWaitedFor()
		first := p.see(copyOf(all[0]))
		Expect(first.Conditions).To(ContainElement(ContainSubstring(v1alpha1.ReasonNotGranted)))
		Expect(first.Calls).To(BeEmpty())
		for _, o := range all[1:] {
			Expect(p.see(o)).To(Equal(first))
		}
		Expect(p.turnsWaitedFor()).To(Equal(waiting))
	}

	for _, kind := range kindsOfSpecs() {
		It("are the same in all that can be seen: of a ClusterStytchProject ("+kind.name+")", func(ctx context.Context) {
			w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant { return []v1alpha1.Grant{w.grant(w.acme.ID)} })
			edit(w, w.clusterProject(), func(p *v1alpha1.ClusterStytchProject) { p.Spec.RateLimit = slow })
			manifest := w.usesOf(kind.manifest(w), w.organization("third"))
			expectSame(w.start(), w.of(copyOf(manifest), w.partner.ID), w.of(copyOf(manifest), noSuchOrganization))
		})
		It("are the same in all that can be seen: of a StytchProject ("+kind.name+")", func(ctx context.Context) {
			w := newWorld(ctx)
			edit(w, w.project(), func(p *v1alpha1.StytchProject) {
				p.Spec.Organizations, p.Spec.RateLimit = []string{w.acme.ID}, slow
			})
			manifest := w.usesOf(kind.manifest(w), w.organization("third"))
			var all []v1alpha1.Connection
			for _, organization := range []string{w.partner.ID, noSuchOrganization, "partner", "nobody"} {
				o := copyOf(manifest)
				o.CommonSpec().Organization = organization
				all = append(all, o)
			}
			expectSame(w.start(), all...)
		})
	}

	It("are the same in all that can be seen: of a source", func(ctx context.Context) {
		w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant { return []v1alpha1.Grant{w.grant(w.acme.ID)} })
		edit(w, w.clusterProject(), func(p *v1alpha1.ClusterStytchProject) { p.Spec.RateLimit = slow })
		there, noConnection, noOrganization := w.external(), w.external(), w.external()
		noConnection.Spec.Source.ConnectionID = "saml-connection-test-00000000-0000-4000-8000-000000000000"
		noOrganization.Spec.Source.OrganizationID = noSuchOrganization
		expectSame(w.start(), w.of(there, w.acme.ID), w.of(noConnection, w.acme.ID), w.of(noOrganization, w.acme.ID))
	})
})

// grantedTo is a manifest for acme.
func (w *world) grantedTo() v1alpha1.Connection {
	o := w.saml("granted")
	if w.shared != nil {
		return w.of(o, w.acme.ID)
	}
	return o
}

// unaware is a cache that does not show namespaces yet.
type unaware struct{ client.Reader }

func (u unaware) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	if o.GetObjectKind().GroupVersionKind().Kind == kindNamespace {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, key.Name)
	}
	return u.Reader.Get(ctx, key, o, options...)
}

// projectless is a client whose cache shows no projects yet.
type projectless struct{ client.Client }

func (c projectless) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	if _, is := o.(v1alpha1.Project); is {
		return apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "projects"}, key.Name)
	}
	return c.Client.Get(ctx, key, o, options...)
}

var _ = Describe("A project that the cache does not show yet", func() {
	for _, kind := range kindsOfSpecs() {
		It("is an input that is missing: nothing is asked, created or deleted until it is there ("+kind.name+")", func(ctx context.Context) {
			w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
				g := w.grant(w.acme.ID)
				g.Sources = []v1alpha1.GrantedOrganization{"*"}
				return []v1alpha1.Grant{g}
			})
			o := w.of(kind.manifest(w), w.acme.ID)
			o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.create(o)
			p := w.start()
			shown := p.shared.client
			p.shared.client = projectless{shown}
			seq := w.seq()
			p.rest(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
			w.expectUntouched(seq)
			p.shared.client = shown
			p.settle(o)
			w.expectInSync(o)

			restarted := w.start()
			shown = restarted.shared.client
			restarted.shared.client = projectless{shown}
			w.delete(o)
			seq = w.seq()
			restarted.rest(o)
			Expect(w.exists(o)).To(BeTrue(), "a connection must not be given up because nothing is known")
			w.expectUntouched(seq)
			restarted.shared.client = shown
			restarted.settle(o)
			Expect(w.exists(o)).To(BeFalse())
			Expect(w.made()).To(BeEmpty())
		})
	}
})

var _ = Describe("A grant", func() {
	for _, kind := range kindsOfSpecs() {
		It("that is removed between the list and what would be sent keeps that back ("+kind.name+")", func(ctx context.Context) {
			w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
				g := w.grant(w.acme.ID)
				g.Sources = []v1alpha1.GrantedOrganization{"*"}
				return []v1alpha1.Grant{g}
			})
			o := w.of(kind.manifest(w), w.acme.ID)
			w.create(o)
			p := w.start()
			p.settle(o)
			w.expectKept(o)
			w.clock.advance(resync)
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Renamed" })
			seq, listed := w.seq(), false
			w.observe = func() {
				for _, call := range w.callsSince(seq) {
					if !listed && call.Method == http.MethodGet && call.Path != "/v1/debug/whoami" {
						listed = true
						w.regrant()
						p.catchUp()
					}
				}
			}
			p.settle(o)
			w.observe = func() {}
			Expect(listed).To(BeTrue())
			Expect(w.sentSince(seq)).To(BeEmpty())
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		})
	}

	It("by labels is neither there nor missing while the cache does not show the namespace", func(ctx context.Context) {
		w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
			g := v1alpha1.Grant{TrustNamespaceLabels: true, Organizations: w.grant(w.acme.ID).Organizations}
			g.NamespaceSelector = &v1alpha1.NamespaceSelector{MatchLabels: map[string]v1alpha1.NamespaceLabelValue{corev1.LabelMetadataName: v1alpha1.NamespaceLabelValue(w.namespace)}}
			return []v1alpha1.Grant{g}
		})
		o := w.saml("okta")
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.of(o, w.acme.ID)
		w.create(o)
		p := w.start()
		shown := p.shared.cached
		p.shared.cached = unaware{shown}
		p.rest(o)
		w.reload(o)
		Expect(meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionSynced)).To(Or(BeNil(), HaveField("Reason", Not(Equal(v1alpha1.ReasonNotGranted)))))
		Expect(w.touched(0)).To(BeEmpty())
		p.shared.cached = shown
		p.settle(o)
		w.expectKept(o)

		p.shared.cached = unaware{shown}
		w.delete(o)
		seq := w.seq()
		for range 3 {
			p.pass(o)
		}
		Expect(w.exists(o)).To(BeTrue(), "a connection must not be given up because nothing is known")
		w.expectUntouched(seq)
		p.shared.cached = shown
		p.settle(o)
		Expect(w.exists(o)).To(BeFalse())
		Expect(w.connectionsOf(w.acme)).To(BeZero())
	})

	It("by a label comes with what the owner of the namespace writes only where labels are trusted", func(ctx context.Context) {
		w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
			g := w.grant(w.acme.ID)
			g.Namespaces = []v1alpha1.GrantedNamespace{"platform"}
			return []v1alpha1.Grant{g}
		})
		edit(w, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}, func(o *corev1.Namespace) {
			maps.Copy(o.Labels, map[string]string{"team": "platform", "name": "platform"})
		})
		project := w.clusterProject()
		w.reload(project)
		g := v1alpha1.Grant{Organizations: w.grant(w.acme.ID).Organizations, NamespaceSelector: &v1alpha1.NamespaceSelector{
			MatchLabels: map[string]v1alpha1.NamespaceLabelValue{"team": "platform"},
		}}
		project.Spec.Grants = append(project.Spec.Grants, g)
		Expect(apierrors.IsInvalid(api.Update(ctx, project))).To(BeTrue())
		o := w.of(w.saml("okta"), w.acme.ID)
		w.create(o)
		p := w.start()
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		Expect(w.touched(0)).To(BeEmpty())
		g.TrustNamespaceLabels = true
		w.regrant(g)
		p.settle(o)
		w.expectKept(o)
	})

	It("of a StytchProject lets no source be named under the name of another organization", func(ctx context.Context) {
		w := newWorld(ctx)
		third := w.organization("third")
		edit(w, w.project(), func(p *v1alpha1.StytchProject) { p.Spec.Organizations = []string{w.acme.ID, third.ID} })
		o := w.external()
		o.Spec.Source.OrganizationID = third.ID // whose is the connection of partner
		w.create(o)
		p := w.start()
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonSourceNotReady)
		Expect(w.touched(0)).NotTo(ContainElement(w.partner.ID))
		Expect(w.sentSince(0)).To(BeEmpty())
	})
})

var _ = Describe("With every secret there is, of a ClusterStytchProject and a StytchProject with a member's session", func() {
	It("none stands anywhere but in its Secret", func(ctx context.Context) {
		w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
			g := w.grant(w.acme.ID)
			g.Sources = []v1alpha1.GrantedOrganization{"*"}
			return []v1alpha1.Grant{g}
		})
		m := w.memberOf(w.acme, asToken)
		m.keepSecret()
		w.name()
		w.create(w.secret("keys", map[string]string{"key.pem": pkcs1(1)}))
		p := w.start()
		for _, shared := range []bool{true, false} {
			for _, kind := range kindsOfSpecs() {
				if kind.name == "SCIMConnection" && !shared {
					continue // an organization has one
				}
				o := kind.manifest(w)
				if saml, is := o.(*v1alpha1.SAMLConnection); is {
					saml.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "keys", Key: "key.pem"}
				}
				o.CommonSpec().DisplayName += " of its own"
				if shared {
					o.CommonSpec().DisplayName = "Shared"
					o.SetName(o.GetName() + "-shared")
					w.of(o, w.acme.ID)
				}
				w.create(o)
				p.settle(o)
				w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
			}
			if shared {
				w.delete(w.secret("entra-client", nil)) // which the next manifest of the kind makes
			}
		}
		w.expectNowhereElse(p)

		// A refusal that quotes all that came with the call.
		for name, quoted := range map[string]string{"okta": stytchsim.DefaultSecret + " " + m.session.Token, "okta-shared": stytchsim.DefaultSecret} {
			w.fault(stytchsim.Fault{Method: http.MethodPut, Status: http.StatusBadRequest, ErrorType: "bad_request", ErrorMessage: "No: " + quoted})
			o := w.saml(name)
			edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Refused" })
			p.rest(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
			accepting(w)
		}
		w.expectNowhereElse(p)
	})
})
