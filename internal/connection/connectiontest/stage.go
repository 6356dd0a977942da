package connectiontest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// ErrLost says that the process was lost.
var ErrLost = errors.New("lost")

// Stage is a manifest and its connection, and what makes the moves of their convergence, as a pass of the operator does.
type Stage[O v1alpha1.Connection, R any] struct {
	Kind   connection.Kind[O, R]
	Held   O // the manifest as the API server holds it
	Own    O // the pass's copy of it
	Remote *Remote
	Shows  func() R
	Inputs func() connection.Inputs
	// lose says, before a request is made, what becomes of it: "" it is answered, "unsent" or "unanswered": the process is lost
	// before or after it takes effect, "unkept": it is lost after that and before it writes into the Secret what was answered,
	// "late": the process is lost and the request takes effect later.
	Lose func(connection.Step) string
	Late []connection.Step
	// vague says that Stytch does not say why it refuses something.
	Vague bool
	// Denies are the rights that a step lacks of the member in whose name it is made; nil for none.
	Denies func(connection.Step) []stytch.Right
	// Roles that Stytch has; nil where they cannot be read.
	Roles []string
	// watch is called after each request.
	Watch func(connection.Step)
	Log   []connection.Step // of the last pass
	// told is what happened so far, for a failing test.
	Told []string
}

// Outcome is how a pass ended, and what was left to do and to say then.
type Outcome struct {
	Plan     []connection.Step
	Stuck    []v1alpha1.NotConverging
	Problems []connection.Problem
	Err      error
}

// nobody holds a connection.
func nobody(string) string { return "" }

// Pass takes a pass, and compares what it left with what was to be.
func (s *Stage[O, R]) Pass(t *testing.T) Outcome {
	t.Helper()
	return s.outcome(s.Converge(t))
}

// Passed is how a pass ended, what it reports, and what it read of the connection last.
type Passed[R any] struct {
	end    error
	report connection.Report
	shown  R
}

// End is how the pass ended.
func (p Passed[R]) End() error { return p.end }

// Converge makes the moves of a pass.
func (s *Stage[O, R]) Converge(t *testing.T) Passed[R] {
	t.Helper()
	var p Passed[R]
	o := CopyOf(s.Held)
	s.Own, s.Log = o, nil
	id := connection.Identity{Verdict: connection.Ours, ID: o.CommonStatus().ConnectionID}
	c := connection.Converge(s.Kind, o, id, nobody, Noon)
	listed := Noon.Add(-time.Minute) // by an earlier pass
	var move connection.Move
	for move.End == nil {
		if move.Fresh {
			listed = Noon
		}
		if len(move.Roles) > 0 {
			move = c.Known(s.Roles)
			continue
		}
		if move.Step == nil {
			in := s.Inputs()
			in.ID = id.ID
			p.shown = s.Shows()
			move = c.Next(p.shown, listed, in, Noon)
			continue
		}
		if move.WriteAhead {
			s.Held = CopyOf(o)
		}
		warning, err := s.request(t, *move.Step)
		switch {
		case errors.Is(err, ErrLost):
			p.end = err
			return p
		case err != nil:
			move = c.Failed(s.refusal(err), listed)
		default:
			move = c.Took(warning)
		}
	}
	p.end, p.report = move.End, c.Report(p.report)
	o.CommonStatus().NotConverging = p.report.NotConverging
	s.Held = CopyOf(o)
	return p
}

// refusal is the answer of Stytch that says no.
func (s *Stage[O, R]) refusal(err error) error {
	if denied, is := errors.AsType[deniedError](err); is {
		return &stytch.Error{
			Request: stytch.Request{Operation: "Update", StatusCode: 403, ErrorType: denied.Error()},
			Class:   stytch.PermissionDenied, Member: true, Rights: denied,
		}
	}
	if s.Vague {
		return Rejection("of_a_passing_kind")
	}
	return Rejection(err.Error())
}

// deniedError is a 403 to a member without these rights.
type deniedError []stytch.Right

func (d deniedError) Error() string { return "session_authorization_error" }

// Rejection is the error of the client for a 400 with this error type.
func Rejection(errorType string) *stytch.Error {
	return &stytch.Error{Request: stytch.Request{Operation: "Update", StatusCode: 400, ErrorType: errorType}, Class: stytch.Rejected}
}

func (s *Stage[O, R]) outcome(p Passed[R]) Outcome {
	if refused, is := errors.AsType[*stytch.Error](p.end); is {
		return Outcome{Stuck: p.report.NotConverging, Err: RefusalError(refused.ErrorType)}
	}
	found, is := errors.AsType[connection.Finding](p.end)
	switch {
	case !is:
		return Outcome{Err: p.end}
	case found.Request.ErrorType != "": // of what was set aside
		return Outcome{Stuck: p.report.NotConverging, Err: RefusalError(found.Request.ErrorType)}
	}
	plan, problems := PlanFor(s.Kind, CopyOf(s.Held), p.shown, s.Inputs())
	return Outcome{Plan: plan, Stuck: p.report.NotConverging, Problems: problems}
}

func (s *Stage[O, R]) request(t *testing.T, step connection.Step) (warning string, err error) {
	t.Helper()
	fate := ""
	if s.Lose != nil {
		fate = s.Lose(step)
	}
	s.Told = append(s.Told, fmt.Sprintf("at %v: %s %s", s.Remote.Certificates, Story([]connection.Step{step}), fate))
	switch fate {
	case "late":
		s.Late = append(s.Late, step)
		return "", ErrLost
	case "unsent":
		return "", ErrLost
	}
	s.Log = append(s.Log, step)
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(s.Told, "\n"))
		}
	}()
	if s.Denies != nil {
		if lacks := s.Denies(step); lacks != nil {
			return "", deniedError(lacks)
		}
	}
	secret := s.Remote.Secret
	warning, err = s.Remote.Take(t, step)
	if fate == "unkept" {
		s.Remote.Secret = secret
	}
	if s.Watch != nil && err == nil {
		s.Watch(step)
	}
	if fate != "" {
		return "", ErrLost
	}
	return warning, err
}

// Settle runs passes until one takes no step, and fails the test where that does not come soon, or where a further pass
// changes the manifest's status.
func (s *Stage[O, R]) Settle(t *testing.T) Outcome {
	t.Helper()
	for range 4 {
		last := s.Converge(t)
		if len(s.Log) > 0 {
			continue
		}
		out := s.outcome(last)
		before := s.Held
		for range 2 {
			s.Converge(t)
			if len(s.Log) > 0 || !reflect.DeepEqual(s.Held, before) && !equality.Semantic.DeepEqual(s.Held, before) { // the first is faster
				t.Fatalf("a quiet pass took %q and turned %s into %s", Story(s.Log), InJSON(t, before), InJSON(t, s.Held))
			}
		}
		return out
	}
	out := s.Pass(t)
	if out.Err == nil {
		t.Fatalf("still at work after four passes: %s: %s", Story(s.Log), InJSON(t, s.Held))
	}
	return out
}

// Sends runs passes to their end, and says what they sent.
func (s *Stage[O, R]) Sends(t *testing.T) (fields string, out Outcome) {
	t.Helper()
	var all []string
	for range 5 {
		out = s.Pass(t)
		if len(s.Log) == 0 {
			return strings.Join(all, " "), out
		}
		all = append(all, Story(s.Log))
	}
	t.Fatalf("still at work: %s", strings.Join(all, " "))
	return "", out
}

// Equal fails the test where a pass did not end with everything as it should be.
func (s *Stage[O, R]) Equal(t *testing.T, seed int64, out Outcome) {
	t.Helper()
	if out.Err != nil || len(out.Plan) > 0 || len(out.Stuck) > 0 || len(out.Problems) > 0 {
		t.Fatalf("seed %d: %s ended with %v, the plan %q, stuck %s, problems %q", seed, InJSON(t, s.Held), out.Err, Story(out.Plan), InJSON(t, out.Stuck), ProblemWords(out.Problems))
	}
}
