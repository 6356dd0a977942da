package main

import (
	"context"
	"fmt"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// floor is what cannot be done with less.
type floor struct {
	calls   int // to Stytch
	objects int // writes of connections
	secrets int // writes of Secrets
}

// outcome is what a phase found out by itself.
type outcome struct {
	took  time.Duration
	of    string           // what it is that took so long
	calls []stytchsim.Call // where not all calls of the phase are meant
	peak  float64          // MiB; where it is not that of the manager that stands at the end
}

// result is what a phase took.
type result struct {
	outcome
	name     string
	floor    floor
	requests tally
}

// phases are taken one after another. The manager's interval is so long that nothing comes due by itself, but in the drift check.
func (l *lab) phases(ctx context.Context) error {
	n, m, k, some := l.connections, l.organizations, l.scim, l.touched()
	if err := l.applyProject(ctx); err != nil {
		return err
	}
	for _, phase := range []struct {
		name  string
		floor floor
		do    func(context.Context) (outcome, error)
	}{
		{fmt.Sprintf("cold, %d SAML in %d organizations", n, m), floor{calls: 2*n + m + 1, objects: 3 * n}, l.cold},
		{"at rest", floor{}, l.rest},
		{fmt.Sprintf("edit of %d", some), floor{calls: some, objects: some}, l.edits},
		{"restart", floor{}, l.restart},
		{"drift check, one interval", floor{calls: m}, l.drift},
		// A manager that has just started has no list of the organizations yet, and needs one to know what differs.
		{fmt.Sprintf("edit of %d after a restart", some), floor{calls: some + min(some, m), objects: some}, l.edits},
		{fmt.Sprintf("deletion of %d with Delete", some), floor{calls: some, objects: some}, l.deletions},
		{fmt.Sprintf("cold, %d SCIM, one an organization", k), floor{calls: 3 * k, objects: 3 * k, secrets: 2 * k}, l.coldSCIM},
		{"restart with SCIM", floor{}, l.restart},
	} {
		l.say("%s", phase.name)
		if err := l.measure(ctx, phase.name, phase.floor, phase.do); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return nil
}

// measure counts what a phase takes, from when nothing happens before it to when nothing happens any more.
func (l *lab) measure(ctx context.Context, name string, floor floor, do func(context.Context) (outcome, error)) error {
	before, err := l.settled(ctx)
	if err != nil {
		return err
	}
	found, err := do(ctx)
	if err != nil {
		return err
	}
	after, err := l.settled(ctx)
	if err != nil {
		return err
	}
	if found.calls == nil {
		found.calls = l.sim.Calls()[before.calls:after.calls]
	}
	if found.peak == 0 {
		if found.peak, err = l.manager.peak(); err != nil {
			return err
		}
	}
	l.results = append(l.results, result{outcome: found, name: name, floor: floor, requests: after.requests.minus(before.requests)})
	return nil
}

// cold starts the manager over manifests that nobody has looked at yet.
func (l *lab) cold(ctx context.Context) (outcome, error) {
	if err := l.applySAML(ctx); err != nil {
		return outcome{}, err
	}
	if err := l.startManager(ctx, endless); err != nil {
		return outcome{}, err
	}
	err := l.awaitSAML(ctx, "every SAML connection to be Ready", func(list []v1alpha1.SAMLConnection) int {
		left := l.connections
		for i := range list {
			if inForce(&list[i]) {
				left--
			}
		}
		return left
	})
	if err != nil {
		return outcome{}, err
	}
	return outcome{took: time.Since(l.sim.Calls()[0].Time), of: "first call to last Ready"}, nil
}

// awaitSAML waits until none of the SAML manifests is left.
func (l *lab) awaitSAML(ctx context.Context, what string, left func([]v1alpha1.SAMLConnection) int) error {
	return l.await(ctx, what, func(ctx context.Context) (string, bool, error) {
		list, err := l.saml(ctx)
		n := left(list)
		return fmt.Sprintf("%d of %d left", n, len(list)), n == 0, err
	})
}

// rest watches a manager that has nothing to do.
func (l *lab) rest(ctx context.Context) (outcome, error) {
	return outcome{took: l.quiet, of: "watched"}, l.watchRest(ctx)
}

// watchRest lets a window pass, and says what happens in it as soon as it does.
func (l *lab) watchRest(ctx context.Context) error {
	before, err := l.count(ctx)
	if err != nil {
		return err
	}
	for end := time.Now().Add(l.quiet); time.Now().Before(end); {
		if err := sleep(ctx, min(time.Second, time.Until(end))); err != nil {
			return err
		}
		now, err := l.count(ctx)
		if err != nil {
			return err
		}
		if !now.equal(before) {
			l.say("not at rest: %d calls, %v", now.calls-before.calls, now.requests.minus(before.requests))
			before = now
		}
	}
	return nil
}

// restart ends the manager and begins another, that looks at everything and finds nothing to do.
func (l *lab) restart(ctx context.Context) (outcome, error) {
	began := time.Now()
	if err := l.restartManager(ctx, endless); err != nil {
		return outcome{}, err
	}
	if err := l.awaitPasses(ctx); err != nil {
		return outcome{}, err
	}
	return outcome{took: time.Since(began), of: fmt.Sprintf("to the last look, then watched for %s", l.quiet)}, l.watchRest(ctx)
}

// awaitPasses waits until the manager that was started last has looked at every connection.
func (l *lab) awaitPasses(ctx context.Context) error {
	saml, err := l.saml(ctx)
	if err != nil {
		return err
	}
	scim, err := l.scimConnections(ctx)
	if err != nil {
		return err
	}
	return l.await(ctx, "the manager to look at everything", func(ctx context.Context) (string, bool, error) {
		passes, err := l.manager.passes(ctx)
		if err != nil {
			return err.Error(), false, nil //nolint:nilerr // its metrics are served a moment after its probes
		}
		state := fmt.Sprintf("%d of %d SAML, %d of %d SCIM", passes["samlconnection"], len(saml), passes["scimconnection"], len(scim))
		return state, passes["samlconnection"] >= len(saml) && passes["scimconnection"] >= len(scim), nil
	})
}

// edits changes one field of some manifests.
func (l *lab) edits(ctx context.Context) (outcome, error) {
	began := time.Now()
	generations, err := l.edit(ctx)
	if err != nil {
		return outcome{}, err
	}
	err = l.awaitSAML(ctx, "the edits to be in force", func(list []v1alpha1.SAMLConnection) int {
		left := len(generations)
		for i := range list {
			if generation, edited := generations[list[i].Name]; edited && list[i].Generation >= generation && inForce(&list[i]) {
				left--
			}
		}
		return left
	})
	return outcome{took: time.Since(began), of: "first edit to last in force"}, err
}

// deletions deletes some manifests, and their connections with them.
func (l *lab) deletions(ctx context.Context) (outcome, error) {
	list, err := l.saml(ctx)
	if err != nil {
		return outcome{}, err
	}
	stay, began := len(list)-l.touched(), time.Now()
	if err := l.delete(ctx); err != nil {
		return outcome{}, err
	}
	err = l.awaitSAML(ctx, "the deleted manifests to be gone", func(list []v1alpha1.SAMLConnection) int { return len(list) - stay })
	return outcome{took: time.Since(began), of: "first deletion to last gone"}, err
}

// coldSCIM applies SCIM manifests while the manager runs.
func (l *lab) coldSCIM(ctx context.Context) (outcome, error) {
	began := time.Now()
	if err := l.applySCIM(ctx); err != nil {
		return outcome{}, err
	}
	err := l.await(ctx, "every SCIM connection to be Ready", func(ctx context.Context) (string, bool, error) {
		list, err := l.scimConnections(ctx)
		ready := 0
		for i := range list {
			if inForce(&list[i]) {
				ready++
			}
		}
		return fmt.Sprintf("%d of %d", ready, l.scim), ready == l.scim, err
	})
	return outcome{took: time.Since(began), of: "first manifest to last Ready"}, err
}
