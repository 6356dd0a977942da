package connection_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// creationInDoubt is what is said while the connection of SAMLManifest may have been created.
func creationInDoubt() string {
	return fmt.Sprintf("The response to a create request may have been lost. Looking for a connection named %q before creating another.",
		MarkedName("Acme – Okta", ManifestUID))
}

func TestAConnectionIsCreatedUnlessAProblemKeepsItFrom(t *testing.T) {
	for _, test := range []struct {
		name     string
		problems []connection.Problem
		want     connection.Finding
		may      bool
	}{
		{"nothing is wrong", nil, connection.Finding{Absent: true}, true},
		{"something is mentioned", []connection.Problem{mentioned}, connection.Finding{Message: "Mentioned.", Absent: true}, true},
		{"something is wrong", []connection.Problem{mentioned, wrong}, connection.Finding{Reason: v1alpha1.ReasonInvalid, Message: "Mentioned. Wrong.", Absent: true}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, may := (&script{invalid: test.problems}).kind().MayCreate(SAMLManifest(), readInputs)
			Same(t, "the finding", got, test.want)
			Same(t, "whether it may be created", may, test.may)
		})
	}
}

func TestObserveForetellsWhatManageWouldCreate(t *testing.T) {
	plan := []v1alpha1.Change{{Field: "display_name", Want: "okta"}}
	for _, test := range []struct {
		name     string
		problems []connection.Problem
		want     connection.Finding
	}{
		{"nothing is wrong", nil, connection.Finding{Reason: v1alpha1.ReasonPlanPending, Absent: true, Message: `The connection does not exist. It is not created because management is Observe. With management: Manage, the operator creates a connection named "okta" with the values in status.plan.`}},
		{"something is wrong", []connection.Problem{wrong}, connection.Finding{Reason: v1alpha1.ReasonInvalid, Message: "Wrong.", Absent: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, kind := SAMLManifest(), (&script{invalid: test.problems}).kind()
			o.Spec.DisplayName = ""
			kind.Plan = nil
			foreseen := kind.Foresee(o, readInputs)
			Same(t, "the plan", foreseen.Plan, plan)
			Same(t, "the finding", foreseen.Finding(nil), test.want)
		})
	}
}

func TestWhatIsForetoldIsThePlanOfANewConnection(t *testing.T) {
	kind := (&script{}).kind()
	kind.Plan = func(_ *v1alpha1.SAMLConnection, _, have connection.State) []connection.Step {
		return []connection.Step{stepOf(fmt.Sprint("new: ", have.New), shared)}
	}
	Same(t, "the plan", kind.Foresee(SAMLManifest(), readInputs).Plan, connection.Show([]connection.Step{stepOf("new: true", shared)}))
}

func TestAListProvesThatNothingWasCreatedOnceWhatMayBeHasSettled(t *testing.T) {
	const settle = 10 * time.Second
	started, unknown := Noon.Add(-time.Hour), Noon.Add(-time.Minute)
	for _, test := range []struct {
		name    string
		attempt connection.Attempt
		want    time.Time
	}{
		{"nothing was begun", connection.Attempt{Started: started}, time.Time{}},
		{"an earlier process may have created it", connection.Attempt{Begun: true, Started: started}, started.Add(settle)},
		{"no earlier process can have", connection.Attempt{Begun: true, Certain: true, Started: started}, time.Time{}},
		{"the outcome of a creation is unknown", connection.Attempt{UnknownAt: unknown, Begun: true, Started: started}, unknown.Add(settle)},
		{"the outcome is unknown, and no earlier process can have", connection.Attempt{UnknownAt: unknown, Certain: true, Begun: true, Started: started}, unknown.Add(settle)},
	} {
		t.Run(test.name, func(t *testing.T) {
			Same(t, "believable from", test.attempt.Believable(settle), test.want)
		})
	}
}

func TestACreationThatFailedIsInDoubtOrRefusedOrTheListIsOutdated(t *testing.T) {
	lost, refused := answerLost(), refusedByStytch()
	rival := func(errorType string) *stytch.Error { return answerOf(stytch.Rejected, 400, errorType) }
	const scim, external, saml = "active_scim_connection_exists", "duplicate_external_sso_connection", "duplicate_saml_connection"
	doubt := connection.Finding{Reason: v1alpha1.ReasonCreationInDoubt, Soon: true, Message: creationInDoubt(), Request: lost.Request}
	for _, test := range []struct {
		name     string
		failed   *stytch.Error
		outdated bool
		unknown  bool
		end      error
	}{
		{"the answer was lost", lost, false, true, doubt},
		{"the answer was lost, after an old list", lost, true, true, doubt},
		{"refused", refused, false, false, refused},
		{"refused, after an old list", refused, true, false, refused},
		{"there is an SCIM connection", rival(scim), false, false, rival(scim)},
		{"there is an SCIM connection that an old list did not show", rival(scim), true, false, connection.ErrOutdated},
		{"there is an External connection that an old list did not show", rival(external), true, false, connection.ErrOutdated},
		{"there is a SAML connection that an old list did not show", rival(saml), true, false, connection.ErrOutdated},
	} {
		t.Run(test.name, func(t *testing.T) {
			unknown, end := connection.NotCreated(SAMLManifest(), test.failed, test.outdated)
			Same(t, "whether it is unknown", unknown, test.unknown)
			Same(t, "the end", end, test.end)
		})
	}
}

func TestAVerdictEndsThePassOrGoesOn(t *testing.T) {
	for verdict, want := range map[connection.Verdict]error{
		connection.Conflict: connection.Finding{Reason: v1alpha1.ReasonConflict, Message: "What it is about."},
		connection.Missing:  connection.Finding{Reason: v1alpha1.ReasonRemoteMissing, Message: "What it is about.", Absent: true},
		connection.Doubt:    connection.Finding{Reason: v1alpha1.ReasonCreationInDoubt, Message: creationInDoubt(), Until: later},
		connection.Ours:     nil,
		connection.None:     nil,
	} {
		t.Run(string(verdict), func(t *testing.T) {
			Same(t, "the end", connection.Identity{Verdict: verdict, ID: SAMLID, Message: "What it is about"}.End(SAMLManifest(), later), want)
		})
	}
}
