package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// request is a kind of request to the API server, as its metrics name it.
type request struct {
	verb, resource, subresource string
	code                        int
}

func (r request) String() string {
	name := strings.TrimSuffix(r.resource+"/"+r.subresource, "/")
	if r.code >= http.StatusBadRequest {
		name += fmt.Sprintf(" → %d", r.code)
	}
	return r.verb + " " + name
}

func (r request) reads() bool { return r.verb == "GET" || r.verb == "LIST" }

func (r request) writes() bool {
	return slices.Contains([]string{"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"}, r.verb)
}

// counted are the groups and resources whose requests are counted. The lease, and what every client asks when it starts, are not.
func counted(group, resource string) bool {
	switch group {
	case v1alpha1.GroupVersion.Group:
		return true
	case "":
		return resource == "secrets" || resource == "configmaps" || resource == "events"
	default:
		return resource == "events"
	}
}

// tally is how many requests of each kind there were.
type tally map[request]int

// minus takes away what another tally has.
func (t tally) minus(other tally) tally {
	left := maps.Clone(t)
	for r, n := range other {
		left[r] -= n
	}
	maps.DeleteFunc(left, func(_ request, n int) bool { return n == 0 })
	return left
}

// sum is how many requests there were that match.
func (t tally) sum(matches func(request) bool) int {
	total := 0
	for r, n := range t {
		if matches(r) {
			total += n
		}
	}
	return total
}

// count is what the manager did so far.
type count struct {
	calls    int // length of the journal
	requests tally
}

// count is what the API server counted, without what the bench itself asked for.
func (b *bench) count() count {
	all := tally{}
	for _, s := range b.Requests() {
		if counted(s.Labels["group"], s.Labels["resource"]) {
			code := lab.Must(strconv.Atoi(s.Labels["code"]))
			all[request{s.Labels["verb"], s.Labels["resource"], s.Labels["subresource"], code}] += int(s.Value)
		}
	}
	return count{calls: b.Seq(), requests: all.minus(b.own)}
}

// still is how long nothing must have happened for a count to be final: the API server counts a request after its answer.
const still = 2 * time.Second

// settled is the count when nothing changes any more.
func (b *bench) settled() count {
	last, since := b.count(), time.Now()
	b.Await("nothing to happen any more", limit, func() (string, bool) {
		b.Sleep(still / 8)
		if now := b.count(); now.calls != last.calls || !maps.Equal(now.requests, last.requests) {
			last, since = now, time.Now()
		}
		return fmt.Sprintf("%d calls", last.calls), time.Since(since) >= still
	})
	return last
}

// firstInterval are the calls of one interval; not nil. Every organization is listed at a moment of its own, so that the interval
// begins for each path with its first call. A call that repeats it an interval later, or a second early, is of the next.
func firstInterval(all []stytchsim.Call) []stytchsim.Call {
	first := map[string]time.Time{}
	return slices.DeleteFunc(append([]stytchsim.Call{}, all...), func(c stytchsim.Call) bool {
		if first[c.Path].IsZero() {
			first[c.Path] = c.Time
		}
		return c.Time.Sub(first[c.Path]) >= interval-time.Second
	})
}

// passes is how many passes of a kind the manager has made: so the bench knows when it has seen every manifest.
func (b *bench) passes(controller string) int {
	n := 0
	for _, s := range lab.Samples(b.Fetch(b.Metrics), "controller_runtime_reconcile_total") {
		if s.Labels["controller"] == controller {
			n += int(s.Value)
		}
	}
	return n
}

// peak is the most memory that the manager has held so far, in MiB, as the kernel says; 0 where there is no /proc.
func (b *bench) peak() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.Manager.PID))
	_, value, found := strings.Cut(string(status), "VmHWM:")
	if err != nil || !found {
		return 0
	}
	var kilobytes float64
	lab.Must(fmt.Sscan(value, &kilobytes))
	return kilobytes / 1024
}
