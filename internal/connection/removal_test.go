package connection_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
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
			o := SAMLManifest()
			o.Spec.DeletionPolicy, o.Spec.Management = test.policy, test.management
			Same(t, "whether it stays", connection.Retains(o), test.retains)
		})
	}
}

func TestWhatStaysAtStytchIsNamed(t *testing.T) {
	o := SAMLManifest()
	Same(t, "of a connection", connection.Retained(o), SAMLID+" stays in Stytch unchanged.")
	o.Status.ConnectionID = ""
	Same(t, "of none", connection.Retained(o), fmt.Sprintf("No connection was recorded. If a create request was in progress, its connection is named %q.",
		MarkedName("Acme – Okta", ManifestUID)))
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
	throttledCheck := connection.Finding{Reason: v1alpha1.ReasonThrottled, Message: "StytchProject default is not ready: …"}
	unansweredCheck := connection.Finding{Reason: v1alpha1.ReasonUnavailable, Message: "StytchProject default is not ready: …"}
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
		{"the check of its project was throttled", throttledCheck, throttledCheck},
		{"the check of its project had no answer", unansweredCheck, unansweredCheck},
		{"nothing to say", connection.Finding{Reason: v1alpha1.ReasonConflict}, connection.Finding{Reason: v1alpha1.ReasonConflict}},
		{"not yet", &stytch.NotYet{At: later}, &stytch.NotYet{At: later}},
		{"another error", plain, plain},
	} {
		t.Run(test.name, func(t *testing.T) {
			Same(t, "the end", connection.Blocked(test.err, func() bool { return false }), test.want)
		})
	}
}

func TestADeletionEndsWithNothingWhereNothingIsTheManifests(t *testing.T) {
	held, named := SAMLManifest(), SAMLManifest()
	named.Status.ConnectionID, named.Spec.ConnectionID = "", SAMLID
	unnamed := SAMLManifest()
	unnamed.Status.ConnectionID = ""
	taken := SAMLManifest()
	taken.Spec.ConnectionID = SAMLID
	Same(t, "one that holds a connection", connection.NeverHeld(held), false)
	Same(t, "one that took one over", connection.NeverHeld(taken), false)
	Same(t, "one that only names one", connection.NeverHeld(named), true)
	Same(t, "one that may have created one", connection.NeverHeld(unnamed), false)

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
		Same(t, test.name, connection.Identity{Verdict: test.verdict}.Stray(test.end), test.want)
	}

	Same(t, "an organization that is gone", connection.Gone(fmt.Errorf("deleting: %w", answerOf(stytch.OrganizationNotFound, 404, "organization_not_found"))), true)
	Same(t, "a connection that is gone", connection.Gone(answerOf(stytch.NotFound, 404, "connection_not_found")), false)
	Same(t, "another error", connection.Gone(unread), false)
	Same(t, "no error", connection.Gone(nil), false)
}

func TestInANamespaceThatIsBeingDeletedNothingIsAskedForThatWouldHaveToBeCreated(t *testing.T) {
	const only = "Nothing can be created in this namespace, because it is being deleted. Set deletionPolicy: Retain, which deletes the manifest and keeps the connection."
	rejected, denied := answerOf(stytch.CredentialsRejected, 401, "unauthorized_credentials"), answerOf(stytch.PermissionDenied, 403, "denied")
	missing := connection.Finding{Reason: v1alpha1.ReasonInputMissing, Cause: "There is no Secret.", Message: "There is no Secret. Create it."}
	for _, test := range []struct {
		name  string
		err   error
		says  string
		asked bool
	}{
		{"what is missing", missing, "There is no Secret. " + only, true},
		{"credentials", rejected, rejected.Error() + ". " + only, true},
		{"a right", denied, denied.Error() + ". Allow the action in Stytch. Or set deletionPolicy: Retain, which deletes the manifest and keeps the connection.", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := false
			err := connection.Blocked(test.err, func() bool { asked = true; return true })
			finding, _ := errors.AsType[connection.Finding](err)
			Same(t, "the reason", finding.Reason, v1alpha1.ReasonDeletionBlocked)
			Same(t, "the message", finding.Message, test.says)
			Same(t, "whether the namespace was asked for", asked, test.asked)
		})
	}
	throttled := answerOf(stytch.Throttled, 429, "too_many_requests")
	Same(t, "what is temporary", connection.Blocked(throttled, func() bool { t.Error("asked"); return true }), error(throttled))
}

func TestAConnectionGoesToTheManifestThatSawItAndWantsIt(t *testing.T) {
	for _, test := range []struct {
		name     string
		change   func(other *v1alpha1.SAMLConnection)
		inherits bool
	}{
		{"one under Matching that saw it", func(*v1alpha1.SAMLConnection) {}, true},
		{"one that saw it and names it", func(o *v1alpha1.SAMLConnection) { o.Spec.AdoptionPolicy, o.Spec.ConnectionID = "", SAMLID }, true},
		{"one that saw it and does not want it", func(o *v1alpha1.SAMLConnection) { o.Spec.AdoptionPolicy = v1alpha1.AdoptByID }, false},
		{"one that names another", func(o *v1alpha1.SAMLConnection) { o.Spec.AdoptionPolicy, o.Spec.ConnectionID = "", "another" }, false},
		{"one that did not see it", func(o *v1alpha1.SAMLConnection) { o.Status.ConflictingConnectionID = "" }, false},
		{"one that saw another", func(o *v1alpha1.SAMLConnection) { o.Status.ConflictingConnectionID = "another" }, false},
		{"one that is being deleted", func(o *v1alpha1.SAMLConnection) { o.DeletionTimestamp = new(metav1.NewTime(Noon)) }, false},
		{"one of another project", func(o *v1alpha1.SAMLConnection) { o.Status.ProjectID = "another" }, false},
		{"one of another organization", func(o *v1alpha1.SAMLConnection) { o.Status.OrganizationID = "another" }, false},
		{"one with a record alone", func(o *v1alpha1.SAMLConnection) {
			o.Spec.AdoptionPolicy, o.Status.ConnectionID = "", SAMLID
		}, false},
		{"itself", func(o *v1alpha1.SAMLConnection) { o.UID = ManifestUID }, false},
	} {
		other := SAMLManifest()
		other.UID, other.Status.ConnectionID, other.Spec.AdoptionPolicy = OtherUID, "", v1alpha1.AdoptMatching
		other.Status.ConflictingConnectionID = SAMLID
		test.change(other)
		Same(t, test.name, connection.Inherits(other, SAMLManifest()), test.inherits)
	}
	none, other := SAMLManifest(), SAMLManifest()
	none.Status.ConnectionID, other.UID, other.Spec.AdoptionPolicy = "", OtherUID, v1alpha1.AdoptMatching
	Same(t, "of none", connection.Inherits(other, none), false)
}

func TestANewManifestMayTurnOutToBeAnHeir(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(other *v1alpha1.SAMLConnection)
		may    bool
	}{
		{"one that was just applied", func(*v1alpha1.SAMLConnection) {}, true},
		{"one that was looked at", func(o *v1alpha1.SAMLConnection) { o.Status.ObservedGeneration = o.Generation }, false},
		{"one that has a connection", func(o *v1alpha1.SAMLConnection) { o.Status.ConnectionID = "another" }, false},
		{"one that wants nothing", func(o *v1alpha1.SAMLConnection) { o.Spec.AdoptionPolicy = "" }, false},
		{"one of another namespace", func(o *v1alpha1.SAMLConnection) { o.Namespace = "another" }, false},
		{"one of another project", func(o *v1alpha1.SAMLConnection) { o.Spec.ProjectRef.Name = "another" }, false},
		{"one that is a minute old", func(o *v1alpha1.SAMLConnection) { o.CreationTimestamp = metav1.NewTime(Noon.Add(-time.Minute)) }, false},
	} {
		other := SAMLManifest()
		other.UID, other.Spec.AdoptionPolicy, other.Generation, other.CreationTimestamp = OtherUID, v1alpha1.AdoptMatching, 1, metav1.NewTime(Noon)
		other.Status = v1alpha1.SAMLConnectionStatus{ConnectionStatus: NewStatus()}
		test.change(other)
		Same(t, test.name, connection.MayInherit(other, SAMLManifest(), Noon), test.may)
	}
}
