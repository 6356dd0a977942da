package stytchsim

import (
	"io"
	"net/http"
	"strconv"
)

// largestBody is the most bytes read of a request body.
const largestBody = 1 << 20

// request is a call on its way through the pipeline.
type request struct {
	sim         *Sim
	route       route
	httpRequest *http.Request
	body        []byte
	bodyErr     error         // reading the body failed
	entry       *Call         // its journal entry; guarded by Sim.mu
	world       *world        // the world when it arrived
	reset       chan struct{} // closed when that world is reset
}

// serve is the whole pipeline of one call.
func (s *Sim) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in := s.receive(rt, r)
		a, ok := in.process()
		if !ok || r.Context().Err() != nil {
			in.finish(Cut, answer{})
			cut(w)
			return
		}
		in.finish(Answered, a)
		a.write(w)
	}
}

// receive adds the call to the journal and reads its body: only then does
// net/http notice a client that disconnects.
func (s *Sim) receive(rt route, r *http.Request) *request {
	s.mu.Lock()
	in := &request{
		sim: s, route: rt, httpRequest: r, world: s.world, reset: s.reset,
		entry: s.journal.open(s.newEntry(rt, r)),
	}
	s.mu.Unlock()
	in.body, in.bodyErr = io.ReadAll(io.LimitReader(r.Body, largestBody))
	s.mu.Lock()
	recordFields(in.entry, in.body)
	s.mu.Unlock()
	return in
}

// process returns the answer; false means that the connection is cut.
func (r *request) process() (answer, bool) {
	if r.bodyErr != nil || !r.sleep(r.sim.options.Latency) {
		return answer{}, false
	}
	f, a, limited := r.admit()
	if limited {
		return a, true
	}
	if !r.wait(f) || f.Effect == FaultCutBeforeCommit {
		return answer{}, false
	}
	wrong, isWrong := f.wrongAnswer(r.entry.RequestID)
	if isWrong && !f.Commit {
		return wrong, true
	}
	a, ok := r.effect(f)
	if isWrong {
		a = wrong
	}
	return a, ok && f.Effect != FaultCutAfterCommit && f.Effect != FaultCommitAfterGivingUp
}

// admit counts the call at the limits and, if none is exceeded, finds its fault.
func (r *request) admit() (Fault, answer, bool) {
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	if a, closed := r.sim.checkLimits(r.entry); closed {
		return Fault{}, a, true
	}
	return r.sim.matchFault(r.entry), answer{}, false
}

// effect lets the call take effect and calls the intercept before and after it.
func (r *request) effect(f Fault) (answer, bool) {
	if r.intercepted(BeforeEffect, answer{}) {
		return answer{}, false
	}
	a, ok := r.commit(f)
	if !ok || r.intercepted(AfterEffect, a) {
		return answer{}, false
	}
	return a, true
}

func (r *request) intercepted(stage Stage, a answer) bool {
	r.sim.mu.Lock()
	ask := r.sim.intercept
	r.sim.mu.Unlock()
	return ask != nil && ask(stage, Operation{
		Seq: r.entry.Seq, Name: r.route.operation, Method: r.httpRequest.Method, Path: r.httpRequest.URL.Path,
		Status: a.status, ErrorType: a.errorType,
	})
}

// commit runs the rules, under the lock. It returns false if the simulator was
// reset since the call arrived.
func (r *request) commit(f Fault) (answer, bool) {
	s := r.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world != r.world {
		return answer{}, false
	}
	c := &call{
		world: s.world, switches: s.switches, options: &s.options, route: r.route, seq: r.entry.Seq,
		path: r.httpRequest.PathValue, query: r.httpRequest.URL.Query().Get, now: s.options.Now(),
	}
	d, err := c.run(r.httpRequest, r.body, f)
	if err != nil {
		return refused(err, r.entry.RequestID), true
	}
	r.entry.Committed = true
	status := http.StatusOK
	if r.route.creates {
		status, _ = strconv.Atoi(s.switches.CreateStatus)
	}
	return envelope(d, status, r.entry.RequestID), true
}

// run authenticates, finds the organization, asks what a member may, decodes the
// fields, and serves the operation.
func (c *call) run(r *http.Request, data []byte, f Fault) (document, error) {
	if err := c.authenticate(r); err != nil {
		return nil, err
	}
	if c.route.operation == "" {
		return c.route.serve(c)
	}
	if err := c.resolveOrganization(); err != nil {
		return nil, err
	}
	fields, err := rawFields(data)
	if err != nil {
		return nil, err
	}
	if err := c.authorize(r.Header, fields); err != nil {
		return nil, err
	}
	if err := c.decode(fields); err != nil {
		return nil, err
	}
	if f.Effect == FaultEmptyList && c.route.serveEmpty != nil {
		return c.route.serveEmpty(c)
	}
	return c.route.serve(c)
}

// authenticate finds the project of the credentials.
//
// Source: openapi, basicAuth: project ID and secret; unauthorized_credentials is
// the example of each 401.
func (c *call) authenticate(r *http.Request) error {
	id, secret, _ := r.BasicAuth()
	known := c.world.projects[id]
	if known == nil || known.secret != secret {
		return refuse("unauthorized_credentials", "Unauthorized credentials.")
	}
	c.project = known
	return nil
}

// finish completes the journal entry, before the client can see the outcome.
func (r *request) finish(outcome Outcome, a answer) {
	r.sim.mu.Lock()
	defer r.sim.mu.Unlock()
	r.entry.Outcome, r.entry.Status, r.entry.ErrorType = outcome, a.status, a.errorType
}
