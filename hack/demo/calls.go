package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// calls are what the operator asked of Stytch, as the simulator's journal has it.
type calls []stytchsim.Call

// changesSince shows and returns the calls after an entry of the journal that are not reads.
func (s *story) changesSince(seq int) calls {
	sent := calls(s.Calls(seq)).changing()
	s.journal(sent)
	return sent
}

// journal shows calls: of a read its path, of a change its fields and its request ID.
func (s *story) journal(sent calls) {
	for _, c := range sent {
		end := fmt.Sprint(c.Status)
		if c.Outcome != stytchsim.Answered {
			end = fmt.Sprintf("%s, committed: %v", c.Outcome, c.Committed)
		}
		about := c.RequestID
		if c.Method == http.MethodGet {
			about = c.Path
		}
		fields := ""
		if len(c.Fields) > 0 {
			fields = "  {" + strings.Join(c.Fields, ", ") + "}"
		}
		at := c.Time.Format("15:04:05.000")
		s.Answer(fmt.Sprintf("%s  %-6s %-28s %s %s%s  %s", at, c.Method, c.Operation, end, c.ErrorType, fields, about))
	}
}

func (l calls) where(is func(stytchsim.Call) bool) calls {
	return slices.DeleteFunc(slices.Clone(l), func(c stytchsim.Call) bool { return !is(c) })
}

// changing are the calls that are not reads.
func (l calls) changing() calls {
	return l.where(func(c stytchsim.Call) bool { return c.Method != http.MethodGet })
}

// named are the calls of an operation.
func (l calls) named(operation string) calls {
	return l.where(func(c stytchsim.Call) bool { return c.Operation == operation })
}

// since are the calls from the first one on that was answered with a status.
func (l calls) since(status int) calls {
	first := slices.IndexFunc(l, func(c stytchsim.Call) bool { return c.Status == status })
	if first < 0 {
		return nil
	}
	return l[first:]
}

// about are the calls about an object's connection.
func (l calls) about(o object) calls {
	return l.where(func(c stytchsim.Call) bool {
		return o.Status.ConnectionID != "" && strings.Contains(c.Path, o.Status.ConnectionID)
	})
}

// counts says how often each operation was called, in the order of their first calls.
func (l calls) counts() string {
	var counts []string
	for i, c := range l {
		if slices.IndexFunc(l, func(other stytchsim.Call) bool { return other.Operation == c.Operation }) == i {
			counts = append(counts, fmt.Sprintf("%d %s", len(l.named(c.Operation)), c.Operation))
		}
	}
	if len(counts) == 0 {
		return "none"
	}
	return strings.Join(counts, ", ")
}

// expect fails unless these are the changes, in this order: an operation, with the fields of its body where it has one. All have
// to be accepted.
func (l calls) expect(changes ...string) {
	var have []string
	for _, c := range l.changing() {
		change := strings.TrimSpace(c.Operation + " " + strings.Join(c.Fields, " "))
		if c.Status != http.StatusOK {
			change = fmt.Sprintf("%s → %d", change, c.Status)
		}
		have = append(have, change)
	}
	if !slices.Equal(have, changes) {
		lab.Failf("expected the changes %q; the journal has %q", changes, have)
	}
}
