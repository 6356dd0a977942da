package stytchsim

import (
	"cmp"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// Sim is a simulated Stytch. It is safe for concurrent use.
type Sim struct {
	options Options
	api     http.Handler
	control http.Handler

	mu        sync.Mutex // guards everything below
	world     *world
	seed      Seed          // what a reset restores
	reset     chan struct{} // closed when the world is reset
	switches  Switches
	intercept Intercept
	faults    []*activeFault
	faultSeq  int
	limits    []*countedLimit
	journal   journal
}

// The default validity of SCIM bearer tokens: about that of the launch-era samples
// of the docs.
const (
	year                     = 365 * 24 * time.Hour
	defaultTokenLifetime     = 5 * year
	defaultNextTokenLifetime = year
)

// New returns a simulator. It panics if a switch has an unknown value.
func New(o Options) *Sim {
	s := &Sim{options: o.withDefaults()}
	s.api, s.control = s.handler(), s.controlHandler()
	s.Reset()
	return s
}

func (o Options) withDefaults() Options {
	o.ProjectID = cmp.Or(o.ProjectID, DefaultProjectID)
	o.Secret = cmp.Or(o.Secret, DefaultSecret)
	o.ProjectName = cmp.Or(o.ProjectName, "Simulated project")
	o.TokenLifetime = cmp.Or(o.TokenLifetime, defaultTokenLifetime)
	o.NextTokenLifetime = cmp.Or(o.NextTokenLifetime, defaultNextTokenLifetime)
	if o.Roles == nil {
		o.Roles = []string{"editor", "viewer", "admin"}
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the clock for whoever brings none; everybody else here is told the time
	}
	switches, err := o.Switches.withDefaults()
	if err != nil {
		panic(fmt.Sprintf("stytchsim: %v", err))
	}
	o.Switches = switches
	return o
}

// Reset restores the state that New made: the first project with what was planted
// there, no faults, no limits, an empty journal, and the switches and
// intercept of the options. Calls that a fault delays are cut.
func (s *Sim) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin()
}

// begin is Reset, under the lock.
func (s *Sim) begin() {
	if s.reset != nil {
		close(s.reset)
	}
	world, err := s.seeded(s.seed)
	if err != nil { // cannot be: it was planted before
		panic(err)
	}
	s.world, s.reset = world, make(chan struct{})
	s.switches, s.intercept = s.options.Switches, s.options.Intercept
	s.faults, s.faultSeq, s.limits, s.journal = nil, 0, nil, journal{}
}

// ServeHTTP serves the Stytch API under /v1 and the control endpoints under
// /__sim.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/__sim/"):
		s.control.ServeHTTP(w, r)
	case path.Clean(r.URL.Path) != r.URL.Path:
		// ServeMux would redirect, and Stytch's answers are JSON with a request ID.
		s.serve(routeNotFound())(w, r)
	default:
		s.api.ServeHTTP(w, r)
	}
}

// SetIntercept replaces the intercept; nil removes it.
func (s *Sim) SetIntercept(i Intercept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = i
}

// SetSwitches sets all switches; empty fields take their defaults. It returns an
// error for an unknown value.
func (s *Sim) SetSwitches(to Switches) error {
	switches, err := to.withDefaults()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.switches = switches
	return nil
}

// Switches returns the values of all switches.
func (s *Sim) Switches() Switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switches
}
