package connection

import (
	"errors"
	"fmt"

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

// refusedDeletion is what Stytch's refusal of a deletion means. Other credentials go into the Secret, which may have to be created.
func refusedDeletion(failed *stytch.Error) Finding {
	_, message := Failure(failed)
	found := Finding{Request: failed.Request, Message: message}
	if failed.Class == stytch.CredentialsRejected {
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
