package stytchsim

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// AddFault adds a fault and returns its ID. Faults that were added earlier match
// first. Without Effect it is FaultError if Status or ErrorType is set, else
// FaultDelay.
func (s *Sim) AddFault(f Fault) (int, error) {
	if f.Effect == "" {
		f.Effect = FaultDelay
		if f.Status != 0 || f.ErrorType != "" {
			f.Effect = FaultError
		}
	}
	if err := f.check(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faultSeq++
	f.ID, f.Struck = s.faultSeq, 0
	s.faults = append(s.faults, &activeFault{Fault: f, skip: f.Skip})
	return f.ID, nil
}

// RemoveFaults removes all faults. Calls that one of them delays go on waiting.
func (s *Sim) RemoveFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// activeFault is a fault and the number of calls that it still skips.
type activeFault struct {
	Fault
	skip int
}

func (f *Fault) check() error {
	known := []Effect{
		FaultError, FaultDelay, FaultCutBeforeCommit, FaultCutAfterCommit, FaultCommitAfterGivingUp,
		FaultEmptyList, FaultEmptyBody, FaultInvalidJSON, FaultHTML,
	}
	switch {
	case !slices.Contains(known, f.Effect):
		return fmt.Errorf("effect %q is not one of %v", f.Effect, known)
	case f.Skip < 0 || f.Times < 0 || f.Delay < 0:
		return errors.New("skip, times and delay must not be negative")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d is not between 200 and 599", f.Status)
	}
	return checkPattern(f.Path)
}

// matchFault returns the fault for a call, or the zero Fault if there is none.
func (s *Sim) matchFault(c *Call) Fault {
	for _, f := range s.faults {
		if !matches(f.Method, f.Path, c) || (f.Operation != "" && f.Operation != c.Operation) {
			continue
		}
		if f.Field != "" && !slices.Contains(c.Fields, f.Field) {
			continue
		}
		if f.Times > 0 && f.Struck >= f.Times {
			continue
		}
		if f.skip > 0 {
			f.skip--
			continue
		}
		f.Struck++
		c.Fault = f.ID
		return f.Fault
	}
	return Fault{}
}

// wrongAnswer is the response of a fault that replaces the response; false means
// that the fault leaves it as it is.
func (f Fault) wrongAnswer(requestID string) (answer, bool) {
	switch f.Effect {
	case FaultError:
		status := cmp.Or(f.Status, http.StatusInternalServerError)
		a := refused(&refusal{
			status, cmp.Or(f.ErrorType, "internal_server_error"), cmp.Or(f.ErrorMessage, "A planted fault."),
		}, requestID)
		a.retryAfter = f.RetryAfter
		return a, true
	case FaultEmptyBody:
		return f.plain("application/json", http.StatusOK, ""), true
	case FaultInvalidJSON:
		return f.plain("application/json", http.StatusOK, cmp.Or(f.Body, `{"request_id":"`)), true
	case FaultHTML:
		return f.plain("text/html", http.StatusBadGateway, cmp.Or(f.Body, "<html><body><h1>502 Bad Gateway</h1></body></html>\n")), true
	default:
		return answer{}, false
	}
}

func (f Fault) plain(contentType string, status int, content string) answer {
	return answer{
		status: cmp.Or(f.Status, status), contentType: contentType, body: []byte(content),
		retryAfter: f.RetryAfter, errorType: f.ErrorType,
	}
}

// wait delays the call as the fault says. It returns false if a reset ended the
// wait.
//
// A delay does not end when the client disconnects: the call takes effect all the
// same, as on a server that is slow.
func (r *request) wait(f Fault) bool {
	if f.Effect == FaultCommitAfterGivingUp {
		select {
		case <-r.httpRequest.Context().Done():
		case <-r.reset:
			return false
		}
	}
	return r.sleep(time.Duration(f.Delay))
}

func (r *request) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.reset:
		return false
	}
}
