package v1alpha1_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// absent stands for a field that is taken out.
type absent struct{}

// TestGoodManifestsAreAccepted applies the least and the most of each kind, and others, by server-side dry run.
func TestGoodManifestsAreAccepted(t *testing.T) {
	for _, k := range kinds() {
		for _, text := range slices.Concat([]string{k.minimal}, k.maximal, k.good) {
			if got := apply(t, k.named(t, text, "good")); got != "" {
				t.Errorf("a %s is refused:\n%s%s", k.name, got, text)
			}
		}
	}
}

// TestTheMaximalManifestsNameEveryField keeps the good manifests up with the schema.
func TestTheMaximalManifestsNameEveryField(t *testing.T) {
	for _, k := range kinds() {
		k.specSchema(t).walk("spec", func(path string, _ schema) {
			if object, _ := k.naming(t, strings.TrimSuffix(path, ".*")); object == nil {
				t.Errorf("no maximal %s names %s", k.name, path)
			}
		})
	}
}

// TestABadManifestIsRefusedWithItsReason breaks one rule at a time of a manifest that is otherwise as large as may be, and
// compares what the person who applies it reads.
func TestABadManifestIsRefusedWithItsReason(t *testing.T) {
	for _, k := range kinds() {
		for _, b := range k.bad {
			object := b.base(t, k)
			put(t, object, b.at, b.value)
			if got := apply(t, object); !same(got, b.want) {
				t.Errorf("%s, %s of %s: got\n%s\nwant\n%s", k.name, b.breaks, b.at, got, b.want)
			}
		}
	}
}

// TestEveryRuleIsBrokenByABadManifest compares the manifests and edits that are refused with what the committed schemas ask for.
func TestEveryRuleIsBrokenByABadManifest(t *testing.T) {
	for _, k := range kinds() {
		broken := map[rule]bool{}
		for _, b := range k.bad {
			broken[b.rule()] = true
		}
		for _, e := range k.edits {
			for line := range strings.Lines(e.want) {
				broken[rule{"spec", strings.TrimPrefix(strings.TrimSpace(line), "spec: Invalid value: ")}] = true
			}
		}
		rules := append(k.specSchema(t).rules("spec"), rule{"spec", "required"})
		for _, r := range rules {
			if !broken[r] {
				t.Errorf("no bad %s breaks %q of %s", k.name, r.asks, r.path)
			}
			delete(broken, r)
		}
		for r := range broken {
			t.Errorf("a bad %s breaks %q of %s, which its schema does not ask for", k.name, r.asks, r.path)
		}
		t.Logf("%s: %d rules, %d bad manifests, %d edits", k.name, len(rules), len(k.bad), len(k.edits))
	}
}

// TestAValueOfAnotherTypeIsRefused gives each field, one at a time, something that it cannot hold.
func TestAValueOfAnotherTypeIsRefused(t *testing.T) {
	wrong := map[string]any{"string": int64(7), "integer": "7", "array": "7", "object": "7", "boolean": "7"}
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			k.specSchema(t).walk("spec", func(path string, s schema) {
				path, isValue := strings.CutSuffix(path, ".*")
				object, at := k.naming(t, path)
				if isValue {
					at += ".email"
				}
				given := "string"
				if s.Type == "string" {
					given = "integer"
				}
				put(t, object, at, wrong[s.Type])
				got, _, _ := strings.Cut(apply(t, object), "\n") // the rules of its type may complain too
				want := fmt.Sprintf("%s: Invalid value: %q: %[1]s in body must be of type %[3]s: %[2]q", at, given, s.Type)
				if !same(got, want) {
					t.Errorf("%s = %v: got\n%s\nwant\n%s", at, wrong[s.Type], got, want)
				}
			})
		})
	}
}

// TestAMisspelledFieldIsRefused adds a field that is not in the schema to each object of a manifest.
func TestAMisspelledFieldIsRefused(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			k.specSchema(t).walk("spec", func(path string, s schema) {
				if s.Type != "object" || s.AdditionalProperties != nil {
					return
				}
				object, at := k.naming(t, path)
				at += ".misspelled"
				put(t, object, at, "x")
				want := fmt.Sprintf("strict decoding error: unknown field %q", at)
				if err := create(t, object); err == nil || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("%s: got %v", at, err)
				}
			})
		})
	}
}

// TestWhatMayNotBeChangedIsRefused edits manifests that stand, by each way there is to edit one. What may be changed is accepted.
func TestWhatMayNotBeChangedIsRefused(t *testing.T) {
	for _, k := range kinds() {
		least := k.least(t)
		standServerSide(t, least)
		var most []*unstructured.Unstructured
		for n := range k.maximal {
			most = append(most, k.most(t, n))
			standServerSide(t, most[n])
		}
		for _, e := range k.edits {
			object := most[e.other]
			if e.minimal {
				object = least
			}
			e.check(t, object, e.ways()...)
		}
	}
}

// bad is a manifest that breaks one rule: the first maximal one of its kind that has the field, with another value there.
type bad struct {
	at     string // the field that is changed
	breaks string // what is broken: a keyword of the schema, or the message of a rule of CEL
	value  any
	want   string // all that is said about it
	adds   bool   // puts in a field that the manifest does not have
	to     int    // the number of the maximal manifest that it is put into
}

// base is the manifest that is changed.
func (b bad) base(t *testing.T, k kind) *unstructured.Unstructured {
	t.Helper()
	if b.adds {
		return k.most(t, b.to)
	}
	object, _ := k.naming(t, b.at)
	if object == nil {
		t.Fatalf("no maximal %s has %s", k.name, b.at)
	}
	return object
}

// rule is the rule that the manifest is said to break. A rule of CEL is the one that stands where the refusal says.
func (b bad) rule() rule {
	where, _, _ := strings.Cut(b.want, ": ")
	path := generic(where)
	if strings.HasPrefix(path, "spec.attributeMapping.") || strings.HasPrefix(path, "spec.attributeMapping[") {
		path = "spec.attributeMapping.*"
	}
	if b.breaks == "set" {
		path = strings.TrimSuffix(path, "[]")
	}
	return rule{path, b.breaks}
}

// edit is a change of a manifest that stands, and what is said about it; nothing where it is accepted.
type edit struct {
	minimal bool // of the minimal manifest, not a maximal one
	other   int  // of the maximal manifest of this number
	at      string
	value   any
	want    string
	// applied is what server-side apply says where that is something else: it takes null for a value, and leaves it behind where
	// it takes out all that an object held.
	applied string
}

// way is a way to edit a manifest.
type way string

const (
	update          way = "update"
	mergePatch      way = "merge patch"
	serverSideApply way = "server-side apply"
)

// ways are those that an edit can be made by: server-side apply takes no null for the absence of a string.
func (e edit) ways() []way {
	if e.value == nil {
		return []way{update, mergePatch}
	}
	return []way{update, mergePatch, serverSideApply}
}

// check makes an edit in some ways, and compares what is said about it.
func (e edit) check(t *testing.T, object *unstructured.Unstructured, ways ...way) {
	t.Helper()
	for _, by := range ways {
		if got, want := explain(t, e.try(t, by, object.DeepCopy())), e.expect(by); !same(got, want) {
			t.Errorf("%s, %s = %v by %s: got\n%s\nwant\n%s", object.GetKind(), e.at, e.value, by, got, want)
		}
	}
}

// try makes an edit by server-side dry run.
func (e edit) try(t *testing.T, by way, object *unstructured.Unstructured) error {
	t.Helper()
	before := object.DeepCopy()
	put(t, object, e.at, e.value)
	switch by {
	case update:
		return api.Update(t.Context(), object, client.DryRunAll, client.FieldValidation("Strict"))
	case mergePatch:
		return api.Patch(t.Context(), object, client.MergeFrom(before), client.DryRunAll, client.FieldValidation("Strict"))
	default:
		object.SetManagedFields(nil)
		object.SetResourceVersion("")
		return applyServerSide(t, object, client.DryRunAll)
	}
}

// expect is what is said about an edit.
func (e edit) expect(by way) string {
	if by == serverSideApply && e.applied != "" {
		return e.applied
	}
	return e.want
}

// standServerSide applies a manifest for the time of a test.
func standServerSide(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	if err := applyServerSide(t, object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, object) })
}

// applyServerSide applies a manifest as its one owner, so that what it leaves out is taken out.
func applyServerSide(t *testing.T, object *unstructured.Unstructured, options ...client.ApplyOption) error {
	t.Helper()
	return api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), append(options, client.FieldOwner("test"))...)
}

// apply creates a manifest by server-side dry run, and returns what is said about it.
func apply(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	return explain(t, create(t, object))
}

func create(t *testing.T, object *unstructured.Unstructured) error {
	t.Helper()
	return api.Create(t.Context(), object, client.DryRunAll, client.FieldValidation("Strict"))
}

// same says whether a refusal is as expected. API servers before 1.36 say of a rule which type the value has, and not which value: of those,
// what they say of values does not count.
func same(got, want string) bool {
	return got == want || minor < 36 && slices.Equal(withoutValues(got), withoutValues(want))
}

var shownValue = regexp.MustCompile(`(: Invalid value: )(?:"(?:[^"\\]|\\.)*"|-?[0-9.]+|\{[^{}]*\}|\[[^]]*\]): `)

// withoutValues are the lines of a refusal without the values that it shows.
func withoutValues(refusal string) []string {
	lines := strings.Split(strings.ReplaceAll(refusal, "map[string]interface {}{", "{"), "\n")
	for i := range lines {
		lines[i] = shownValue.ReplaceAllString(lines[i], "$1")
	}
	slices.Sort(lines)
	return lines
}

// explain returns what a refusal says, one line for each field.
func explain(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || !apierrors.IsInvalid(err) {
		t.Errorf("refused, but not as invalid: %v", err)
		return err.Error()
	}
	var lines []string
	for _, cause := range status.Status().Details.Causes {
		if !strings.Contains(cause.Message, "some validation rules were not checked") {
			lines = append(lines, cause.Field+": "+cause.Message)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

// label is a label in a template.
var label = regexp.MustCompile(`[.](labels|matchLabels)([.]|\[)[a-z]+\]?$`)

// generic is a field's path as the schema has it.
func generic(at string) string {
	return label.ReplaceAllString(index.ReplaceAllString(at, "[]"), ".$1.*")
}

// places are where an object has a field of the schema, in each item of a list.
func places(object *unstructured.Unstructured, path string) []string {
	before, after, isList := strings.Cut(path, "[]")
	here, found := find(object, before)
	switch {
	case !found:
		return nil
	case !isList:
		return []string{path}
	}
	var all []string
	items, _ := here.([]any)
	for i := range items {
		all = append(all, places(object, fmt.Sprintf("%s[%d]%s", before, i, after))...)
	}
	return all
}

// steps of a path: names and numbers.
func steps(at string) []any {
	var all []any
	for name := range strings.SplitSeq(strings.NewReplacer("[", ".", "]", "").Replace(at), ".") {
		if n, err := strconv.Atoi(name); err == nil {
			all = append(all, n)
		} else {
			all = append(all, name)
		}
	}
	return all
}

// find returns what stands at a path.
func find(object *unstructured.Unstructured, at string) (any, bool) {
	var here any = object.Object
	for _, step := range steps(at) {
		switch at := here.(type) {
		case map[string]any:
			name, isName := step.(string)
			value, there := at[name]
			if !isName || !there {
				return nil, false
			}
			here = value
		case []any:
			n, isNumber := step.(int)
			if !isNumber || n >= len(at) {
				return nil, false
			}
			here = at[n]
		default:
			return nil, false
		}
	}
	return here, true
}

// put changes what stands at a path, whose holder must be there.
func put(t *testing.T, object *unstructured.Unstructured, at string, value any) {
	t.Helper()
	split := strings.LastIndexAny(at, ".[")
	var holder any = object.Object
	if split > 0 {
		var there bool
		if holder, there = find(object, at[:split]); !there {
			t.Fatalf("there is no %s to put something into", at[:split])
		}
	}
	all := steps(at)
	switch step := all[len(all)-1].(type) {
	case string:
		fields, isObject := holder.(map[string]any)
		if !isObject {
			t.Fatalf("what holds %s is no object", at)
		}
		if value == (absent{}) {
			delete(fields, step)
			return
		}
		fields[step] = value
	case int:
		list, isList := holder.([]any)
		if !isList {
			t.Fatalf("what holds %s is no list", at)
		}
		list[step] = value
	}
}

// TestATemplateIsRefusedTheKeysOfTheGoListAndNoOthers compares the list in the rules with the one that the operator follows.
func TestATemplateIsRefusedTheKeysOfTheGoListAndNoOthers(t *testing.T) {
	want := slices.Sorted(slices.Values(v1alpha1.KeysNotInTemplates()))
	rules := 0
	for _, k := range kinds() {
		k.specSchema(t).walk("spec", func(path string, s schema) {
			for _, validation := range s.Validations {
				if !strings.HasSuffix(validation.Message, notTracked) {
					continue
				}
				rules++
				_, list, _ := strings.Cut(validation.Rule, " in [")
				list, _, _ = strings.Cut(list, "]")
				got := strings.Split(strings.ReplaceAll(list, "'", ""), ", ")
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("%s of %s: the rule lists %q, want %q", path, k.name, got, want)
				}
				if !strings.Contains(validation.Rule, strings.ReplaceAll(v1alpha1.Domain, ".", "[.]")+"/") {
					t.Errorf("%s of %s: the rule does not refuse keys of %s: %s", path, k.name, v1alpha1.Domain, validation.Rule)
				}
			}
		})
	}
	if want := 2 * 3; rules != want {
		t.Errorf("%d rules refuse such keys, want %d: of labels and annotations of each kind with a template", rules, want)
	}
}
