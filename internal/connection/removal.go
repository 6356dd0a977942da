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
		ProvisionalName(RealName(o), o.GetUID()))
}

// ErrNothing says that nothing at Stytch is a manifest's.
var ErrNothing = errors.New("no connection in Stytch belongs to the manifest")

// NeverHeld says that a manifest names a connection which it never took over.
func NeverHeld(o v1alpha1.Connection) bool {
	return RecordOf(o).ID == "" && o.CommonSpec().ConnectionID != ""
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

// Blocked says why a deletion that ended with an error cannot go on, and what lifts that. What is temporary stays as it is.
func Blocked(err error) error {
	const way = "Or set deletionPolicy: Retain, which deletes the manifest and keeps the connection."
	failed, answered := errors.AsType[*stytch.Error](err)
	found, _ := errors.AsType[Finding](err)
	switch {
	case answered && failed.ErrorType == "cannot_delete_default_sso_connection":
		return Finding{Reason: v1alpha1.ReasonDeletionBlocked, Request: failed.Request, Message: join(
			"Stytch does not delete an organization's default connection while the organization has other connections. Make another connection the default, or delete the other connections first.", way)}
	case answered && !passing(failed):
		_, message := Failure(failed)
		return Finding{Reason: v1alpha1.ReasonDeletionBlocked, Request: failed.Request, Message: join(message, way)}
	case found.Message != "" && !goesOn(found.Reason):
		return Finding{Reason: v1alpha1.ReasonDeletionBlocked, Message: join(found.Message, way)}
	}
	return err
}

// goesOn says that what a finding is about ends without anybody's help, in a pass of the manifest or in the check of its StytchProject.
func goesOn(reason string) bool {
	switch reason {
	case v1alpha1.ReasonCreationInDoubt, v1alpha1.ReasonThrottled, v1alpha1.ReasonUnavailable:
		return true
	}
	return false
}
