package connection

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// templateKeys are the keys that templates have put on an object, as the object remembers them.
type templateKeys struct {
	Labels      []string `json:"labels,omitempty"`
	Annotations []string `json:"annotations,omitempty"`
}

// Stamp puts the labels and annotations of a template on an object, and takes off what an earlier template put there and this one does
// not have. A key that somebody else put there with the same value stays theirs, and so do all others. Nil is a template of nothing.
func Stamp(object metav1.Object, template *v1alpha1.ObjectTemplate) {
	if template == nil {
		template = &v1alpha1.ObjectTemplate{}
	}
	var was, is templateKeys
	_ = json.Unmarshal([]byte(object.GetAnnotations()[v1alpha1.AnnotationTemplateKeys]), &was) // what cannot be read is not ours
	wanted := map[string]string{}
	for key, value := range template.Labels {
		wanted[key] = string(value)
	}
	var labels, annotations map[string]string
	labels, is.Labels = stamped(object.GetLabels(), wanted, was.Labels)
	annotations, is.Annotations = stamped(object.GetAnnotations(), template.Annotations, was.Annotations)
	delete(annotations, v1alpha1.AnnotationTemplateKeys)
	if len(is.Labels)+len(is.Annotations) > 0 {
		text, _ := json.Marshal(is) //nolint:errchkjson // lists of strings can always be written
		annotations[v1alpha1.AnnotationTemplateKeys] = string(text)
	}
	object.SetLabels(labels)
	object.SetAnnotations(annotations)
}

// stamped is what an object holds with what is wanted on it, and the keys of it that are ours, given those that were.
func stamped(held, wanted map[string]string, were []string) (holds map[string]string, ours []string) {
	holds = map[string]string{}
	maps.Copy(holds, held)
	for _, key := range were {
		if _, stays := wanted[key]; !stays && !reserved(key) {
			delete(holds, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		if reserved(key) {
			continue
		}
		value, there := holds[key]
		if !there || value != wanted[key] || slices.Contains(were, key) {
			ours = append(ours, key)
		}
		holds[key] = wanted[key]
	}
	return holds, ours
}

// reserved says that no template has a key: it is the operator's own, or says to another tool what is its. The CRD refuses it in a
// template; it may also stand among the keys that an object remembers, which anybody may have edited.
func reserved(key string) bool {
	prefix, _, prefixed := strings.Cut(key, "/")
	own := prefixed && (prefix == v1alpha1.Domain || strings.HasSuffix(prefix, "."+v1alpha1.Domain))
	return own || slices.Contains(v1alpha1.KeysNotInTemplates(), key)
}

// Tracked says that a GitOps tool keeps an object as a repository has it.
func Tracked(object metav1.Object) bool {
	return slices.ContainsFunc(v1alpha1.TrackingKeys(), func(key string) bool {
		return object.GetLabels()[key] != "" || object.GetAnnotations()[key] != ""
	})
}

// Unstamped are the labels and annotations in which an object differs from a template, which stands in a field of the manifest. Where it
// only remembers wrongly which keys are ours, that is the difference.
func Unstamped(field string, template *v1alpha1.ObjectTemplate, object *metav1.ObjectMeta) []Change {
	is := object.DeepCopy()
	Stamp(is, template)
	changes := append(
		keyChanges(field+".labels.", object.Labels, is.Labels),
		keyChanges(field+".annotations.", object.Annotations, is.Annotations)...)
	remembered := field + ".annotations." + v1alpha1.AnnotationTemplateKeys
	if len(changes) > 1 {
		changes = slices.DeleteFunc(changes, func(c Change) bool { return c.Field == remembered })
	}
	for i := range changes {
		changes[i].Topic, changes[i].Want.Send = Topic{Name: field, Alone: true}, template
	}
	return changes
}

// keyChanges are the keys in which two sets of labels or annotations differ.
func keyChanges(prefix string, was, is map[string]string) []Change {
	keys := maps.Clone(is)
	maps.Copy(keys, was)
	var changes []Change
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		have, want := labelValue(was, key), labelValue(is, key)
		if have != want {
			changes = append(changes, Change{Field: Cut(prefix + key), Have: have, Want: want})
		}
	}
	return changes
}

// labelValue is the value of a label or annotation. An empty one is not an absent one, so it is quoted, as is one that looks as if it were.
func labelValue(values map[string]string, key string) Value {
	value, there := values[key]
	if there && (value == "" || strings.HasPrefix(value, `"`)) {
		value = strconv.Quote(value)
	}
	return Text(value)
}

// PlanStamp is the step that puts a template on the object that a manifest has written; none where nothing differs.
func PlanStamp(action Action, want State) []Step {
	if len(want.Unstamped) == 0 {
		return nil
	}
	return []Step{{Action: action, Changes: want.Unstamped}}
}

// StampBy puts the template of a step on an object.
func StampBy(step Step, object metav1.Object) {
	template, _ := step.Changes[0].Want.Send.(*v1alpha1.ObjectTemplate)
	Stamp(object, template)
}
