package connection_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

// learned is what one of several passes finds, and what is said then.
type learned struct {
	after      time.Duration // since noon
	reason     string
	waits      bool
	generation int64
	also       string        // Stalled, Reconciling or neither
	since      time.Duration // after noon; negative for none
}

const (
	itsPatience = 5 * time.Minute
	none        = -1
)

func TestWhatIsWaitedForTooLongIsStalled(t *testing.T) {
	const missing, source = v1alpha1.ReasonInputMissing, v1alpha1.ReasonSourceNotReady
	for _, c := range []struct {
		name     string
		patience time.Duration
		passes   []learned
	}{
		{"a missing input, once the patience ends", itsPatience, []learned{
			{0, missing, true, 1, "Reconciling", 0},
			{itsPatience - 1, missing, true, 1, "Reconciling", 0},
			{itsPatience, missing, true, 1, "Stalled", 0},
			{time.Hour, missing, true, 1, "Stalled", 0},
			{time.Hour + 1, v1alpha1.ReasonPaused, false, 1, "", none},
		}},
		{"a source by its manifest, also after a missing input", itsPatience, []learned{
			{0, missing, true, 1, "Reconciling", 0},
			{time.Minute, source, true, 1, "Reconciling", 0},
			{itsPatience, source, true, 1, "Stalled", 0},
		}},
		{"no source by its ID", itsPatience, []learned{
			{0, source, false, 1, "Reconciling", none},
			{time.Hour, source, false, 1, "Reconciling", none},
		}},
		{"no group, and no doubt", itsPatience, []learned{
			{0, v1alpha1.ReasonGroupsPending, false, 1, "Reconciling", none},
			{time.Hour, v1alpha1.ReasonGroupsPending, false, 1, "Reconciling", none},
			{2 * time.Hour, v1alpha1.ReasonCreationInDoubt, false, 1, "Reconciling", none},
			{3 * time.Hour, v1alpha1.ReasonCreationInDoubt, false, 1, "Reconciling", none},
		}},
		{"nothing that was there in between", itsPatience, []learned{
			{0, missing, true, 1, "Reconciling", 0},
			{time.Minute, v1alpha1.ReasonUnavailable, false, 1, "Reconciling", none},
			{2 * time.Minute, missing, true, 1, "Reconciling", 2 * time.Minute},
			{itsPatience, missing, true, 1, "Reconciling", 2 * time.Minute},
			{2*time.Minute + itsPatience, missing, true, 1, "Stalled", 2 * time.Minute},
		}},
		{"an edit, after its own patience", itsPatience, []learned{
			{0, missing, true, 1, "Reconciling", 0},
			{time.Hour, missing, true, 1, "Stalled", 0},
			{2 * time.Hour, missing, true, 2, "Reconciling", 2 * time.Hour},
			{2*time.Hour + itsPatience, missing, true, 2, "Stalled", 2 * time.Hour},
		}},
		{"nothing without a patience", 0, []learned{
			{0, missing, true, 1, "Reconciling", 0},
			{1000 * time.Hour, missing, true, 1, "Reconciling", 0},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, project := NewStatus(), v1alpha1.ProjectStatus{ObservedGeneration: -1}
			for _, pass := range c.passes {
				now := Noon.Add(pass.after)
				status = connection.Judge(status, pass.generation, connection.Report{Reason: pass.reason, Message: "M.", Waits: pass.waits, Patience: c.patience}, now)
				pass.expect(t, status.Conditions, status.WaitingSince)
				if pass.reason == missing || pass.reason == v1alpha1.ReasonUnavailable { // what a StytchProject may say as well
					project = connection.JudgeProject(project, pass.generation, connection.ProjectReport{Reason: pass.reason, Message: "M.", Patience: c.patience}, now)
					pass.expect(t, project.Conditions, project.WaitingSince)
				}
			}
		})
	}
}

func (l learned) expect(t *testing.T, conditions []metav1.Condition, since *metav1.Time) {
	t.Helper()
	status := v1alpha1.ConnectionStatus{Conditions: conditions}
	also := map[string]words{l.also: words("True " + l.reason)}
	Same(t, "Stalled", conditionWords(status, "Stalled"), also["Stalled"])
	Same(t, "Reconciling", conditionWords(status, "Reconciling"), also["Reconciling"])
	if l.since == none {
		Same(t, "since when it waits", since, (*metav1.Time)(nil))
		return
	}
	want := metav1.NewTime(Noon.Add(l.since))
	Same(t, "since when it waits", since, &want)
}

func TestAStytchProjectThatIsKeptForConnectionsIsStalledOnceItsSecretWasMissingTooLong(t *testing.T) {
	report := connection.ProjectReport{
		Reason: v1alpha1.ReasonInputMissing, Message: "M.", Patience: itsPatience, Users: []connection.User{{Kind: "SAMLConnection", Name: "a", Leaving: true}},
	}
	status := connection.JudgeProject(v1alpha1.ProjectStatus{}, 1, report, Noon)
	Same(t, "what stands at first", conditionWords(v1alpha1.ConnectionStatus{Conditions: status.Conditions}, "Reconciling"), words("True InUse"))
	status = connection.JudgeProject(status, 1, report, Noon.Add(itsPatience))
	Same(t, "what stands then", conditionWords(v1alpha1.ConnectionStatus{Conditions: status.Conditions}, "Stalled"), words("True InUse"))
}

func TestOnlyAManifestsOwnObjectsAreWaitedForWithPatience(t *testing.T) {
	names := func(kinds ...string) connection.Kind[*v1alpha1.ExternalConnection, int] {
		return connection.Kind[*v1alpha1.ExternalConnection, int]{References: func(*v1alpha1.ExternalConnection) []connection.Reference {
			var refs []connection.Reference
			for _, kind := range kinds {
				refs = append(refs, connection.Reference{Kind: kind, Name: "a"})
			}
			return refs
		}}
	}
	for _, c := range []struct {
		kinds  []string
		reason string
		want   bool
	}{
		{nil, v1alpha1.ReasonInputMissing, true},
		{[]string{connection.KindSecret}, v1alpha1.ReasonInputMissing, true},
		{nil, v1alpha1.ReasonSourceNotReady, false},
		{[]string{connection.KindSecret, connection.KindConfigMap}, v1alpha1.ReasonSourceNotReady, false},
		{[]string{connection.KindConfigMap, "SAMLConnection"}, v1alpha1.ReasonSourceNotReady, true},
		{[]string{"SAMLConnection"}, v1alpha1.ReasonGroupsPending, false},
		{[]string{"SAMLConnection"}, v1alpha1.ReasonCreationInDoubt, false},
	} {
		if got := names(c.kinds...).Waits(&v1alpha1.ExternalConnection{}, c.reason); got != c.want {
			t.Errorf("%s of a manifest that names %v: waits is %t", c.reason, c.kinds, got)
		}
	}
}
