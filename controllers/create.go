package controllers

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// create creates the connection of a manifest that has none, and records its ID before anything else is done with it.
func (p *pass[O, R]) create(ctx context.Context) error {
	in, err := p.readCreateInputs(ctx)
	if err != nil {
		return err
	}
	if hindrance, may := p.engine.kind.MayCreate(p.o, in); !may {
		return hindrance
	}
	if err := p.stytch.Reserve(ctx); err != nil {
		return err
	}
	if err := p.addFinalizer(ctx); err != nil {
		return err
	}
	if err := p.checkUnchanged(ctx); err != nil {
		return err
	}
	r, request, err := p.engine.remote.create(ctx, p.stytch, p.o, p.engine.kind.Body(p.o))
	p.report.Request = request
	id := p.engine.kind.Common(r).ConnectionID
	if id == "" {
		return p.notCreated(err)
	}
	if err := p.recordID(ctx, id); err != nil {
		return err
	}
	p.addEvent("Created", fmt.Sprintf("Created %s in organization %s.", id, connection.RecordOf(p.o).Organization))
	return err
}

// readCreateInputs reads the inputs of the desired state of a connection that does not exist yet.
func (p *pass[O, R]) readCreateInputs(ctx context.Context) (connection.Inputs, error) {
	in, err := p.readInputs(ctx, "")
	if err != nil {
		return in, err
	}
	p.engine.kind.Note(p.o, connection.Event[R]{Type: connection.InputsRead, Inputs: in, Now: p.now})
	return in, nil
}

// checkUnchanged reads the manifest from the API server right before a creation: the cache may not show yet that it was deleted,
// edited, or given a connection by another process.
func (p *pass[O, R]) checkUnchanged(ctx context.Context) error {
	live := p.engine.newObject()
	if err := p.shared.live.Get(ctx, client.ObjectKeyFromObject(p.o), live); err != nil {
		return fmt.Errorf("reading the manifest before creating its connection: %w", err)
	}
	same := live.GetUID() == p.o.GetUID() && live.GetGeneration() == p.o.GetGeneration() &&
		live.GetDeletionTimestamp().IsZero() && connection.RecordOf(live).ID == ""
	if !same {
		return errAgain
	}
	return nil
}

// notCreated remembers whether a failed create request may still take effect.
func (p *pass[O, R]) notCreated(err error) error {
	failed, ok := errors.AsType[*stytch.Error](err)
	if !ok {
		return err
	}
	unknown, end := connection.NotCreated(p.o, failed, p.latestListAt().Before(p.now))
	p.shared.memory.update(p.o.GetUID(), func(m *objectMemory) {
		if unknown {
			m.createUnknownAt = p.shared.Now()
		} else {
			m.noCreateInFlight = true
		}
	})
	if errors.Is(end, connection.ErrOutdated) {
		return p.dropList()
	}
	return end
}

// planCreation reports, under Observe, what Manage would create.
func (p *pass[O, R]) planCreation(ctx context.Context) error {
	in, err := p.readCreateInputs(ctx)
	if err != nil {
		return err
	}
	plan, finding := p.engine.kind.Foresee(p.o, in)
	p.report.Plan = plan
	return finding
}
