package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// remove handles a deleted manifest. Under Retain only the finalizer is removed, and so where the project grants no more. Under Delete the
// connection is deleted first, if the manifest holds it.
func (p *pass[O, R]) remove(ctx context.Context) error {
	if !controllerutil.ContainsFinalizer(p.o, v1alpha1.Finalizer) {
		return errDone
	}
	heir, err := p.heir(ctx)
	switch {
	case err != nil:
		return err
	case heir != "":
		return p.release(ctx, "HandedOver", fmt.Sprintf("%s stays in Stytch. It now belongs to %s.", connection.RecordOf(p.o).ID, heir))
	case connection.Retains(p.o):
		return p.release(ctx, "Retained", connection.Retained(p.o))
	}
	kept, err := p.keptByGrants(ctx)
	if err != nil {
		return err
	}
	if kept != "" {
		return p.release(ctx, "Retained", connection.Retained(p.o)+" "+kept)
	}
	p.report.Leaving = true
	err = p.claimsErrOr(p.deleteConnection(ctx))
	if errors.Is(err, connection.ErrNothing) {
		return p.release(ctx, "NothingToDelete", "No connection in Stytch belongs to this manifest. Nothing was deleted.")
	}
	if err != nil {
		return connection.Blocked(err, func() bool { return p.shared.terminating(ctx, p.o.GetNamespace()) })
	}
	return p.release(ctx, "Deleted", fmt.Sprintf("Deleted %s in Stytch.", connection.RecordOf(p.o).ID))
}

// heir returns which manifest takes over the connection of this one; "" if none does. Under Delete, a manifest that may turn out to be
// one is waited for.
func (p *pass[O, R]) heir(ctx context.Context) (string, error) {
	others, err := p.engine.listManifests(ctx, client.UnsafeDisableDeepCopy)
	if err != nil {
		return "", fmt.Errorf("finding the manifest that takes over the connection: %w", err)
	}
	for _, o := range others {
		if connection.Inherits(o, p.o) && p.engine.granted(ctx, o) {
			return connection.Claim{Namespace: o.GetNamespace(), Name: o.GetName()}.Describe(p.o.GetNamespace()), nil
		}
	}
	if !connection.Retains(p.o) && slices.ContainsFunc(others, func(o O) bool { return connection.MayInherit(o, p.o, p.now) && p.engine.granted(ctx, o) }) {
		return "", errAgain
	}
	return "", nil
}

// deleteConnection deletes the manifest's connection; connection.ErrNothing says that it has none.
func (p *pass[O, R]) deleteConnection(ctx context.Context) error {
	if connection.NeverHeld(p.o) {
		return connection.ErrNothing
	}
	if err := p.openProject(ctx); err != nil {
		return orIfGone(err, connection.ErrNothing)
	}
	if connection.RecordOf(p.o).ID == "" {
		if err := p.recordStray(ctx); err != nil {
			return orIfGone(err, connection.ErrNothing)
		}
	}
	if p.holder(ctx)(connection.RecordOf(p.o).ID) != "" {
		return connection.ErrNothing
	}
	if err := p.confirm(ctx); err != nil {
		return err
	}
	return orIfGone(p.removeRemote(ctx), nil)
}

// removeRemote deletes the connection in Stytch. If it is the organization's default, the next one of the organization to go wakes the
// manifest.
func (p *pass[O, R]) removeRemote(ctx context.Context) error {
	organization, key := connection.RecordOf(p.o).Organization, objectKey{p.engine.kindName, client.ObjectKeyFromObject(p.o)}
	p.shared.siblings.add(organization, key)
	request, err := p.engine.remote.remove(ctx, p.stytch, p.o, p.since)
	p.audit(ctx, change{id: connection.RecordOf(p.o).ID}, request, err)
	if !connection.IsDefault(err) {
		p.shared.siblings.drop(organization, key)
	}
	if request.Operation != "" {
		p.report.Request = request
	}
	return err
}

// orIfGone returns end in place of an error that says that the organization does not exist any more.
func orIfGone(err, end error) error {
	if connection.Gone(err) {
		return end
	}
	return err
}

// recordStray finds and records the connection of a create request whose response was lost.
func (p *pass[O, R]) recordStray(ctx context.Context) error {
	if err := p.readFirst(ctx); err != nil {
		return err
	}
	identity, err := p.identify(ctx)
	if err := identity.Stray(err); err != nil {
		return err
	}
	return p.recordID(ctx, identity.ID)
}

// release removes the finalizer: the manifest has nothing in Stytch any more. The event says why.
func (p *pass[O, R]) release(ctx context.Context, reason, message string) error {
	changed := copyOf(p.base)
	controllerutil.RemoveFinalizer(changed, v1alpha1.Finalizer)
	patch := client.MergeFromWithOptions(p.base, client.MergeFromWithOptimisticLock{})
	if err := p.shared.client.Patch(ctx, changed, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("removing the finalizer: %w", err)
	}
	p.shared.siblings.drop(connection.RecordOf(p.o).Organization, objectKey{p.engine.kindName, client.ObjectKeyFromObject(p.o)})
	p.addEvent(reason, message, reason == "Deleted")
	p.shared.memory.update(p.o.GetUID(), func(m *objectMemory) { m.lastWrite, m.released = p.base.GetResourceVersion(), true })
	return errDone
}
