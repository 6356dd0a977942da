package stytch

import (
	"crypto/sha256"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// sharedGate makes a gate safe for concurrent use, and runs it at the smallest of
// the rates that its project objects ask for, or of those that lead.
type sharedGate struct {
	mu    sync.Mutex
	gate  *gate
	rates map[string]askedRate // by project object
}

// askedRate is the rate that a project object asks for. Where some lead, others do not count.
type askedRate struct {
	Rate
	leads bool
}

// ask is gate.ask under the mutex.
func (g *sharedGate) ask(now time.Time, q question) (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gate.ask(now, q)
}

// release is gate.release under the mutex.
func (g *sharedGate) release(p place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gate.release(p)
}

// closedUntil returns the end of the window in which nothing may be sent, and
// whether that window is open at now. The receiver may be nil: Whoami is called before a
// project joins a gate.
func (g *sharedGate) closedUntil(now time.Time) (time.Time, bool) {
	if g == nil {
		return time.Time{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gate.closed, now.Before(g.gate.closed)
}

// close is gate.close under the mutex. The receiver may be nil, as in closedUntil.
func (g *sharedGate) close(until time.Time) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gate.close(until)
}

// join records the rate that a project object asks for.
func (g *sharedGate) join(now time.Time, object string, r askedRate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known, joined := g.rates[object]; joined && known == r {
		return
	}
	g.rates[object] = r
	g.setPace(now)
}

func (g *sharedGate) leave(now time.Time, object string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.rates, object)
	g.setPace(now)
}

func (g *sharedGate) setPace(now time.Time) {
	if len(g.rates) == 0 {
		return
	}
	rates := slices.Collect(maps.Values(g.rates))
	if slices.ContainsFunc(rates, func(r askedRate) bool { return r.leads }) {
		rates = slices.DeleteFunc(rates, func(r askedRate) bool { return !r.leads })
	}
	interval, burst := time.Duration(0), 0
	for _, r := range rates {
		i, b := r.pace()
		interval = max(interval, i)
		if burst == 0 || b < burst {
			burst = b
		}
	}
	g.gate.setPace(now, interval, burst)
}

func (g *sharedGate) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.gate.book.byName)
}

// overdue is how long the drift check waits that has waited longest.
func (g *sharedGate) overdue(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	longest := time.Duration(0)
	for _, t := range g.gate.book.lanes[Drift].turns {
		longest = max(longest, now.Sub(t.since))
	}
	return longest
}

// address is the key of a gate: what Stytch counts rate limits by, as far as a
// client can know.
type address struct{ projectID, host string }

func addressOf(c Credentials) address {
	return address{projectID: c.ProjectID, host: hostOf(c.BaseURL)}
}

func hostOf(baseURL string) string {
	if u, err := url.Parse(baseURL); err == nil && u.Host != "" {
		return strings.ToLower(u.Host)
	}
	return strings.ToLower(baseURL)
}

// whoamiRate is how many credentials of one namespace are checked at one host.
var whoamiRate = Rate{PerSecond: 1, Burst: 10} //nolint:gochecknoglobals // Go has no constants of this type

// gates are the gates of all projects, and those at which credentials wait to be checked.
type gates struct {
	mu        sync.Mutex
	byAddress map[address]*sharedGate
	joined    map[string]address // the gate that each project object joined

	checks    map[check]*sharedGate
	strangers map[[sha256.Size]byte]*sharedGate // of credentials that were not accepted yet
	accepted  map[[sha256.Size]byte]bool
}

// check is where credentials are checked, and for which namespace.
type check struct{ namespace, host string }

func newGates() *gates {
	return &gates{
		byAddress: map[address]*sharedGate{}, joined: map[string]address{},
		checks: map[check]*sharedGate{}, strangers: map[[sha256.Size]byte]*sharedGate{}, accepted: map[[sha256.Size]byte]bool{},
	}
}

func newSharedGate(now time.Time, r Rate) *sharedGate {
	return &sharedGate{gate: newGate(now, r), rates: map[string]askedRate{}}
}

// join returns the project's gate. An object is in one gate at a time: if its host
// was edited, it leaves the old one.
func (s *gates) join(now time.Time, p Project) *sharedGate {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accept(p.Credentials)
	a := addressOf(p.Credentials)
	if old, joined := s.joined[p.Object]; joined && old != a {
		s.byAddress[old].leave(now, p.Object)
	}
	s.joined[p.Object] = a
	g, found := s.byAddress[a]
	if !found {
		g = newSharedGate(now, p.Rate)
		s.byAddress[a] = g
	}
	g.join(now, p.Object, askedRate{Rate: p.Rate, leads: p.Leads})
	return g
}

// leave undoes join. The gate itself stays, because it may be closed after a 429.
func (s *gates) leave(now time.Time, object string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, joined := s.joined[object]; joined {
		s.byAddress[a].leave(now, object)
		delete(s.joined, object)
	}
}

// find returns the gate of these credentials, or nil.
func (s *gates) find(c Credentials) *sharedGate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byAddress[addressOf(c)]
}

// check returns the gate at which the credentials of a namespace wait to be checked.
func (s *gates) check(now time.Time, namespace string, c Credentials) *sharedGate {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := check{namespace: namespace, host: hostOf(c.BaseURL)}
	if s.checks[key] == nil {
		s.checks[key] = newSharedGate(now, whoamiRate)
	}
	return s.checks[key]
}

// own returns the gate that a 429 to these credentials closes: their project's or, as long as nobody
// knows that they belong to it, one of their own.
func (s *gates) own(now time.Time, c Credentials) *sharedGate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepted[c.hash()] {
		return s.byAddress[addressOf(c)]
	}
	maps.DeleteFunc(s.strangers, func(_ [sha256.Size]byte, g *sharedGate) bool { _, shut := g.closedUntil(now); return !shut })
	if s.strangers[c.hash()] == nil {
		s.strangers[c.hash()] = newSharedGate(now, whoamiRate)
	}
	return s.strangers[c.hash()]
}

// accept notes that Stytch accepts the credentials.
func (s *gates) accept(c Credentials) {
	s.accepted[c.hash()] = true
	delete(s.strangers, c.hash())
}

func (s *gates) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, g := range s.byAddress {
		n += g.waiting()
	}
	return n
}

// overdue is how long the drift check of any project waits that has waited longest.
func (s *gates) overdue(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	longest := time.Duration(0)
	for _, g := range s.byAddress {
		longest = max(longest, g.overdue(now))
	}
	return longest
}
