package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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
	if err := p.verifySource(ctx); err != nil {
		return err
	}
	if err := p.askedAnew(ctx); err != nil {
		return err
	}
	if err := p.stytch.Reserve(ctx); err != nil {
		return err
	}
	if err := p.begin(ctx); err != nil {
		return err
	}
	if err := p.confirm(ctx); err != nil {
		return err
	}
	body := p.engine.kind.Body(p.o)
	r, done, err := p.engine.remote.create(ctx, p.stytch, p.o, body)
	p.report.Request = done.Request
	id := p.engine.kind.Common(r).ConnectionID
	p.audit(ctx, change{id: id, fields: slices.Sorted(maps.Keys(body)), note: done.note}, done.Request, err)
	if id == "" {
		return p.notCreated(err)
	}
	if err := p.recordID(ctx, id); err != nil {
		return err
	}
	p.addEvent("Created", fmt.Sprintf("Created %s in organization %s", id, connection.RecordOf(p.o).Organization), true)
	if done.note != "" {
		p.addEvent("Created", done.note, true)
	}
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

// confirm reads the manifest from the API server right before a call that nobody can take back: a creation, a deletion, the end of
// a rotation. The cache may not show yet that the manifest was deleted, edited or annotated, or given a connection by another
// process. The call is sent only soon after, so an edit wins that is older than this.
func (p *pass[O, R]) confirm(ctx context.Context) error {
	begun := p.shared.Now()
	live := p.engine.newObject()
	err := p.shared.live.Get(ctx, client.ObjectKeyFromObject(p.o), live)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading the manifest again before a call that cannot be undone: %w", err)
	}
	same := err == nil && live.GetUID() == p.o.GetUID() && live.GetGeneration() == p.o.GetGeneration() &&
		live.GetDeletionTimestamp().IsZero() == p.o.GetDeletionTimestamp().IsZero() &&
		connection.RecordOf(live).ID == connection.RecordOf(p.o).ID &&
		slices.Equal(connection.AnnotationsOf(live), connection.AnnotationsOf(p.o))
	if !same {
		return errAgain
	}
	p.stytch.Confirm(begun)
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
	foreseen := p.engine.kind.Foresee(p.o, in)
	p.report.Plan = foreseen.Plan
	return foreseen.Finding(p.knownRoles(ctx, foreseen.Roles))
}
