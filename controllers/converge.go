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

// maxSteps ends a pass that would go on for ever. The longest honest plan recovers a token, or replaces five certificates and
// five keys.
const maxSteps = 40

// comparison is what one look at manifest, inputs and Stytch found.
type comparison[R any] struct {
	remote     R
	want, have connection.State
	problems   []connection.Problem
	plan       []connection.Step // everything that differs
	left       []connection.Step // without what was sent before and read back different
	stuck      []v1alpha1.NotConverging
}

// converge takes one step of the plan after another, each on what the last one's answer showed, until nothing is left.
func (p *pass[O, R]) converge(ctx context.Context, identity connection.Identity) error {
	last := comparison[R]{stuck: p.o.CommonStatus().NotConverging}
	var done *connection.Step
	for range maxSteps {
		c, err := p.compare(ctx, identity.ID, last, done)
		if err != nil {
			return err
		}
		if c.unsure() && p.to.Begun().Before(p.now) {
			p.since, last, done = p.now, c, nil
			continue
		}
		if p.observing() || len(c.left) == 0 {
			return p.found(identity, c)
		}
		step := c.left[0]
		err = p.step(ctx, c.remote, step)
		done, last = &step, c
		if p.aside(ctx, step, err) {
			done, err = nil, nil
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("more than %d steps did not bring the connection to what the manifest says", maxSteps)
}

// unsure says that what was found may only be acted on, or complained of, if it was read in this pass.
func (c comparison[R]) unsure() bool {
	return len(c.left) > 0 && c.left[0].Fresh || slices.ContainsFunc(c.problems, func(p connection.Problem) bool { return p.Fresh })
}

// aside keeps for the end of the pass that a step could not be taken for which nothing else waits.
func (p *pass[O, R]) aside(ctx context.Context, step connection.Step, err error) bool {
	topic := step.Action.Topic()
	var found finding
	var refused *stytch.Error
	switch {
	case topic == "":
		return false
	case errors.As(err, &refused) && refused.Class == stytch.Rejected:
		logFailed(ctx, refused)
		found.reason, found.message = connection.Failure(refused)
	case !errors.As(err, &found):
		return false
	}
	p.problems = append(p.problems, connection.Problem{Reason: found.reason, Message: found.message})
	p.shelved = append(p.shelved, topic)
	return true
}

// compare looks at manifest, inputs and Stytch. A change that the step just done made, and that is still in the plan, does not
// converge.
func (p *pass[O, R]) compare(ctx context.Context, id string, last comparison[R], done *connection.Step) (comparison[R], error) {
	c := comparison[R]{}
	r, err := p.seen(ctx, id)
	if err != nil {
		return c, err
	}
	if done == nil {
		last.remote = r
	}
	p.kind.Learn(p.o, last.remote, r, done, p.now)
	in, err := p.inputs(ctx, id)
	if err != nil {
		return c, err
	}
	want, problems := p.kind.Want(p.o, id, in)
	c.remote, c.have = r, connection.Seen(p.o, p.kind.Common(r), p.kind.Have(r))
	c.want = connection.Wish(p.o, want, c.have)
	c.plan = connection.Plan(c.want, c.have)
	c.problems = slices.Concat(problems, p.kind.Doubts(p.o, c.want, c.have), p.problems)
	stuck := last.stuck
	if done != nil {
		stuck = append(slices.Clone(stuck), connection.Repeated(*done, c.plan)...)
	}
	c.left, c.stuck = connection.Withhold(c.plan, stuck)
	c.left = slices.DeleteFunc(c.left, func(s connection.Step) bool { return slices.Contains(p.shelved, s.Action.Topic()) })
	if connection.Halted(c.problems) {
		c.left = nil
	}
	p.publish(c)
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

// publish puts into status what Stytch says.
func (p *pass[O, R]) publish(c comparison[R]) {
	p.report.Remote = &connection.Remote{State: p.kind.Common(c.remote).Status, Lacks: p.kind.Lacks(c.remote)}
	if p.report.Remote.State == "active" {
		p.report.Remote.Lacks = nil
	}
	p.report.Plan = connection.Show(c.plan)
	p.report.NotConverging = c.stuck
	p.report.Rotating, p.report.RotatingMessage = p.kind.Rotating(c.want, c.have)
	p.kind.Publish(p.o, c.remote, c.want)
}

// step takes one step, if the connection is still the manifest's.
func (p *pass[O, R]) step(ctx context.Context, r R, step connection.Step) error {
	if holder := p.holder(ctx)(p.o.CommonStatus().ConnectionID); holder != "" {
		return finding{reason: v1alpha1.ReasonConflict, message: fmt.Sprintf("%s is held by %s.", p.o.CommonStatus().ConnectionID, holder)}
	}
	if p.kind.Prepare(p.o, r, step, p.Now()) {
		if err := p.to.Reserve(ctx); err != nil {
			return err
		}
		if err := p.writeDown(ctx); err != nil {
			return err
		}
	}
	err := p.perform(ctx, step)
	var refused *stytch.Error
	switch {
	case err == nil || !errors.As(err, &refused):
		return err
	case refused.Class == stytch.NotFound && p.listedBefore():
		p.session.Forget(p.kind.API, p.o.CommonStatus().OrganizationID)
		return errAgain
	case refused.Class == stytch.Rejected:
		if undo := p.kind.Undo(p.o, step, refused.ErrorType); undo != nil {
			if failed := p.perform(ctx, *undo); failed != nil {
				return failed
			}
			p.report.Request = refused.Request
		}
	}
	return err
}

// perform takes one step and says so.
func (p *pass[O, R]) perform(ctx context.Context, step connection.Step) error {
	request, err := p.remote.perform(ctx, p.to, p.o, step)
	if request.Operation != "" {
		p.report.Request = request
	}
	if err != nil {
		return err
	}
	if event := eventOf(step.Action); event != "" {
		p.say(event, step.Sentence())
	}
	return nil
}

// listedBefore says that what was read is older than this pass, so that reading again may show something else.
func (p *pass[O, R]) listedBefore() bool {
	return p.session.Looked(p.kind.API, p.o.CommonStatus().OrganizationID).Before(p.now)
}

// found says what the last comparison came to.
func (p *pass[O, R]) found(identity connection.Identity, c comparison[R]) error {
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
	in, err := p.inputs(ctx, "")
	if err != nil {
		return connection.State{}, nil, err
	}
	want, problems := p.kind.Want(p.o, "", in)
	return connection.Wish(p.o, want, connection.State{New: true}), problems, nil
}
