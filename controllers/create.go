package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
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
	p.addEvent("Created", fmt.Sprintf("Created %s in %s.", id, connection.RecordOf(p.o).Organization))
	return err
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

// latestListAt is when the newest list of the organization's connections was started, by whichever pass.
func (p *pass[O, R]) latestListAt() time.Time {
	return p.session.stytch.Looked(p.engine.kind.API, connection.RecordOf(p.o).Organization)
}

// adopt records a connection that was found as the manifest's own.
func (p *pass[O, R]) adopt(ctx context.Context, id string) error {
	if connection.Observing(p.o) {
		return nil
	}
	recorded := connection.RecordOf(p.o).ID
	if err := p.addFinalizer(ctx); err != nil || recorded == id {
		return err
	}
	if err := p.recordID(ctx, id); err != nil {
		return err
	}
	if p.o.CommonSpec().ConnectionID == id {
		p.addEvent("Adopted", fmt.Sprintf("Took over %s.", id))
	} else {
		p.addEvent("Recovered", fmt.Sprintf("Found %s, which an earlier attempt created.", id))
	}
	return nil
}

// addFinalizer writes the finalizer: from now on Stytch may have a connection of this manifest.
func (p *pass[O, R]) addFinalizer(ctx context.Context) error {
	if controllerutil.ContainsFinalizer(p.o, v1alpha1.Finalizer) {
		return nil
	}
	changed := copyOf(p.base)
	controllerutil.AddFinalizer(changed, v1alpha1.Finalizer)
	if err := p.shared.client.Patch(ctx, changed, client.MergeFromWithOptions(p.base, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("writing the finalizer: %w", err)
	}
	p.tookWrite(changed)
	if connection.RecordOf(p.o).ID == "" {
		p.shared.memory.update(p.o.GetUID(), func(m *objectMemory) { m.noCreateInFlight = true })
	}
	return nil
}

// tookWrite makes the answer to a write the base of the next patch. What this pass has learned is kept.
func (p *pass[O, R]) tookWrite(answer O) {
	p.base = answer
	p.o.SetResourceVersion(answer.GetResourceVersion())
	p.o.SetFinalizers(answer.GetFinalizers())
	p.shared.memory.update(answer.GetUID(), func(m *objectMemory) { m.lastWrite = answer.GetResourceVersion() })
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

// writeAhead writes status before a step is taken whose start could not be found out after a crash. Conditions stay as the last
// pass left them.
func (p *pass[O, R]) writeAhead(ctx context.Context) error {
	if err := p.patchStatus(ctx); err != nil {
		return fmt.Errorf("writing down what the next step needs: %w", err)
	}
	return nil
}

// patchStatus writes the status that this pass has come to, unless somebody else wrote the manifest meanwhile.
func (p *pass[O, R]) patchStatus(ctx context.Context) error {
	changed := copyOf(p.o)
	if err := p.shared.client.Status().Patch(ctx, changed, client.MergeFromWithOptions(p.base, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	p.tookWrite(changed)
	return nil
}

// refusedWrite says what a failed write of a Secret or ConfigMap means. If admission, quota or rights refuse it, that is a finding;
// a conflict stays one, so that the pass is repeated. Only shown, which is err or what may be said of it, gets into the message and
// the returned error.
func refusedWrite(err, shown error, doing, message string) error {
	switch {
	case err == nil, apierrors.IsConflict(err):
		return err
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
		return connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(message, shown)}
	}
	return fmt.Errorf("%s: %w", doing, shown)
}

// recordID writes the ID of the manifest's connection, and what it belongs to, into status: in a write of its own, before anything else can
// fail, even while the process is being stopped, and only if status has no ID.
func (p *pass[O, R]) recordID(ctx context.Context, id string) error {
	ctx, cancel := outlive(ctx, recordTime)
	defer cancel()
	record := p.engine.kind.ReadRecord(p.o)
	record.ID = id
	patch, err := json.Marshal(record.Patch(p.o.GetUID()))
	if err != nil {
		return fmt.Errorf("encoding the record of %s: %w", id, err)
	}
	changed := copyOf(p.base)
	if err := p.shared.client.Status().Patch(ctx, changed, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("recording %s: %w", id, err)
	}
	p.tookWrite(changed)
	p.engine.kind.WriteRecord(p.o, record)
	return nil
}
