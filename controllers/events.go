package controllers

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// eventSource is the reporting controller of every event, and the manager of every field that the operator writes.
const eventSource = "stytch-operator"

// eventAction is the action of every event.
const eventAction = "Reconcile"

// passEvent is what a pass did or found, as an event says it.
type passEvent struct {
	kind, reason, message string
	audited               bool // the audit log has it
}

// addEvent notes an event to emit when the pass ends. Several of one reason become one event: the events API merges events of one
// reason about one object and would lose all messages but the first. A pass that creates a connection has one event, with all that it did.
// What the audit log has is not logged again.
func (p *pass[O, R]) addEvent(reason, message string, audited bool) {
	for i, e := range p.events {
		if e.reason == reason || e.reason == "Created" {
			p.events[i].message = e.message + "; " + message
			return
		}
	}
	p.events = append(p.events, passEvent{corev1.EventTypeNormal, reason, message, audited})
}

// addWarning notes an event about what the pass found.
func (p *pass[O, R]) addWarning(reason, message string) {
	p.events = append(p.events, passEvent{kind: corev1.EventTypeWarning, reason: reason, message: message})
}

// emitEvents emits the events of the pass, and logs them.
func (p *pass[O, R]) emitEvents(ctx context.Context) {
	for _, e := range p.events {
		if !e.audited {
			ctrl.LoggerFrom(ctx).Info(e.reason, "note", e.message)
		}
		p.shared.recorder.Eventf(p.o, nil, e.kind, e.reason, eventAction, "%s", truncateNote(e.message))
	}
}

// emitExpiring emits an event when ExpiringSoon is set that was not, or its message has changed.
func (p *pass[O, R]) emitExpiring(before *metav1.Condition) {
	now := meta.FindStatusCondition(p.o.CommonStatus().Conditions, v1alpha1.ConditionExpiringSoon)
	if now != nil && (before == nil || before.Message != now.Message) {
		p.shared.recorder.Eventf(p.o, nil, corev1.EventTypeWarning, now.Type, eventAction, "%s", truncateNote(now.Message))
	}
}

// maxNoteBytes is the longest note that the events API takes, in bytes.
const maxNoteBytes = 1024

// truncateNote cuts a message to what the events API takes.
func truncateNote(message string) string {
	if len(message) <= maxNoteBytes {
		return message
	}
	return strings.ToValidUTF8(message[:maxNoteBytes-len("…")], "") + "…"
}
