package v1alpha1_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// rule is one thing that a schema asks for: of a field, and by what it asks. A rule of CEL goes by its message.
type rule struct{ path, asks string }

// schema is one node of a CRD's schema.
type schema struct {
	Type                 string            `json:"type"`
	Properties           map[string]schema `json:"properties"`
	Items                *schema           `json:"items"`
	AdditionalProperties *schema           `json:"additionalProperties"`

	Required      []string `json:"required"`
	Enum          []any    `json:"enum"`
	Pattern       string   `json:"pattern"`
	Format        string   `json:"format"`
	MinLength     *int     `json:"minLength"`
	MaxLength     *int     `json:"maxLength"`
	MinItems      *int     `json:"minItems"`
	MaxItems      *int     `json:"maxItems"`
	MinProperties *int     `json:"minProperties"`
	MaxProperties *int     `json:"maxProperties"`
	Minimum       *float64 `json:"minimum"`
	Maximum       *float64 `json:"maximum"`
	ListType      string   `json:"x-kubernetes-list-type"`
	Validations   []struct {
		Rule    string `json:"rule"`
		Message string `json:"message"`
	} `json:"x-kubernetes-validations"`

	// What refuses nothing. A default is not among them: no field of a spec has one.
	Description string `json:"description"`
	MapType     string `json:"x-kubernetes-map-type"`
}

// specSchema is the schema of a kind's spec, as its committed CRD has it.
func (k kind) specSchema(t *testing.T) schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(crds, v1alpha1.GroupVersion.Group+"_"+k.plural+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema struct {
						Required   []string                   `json:"required"`
						Properties map[string]json.RawMessage `json:"properties"`
					} `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	if len(crd.Spec.Versions) != 1 {
		t.Fatalf("%s has %d versions", k.name, len(crd.Spec.Versions))
	}
	root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	if !slices.Contains(root.Required, "spec") {
		t.Errorf("%s does not require a spec", k.name)
	}
	decoder := json.NewDecoder(bytes.NewReader(root.Properties["spec"]))
	decoder.DisallowUnknownFields()
	var spec schema
	if err := decoder.Decode(&spec); err != nil {
		t.Fatalf("the schema of %s asks for something that no test knows: %v", k.name, err)
	}
	return spec
}

// walk visits a schema and all that is in it. Items of a list are path[], values of a map path.*.
func (s schema) walk(path string, visit func(path string, s schema)) {
	visit(path, s)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		s.Properties[name].walk(path+"."+name, visit)
	}
	if s.Items != nil {
		s.Items.walk(path+"[]", visit)
	}
	if s.AdditionalProperties != nil {
		s.AdditionalProperties.walk(path+".*", visit)
	}
}

// rules are all that a schema asks for beside types, which are checked for every field alike. A limit that nothing can fall
// below asks for nothing.
func (s schema) rules(path string) []rule {
	var all []rule
	s.walk(path, func(path string, s schema) {
		for asks, there := range map[string]bool{
			"enum":          len(s.Enum) > 0,
			"pattern":       s.Pattern != "",
			"format":        s.Format != "" && s.Type == "string",
			"minLength":     s.MinLength != nil && *s.MinLength > 0,
			"maxLength":     s.MaxLength != nil,
			"minItems":      s.MinItems != nil && *s.MinItems > 0,
			"maxItems":      s.MaxItems != nil,
			"minProperties": s.MinProperties != nil && *s.MinProperties > 0,
			"maxProperties": s.MaxProperties != nil,
			"minimum":       s.Minimum != nil,
			"maximum":       s.Maximum != nil,
			"set":           s.ListType == "set",
			"map":           s.ListType == "map",
		} {
			if there {
				all = append(all, rule{path, asks})
			}
		}
		for _, name := range s.Required {
			all = append(all, rule{path + "." + name, "required"})
		}
		for _, validation := range s.Validations {
			all = append(all, rule{path, validation.Message})
		}
	})
	return all
}
