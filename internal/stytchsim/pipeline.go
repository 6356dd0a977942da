package stytchsim

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// largestBody is how much of a request is read.
const largestBody = 1 << 20

// visit is a call on its way through the front.
type visit struct {
	sim     *Sim
	route   route
	request *http.Request
	body    []byte
	broken  error         // the body did not arrive whole
	entry   *Call         // its line in the journal; under the lock
	world   *world        // the world at its arrival
	ended   chan struct{} // closed when that world is reset
}

// answer is what goes back: the bytes, and what the journal says of them.
type answer struct {
	status      int
	contentType string
	retryAfter  string
	errorType   string
	body        []byte
}

// serve is the whole way of one call.
func (s *Sim) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.arrive(rt, r)
		a, ok := v.pass()
		if !ok || r.Context().Err() != nil {
			v.close(Cut, answer{})
			cut(w)
			return
		}
		v.close(Answered, a)
		a.write(w)
	}
}

// arrive opens the call's line in the journal and reads its body: only then does
// net/http notice a caller who hangs up.
func (s *Sim) arrive(rt route, r *http.Request) *visit {
	s.mu.Lock()
	v := &visit{
		sim: s, route: rt, request: r, world: s.world, ended: s.ended,
		entry: s.journal.open(s.arrival(rt, r)),
	}
	s.mu.Unlock()
	v.body, v.broken = io.ReadAll(io.LimitReader(r.Body, largestBody))
	s.mu.Lock()
	note(v.entry, v.body)
	s.mu.Unlock()
	return v
}

// pass is the way from the journal to an answer; false means that there is none.
func (v *visit) pass() (answer, bool) {
	if v.broken != nil || !v.sleep(v.sim.options.Latency) {
		return answer{}, false
	}
	f, a, limited := v.gate()
	if limited {
		return a, true
	}
	if !v.hold(f) || f.Effect == FaultCutBeforeCommit {
		return answer{}, false
	}
	wrong, isWrong := f.wrong(v.entry.RequestID)
	if isWrong && !f.Commit {
		return wrong, true
	}
	a, ok := v.effect(f)
	if isWrong {
		a = wrong
	}
	return a, ok && f.Effect != FaultCutAfterCommit && f.Effect != FaultCommitAfterGivingUp
}

// gate counts the call at the limits, and finds the fault for it if it may pass.
func (v *visit) gate() (Fault, answer, bool) {
	v.sim.mu.Lock()
	defer v.sim.mu.Unlock()
	if a, closed := v.sim.limited(v.entry); closed {
		return Fault{}, a, true
	}
	return v.sim.trap(v.entry), answer{}, false
}

// effect lets the call take effect, with whoever intercepts asked around it.
func (v *visit) effect(f Fault) (answer, bool) {
	if v.intercepted(BeforeEffect, answer{}) {
		return answer{}, false
	}
	a, ok := v.commit(f)
	if !ok || v.intercepted(AfterEffect, a) {
		return answer{}, false
	}
	return a, true
}

func (v *visit) intercepted(stage Stage, a answer) bool {
	v.sim.mu.Lock()
	ask := v.sim.intercept
	v.sim.mu.Unlock()
	return ask != nil && ask(stage, Operation{
		Seq: v.entry.Seq, Name: v.route.operation, Method: v.request.Method, Path: v.request.URL.Path,
		Status: a.status, ErrorType: a.errorType,
	})
}

// commit runs the rules, under the lock. It is false when the world the call
// came to is no more.
func (v *visit) commit(f Fault) (answer, bool) {
	s := v.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world != v.world {
		return answer{}, false
	}
	c := &call{
		world: s.world, switches: s.switches, options: &s.options, route: v.route, turn: v.entry.Seq,
		path: v.request.PathValue, query: v.request.URL.Query().Get, now: s.options.Now(),
	}
	d, err := c.run(v.request, v.body, f)
	if err != nil {
		return refused(err, v.entry.RequestID), true
	}
	v.entry.Committed = true
	status := http.StatusOK
	if v.route.creates {
		status, _ = strconv.Atoi(s.switches.CreateStatus)
	}
	return envelope(d, status, v.entry.RequestID), true
}

// run is who, where, what, and then the operation itself.
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
	if err := c.decode(fields); err != nil {
		return nil, err
	}
	if f.Effect == FaultEmptyList && c.route.emptied != nil {
		return c.route.emptied(c)
	}
	return c.route.serve(c)
}

// authenticate finds the project of the credentials.
//
// Source: openapi, basicAuth: project ID and secret; unauthorized_credentials is
// the example of each 401. The headers X-Stytch-Member-Session and
// X-Stytch-Member-SessionJWT are accepted and enforce nothing here.
func (c *call) authenticate(r *http.Request) error {
	id, secret, _ := r.BasicAuth()
	known := c.world.projects[id]
	if known == nil || known.secret != secret {
		return refuse("unauthorized_credentials", "Unauthorized credentials.")
	}
	c.project = known
	return nil
}

// envelope is a success: request_id and status_code beside the payload (openapi).
func envelope(d document, status int, requestID string) answer {
	d["request_id"], d["status_code"] = requestID, status
	return encoded(d, status)
}

// refused is an error answer (openapi: the examples of the error responses).
func refused(err error, requestID string) answer {
	broken := asRefusal(err)
	a := encoded(document{
		"status_code":   broken.status,
		"request_id":    requestID,
		"error_type":    broken.errorType,
		"error_message": broken.message,
		"error_url":     errorURL(broken.status),
	}, broken.status)
	a.errorType = broken.errorType
	return a
}

func encoded(d document, status int) answer {
	data, err := json.Marshal(d)
	if err != nil { // cannot be: documents hold nothing but plain values
		panic(err)
	}
	return answer{status: status, contentType: "application/json", body: data}
}

// close completes the call's line in the journal, before the caller can know how
// it ended.
func (v *visit) close(outcome Outcome, a answer) {
	v.sim.mu.Lock()
	defer v.sim.mu.Unlock()
	v.entry.Outcome, v.entry.Status, v.entry.ErrorType = outcome, a.status, a.errorType
}

func (a answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", a.contentType)
	if a.retryAfter != "" {
		w.Header().Set("Retry-After", a.retryAfter)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller who is gone is none of our business
}

// cut ends the connection without an answer.
//
// A few bytes of one are sent before: net/http's transport silently repeats a
// GET on a kept connection that ends without a byte, and the repetition would
// hide the cut from whoever planted it.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 ")
	_ = conn.Close()
}
