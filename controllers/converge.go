package controllers

import (
	"context"
	"errors"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// converge does for the connection what its convergence says, until that ends.
func (p *pass[O, R]) converge(ctx context.Context, identity connection.Identity) error {
	c := connection.Converge(p.engine.kind, p.o, identity, p.holder(ctx), p.now)
	err := p.makeMoves(ctx, c, identity.ID)
	p.report = c.Report(p.report)
	if errors.Is(err, connection.ErrOutdated) {
		return p.dropList()
	}
	return err
}

// makeMoves makes one move after another.
func (p *pass[O, R]) makeMoves(ctx context.Context, c *connection.Convergence[O, R], id string) error {
	var move connection.Move
	for {
		var err error
		switch {
		case move.End != nil:
			return move.End
		case move.Step != nil:
			move, err = p.takeStep(ctx, c, move)
		default:
			if move.Fresh {
				p.since = p.now
			}
			move, err = p.nextMove(ctx, c, id)
		}
		if err != nil {
			return err
		}
	}
}

// nextMove reads the connection and what its manifest names, and asks what to do.
func (p *pass[O, R]) nextMove(ctx context.Context, c *connection.Convergence[O, R], id string) (connection.Move, error) {
	r, err := p.readConnection(ctx, id)
	if err != nil {
		return connection.Move{}, err
	}
	in, err := p.readInputs(ctx, id)
	if err != nil {
		return connection.Move{}, err
	}
	return c.Next(r, p.stytch.Begun(), in, p.shared.Now()), nil
}

// readConnection is the connection as the list in memory has it.
func (p *pass[O, R]) readConnection(ctx context.Context, id string) (R, error) {
	var none R
	list, err := p.engine.remote.list(ctx, p.stytch, connection.RecordOf(p.o).Organization, p.since)
	if err != nil {
		return none, err
	}
	for _, r := range list {
		if p.engine.kind.Common(r).ConnectionID == id {
			return r, nil
		}
	}
	return none, errAgain
}

// takeStep takes a step, and tells what became of it.
func (p *pass[O, R]) takeStep(ctx context.Context, c *connection.Convergence[O, R], move connection.Move) (connection.Move, error) {
	if move.WriteAhead {
		if err := p.stytch.Reserve(ctx); err != nil {
			return move, err
		}
		if err := p.writeAhead(ctx); err != nil {
			return move, err
		}
	}
	step := *move.Step
	done, err := p.engine.remote.perform(ctx, p.stytch, p.o, step)
	if done.Operation != "" {
		p.report.Request = done.Request
	}
	if err != nil {
		next := c.Failed(err, p.latestListAt())
		if refused, ok := errors.AsType[*stytch.Error](err); ok && next.End == nil && next.Step == nil {
			logFailed(ctx, refused)
		}
		return next, nil
	}
	if step.Action.Event != "" {
		p.addEvent(step.Action.Event, step.Sentence())
	}
	return c.Took(done.warning), nil
}

// dropList ends a pass whose list is of no use.
func (p *pass[O, R]) dropList() error {
	p.session.stytch.Forget(p.engine.kind.API, connection.RecordOf(p.o).Organization)
	return errAgain
}

// readCreateInputs reads what the wish for a connection that is still to be created is computed from.
func (p *pass[O, R]) readCreateInputs(ctx context.Context) (connection.Inputs, error) {
	in, err := p.readInputs(ctx, "")
	if err != nil {
		return in, err
	}
	p.engine.kind.Note(p.o, connection.Event[R]{Type: connection.InputsRead, Inputs: in, Now: p.now})
	return in, nil
}

// planCreation puts into status.plan, under Observe, what Manage would create.
func (p *pass[O, R]) planCreation(ctx context.Context) error {
	in, err := p.readCreateInputs(ctx)
	if err != nil {
		return err
	}
	plan, finding := p.engine.kind.Foresee(p.o, in)
	p.report.Plan = plan
	return finding
}
