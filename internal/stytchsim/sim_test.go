package stytchsim_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// The vocabulary of these tests: a pretend Stytch on loopback with an
// organization in it, calls with the right credentials, and what came back.

type pretend struct {
	*stytchsim.Sim
	t     *testing.T
	url   string
	clock *clock
	acme  stytchsim.Organization
}

// clock is a clock that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func start(t *testing.T, options stytchsim.Options) *pretend {
	t.Helper()
	p := &pretend{t: t, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	options.Now = p.clock.Now
	p.Sim = stytchsim.New(options)
	server := httptest.NewServer(p.Sim)
	t.Cleanup(server.Close)
	t.Cleanup(p.Reset) // lets go of held calls, or Close would wait for them
	p.url = server.URL
	p.acme = p.organization("acme")
	return p
}

func switched(t *testing.T, switches stytchsim.Switches) *pretend {
	t.Helper()
	return start(t, stytchsim.Options{Switches: switches})
}

func (p *pretend) organization(slug string) stytchsim.Organization {
	p.t.Helper()
	made, err := p.AddOrganization(stytchsim.Organization{Slug: slug})
	if err != nil {
		p.t.Fatal(err)
	}
	return made
}

// object is a JSON object.
type object = map[string]any

// array is a JSON array.
type array = []any

// reply is what came back of a call.
type reply struct {
	t      *testing.T
	call   string
	status int
	header http.Header
	body   []byte
	err    error // the connection ended without an answer
}

func (p *pretend) send(ctx context.Context, method, path, secret string, body any) reply {
	var content io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			return reply{t: p.t, err: err}
		}
		content = bytes.NewReader(data)
	}
	r := reply{t: p.t, call: method + " " + path}
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, content)
	if err != nil {
		r.err = err
		return r
	}
	request.SetBasicAuth(stytchsim.DefaultProjectID, secret)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		r.err = err
		return r
	}
	r.status, r.header = response.StatusCode, response.Header
	data, err := io.ReadAll(response.Body)
	r.body, r.err = data, errors.Join(err, response.Body.Close())
	return r
}

func (p *pretend) do(method, path string, body any) reply {
	p.t.Helper()
	return p.send(p.t.Context(), method, path, stytchsim.DefaultSecret, body)
}

func (p *pretend) get(path string) reply            { p.t.Helper(); return p.do("GET", path, nil) }
func (p *pretend) post(path string, body any) reply { p.t.Helper(); return p.do("POST", path, body) }
func (p *pretend) put(path string, body any) reply  { p.t.Helper(); return p.do("PUT", path, body) }
func (p *pretend) del(path string) reply            { p.t.Helper(); return p.do("DELETE", path, nil) }

// ok is the answer of a call that succeeded.
func (r reply) ok() object {
	r.t.Helper()
	if r.err != nil || r.status < 200 || r.status > 299 {
		r.t.Fatalf("%s: %d %s %v", r.call, r.status, r.body, r.err)
	}
	return r.json()
}

func (r reply) json() object {
	r.t.Helper()
	var answer object
	if err := json.Unmarshal(r.body, &answer); err != nil {
		r.t.Fatalf("%s: %v: %s", r.call, err, r.body)
	}
	return answer
}

// connection is the connection in an answer.
func (r reply) connection() object {
	r.t.Helper()
	c, ok := r.ok()["connection"].(object)
	if !ok {
		r.t.Fatalf("%s: no connection in %s", r.call, r.body)
	}
	return c
}

// refused fails unless the call was refused so.
func (r reply) refused(status int, errorType string) {
	r.t.Helper()
	if r.err != nil {
		r.t.Fatalf("%s: %v", r.call, r.err)
	}
	if answer := r.json(); r.status != status || answer["error_type"] != errorType {
		r.t.Fatalf("%s: want %d %s, got %s", r.call, status, errorType, r.body)
	}
}

// cut fails unless the connection ended without an answer.
func (r reply) cut() {
	r.t.Helper()
	if r.err == nil {
		r.t.Fatalf("%s: want no answer, got %d %s", r.call, r.status, r.body)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, errGot := json.Marshal(got)
	w, errWant := json.Marshal(want)
	if err := errors.Join(errGot, errWant); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, w) {
		t.Fatalf("%s: got %s, want %s", what, g, w)
	}
}

func text(t *testing.T, in object, name string) string {
	t.Helper()
	value, ok := in[name].(string)
	if !ok {
		t.Fatalf("%s is no string in %v", name, in)
	}
	return value
}

func each(t *testing.T, in object, name string) []object {
	t.Helper()
	values, ok := in[name].(array)
	if !ok {
		t.Fatalf("%s is no list in %v", name, in)
	}
	var found []object
	for _, value := range values {
		if one, ok := value.(object); ok {
			found = append(found, one)
		}
	}
	return found
}

func all(t *testing.T, in []object, name string) []string {
	t.Helper()
	values := []string{}
	for _, one := range in {
		values = append(values, text(t, one, name))
	}
	return values
}

// certificate makes a certificate of an identity provider.
func certificate(t *testing.T, expires time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "idp"},
		NotBefore: expires.Add(-time.Hour), NotAfter: expires,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// lasting makes a certificate that outlives these tests.
func lasting(t *testing.T) string {
	t.Helper()
	return certificate(t, time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC))
}

// rsaKey makes a private key as PKCS#1 and as PKCS#8.
func rsaKey(t *testing.T) (key *rsa.PrivateKey, pkcs1, pkcs8 string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	pkcs8 = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return key, pkcs1, pkcs8
}

// der is the certificate in a PEM text.
func der(t *testing.T, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("not PEM: %q", text)
	}
	return block.Bytes
}

// eventually waits for something another goroutine brings about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 5000 {
		if is() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func TestEveryAnswerHasARequestIDThatTheJournalKnows(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for i, r := range []reply{
		p.get("/v1/debug/whoami"),
		p.get("/v1/b2b/organizations/nobody"),
		p.get("/v1/nothing"),
		p.do("PATCH", "/v1/debug/whoami", nil),
		p.get("/v1/b2b//organizations/acme"),
		p.post("/v1/b2b/sso/saml/acme", object{"display_nam": "x"}),
		p.send(t.Context(), "GET", "/v1/debug/whoami", "wrong", nil),
		p.post("/v1/b2b/sso/saml/acme", object{}),
	} {
		answer := r.json()
		id := text(t, answer, "request_id")
		if !strings.HasPrefix(id, "request-id-test-") {
			t.Errorf("%s: request_id %s", r.call, id)
		}
		same(t, r.call+": status_code", answer["status_code"], r.status)
		if line := p.Calls()[i]; line.RequestID != id || line.Status != r.status {
			t.Errorf("%s: the journal has %+v", r.call, line)
		}
	}
}

// Source: live; the pages of unauthorized_credentials and too_many_requests are
// those of the examples in openapi.
func TestAnErrorHasStytchsShape(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	if _, err := p.AddFault(stytchsim.Fault{Path: "/v1/debug/whoami", Status: 429, ErrorType: "too_many_requests"}); err != nil {
		t.Fatal(err)
	}
	for url, r := range map[string]reply{
		"https://stytch.com/docs/b2b/api/errors/404#organization_not_found": p.get("/v1/b2b/organizations/nobody"),
		"https://stytch.com/docs/b2b/api/errors/400#invalid_sso_idp":        p.post(samlOf+"acme", object{"identity_provider": "sun"}),
		"https://stytch.com/docs/api/errors/404#route_not_found":            p.get("/v1/b2b/nothing"),
		"https://stytch.com/docs/api/errors/405#method_not_allowed":         p.put("/v1/b2b/sso/acme", nil),
		"https://stytch.com/docs/api/errors/429#too_many_requests":          p.get("/v1/debug/whoami"),
		"https://stytch.com/docs/api/errors/401#unauthorized_credentials":   p.send(t.Context(), "GET", "/v1/b2b/sso/acme", "wrong", nil),
	} {
		answer := r.json()
		same(t, r.call+": error_url", answer["error_url"], url)
		if !strings.HasSuffix(url, "#"+text(t, answer, "error_type")) || text(t, answer, "error_message") == "" {
			t.Errorf("%s: %s", r.call, r.body)
		}
	}
	same(t, "message", p.get("/v1/b2b/nothing").json()["error_message"], "The route provided is not supported.")
}

func TestAPathThatIsNoOperationIsToldApartFromAMethodThatIsNone(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.get("/v1/b2b/nothing").refused(404, "route_not_found")
	p.get("/v1/b2b/sso/acme/").refused(404, "route_not_found")
	p.post("/v1/b2b/scim/acme/connections", object{"display_name": "x"}).refused(404, "route_not_found")
	p.put("/v1/b2b/sso/acme", object{"display_name": "x"}).refused(405, "method_not_allowed")
}

func TestWrongCredentialsAreRefusedAndRightOnesName(t *testing.T) {
	p := start(t, stytchsim.Options{ProjectName: "Acme Inc"})
	for _, secret := range []string{"", "wrong"} {
		p.send(t.Context(), "GET", "/v1/debug/whoami", secret, nil).refused(401, "unauthorized_credentials")
	}
	answer := p.get("/v1/debug/whoami").ok()
	same(t, "project_id", answer["project_id"], stytchsim.DefaultProjectID)
	same(t, "name", answer["name"], "Acme Inc")
}

func TestAProjectsSecretCanChangeAndAFurtherProjectSeesOnlyItsOwn(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	if err := p.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Secret: "new"}); err != nil {
		t.Fatal(err)
	}
	p.get("/v1/debug/whoami").refused(401, "unauthorized_credentials")
	p.send(t.Context(), "GET", "/v1/debug/whoami", "new", nil).ok()

	if err := p.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Name: "Renamed"}); err != nil {
		t.Fatal(err)
	}
	same(t, "name", p.send(t.Context(), "GET", "/v1/debug/whoami", "new", nil).ok()["name"], "Renamed")
	if err := p.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Secret: "new"}); err != nil {
		t.Fatal(err)
	}
	same(t, "name", p.send(t.Context(), "GET", "/v1/debug/whoami", "new", nil).ok()["name"], "Renamed")

	if err := p.AddProject(stytchsim.Project{ID: "project-live-2"}); err == nil {
		t.Error("a new project without a secret is accepted")
	}
	if err := p.AddProject(stytchsim.Project{ID: "project-live-2", Secret: "s"}); err != nil {
		t.Fatal(err)
	}
	live, err := p.AddOrganization(stytchsim.Organization{ProjectID: "project-live-2", Slug: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(live.ID, "organization-live-") {
		t.Errorf("an organization of a live project is %s", live.ID)
	}
	p.send(t.Context(), "GET", "/v1/b2b/organizations/"+live.ID, "new", nil).refused(400, "live_id_used_in_test_environment")
	c, err := p.AddConnection(live.ID, stytchsim.SCIM, nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "base_url", c.Fields["base_url"], "https://api.stytch.com/v1/b2b/scim/"+c.ID)
	p.send(t.Context(), "GET", scimOfAcme, "new", nil).refused(404, "no_active_scim_connection")
	p.send(t.Context(), "PUT", scimOfAcme+"/"+c.ID, "new", object{}).refused(404, "no_active_scim_connection")
}

func TestTheJournalNotesThatASessionCameWithACall(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/v1/b2b/sso/acme", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(stytchsim.DefaultProjectID, stytchsim.DefaultSecret)
	request.Header.Set("X-Stytch-Member-Sessionjwt", "a.b.c")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusNotFound {
		t.Errorf("answered with %d, %v", response.StatusCode, err)
	}
	if calls := p.Calls(); !calls[0].MemberSession {
		t.Errorf("the journal has %+v", calls)
	}
}

func TestTheZeroOptionsWork(t *testing.T) {
	server := httptest.NewServer(stytchsim.New(stytchsim.Options{}))
	t.Cleanup(server.Close)
	p := &pretend{t: t, url: server.URL}
	same(t, "name", p.get("/v1/debug/whoami").ok()["name"], "Simulated project")
}

func TestResetMakesEverythingAsItWas(t *testing.T) {
	p := switched(t, stytchsim.Switches{Lists: "null"})
	p.post("/v1/b2b/scim/acme/connection", nil).ok()
	if err := p.SetSwitches(stytchsim.Switches{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddFault(stytchsim.Fault{Effect: stytchsim.FaultHTML}); err != nil {
		t.Fatal(err)
	}
	if err := p.AddLimit(stytchsim.Limit{Window: stytchsim.Duration(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	state := p.State()
	same(t, "connections", state.Connections, array{})
	same(t, "organizations", state.Organizations, array{})
	same(t, "faults", state.Faults, array{})
	same(t, "limits", state.Limits, array{})
	same(t, "calls", p.Calls(), array{})
	same(t, "the lists switch", state.Switches.Lists, "null")
	p.get("/v1/debug/whoami").ok()
}

// Meant for the race detector too: go test -race.
func TestItIsSafeForConcurrentUse(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	pem := lasting(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				made := p.send(t.Context(), "POST", "/v1/b2b/sso/saml/acme", stytchsim.DefaultSecret, object{"display_name": "x"})
				var answer struct {
					Connection struct {
						ID string `json:"connection_id"`
					} `json:"connection"`
				}
				if err := json.Unmarshal(made.body, &answer); err != nil {
					t.Error(err)
					return
				}
				path := "/v1/b2b/sso/saml/acme/connections/" + answer.Connection.ID
				p.send(t.Context(), "PUT", path, stytchsim.DefaultSecret, object{"x509_certificate": pem})
				p.send(t.Context(), "GET", "/v1/b2b/sso/acme", stytchsim.DefaultSecret, nil)
				p.State()
				p.Calls()
				if _, err := p.PatchConnection(answer.Connection.ID, object{"display_name": "y"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	same(t, "connections", len(p.Connections("acme")), 40)
	seqs := []int{}
	for _, c := range p.Calls() {
		seqs = append(seqs, c.Seq)
	}
	if len(seqs) != 120 || !slices.IsSorted(seqs) {
		t.Errorf("the journal has %d lines, sorted: %t", len(seqs), slices.IsSorted(seqs))
	}
}

func TestAnUnknownSwitchPositionIsFoundAtOnce(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New accepts it")
		}
	}()
	stytchsim.New(stytchsim.Options{Switches: stytchsim.Switches{Lists: "nul"}})
}
