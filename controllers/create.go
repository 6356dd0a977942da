package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// create makes the connection of a manifest that has none, and records its ID before anything else is done with it.
func (p *pass[O, R]) create(ctx context.Context) error {
	in, err := p.inputsAnew(ctx)
	if err != nil {
		return err
	}
	if hindrance, may := p.kind.MayCreate(p.o, in); !may {
		return hindrance
	}
	if err := p.to.Reserve(ctx); err != nil {
		return err
	}
	if err := p.finalize(ctx); err != nil {
		return err
	}
	if err := p.unchanged(ctx); err != nil {
		return err
	}
	r, request, err := p.remote.create(ctx, p.to, p.o, p.kind.Body(p.o))
	p.report.Request = request
	id := p.kind.Common(r).ConnectionID
	if id == "" {
		return p.notCreated(err)
	}
	if err := p.record(ctx, id); err != nil {
		return err
	}
	p.say("Created", fmt.Sprintf("Created %s in %s.", id, connection.RecordOf(p.o).Organization))
	return err
}

// notCreated remembers whether a creation that failed may still have happened.
func (p *pass[O, R]) notCreated(err error) error {
	failed, answered := errors.AsType[*stytch.Error](err)
	if !answered {
		return err
	}
	unknown, end := connection.NotCreated(p.o, failed, p.listed().Before(p.now))
	p.recall.note(p.o.GetUID(), func(r *recollection) {
		if unknown {
			r.lost = p.Now()
		} else {
			r.certain = true
		}
	})
	if errors.Is(end, connection.ErrOutdated) {
		return p.outdated()
	}
	return end
}

// listed is when the newest list of the organization's connections was begun.
func (p *pass[O, R]) listed() time.Time {
	return p.session.ListedAt(p.kind.API, connection.RecordOf(p.o).Organization)
}

// hold makes a connection that was found the manifest's own.
func (p *pass[O, R]) hold(ctx context.Context, id string) error {
	if connection.Observing(p.o) {
		return nil
	}
	recorded := connection.RecordOf(p.o).ID
	if err := p.finalize(ctx); err != nil || recorded == id {
		return err
	}
	if err := p.record(ctx, id); err != nil {
		return err
	}
	if p.o.CommonSpec().ConnectionID == id {
		p.say("TakenOver", fmt.Sprintf("Took over %s.", id))
	} else {
		p.say("Found", fmt.Sprintf("Found %s, which an earlier attempt created.", id))
	}
	return nil
}

// finalize writes the finalizer: from now on there may be something at Stytch that is the manifest's.
func (p *pass[O, R]) finalize(ctx context.Context) error {
	if controllerutil.ContainsFinalizer(p.o, v1alpha1.Finalizer) {
		return nil
	}
	changed := copyOf(p.was)
	controllerutil.AddFinalizer(changed, v1alpha1.Finalizer)
	if err := p.client.Patch(ctx, changed, client.MergeFromWithOptions(p.was, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("writing the finalizer: %w", err)
	}
	p.wrote(changed)
	if connection.RecordOf(p.o).ID == "" {
		p.recall.note(p.o.GetUID(), func(r *recollection) { r.certain = true })
	}
	return nil
}

// wrote takes in the version of the manifest that the API server answered a write with. What this pass learned stays.
func (p *pass[O, R]) wrote(answer O) {
	p.was = answer
	p.o.SetResourceVersion(answer.GetResourceVersion())
	p.o.SetFinalizers(answer.GetFinalizers())
	p.recall.note(answer.GetUID(), func(r *recollection) { r.written = answer.GetResourceVersion() })
}

// unchanged reads the manifest from the API server, right before a creation: the cache may not know yet that it was deleted,
// edited, or given a connection by another process.
func (p *pass[O, R]) unchanged(ctx context.Context) error {
	live := p.blank()
	if err := p.live.Get(ctx, client.ObjectKeyFromObject(p.o), live); err != nil {
		return fmt.Errorf("reading the manifest before creating its connection: %w", err)
	}
	same := live.GetUID() == p.o.GetUID() && live.GetGeneration() == p.o.GetGeneration() &&
		live.GetDeletionTimestamp().IsZero() && connection.RecordOf(live).ID == ""
	if !same {
		return errAgain
	}
	return nil
}

// writeDown writes into status what has to be known before a step is taken. Conditions stay as the last pass left them.
func (p *pass[O, R]) writeDown(ctx context.Context) error {
	changed := copyOf(p.o)
	if err := p.client.Status().Patch(ctx, changed, client.MergeFromWithOptions(p.was, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("writing down what the next step needs: %w", err)
	}
	p.wrote(changed)
	return nil
}

// record writes the ID of the manifest's connection, and what it belongs to, into status: by itself, before anything else can
// fail, although the process is being stopped, and only where no ID stands.
func (p *pass[O, R]) record(ctx context.Context, id string) error {
	ctx, cancel := outlive(ctx, recordTime)
	defer cancel()
	record := p.kind.ReadRecord(p.o)
	record.ID = id
	patch, err := json.Marshal(record.Patch(p.o.GetUID()))
	if err != nil {
		return fmt.Errorf("encoding the record of %s: %w", id, err)
	}
	changed := copyOf(p.was)
	if err := p.client.Status().Patch(ctx, changed, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("recording %s: %w", id, err)
	}
	p.wrote(changed)
	p.kind.WriteRecord(p.o, record)
	return nil
}
