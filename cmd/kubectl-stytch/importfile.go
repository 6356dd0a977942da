package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// kustomizationFile is what kubectl apply -k reads in a directory, where it has none of another name.
const kustomizationFile = "kustomization.yaml"

// kustomizationFiles are all names that it may have. A directory has one at most.
func kustomizationFiles() []string {
	return []string{kustomizationFile, "kustomization.yml", "Kustomization"}
}

// file is the manifest of a connection in a directory.
type file struct {
	path   string
	object v1alpha1.Connection
	alone  bool // nothing else is in the file
}

// What became of a file.
const (
	fileCreated   = "created"
	fileUnchanged = "unchanged"
	fileChanged   = "changed"
	fileDiffers   = "differs, kept"
)

// filesIn are the manifests in a directory that name a connection, by its ID. Files that are not of this operator are not read.
func (c *cli) filesIn(directory, namespace string) (map[string]file, error) {
	if directory == "" {
		return map[string]file{}, nil
	}
	entries, err := os.ReadDir(directory)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	files := map[string]file{}
	for _, entry := range entries {
		path := filepath.Join(directory, entry.Name())
		if entry.IsDir() || !isManifestFile(path) {
			continue
		}
		if err := c.addFiles(files, path, namespace); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// addFiles adds the manifests of a file that name a connection.
func (c *cli) addFiles(files map[string]file, path, namespace string) error {
	text, err := os.ReadFile(path) //nolint:gosec // the directory is the user's choice
	if err != nil || !bytes.Contains(text, []byte(v1alpha1.GroupVersion.Group)) {
		return err
	}
	infos, err := c.readInfos(planFlags{files: []string{path}})
	if err != nil {
		return err
	}
	objects, err := objectsOf(infos, namespace)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := addFile(files, file{path: path, alone: len(infos) == 1}, o); err != nil {
			return err
		}
	}
	return nil
}

// addFile adds the manifest of a connection, if an object is one.
func addFile(files map[string]file, in file, o client.Object) error {
	manifest, ok := o.(v1alpha1.Connection)
	if !ok || manifest.CommonSpec().ConnectionID == "" {
		return nil
	}
	id := manifest.CommonSpec().ConnectionID
	if other, twice := files[id]; twice {
		return fmt.Errorf("%s and %s both have a manifest of the connection %s. Remove one of them", other.path, in.path, id)
	}
	in.object = manifest
	files[id] = in
	return nil
}

// write writes the manifests into the directory, and says how many files differ and were kept.
func (i *importer) write(ctx context.Context, drafts []draft) (differ int, err error) {
	if err := os.MkdirAll(i.flags.directory, 0o755); err != nil { //nolint:gosec // manifests are no secrets
		return 0, err
	}
	var names []string
	for _, d := range drafts {
		if ctx.Err() != nil {
			return differ, ctx.Err()
		}
		path, outcome, err := i.writeFile(d)
		if err != nil {
			return differ, err
		}
		if outcome == fileDiffers {
			differ++
		}
		names = append(names, filepath.Base(path))
		if _, err := fmt.Fprintf(i.Out, "%s: %s: %s\n", refOf(d.object), path, outcome); err != nil {
			return differ, err
		}
	}
	return differ, kustomize(i.flags.directory, names)
}

// writeFile writes a manifest unless its file has it already, or has something else.
func (i *importer) writeFile(d draft) (path, outcome string, err error) {
	known, exists := i.files[d.object.CommonSpec().ConnectionID]
	path = filepath.Join(i.flags.directory, d.object.GetName()+".yaml")
	if exists {
		path = known.path
		if same, err := equal(known.object, d.object); err != nil || same {
			return path, fileUnchanged, err
		}
	}
	outcome = fileChanged
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		outcome = fileCreated
	} else if err != nil {
		return path, "", err
	}
	switch {
	case outcome == fileChanged && !i.flags.force:
		return path, fileDiffers, nil
	case exists && !known.alone:
		i.problems = append(i.problems, fmt.Errorf("%s has other objects, too, and is not overwritten", path))
		return path, fileDiffers, nil
	case !exists && outcome == fileChanged:
		i.problems = append(i.problems, fmt.Errorf("%s is not the manifest of %s, and is not overwritten", path, d.object.CommonSpec().ConnectionID))
		return path, fileDiffers, nil
	}
	return path, outcome, replaceFile(path, d.text)
}

// equal says that a file has a manifest as it would be written.
func equal(known, made v1alpha1.Connection) (bool, error) {
	is, err := asMap(known)
	if err != nil {
		return false, err
	}
	want, err := asMap(made)
	if err != nil {
		return false, err
	}
	namespace := made.GetNamespace() == "" || made.GetNamespace() == known.GetNamespace()
	return namespace && reflect.DeepEqual(is["spec"], want["spec"]), nil
}

// replaceFile writes a file as a whole or not at all. One that exists keeps its mode, and a link stays one.
func replaceFile(path string, text []byte) (err error) {
	mode := fs.FileMode(0o644)
	if is, err := os.Stat(path); err == nil {
		mode = is.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".kubectl-stytch-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = temporary.Close()
			_ = os.Remove(temporary.Name())
		}
	}()
	if _, err = temporary.Write(text); err != nil {
		return err
	}
	if err = temporary.Chmod(mode); err != nil {
		return err
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// isThere says that a directory has something of that name.
func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// kustomize has the kustomization of a directory name files. What else it says stays, and so do its comments.
func kustomize(directory string, names []string) error {
	path := filepath.Join(directory, kustomizationFile)
	for _, name := range kustomizationFiles() {
		if other := filepath.Join(directory, name); isThere(other) {
			path = other
		}
	}
	text, err := os.ReadFile(path) //nolint:gosec // the directory is the user's choice
	if errors.Is(err, fs.ErrNotExist) {
		slices.Sort(names)
		text, err = yaml.Marshal(map[string]any{
			"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": names,
		})
		if err != nil {
			return err
		}
		return replaceFile(path, text)
	}
	if err != nil {
		return err
	}
	var is struct {
		Resources []string `json:"resources"`
	}
	if err := yaml.Unmarshal(text, &is); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.Contains(is.Resources, name) || slices.Contains(is.Resources, "./"+name)
	})
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	text, err = withResources(text, missing)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return replaceFile(path, text)
}

// withResources adds resources to a kustomization.
func withResources(text []byte, names []string) ([]byte, error) {
	var document yamlv3.Node
	if err := yamlv3.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yamlv3.MappingNode {
		return nil, errors.New("is no kustomization")
	}
	root := document.Content[0]
	var list *yamlv3.Node
	for n := 0; n+1 < len(root.Content); n += 2 {
		if root.Content[n].Value == "resources" {
			list = root.Content[n+1]
		}
	}
	switch {
	case list == nil:
		list = &yamlv3.Node{Kind: yamlv3.SequenceNode}
		root.Content = append(root.Content, &yamlv3.Node{Kind: yamlv3.ScalarNode, Value: "resources"}, list)
	case list.Kind == yamlv3.AliasNode:
		list = list.Alias
	case list.Kind != yamlv3.SequenceNode: // there is nothing behind the key
		*list = yamlv3.Node{Kind: yamlv3.SequenceNode, LineComment: list.LineComment}
	}
	for _, name := range names {
		list.Content = append(list.Content, &yamlv3.Node{Kind: yamlv3.ScalarNode, Value: name})
	}
	var b strings.Builder
	encoder := yamlv3.NewEncoder(&b)
	encoder.SetIndent(2)
	err := errors.Join(encoder.Encode(&document), encoder.Close())
	return []byte(b.String()), err
}
