package controllers

import (
	"context"
	"errors"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// converge does for the connection what its convergence says, until that ends.
func (p *pass[O, R]) converge(ctx context.Context, identity connection.Identity) error {
	c := connection.Converge(p.kind, p.o, identity, p.holder(ctx), p.now)
	err := p.follow(ctx, c, identity.ID)
	p.report = c.Report(p.report)
	if errors.Is(err, connection.ErrOutdated) {
		return p.outdated()
	}
	return err
}

// follow makes one move after another.
func (p *pass[O, R]) follow(ctx context.Context, c *connection.Convergence[O, R], id string) error {
	var move connection.Move
	for {
		var err error
		switch {
		case move.End != nil:
			return move.End
		case move.Step != nil:
			move, err = p.take(ctx, c, move)
		default:
			if move.Fresh {
				p.since = p.now
			}
			move, err = p.ask(ctx, c, id)
		}
		if err != nil {
			return err
		}
	}
}

// ask reads the connection and what its manifest names, and asks what to do.
func (p *pass[O, R]) ask(ctx context.Context, c *connection.Convergence[O, R], id string) (connection.Move, error) {
	r, err := p.seen(ctx, id)
	if err != nil {
		return connection.Move{}, err
	}
	in, err := p.inputs(ctx, id)
	if err != nil {
		return connection.Move{}, err
	}
	return c.Next(r, p.to.ListedAt(), in, p.Now()), nil
}

// seen is the connection as the list in memory has it.
func (p *pass[O, R]) seen(ctx context.Context, id string) (R, error) {
	var none R
	list, err := p.remote.list(ctx, p.to, connection.RecordOf(p.o).Organization, p.since)
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

// take takes a step, and tells what became of it.
func (p *pass[O, R]) take(ctx context.Context, c *connection.Convergence[O, R], move connection.Move) (connection.Move, error) {
	if move.WriteAhead {
		if err := p.to.Reserve(ctx); err != nil {
			return move, err
		}
		if err := p.writeDown(ctx); err != nil {
			return move, err
		}
	}
	step := *move.Step
	done, err := p.remote.perform(ctx, p.to, p.o, step)
	if done.Operation != "" {
		p.report.Request = done.Request
	}
	if err != nil {
		next := c.Failed(err, p.listed())
		if refused, is := errors.AsType[*stytch.Error](err); is && next.End == nil && next.Step == nil {
			logFailed(ctx, refused)
		}
		return next, nil
	}
	if step.Action.Event != "" {
		p.say(step.Action.Event, step.Sentence())
	}
	return c.Took(done.warning), nil
}

// outdated ends a pass whose list is of no use.
func (p *pass[O, R]) outdated() error {
	p.session.Forget(p.kind.API, connection.RecordOf(p.o).Organization)
	return errAgain
}

// inputsAnew reads what the wish for a connection that is still to be created is computed from.
func (p *pass[O, R]) inputsAnew(ctx context.Context) (connection.Inputs, error) {
	in, err := p.inputs(ctx, "")
	if err != nil {
		return in, err
	}
	p.kind.Note(p.o, connection.Event[R]{Type: connection.InputsRead, Inputs: in, Now: p.now})
	return in, nil
}

// imagine says what Manage would create.
func (p *pass[O, R]) imagine(ctx context.Context) error {
	in, err := p.inputsAnew(ctx)
	if err != nil {
		return err
	}
	plan, finding := p.kind.Foresee(p.o, in)
	p.report.Plan = plan
	return finding
}
