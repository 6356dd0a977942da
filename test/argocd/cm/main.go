// Command cm prints a patch of Argo CD's ConfigMap argocd-cm with the customizations of a directory that is laid out as
// resource_customizations of the repository of Argo CD.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

const group = "connections.stytch-operator.dev"

var kinds = []string{"ClusterStytchProject", "ExternalConnection", "OIDCConnection", "SAMLConnection", "SCIMConnection", "StytchProject"}

type definition struct {
	Name string `json:"name"`
	Lua  string `json:"action.lua"`
}

func main() {
	patch, err := patchOf(filepath.Join(os.Args[1], group))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print("# Written by make manifests, from resource_customizations.\n" + patch)
}

func patchOf(dir string) (string, error) {
	health, err := os.ReadFile(filepath.Join(dir, "_", "health.lua"))
	if err != nil {
		return "", err
	}
	data := map[string]string{}
	for _, kind := range kinds {
		data["resource.customizations.health."+group+"_"+kind] = string(health)
		actions, err := actionsOf(filepath.Join(dir, kind, "actions"))
		if err != nil {
			return "", err
		}
		if actions != "" {
			data["resource.customizations.actions."+group+"_"+kind] = actions
		}
	}
	patch, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": data,
		"metadata": map[string]string{"name": "argocd-cm", "namespace": "argocd"},
	})
	return string(patch), err
}

// actionsOf is the customization of a kind that has actions; empty for one that has none.
func actionsOf(dir string) (string, error) {
	discovery, err := os.ReadFile(filepath.Join(dir, "discovery.lua"))
	if os.IsNotExist(err) {
		return "", nil
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "action.lua"))
	var definitions []definition
	for _, file := range files {
		script, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		definitions = append(definitions, definition{filepath.Base(filepath.Dir(file)), string(script)})
	}
	out, marshalErr := yaml.Marshal(map[string]any{"discovery.lua": string(discovery), "definitions": definitions})
	if err == nil {
		err = marshalErr
	}
	return strings.TrimRight(string(out), "\n") + "\n", err
}
