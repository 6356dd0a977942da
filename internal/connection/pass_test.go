package connection_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
)

// inForce is a manifest of generation 3 whose last pass found its desired met.
func inForce() *v1alpha1.SAMLConnection {
	o := SAMLManifest()
	o.Generation = 3
	o.Status.ObservedGeneration, o.Status.AppliedGeneration = 3, 3
	o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSynced, Reason: v1alpha1.ReasonInSync}}
	return o
}

func TestAManifestBelongsToTheProjectThatItWasPinnedTo(t *testing.T) {
	for _, test := range []struct {
		name, pinned, project string
		want                  *connection.Problem
	}{
		{"not pinned", "", "project-live-1", nil},
		{"the same", "project-live-1", "project-live-1", nil},
		{"another", "project-live-1", "project-live-2", &connection.Problem{
			Reason: v1alpha1.ReasonConflict,
			Cause:  "This manifest belongs to the project project-live-1, but StytchProject acme now refers to project-live-2.", Message: "This manifest belongs to the project project-live-1, but StytchProject acme now refers to project-live-2. " +
				"Restore the StytchProject, or delete this manifest (deletionPolicy: Retain keeps the connection) and apply it with another name.",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := SAMLManifest()
			o.Spec.ProjectRef.Name, o.Status.ProjectID = "acme", test.pinned
			Same(t, "the problem", connection.SameProject(o, test.project), test.want)
		})
	}
}

func TestAManifestIsMetOnceTheLastPassFoundItsGenerationMet(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*v1alpha1.SAMLConnection)
		met    bool
	}{
		{"in force", func(*v1alpha1.SAMLConnection) {}, true},
		{"never looked at", func(o *v1alpha1.SAMLConnection) { o.Status.Conditions = nil }, false},
		{"a reason that says otherwise", func(o *v1alpha1.SAMLConnection) { o.Status.Conditions[0].Reason = v1alpha1.ReasonUnavailable }, false},
		{"another generation was applied", func(o *v1alpha1.SAMLConnection) { o.Status.AppliedGeneration = 2 }, false},
		{"another generation was looked at", func(o *v1alpha1.SAMLConnection) { o.Status.ObservedGeneration = 2 }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := inForce()
			test.change(o)
			Same(t, "met", connection.Met(o), test.met)
		})
	}
}

// dueAt is the scripted kind with a step that the clock asks for, and something that ends.
func dueAt(due time.Time, ends ...time.Time) connection.Kind[*v1alpha1.SAMLConnection, glimpse] {
	kind := (&script{}).bare()
	kind.Due = func(*v1alpha1.SAMLConnection, time.Duration) time.Time { return due }
	kind.Expiries = func(*v1alpha1.SAMLConnection) []connection.Expiry {
		var list []connection.Expiry
		for _, at := range ends {
			list = append(list, connection.Expiry{At: at})
		}
		return list
	}
	return kind
}

func TestAManifestIsSettledUntilSomethingHappens(t *testing.T) {
	slots := connection.SlotsOf(time.Hour, "organization")
	now := slots.Start(Noon).Add(10 * time.Minute)
	for _, test := range []struct {
		name                     string
		unmet                    bool
		looked, due              time.Time
		otherInputs, reads, want bool
		asks, paused             bool
	}{
		{name: "nothing happened", looked: now, reads: true, want: true},
		{name: "it is not met", unmet: true, looked: now},
		{name: "a slot has come", looked: now.Add(-time.Hour)},
		{name: "the clock asks later", looked: now, due: now.Add(time.Minute), reads: true, want: true},
		{name: "the clock asks now", looked: now, due: now},
		{name: "the clock asked before", looked: now, due: now.Add(-time.Minute)},
		{name: "inputs changed", looked: now, otherInputs: true, reads: true},
		{name: "a resync is requested", looked: now, asks: true},
		{name: "a resync is requested of a paused manifest", looked: now, asks: true, paused: true, reads: true, want: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, reads := inForce(), false
			if test.unmet {
				o.Generation++
			}
			if test.asks {
				asking(o, "now")
			}
			if test.paused {
				o.Spec.Management = v1alpha1.ManagementPaused
			}
			sameInputs := func() bool {
				reads = true
				return !test.otherInputs
			}
			Same(t, "settled", dueAt(test.due).Settled(o, slots, test.looked, now, sameInputs), test.want)
			Same(t, "whether inputs were read", reads, test.reads)
		})
	}
}

func TestAPassIsUrgentWhereSomebodyWaitsForIt(t *testing.T) {
	for _, test := range []struct {
		name                             string
		there, edited, deleted, newInput bool
		asks                             bool
		refused                          string
		urgent                           bool
	}{
		{name: "nothing happened", there: true},
		{name: "edited", there: true, edited: true, urgent: true},
		{name: "inputs changed", there: true, newInput: true, urgent: true},
		{name: "deleted", there: true, deleted: true, urgent: true},
		{name: "nothing is there yet, and edited", edited: true},
		{name: "nothing is there yet, and inputs changed", newInput: true},
		{name: "nothing is there yet, and deleted", deleted: true, urgent: true},
		{name: "a resync is requested", there: true, asks: true, urgent: true},
		{name: "nothing is there yet, and a resync is requested", asks: true, urgent: true},
		{name: "it is missing", there: true, refused: v1alpha1.ReasonRemoteMissing},
		{name: "it is missing, and inputs changed", there: true, newInput: true, refused: v1alpha1.ReasonRemoteMissing},
		{name: "it is missing, and edited", there: true, edited: true, refused: v1alpha1.ReasonRemoteMissing, urgent: true},
		{name: "something is in the way", refused: v1alpha1.ReasonConflict},
		{name: "something is in the way, and edited", edited: true, refused: v1alpha1.ReasonConflict, urgent: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := inForce()
			if !test.there {
				o.Status.ConnectionID = ""
			}
			if test.refused != "" {
				o.Status.Conditions[0].Reason = test.refused
			}
			if test.asks {
				asking(o, "now")
			}
			if test.edited {
				o.Generation++
			}
			if test.deleted {
				o.DeletionTimestamp = new(metav1.NewTime(Noon))
			}
			Same(t, "urgent", connection.Urgent(o, func() bool { return !test.newInput }), test.urgent)
		})
	}
}

func TestTheNextPassIsDueAtTheFirstMomentThatAsksForIt(t *testing.T) {
	slots := connection.SlotsOf(time.Hour, "organization")
	now := slots.Start(Noon).Add(10 * time.Minute)
	slot := slots.Next(now)
	in := func(minutes time.Duration) time.Time { return now.Add(minutes * time.Minute) }
	const warning = 5 * time.Minute
	for _, test := range []struct {
		name      string
		due, ends time.Time
		want      time.Time
	}{
		{"nothing but the slot", time.Time{}, in(24 * 60), slot},
		{"the clock asks before the slot", in(20), in(24 * 60), in(20)},
		{"the clock asks after the slot", in(70), in(24 * 60), slot},
		{"the clock asks now", now, in(24 * 60), slot},
		{"the clock asked before", in(-1), in(24 * 60), slot},
		{"something is about to end", time.Time{}, in(25), in(20)},
		{"something ends that was warned of", time.Time{}, in(4), in(4)},
		{"something ends after the slot", time.Time{}, in(70), slot},
		{"the clock asks before something is about to end", in(15), in(25), in(15)},
		{"something is about to end before the clock asks", in(30), in(25), in(20)},
	} {
		t.Run(test.name, func(t *testing.T) {
			Same(t, "next", dueAt(test.due, test.ends).Next(inForce(), slots, warning, now), test.want)
		})
	}
	Same(t, "next, of a kind without a clock", (&script{}).bare().Next(inForce(), slots, warning, now), slot)
}

func TestEachActionIsToldOfByItsEvent(t *testing.T) {
	for action, event := range map[connection.Action]string{
		connection.Update:        "Updated",
		saml.DeleteCertificate:   "Updated",
		saml.FreeCertificate:     "Updated",
		saml.AddEncryptionKey:    "Updated",
		saml.DeleteEncryptionKey: "Updated",
		saml.ReadMetadata:        "MetadataRead",
		details.Publish:          "DetailsPublished",
		token.StartRotation:      "RotationStarted",
		token.CancelRotation:     "RotationCanceled",
		token.CompleteRotation:   "",
		token.PromoteToken:       "TokenRotated",
		token.RecoverToken:       "TokenRecovered",
		token.PublishToken:       "SecretUpdated",
	} {
		t.Run(action.Name, func(t *testing.T) { Same(t, "the event", action.Event, event) })
	}
}

func TestDriftIsRepairedByAChangeForWhichNoManifestGivesAReason(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*v1alpha1.SAMLConnection)
		action  connection.Action
		same    bool
		repairs bool
	}{
		{"a setting", func(*v1alpha1.SAMLConnection) {}, connection.Update, true, true},
		{"a certificate", func(*v1alpha1.SAMLConnection) {}, saml.DeleteCertificate, true, true},
		{"after Stytch could not be reached", func(o *v1alpha1.SAMLConnection) { o.Status.Conditions[0].Reason = v1alpha1.ReasonUnavailable }, connection.Update, true, true},
		{"an edit", func(o *v1alpha1.SAMLConnection) { o.Generation++ }, connection.Update, true, false},
		{"a Secret that changed", func(*v1alpha1.SAMLConnection) {}, connection.Update, false, false},
		{"a rotation", func(*v1alpha1.SAMLConnection) {}, token.StartRotation, true, false},
		{"a ConfigMap", func(*v1alpha1.SAMLConnection) {}, details.Publish, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := inForce()
			test.change(o)
			Same(t, "repairs", connection.Repairs(o, connection.Step{Action: test.action}, func() bool { return test.same }), test.repairs)
		})
	}
}

func TestADriftCheckIsOverdueTwoIntervalsAfterTheLastList(t *testing.T) {
	listed := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	const interval = 10 * time.Minute
	for _, test := range []struct {
		name   string
		change func(*v1alpha1.SAMLConnection)
		listed time.Time
		passed time.Duration
		want   time.Time
	}{
		{"not yet", func(*v1alpha1.SAMLConnection) {}, listed, 2*interval - 1, time.Time{}},
		{"from then on", func(*v1alpha1.SAMLConnection) {}, listed, 2 * interval, listed.Add(2 * interval)},
		{"for long", func(*v1alpha1.SAMLConnection) {}, listed, 9 * interval, listed.Add(2 * interval)},
		{"by a process that makes no checks", func(*v1alpha1.SAMLConnection) {}, time.Time{}, 9 * interval, time.Time{}},
		{"without a connection", func(o *v1alpha1.SAMLConnection) { o.Status.ConnectionID = "" }, listed, 9 * interval, time.Time{}},
		{"observed", func(o *v1alpha1.SAMLConnection) { o.Spec.Management = v1alpha1.ManagementObserve }, listed, 9 * interval, listed.Add(2 * interval)},
		{"paused", func(o *v1alpha1.SAMLConnection) { o.Spec.Management = v1alpha1.ManagementPaused }, listed, 9 * interval, time.Time{}},
		{"being deleted", func(o *v1alpha1.SAMLConnection) { o.DeletionTimestamp = &metav1.Time{Time: listed} }, listed, 9 * interval, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := inForce()
			o.Status.ConnectionID = "saml-connection-1"
			test.change(o)
			Same(t, "since", connection.OverdueSince(o, interval, test.listed, listed.Add(test.passed)), test.want)
		})
	}
}
