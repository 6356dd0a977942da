// Package crd holds the CustomResourceDefinitions as the API server gets them.
package crd

import (
	"embed"
	"fmt"
	"io/fs"

	"sigs.k8s.io/yaml"
)

// Bases are the files of the CustomResourceDefinitions, in the directory bases.
//
//go:embed bases/*.yaml
var Bases embed.FS

// Schemas returns the schema of each kind, by the name of the kind, as far as T holds it. It panics where a file cannot be read as one:
// the files are part of the program.
func Schemas[T any]() map[string]T {
	all := map[string]T{}
	files, err := fs.Glob(Bases, "bases/*.yaml")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		var definition struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Schema struct {
						OpenAPIV3Schema T `json:"openAPIV3Schema"`
					}
				}
			}
		}
		raw, err := Bases.ReadFile(file)
		if err == nil {
			err = yaml.Unmarshal(raw, &definition)
		}
		if err != nil {
			panic(fmt.Sprintf("%s, which is part of the program: %v", file, err))
		}
		all[definition.Spec.Names.Kind] = definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	}
	return all
}
