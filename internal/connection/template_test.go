package connection_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

// keys are labels or annotations.
type keys = map[string]string

// labeled is a template of labels.
func labeled(labels map[string]v1alpha1.LabelValue) *v1alpha1.ObjectTemplate {
	return &v1alpha1.ObjectTemplate{Labels: labels}
}

// templateOf is a template of annotations.
func templateOf(annotations keys) *v1alpha1.ObjectTemplate {
	return &v1alpha1.ObjectTemplate{Annotations: annotations}
}

const remembers = v1alpha1.AnnotationTemplateKeys

func TestAnObjectGetsWhatItsTemplateSaysAndLosesOnlyWhatOneHadSet(t *testing.T) {
	last := "kubectl.kubernetes.io/last-applied-configuration"
	for _, test := range []struct {
		name                       string
		template                   *v1alpha1.ObjectTemplate
		labels, annotations        keys // of the object
		wantLabels, wantAnnotation keys
		shown                      []v1alpha1.Change
	}{
		{name: "no template and nothing there"},
		{name: "no template and keys of others", labels: keys{"a": "1"}, annotations: keys{"b": "2"}, wantLabels: keys{"a": "1"}, wantAnnotation: keys{"b": "2"}},
		{name: "an empty template", template: &v1alpha1.ObjectTemplate{}, labels: keys{"a": "1"}, wantLabels: keys{"a": "1"}},
		{
			name: "set", template: labeled(map[string]v1alpha1.LabelValue{"team": "infra"}),
			wantLabels: keys{"team": "infra"}, wantAnnotation: keys{remembers: `{"labels":["team"]}`},
			shown: []v1alpha1.Change{{Field: "secretTemplate.labels.team", Want: "infra"}},
		},
		{
			name: "set beside keys of others", template: templateOf(keys{"copy": "true", "again": "x"}), labels: keys{"a": "1"}, annotations: keys{"b": "2"},
			wantLabels: keys{"a": "1"}, wantAnnotation: keys{"b": "2", "copy": "true", "again": "x", remembers: `{"annotations":["again","copy"]}`},
			shown: []v1alpha1.Change{{Field: "secretTemplate.annotations.again", Want: "x"}, {Field: "secretTemplate.annotations.copy", Want: "true"}},
		},
		{
			name: "set already", template: labeled(map[string]v1alpha1.LabelValue{"team": "infra"}), labels: keys{"team": "infra"}, annotations: keys{remembers: `{"labels":["team"]}`},
			wantLabels: keys{"team": "infra"}, wantAnnotation: keys{remembers: `{"labels":["team"]}`},
		},
		{
			name: "set already by somebody else, whose it stays", template: labeled(map[string]v1alpha1.LabelValue{"team": "infra"}), labels: keys{"team": "infra"},
			wantLabels: keys{"team": "infra"},
		},
		{
			name: "changed by somebody else", template: templateOf(keys{"copy": "true"}), annotations: keys{"copy": "false"},
			wantAnnotation: keys{"copy": "true", remembers: `{"annotations":["copy"]}`},
			shown:          []v1alpha1.Change{{Field: "secretTemplate.annotations.copy", Have: "false", Want: "true"}},
		},
		{
			name: "removed by somebody else", template: labeled(map[string]v1alpha1.LabelValue{"team": "infra"}), annotations: keys{remembers: `{"labels":["team"]}`},
			wantLabels: keys{"team": "infra"}, wantAnnotation: keys{remembers: `{"labels":["team"]}`},
			shown: []v1alpha1.Change{{Field: "secretTemplate.labels.team", Want: "infra"}},
		},
		{
			name: "another value in the template", template: labeled(map[string]v1alpha1.LabelValue{"team": "new"}), labels: keys{"team": "infra"}, annotations: keys{remembers: `{"labels":["team"]}`},
			wantLabels: keys{"team": "new"}, wantAnnotation: keys{remembers: `{"labels":["team"]}`},
			shown: []v1alpha1.Change{{Field: "secretTemplate.labels.team", Have: "infra", Want: "new"}},
		},
		{
			name: "taken out of the template", template: templateOf(keys{"copy": "true"}), labels: keys{"team": "infra", "a": "1"},
			annotations: keys{"copy": "true", "b": "2", remembers: `{"labels":["team"],"annotations":["copy"]}`},
			wantLabels:  keys{"a": "1"}, wantAnnotation: keys{"copy": "true", "b": "2", remembers: `{"annotations":["copy"]}`},
			shown: []v1alpha1.Change{{Field: "secretTemplate.labels.team", Have: "infra"}},
		},
		{
			name: "the template taken out", labels: keys{"team": "infra"}, annotations: keys{"copy": "true", "b": "2", remembers: `{"labels":["team"],"annotations":["copy"]}`},
			wantAnnotation: keys{"b": "2"},
			shown:          []v1alpha1.Change{{Field: "secretTemplate.labels.team", Have: "infra"}, {Field: "secretTemplate.annotations.copy", Have: "true"}},
		},
		{
			name: "a key of others that the template never had to set, taken out", labels: keys{"team": "infra"}, wantLabels: keys{"team": "infra"},
		},
		{
			name: "remembered, and neither there nor wanted: a key that somebody sets later is theirs", annotations: keys{remembers: `{"labels":["team"]}`},
			shown: []v1alpha1.Change{{Field: "secretTemplate.annotations." + remembers, Have: `{"labels":["team"]}`}},
		},
		{
			name: "an empty value is not an absent one", template: &v1alpha1.ObjectTemplate{Labels: map[string]v1alpha1.LabelValue{"team": ""}, Annotations: keys{"copy": ""}}, annotations: keys{"copy": `""`},
			wantLabels: keys{"team": ""}, wantAnnotation: keys{"copy": "", remembers: `{"labels":["team"],"annotations":["copy"]}`},
			shown: []v1alpha1.Change{{Field: "secretTemplate.labels.team", Want: `""`}, {Field: "secretTemplate.annotations.copy", Have: `"\"\""`, Want: `""`}},
		},
		{
			name: "a memory that cannot be read", template: labeled(map[string]v1alpha1.LabelValue{"team": "infra"}), labels: keys{"a": "1"}, annotations: keys{remembers: "labels: a"},
			wantLabels: keys{"a": "1", "team": "infra"}, wantAnnotation: keys{remembers: `{"labels":["team"]}`},
			shown: []v1alpha1.Change{{Field: "secretTemplate.labels.team", Want: "infra"}},
		},
		{
			name:   "a memory with the operator's own keys and those of other tools",
			labels: keys{v1alpha1.LabelConnection: "id", "app.kubernetes.io/instance": "theirs", "a": "1"},
			annotations: keys{
				last: "{}", v1alpha1.AnnotationProved: "then",
				remembers: `{"labels":["` + v1alpha1.LabelConnection + `","app.kubernetes.io/instance","a"],"annotations":["` + last + `","` + v1alpha1.AnnotationProved + `"]}`,
			},
			wantLabels: keys{v1alpha1.LabelConnection: "id", "app.kubernetes.io/instance": "theirs"}, wantAnnotation: keys{last: "{}", v1alpha1.AnnotationProved: "then"},
			shown: []v1alpha1.Change{{Field: "secretTemplate.labels.a", Have: "1"}},
		},
		{
			name: "a template with such keys, from before the rule",
			template: &v1alpha1.ObjectTemplate{
				Labels:      map[string]v1alpha1.LabelValue{v1alpha1.LabelConnection: "other", "stytch-operator.dev/x": "x", "kustomize.toolkit.fluxcd.io/name": "x"},
				Annotations: keys{last: "x", remembers: "x", "argocd.argoproj.io/tracking-id": "x"},
			},
			labels: keys{v1alpha1.LabelConnection: "id"}, wantLabels: keys{v1alpha1.LabelConnection: "id"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			object := &metav1.ObjectMeta{Labels: test.labels, Annotations: test.annotations}
			before := object.DeepCopy()
			changes := connection.Unstamped("secretTemplate", test.template, object)
			Same(t, "the object that was only compared", object, before)
			plan := connection.PlanStamp(connection.Action{Name: "Stamp"}, connection.State{Unstamped: changes})
			Same(t, "what is shown", connection.Show(plan), test.shown)
			if len(plan) > 0 {
				Same(t, "the topic", plan[0].Changes[0].Topic, connection.Topic{Name: "secretTemplate", Alone: true})
				stamped := object.DeepCopy()
				connection.StampBy(plan[0], stamped)
				connection.Stamp(object, test.template)
				Same(t, "what the step makes of it", stamped, object)
			} else {
				connection.Stamp(object, test.template)
			}
			Same(t, "the labels", orNone(object.Labels), orNone(test.wantLabels))
			Same(t, "the annotations", orNone(object.Annotations), orNone(test.wantAnnotation))
			Same(t, "what differs then", connection.Unstamped("secretTemplate", test.template, object), []connection.Change(nil))
		})
	}
}

func orNone(k keys) keys {
	if len(k) == 0 {
		return keys{}
	}
	return k
}

func TestALabelWithALongKeyFitsIntoStatus(t *testing.T) {
	key := strings.Repeat("a", 253) + "/" + strings.Repeat("b", 63)
	changes := connection.Unstamped("detailsTemplate", templateOf(keys{key: strings.Repeat("ä", 4096)}), &metav1.ObjectMeta{})
	shown := connection.Show([]connection.Step{{Changes: changes}})
	if field, value := []rune(shown[0].Field), []rune(shown[0].Want); len(field) != 256 || len(value) != 256 {
		t.Errorf("a field of %d and a value of %d characters are shown, want 256 each", len(field), len(value))
	}
}

func TestWhatAGitOpsToolKeepsIsTracked(t *testing.T) {
	for _, key := range v1alpha1.TrackingKeys() {
		Same(t, "by the label "+key, connection.Tracked(&metav1.ObjectMeta{Labels: keys{key: "x"}}), true)
		Same(t, "by the annotation "+key, connection.Tracked(&metav1.ObjectMeta{Annotations: keys{key: "x"}}), true)
	}
	Same(t, "by any other key", connection.Tracked(&metav1.ObjectMeta{Labels: keys{"app.kubernetes.io/name": "x"}}), false)
}
