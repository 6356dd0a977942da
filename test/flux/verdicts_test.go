package flux_test

import (
	"os"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/runtime/cel"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

// verdict is what kstatus alone, and what Flux with the expressions of config/flux, makes of an object.
type verdict struct{ kstatus, flux status.Status }

var (
	current  = verdict{status.CurrentStatus, status.CurrentStatus}
	progress = verdict{status.InProgressStatus, status.InProgressStatus}
	failed   = verdict{status.FailedStatus, status.FailedStatus}
	// What the expressions are for: with kstatus alone, Flux waits until its timeout, and reports a failure.
	released = verdict{status.InProgressStatus, status.CurrentStatus}
	expired  = verdict{status.CurrentStatus, status.FailedStatus}
	// A manifest that somebody deleted, and that Flux has applied again.
	leaving = verdict{status.TerminatingStatus, status.InProgressStatus}
	blocked = verdict{status.TerminatingStatus, status.FailedStatus}
)

// verdicts are those of a new manifest, of one whose generation was applied, and of one that was edited after that.
type verdicts struct{ fresh, applied, edited verdict }

func always(v verdict) verdicts { return verdicts{v, v, v} }

// rows are the reasons of docs/conditions.md, and what is to be seen of a connection that has them.
var rows = []struct {
	reason string // of any condition
	when   string // where a reason has several rows
	report connection.Report
	want   verdicts
}{
	{v1alpha1.ReasonInSync, "", seen(v1alpha1.ReasonInSync), always(current)},
	{v1alpha1.ReasonActive, "", seen(v1alpha1.ReasonInSync), always(current)},
	{v1alpha1.ReasonPending, "", seen(v1alpha1.ReasonInSync, incomplete), always(released)},
	{v1alpha1.ReasonPlanPending, "it differs", seen(v1alpha1.ReasonPlanPending), always(current)},
	{v1alpha1.ReasonPlanPending, "it is pending", seen(v1alpha1.ReasonPlanPending, incomplete), always(released)},
	{v1alpha1.ReasonPlanPending, "there is none", seen(v1alpha1.ReasonPlanPending, absent), always(released)},
	{v1alpha1.ReasonPaused, "", learned(v1alpha1.ReasonPaused), verdicts{released, current, current}},

	{v1alpha1.ReasonGroupsPending, "", seen(v1alpha1.ReasonGroupsPending), always(released)},
	{v1alpha1.ReasonInputMissing, "", learned(v1alpha1.ReasonInputMissing, waits), verdicts{progress, released, progress}},
	{v1alpha1.ReasonInputMissing, "for long", learned(v1alpha1.ReasonInputMissing, waitsForLong), always(failed)},
	{v1alpha1.ReasonSourceNotReady, "", learned(v1alpha1.ReasonSourceNotReady, waits), verdicts{progress, released, progress}},
	{v1alpha1.ReasonSourceNotReady, "for long", learned(v1alpha1.ReasonSourceNotReady, waitsForLong), always(failed)},
	{v1alpha1.ReasonSourceNotReady, "with source", learned(v1alpha1.ReasonSourceNotReady), verdicts{progress, released, progress}},

	{v1alpha1.ReasonCreationInDoubt, "", learned(v1alpha1.ReasonCreationInDoubt), always(progress)},
	{v1alpha1.ReasonThrottled, "", learned(v1alpha1.ReasonThrottled), verdicts{progress, released, progress}},
	{v1alpha1.ReasonThrottled, "logins go elsewhere", seen(v1alpha1.ReasonThrottled, astray), always(progress)},
	{v1alpha1.ReasonThrottled, "deleted", learned(v1alpha1.ReasonThrottled, deleted), always(leaving)},
	{v1alpha1.ReasonUnavailable, "", learned(v1alpha1.ReasonUnavailable), verdicts{progress, released, progress}},
	{v1alpha1.ReasonUnavailable, "logins go elsewhere", seen(v1alpha1.ReasonUnavailable, astray), always(progress)},

	{v1alpha1.ReasonInvalid, "", learned(v1alpha1.ReasonInvalid), always(failed)},
	{v1alpha1.ReasonNotGranted, "", learned(v1alpha1.ReasonNotGranted), always(failed)},
	{v1alpha1.ReasonDiscoveryFailed, "", seen(v1alpha1.ReasonDiscoveryFailed), always(failed)},
	{v1alpha1.ReasonMetadataUnread, "", seen(v1alpha1.ReasonMetadataUnread), always(failed)},
	{v1alpha1.ReasonKeysUnidentified, "", seen(v1alpha1.ReasonKeysUnidentified), always(failed)},
	{v1alpha1.ReasonRenewBeforeTooLong, "", seen(v1alpha1.ReasonRenewBeforeTooLong), always(failed)},
	{v1alpha1.ReasonCredentialsRejected, "", learned(v1alpha1.ReasonCredentialsRejected), always(failed)},
	{v1alpha1.ReasonPermissionDenied, "", learned(v1alpha1.ReasonPermissionDenied), always(failed)},
	{v1alpha1.ReasonRejected, "", seen(v1alpha1.ReasonRejected), always(failed)},
	{v1alpha1.ReasonConflict, "", learned(v1alpha1.ReasonConflict), always(failed)},
	{v1alpha1.ReasonRemoteMissing, "", learned(v1alpha1.ReasonRemoteMissing), always(failed)},
	{v1alpha1.ReasonNotConverging, "", seen(v1alpha1.ReasonNotConverging), always(failed)},
	{v1alpha1.ReasonDeletionBlocked, "", learned(v1alpha1.ReasonDeletionBlocked, deleted), always(blocked)},

	{v1alpha1.ReasonExpiring, "", seen(v1alpha1.ReasonInSync, expiring(v1alpha1.ReasonExpiring)), always(current)},
	{v1alpha1.ReasonExpired, "", seen(v1alpha1.ReasonInSync, expiring(v1alpha1.ReasonExpired)), always(expired)},
	{v1alpha1.ReasonAwaitingAcknowledgement, "", seen(v1alpha1.ReasonInSync, rotating(v1alpha1.ReasonAwaitingAcknowledgement)), always(current)},
	{v1alpha1.ReasonOverlapping, "", seen(v1alpha1.ReasonInSync, rotating(v1alpha1.ReasonOverlapping)), always(current)},
	{v1alpha1.ReasonStarting, "", seen(v1alpha1.ReasonInSync, rotating(v1alpha1.ReasonStarting)), always(current)},
	{v1alpha1.ReasonNextTokenLost, "", seen(v1alpha1.ReasonInSync, rotating(v1alpha1.ReasonNextTokenLost)), always(current)},
	{v1alpha1.ReasonStartedElsewhere, "", seen(v1alpha1.ReasonInSync, rotating(v1alpha1.ReasonStartedElsewhere)), always(current)},
}

type change func(*connection.Report)

// learned is what a pass reports that did not see the connection, and seen, what one reports that did.
func learned(reason string, changes ...change) connection.Report {
	report := connection.Report{Reason: reason, Message: "Something is so.", Slot: later}
	for _, c := range changes {
		c(&report)
	}
	return report
}

func seen(reason string, changes ...change) connection.Report {
	isThere := func(r *connection.Report) { r.Remote = &connection.Remote{State: connection.StateActive} }
	return learned(reason, append([]change{isThere}, changes...)...)
}

func absent(r *connection.Report) { r.Remote = &connection.Remote{Absent: true} }
func incomplete(r *connection.Report) {
	r.Remote = &connection.Remote{State: "pending", Missing: []string{"idpEntityID"}}
}
func astray(r *connection.Report)       { r.Remote.Astray = []string{"idpSSOURL"} }
func waits(r *connection.Report)        { r.Waits, r.Patience = true, 2*later.Sub(noon) }
func waitsForLong(r *connection.Report) { r.Waits, r.Patience = true, later.Sub(noon) }
func deleted(r *connection.Report)      { r.Leaving = true }

func expiring(reason string) change {
	return func(r *connection.Report) { r.Expiring, r.ExpiringMessage = reason, "The token expires." }
}

func rotating(reason string) change {
	return func(r *connection.Report) { r.Rotating, r.RotatingMessage = reason, "The token is being rotated." }
}

// A finding is judged at noon, and again later.
var (
	noon  = connectiontest.Noon
	later = noon.Add(time.Hour)
)

func TestFluxWaitsForAConnectionAsItsRowSays(t *testing.T) {
	j := newJudge(t)
	for _, row := range rows {
		for name, o := range manifests() {
			fresh := connectiontest.NewStatus()
			applied := connection.Judge(fresh, 1, seen(v1alpha1.ReasonInSync), noon)
			for stage, c := range map[string]struct {
				was        v1alpha1.ConnectionStatus
				generation int64
				want       verdict
			}{
				"new": {fresh, 1, row.want.fresh}, "applied": {applied, 1, row.want.applied}, "edited": {applied, 2, row.want.edited},
			} {
				o.SetGeneration(c.generation)
				o.SetDeletionTimestamp(nil)
				if row.report.Leaving {
					o.SetDeletionTimestamp(&metav1.Time{Time: noon})
				}
				at := connection.Judge(c.was, c.generation, row.report, noon)
				*o.CommonStatus() = connection.Judge(at, c.generation, row.report, later)
				j.require(t, o, c.want, "%s (%s) of a %s %s", row.reason, row.when, stage, name)
			}
		}
	}
}

// No reason counts before the operator has seen the generation: not even one that failed the generation before it.
func TestFluxWaitsUntilTheGenerationWasObserved(t *testing.T) {
	j := newJudge(t)
	for _, row := range rows {
		for name, o := range manifests() {
			*o.CommonStatus() = connection.Judge(connectiontest.NewStatus(), 1, row.report, noon)
			o.SetGeneration(2)
			j.require(t, o, progress, "%s (%s) of a %s that was edited just now", row.reason, row.when, name)
			*o.CommonStatus() = connectiontest.NewStatus()
			j.require(t, o, progress, "a %s that was applied just now", name)
		}
	}
}

// Ready alone does not count: status may be of another program, such as a backup that was restored.
func TestFluxWaitsUntilTheGenerationWasApplied(t *testing.T) {
	j := newJudge(t)
	for name, o := range manifests() {
		for _, report := range []connection.Report{seen(v1alpha1.ReasonInSync), seen(v1alpha1.ReasonInSync, incomplete)} {
			*o.CommonStatus() = connection.Judge(connectiontest.NewStatus(), 2, report, noon)
			o.SetGeneration(2)
			for _, generation := range []int64{0, 1} {
				o.CommonStatus().AppliedGeneration = generation
				alone, err := status.Compute(asFluxReadsIt(t, o))
				if err != nil {
					t.Fatal(err)
				}
				j.require(t, o, verdict{alone.Status, status.InProgressStatus}, "a %s of which generation %d was applied", name, generation)
			}
		}
	}
}

// projectRows are the reasons of a StytchProject, for which kstatus alone is enough.
var projectRows = []struct {
	reason string
	report connection.ProjectReport
	want   verdict
}{
	{v1alpha1.ReasonVerified, checked(v1alpha1.ReasonVerified), current},
	{v1alpha1.ReasonInvalid, checked(v1alpha1.ReasonInvalid), failed},
	{v1alpha1.ReasonInputMissing, connection.ProjectReport{Reason: v1alpha1.ReasonInputMissing, Patience: 2 * later.Sub(noon)}, progress},
	{v1alpha1.ReasonInputMissing, connection.ProjectReport{Reason: v1alpha1.ReasonInputMissing, Patience: later.Sub(noon)}, failed},
	{v1alpha1.ReasonCredentialsRejected, checked(v1alpha1.ReasonCredentialsRejected), failed},
	{v1alpha1.ReasonPermissionDenied, checked(v1alpha1.ReasonPermissionDenied), failed},
	{v1alpha1.ReasonRejected, checked(v1alpha1.ReasonRejected), failed},
	{v1alpha1.ReasonThrottled, checked(v1alpha1.ReasonThrottled), progress},
	{v1alpha1.ReasonUnavailable, checked(v1alpha1.ReasonUnavailable), progress},
	{v1alpha1.ReasonInUse, checked(v1alpha1.ReasonVerified, connection.User{Kind: "SCIMConnection", Name: "acme"}), verdict{status.TerminatingStatus, status.TerminatingStatus}},
}

func checked(reason string, users ...connection.User) connection.ProjectReport {
	return connection.ProjectReport{Reason: reason, Message: "Something is so.", Users: users}
}

func TestFluxWaitsForAProjectAsItsRowSays(t *testing.T) {
	j := newJudge(t)
	for _, row := range projectRows {
		was := v1alpha1.ProjectStatus{ObservedGeneration: -1}
		judged := connection.JudgeProject(connection.JudgeProject(was, 1, row.report, noon), 1, row.report, later)
		meta := connectiontest.Meta("default")
		if row.report.Users != nil {
			meta.DeletionTimestamp = &metav1.Time{Time: noon}
		}
		for _, o := range []runtime.Object{
			&v1alpha1.StytchProject{ObjectMeta: meta, Status: v1alpha1.StytchProjectStatus{ProjectStatus: judged}},
			&v1alpha1.ClusterStytchProject{ObjectMeta: meta, Status: v1alpha1.ClusterStytchProjectStatus{ProjectStatus: judged}},
		} {
			j.require(t, o, row.want, "%s of a %T", row.reason, o)
		}
	}
}

func TestEveryReasonHasARow(t *testing.T) {
	text, err := os.ReadFile("../../api/v1alpha1/conditions.go")
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, row := range rows {
		has[row.reason] = true
	}
	for _, row := range projectRows {
		has[row.reason] = true
	}
	reasons := regexp.MustCompile(`\bReason\w+ = "(\w+)"`).FindAllSubmatch(text, -1)
	if len(reasons) != len(has) {
		t.Errorf("there are %d reasons, and rows of %d", len(reasons), len(has))
	}
	for _, reason := range reasons {
		if !has[string(reason[1])] {
			t.Errorf("there is no row of %s", reason[1])
		}
	}
}

// manifests are one of each kind.
func manifests() map[string]v1alpha1.Connection {
	return map[string]v1alpha1.Connection{
		"SAMLConnection": connectiontest.SAMLManifest(), "OIDCConnection": connectiontest.OIDCManifest(),
		"SCIMConnection": connectiontest.SCIMManifest(), "ExternalConnection": connectiontest.ExternalManifest(),
	}
}

// judge is Flux, with an evaluator of the expressions for each kind that has some.
type judge map[string]*cel.StatusEvaluator

func newJudge(t *testing.T) judge {
	t.Helper()
	all := judge{}
	for _, check := range expressions(t) {
		evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			t.Fatal(err)
		}
		all[check.Kind] = evaluator
	}
	return all
}

func (j judge) require(t *testing.T, o runtime.Object, want verdict, format string, args ...any) {
	t.Helper()
	u := asFluxReadsIt(t, o)
	alone, err := status.Compute(u)
	if err != nil {
		t.Fatal(err)
	}
	got := verdict{alone.Status, alone.Status}
	if evaluator := j[u.GetKind()]; evaluator != nil {
		result, err := evaluator.Evaluate(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		got.flux = result.Status
	}
	if got != want {
		t.Errorf(format+" is %+v, want %+v: %v", append(args, got, want, u.Object["status"])...)
	}
}

// asFluxReadsIt is an object as it comes from the API server.
func asFluxReadsIt(t *testing.T, o runtime.Object) *unstructured.Unstructured {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(reflect.TypeOf(o).Elem().Name()))
	return u
}
