package connection_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

// saying is a manifest of generation 3 of which the last pass said something.
func saying(reason string) *v1alpha1.SAMLConnection {
	o := inForce()
	o.Status.ConnectionID = ""
	o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSynced, Reason: reason}}
	return o
}

// asking asks for a resync.
func asking(o *v1alpha1.SAMLConnection, request string) *v1alpha1.SAMLConnection {
	o.Annotations = map[string]string{v1alpha1.AnnotationResyncRequested: request}
	return o
}

func TestAQuestionBeginsWhenTheWatchBringsItAndStaysUntilAnotherComes(t *testing.T) {
	edited := func(o *v1alpha1.SAMLConnection, generation int64) *v1alpha1.SAMLConnection {
		o.Generation = generation
		return o
	}
	in := func(minutes time.Duration) time.Time { return Noon.Add(minutes * time.Minute) }
	for _, test := range []struct {
		name              string
		brought           []*v1alpha1.SAMLConnection // one a minute
		edited, requested time.Time
	}{
		{"a new manifest", []*v1alpha1.SAMLConnection{edited(SAMLManifest(), 1)}, in(0), time.Time{}},
		{"brought again", []*v1alpha1.SAMLConnection{inForce(), inForce(), inForce()}, in(0), time.Time{}},
		{"an edit", []*v1alpha1.SAMLConnection{inForce(), edited(inForce(), 4)}, in(1), time.Time{}},
		{"an old one after it", []*v1alpha1.SAMLConnection{inForce(), edited(inForce(), 4), inForce(), edited(inForce(), 4)}, in(1), time.Time{}},
		{"one of which status says Conflict", []*v1alpha1.SAMLConnection{saying(v1alpha1.ReasonConflict)}, time.Time{}, time.Time{}},
		{"one of which status says RemoteMissing", []*v1alpha1.SAMLConnection{saying(v1alpha1.ReasonRemoteMissing)}, time.Time{}, time.Time{}},
		{"one of which status says something else", []*v1alpha1.SAMLConnection{saying(v1alpha1.ReasonRejected)}, in(0), time.Time{}},
		{"one of which status says Conflict, of another generation", []*v1alpha1.SAMLConnection{edited(saying(v1alpha1.ReasonConflict), 4)}, in(0), time.Time{}},
		{"one of which this process said Conflict", []*v1alpha1.SAMLConnection{inForce(), saying(v1alpha1.ReasonConflict)}, in(0), time.Time{}},
		{"its edit", []*v1alpha1.SAMLConnection{saying(v1alpha1.ReasonConflict), edited(saying(v1alpha1.ReasonConflict), 4)}, in(1), time.Time{}},
		{"a request", []*v1alpha1.SAMLConnection{inForce(), asking(inForce(), "1"), asking(inForce(), "1")}, in(0), in(1)},
		{"another", []*v1alpha1.SAMLConnection{asking(inForce(), "1"), asking(inForce(), "2")}, in(0), in(1)},
		{"the first one again", []*v1alpha1.SAMLConnection{asking(inForce(), "1"), asking(inForce(), "2"), asking(inForce(), "1")}, in(0), in(2)},
	} {
		t.Run(test.name, func(t *testing.T) {
			var q connection.Questions
			for i, o := range test.brought {
				q = q.Brought(o, in(time.Duration(i)))
			}
			Same(t, "when the generation came", q.Edited, test.edited)
			Same(t, "when the request came", q.Requested, test.requested)
		})
	}
}

func TestAProcessThatStartsLeavesWhatStatusSaysUntilSomebodyAsks(t *testing.T) {
	nobody := func(string) string { return "" }
	somebody := func(string) string { return "manifest other" }
	for _, test := range []struct {
		name   string
		reason string
		change func(*v1alpha1.SAMLConnection)
		holder func(string) string
		rest   bool
	}{
		{name: "something in the way", reason: v1alpha1.ReasonConflict, rest: true},
		{name: "named, and not there", reason: v1alpha1.ReasonRemoteMissing, change: func(o *v1alpha1.SAMLConnection) { o.Spec.ConnectionID = "a" }, rest: true},
		{name: "recorded, and not there", reason: v1alpha1.ReasonRemoteMissing, change: func(o *v1alpha1.SAMLConnection) { o.Status.ConnectionID = "a" }, rest: true},
		{name: "named, and held", reason: v1alpha1.ReasonConflict, change: func(o *v1alpha1.SAMLConnection) { o.Spec.ConnectionID = "a" }, holder: somebody, rest: true},
		{name: "named, and held no more", reason: v1alpha1.ReasonConflict, change: func(o *v1alpha1.SAMLConnection) { o.Spec.ConnectionID = "a" }},
		{name: "recorded, and held by nobody else", reason: v1alpha1.ReasonConflict, change: func(o *v1alpha1.SAMLConnection) { o.Status.ConnectionID = "a" }},
		{name: "another named than recorded", reason: v1alpha1.ReasonConflict, rest: true, change: func(o *v1alpha1.SAMLConnection) {
			o.Status.ConnectionID, o.Spec.ConnectionID = "a", "b"
		}},
		{name: "waiting for what another holds", reason: v1alpha1.ReasonConflict, holder: somebody, rest: true, change: func(o *v1alpha1.SAMLConnection) {
			o.Status.ConflictingConnectionID = "a"
		}},
		{name: "waiting for what another held", reason: v1alpha1.ReasonConflict, change: func(o *v1alpha1.SAMLConnection) {
			o.Status.ConflictingConnectionID = "a"
		}},
		{name: "edited", reason: v1alpha1.ReasonConflict, change: func(o *v1alpha1.SAMLConnection) { o.Generation++ }},
		{name: "a resync is requested", reason: v1alpha1.ReasonConflict, change: func(o *v1alpha1.SAMLConnection) { asking(o, "now") }},
		{name: "one was handled", reason: v1alpha1.ReasonConflict, rest: true, change: func(o *v1alpha1.SAMLConnection) {
			asking(o, "now").Status.LastHandledResync = "now"
		}},
		{name: "another reason", reason: v1alpha1.ReasonRejected},
		{name: "never looked at", change: func(o *v1alpha1.SAMLConnection) { o.Status.Conditions = nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, holder := saying(test.reason), nobody
			if test.change != nil {
				test.change(o)
			}
			if test.holder != nil {
				holder = test.holder
			}
			Same(t, "it rests", connection.Questions{}.Brought(o, Noon).Rest(o, holder), test.rest)
		})
	}
	o := saying(v1alpha1.ReasonConflict)
	o.Generation--
	q := connection.Questions{}.Brought(o, Noon).Brought(saying(v1alpha1.ReasonConflict), Noon)
	Same(t, "it rests on what this process said", q.Rest(o, nobody), false)
}

func TestOnlyAListOfTheQuestionRefusesAConnection(t *testing.T) {
	before, after := Noon.Add(-time.Second), Noon.Add(time.Second)
	for _, test := range []struct {
		name     string
		verdict  connection.Verdict
		id       string
		begun    time.Time
		outdated bool
	}{
		{"missing, on an older list", connection.Missing, "a", before, true},
		{"missing, on a list of that moment", connection.Missing, "a", Noon, false},
		{"missing, on a newer list", connection.Missing, "a", after, false},
		{"something in the way, on an older list", connection.Conflict, "", before, true},
		{"something in the way, on a newer list", connection.Conflict, "", after, false},
		{"held by another manifest, which no list tells", connection.Conflict, "a", before, false},
		{"ours", connection.Ours, "a", before, false},
		{"none", connection.None, "", before, false},
		{"in doubt", connection.Doubt, "", before, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := inForce()
			o.Status.ConnectionID, o.Spec.ConnectionID = "", test.id
			q := connection.Questions{}.Brought(o, Noon)
			Same(t, "outdated", q.Outdated(o, test.verdict, test.begun), test.outdated)
		})
	}
}

func TestListsForQuestionsAreTenSecondsApart(t *testing.T) {
	for _, test := range []struct {
		name   string
		listed time.Time
		may    bool
	}{
		{"never listed", time.Time{}, true},
		{"just listed", Noon, false},
		{"a moment too early", Noon.Add(time.Millisecond - 10*time.Second), false},
		{"ten seconds ago", Noon.Add(-10 * time.Second), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			at, may := connection.MayAsk(test.listed, Noon)
			Same(t, "may be listed", may, test.may)
			Same(t, "when", at, test.listed.Add(10*time.Second))
		})
	}
}

func TestARequestIsHandledOncePerValue(t *testing.T) {
	long := strings.Repeat("ü", 257)
	for _, test := range []struct {
		name, value, handled, want string
	}{
		{"none", "", "", ""},
		{"taken away", "", "1", ""},
		{"a first one", "1", "", "1"},
		{"handled", "1", "1", ""},
		{"another", "2", "1", "2"},
		{"as long as status shows", long[2:], "", long[2:]},
		{"longer", long, "", connection.Hash(long)},
		{"longer, and handled", long, connection.Hash(long), ""},
		{"longer, and another", long + "2", connection.Hash(long), connection.Hash(long + "2")},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := asking(inForce(), test.value)
			o.Status.LastHandledResync = test.handled
			Same(t, "the request", connection.ResyncRequested(o), test.want)
		})
	}
}

func TestStatusShowsTheResyncThatWasHandled(t *testing.T) {
	was := v1alpha1.ConnectionStatus{LastHandledResync: "1"}
	report := connection.Report{Reason: v1alpha1.ReasonInSync, Remote: &connection.Remote{State: "active"}}
	Same(t, "after a pass that was none", connection.Judge(was, 1, report, Noon).LastHandledResync, "1")
	report.Resync = "2"
	Same(t, "after one", connection.Judge(was, 1, report, Noon).LastHandledResync, "2")
}
