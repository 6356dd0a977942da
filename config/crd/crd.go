// Package crd holds the CustomResourceDefinitions as the API server gets them.
package crd

import (
	"embed"
	"fmt"
	"io/fs"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Bases are the files of the CustomResourceDefinitions, in the directory bases.
//
//go:embed bases/*.yaml
var Bases embed.FS

// VersionAnnotation is the annotation of a CustomResourceDefinition with its version, which is that of the chart.
const VersionAnnotation = "connections.stytch-operator.dev/version"

// Definitions returns the CustomResourceDefinitions, by their names.
func Definitions() []*unstructured.Unstructured {
	var all []*unstructured.Unstructured
	for _, raw := range files() {
		all = append(all, &unstructured.Unstructured{Object: read[map[string]any](raw)})
	}
	return all
}

// Schemas returns the schema of each kind, by the name of the kind, as far as T holds it.
func Schemas[T any]() map[string]T {
	all := map[string]T{}
	for _, raw := range files() {
		definition := read[struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Schema struct {
						OpenAPIV3Schema T `json:"openAPIV3Schema"`
					}
				}
			}
		}](raw)
		all[definition.Spec.Names.Kind] = definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	}
	return all
}

// files are the texts of the files, by their names.
func files() [][]byte {
	names, err := fs.Glob(Bases, "bases/*.yaml")
	must(err)
	var all [][]byte
	for _, name := range names {
		raw, err := Bases.ReadFile(name)
		must(err)
		all = append(all, raw)
	}
	return all
}

func read[T any](raw []byte) T {
	var into T
	must(yaml.Unmarshal(raw, &into))
	return into
}

// must panics where a file cannot be read as a CustomResourceDefinition: the files are part of the program.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("a CustomResourceDefinition, which is part of the program: %v", err))
	}
}
