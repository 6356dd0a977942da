package controllers

import (
	"context"
	"errors"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// converge brings the connection to the desired state: it makes the moves that connection.Convergence asks for, until it ends.
func (p *pass[O, R]) converge(ctx context.Context, identity connection.Identity) error {
	c := connection.Converge(p.engine.kind, p.o, identity, p.holder(ctx), p.now)
	err := p.makeMoves(ctx, c, identity.ID)
	p.report = c.Report(p.report)
	if errors.Is(err, connection.ErrOutdated) {
		return p.dropList()
	}
	return err
}

// makeMoves makes one move after another until the convergence ends or a read fails.
func (p *pass[O, R]) makeMoves(ctx context.Context, c *connection.Convergence[O, R], id string) error {
	var move connection.Move
	for {
		var err error
		switch {
		case move.End != nil:
			return move.End
		case move.Step != nil:
			move, err = p.takeStep(ctx, c, move)
		case len(move.Roles) > 0:
			move = c.Known(p.knownRoles(ctx, move.Roles))
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

// nextMove reads the connection and the objects that its manifest names, and returns what to do next.
func (p *pass[O, R]) nextMove(ctx context.Context, c *connection.Convergence[O, R], id string) (connection.Move, error) {
	r, err := p.readConnection(ctx, id)
	if err != nil {
		return connection.Move{}, err
	}
	in, err := p.readInputs(ctx, id)
	if err != nil {
		return connection.Move{}, err
	}
	return c.Next(r, p.stytch.ListedAt(), in, p.shared.Now()), nil
}

// readConnection returns the connection from the list of its organization.
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

// takeStep takes a step, reports its result to the convergence, and returns what to do next.
func (p *pass[O, R]) takeStep(ctx context.Context, c *connection.Convergence[O, R], move connection.Move) (connection.Move, error) {
	if move.WriteAhead {
		if err := p.stytch.ReserveCalls(ctx, max(1, move.Step.Calls), move.Step.Action.Fetches); err != nil {
			return move, err
		}
		if err := p.writeAhead(ctx); err != nil {
			return move, err
		}
	}
	step := *move.Step
	if step.Confirm {
		if err := p.confirm(ctx); err != nil {
			return move, err
		}
	}
	done, err := p.engine.remote.perform(ctx, p.stytch, p.o, step)
	repairs := connection.Repairs(p.base, step, func() bool { return p.inputsUnchanged(ctx) })
	p.audit(ctx, change{connection.RecordOf(p.o).ID, step.FieldNames(), repairs, step.Sentence()}, done.Request, err)
	if done.Operation != "" {
		p.report.Request = done.Request
	}
	if stytch.HeldBack(err) != nil {
		return p.takeBack(ctx, c, move, err)
	}
	if err != nil {
		next := c.Failed(err, p.latestListAt())
		if refused, ok := errors.AsType[*stytch.Error](err); ok && next.End == nil && next.Step == nil {
			p.logFailed(ctx, refused)
		}
		return next, nil
	}
	p.noteRepair(repairs)
	if step.Action.Event != "" {
		p.addEvent(step.Action.Event, step.Sentence(), done.Operation != "")
	}
	return c.Took(done.warning), nil
}

// noteRepair counts a pass that repaired drift, once.
func (p *pass[O, R]) noteRepair(repairs bool) {
	if !repairs || p.repaired {
		return
	}
	p.repaired = true
	p.shared.memory.update(p.o.GetUID(), func(m *objectMemory) { m.repairs++ })
}

// takeBack ends a pass whose step was not sent because it had to wait: what was written ahead of it is taken back, so that nobody
// waits for its effect.
func (p *pass[O, R]) takeBack(ctx context.Context, c *connection.Convergence[O, R], move connection.Move, held error) (connection.Move, error) {
	next := c.Failed(connection.Unsent{Err: held}, p.latestListAt())
	if !move.WriteAhead {
		return next, nil
	}
	return next, p.writeAhead(ctx)
}

// latestListAt is when the newest list of the organization's connections was started, by whichever pass.
func (p *pass[O, R]) latestListAt() time.Time {
	return p.session.stytch.ListedAt(p.engine.kind.API, connection.RecordOf(p.o).Organization)
}

// dropList ends a pass whose list is known to be outdated, and has the next pass list anew.
func (p *pass[O, R]) dropList() error {
	p.session.stytch.Forget(p.engine.kind.API, connection.RecordOf(p.o).Organization)
	return errAgain
}
