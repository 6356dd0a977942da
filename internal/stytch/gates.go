package stytch

import (
	"net/url"
	"strings"
	"sync"
	"time"
)

// sharedGate makes a gate safe for concurrent use, and runs it at the smallest of
// the rates that its project objects ask for.
type sharedGate struct {
	mu    sync.Mutex
	gate  *gate
	rates map[string]Rate // by project object
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
func (g *sharedGate) join(now time.Time, object string, r Rate) {
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
	interval, burst := time.Duration(0), 0
	for _, r := range g.rates {
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

// address is the key of a gate: what Stytch counts rate limits by, as far as a
// client can know.
type address struct{ projectID, host string }

func addressOf(c Credentials) address {
	host := c.BaseURL
	if u, err := url.Parse(c.BaseURL); err == nil && u.Host != "" {
		host = u.Host
	}
	return address{projectID: c.ProjectID, host: strings.ToLower(host)}
}

// gates are the gates of all projects.
type gates struct {
	mu        sync.Mutex
	byAddress map[address]*sharedGate
	joined    map[string]address // the gate that each project object joined
}

func newGates() *gates {
	return &gates{byAddress: map[address]*sharedGate{}, joined: map[string]address{}}
}

// join returns the project's gate. An object is in one gate at a time: if its host
// was edited, it leaves the old one.
func (s *gates) join(now time.Time, p Project) *sharedGate {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := addressOf(p.Credentials)
	if old, joined := s.joined[p.Object]; joined && old != a {
		s.byAddress[old].leave(now, p.Object)
	}
	s.joined[p.Object] = a
	g, found := s.byAddress[a]
	if !found {
		g = &sharedGate{gate: newGate(now, p.Rate), rates: map[string]Rate{}}
		s.byAddress[a] = g
	}
	g.join(now, p.Object, p.Rate)
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

func (s *gates) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, g := range s.byAddress {
		n += g.waiting()
	}
	return n
}
