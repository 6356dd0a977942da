package stytch

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Credentials open one Stytch project environment. BaseURL is the root of its
// API, such as https://test.stytch.com.
type Credentials struct {
	BaseURL   string
	ProjectID string
	Secret    Secret
}

// hash tells credentials apart without keeping them.
func (c Credentials) hash() [sha256.Size]byte {
	return sha256.Sum256([]byte(c.ProjectID + "\x00" + c.Secret.Reveal()))
}

// Rate is a pace of calls. Zero values mean 5 calls a second, in bursts of 10:
// some limits of Stytch are shared with the application's own logins.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Project is a project as one project object of the cluster asks for it. Object
// names that object, unlike any other's name. All objects with one project ID
// and host share one gate, which goes at the smallest rate asked.
type Project struct {
	Credentials
	Object string
	Rate   Rate
}

// Identity is whom credentials belong to.
type Identity struct {
	ProjectID string
	Name      string
}

// Options is how a [Service] is made.
type Options struct {
	// Transport sends requests. Nil: one of its own.
	Transport http.RoundTripper
	// UserAgent is sent with each request. Stytch refuses an empty one
	// (invalid_user_agent).
	UserAgent string
	// Metrics is where metrics are registered. Nil: nowhere.
	Metrics prometheus.Registerer
	// Now is the clock. Required.
	Now func() time.Time
	// Timeout is how long one call may take as a whole. Zero: 30 seconds.
	Timeout time.Duration
}

// Service is everything this process knows of Stytch: the gates, and what it was
// last told. It is safe for concurrent use.
type Service struct {
	client    *http.Client
	userAgent string
	timeout   time.Duration
	now       func() time.Time
	made      time.Time
	metrics   metrics

	gates         *gates
	sso           cache[SSOConnections]
	scim          cache[[]SCIMConnection]
	organizations cache[string]
	groups        cache[[]SCIMGroup]
}

// New makes a Service. It panics when Options has no clock.
func New(o Options) *Service {
	if o.Now == nil {
		panic("stytch: Options.Now is required")
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	s := &Service{
		client:    &http.Client{Transport: o.Transport, CheckRedirect: noRedirect},
		userAgent: o.UserAgent,
		timeout:   o.Timeout,
		now:       o.Now,
		made:      o.Now(),
		gates:     newGates(),
	}
	s.metrics = newMetrics(o.Metrics, s.gates.waiting)
	return s
}

// Whoami asks whom the credentials belong to (GET /v1/debug/whoami). It takes no
// turn, but sends nothing in a window that a 429 closed for the same project ID
// and host; then the error is *NotYet. It does not join a gate: only who is known
// to hold the project may slow it down.
func (s *Service) Whoami(ctx context.Context, c Credentials) (Identity, Request, error) {
	a := &account{service: s, credentials: func() Credentials { return c }, gate: s.gates.find(c)}
	r, request, err := do[whoamiReply](ctx, a, call{
		operation: "Whoami", method: http.MethodGet, path: []string{"v1", "debug", "whoami"},
	})
	if err != nil {
		return Identity{}, request, err
	}
	if r.ProjectID == "" {
		return Identity{}, request, incompleteError(request, "the project")
	}
	return Identity{ProjectID: r.ProjectID, Name: r.Name}, request, nil
}

// Session opens a project and joins its gate. It makes no call; ask Whoami first
// whether the credentials are the project's.
func (s *Service) Session(p Project) *Session {
	p.BaseURL = strings.TrimRight(p.BaseURL, "/")
	return &Session{account: &account{
		service:     s,
		baseURL:     p.BaseURL,
		credentials: func() Credentials { return p.Credentials },
		hash:        p.hash(),
		gate:        s.gates.join(s.now(), p),
	}}
}

// Leave ends the share that a project object has in the pace of its gate, for
// when the object is deleted.
func (s *Service) Leave(object string) { s.gates.leave(s.now(), object) }
