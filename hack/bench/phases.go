package main

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// floor is what cannot be done with less.
type floor struct {
	calls   int // to Stytch
	objects int // writes of connections
	secrets int // writes of Secrets
}

// outcome is what a phase measures itself.
type outcome struct {
	took  time.Duration
	of    string           // what it is that took so long
	calls []stytchsim.Call // where not all calls of the phase are meant
	peak  float64          // MiB; where it is not that of the manager at the end
}

// result is what a phase took.
type result struct {
	outcome
	name     string
	floor    floor
	requests tally
}

// phases are run one after another. But for the drift check, the manager's interval is so long that no resync comes due.
func (b *bench) phases() {
	n, m, some := b.connections, b.organizations, b.touched()
	b.createProject()
	for _, phase := range []struct {
		name  string
		floor floor
		do    func() outcome
	}{
		{fmt.Sprintf("cold, %d SAML in %d organizations", n, m), floor{calls: 2*n + m + 1, objects: 3 * n}, b.cold},
		{"at rest", floor{}, b.rest},
		{fmt.Sprintf("edit of %d", some), floor{calls: some, objects: some}, b.edits},
		{"restart", floor{}, b.restart},
		{"drift check, one interval", floor{calls: m}, b.drift},
		// A manager that has just started has no list of the organizations yet, and needs one to know what differs.
		{fmt.Sprintf("edit of %d after a restart", some), floor{calls: some + min(some, m), objects: some}, b.edits},
		{fmt.Sprintf("edit of %d, rate limit exceeded by drift checks", some), floor{calls: some, objects: some}, b.saturated},
		{fmt.Sprintf("deletion of %d with Delete", some), floor{calls: some, objects: some}, b.deletions},
		{fmt.Sprintf("cold, %d SCIM, one an organization", m), floor{calls: 3 * m, objects: 3 * m, secrets: 2 * m}, b.coldSCIM},
		{"restart with SCIM", floor{}, b.restart},
		{fmt.Sprintf("conflict, %d SCIM of one organization", n), floor{calls: 1, objects: n}, b.conflict},
		{"restart with the conflict", floor{}, b.restart},
		{"what they are in conflict with goes", floor{calls: 1, objects: n + 1}, b.endConflict},
	} {
		b.Note("%s", phase.name)
		b.measure(phase.name, phase.floor, phase.do)
	}
}

// measure counts what a phase takes, from when nothing happens before it to when nothing happens any more.
func (b *bench) measure(name string, floor floor, do func() outcome) {
	before := b.settled()
	found := do()
	after := b.settled()
	if found.calls == nil {
		found.calls = b.Calls(before.calls)
	}
	if found.peak == 0 {
		found.peak = b.peak()
	}
	b.results = append(b.results, result{outcome: found, name: name, floor: floor, requests: after.requests.minus(before.requests)})
}

// cold starts the manager with manifests that are new to it.
func (b *bench) cold() outcome {
	b.createSAML()
	b.startManager(endless)
	b.awaitSAML("every SAML connection to be Ready", nil, func(_, applied int) bool { return applied == b.connections })
	return outcome{took: time.Since(b.Calls(0)[0].Time), of: "first call to last Ready"}
}

func (b *bench) startManager(interval time.Duration) {
	b.StartManager("--resync-interval=" + interval.String())
}

func (b *bench) restartManager(interval time.Duration) {
	b.StopManager()
	b.startManager(interval)
}

// awaitSAML waits until the SAML manifests are as they should be.
func (b *bench) awaitSAML(what string, generations map[string]int64, is func(all, applied int) bool) {
	b.Await(what, limit, func() (string, bool) {
		all, applied := b.manifests(&v1alpha1.SAMLConnectionList{}, generations)
		return fmt.Sprintf("%d of %d", applied, all), is(all, applied)
	})
}

// rest watches a manager that has nothing to do.
func (b *bench) rest() outcome {
	b.Sleep(quiet)
	return outcome{took: quiet, of: "watched"}
}

// restart stops the manager and starts another, which reads every manifest and finds nothing to do.
func (b *bench) restart() outcome {
	began := time.Now()
	b.restartManager(endless)
	b.awaitPasses()
	took := time.Since(began)
	b.rest()
	return outcome{took: took, of: fmt.Sprintf("to the last pass, then watched for %s", quiet)}
}

// awaitPasses waits until the manager that was started last has made a pass of every manifest.
func (b *bench) awaitPasses() {
	saml, _ := b.manifests(&v1alpha1.SAMLConnectionList{}, nil)
	scim, _ := b.manifests(&v1alpha1.SCIMConnectionList{}, nil)
	b.Await("a pass of every manifest", limit, func() (string, bool) {
		nSAML, nSCIM := b.passes("samlconnection"), b.passes("scimconnection")
		return fmt.Sprintf("%d of %d SAML, %d of %d SCIM", nSAML, saml, nSCIM, scim), nSAML >= saml && nSCIM >= scim
	})
}

// drift lets one interval pass in which nothing changes anywhere.
func (b *bench) drift() outcome {
	b.restartManager(interval)
	b.awaitPasses()
	seq := b.Seq()
	b.Sleep(interval + still)
	found := outcome{took: interval, of: "is the interval", calls: firstInterval(b.Calls(seq)), peak: b.peak()}
	b.restartManager(endless)
	b.awaitPasses()
	return found
}

// edits changes one field of some manifests.
func (b *bench) edits() outcome {
	began := time.Now()
	generations := b.edit()
	b.awaitSAML("the edits to be applied", generations, func(all, applied int) bool { return applied == all })
	return outcome{took: time.Since(began), of: "first edit to last applied"}
}

// saturated edits while the drift checks alone ask for several times as many calls as may be sent. Of the calls only the changes
// are counted.
func (b *bench) saturated() outcome {
	rate := max(1, b.organizations/10)
	b.setRate(rate)
	b.restartManager(saturating)
	b.Await("drift checks to be late", limit, func() (string, bool) {
		overdue, _ := lab.Value(b.Fetch(b.Metrics), "stytch_drift_overdue_seconds")
		return fmt.Sprintf("%.1f s", overdue), overdue > saturating.Seconds()
	})
	seq := b.Seq()
	found := b.edits()
	found.of += fmt.Sprintf(", at %d calls a second", rate)
	found.calls = slices.DeleteFunc(b.Calls(seq), func(c stytchsim.Call) bool { return c.Method == http.MethodGet })
	found.peak = b.peak()
	b.setRate(ample)
	b.restartManager(endless)
	b.awaitPasses()
	return found
}

// deletions deletes some manifests, and their connections with them.
func (b *bench) deletions() outcome {
	before, _ := b.manifests(&v1alpha1.SAMLConnectionList{}, nil)
	began := time.Now()
	b.delete()
	b.awaitSAML("the deleted manifests to be gone", nil, func(all, _ int) bool { return all == before-b.touched() })
	return outcome{took: time.Since(began), of: "first deletion to last gone"}
}

// coldSCIM creates SCIM manifests while the manager runs.
func (b *bench) coldSCIM() outcome {
	began := time.Now()
	b.createSCIM()
	b.Await("every SCIM connection to be Ready", limit, func() (string, bool) {
		all, applied := b.manifests(&v1alpha1.SCIMConnectionList{}, nil)
		return fmt.Sprintf("%d of %d", applied, all), applied == b.organizations
	})
	return outcome{took: time.Since(began), of: "first manifest to last Ready"}
}

// conflict creates manifests for the one SCIM connection of an organization, which another manifest has.
func (b *bench) conflict() outcome {
	began := time.Now()
	b.createRivals()
	b.awaitRivals("every rival to be in conflict with the manifest that has the connection", true)
	return outcome{took: time.Since(began), of: "first manifest to last Conflict"}
}

// endConflict deletes the manifest that has the connection, which stays.
func (b *bench) endConflict() outcome {
	began := time.Now()
	b.deleteHolder()
	b.awaitRivals("every rival to know that no manifest has the connection", false)
	return outcome{took: time.Since(began), of: "deletion to the last status"}
}

// awaitRivals waits until all rivals are in conflict, with another manifest or not.
func (b *bench) awaitRivals(what string, withAnother bool) {
	b.Await(what, limit, func() (string, bool) {
		n := b.rivals(withAnother)
		return fmt.Sprintf("%d of %d", n, b.connections), n == b.connections
	})
}
