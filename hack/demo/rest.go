package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// intervals is how long the manager is watched at rest.
const intervals = 3

// rest: a restart at rest, and three intervals: one list per organization and interval, no write to Kubernetes.
func (s *story) rest() {
	s.awaitApplied(nextResync)
	listed, objects, writes, seq := s.listed(), s.versions(), s.writes(), s.Seq()
	before := s.lease()
	s.Command("kill %d   # the manager exits, and gives the lease back", s.Manager.PID)
	s.StopManager()
	s.startManager()
	s.awaitLease(before)
	s.Note("The new manager, process %d, has the lease.", s.Manager.PID)
	restarted := s.Seq()
	s.Await(fmt.Sprintf("%d intervals of %s", intervals, resync), (intervals+1)*resync, func() (string, bool) {
		sent := calls(s.Calls(restarted))
		fewest := intervals
		for _, times := range sent.timesOf(listed) {
			fewest = min(fewest, len(times))
		}
		return fmt.Sprintf("%d lists", len(sent)), fewest >= intervals
	})
	sent := calls(s.Calls(seq))
	s.Note("The journal since before the restart:")
	s.journal(sent)
	sent.onePerInterval(listed)
	s.Seen("one list per organization and interval, and no other call")
	s.nothingWritten(objects, writes)
}

// listed are the paths that a resync reads: one per organization and API.
func (s *story) listed() []string {
	paths := map[string]bool{}
	for _, o := range s.list("stytch") {
		switch {
		case o.Kind == s.scim.Kind:
			paths["/v1/b2b/scim/"+o.Status.OrganizationID+"/connection"] = true
		case o.isConnection():
			paths["/v1/b2b/sso/"+o.Status.OrganizationID] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// timesOf is when each path was read.
func (l calls) timesOf(listed []string) map[string][]time.Time {
	times := map[string][]time.Time{}
	for _, path := range listed {
		times[path] = nil
	}
	for _, c := range l {
		if _, is := times[c.Path]; is && c.Method == http.MethodGet {
			times[c.Path] = append(times[c.Path], c.Time)
		}
	}
	return times
}

// onePerInterval fails unless each path was listed once in each interval, and nothing else was asked. One interval may be left out
// over the restart: a manager that starts takes the current one for done.
func (l calls) onePerInterval(listed []string) {
	known := 0
	for path, times := range l.timesOf(listed) {
		known += len(times)
		left := 0
		for i := 1; i < len(times); i++ {
			gap := times[i].Sub(times[i-1])
			switch gap.Round(resync / 2) { // a busy machine is late now and then
			case resync:
			case 2 * resync:
				left++
			default:
				lab.Failf("%s was listed %s after the time before; the interval is %s", path, gap, resync)
			}
		}
		if left > 1 || len(times) < intervals {
			lab.Failf("%s was listed %d times, and missed %d intervals", path, len(times), left)
		}
	}
	if known != len(l) {
		lab.Failf("%d lists were expected and nothing else; the journal has %s", known, l.counts())
	}
}

// versions are the resourceVersions of the operator's objects and of all that it may write, but for the events of the lease.
func (s *story) versions() []string {
	const line = `{.kind} {.involvedObject.kind} {.metadata.namespace}/{.metadata.name} {.metadata.resourceVersion}{"\n"}`
	out := s.Kubectl("get", "stytch,secrets,configmaps,events", "-A", "-o", "jsonpath={range .items[*]}"+line+"{end}")
	return slices.DeleteFunc(strings.Split(out, "\n"), func(line string) bool { return strings.HasPrefix(line, "Event Lease ") })
}

// writes are how many writes the API server has counted, by resource.
func (s *story) writes() map[string]int { return writes(s.Requests()) }

func writes(requests []lab.Sample) map[string]int {
	counted := map[string]int{}
	for _, r := range requests {
		if slices.Contains([]string{"POST", "PUT", "PATCH", "APPLY", "DELETE"}, r.Labels["verb"]) {
			counted[strings.Trim(r.Labels["group"]+"/"+r.Labels["resource"], "/")] += int(r.Value)
		}
	}
	return counted
}

// nothingWritten fails where something was written: by the versions of the objects, and by what the API server has counted.
func (s *story) nothingWritten(objects []string, before map[string]int) {
	if now := s.versions(); !slices.Equal(objects, now) {
		lab.Failf("resourceVersions were %q and are %q", objects, now)
	}
	s.Seen("all %d connections, projects, Secrets, ConfigMaps and events have the resourceVersion that they had", len(objects)-1)
	s.Command("kubectl get --raw=/metrics   # apiserver_request_total of POST, PUT, PATCH and DELETE, since before the restart")
	for resource, n := range s.writes() {
		switch n -= before[resource]; {
		case n == 0:
		case resource == "coordination.k8s.io/leases", resource == "events": // those of the operator are of events.k8s.io
			s.Answer(fmt.Sprintf("%d %s", n, resource))
		default:
			lab.Failf("the API server has counted %d writes of %s", n, resource)
		}
	}
	s.Seen("the API server has counted no write but of leases, and of the events of a leader's election")
}
