package stytch

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"
)

// Credentials authenticate to one Stytch project environment. BaseURL is the root
// of its API, such as https://test.stytch.com.
type Credentials struct {
	BaseURL   string
	ProjectID string
	Secret    Secret
}

// hash identifies credentials without keeping them.
func (c Credentials) hash() [sha256.Size]byte {
	return sha256.Sum256([]byte(c.ProjectID + "\x00" + c.Secret.Reveal()))
}

// Rate limits calls. Zero values mean 5 calls per second in bursts of up to 10:
// some rate limits of Stytch are shared with the logins of the application.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Project is a Stytch project as one StytchProject object configures it. Object
// identifies that object and must be unique. All objects with the same project ID
// and host share one gate, which runs at the smallest of their rates; but where some of
// them lead, at the smallest of those.
type Project struct {
	Credentials
	Member Member
	Object string
	Rate   Rate
	Leads  bool
}

// Identity is the project that credentials belong to.
type Identity struct {
	ProjectID string
	Name      string
}

// Options configure a [Service].
type Options struct {
	// Transport sends requests. Nil means a transport with the defaults of this
	// package.
	Transport http.RoundTripper
	// UserAgent is sent with each request. Stytch rejects an empty one
	// (invalid_user_agent).
	UserAgent string
	// Metrics is the registry of the metrics. Nil means that none are
	// registered.
	Metrics prometheus.Registerer
	// Now is the clock. It is required.
	Now func() time.Time
	// Fence is asked right before a call that changes something is sent. Nil means
	// that such a call may always be sent.
	Fence Fence
	// KeepPEM has lists keep the PEM of all certificates: for a process that reads each list
	// once. See [Certificate].
	KeepPEM bool
	// Timeout is the limit of one call, from connecting to reading the response.
	// Zero means 30 seconds.
	Timeout time.Duration
}

// Service holds the gates and the caches of all projects. It is safe for
// concurrent use.
type Service struct {
	client    *http.Client
	userAgent string
	timeout   time.Duration
	now       func() time.Time
	fence     Fence
	keepPEM   bool
	metrics   metrics

	// largeLists lets one list that is larger than maxBeside be read at a time.
	largeLists *semaphore.Weighted

	gates         *gates
	sso           cache[SSOConnections]
	scim          cache[[]SCIMConnection]
	organizations cache[organization]
	groups        cache[[]SCIMGroup]
	policies      cache[[]string] // the IDs of their roles
}

// New returns a Service. It panics if Options.Now is nil.
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
		fence:     o.Fence,
		keepPEM:   o.KeepPEM,
		gates:     newGates(),

		largeLists: semaphore.NewWeighted(1),
	}
	s.metrics = newMetrics(o.Metrics, s.gates.waiting, func() time.Duration { return s.gates.overdue(s.now()) })
	return s
}

// Whoami returns the project that the credentials belong to (GET
// /v1/debug/whoami). It returns *NotYet while a 429 keeps the gate of the same
// project ID and host closed, and where the namespace has had too many credentials
// checked at the host: one a second, in bursts of up to 10. It neither joins the gate
// of the project nor, with credentials that were never accepted, closes it: credentials
// that are not known to belong to a project must not slow down its calls.
func (s *Service) Whoami(ctx context.Context, namespace string, c Credentials) (Identity, Request, error) {
	now := s.now()
	if until, shut := s.gates.find(c).closedUntil(now); shut {
		return Identity{}, Request{}, &NotYet{At: until}
	}
	own := s.gates.own(now, c)
	if until, shut := own.closedUntil(now); shut {
		return Identity{}, Request{}, &NotYet{At: until}
	}
	hash := c.hash()
	if at, ok := s.gates.check(now, namespace, c).ask(now, question{who: who{namespace: namespace}, name: string(hash[:])}); !ok {
		return Identity{}, Request{}, &NotYet{At: at}
	}
	a := &account{service: s, credentials: func() Credentials { return c }, gate: own}
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

// Session opens a project and joins its gate. It makes no call: call Whoami first
// to check that the credentials belong to the project.
func (s *Service) Session(p Project) *Session {
	p.BaseURL = strings.TrimRight(p.BaseURL, "/")
	a := account{
		service:     s,
		baseURL:     p.BaseURL,
		credentials: func() Credentials { return p.Credentials },
		hash:        p.hash(),
		gate:        s.gates.join(s.now(), p),
	}
	return &Session{account: a.as(p.Member)}
}

// Leave removes a project object's rate from its gate. Call it when the object is
// deleted.
func (s *Service) Leave(object string) { s.gates.leave(s.now(), object) }
