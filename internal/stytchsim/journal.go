package stytchsim

import (
	"maps"
	"net/http"
	"slices"
)

// journalSize is how many calls are remembered; the oldest go first.
const journalSize = 100_000

// journal is the list of calls, in the order of their arrival. Whoever touches
// it holds the simulator's lock.
type journal struct {
	calls []*Call
	seq   int
}

// open writes the line of a call that has just arrived.
func (j *journal) open(c Call) *Call {
	if len(j.calls) >= journalSize {
		j.calls = slices.Delete(j.calls, 0, journalSize/10)
	}
	j.seq++
	c.Seq, c.Outcome, c.Fields = j.seq, Open, []string{}
	j.calls = append(j.calls, &c)
	return &c
}

// since copies the lines after a seq.
func (j *journal) since(seq int) []Call {
	from, _ := slices.BinarySearchFunc(j.calls, seq+1, func(c *Call, seq int) int { return c.Seq - seq })
	lines := make([]Call, 0, len(j.calls)-from)
	for _, c := range j.calls[from:] {
		line := *c
		line.Fields = slices.Clone(c.Fields)
		lines = append(lines, line)
	}
	return lines
}

// newEntry is what the journal knows of a call before anything is decided.
func (s *Sim) newEntry(rt route, r *http.Request) Call {
	user, _, _ := r.BasicAuth()
	return Call{
		Time: s.options.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		ProjectID: user, Operation: rt.operation, UserAgent: r.UserAgent(),
		MemberSession: r.Header.Get(headerToken) != "" || r.Header.Get(headerJWT) != "",
		RequestID:     s.requestID(user),
	}
}

// requestID is a new request ID, in the environment of whoever asks (docs: on
// every answer).
func (s *Sim) requestID(user string) string {
	return (&project{id: user}).newID("request-id")
}

// recordFields writes the names of a body's fields into a call's line. Bodies that are
// no JSON object have none.
func recordFields(entry *Call, body []byte) {
	if fields, err := rawFields(body); err == nil {
		entry.Fields = append(entry.Fields, slices.Sorted(maps.Keys(fields))...)
	}
}

// Calls is the journal: every call of the API since the start or the last reset.
func (s *Sim) Calls() []Call { return s.CallsSince(0) }

// CallsSince is the part of the journal after the call with that seq.
func (s *Sim) CallsSince(seq int) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.since(seq)
}
