package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// calls are what the operator asked of Stytch, as the simulator's journal has it.
type calls []stytchsim.Call

// since is the journal after an entry; 0 is the beginning.
func (s *simulator) since(ctx context.Context, entry int) (calls, error) {
	var all calls
	return all, s.ask(ctx, http.MethodGet, fmt.Sprintf("/__sim/calls?since=%d", entry), nil, &all)
}

// now is the newest entry of the journal.
func (s *simulator) now(ctx context.Context) (int, error) {
	var state stytchsim.State
	return state.Calls, s.ask(ctx, http.MethodGet, "/__sim/state", nil, &state)
}

// journal shows a part of the journal: of a read the path, of a change its fields and its request ID.
func (t *terminal) journal(list calls) {
	for _, c := range list {
		line := fmt.Sprintf("%s  %-6s %-28s %d", c.Time.Format("15:04:05.000"), c.Method, c.Operation, c.Status)
		if c.Outcome != stytchsim.Answered {
			line = fmt.Sprintf("%s  %-6s %-28s %s, committed: %v", c.Time.Format("15:04:05.000"), c.Method, c.Operation, c.Outcome, c.Committed)
		}
		if c.ErrorType != "" {
			line += " " + c.ErrorType
		}
		if len(c.Fields) > 0 {
			line += "  {" + strings.Join(c.Fields, ", ") + "}"
		}
		if c.Method == http.MethodGet {
			line += "  " + c.Path
		} else {
			line += "  " + c.RequestID
		}
		t.answer(line)
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

// lists are the reads of an organization's connections.
func (l calls) lists() calls {
	return l.where(func(c stytchsim.Call) bool {
		return c.Operation == "ListSSOConnections" || c.Operation == "GetSCIMConnection"
	})
}

// counts says how often each operation was called, in the order of their first calls.
func (l calls) counts() string {
	var order []string
	times := map[string]int{}
	for _, c := range l {
		if times[c.Operation] == 0 {
			order = append(order, c.Operation)
		}
		times[c.Operation]++
	}
	for i, operation := range order {
		order[i] = fmt.Sprintf("%d %s", times[operation], operation)
	}
	if len(order) == 0 {
		return "none"
	}
	return strings.Join(order, ", ")
}

// onlyUpdate checks that all that was changed was one field, by one PUT that Stytch accepted.
func (l calls) onlyUpdate(operation, field string) (stytchsim.Call, error) {
	changing := l.changing()
	if len(changing) != 1 {
		return stytchsim.Call{}, fmt.Errorf("one %s with %s was expected, and the journal has: %s", operation, field, changing.counts())
	}
	c := changing[0]
	if c.Operation != operation || c.Status != http.StatusOK || !slices.Equal(c.Fields, []string{field}) {
		return c, fmt.Errorf("one %s with nothing but %s was expected, and the journal has %s %v, answered with %d", operation, field, c.Operation, c.Fields, c.Status)
	}
	return c, nil
}

// from is what there is from the first call that was answered with a status.
func (l calls) from(status int) calls {
	first := slices.IndexFunc(l, func(c stytchsim.Call) bool { return c.Status == status })
	if first < 0 {
		return nil
	}
	return l[first:]
}
