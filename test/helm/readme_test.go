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
	row := regexp.MustCompile("(?m)^\\| `([A-Za-z_.]+)` \\| `([^`]*)` \\| .+ \\|$")
	for _, found := range row.FindAllStringSubmatch(read(t, filepath.Join(chart, "README.md")), -1) {
		explained[found[1]] = found[2]
	}
	defaults := defaultsOf(t)
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

// What the pages set, with --set or as a value of true or false, is a value.
func TestThePagesSetValuesThatExist(t *testing.T) {
	pages, err := filepath.Glob(top + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	defaults, set := defaultsOf(t), 0
	for _, page := range append(pages, filepath.Join(chart, "README.md")) {
		for _, found := range regexp.MustCompile("(?:--set '?([A-Za-z.]+)=|`([a-z][A-Za-z.]+)=(?:true|false)`)").FindAllStringSubmatch(read(t, page), -1) {
			set++
			if name := found[1] + found[2]; defaults[name] == "" {
				t.Errorf("%s sets %s, which is no value", page, name)
			}
		}
	}
	if set < 10 {
		t.Errorf("the pages set only %d values", set)
	}
}

// defaultsOf are the defaults of the values as JSON, by their paths.
func defaultsOf(t *testing.T) map[string]string {
	t.Helper()
	defaults := map[string]string{}
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(chart, "values.yaml"))), &values); err != nil {
		t.Fatal(err)
	}
	flatten(defaults, "", values)
	return defaults
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
