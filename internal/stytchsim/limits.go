package stytchsim

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// countedLimit is a limit with its counts in the current window.
type countedLimit struct {
	Limit
	window time.Time
	counts map[string]int // by project
}

// AddLimit adds a rate limit.
func (s *Sim) AddLimit(l Limit) error {
	if l.Requests < 0 || l.Window <= 0 {
		return errors.New("requests must not be negative, and window must be positive")
	}
	if err := checkPattern(l.Path); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = append(s.limits, &countedLimit{Limit: l, counts: map[string]int{}})
	return nil
}

// RemoveLimits removes all rate limits.
func (s *Sim) RemoveLimits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = nil
}

// count counts a call. If the window has no room for it, it returns the end of
// the window and true.
//
// Source: docs, platform/rate-limits: a limit is a number of requests of a
// project to a set of endpoints in an interval, and intervals are fixed windows
// aligned to the clock.
func (l *countedLimit) count(c *Call) (ends time.Time, closed bool) {
	if !matches(l.Method, l.Path, c) {
		return time.Time{}, false
	}
	window := c.Time.Truncate(time.Duration(l.Window))
	if !window.Equal(l.window) {
		l.window, l.counts = window, map[string]int{}
	}
	l.counts[c.ProjectID]++
	return window.Add(time.Duration(l.Window)), l.counts[c.ProjectID] > l.Requests
}

// checkLimits counts a call at all limits and returns the 429 if one is exceeded.
//
// Retry-After is documented nowhere, hence the switch retry-after.
func (s *Sim) checkLimits(c *Call) (answer, bool) {
	var until time.Time
	for _, l := range s.limits {
		if ends, closed := l.count(c); closed && ends.After(until) {
			until = ends
		}
	}
	if until.IsZero() {
		return answer{}, false
	}
	c.Limited = true
	a := refused(refuse("too_many_requests", "Too many requests have been made."), c.RequestID)
	if s.switches.RetryAfter == posYes {
		left := until.Sub(c.Time)
		a.retryAfter = strconv.Itoa(int((left + time.Second - 1) / time.Second))
	}
	return a, true
}

// matches reports whether a call matches a method and a path pattern; an empty
// one matches all calls.
func matches(method, pattern string, c *Call) bool {
	if method != "" && !strings.EqualFold(method, c.Method) {
		return false
	}
	return pattern == "" || matchesPath(strings.Split(pattern, "/"), strings.Split(c.Path, "/"))
}

func matchesPath(pattern, segments []string) bool {
	for i, want := range pattern {
		if want == "**" {
			return true
		}
		if i >= len(segments) {
			return false
		}
		if ok, _ := path.Match(want, segments[i]); !ok {
			return false
		}
	}
	return len(pattern) == len(segments)
}

func checkPattern(pattern string) error {
	if pattern != "" && !strings.HasPrefix(pattern, "/") && pattern != "**" {
		return fmt.Errorf("path pattern %q must begin with / or be **", pattern)
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("path pattern %q: %w", pattern, err)
	}
	return nil
}
