package stytch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// clock stands still until it is moved.
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

// world is a pretend Stytch with an organization, and a Service that talks to it.
type world struct {
	*stytchsim.Sim
	t       *testing.T
	clock   *clock
	service *Service
	project Project
	org     string
}

// ample is a rate at which no test waits.
var ample = Rate{PerSecond: 1e6, Burst: 1e6}

func newWorld(t *testing.T, switches stytchsim.Switches) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: start}}
	w.Sim = stytchsim.New(stytchsim.Options{Switches: switches, Now: w.clock.Now})
	server := httptest.NewServer(w.Sim)
	t.Cleanup(server.Close)
	t.Cleanup(w.Reset)
	w.service = New(Options{UserAgent: "stytch-operator/test", Now: w.clock.Now, Timeout: 10 * time.Second})
	w.project = Project{
		Credentials: Credentials{BaseURL: server.URL, ProjectID: stytchsim.DefaultProjectID, Secret: stytchsim.DefaultSecret},
		Object:      "team/project", Rate: ample,
	}
	w.org = w.organization("acme")
	return w
}

func (w *world) organization(slug string) string {
	w.t.Helper()
	o, err := w.AddOrganization(stytchsim.Organization{Slug: slug})
	if err != nil {
		w.t.Fatal(err)
	}
	return o.ID
}

func (w *world) session() *Session         { return w.service.Session(w.project) }
func (w *world) caller(uid string) *Caller { return w.session().Caller("team", uid, Drift) }
func (w *world) urgent(uid string) *Caller { return w.session().Caller("team", uid, Urgent) }
func (w *world) secondly()                 { w.project.Rate = Rate{PerSecond: 1, Burst: 1} }

func (w *world) fault(f stytchsim.Fault) {
	w.t.Helper()
	if _, err := w.AddFault(f); err != nil {
		w.t.Fatal(err)
	}
}

// calls runs f and returns the operations that reached Stytch meanwhile.
func (w *world) calls(f func()) []string {
	w.t.Helper()
	before := len(w.Calls())
	f()
	var operations []string
	for _, c := range w.Calls()[before:] {
		operations = append(operations, c.Operation)
	}
	return operations
}

// expect runs f, which has to make exactly these calls.
func (w *world) expect(f func(), want ...string) {
	w.t.Helper()
	if got := w.calls(f); !slices.Equal(got, want) {
		w.t.Fatalf("calls made: %v, want %v", got, want)
	}
}

func (w *world) sso(caller *Caller, since time.Time) SSOConnections {
	w.t.Helper()
	l, err := caller.SSO(ctx(w.t), w.org, since)
	must(w.t, err)
	return l
}

func (w *world) scim(caller *Caller, since time.Time) []SCIMConnection {
	w.t.Helper()
	l, err := caller.SCIM(ctx(w.t), w.org, since)
	must(w.t, err)
	return l
}

func (w *world) saml(caller *Caller, name string) SAMLConnection {
	w.t.Helper()
	c, _, err := caller.CreateSAML(ctx(w.t), w.org, Fields{"display_name": name, "identity_provider": "okta"})
	must(w.t, err)
	return c
}

func (w *world) oidc(caller *Caller, name string) OIDCConnection {
	w.t.Helper()
	c, _, err := caller.CreateOIDC(ctx(w.t), w.org, Fields{"display_name": name, "identity_provider": "okta"})
	must(w.t, err)
	return c
}

func (w *world) document(d stytchsim.Document) {
	w.t.Helper()
	must(w.t, w.AddDocument(d))
}

func ctx(t *testing.T) context.Context {
	t.Helper()
	return t.Context()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func failedAs(t *testing.T, err error, class Class) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Class != class {
		t.Fatalf("error %#v (%v), want class %s", err, err, class)
	}
	return e
}

// asError returns the Error that an error is, or that it was kept as.
func asError(err error) (*Error, bool) { return errors.AsType[*Error](err) }

func notYet(t *testing.T, err error) time.Time {
	t.Helper()
	n, ok := errors.AsType[*NotYet](err)
	if !ok {
		t.Fatalf("error %#v (%v), want NotYet", err, err)
	}
	return n.At
}

// persist repeats what was not done because others were at it.
func persist(f func() error) error {
	for {
		err := f()
		if _, later := errors.AsType[*NotYet](err); !later {
			return err
		}
		runtime.Gosched()
	}
}

func readError(t *testing.T, err error) *ReadError {
	t.Helper()
	e, ok := errors.AsType[*ReadError](err)
	if !ok {
		t.Fatalf("error %#v (%v), want *ReadError", err, err)
	}
	return e
}

// direct carries a request straight into a handler: no socket, so that a
// synctest bubble sees who waits.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (response *http.Response, err error) {
	defer func() {
		if recover() != nil {
			response, err = nil, io.ErrUnexpectedEOF
		}
	}()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// answering returns a Caller against a server that always answers so.
func answering(t *testing.T, handler http.HandlerFunc) *Caller {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return against(server.URL, Options{})
}

func against(url string, o Options) *Caller {
	if o.Now == nil {
		o.Now = func() time.Time { return start }
	}
	o.UserAgent = "stytch-operator/test (+https://github.com/stytch-operator/stytch-operator)"
	return New(o).Session(Project{
		Credentials: Credentials{BaseURL: url, ProjectID: "project-test-1", Secret: hush}, Object: "a/p", Rate: ample,
	}).Caller("team", "uid", Drift)
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}
