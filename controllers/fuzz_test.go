package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/tools/events"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/config/crd"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// What an answer of the fuzz target has in the place of what is another value in each run: the ID of the connection, the ID of its
// source, the end of its token.
const (
	connectionOfAnswer = "CONNECTION"
	sourceOfAnswer     = "SOURCE"
	tokenOfAnswer      = "TOKEN"
)

// The IDs of the organizations.
const (
	organizationOfFuzz = "organization-test-22222222-2222-4222-8222-222222222222"
	partnerOfFuzz      = "organization-test-33333333-3333-4333-8333-333333333333"
)

// FuzzAnyAnswerLeavesAStatus has Stytch answer with anything when a settled manifest is compared again: with a connection, which is in
// every list and in the answer to every change, or with that as the whole of each answer.
//
//	answer ─▶ internal/stytch ─▶ pass ─▶ status ─▶ the schema of the CRD
//
// There is no API server, but its validator. The specs of hostile answers have a real one.
func FuzzAnyAnswerLeavesAStatus(f *testing.F) {
	RegisterTestingT(f) // for what is shared with the specs
	var settled []*mirror
	for i, kind := range kindsOfSpecs() {
		settled = append(settled, settledMirror(f, kind))
		for _, c := range connectionsOfEveryForm() {
			f.Add(uint8(i), false, []byte(c))
			f.Add(uint8(i), true, []byte(`{"request_id":"r","connection":`+c+`,"saml_connections":[`+c+`],"oidc_connections":[`+c+`],"external_connections":[`+c+`]}`))
		}
		for _, answer := range []string{``, `null`, `{}`, `[]`, "\xff", `{"request_id":"r"}`, `{"request_id":"r","connection":null,"saml_connections":[null]}`} {
			f.Add(uint8(i), true, []byte(answer))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, whole bool, answer []byte) {
		m := settled[int(kind)%len(settled)].again(t)
		answer = m.real(answer)
		m.stytch = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { anyAnswer(w, r, whole, answer) })
		for range 2 { // a failure is said when the second comparison fails too
			m.clock.advance(2 * resync)
			err := m.pass()
			if _, ofStytch := errors.AsType[*stytch.Error](err); err != nil && !ofStytch {
				t.Fatal(err)
			}
		}
		synced := meta.FindStatusCondition(m.reloaded().CommonStatus().Conditions, v1alpha1.ConditionSynced)
		if synced == nil || synced.ObservedGeneration != m.o.GetGeneration() {
			t.Errorf("Synced is %+v", synced)
		}
		m.expectShown(t)
	})
}

// real puts the values of this run into an answer.
func (m *mirror) real(answer []byte) []byte {
	values := []string{connectionOfAnswer, m.o.CommonStatus().ConnectionID}
	switch o := m.o.(type) {
	case *v1alpha1.ExternalConnection:
		values = append(values, sourceOfAnswer, o.Spec.Source.ConnectionID)
	case *v1alpha1.SCIMConnection:
		values = append(values, tokenOfAnswer, o.Status.BearerToken.LastFour)
	}
	return []byte(strings.NewReplacer(values...).Replace(string(answer)))
}

// anyAnswer answers a call, with these bytes as they are or with the connection that they are.
func anyAnswer(w http.ResponseWriter, r *http.Request, whole bool, answer []byte) {
	w.Header().Set("Content-Type", "application/json")
	form := `{"request_id":"r","connection":%[1]s,"warning":{"a":[]}}`
	switch {
	case whole:
		form = "%[1]s"
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/b2b/sso/"):
		form = `{"more":1e999,"request_id":"r","saml_connections":[%[1]s],"oidc_connections":[%[1]s],"external_connections":[%[1]s]}`
	}
	_, _ = fmt.Fprintf(w, form, answer)
}

// connectionsOfEveryForm are some of the connections that may be answered.
func connectionsOfEveryForm() []string {
	long := strings.Repeat("ü", 5000)
	certificate := fmt.Sprintf(`{"certificate_id":%q,"certificate":"MAA=","expires_at":"9999-12-31T23:59:59-23:59"}`, long[:258])
	certificates := "[" + strings.Repeat(certificate+",", 19) + certificate + "]"
	var connections []string
	for _, fields := range []string{
		``, `,"external_organization_id":"` + partnerOfFuzz + `","external_connection_id":"` + sourceOfAnswer + `","bearer_token_last_four":"` + tokenOfAnswer + `"`,
		`,"acs_url":"` + long + `","audience_uri":"` + long + `","signing_certificates":` + certificates,
		`,"verification_certificates":` + certificates + `,"encryption_private_keys":[{"private_key_id":"` + long + `"}]`,
		`,"bearer_token_last_four":"` + tokenOfAnswer + `","base_url":"` + long + `","bearer_token_expires_at":"9999-12-31T23:59:59-23:59"`,
		`,"redirect_url":"` + long + `","base_url":"` + long + `","issuer":"\u0000","token_url":"\ufeff"`,
		`,"bearer_token_last_four":"` + long + `","bearer_token_expires_at":"0000-01-01T00:00:00Z","next_bearer_token_expires_at":"10000-01-01T00:00:00Z"`,
		`,"attribute_mapping":{"":[1e400,null],"email":{}},"display_name":"` + long + `","status":"\u202e"`,
		`,"saml_group_implicit_role_assignments":[{"group":"` + long + `","role_id":"\n"},null],"idp_initiated_auth_disabled":null`,
	} {
		connections = append(connections, fmt.Sprintf(`{"connection_id":%q,"organization_id":%q,"status":"active"%s}`, connectionOfAnswer, organizationOfFuzz, fields))
	}
	return append(connections, `{"connection_id":"`+connectionOfAnswer+`"}`)
}

// mirror is a process with an API server that is none: it keeps what is written, and refuses a status that the schema refuses.
type mirror struct {
	*reconcilers
	t      testing.TB
	kind   kindOfSpecs
	clock  *clock
	api    client.Client
	stytch http.Handler
	o      v1alpha1.Connection
}

// settledMirror has a manifest of a kind, in sync with a simulated Stytch.
func settledMirror(f *testing.F, kind kindOfSpecs) *mirror {
	f.Helper()
	w := &world{ctx: f.Context(), namespace: "fuzz", clock: newClock(), url: "http://127.0.0.1:1"}
	w.sim = stytchsim.New(stytchsim.Options{Now: w.clock.Now})
	m := newMirror(f, kind, w.clock, w.sim)
	before := api
	api = m.api
	defer func() { api = before }()
	for id, of := range map[string]*stytchsim.Organization{organizationOfFuzz: &w.acme, partnerOfFuzz: &w.partner} {
		added, err := w.sim.AddOrganization(stytchsim.Organization{ID: id, Slug: "of-" + id})
		Expect(err).NotTo(HaveOccurred())
		*of = added
	}
	w.create(w.secret("stytch", map[string]string{"secret": stytchsim.DefaultSecret}))
	w.create(w.project())
	m.o = kind.manifest(w)
	w.create(m.o)
	var err error
	for range 10 {
		if err = errors.Join(m.check(), m.pass()); err == nil && isTrue(m.reloaded(), v1alpha1.ConditionSynced) {
			return m
		}
		m.clock.advance(retrySoon)
	}
	f.Fatalf("%s is not in sync: %+v, %v", kind.name, m.o.CommonStatus(), err)
	return nil
}

// newMirror begins a process on objects. Others have to be created.
func newMirror(tb testing.TB, kind kindOfSpecs, clock *clock, sim http.Handler, objects ...client.Object) *mirror {
	tb.Helper()
	m := &mirror{t: tb, kind: kind, clock: clock, stytch: sim}
	s := &shared{
		Options: Options{
			Stytch:         stytch.New(stytch.Options{Transport: m, UserAgent: "stytch-operator/test", Now: clock.Now}),
			Endpoints:      connection.Endpoints{InsecureLoopback: true},
			ResyncInterval: resync, SettleTime: DefaultSettleTime, ExpiryWarning: expiryWarning, InputPatience: inputPatience, Now: clock.Now,
		},
		recorder: &events.FakeRecorder{}, projectEvents: make(chan event.GenericEvent, maxProjectEvents),
	}
	m.reconcilers = reconcilersOf(s)
	b := fake.NewClientBuilder().WithScheme(mirrorScheme()).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.StytchProject{}, kind.object).
		WithInterceptorFuncs(interceptor.Funcs{Create: createAsAPIServer, SubResourcePatch: m.patchStatus})
	indexes := builderIndexer{b}
	for _, err := range []error{
		m.projects.index(tb.Context(), indexes), m.external.index(tb.Context(), indexes), m.oidc.index(tb.Context(), indexes),
		m.saml.index(tb.Context(), indexes), m.scim.index(tb.Context(), indexes),
	} {
		if err != nil {
			tb.Fatal(err)
		}
	}
	m.api = b.Build()
	s.client, s.cached, s.live = m.api, m.api, m.api
	return m
}

// again is a new process on the objects as they are.
func (m *mirror) again(tb testing.TB) *mirror {
	tb.Helper()
	var objects []client.Object
	for _, list := range []client.ObjectList{&v1alpha1.StytchProjectList{}, &corev1.SecretList{}, m.kind.list} {
		list := list.DeepCopyObject().(client.ObjectList)
		if err := m.api.List(tb.Context(), list); err != nil {
			tb.Fatal(err)
		}
		if err := meta.EachListItem(list, func(item runtime.Object) error {
			objects = append(objects, item.(client.Object))
			return nil
		}); err != nil {
			tb.Fatal(err)
		}
	}
	begun := newMirror(tb, m.kind, &clock{now: m.clock.Now()}, m.stytch, objects...)
	begun.o = copyOf(m.o)
	begun.shared.memory.firstPass(begun.clock.Now()) // for which the slot of this moment has been compared
	return begun
}

// mirrorScheme has the kinds of the operator and of Kubernetes that a process reads and writes.
var mirrorScheme = sync.OnceValue(func() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme, metav1.AddMetaToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return scheme
})

// builderIndexer adds indexes to a client that is being built.
type builderIndexer struct{ *fake.ClientBuilder }

func (b builderIndexer) IndexField(_ context.Context, object client.Object, field string, values client.IndexerFunc) error {
	b.WithIndex(object, field, values)
	return nil
}

// RoundTrip is a call to Stytch.
func (m *mirror) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	m.stytch.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// check takes a pass of the StytchProject.
func (m *mirror) check() error {
	_, err := m.projects.Reconcile(m.t.Context(), ctrl.Request{NamespacedName: inNamespace(m.o, "default")})
	return err
}

// pass takes a pass of the manifest.
func (m *mirror) pass() error {
	_, err := m.kind.reconciler(&process{reconcilers: m.reconcilers}).Reconcile(m.t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(m.o)})
	return err
}

// reloaded is the manifest as it is kept.
func (m *mirror) reloaded() v1alpha1.Connection {
	m.t.Helper()
	if err := m.api.Get(m.t.Context(), client.ObjectKeyFromObject(m.o), m.o); err != nil {
		m.t.Fatal(err)
	}
	return m.o
}

// createAsAPIServer gives an object its UID and generation, and a Secret its data.
func createAsAPIServer(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
	object.SetUID(uuid.NewUUID())
	object.SetGeneration(1)
	if secret, is := object.(*corev1.Secret); is {
		for key, value := range secret.StringData {
			if secret.Data == nil {
				secret.Data = map[string][]byte{}
			}
			secret.Data[key] = []byte(value)
		}
	}
	return c.Create(ctx, object, options...)
}

// patchStatus writes status, unless the schema refuses it.
func (m *mirror) patchStatus(ctx context.Context, c client.Client, subResource string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
	m.t.Helper()
	kind := reflect.TypeOf(object).Elem().Name()
	changed, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return err
	}
	if result := validators()[kind].Validate(changed); !result.IsValid() {
		m.t.Errorf("the API server refuses the status of a %s: %v", kind, result.AsError())
	}
	return c.SubResource(subResource).Patch(ctx, object, patch, options...)
}

// validators are the API server's validators of the kinds. They know no rules of CEL, of which status has none.
var validators = sync.OnceValue(func() map[string]*validate.SchemaValidator {
	all := map[string]*validate.SchemaValidator{}
	for kind, schema := range crd.Schemas[*spec.Schema]() {
		all[kind] = validate.NewSchemaValidator(schema, nil, "", strfmt.Default)
	}
	return all
})

// expectShown expects that status shows of the connection what Stytch answered, as it is if it is within limits.
func (m *mirror) expectShown(t *testing.T) {
	t.Helper()
	var project v1alpha1.StytchProject
	if err := m.api.Get(t.Context(), inNamespace(m.o, "default"), &project); err != nil {
		t.Fatal(err)
	}
	known, _ := m.shared.knownSession(&project)
	caller := known.stytch.Caller(m.o.GetNamespace(), "the test", stytch.Urgent)
	defer caller.Close()
	var sent, stored []string
	switch o := m.o.(type) {
	case *v1alpha1.SAMLConnection:
		all, _ := m.saml.remote.list(t.Context(), caller, organizationOfFuzz, time.Time{})
		if i := slices.IndexFunc(all, func(r stytch.SAMLConnection) bool { return r.ConnectionID == o.Status.ConnectionID }); i >= 0 {
			sent, stored = []string{all[i].ACSURL, all[i].AudienceURI}, []string{o.Status.ACSURL, o.Status.AudienceURI}
		}
	case *v1alpha1.OIDCConnection:
		all, _ := m.oidc.remote.list(t.Context(), caller, organizationOfFuzz, time.Time{})
		if i := slices.IndexFunc(all, func(r stytch.OIDCConnection) bool { return r.ConnectionID == o.Status.ConnectionID }); i >= 0 {
			sent, stored = []string{all[i].RedirectURL}, []string{o.Status.RedirectURL}
		}
	case *v1alpha1.SCIMConnection:
		all, _ := m.scim.remote.list(t.Context(), caller, organizationOfFuzz, time.Time{})
		if i := slices.IndexFunc(all, func(r stytch.SCIMConnection) bool { return r.ConnectionID == o.Status.ConnectionID }); i >= 0 {
			sent, stored = []string{all[i].BaseURL}, []string{o.Status.BaseURL}
		}
	}
	for i := range sent {
		if fitting(sent[i]) != stored[i] {
			t.Errorf("stored %q of %q", stored[i], sent[i])
		}
	}
}

// fitting is a URL as status has it.
func fitting(sent string) string {
	const most = 1024
	if utf8.RuneCountInString(sent) <= most {
		return sent
	}
	return string([]rune(sent)[:most-1]) + "…"
}
