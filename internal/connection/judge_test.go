package connection_test

import (
	"crypto/tls"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// words are a condition as the table writes it: its status and reason.
type words string

func conditionWords(status v1alpha1.ConnectionStatus, kind string) words {
	c := apimeta.FindStatusCondition(status.Conditions, kind)
	if c == nil {
		return ""
	}
	return words(fmt.Sprintf("%s %s", c.Status, c.Reason))
}

// told is a row of the table of what is learned and what is said.
type told struct {
	reason string
	remote *connection.Remote
	synced metav1.ConditionStatus
	// Ready on a manifest never looked at, on one whose generation was in force, and on one edited since.
	fresh, inForce, edited words
	// also is Stalled, Reconciling or neither.
	also string
	// applied says that the desired of the generation is wholly met.
	applied bool
}

func active() *connection.Remote { return &connection.Remote{State: "active"} }

// theTable is the table of the design, for the reasons that there are.
func theTable() []told {
	const was = "True Active"
	stalled := func(reason string) told {
		return told{reason, nil, metav1.ConditionFalse, words("False " + reason), was, words("False " + reason), v1alpha1.ConditionStalled, false}
	}
	goesOn := func(reason string) told {
		return told{reason, nil, metav1.ConditionFalse, words("False " + reason), was, words("False " + reason), v1alpha1.ConditionReconciling, false}
	}
	refused := func(reason, also string) told {
		no := words("False " + reason)
		return told{reason, nil, metav1.ConditionFalse, no, no, no, also, false}
	}
	return []told{
		{v1alpha1.ReasonInSync, active(), metav1.ConditionTrue, was, was, was, "", true},
		{v1alpha1.ReasonInSync, &connection.Remote{State: "pending", Missing: []string{"idpSSOURL"}}, metav1.ConditionTrue, "False Pending", "False Pending", "False Pending", "", true},
		{v1alpha1.ReasonInSync, &connection.Remote{State: "pending"}, metav1.ConditionTrue, "False Pending", "False Pending", "False Pending", "", true},
		{v1alpha1.ReasonPlanPending, active(), metav1.ConditionFalse, was, was, was, "", true},
		{v1alpha1.ReasonPlanPending, &connection.Remote{State: "pending"}, metav1.ConditionFalse, "False Pending", "False Pending", "False Pending", "", true},
		{v1alpha1.ReasonPlanPending, &connection.Remote{Absent: true}, metav1.ConditionFalse, "False PlanPending", "False PlanPending", "False PlanPending", "", true},
		{v1alpha1.ReasonMetadataUnread, active(), metav1.ConditionFalse, was, was, was, v1alpha1.ConditionStalled, false},
		{v1alpha1.ReasonKeysUnidentified, active(), metav1.ConditionFalse, was, was, was, v1alpha1.ConditionStalled, false},
		{v1alpha1.ReasonPaused, nil, metav1.ConditionUnknown, "Unknown Paused", was, was, "", true},
		stalled(v1alpha1.ReasonInvalid),
		goesOn(v1alpha1.ReasonInputMissing),
		goesOn(v1alpha1.ReasonSourceNotReady),
		goesOn(v1alpha1.ReasonGroupsPending),
		stalled(v1alpha1.ReasonDiscoveryFailed),
		stalled(v1alpha1.ReasonRenewBeforeTooLong),
		stalled(v1alpha1.ReasonCredentialsRejected),
		stalled(v1alpha1.ReasonPermissionDenied),
		stalled(v1alpha1.ReasonRejected),
		refused(v1alpha1.ReasonConflict, v1alpha1.ConditionStalled),
		refused(v1alpha1.ReasonCreationInDoubt, v1alpha1.ConditionReconciling),
		refused(v1alpha1.ReasonRemoteMissing, v1alpha1.ConditionStalled),
		refused(v1alpha1.ReasonNotGranted, v1alpha1.ConditionStalled),
		stalled(v1alpha1.ReasonNotConverging),
		goesOn(v1alpha1.ReasonThrottled),
		goesOn(v1alpha1.ReasonUnavailable),
		{v1alpha1.ReasonDeletionBlocked, nil, metav1.ConditionFalse, "Unknown DeletionBlocked", was, was, v1alpha1.ConditionStalled, false},
	}
}

func (row told) report() connection.Report {
	return connection.Report{Reason: row.reason, Message: "What is " + row.reason + ", and what to do.", Remote: row.remote}
}

// settled is the status of a manifest whose generation 3 was in force an hour ago.
func settled() v1alpha1.ConnectionStatus {
	return connection.Judge(NewStatus(), 3, connection.Report{
		Reason: v1alpha1.ReasonInSync, Message: "Stytch matches the manifest.", Remote: active(),
		Inputs:  []v1alpha1.Input{{Kind: "Secret", Name: "acme-scim", UID: "u", ResourceVersion: "7"}},
		Request: stytch.Request{ID: "request-id-1", Operation: "UpdateSAMLConnection", StatusCode: 200, Time: Noon.Add(-time.Hour)},
	}, Noon.Add(-time.Hour))
}

func TestEachReasonSaysWhatTheTableSays(t *testing.T) {
	for _, row := range theTable() {
		for _, from := range []struct {
			name       string
			was        v1alpha1.ConnectionStatus
			generation int64
			ready      words
			applied    int64
		}{
			{"never looked at", NewStatus(), 1, row.fresh, 0},
			{"in force", settled(), 3, row.inForce, 3},
			{"edited", settled(), 4, row.edited, 3},
		} {
			t.Run(fmt.Sprintf("%s %+v %s", row.reason, row.remote, from.name), func(t *testing.T) {
				status := connection.Judge(from.was, from.generation, row.report(), Noon)
				Same(t, "Synced", conditionWords(status, "Synced"), words(fmt.Sprintf("%s %s", row.synced, row.reason)))
				Same(t, "Ready", conditionWords(status, "Ready"), from.ready)
				also := map[string]words{row.also: words("True " + row.reason)}
				Same(t, "Stalled", conditionWords(status, "Stalled"), also["Stalled"])
				Same(t, "Reconciling", conditionWords(status, "Reconciling"), also["Reconciling"])
				applied := map[bool]int64{true: from.generation, false: from.applied}
				Same(t, "appliedGeneration", status.AppliedGeneration, applied[row.applied])
				Same(t, "applied, as the settled pass asks", connection.Applied(row.reason), row.applied)
			})
		}
	}
}

func TestEachReasonOfTheAPIHasItsRow(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/conditions.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{
		// These are Ready's alone.
		v1alpha1.ReasonActive: true, v1alpha1.ReasonPending: true, v1alpha1.ReasonVerified: true,
		// And these ExpiringSoon's.
		v1alpha1.ReasonExpiring: true, v1alpha1.ReasonExpired: true,
		// And these Rotating's.
		v1alpha1.ReasonAwaitingAcknowledgement: true, v1alpha1.ReasonOverlapping: true, v1alpha1.ReasonStarting: true,
		v1alpha1.ReasonNextTokenLost: true, v1alpha1.ReasonStartedElsewhere: true,
		// And this is said of a StytchProject that is being deleted.
		v1alpha1.ReasonInUse: true,
	}
	for _, row := range theTable() {
		has[row.reason] = true
	}
	reasons := 0
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, is := node.(*ast.ValueSpec); is && strings.HasPrefix(spec.Names[0].Name, "Reason") {
			reasons++
			if reason := strings.TrimPrefix(spec.Names[0].Name, "Reason"); !has[reason] {
				t.Errorf("the reason %s has no row in the table", reason)
			}
		}
		return true
	})
	if reasons < 15 {
		t.Errorf("only %d reasons were found", reasons)
	}
}

func TestRotatingStandsWhileARotationIsUnderWayAndLeavesReadyAlone(t *testing.T) {
	report := connection.Report{Reason: v1alpha1.ReasonInSync, Message: "Equal.", Remote: active(), Rotating: v1alpha1.ReasonOverlapping, RotatingMessage: "Two tokens."}
	status := connection.Judge(settled(), 3, report, Noon)
	Same(t, "Rotating", conditionWords(status, "Rotating"), words("True Overlapping"))
	Same(t, "Ready", conditionWords(status, "Ready"), words("True Active"))
	Same(t, "Synced", conditionWords(status, "Synced"), words("True InSync"))
	honest(t, status, 3)

	unseen := connection.Report{Reason: v1alpha1.ReasonUnavailable, Message: "No answer."}
	status = connection.Judge(status, 4, unseen, Noon)
	Same(t, "Rotating, where the connection was not seen", conditionWords(status, "Rotating"), words("True Overlapping"))
	honest(t, status, 4)

	report.Rotating = ""
	status = connection.Judge(status, 4, report, Noon)
	Same(t, "Rotating, once it is over", conditionWords(status, "Rotating"), words(""))
	Same(t, "Rotating, where it never stood", conditionWords(connection.Judge(status, 4, unseen, Noon), "Rotating"), words(""))
}

// honest checks what holds of every status. Paused and Observe aside, a generation that is not in force is never without a word.
func honest(t *testing.T, status v1alpha1.ConnectionStatus, generation int64) {
	t.Helper()
	Same(t, "observedGeneration", status.ObservedGeneration, generation)
	for _, c := range status.Conditions {
		if c.ObservedGeneration != generation || c.Message == "" || c.Reason == "" || c.LastTransitionTime.IsZero() {
			t.Errorf("the condition %+v is incomplete at generation %d", c, generation)
		}
	}
	if conditionWords(status, "Synced") == "" || conditionWords(status, "Ready") == "" {
		t.Errorf("Synced or Ready does not stand: %s", InJSON(t, status.Conditions))
	}
	stalled, reconciling := conditionWords(status, "Stalled"), conditionWords(status, "Reconciling")
	if stalled != "" && reconciling != "" {
		t.Errorf("both stand: %s and %s", stalled, reconciling)
	}
	if strings.HasPrefix(string(stalled+reconciling), "True") != (stalled+reconciling != "") {
		t.Errorf("an abnormal condition stands though it is not True: %s%s", stalled, reconciling)
	}
	if status.AppliedGeneration != generation && stalled == "" && reconciling == "" {
		t.Errorf("generation %d is not in force (%d is) and nothing says so", generation, status.AppliedGeneration)
	}
	if status.AppliedGeneration > generation {
		t.Errorf("generation %d is applied before it is seen", status.AppliedGeneration)
	}
	if len(status.Conditions) > 4 {
		t.Errorf("%d conditions stand", len(status.Conditions))
	}
}

func TestStatusIsHonestWhateverIsLearnedOneAfterAnother(t *testing.T) {
	// A manifest that is being deleted, and a connection that was found and is kept as it is.
	asItIs := []string{v1alpha1.ReasonDeletionBlocked, v1alpha1.ReasonMetadataUnread, v1alpha1.ReasonKeysUnidentified}
	table := theTable()
	for seed := range int64(300) {
		random := rand.New(rand.NewSource(seed))
		status, generation, now := NewStatus(), int64(1), Noon
		for range 12 {
			row := table[random.Intn(len(table))]
			generation += int64(random.Intn(2))
			now = now.Add(time.Minute)
			before := status.DeepCopy()
			was := InJSON(t, status)
			next := connection.Judge(status, generation, row.report(), now)
			Same(t, "the status that was given", InJSON(t, status), was)
			honest(t, next, generation)
			ready := conditionWords(next, "Ready")
			if strings.HasPrefix(string(ready), "True") && next.AppliedGeneration != generation && !slices.Contains(asItIs, row.reason) {
				t.Errorf("after %s Ready is %s though generation %d is not in force", row.reason, ready, generation)
			}
			movesTimesWithStatusOnly(t, *before, next, now)
			status = next
		}
	}
}

// movesTimesWithStatusOnly checks that a condition's time is that of the last change of its status.
func movesTimesWithStatusOnly(t *testing.T, before, after v1alpha1.ConnectionStatus, now time.Time) {
	t.Helper()
	for _, c := range after.Conditions {
		was := apimeta.FindStatusCondition(before.Conditions, c.Type)
		want := metav1.NewTime(now)
		if was != nil && was.Status == c.Status {
			want = was.LastTransitionTime
		}
		if !c.LastTransitionTime.Equal(&want) {
			t.Errorf("the time of %s %s is %s, want %s", c.Type, c.Status, c.LastTransitionTime, want)
		}
	}
}

func TestARepeatedFindingGivesTheSameStatusToTheLetter(t *testing.T) {
	failures := []stytch.Request{
		{},
		{ID: "request-id-1", Operation: "UpdateSAMLConnection", StatusCode: 400, ErrorType: "invalid_idp_sso_url", Time: Noon},
		{Operation: "ListSSOConnections", Time: Noon},
		{ID: "request-id-1", Operation: "ListSSOConnections", StatusCode: 500, ErrorType: "internal_server_error", Time: Noon},
	}
	for _, row := range theTable() {
		for _, was := range []v1alpha1.ConnectionStatus{NewStatus(), settled()} {
			for _, request := range failures {
				t.Run(fmt.Sprintf("%s %+v %d", row.reason, row.remote, request.StatusCode), func(t *testing.T) {
					repeated(t, row.report(), was, request)
				})
			}
		}
	}
}

// repeated judges one finding at several times, of several generations before.
func repeated(t *testing.T, report connection.Report, was v1alpha1.ConnectionStatus, request stytch.Request) {
	t.Helper()
	for _, generation := range []int64{3, 4} {
		report.Request = request
		first := connection.Judge(was, generation, report, Noon)
		status := first
		for n := range 3 {
			report.Request.Time = Noon.Add(time.Duration(n+1) * time.Hour)
			report.Request.ID = fmt.Sprintf("request-id-%d", n+2)
			if request.Operation == "" {
				report.Request = stytch.Request{}
			}
			status = connection.Judge(status, generation, report, Noon.Add(time.Duration(n+1)*time.Hour))
			Same(t, "the status of the same finding", status, first)
			Same(t, "the status of the same finding, as it is written", InJSON(t, status), InJSON(t, first))
		}
	}
}

func TestAnUnreadableAnswerThatRepeatsIsOneRunOfFailures(t *testing.T) {
	// A proxy's page comes with a 200: the status says success, and the reason does not.
	for _, reason := range []string{v1alpha1.ReasonUnavailable, v1alpha1.ReasonCreationInDoubt} {
		t.Run(reason, func(t *testing.T) {
			report := told{reason: reason}.report()
			request := stytch.Request{Operation: "ListSSOConnections", StatusCode: 200, Time: Noon}
			repeated(t, report, settled(), request)
		})
	}
}

func TestWhatPassedIsTakenBack(t *testing.T) {
	for _, row := range theTable() {
		t.Run(row.reason, func(t *testing.T) {
			status := connection.Judge(settled(), 4, row.report(), Noon)
			status = connection.Judge(status, 4, connection.Report{Reason: v1alpha1.ReasonInSync, Message: "Equal.", Remote: active()}, Noon.Add(time.Minute))
			Same(t, "Ready", conditionWords(status, "Ready"), words("True Active"))
			Same(t, "Synced", conditionWords(status, "Synced"), words("True InSync"))
			Same(t, "Stalled", conditionWords(status, "Stalled"), words(""))
			Same(t, "Reconciling", conditionWords(status, "Reconciling"), words(""))
		})
	}
}

func TestReadyKeepsItsLastTruthWhileTheGenerationIsInForce(t *testing.T) {
	pending := connection.Judge(settled(), 3, connection.Report{
		Reason: v1alpha1.ReasonInSync, Message: "Equal.", Remote: &connection.Remote{State: "pending", Missing: []string{"idpSSOURL"}},
	}, Noon)
	was := *apimeta.FindStatusCondition(pending.Conditions, "Ready")
	status := connection.Judge(pending, 3, told{reason: v1alpha1.ReasonUnavailable}.report(), Noon.Add(time.Hour))
	Same(t, "Ready", *apimeta.FindStatusCondition(status.Conditions, "Ready"), was)
}

func TestAPendingConnectionSaysWhatItLacks(t *testing.T) {
	message := func(remote connection.Remote) string {
		status := connection.Judge(NewStatus(), 1, connection.Report{Reason: v1alpha1.ReasonInSync, Message: "Equal.", Remote: &remote}, Noon)
		return apimeta.FindStatusCondition(status.Conditions, "Ready").Message
	}
	Contains(t, message(connection.Remote{State: "pending", Missing: []string{"idpSSOURL", "attributeMapping.email"}}), "idpSSOURL, attributeMapping.email")
	Contains(t, message(connection.Remote{State: "pending"}), "pending", "no required field is known to be missing")
	Contains(t, message(connection.Remote{State: "active"}), "active")
}

func TestTheRemotePartOfStatusIsWhatTheLastLookShowed(t *testing.T) {
	report := connection.Report{
		Reason: v1alpha1.ReasonNotConverging, Message: "No.", Remote: &connection.Remote{State: "active"},
		Plan:          []v1alpha1.Change{{Field: "f", Have: "a", Want: "b"}},
		NotConverging: []v1alpha1.NotConverging{{Field: "f", Want: "1", Have: "2"}},
	}
	status := connection.Judge(settled(), 3, report, Noon)
	Same(t, "the plan", status.Plan, report.Plan)
	Same(t, "what does not converge", status.NotConverging, report.NotConverging)
	Same(t, "the inputs, which the pass did not read", status.Inputs, settled().Inputs)

	blind := connection.Judge(status, 3, connection.Report{Reason: v1alpha1.ReasonUnavailable, Message: "No answer."}, Noon)
	Same(t, "the plan where nothing was seen", blind.Plan, report.Plan)
	Same(t, "what does not converge where nothing was seen", blind.NotConverging, report.NotConverging)
	Same(t, "the state where nothing was seen", blind.State, "active")

	gone := connection.Judge(status, 3, connection.Report{
		Reason: v1alpha1.ReasonRemoteMissing, Message: "Gone.", Remote: &connection.Remote{Absent: true}, Inputs: []v1alpha1.Input{},
	}, Noon)
	Same(t, "the plan where there is nothing", gone.Plan, []v1alpha1.Change(nil))
	Same(t, "the state where there is nothing", gone.State, "")
	Same(t, "no inputs", len(gone.Inputs), 0)
}

func TestWhatIsPinnedStays(t *testing.T) {
	was := settled()
	was.ProjectID, was.OrganizationID, was.ConnectionID = "project-live-1", "organization-live-1", SAMLID
	for _, row := range theTable() {
		status := connection.Judge(was, 4, row.report(), Noon)
		Same(t, row.reason, []string{status.ProjectID, status.OrganizationID, status.ConnectionID}, []string{was.ProjectID, was.OrganizationID, was.ConnectionID})
	}
}

func TestLastRequestIsTheLastChangeOrTheFirstOfARunOfEqualFailures(t *testing.T) {
	call := func(n int, operation string, code int, errorType string) stytch.Request {
		return stytch.Request{ID: fmt.Sprintf("request-id-%d", n), Operation: operation, StatusCode: code, ErrorType: errorType, Time: Noon.Add(time.Duration(n) * time.Minute)}
	}
	const put, list = "UpdateSAMLConnection", "ListSSOConnections"
	for _, test := range []struct {
		name  string
		calls []stytch.Request
		kept  int
	}{
		{"no call", []stytch.Request{call(1, put, 200, ""), {}}, 1},
		{"one success after another", []stytch.Request{call(1, put, 200, ""), call(2, put, 200, "")}, 2},
		{"a creation", []stytch.Request{call(1, put, 200, ""), call(2, "CreateSAMLConnection", 201, "")}, 2},
		{"equal failures", []stytch.Request{call(1, list, 500, "x"), call(2, list, 500, "x"), call(3, list, 500, "x")}, 1},
		{"equal silences", []stytch.Request{call(1, list, 0, ""), call(2, list, 0, "")}, 1},
		{"equal redirects", []stytch.Request{call(1, list, 302, ""), call(2, list, 302, "")}, 1},
		{"another status", []stytch.Request{call(1, list, 500, "x"), call(2, list, 503, "x")}, 2},
		{"another error type", []stytch.Request{call(1, put, 400, "x"), call(2, put, 400, "y")}, 2},
		{"another operation", []stytch.Request{call(1, put, 400, "x"), call(2, list, 400, "x")}, 2},
		{"a success after failures", []stytch.Request{call(1, put, 400, "x"), call(2, put, 400, "x"), call(3, put, 200, "")}, 3},
		{"a failure after a success", []stytch.Request{call(1, put, 200, ""), call(2, put, 400, "x")}, 2},
		{"a new run after a success", []stytch.Request{call(1, put, 400, "x"), call(2, put, 200, ""), call(3, put, 400, "x"), call(4, put, 400, "x")}, 3},
		{"a quiet pass in a run", []stytch.Request{call(1, put, 400, "x"), {}, call(3, put, 400, "x")}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			status := NewStatus()
			for _, request := range test.calls {
				status = connection.Judge(status, 1, connection.Report{Reason: v1alpha1.ReasonRejected, Message: "No.", Request: request}, Noon)
			}
			kept := test.calls[test.kept-1]
			Same(t, "lastRequest", status.LastRequest, &v1alpha1.Request{
				RequestID: kept.ID, Operation: kept.Operation, StatusCode: int64(kept.StatusCode), ErrorType: kept.ErrorType, Time: metav1.NewTime(kept.Time),
			})
		})
	}
	if status := connection.Judge(NewStatus(), 1, connection.Report{Reason: v1alpha1.ReasonConflict, Message: "No."}, Noon); status.LastRequest != nil {
		t.Errorf("a request is shown where none was made: %+v", status.LastRequest)
	}
}

func TestAFailureSaysWhatToDo(t *testing.T) {
	for _, test := range []struct {
		name   string
		err    stytch.Error
		reason string
		says   []string
	}{
		{
			"a 401",
			stytch.Error{Class: stytch.CredentialsRejected, Request: stytch.Request{StatusCode: 401, ErrorType: "unauthorized_credentials"}, Message: "Unauthorized credentials."},
			v1alpha1.ReasonCredentialsRejected,
			[]string{"401 unauthorized_credentials", "Unauthorized credentials. Store the project's current secret", "StytchProject"},
		},
		{
			"a 403",
			stytch.Error{Class: stytch.PermissionDenied, Request: stytch.Request{StatusCode: 403, ErrorType: "session_authorization_error"}, Message: "update on stytch.sso is not allowed"},
			v1alpha1.ReasonPermissionDenied,
			[]string{"UpdateSAMLConnection", "stytch.sso", "Allow the action in Stytch"},
		},
		{
			"a 403 of the plan",
			stytch.Error{Class: stytch.PermissionDenied, Request: stytch.Request{StatusCode: 403, ErrorType: "too_many_sso_connections_for_billing_tier"}, Message: "Upgrade."},
			v1alpha1.ReasonPermissionDenied,
			[]string{"403 too_many_sso_connections_for_billing_tier", "The plan of the Stytch project does not allow this. Change the plan"},
		},
		{
			"a 400 of the plan",
			stytch.Error{Class: stytch.Rejected, Request: stytch.Request{StatusCode: 400, ErrorType: "billing_not_verified"}},
			v1alpha1.ReasonRejected,
			[]string{"400 billing_not_verified", "The plan of the Stytch project does not allow this"},
		},
		{
			"a 429",
			stytch.Error{Class: stytch.Throttled, Request: stytch.Request{StatusCode: 429}, Message: "rate limit exceeded", RetryAfter: time.Second},
			v1alpha1.ReasonThrottled,
			[]string{"429", "Retrying automatically", "rateLimit"},
		},
		{
			"a 500",
			stytch.Error{Class: stytch.Unavailable, Request: stytch.Request{StatusCode: 500, ErrorType: "internal_server_error"}},
			v1alpha1.ReasonUnavailable,
			[]string{"500 internal_server_error", "Retrying automatically"},
		},
		{
			"no answer",
			stytch.Error{Class: stytch.Unavailable, Message: "connection refused"},
			v1alpha1.ReasonUnavailable,
			[]string{"got no response: connection refused", "Retrying automatically"},
		},
		{
			"a proxy that asks for credentials",
			stytch.Error{Class: stytch.Unavailable, Request: stytch.Request{StatusCode: 407}},
			v1alpha1.ReasonUnavailable,
			[]string{"Stytch is not the cause", "HTTPS_PROXY of the manager", "Retrying automatically"},
		},
		{
			"a proxy that is down",
			stytch.Error{Class: stytch.Unavailable, Err: &net.OpError{Op: "proxyconnect"}},
			v1alpha1.ReasonUnavailable,
			[]string{"Stytch is not the cause: check the proxy", "Retrying automatically"},
		},
		{
			"a certificate that is not trusted",
			stytch.Error{Class: stytch.Unavailable, Err: &tls.CertificateVerificationError{}},
			v1alpha1.ReasonUnavailable,
			[]string{"Stytch is not the cause", "SSL_CERT_FILE", "Retrying automatically"},
		},
		{
			"an unknown organization",
			stytch.Error{Class: stytch.OrganizationNotFound, Request: stytch.Request{StatusCode: 404, ErrorType: "organization_not_found"}},
			v1alpha1.ReasonRejected,
			[]string{"organization_not_found", "spec.organization", "StytchProject"},
		},
		{
			"a refusal",
			stytch.Error{Class: stytch.Rejected, Request: stytch.Request{StatusCode: 400, ErrorType: "invalid_idp_sso_url"}, Message: "The URL is not valid."},
			v1alpha1.ReasonRejected,
			[]string{"400 invalid_idp_sso_url", "The URL is not valid. Fix the manifest", "at the next resync"},
		},
		{
			"something that is not there",
			stytch.Error{Class: stytch.NotFound, Request: stytch.Request{StatusCode: 404, ErrorType: "saml_connection_not_found"}},
			v1alpha1.ReasonRejected,
			[]string{"saml_connection_not_found", "Fix the manifest"},
		},
		{
			"a source that is not active",
			stytch.Error{Class: stytch.Rejected, Request: stytch.Request{StatusCode: 400, ErrorType: "external_connection_not_active"}},
			v1alpha1.ReasonSourceNotReady,
			[]string{"external_connection_not_active", "Create or activate the source connection"},
		},
		{
			"a source that is not there",
			stytch.Error{Class: stytch.Rejected, Request: stytch.Request{StatusCode: 400, ErrorType: "external_connection_id_not_found"}},
			v1alpha1.ReasonSourceNotReady,
			[]string{"Create or activate the source connection"},
		},
		{
			"a source that is not there, as a 404",
			stytch.Error{Class: stytch.NotFound, Request: stytch.Request{StatusCode: 404, ErrorType: "external_connection_not_found"}},
			v1alpha1.ReasonSourceNotReady,
			[]string{"Create or activate the source connection"},
		},
		{
			"metadata that is a page",
			stytch.Error{Class: stytch.Rejected, Request: stytch.Request{StatusCode: 400, ErrorType: "invalid_xml_from_saml_metadata_url"}, Message: "Not XML."},
			v1alpha1.ReasonRejected,
			[]string{"400 invalid_xml_from_saml_metadata_url", "Not XML. Check spec.metadataURL", "as XML. Retrying at the next resync"},
		},
		{
			"metadata that cannot be fetched",
			stytch.Error{Class: stytch.Rejected, Request: stytch.Request{StatusCode: 400, ErrorType: "invalid_saml_metadata_url"}},
			v1alpha1.ReasonRejected,
			[]string{"Check spec.metadataURL. It must be reachable from the internet"},
		},
		{
			"too many certificates",
			stytch.Error{Class: stytch.Rejected, Request: stytch.Request{StatusCode: 400, ErrorType: "too_many_sso_verification_certificates"}},
			v1alpha1.ReasonRejected,
			[]string{"Delete an unused verification certificate in Stytch"},
		},
		{
			"too many encryption keys",
			stytch.Error{Class: stytch.Rejected, Request: stytch.Request{StatusCode: 400, ErrorType: "too_many_encryption_certificates"}},
			v1alpha1.ReasonRejected,
			[]string{"Delete an unused encryption key in Stytch"},
		},
		{
			"a source's error type in a 5xx",
			stytch.Error{Class: stytch.Unavailable, Request: stytch.Request{StatusCode: 503, ErrorType: "external_connection_not_active"}},
			v1alpha1.ReasonUnavailable, nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.err
			err.Operation, err.ID, err.Time = "UpdateSAMLConnection", "request-id-live-1", Noon
			reason, message := connection.Failure(&err)
			Same(t, "the reason", reason, test.reason)
			Contains(t, message, test.says...)
			Lacks(t, message, "request-id", "..", "  ", "%!", "12:00")
			if !strings.HasSuffix(message, ".") {
				t.Errorf("%q does not end", message)
			}
			err.ID, err.Time, err.RetryAfter = "request-id-live-2", Noon.Add(time.Hour), 7*time.Second
			_, again := connection.Failure(&err)
			Same(t, "the message of the same failure", again, message)
		})
	}
}

// projectTable is what a check of credentials may find.
func projectTable() []told {
	row := func(reason, also string) told {
		return told{reason: reason, inForce: words("False " + reason), also: also}
	}
	return []told{
		{reason: v1alpha1.ReasonVerified, inForce: "True Verified"},
		row(v1alpha1.ReasonInvalid, "Stalled"),
		row(v1alpha1.ReasonInputMissing, "Reconciling"),
		row(v1alpha1.ReasonCredentialsRejected, "Stalled"),
		row(v1alpha1.ReasonPermissionDenied, "Stalled"),
		row(v1alpha1.ReasonRejected, "Stalled"),
		row(v1alpha1.ReasonThrottled, "Reconciling"),
		row(v1alpha1.ReasonUnavailable, "Reconciling"),
	}
}

func (row told) check() connection.ProjectReport {
	return connection.ProjectReport{
		Reason: row.reason, Message: "What is " + row.reason + ", and what to do.", Environment: "live", Name: "Acme",
		Inputs:  []v1alpha1.Input{{Kind: "Secret", Name: "stytch", UID: "u", ResourceVersion: "1"}},
		Request: stytch.Request{ID: "request-id-1", Operation: "Whoami", StatusCode: 500, Time: Noon},
	}
}

func TestAProjectSaysWhetherItsCredentialsAreAccepted(t *testing.T) {
	verified := connection.JudgeProject(v1alpha1.ProjectStatus{ObservedGeneration: -1}, 1, told{reason: v1alpha1.ReasonVerified}.check(), Noon.Add(-time.Hour))
	for _, row := range projectTable() {
		for _, was := range []v1alpha1.ProjectStatus{{ObservedGeneration: -1}, verified} {
			t.Run(fmt.Sprintf("%s after generation %d", row.reason, was.ObservedGeneration), func(t *testing.T) {
				before := InJSON(t, was)
				status := connection.JudgeProject(was, 2, row.check(), Noon)
				as := v1alpha1.ConnectionStatus{Conditions: status.Conditions, ObservedGeneration: status.ObservedGeneration}
				Same(t, "observedGeneration", status.ObservedGeneration, int64(2))
				Same(t, "Ready", conditionWords(as, "Ready"), row.inForce)
				Same(t, "what else stands", strings.Join(slices.Collect(abnormal(as)), " "), row.also)
				Same(t, "the environment", status.Environment, "live")
				Same(t, "the inputs", status.Inputs, []v1alpha1.Input{row.check().Inputs[0]})
				Same(t, "the status that was given", InJSON(t, was), before)

				again := row.check()
				again.Request.ID, again.Request.Time = "request-id-2", Noon.Add(time.Hour)
				Same(t, "the status of the same finding", connection.JudgeProject(status, 2, again, Noon.Add(time.Hour)), status)
			})
		}
	}
}

func abnormal(status v1alpha1.ConnectionStatus) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, c := range status.Conditions {
			if c.ObservedGeneration != status.ObservedGeneration {
				yield("stale " + c.Type)
			}
			if c.Type != v1alpha1.ConditionReady && !yield(c.Type) {
				return
			}
		}
	}
}

func TestAProjectKeepsItsNameAndShowsAtMost256RunesOfIt(t *testing.T) {
	check := told{reason: v1alpha1.ReasonVerified}.check()
	check.Name = strings.Repeat("ü", 300)
	status := connection.JudgeProject(v1alpha1.ProjectStatus{}, 1, check, Noon)
	Same(t, "the runes of the name", utf8.RuneCountInString(status.ProjectName), 256)
	failed := told{reason: v1alpha1.ReasonUnavailable}.check()
	failed.Name = ""
	Same(t, "the name after a failure", connection.JudgeProject(status, 1, failed, Noon).ProjectName, status.ProjectName)
}

func TestAProjectSaysThatDriftChecksAreLateAsLongAsTheyAre(t *testing.T) {
	ready := func(status v1alpha1.ProjectStatus) string {
		c := apimeta.FindStatusCondition(status.Conditions, "Ready")
		return fmt.Sprintf("%s %s %s", c.Status, c.Reason, c.Message)
	}
	onTime := connection.JudgeProject(v1alpha1.ProjectStatus{}, 1, told{reason: v1alpha1.ReasonVerified}.check(), Noon)
	Same(t, "Ready", ready(onTime), "True Verified Stytch accepts the credentials.")
	late := connection.JudgeProject(onTime, 1, connection.ProjectReport{DriftLate: true}, Noon.Add(time.Hour))
	Contains(t, ready(late), "True Verified Stytch accepts the credentials. Drift checks come later than the resync interval asks for")
	Same(t, "the status once they are not", connection.JudgeProject(late, 1, connection.ProjectReport{}, Noon.Add(2*time.Hour)), onTime)
	refused := connection.JudgeProject(onTime, 1, told{reason: v1alpha1.ReasonCredentialsRejected}.check(), Noon)
	Same(t, "the status of rejected credentials", connection.JudgeProject(refused, 1, connection.ProjectReport{DriftLate: true}, Noon), refused)
}

func TestAProjectWhoseCheckGetsAnUnreadableAnswerAgainSaysTheSame(t *testing.T) {
	check := told{reason: v1alpha1.ReasonUnavailable}.check()
	check.Request.StatusCode = 200
	status := connection.JudgeProject(v1alpha1.ProjectStatus{}, 1, check, Noon)
	check.Request.Time = Noon.Add(time.Hour)
	Same(t, "the status", connection.JudgeProject(status, 1, check, Noon.Add(time.Hour)), status)
}

func TestAManifestThatIsBeingDeletedKeepsWhatReadySays(t *testing.T) {
	was := v1alpha1.ConnectionStatus{AppliedGeneration: 1, Conditions: []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonActive, Message: "Active."},
	}}
	for _, leaving := range []bool{true, false} {
		r := connection.Report{Reason: v1alpha1.ReasonThrottled, Message: "Later.", Leaving: leaving}
		status := connection.Judge(was, 2, r, Noon)
		Same(t, "Ready", conditionWords(status, "Ready"), map[bool]words{true: "True Active", false: "False Throttled"}[leaving])
	}
}

func TestWhatIsContestedAndWhatLooksAlikeStandsUntilAPassKnowsBetter(t *testing.T) {
	seen := &connection.Remote{State: connection.StateActive}
	status := NewStatus()
	for _, step := range []struct {
		name             string
		report           connection.Report
		contested, twins string
	}{
		{"a conflict", connection.Report{Reason: v1alpha1.ReasonConflict, Message: "Held.", Contested: "c1"}, "c1", ""},
		{"Stytch is away", connection.Report{Reason: v1alpha1.ReasonUnavailable, Message: "Away."}, "c1", ""},
		{"a conflict about nothing", connection.Report{Reason: v1alpha1.ReasonConflict, Message: "Another project."}, "", ""},
		{"a conflict again", connection.Report{Reason: v1alpha1.ReasonConflict, Message: "Held.", Contested: "c1"}, "c1", ""},
		{"taken over", connection.Report{Reason: v1alpha1.ReasonInSync, Message: "Fine.", Remote: seen, Twins: []string{"c2"}}, "", "c2"},
		{"not seen", connection.Report{Reason: v1alpha1.ReasonUnavailable, Message: "Away."}, "", "c2"},
		{"the twin is gone", connection.Report{Reason: v1alpha1.ReasonInSync, Message: "Fine.", Remote: seen}, "", ""},
	} {
		status = connection.Judge(status, 1, step.report, Noon)
		Same(t, step.name+": contested", status.ConflictingConnectionID, step.contested)
		Same(t, step.name+": twins", strings.Join(status.ProbableTwins, " "), step.twins)
	}
}
