package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
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
	// errDone ends a pass that has nothing to write.
	errDone = errors.New("done")
	// errAgain ends a pass whose ground has moved: what it read is not what is there any more.
	errAgain = errors.New("what was read has changed meanwhile")
)

// retrySoon is how soon a pass is taken once more whose ground has moved.
const retrySoon = time.Second

// conclude turns the end of a pass into status and the time of the next look. It is the one place that does.
func (p *pass[O, R]) conclude(ctx context.Context, end error) (ctrl.Result, error) {
	p.tell(ctx)
	next := p.next()
	var (
		found  connection.Finding
		notYet *stytch.NotYet
		kept   *stytch.ReadError
		failed *stytch.Error
	)
	switch {
	case ctx.Err() != nil:
		return ctrl.Result{}, nil //nolint:nilerr // the process is being stopped, and the next one goes on
	case errors.Is(end, errDone):
		return ctrl.Result{}, nil
	case errors.Is(end, errUnchecked):
		return p.later(next), nil
	case errors.Is(end, errAgain), apierrors.IsConflict(end):
		return ctrl.Result{RequeueAfter: retrySoon}, nil
	case errors.As(end, &notYet):
		return p.later(notYet.At), nil
	case errors.As(end, &kept):
		return p.concludeKept(ctx, kept)
	case errors.As(end, &failed):
		return p.concludeFailed(ctx, failed)
	case errors.As(end, &found):
		return p.concludeFound(ctx, found)
	}
	return ctrl.Result{}, fmt.Errorf("%s %s: %w", p.name, client.ObjectKeyFromObject(p.o), end)
}

func (p *pass[O, R]) concludeFound(ctx context.Context, found connection.Finding) (ctrl.Result, error) {
	if found.Request.Operation != "" {
		p.report.Request = found.Request
	}
	if found.Absent {
		p.report.Remote = &connection.Remote{Absent: true}
	}
	if err := p.write(ctx, found.Reason, found.Message); err != nil {
		return p.unwritten(err)
	}
	switch {
	case found.Soon:
		return ctrl.Result{RequeueAfter: retrySoon}, nil
	case !found.Until.IsZero():
		return p.later(found.Until), nil
	}
	return p.later(p.next()), nil
}

// concludeKept ends a pass that could not read.
func (p *pass[O, R]) concludeKept(ctx context.Context, kept *stytch.ReadError) (ctrl.Result, error) {
	p.distrust(kept.Err)
	logFailed(ctx, kept.Err)
	again, silent := connection.AfterReading(kept, connection.Met(p.o), p.slots.Start(p.now))
	if !silent {
		if err := p.writeFailed(ctx, kept.Err); err != nil {
			return p.unwritten(err)
		}
	}
	return p.tryAgain(again, kept.Err)
}

// concludeFailed ends a pass in which a call failed.
func (p *pass[O, R]) concludeFailed(ctx context.Context, failed *stytch.Error) (ctrl.Result, error) {
	p.distrust(failed)
	logFailed(ctx, failed)
	if err := p.writeFailed(ctx, failed); err != nil {
		return p.unwritten(err)
	}
	return p.tryAgain(connection.After(failed), failed)
}

// writeFailed says in status what a failed call means.
func (p *pass[O, R]) writeFailed(ctx context.Context, failed *stytch.Error) error {
	p.report.Request = failed.Request
	reason, message := connection.Failure(failed)
	return p.write(ctx, reason, message)
}

func (p *pass[O, R]) tryAgain(again connection.Again, failed *stytch.Error) (ctrl.Result, error) {
	switch {
	case again.BackOff:
		return ctrl.Result{}, failed
	case !again.At.IsZero():
		return p.later(again.At), nil
	}
	return p.later(p.next()), nil
}

// logFailed keeps in the log what status does not: each of a run of equal failures, with its own request ID.
func logFailed(ctx context.Context, failed *stytch.Error) {
	ctrl.LoggerFrom(ctx).Info("A call to Stytch failed", "operation", failed.Operation, "status", failed.StatusCode,
		"errorType", failed.ErrorType, "requestID", failed.ID)
}

// distrust has a StytchProject checked again whose credentials were rejected.
func (p *pass[O, R]) distrust(failed *stytch.Error) {
	if failed.Class != stytch.CredentialsRejected || p.session.project == nil {
		return
	}
	p.recheck.add(client.ObjectKeyFromObject(p.session.project))
	select {
	case p.doubted <- event.GenericEvent{Object: p.session.project}:
	default: // enough wait to be checked; the next slot asks again
	}
}

// unwritten ends a pass whose status could not be written: another write came first, or the manifest is gone.
func (p *pass[O, R]) unwritten(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: retrySoon}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// write judges the pass, and writes status if that changes it.
func (p *pass[O, R]) write(ctx context.Context, reason, message string) error {
	p.report.Reason, p.report.Message = reason, message
	p.report.Expiring, p.report.ExpiringMessage = p.expiring()
	status := p.o.CommonStatus()
	*status = connection.Judge(*status, p.o.GetGeneration(), p.report, p.now)
	if equality.Semantic.DeepEqual(p.was, p.o) {
		return nil
	}
	before := meta.FindStatusCondition(p.was.CommonStatus().Conditions, v1alpha1.ConditionSynced)
	expiring := meta.FindStatusCondition(p.was.CommonStatus().Conditions, v1alpha1.ConditionExpiringSoon)
	changed := copyOf(p.o)
	if err := p.client.Status().Patch(ctx, changed, client.MergeFromWithOptions(p.was, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("writing status: %w", err)
	}
	p.wrote(changed)
	stalled := meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled)
	if stalled && (before == nil || before.Reason != reason) {
		p.events.Eventf(p.o, nil, corev1.EventTypeWarning, reason, eventAction, "%s", note(message))
	}
	p.tellExpiring(expiring)
	return nil
}

// happening is something that a pass did.
type happening struct{ reason, note string }

// say notes that something happened. Several of one reason become one event: the API folds equal ones and would lose the others.
func (p *pass[O, R]) say(reason, message string) {
	for i, h := range p.happened {
		if h.reason == reason {
			p.happened[i].note = h.note + "; " + message
			return
		}
	}
	p.happened = append(p.happened, happening{reason, message})
}

// tell logs what a pass did, and emits its events.
func (p *pass[O, R]) tell(ctx context.Context) {
	for _, h := range p.happened {
		ctrl.LoggerFrom(ctx).Info(h.reason, "what", h.note, "requestID", p.report.Request.ID)
		p.events.Eventf(p.o, nil, corev1.EventTypeNormal, h.reason, eventAction, "%s", note(h.note))
	}
}

// eventAction is what the operator was doing when an event came about.
const eventAction = "Reconcile"

// maxNote is the longest note that the events API takes, in bytes.
const maxNote = 1024

func note(message string) string {
	if len(message) <= maxNote {
		return message
	}
	return strings.ToValidUTF8(message[:maxNote-len("…")], "") + "…"
}
