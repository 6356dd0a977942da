package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

var (
	// errDone ends a pass that writes no status.
	errDone = errors.New("done")
	// errRested ends a pass of a manifest that may have no connection, as its status says, before its first list in this process.
	errRested = errors.New("nothing asks for a list")
	// errAgain ends a pass whose reads are outdated. It is repeated soon.
	errAgain = errors.New("an object that was read has changed")
)

// retrySoon is the time after which such a pass is repeated.
const retrySoon = time.Second

// conclude turns the result of a pass into status and the time of the next pass. It is the only place that does.
func (p *pass[O, R]) conclude(ctx context.Context, end error) (ctrl.Result, error) {
	p.emitEvents(ctx)
	notYet, waits := errors.AsType[*stytch.NotYet](end)
	p.shared.memory.update(p.o.GetUID(), func(m *objectMemory) {
		m.waits, m.unchecked = waits && !p.stytch.ListedAt().IsZero(), errors.Is(end, errProjectUnchecked)
	})
	switch {
	case ctx.Err() != nil:
		return ctrl.Result{}, nil //nolint:nilerr // the process is being stopped; the next one continues
	case errors.Is(end, errDone):
		return ctrl.Result{}, nil
	case errors.Is(end, errRested):
		return p.noteExpiry(ctx)
	case errors.Is(end, errProjectUnchecked):
		return p.requeueAt(p.nextPass()), nil
	case errors.Is(end, errAgain), apierrors.IsConflict(end):
		return ctrl.Result{RequeueAfter: retrySoon}, nil
	}
	if waits {
		return p.concludeNotYet(ctx, notYet)
	}
	if _, ended := errors.AsType[*stytch.NotGranted](end); ended { // during the pass; the next one says so
		return ctrl.Result{RequeueAfter: retrySoon}, nil
	}
	if unread, ok := errors.AsType[*stytch.ReadError](end); ok {
		return p.concludeReadError(ctx, unread)
	}
	if failed, ok := errors.AsType[*stytch.Error](end); ok {
		return p.concludeFailed(ctx, failed)
	}
	if finding, ok := errors.AsType[connection.Finding](end); ok {
		return p.concludeFinding(ctx, finding)
	}
	return ctrl.Result{}, fmt.Errorf("%s %s: %w", p.engine.kindName, client.ObjectKeyFromObject(p.o), end)
}

// concludeFinding ends a pass with what it found, which includes that the connection is in sync.
func (p *pass[O, R]) concludeFinding(ctx context.Context, finding connection.Finding) (ctrl.Result, error) {
	if finding.Request.Operation != "" {
		p.report.Request = finding.Request
	}
	p.report.Contested = finding.Contested
	if finding.Absent {
		p.report.Remote = &connection.Remote{Absent: true}
	}
	if err := p.writeStatus(ctx, finding.Reason, finding.Message); err != nil {
		return p.concludeUnwritten(err)
	}
	switch {
	case finding.Soon:
		return ctrl.Result{RequeueAfter: retrySoon}, nil
	case !finding.Until.IsZero():
		return p.requeueAt(finding.Until), nil
	}
	return p.requeueAt(p.nextPass()), nil
}

// concludeNotYet ends a pass in which a call had to wait. Status gets the connection that the pass recorded.
func (p *pass[O, R]) concludeNotYet(ctx context.Context, notYet *stytch.NotYet) (ctrl.Result, error) {
	if connection.StatusID(p.base) == "" && connection.StatusID(p.o) != "" {
		if err := p.patchStatus(ctx); err != nil {
			return p.concludeUnwritten(err)
		}
	}
	return p.requeueAt(notYet.At), nil
}

// concludeReadError ends a pass in which Stytch could not be read, in its own call or in that of another pass shortly before.
func (p *pass[O, R]) concludeReadError(ctx context.Context, unread *stytch.ReadError) (ctrl.Result, error) {
	p.recheckProject(unread.Err)
	p.logFailed(ctx, unread.Err)
	again, silent := connection.AfterReading(unread, connection.Met(p.o), p.slots.Start(p.now))
	if !silent {
		if err := p.writeFailed(ctx, unread.Err); err != nil {
			return p.concludeUnwritten(err)
		}
	}
	return p.tryAgain(again, unread.Err)
}

// concludeFailed ends a pass in which a call to Stytch failed.
func (p *pass[O, R]) concludeFailed(ctx context.Context, failed *stytch.Error) (ctrl.Result, error) {
	p.recheckProject(failed)
	p.logFailed(ctx, failed)
	if err := p.writeFailed(ctx, failed); err != nil {
		return p.concludeUnwritten(err)
	}
	return p.tryAgain(connection.After(failed), failed)
}

// writeFailed writes into status what a failed call means.
func (p *pass[O, R]) writeFailed(ctx context.Context, failed *stytch.Error) error {
	p.report.Request = failed.Request
	reason, message := connection.Failure(failed)
	return p.writeStatus(ctx, reason, message)
}

// tryAgain has the next pass taken when a failed call may be made again.
func (p *pass[O, R]) tryAgain(again connection.Again, failed *stytch.Error) (ctrl.Result, error) {
	switch {
	case again.BackOff:
		return ctrl.Result{}, failed
	case !again.At.IsZero():
		return p.requeueAt(again.At), nil
	}
	return p.requeueAt(p.nextPass()), nil
}

// recheckProject asks for a new check of the StytchProject if its credentials were rejected.
func (p *pass[O, R]) recheckProject(failed *stytch.Error) {
	if failed.Class != stytch.CredentialsRejected || p.session.project == nil {
		return
	}
	p.shared.recheck.add(client.ObjectKeyFromObject(p.session.project))
	events := p.shared.projectEvents
	if isCluster(p.session.project.GetNamespace()) {
		events = p.shared.clusterProjectEvents
	}
	select {
	case events <- event.GenericEvent{Object: p.session.project}:
	default: // the queue is full; the next resync asks again
	}
}

// concludeUnwritten ends a pass that could not write status. After a conflict it is repeated; if the manifest is gone, it is
// over.
func (p *pass[O, R]) concludeUnwritten(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: retrySoon}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// rest ends a pass of a settled manifest: its record is written where it is missing, and ExpiringSoon may change.
func (p *pass[O, R]) rest(ctx context.Context) (ctrl.Result, error) {
	at, err := p.heal(ctx)
	if err != nil {
		return p.concludeUnwritten(err)
	}
	result, err := p.noteExpiry(ctx)
	if !at.IsZero() && err == nil {
		return p.requeueAt(at), nil
	}
	return result, err
}

// noteExpiry writes what expires soon.
func (p *pass[O, R]) noteExpiry(ctx context.Context) (ctrl.Result, error) {
	reason, message := p.expiring()
	status := p.o.CommonStatus()
	before := meta.FindStatusCondition(p.base.CommonStatus().Conditions, v1alpha1.ConditionExpiringSoon)
	*status = connection.Warn(*status, p.o.GetGeneration(), reason, message, p.now)
	if p.statusChanged() {
		if err := p.patchStatus(ctx); err != nil {
			return p.concludeUnwritten(err)
		}
		p.emitExpiring(before)
	}
	return p.requeueAt(p.nextPass()), nil
}

// expiring returns the reason and message of ExpiringSoon; empty if nothing in status expires soon.
func (p *pass[O, R]) expiring() (reason, message string) {
	return connection.Expiring(p.engine.kind.Ends(p.o), p.shared.ExpiryWarning, p.now)
}

// nextPass is the time of the next pass: at the next resync, when an expiry warning is due, when a step is due, or when the patience
// with a missing input ends.
func (p *pass[O, R]) nextPass() time.Time {
	next := p.engine.kind.Next(p.o, p.slots, p.shared.ExpiryWarning, p.now)
	if end := connection.PatienceEnds(p.o.CommonStatus().WaitingSince, p.shared.InputPatience); end.After(p.now) && end.Before(next) {
		return end
	}
	return next
}

// requeueAt has the next pass taken at a time.
func (p *pass[O, R]) requeueAt(at time.Time) ctrl.Result {
	return ctrl.Result{RequeueAfter: max(at.Sub(p.now), time.Millisecond)}
}
