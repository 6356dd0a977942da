package controllers

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// remove ends what a deleted manifest stood for. Retain needs nothing and nobody. Delete acts only on what the manifest holds,
// and says what it waits for.
func (p *pass[O, R]) remove(ctx context.Context) error {
	if !controllerutil.ContainsFinalizer(p.o, v1alpha1.Finalizer) {
		return errDone
	}
	if p.retains() {
		return p.release(ctx, "Retained", p.farewell())
	}
	err := p.destroy(ctx)
	if errors.Is(err, errNothing) {
		return p.release(ctx, "Nothing", "Nothing at Stytch was this manifest's.")
	}
	if err != nil {
		return blocked(err)
	}
	return p.release(ctx, "Deleted", fmt.Sprintf("Deleted %s.", p.o.CommonStatus().ConnectionID))
}

func (p *pass[O, R]) retains() bool {
	spec := p.o.CommonSpec()
	return spec.DeletionPolicy != v1alpha1.DeletionDelete ||
		spec.Management == v1alpha1.ManagementObserve || spec.Management == v1alpha1.ManagementPaused
}

// farewell says what stays at Stytch.
func (p *pass[O, R]) farewell() string {
	if id := p.o.CommonStatus().ConnectionID; id != "" {
		return fmt.Sprintf("%s stays at Stytch as it is.", id)
	}
	return fmt.Sprintf("No connection was recorded. Should a creation have been under way, it bears the name %q.",
		connection.ProvisionalName(connection.RealName(p.o), p.o.GetUID()))
}

// errNothing says that nothing at Stytch is the manifest's.
var errNothing = errors.New("nothing at Stytch is the manifest's")

// destroy deletes the manifest's connection at Stytch.
func (p *pass[O, R]) destroy(ctx context.Context) error {
	if p.o.CommonStatus().ConnectionID == "" && p.o.CommonSpec().ConnectionID != "" {
		return errNothing // named, and never taken over
	}
	if err := p.enter(ctx); err != nil {
		return gone(err, errNothing)
	}
	if p.o.CommonStatus().ConnectionID == "" {
		if err := p.claimStray(ctx); err != nil {
			return gone(err, errNothing)
		}
	}
	if p.holder(ctx)(p.o.CommonStatus().ConnectionID) != "" {
		return errNothing
	}
	request, err := p.remote.remove(ctx, p.to, p.o)
	if request.Operation != "" {
		p.report.Request = request
	}
	return gone(err, nil)
}

// gone turns an organization that is not there any more into an end.
func gone(err, end error) error {
	var failed *stytch.Error
	if errors.As(err, &failed) && failed.Class == stytch.OrganizationNotFound {
		return end
	}
	return err
}

// claimStray finds and records the connection that a creation left whose answer was lost.
func (p *pass[O, R]) claimStray(ctx context.Context) error {
	identity, err := p.identify(ctx)
	var rival finding
	if errors.As(err, &rival) && rival.reason == v1alpha1.ReasonConflict {
		return errNothing
	}
	if err != nil {
		return err
	}
	if identity.Verdict == connection.None {
		return errNothing
	}
	return p.record(ctx, identity.ID)
}

// blocked says why a deletion cannot go on, and what lifts that. What passes by itself stays as it is.
func blocked(err error) error {
	const way = "Set deletionPolicy: Retain to let the manifest go and leave the connection as it is."
	var failed *stytch.Error
	var found finding
	switch {
	case errors.As(err, &failed) && failed.ErrorType == "cannot_delete_default_sso_connection":
		return finding{reason: v1alpha1.ReasonDeletionBlocked, request: failed.Request, message: join(
			"Stytch does not delete an organization's default connection while it has others: make another one the default, or delete the others first.", way)}
	case errors.As(err, &failed) && failed.Class != stytch.Unavailable && failed.Class != stytch.Throttled:
		_, message := connection.Failure(failed)
		return finding{reason: v1alpha1.ReasonDeletionBlocked, request: failed.Request, message: join(message, way)}
	case errors.As(err, &found) && found.message != "" && found.reason != v1alpha1.ReasonCreationInDoubt:
		return finding{reason: v1alpha1.ReasonDeletionBlocked, message: join(found.message, way)}
	}
	return err
}

// release drops the finalizer: nothing at Stytch is the manifest's any more.
func (p *pass[O, R]) release(ctx context.Context, reason, note string) error {
	changed := copyOf(p.was)
	controllerutil.RemoveFinalizer(changed, v1alpha1.Finalizer)
	patch := client.MergeFromWithOptions(p.was, client.MergeFromWithOptimisticLock{})
	if err := p.client.Patch(ctx, changed, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("dropping the finalizer: %w", err)
	}
	p.say(reason, note)
	p.recall.note(p.o.GetUID(), func(r *recollection) { r.written, r.released = p.was.GetResourceVersion(), true })
	return errDone
}
