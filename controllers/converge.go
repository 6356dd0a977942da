package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// maxSteps ends a pass that would go on for ever. The longest honest plan recovers a token and replaces five certificates.
const maxSteps = 24

// comparison is what one look at manifest, Secrets and Stytch found.
type comparison struct {
	want, have connection.State
	problems   []connection.Problem
	plan       []connection.Step // everything that differs
	left       []connection.Step // without what was sent before and read back different
	stuck      []v1alpha1.NotConverging
}

// converge takes one step of the plan after another, each on what the last one's answer showed, until nothing is left.
func (p *pass[O, R]) converge(ctx context.Context, identity connection.Identity) error {
	stuck := p.o.CommonStatus().NotConverging
	var done *connection.Step
	for range maxSteps {
		c, err := p.compare(ctx, identity.ID, stuck, done)
		if err != nil {
			return err
		}
		if p.observing() || len(c.left) == 0 {
			return p.found(identity, c)
		}
		if err := p.step(ctx, c.left[0]); err != nil {
			return err
		}
		done, stuck = &c.left[0], c.stuck
	}
	return fmt.Errorf("more than %d steps did not bring the connection to what the manifest says", maxSteps)
}

// compare looks at manifest, Secrets and Stytch. A change that the step just done made, and that is still in the plan, does not
// converge.
func (p *pass[O, R]) compare(ctx context.Context, id string, stuck []v1alpha1.NotConverging, done *connection.Step) (comparison, error) {
	r, err := p.seen(ctx, id)
	if err != nil {
		return comparison{}, err
	}
	secrets, err := p.secrets(ctx)
	if err != nil {
		return comparison{}, err
	}
	want, problems := p.kind.Want(p.o, id, secrets)
	have := connection.Seen(p.o, p.kind.Common(r), p.kind.Have(r))
	want = connection.Wish(p.o, want, have)
	c := comparison{want: want, have: have, plan: connection.Plan(want, have)}
	c.problems = append(problems, p.kind.Doubts(p.o, want, have)...)
	if done != nil {
		stuck = append(slices.Clone(stuck), connection.Repeated(*done, c.plan)...)
	}
	c.left, c.stuck = connection.Withhold(c.plan, stuck)
	if connection.Halted(c.problems) {
		c.left = nil
	}
	p.publish(r, c)
	return c, nil
}

// seen is the connection as the list in memory has it.
func (p *pass[O, R]) seen(ctx context.Context, id string) (R, error) {
	var none R
	list, err := p.remote.list(ctx, p.to, p.o.CommonStatus().OrganizationID, p.since)
	if err != nil {
		return none, err
	}
	for _, r := range list {
		if p.kind.Common(r).ConnectionID == id {
			return r, nil
		}
	}
	return none, errAgain
}

// secrets reads the Secrets that the manifest names, and notes their versions.
func (p *pass[O, R]) secrets(ctx context.Context) (connection.Secrets, error) {
	secrets := connection.Secrets{}
	p.report.Inputs = []v1alpha1.Input{}
	for _, name := range p.kind.Secrets(p.o) {
		secret, err := p.secret(ctx, p.o.GetNamespace(), name)
		if err != nil {
			return nil, fmt.Errorf("reading Secret %s: %w", name, err)
		}
		secrets[name] = secret
		version := v1alpha1.Input{Kind: "Secret", Name: name}
		if secret != nil {
			version = input(secret.ObjectMeta)
		}
		p.report.Inputs = append(p.report.Inputs, version)
	}
	return secrets, nil
}

// publish puts into status what Stytch says.
func (p *pass[O, R]) publish(r R, c comparison) {
	p.report.Remote = &connection.Remote{State: p.kind.Common(r).Status, Lacks: p.kind.Lacks(r)}
	if p.report.Remote.State == "active" {
		p.report.Remote.Lacks = nil
	}
	p.report.Plan = connection.Show(c.plan)
	p.report.NotConverging = c.stuck
	p.kind.Publish(p.o, r, c.want)
}

// step takes one step, if the connection is still the manifest's.
func (p *pass[O, R]) step(ctx context.Context, step connection.Step) error {
	if holder := p.holder(ctx)(p.o.CommonStatus().ConnectionID); holder != "" {
		return finding{reason: v1alpha1.ReasonConflict, message: fmt.Sprintf("%s is held by %s.", p.o.CommonStatus().ConnectionID, holder)}
	}
	request, err := p.remote.perform(ctx, p.to, p.o, step)
	if request.Operation != "" {
		p.report.Request = request
	}
	var refused *stytch.Error
	if errors.As(err, &refused) && refused.Class == stytch.NotFound && p.listedBefore() {
		p.session.Forget(p.kind.API, p.o.CommonStatus().OrganizationID)
		return errAgain
	}
	if err != nil {
		return err
	}
	p.say(eventOf(step.Action), step.Sentence())
	return nil
}

// listedBefore says that what was read is older than this pass, so that reading again may show something else.
func (p *pass[O, R]) listedBefore() bool {
	return p.session.Looked(p.kind.API, p.o.CommonStatus().OrganizationID).Before(p.now)
}

// found says what the last comparison came to.
func (p *pass[O, R]) found(identity connection.Identity, c comparison) error {
	var notes []connection.Problem
	if len(identity.Others) > 0 {
		notes = []connection.Problem{{Message: fmt.Sprintf(
			"Left by a creation whose answer was lost, and not used: %s; delete it at Stytch.", strings.Join(identity.Others, ", "))}}
	}
	problems := append(c.problems, notes...)
	reason, message := connection.Worst(problems)
	switch {
	case reason != "":
		return finding{reason: reason, message: message}
	case len(c.stuck) > 0 && !p.observing():
		return finding{reason: v1alpha1.ReasonNotConverging, message: join(fmt.Sprintf(
			"Stytch accepted a change and shows another value: %s. It is not sent again until one of the two changes: give the value as Stytch shows it, or take the field out.",
			fieldsOf(c.stuck)), message)}
	case len(c.plan) > 0:
		return finding{reason: v1alpha1.ReasonPlanPending, message: join(fmt.Sprintf(
			"Under Observe nothing is sent. Stytch differs in: %s; status.plan shows how.", connection.Names(c.plan)), message)}
	default:
		return finding{reason: v1alpha1.ReasonInSync, message: join("Stytch has what the manifest says.", message)}
	}
}

func join(sentences ...string) string {
	return strings.TrimSpace(strings.Join(sentences, " "))
}

func fieldsOf(stuck []v1alpha1.NotConverging) string {
	var names []string
	for _, s := range stuck {
		names = append(names, s.Field)
	}
	return strings.Join(slices.Compact(names), ", ")
}

// imagine says what Manage would create.
func (p *pass[O, R]) imagine(ctx context.Context) error {
	want, problems, err := p.wish(ctx)
	if err != nil {
		return err
	}
	p.report.Remote = &connection.Remote{Absent: true}
	p.report.Plan = connection.Show(connection.Plan(want, connection.State{New: true}))
	if reason, message := connection.Worst(problems); reason != "" {
		return finding{reason: reason, message: message}
	}
	return finding{reason: v1alpha1.ReasonPlanPending, message: fmt.Sprintf(
		"There is no connection yet. Under Observe none is created; Manage would create one named %q as status.plan shows.", connection.RealName(p.o))}
}

// wish is what a connection that is still to be created should be.
func (p *pass[O, R]) wish(ctx context.Context) (connection.State, []connection.Problem, error) {
	secrets, err := p.secrets(ctx)
	if err != nil {
		return connection.State{}, nil, err
	}
	want, problems := p.kind.Want(p.o, "", secrets)
	return connection.Wish(p.o, want, connection.State{New: true}), problems, nil
}
