// Command cm prints a patch of Argo CD's ConfigMap argocd-cm with the customizations of a directory that is laid out as
// resource_customizations of the repository of Argo CD.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"sigs.k8s.io/yaml"
)

const group = "connections.stytch-operator.dev"

type definition struct {
	Name string `json:"name"`
	Lua  string `json:"action.lua"`
}

func main() {
	patch, err := patchOf(os.DirFS(os.Args[1]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print("# Written by make manifests, from resource_customizations.\n" + patch)
}

func patchOf(all fs.FS) (string, error) {
	health, err := fs.ReadFile(all, group+"/_/health.lua")
	if err != nil {
		return "", err
	}
	data := map[string]string{}
	for _, kind := range []string{
		"ClusterStytchProject", "ExternalConnection", "OIDCConnection", "SAMLConnection", "SCIMConnection", "StytchProject",
	} {
		data["resource.customizations.health."+group+"_"+kind] = string(health)
		actions, err := actionsOf(all, group+"/"+kind+"/actions")
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
func actionsOf(all fs.FS, dir string) (string, error) {
	discovery, err := fs.ReadFile(all, dir+"/discovery.lua")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	files, err := fs.Glob(all, dir+"/*/action.lua")
	if err != nil {
		return "", err
	}
	var definitions []definition
	for _, file := range files {
		script, err := fs.ReadFile(all, file)
		if err != nil {
			return "", err
		}
		definitions = append(definitions, definition{path.Base(path.Dir(file)), string(script)})
	}
	out, err := yaml.Marshal(map[string]any{"discovery.lua": string(discovery), "definitions": definitions})
	return strings.TrimRight(string(out), "\n") + "\n", err
}
