// Package crd holds the CustomResourceDefinitions as the API server gets them.
package crd

import "embed"

// Bases are the files of the CustomResourceDefinitions, in the directory bases.
//
//go:embed bases/*.yaml
var Bases embed.FS
