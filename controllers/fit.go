package controllers

import (
	"reflect"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/config/crd"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// bounds are what the API server lets a part of an object hold, as far as answers of Stytch can exceed it.
type bounds struct {
	MaxLength  *int              `json:"maxLength"`
	MaxItems   *int              `json:"maxItems"`
	Properties map[string]bounds `json:"properties"`
	Items      *bounds           `json:"items"`
}

// statusBounds returns the bounds of status of each kind, by the name of its Go type.
var statusBounds = sync.OnceValue(func() map[string]bounds { //nolint:gochecknoglobals // read once
	all := map[string]bounds{}
	for kind, schema := range crd.Schemas[bounds]() {
		all[kind] = schema.Properties["status"]
	}
	return all
})

// fit cuts what is too long in status to what the API server takes, so that status can always be written. It returns the names of the
// fields that it cut.
func fit(o client.Object) (cut []string) {
	object := reflect.ValueOf(o).Elem()
	status := object.FieldByName("Status").Addr().Interface()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(status)
	if err != nil {
		return nil // the write says why
	}
	statusBounds()[object.Type().Name()].fit("", fields, &cut)
	if len(cut) > 0 {
		_ = runtime.DefaultUnstructuredConverter.FromUnstructured(fields, status) // it came from there
	}
	return cut
}

// fit returns a value as it fits the bounds, and adds the paths of what it cut.
func (s bounds) fit(path string, value any, cut *[]string) any {
	switch v := value.(type) {
	case string:
		if s.MaxLength != nil && len([]rune(v)) > *s.MaxLength {
			*cut = append(*cut, path)
			return connection.CutTo(*s.MaxLength, v)
		}
	case []any:
		if s.MaxItems != nil && len(v) > *s.MaxItems {
			*cut = append(*cut, path)
			v = v[:*s.MaxItems]
		}
		for i := range v {
			v[i] = s.Items.fit(path, v[i], cut)
		}
		return v
	case map[string]any:
		for name, field := range s.Properties {
			if inner, set := v[name]; set {
				v[name] = field.fit(joined(path, name), inner, cut)
			}
		}
	}
	return value
}

func joined(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
