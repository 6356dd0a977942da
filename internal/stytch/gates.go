package stytch

import (
	"net/url"
	"strings"
	"sync"
	"time"
)

// entrance is a gate with a door-keeper: the lock, and who joined.
type entrance struct {
	mu      sync.Mutex
	gate    *gate
	members map[string]Rate // by project object
}

// ask is gate.ask.
func (e *entrance) ask(now time.Time, uid string, lane Lane) (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.gate.ask(now, uid, lane)
}

// shut reports until when nothing may be sent. There may be no entrance: whoami
// is asked before a project has one.
func (e *entrance) shut(now time.Time) (time.Time, bool) {
	if e == nil {
		return time.Time{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.gate.closed, now.Before(e.gate.closed)
}

// close sends nothing until then.
func (e *entrance) close(until time.Time) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gate.close(until)
}

// join notes the rate asked by a project object and goes at the smallest.
func (e *entrance) join(now time.Time, object string, r Rate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if known, joined := e.members[object]; joined && known == r {
		return
	}
	e.members[object] = r
	e.slowest(now)
}

func (e *entrance) leave(now time.Time, object string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.members, object)
	e.slowest(now)
}

func (e *entrance) slowest(now time.Time) {
	if len(e.members) == 0 {
		return
	}
	interval, burst := time.Duration(0), 0
	for _, r := range e.members {
		i, b := r.pace()
		interval = max(interval, i)
		if burst == 0 || b < burst {
			burst = b
		}
	}
	e.gate.keep(now, interval, burst)
}

func (e *entrance) waiting() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.gate.turns)
}

// address is what Stytch counts calls by, as far as a caller can know.
type address struct{ projectID, host string }

func addressOf(c Credentials) address {
	host := c.BaseURL
	if u, err := url.Parse(c.BaseURL); err == nil && u.Host != "" {
		host = u.Host
	}
	return address{projectID: c.ProjectID, host: strings.ToLower(host)}
}

// entrances are the gates of all projects.
type entrances struct {
	mu   sync.Mutex
	at   map[address]*entrance
	home map[string]address // where each project object joined
}

func newEntrances() *entrances {
	return &entrances{at: map[address]*entrance{}, home: map[string]address{}}
}

// join returns the project's entrance. An object joins one at a time: one whose
// host was edited leaves the old gate.
func (s *entrances) join(now time.Time, p Project) *entrance {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := addressOf(p.Credentials)
	if old, joined := s.home[p.Object]; joined && old != a {
		s.at[old].leave(now, p.Object)
	}
	s.home[p.Object] = a
	e, found := s.at[a]
	if !found {
		e = &entrance{gate: newGate(now, p.Rate), members: map[string]Rate{}}
		s.at[a] = e
	}
	e.join(now, p.Object, p.Rate)
	return e
}

// leave ends what join began. The gate stays, for its closed window's sake.
func (s *entrances) leave(now time.Time, object string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, joined := s.home[object]; joined {
		s.at[a].leave(now, object)
		delete(s.home, object)
	}
}

// find returns the entrance of these credentials, or nil.
func (s *entrances) find(c Credentials) *entrance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at[addressOf(c)]
}

func (s *entrances) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.at {
		n += e.waiting()
	}
	return n
}
