package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// writeAhead writes status before a step is taken whose start could not be found out after a crash. Conditions stay as the last
// pass left them.
func (p *pass[O, R]) writeAhead(ctx context.Context) error {
	if err := p.patchStatus(ctx); err != nil {
		return fmt.Errorf("writing status before the next step: %w", err)
	}
	return nil
}

// writeStatus computes the conditions from the pass, and writes status if it has changed.
func (p *pass[O, R]) writeStatus(ctx context.Context, reason, message string) error {
	p.report.Reason, p.report.Message, p.report.Slot = reason, message, p.slots.Start(p.now)
	p.report.Expiring, p.report.ExpiringMessage = p.expiring()
	p.report.Note = connection.Mentioned(p.o, p.access, connection.MeantOrganization(p.o), reason)
	p.report.Waits, p.report.Patience = p.engine.kind.Waits(p.o, reason), p.shared.InputPatience
	status := p.o.CommonStatus()
	*status = connection.Judge(*status, p.o.GetGeneration(), p.report, p.now)
	if cut := fit(p.o); len(cut) > 0 {
		p.report.Note = strings.TrimSpace(p.report.Note + " " + connection.CutNote(cut))
		*status = connection.Judge(*status, p.o.GetGeneration(), p.report, p.now)
	}
	if p.keepsRecord() {
		if err := p.keepRecord(ctx); err != nil {
			return err
		}
	}
	if !p.statusChanged() {
		return nil
	}
	before := meta.FindStatusCondition(p.base.CommonStatus().Conditions, v1alpha1.ConditionStalled)
	expiring := meta.FindStatusCondition(p.base.CommonStatus().Conditions, v1alpha1.ConditionExpiringSoon)
	if err := p.patchStatus(ctx); err != nil {
		return fmt.Errorf("writing status: %w", err)
	}
	stalled := meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled)
	if stalled && (before == nil || before.Reason != reason) {
		p.shared.recorder.Eventf(p.o, nil, corev1.EventTypeWarning, reason, eventAction, "%s", truncateNote(message))
	}
	p.emitExpiring(expiring)
	return nil
}

// patchStatus writes the status that this pass has come to, unless somebody else wrote the manifest meanwhile.
func (p *pass[O, R]) patchStatus(ctx context.Context) error {
	changed, warnings := p.withStatus(), p.engine.kind.Warn(p.base, p.o)
	patch := client.MergeFromWithOptions(p.base, client.MergeFromWithOptimisticLock{})
	if err := p.shared.client.Status().Patch(ctx, changed, patch); err != nil {
		return err
	}
	p.tookWrite(changed)
	for _, w := range warnings {
		p.shared.recorder.Eventf(p.o, nil, corev1.EventTypeWarning, w.Reason, eventAction, "%s", truncateNote(w.Message))
	}
	return nil
}

// withStatus is the manifest as the API server has it, with the status that this pass has come to.
func (p *pass[O, R]) withStatus() O {
	changed := copyOf(p.o)
	changed.SetAnnotations(p.base.GetAnnotations())
	changed.SetManagedFields(p.base.GetManagedFields())
	fit(changed)
	return changed
}

func (p *pass[O, R]) statusChanged() bool {
	return !equality.Semantic.DeepEqual(p.base, p.withStatus())
}

// tookWrite makes the answer to a write the base of the next patch. What this pass has learned is kept.
func (p *pass[O, R]) tookWrite(answer O) {
	p.base = answer
	p.o.SetResourceVersion(answer.GetResourceVersion())
	p.o.SetFinalizers(answer.GetFinalizers())
	p.shared.memory.update(answer.GetUID(), func(m *objectMemory) { m.lastWrite = answer.GetResourceVersion() })
}

// refusedWrite says what a failed write of a Secret or ConfigMap means. If admission, quota or rights refuse it, that is a
// finding, which says what failed and what to do; a conflict stays one, so that the pass is repeated. Only shown, which is err or
// what may be said of it, gets into the message and the returned error.
func refusedWrite(err, shown error, what, remedy string) error {
	switch {
	case err == nil, apierrors.IsConflict(err):
		return err
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
		return connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf("%s (%v). %s", what, shown, remedy)}
	}
	return fmt.Errorf("%s: %w", what, shown)
}

// withoutValues reduces an error of the API server to its reason, since the message may quote the data that was sent.
func withoutValues(err error) error {
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		return fmt.Errorf("the API server returned %s", reason)
	}
	return err
}

// copyOf is a deep copy of a manifest.
func copyOf[O client.Object](o O) O {
	return o.DeepCopyObject().(O) //nolint:forcetypeassert // a copy has its original's type
}

// Time limits, while the process is being stopped, of a call that must not be repeated and of the writes that store its result.
// Their sum is below the graceful shutdown timeout of the manager.
const (
	creationTime = 12 * time.Second
	recordTime   = 10 * time.Second
)

// outlive returns a context that the shutdown of the process does not cancel.
func outlive(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}
