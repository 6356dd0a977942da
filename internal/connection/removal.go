package connection

import (
	"errors"
	"fmt"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Retains says that a manifest's connection stays at Stytch when the manifest goes.
func Retains(o v1alpha1.Connection) bool {
	spec := o.CommonSpec()
	return spec.DeletionPolicy != v1alpha1.DeletionDelete || Observing(o) || spec.Management == v1alpha1.ManagementPaused
}

// Retained says what stays at Stytch.
func Retained(o v1alpha1.Connection) string {
	if id := RecordOf(o).ID; id != "" {
		return fmt.Sprintf("%s stays in Stytch unchanged.", id)
	}
	return fmt.Sprintf("No connection was recorded. If a create request was in progress, its connection is named %q.",
		ProvisionalName(RealName(o), MarkOf(o)))
}

// ErrNothing says that nothing at Stytch is a manifest's.
var ErrNothing = errors.New("no connection in Stytch belongs to the manifest")

// Contested is the connection of another manifest that this one was in conflict about, as long as it gives no display name: with one
// that alone says which connection is meant.
func Contested(o v1alpha1.Connection) string {
	if o.CommonSpec().DisplayName != "" {
		return ""
	}
	return o.CommonStatus().ConflictingConnectionID
}

// wants says that a living manifest other than o would take over its connection, if o let it go.
func wants(other, o v1alpha1.Connection) bool {
	spec := other.CommonSpec()
	return other.GetUID() != o.GetUID() && other.GetDeletionTimestamp().IsZero() && (spec.ConnectionID == RecordOf(o).ID || spec.Matching())
}

// Inherits says that another manifest takes over the connection of o when o is deleted: it has looked at Stytch with credentials of the
// same project, and its status says that it was in conflict about that very connection.
func Inherits(other, o v1alpha1.Connection) bool {
	record, seen := RecordOf(o), RecordOf(other)
	return record.ID != "" && wants(other, o) && other.CommonStatus().ConflictingConnectionID == record.ID &&
		seen.Project == record.Project && seen.Organization == record.Organization
}

// newcomerTime is how long the deletion of a connection waits for a manifest that was just applied.
const newcomerTime = time.Minute

// MayInherit says that another manifest may turn out to be an heir: it was applied a moment ago, next to o, and no pass has come to it yet.
// GitOps tools delete the old name right after they have applied the new one.
func MayInherit(other, o v1alpha1.Connection, now time.Time) bool {
	spec, own := other.CommonSpec(), o.CommonSpec()
	return RecordOf(o).ID != "" && wants(other, o) && other.GetNamespace() == o.GetNamespace() && spec.Project() == own.Project() &&
		RecordOf(other).ID == "" && other.CommonStatus().ObservedGeneration < other.GetGeneration() &&
		now.Sub(other.GetCreationTimestamp().Time) < newcomerTime
}

// NeverHeld says that a manifest names a connection which it never took over.
func NeverHeld(o v1alpha1.Connection) bool {
	return RecordOf(o).ID == "" && len(ClaimsOf(o)) > 0
}

// Stray is how the deletion of a manifest goes on that recorded no connection, by what was identified and how that ended: nil where a
// creation left one.
func (i Identity) Stray(end error) error {
	if i.Verdict == Conflict || end == nil && i.Verdict == None {
		return ErrNothing
	}
	return end
}

// Gone says that an organization is not there any more, and with it everything that was in it.
func Gone(err error) bool {
	failed, answered := errors.AsType[*stytch.Error](err)
	return answered && failed.Class == stytch.OrganizationNotFound
}

// IsDefault says that Stytch keeps a connection because it is its organization's default, and there are others.
func IsDefault(err error) bool {
	failed, answered := errors.AsType[*stytch.Error](err)
	return answered && failed.ErrorType == "cannot_delete_default_sso_connection"
}

// Blocked says why a deletion that ended with an error cannot go on, and what lifts that. What is temporary stays as it is. Terminating
// says whether the namespace is being deleted: it is asked only where that changes what can be done.
func Blocked(err error, terminating func() bool) error {
	failed, answered := errors.AsType[*stytch.Error](err)
	found, _ := errors.AsType[Finding](err)
	switch {
	case IsDefault(err):
		found = Finding{Request: failed.Request, Message: "Stytch does not delete an organization's default connection while the organization has other connections. Make another connection the default, or delete the other connections first."}
	case answered && !passing(failed):
		found = refusedDeletion(failed)
	case found.Message == "" || goesOn(found.Reason):
		return err
	}
	if found.Cause != "" && terminating() {
		return Finding{Reason: v1alpha1.ReasonDeletionBlocked, Request: found.Request, Message: join(found.Cause,
			"Nothing can be created in this namespace, because it is being deleted. Set deletionPolicy: Retain, which deletes the manifest and keeps the connection.")}
	}
	return Finding{Reason: v1alpha1.ReasonDeletionBlocked, Request: found.Request, Message: join(found.Message,
		"Or set deletionPolicy: Retain, which deletes the manifest and keeps the connection.")}
}

// refusedDeletion is what Stytch's refusal of a deletion means. Other credentials, or another session of a member, go into a Secret, which
// may have to be created.
func refusedDeletion(failed *stytch.Error) Finding {
	_, message := Failure(failed)
	found := Finding{Request: failed.Request, Message: message}
	if failed.Class == stytch.CredentialsRejected || failed.Class == stytch.SessionRejected {
		found.Cause = said(failed)
	}
	return found
}

// goesOn says that what a finding is about ends without anybody's help, in a pass of the manifest or in the check of its StytchProject.
func goesOn(reason string) bool {
	switch reason {
	case v1alpha1.ReasonCreationInDoubt, v1alpha1.ReasonThrottled, v1alpha1.ReasonUnavailable:
		return true
	}
	return false
}
