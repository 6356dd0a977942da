package connection

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Observing says that nothing may be sent for a manifest.
func Observing(o v1alpha1.Connection) bool {
	return o.CommonSpec().Management == v1alpha1.ManagementObserve
}

// Met says that the last pass found the desired state of this generation fully met.
func Met(o v1alpha1.Connection) bool {
	status := o.CommonStatus()
	synced := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSynced)
	return synced != nil && Applied(synced.Reason) &&
		status.AppliedGeneration == o.GetGeneration() && status.ObservedGeneration == o.GetGeneration()
}

// Settled says that nothing has happened since the last pass found the manifest's desired state met: nobody asked for a resync, no
// slot and no moment of the clock has come since Stytch was read, and its inputs are as they were, which is asked last.
func (k Kind[O, R]) Settled(o O, slots Slots, listedAt, now time.Time, sameInputs func() bool) bool {
	due := k.DueAt(o)
	return Met(o) && (ResyncRequested(o) == "" || o.CommonSpec().Management == v1alpha1.ManagementPaused) &&
		!slots.Due(listedAt, now) && (due.IsZero() || due.After(now)) && sameInputs()
}

// Urgent says that somebody waits for the pass: the manifest is being deleted, a resync was asked for, or a connection that is there
// was edited, or its inputs changed. Where the last pass found that the manifest may have no connection, only an edit counts.
func Urgent(o v1alpha1.Connection, sameInputs func() bool) bool {
	switch {
	case !o.GetDeletionTimestamp().IsZero() || ResyncRequested(o) != "":
		return true
	case refused(o):
		return o.CommonStatus().ObservedGeneration != o.GetGeneration()
	}
	return RecordOf(o).ID != "" && (!Met(o) || !sameInputs())
}

// Next is when the next pass is due: at the next slot, when something is about to end, or when the clock asks for a step.
func (k Kind[O, R]) Next(o O, slots Slots, warning time.Duration, now time.Time) time.Time {
	next := slots.Next(now)
	for _, moment := range []time.Time{NextMoment(k.Ends(o), warning, now), k.DueAt(o)} {
		if moment.After(now) && moment.Before(next) {
			next = moment
		}
	}
	return next
}

// Repairs says that a step of a pass repairs drift: the manifest's generation was applied before, and what it names has not changed since.
func Repairs(o v1alpha1.Connection, step Step, sameInputs func() bool) bool {
	return step.Action.Event == Update.Event && o.CommonStatus().AppliedGeneration == o.GetGeneration() && sameInputs()
}

// overdueAfter is how many intervals after a list the next drift check is overdue. Slots are one interval apart.
const overdueAfter = 2

// OverdueSince is when the drift check of a manifest became overdue whose connection was last listed at a time; zero if it is not, or if
// nothing is checked.
func OverdueSince(o v1alpha1.Connection, interval time.Duration, listedAt, now time.Time) time.Time {
	checked := RecordOf(o).ID != "" && o.GetDeletionTimestamp().IsZero() && o.CommonSpec().Management != v1alpha1.ManagementPaused
	since := listedAt.Add(overdueAfter * interval)
	if !checked || listedAt.IsZero() || since.After(now) {
		return time.Time{}
	}
	return since
}
