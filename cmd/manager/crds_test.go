package main

import (
	"bytes"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestACRDIsNeverTakenBack(t *testing.T) {
	for name, c := range map[string]struct{ have, want, became, failure string }{
		"without a version":          {"", "0.2.0", "", ""},
		"older":                      {"0.1.9", "0.2.0", "", ""},
		"the same":                   {"0.2.0", "0.2.0", "", ""},
		"newer":                      {"0.10.0", "0.9.0", "left as it is: version 0.10.0 is newer than 0.9.0", ""},
		"newer than its preview":     {"1.0.0", "1.0.0-rc.1", "left as it is: version 1.0.0 is newer than 1.0.0-rc.1", ""},
		"a preview of it":            {"1.0.0-rc.1", "1.0.0", "", ""},
		"no version":                 {"latest", "0.2.0", "", `is "latest", which is not a version`},
		"of a program without it":    {"0.1.0", "", "", `has the CRD in version ""`},
		"only a part of one":         {"1", "0.2.0", "", `is "1", which is not a version`},
		"one that git tags begin so": {"v0.2.0", "0.2.0", "", ""},
	} {
		became, err := judgeCRD(c.have, c.want)
		if became != c.became || (err != nil) != (c.failure != "") || err != nil && !strings.Contains(err.Error(), c.failure) {
			t.Errorf("%s: %q, %v", name, became, err)
		}
	}
}

// Labels and annotations of others stay, and so does status; spec is replaced whole.
func TestACRDIsReplacedButForWhatOthersPutThere(t *testing.T) {
	have := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{
			"resourceVersion": "7",
			"labels":          map[string]any{"theirs": "1"},
			"annotations":     map[string]any{"theirs": "2", "both": "old"},
		},
		"spec":   map[string]any{"old": true},
		"status": map[string]any{"storedVersions": []any{"v1alpha1"}},
	}}
	want := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"both": "new"}},
		"spec":     map[string]any{"new": true},
	}}
	o := replaced(have, want)
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	if len(spec) != 1 || spec["new"] != true || o.GetResourceVersion() != "7" || o.Object["status"] == nil {
		t.Errorf("it is %v", o.Object)
	}
	if o.GetLabels()["theirs"] != "1" || o.GetAnnotations()["theirs"] != "2" || o.GetAnnotations()["both"] != "new" {
		t.Errorf("it has the labels %v and the annotations %v", o.GetLabels(), o.GetAnnotations())
	}
	if merged(nil, nil) != nil {
		t.Error("nothing and nothing is something")
	}
}

func TestTheCommandForCRDsTakesNoArguments(t *testing.T) {
	var out bytes.Buffer
	if err := command([]string{applyCommand, "--force"}, &out); err == nil || !strings.Contains(err.Error(), `"--force"`) {
		t.Errorf("it answers %v", err)
	}
	if err := command([]string{"apply"}, &out); err == nil || !strings.Contains(err.Error(), `unexpected argument "apply"`) {
		t.Errorf("another command is answered with %v", err)
	}
}
