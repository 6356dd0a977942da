package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// intervals that the manager is watched at rest for.
const intervals = 3

// rest: a restart at rest, and three intervals: one list per organization and interval, no Kubernetes write.
func (s *story) rest(ctx context.Context) error {
	if err := s.awaitInForce(ctx, "everything to be at rest", resync); err != nil {
		return err
	}
	before, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	if err := s.restart(ctx); err != nil {
		return err
	}
	entry, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	if err := s.awaitIntervals(ctx, entry, before.listed); err != nil {
		return err
	}
	sent, err := s.sim.since(ctx, before.entry)
	if err != nil {
		return err
	}
	s.terminal.note("The journal since before the restart:")
	s.terminal.journal(sent)
	if err := onePerInterval(sent, before.listed); err != nil {
		return err
	}
	s.terminal.seen("one list per organization and interval, one of the groups that are named, and no other call")
	after, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	return s.compare(before, after)
}

// restart restarts the manager as a rollout does.
func (s *story) restart(ctx context.Context) error {
	before, err := s.leaseNow(ctx)
	if err != nil {
		return err
	}
	s.terminal.command(fmt.Sprintf("kill %d   # the manager ends, and gives the lease back", s.manager.PID))
	if err := s.endManager(); err != nil {
		return err
	}
	if err := s.startManager(ctx); err != nil {
		return err
	}
	if err := s.awaitLease(ctx, before); err != nil {
		return err
	}
	s.terminal.note("The new manager, process %d, has the lease.", s.manager.PID)
	return nil
}

// snapshot is what could show that something was written or asked.
type snapshot struct {
	entry    int               // of the journal
	listed   []string          // paths that are listed: one per organization and API
	versions map[string]string // resourceVersions of all objects of ours, their events, and all Secrets
	writes   map[string]int    // writes that the API server has counted, by resource

	configMaps string // with their resourceVersions
}

func (s *story) snapshot(ctx context.Context) (snapshot, error) {
	shot := snapshot{versions: map[string]string{}}
	var err error
	if shot.entry, err = s.sim.now(ctx); err != nil {
		return shot, err
	}
	ours, err := s.objects(ctx)
	if err != nil {
		return shot, err
	}
	secrets, err := s.kubectl.list(ctx, "secrets", "-A")
	if err != nil {
		return shot, err
	}
	events, err := s.kubectl.list(ctx, "events", "-A")
	if err != nil {
		return shot, err
	}
	listed := map[string]bool{}
	for _, o := range slices.Concat(ours, secrets, events) {
		if o.About.Kind != "Lease" { // what the leader election says
			shot.versions[o.Metadata.Namespace+" "+o.name()] = o.Metadata.ResourceVersion
		}
		switch o.Kind {
		case kindSCIM:
			listed["/v1/b2b/scim/"+o.Status.OrganizationID+"/connection"] = true
			if len(o.Spec.GroupImplicitRoles) > 0 {
				listed["/v1/b2b/scim/"+o.Status.OrganizationID+"/connection/"+o.Status.ConnectionID] = true // its groups
			}
		case kindSAML, kindOIDC, kindExternal:
			listed["/v1/b2b/sso/"+o.Status.OrganizationID] = true
		}
	}
	shot.listed = slices.Sorted(maps.Keys(listed))
	if shot.configMaps, err = s.kubectl.run(ctx, "get", "configmaps", "-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`); err != nil {
		return shot, err
	}
	metrics, err := s.kubectl.run(ctx, "get", "--raw=/metrics")
	shot.writes = writes(metrics)
	return shot, err
}

// writes reads from the API server's metrics how many writes it has served, by resource.
func writes(metrics string) map[string]int {
	counted := map[string]int{}
	for line := range strings.Lines(metrics) {
		rest, is := strings.CutPrefix(line, "apiserver_request_total{")
		labels, value, closed := strings.Cut(rest, "} ")
		if !is || !closed || !slices.Contains([]string{"POST", "PUT", "PATCH", "APPLY", "DELETE"}, label(labels, "verb")) {
			continue
		}
		resource := label(labels, "resource")
		if group := label(labels, "group"); group != "" {
			resource += "." + group
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err == nil {
			counted[resource] += int(n)
		}
	}
	return counted
}

// label reads one label of a metric.
func label(labels, name string) string {
	_, rest, _ := strings.Cut(","+labels, ","+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// awaitIntervals waits until each organization was listed three times since an entry of the journal.
func (s *story) awaitIntervals(ctx context.Context, entry int, listed []string) error {
	what := fmt.Sprintf("%d intervals of %s", intervals, resync)
	return s.await(ctx, what, (intervals+1)*resync, func(ctx context.Context) (string, bool, error) {
		sent, err := s.sim.since(ctx, entry)
		fewest := intervals
		for _, times := range timesOf(sent, listed) {
			fewest = min(fewest, len(times))
		}
		return fmt.Sprintf("%d lists", len(sent)), fewest >= intervals, err
	})
}

// timesOf is when each path was read.
func timesOf(sent calls, listed []string) map[string][]time.Time {
	times := map[string][]time.Time{}
	for _, path := range listed {
		times[path] = nil
	}
	for _, c := range sent {
		if _, is := times[c.Path]; is && c.Method == http.MethodGet {
			times[c.Path] = append(times[c.Path], c.Time)
		}
	}
	return times
}

// onePerInterval checks that each organization was listed once in each interval, and that nothing else was asked. Over the
// restart one interval may be left out: a manager that starts takes the one under way for looked at.
func onePerInterval(sent calls, listed []string) error {
	known := 0
	for path, times := range timesOf(sent, listed) {
		known += len(times)
		left := 0
		for i := 1; i < len(times); i++ {
			gap := times[i].Sub(times[i-1])
			switch gap.Round(resync / 2) { // a busy machine is late now and then
			case resync:
			case 2 * resync:
				left++
			default:
				return fmt.Errorf("%s was listed %s after the time before; the interval is %s", path, gap, resync)
			}
		}
		if left > 1 || len(times) < intervals {
			return fmt.Errorf("%s was listed %d times, and missed %d intervals", path, len(times), left)
		}
	}
	if known != len(sent) {
		return fmt.Errorf("beside %d lists something else was asked: %s", known, sent.counts())
	}
	return nil
}

// compare checks that nothing was written: by the versions of the objects, and by what the API server has counted.
func (s *story) compare(before, after snapshot) error {
	if !maps.Equal(before.versions, after.versions) || before.configMaps != after.configMaps {
		return fmt.Errorf("resourceVersions were %v %s and are %v %s", before.versions, before.configMaps, after.versions, after.configMaps)
	}
	s.terminal.seen("all %d connections, projects, Secrets, ConfigMaps and events have the resourceVersion that they had", len(before.versions)+strings.Count(before.configMaps, "\n"))
	s.terminal.command("kubectl get --raw=/metrics   # apiserver_request_total of POST, PUT, PATCH and DELETE, since before the restart")
	var aside []string
	for _, resource := range slices.Sorted(maps.Keys(after.writes)) {
		n := after.writes[resource] - before.writes[resource]
		switch {
		case n == 0:
		case resource == "leases.coordination.k8s.io" || resource == "events":
			aside = append(aside, fmt.Sprintf("%d %s", n, resource))
		default:
			return fmt.Errorf("the API server has counted %d writes of %s", n, resource)
		}
	}
	s.terminal.answer(strings.Join(aside, "\n"))
	s.terminal.seen("the API server has counted no write but of leases, and of the events of a leader's election")
	return nil
}
