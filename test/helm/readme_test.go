package helm_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

// The README of the chart has each value with its default, and no other.
func TestTheReadmeExplainsEveryValue(t *testing.T) {
	explained := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([A-Za-z.]+)` \\| `([^`]*)` \\| .+ \\|$")
	for _, found := range row.FindAllStringSubmatch(read(t, filepath.Join(chart, "README.md")), -1) {
		explained[found[1]] = found[2]
	}
	defaults := map[string]string{}
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(chart, "values.yaml"))), &values); err != nil {
		t.Fatal(err)
	}
	flatten(defaults, "", values)
	all := maps.Clone(defaults)
	maps.Copy(all, explained)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if got, there := explained[name]; !there || got != defaults[name] {
			t.Errorf("README.md has the default %q of %s, and values.yaml %q", got, name, defaults[name])
		}
	}
	if len(defaults) < 30 {
		t.Errorf("only %d values", len(defaults))
	}
}

// Each value is in the schema: a value that is only in values.yaml could not be set.
func TestTheSchemaHasEveryValue(t *testing.T) {
	var schema struct{ Properties map[string]any }
	if err := json.Unmarshal([]byte(read(t, filepath.Join(chart, "values.schema.json"))), &schema); err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(chart, "values.yaml"))), &values); err != nil {
		t.Fatal(err)
	}
	delete(schema.Properties, "global") // which a parent chart sets
	if got, want := slices.Sorted(maps.Keys(schema.Properties)), slices.Sorted(maps.Keys(values)); !slices.Equal(got, want) {
		t.Errorf("the schema has %q, and values.yaml %q", got, want)
	}
}

// whole are the values that are explained as one, with what is in them.
var whole = []string{"resources"}

// flatten collects the defaults of values as JSON, by their paths.
func flatten(into map[string]string, path string, value any) {
	inner, is := value.(map[string]any)
	if !is || len(inner) == 0 || slices.Contains(whole, path) {
		text, err := json.Marshal(value)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", path, err))
		}
		into[path] = string(text)
		return
	}
	for name, of := range inner {
		flatten(into, join(path, name), of)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
