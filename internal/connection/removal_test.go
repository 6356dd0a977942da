package connection_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestAConnectionIsDeletedOnlyWhereItsManifestSaysSoAndIsManaged(t *testing.T) {
	for _, test := range []struct {
		policy     v1alpha1.DeletionPolicy
		management v1alpha1.Management
		retains    bool
	}{
		{"", "", true},
		{v1alpha1.DeletionRetain, "", true},
		{v1alpha1.DeletionRetain, v1alpha1.ManagementManage, true},
		{v1alpha1.DeletionDelete, "", false},
		{v1alpha1.DeletionDelete, v1alpha1.ManagementManage, false},
		{v1alpha1.DeletionDelete, v1alpha1.ManagementObserve, true},
		{v1alpha1.DeletionDelete, v1alpha1.ManagementPaused, true},
	} {
		t.Run(fmt.Sprintf("%q %q", test.policy, test.management), func(t *testing.T) {
			o := samlManifest()
			o.Spec.DeletionPolicy, o.Spec.Management = test.policy, test.management
			same(t, "whether it stays", connection.Retains(o), test.retains)
		})
	}
}

func TestWhatStaysAtStytchIsNamed(t *testing.T) {
	o := samlManifest()
	same(t, "of a connection", connection.Retained(o), samlID+" stays in Stytch unchanged.")
	o.Status.ConnectionID = ""
	same(t, "of none", connection.Retained(o), fmt.Sprintf("No connection was recorded. If a create request was in progress, its connection is named %q.",
		connection.ProvisionalName("Acme – Okta", manifestUID)))
}

func TestADeletionThatCannotGoOnSaysWhatLiftsThat(t *testing.T) {
	const way = " Or set deletionPolicy: Retain, which deletes the manifest and keeps the connection."
	refused, denied := answerOf(stytch.Rejected, 400, "some_refusal"), answerOf(stytch.PermissionDenied, 403, "denied")
	inUse := answerOf(stytch.Rejected, 400, "cannot_delete_default_sso_connection")
	lost, throttled := answerLost(), answerOf(stytch.Throttled, 429, "too_many_requests")
	blocked := func(message string, request stytch.Request) error {
		return connection.Finding{Reason: v1alpha1.ReasonDeletionBlocked, Message: message + way, Request: request}
	}
	said := func(failed *stytch.Error) string {
		_, message := connection.Failure(failed)
		return message
	}
	plain, wrapped := errors.New("the API server is away"), fmt.Errorf("deleting: %w", refused)
	doubt := connection.Finding{Reason: v1alpha1.ReasonCreationInDoubt, Message: creationInDoubt()}
	kept := &stytch.ReadError{Err: lost}
	for _, test := range []struct {
		name      string
		err, want error
	}{
		{"the default connection of others", inUse, blocked("Stytch does not delete an organization's default connection while the organization has other connections. Make another connection the default, or delete the other connections first.", inUse.Request)},
		{"refused", refused, blocked(said(refused), refused.Request)},
		{"refused in other words", wrapped, blocked(said(refused), refused.Request)},
		{"denied", denied, blocked(said(denied), denied.Request)},
		{"the answer was lost", lost, lost},
		{"throttled", throttled, throttled},
		{"it could not be read", kept, kept},
		{"another manifest's", connection.Finding{Reason: v1alpha1.ReasonConflict, Message: "Held by another."}, blocked("Held by another.", stytch.Request{})},
		{"a creation is in doubt", doubt, doubt},
		{"nothing to say", connection.Finding{Reason: v1alpha1.ReasonConflict}, connection.Finding{Reason: v1alpha1.ReasonConflict}},
		{"not yet", &stytch.NotYet{At: later}, &stytch.NotYet{At: later}},
		{"another error", plain, plain},
	} {
		t.Run(test.name, func(t *testing.T) {
			same(t, "the end", connection.Blocked(test.err), test.want)
		})
	}
}

func TestADeletionEndsWithNothingWhereNothingIsTheManifests(t *testing.T) {
	held, named := samlManifest(), samlManifest()
	named.Status.ConnectionID, named.Spec.ConnectionID = "", samlID
	unnamed := samlManifest()
	unnamed.Status.ConnectionID = ""
	taken := samlManifest()
	taken.Spec.ConnectionID = samlID
	same(t, "one that holds a connection", connection.NeverHeld(held), false)
	same(t, "one that took one over", connection.NeverHeld(taken), false)
	same(t, "one that only names one", connection.NeverHeld(named), true)
	same(t, "one that may have created one", connection.NeverHeld(unnamed), false)

	conflict, unread := connection.Finding{Reason: v1alpha1.ReasonConflict}, errors.New("it could not be read")
	for _, test := range []struct {
		name      string
		verdict   connection.Verdict
		end, want error
	}{
		{"what a creation left", connection.Ours, nil, nil},
		{"nothing", connection.None, nil, connection.ErrNothing},
		{"somebody else's", connection.Conflict, conflict, connection.ErrNothing},
		{"not known yet", connection.Doubt, conflict, conflict},
		{"not read", "", unread, unread},
	} {
		same(t, test.name, connection.Identity{Verdict: test.verdict}.Stray(test.end), test.want)
	}

	same(t, "an organization that is gone", connection.Gone(fmt.Errorf("deleting: %w", answerOf(stytch.OrganizationNotFound, 404, "organization_not_found"))), true)
	same(t, "a connection that is gone", connection.Gone(answerOf(stytch.NotFound, 404, "connection_not_found")), false)
	same(t, "another error", connection.Gone(unread), false)
	same(t, "no error", connection.Gone(nil), false)
}
