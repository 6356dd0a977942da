package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// readInfos reads what is in files, and where.
func (c *cli) readInfos(flags planFlags) ([]*resource.Info, error) {
	builder := resource.NewLocalBuilder().Unstructured().ContinueOnError().Flatten()
	for _, name := range flags.files {
		if name == "-" {
			builder = builder.Stream(c.In, "standard input")
			continue
		}
		paths, err := manifestsIn(name, flags.recursive)
		if err != nil {
			return nil, err
		}
		builder = builder.FilenameParam(false, &resource.FilenameOptions{Filenames: paths})
	}
	result := builder.Do()
	if err := result.Err(); err != nil {
		return nil, err
	}
	infos, err := result.Infos()
	if err != nil {
		return nil, fmt.Errorf("a file is no manifest in YAML or JSON, with apiVersion and kind: %w", err)
	}
	return infos, nil
}

// manifestsIn are the files of a directory that may have manifests. A kustomization is none, and need not say its kind. What is no
// directory stands for itself.
func manifestsIn(name string, recursive bool) ([]string, error) {
	if is, err := os.Stat(name); err != nil || !is.IsDir() {
		return []string{name}, nil //nolint:nilerr // it is a URL or a pattern, or the one who reads it says what is wrong with it
	}
	var paths []string
	root := name + string(filepath.Separator) // follows a link
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && !recursive:
			return filepath.SkipDir
		case !entry.IsDir() && isManifestFile(path):
			paths = append(paths, path)
		}
		return nil
	})
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("%s has no manifests (%s)", name, strings.Join(resource.FileExtensions, ", "))
	}
	return paths, err
}

// isManifestFile says by the name of a file in a directory that it may have manifests.
func isManifestFile(path string) bool {
	return slices.Contains(resource.FileExtensions, filepath.Ext(path)) && !slices.Contains(kustomizationFiles(), filepath.Base(path))
}

// readFiles reads the objects of files that a plan may need. Those of kinds that it does not know are left out.
func (c *cli) readFiles(flags planFlags, namespace string) ([]client.Object, error) {
	infos, err := c.readInfos(flags)
	if err != nil {
		return nil, err
	}
	return objectsOf(infos, namespace)
}

// objectsOf are the objects of files as their Go types.
func objectsOf(infos []*resource.Info, namespace string) ([]client.Object, error) {
	var objects []client.Object
	var sources []string
	var wrong []error
	for _, info := range infos {
		o, err := typed(info.Object, namespace)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", info.Source, err))
		} else if o != nil {
			objects, sources = append(objects, o), append(sources, info.Source)
		}
	}
	return objects, errors.Join(append(wrong, unique(objects, sources))...)
}

// typed is an object of a file as its Go type; nil for a kind that no plan needs. A field that the kind does not have is an error.
func typed(o runtime.Object, namespace string) (client.Object, error) {
	raw, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, errors.New("is no manifest")
	}
	gvk, scheme := raw.GroupVersionKind(), newScheme()
	switch {
	case scheme.Recognizes(gvk):
	case gvk.Group == v1alpha1.GroupVersion.Group:
		return nil, fmt.Errorf("%s %s has apiVersion %s, and this version of the plugin knows %s. Update the plugin, or change the manifest", gvk.Kind, raw.GetName(), gvk.GroupVersion(), v1alpha1.GroupVersion)
	default:
		return nil, nil //nolint:nilnil // there is none
	}
	made, err := scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	object, ok := made.(client.Object)
	if !ok {
		return nil, fmt.Errorf("%s is no object that can be applied", gvk.Kind)
	}
	delete(raw.Object, "status") // of an export: what the cluster has now counts
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(raw.Object, object, true); err != nil {
		return nil, fmt.Errorf("%s %s: %w", gvk.Kind, raw.GetName(), explainedField(raw, object, err))
	}
	if manifest, ok := object.(v1alpha1.Connection); ok && manifest.CommonSpec().Organization == "" {
		return nil, fmt.Errorf("%s %s: spec.organization is required", gvk.Kind, raw.GetName())
	}
	object.SetUID("")
	object.SetResourceVersion("")
	if object.GetNamespace() == "" && !ofTheCluster(object) {
		object.SetNamespace(namespace)
	}
	if secret, ok := object.(*corev1.Secret); ok {
		secret.Data = maps.Clone(secret.Data)
		for key, value := range secret.StringData {
			if secret.Data == nil {
				secret.Data = map[string][]byte{}
			}
			secret.Data[key] = []byte(value)
		}
	}
	return object, nil
}

// ofTheCluster says that an object that a plan may need is in no namespace.
func ofTheCluster(o client.Object) bool {
	switch o.(type) {
	case *corev1.Namespace, *v1alpha1.ClusterStytchProject:
		return true
	}
	return false
}

// explainedField says which field has a value of a wrong type, which the error itself does not. What Go embeds is in no manifest.
func explainedField(raw *unstructured.Unstructured, into client.Object, err error) error {
	text, failed := json.Marshal(raw.Object)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](errors.Join(failed, json.Unmarshal(text, into))); ok {
		path := slices.DeleteFunc(strings.Split(wrong.Field, "."), func(name string) bool { return name != "" && unicode.IsUpper(rune(name[0])) })
		return fmt.Errorf("%s is of the type %s, but must be of the type %s", strings.Join(path, "."), wrong.Value, wrong.Type.Kind())
	}
	return err
}

// unique reports objects that are in the files twice, and connections that two of their manifests name. Each object has a source.
func unique(objects []client.Object, sources []string) error {
	var wrong []error
	seen, named := map[string]string{}, map[string]string{}
	for n, o := range objects {
		key := gvkOf(o).Kind + " " + client.ObjectKeyFromObject(o).String()
		if first, twice := seen[key]; twice {
			wrong = append(wrong, fmt.Errorf("%s is in the files twice: in %s and %s. Remove one of them", key, first, sources[n]))
		}
		seen[key] = sources[n]
		manifest, ok := o.(v1alpha1.Connection)
		if !ok || manifest.CommonSpec().ConnectionID == "" {
			continue
		}
		id := manifest.CommonSpec().ConnectionID
		if other := named[id]; other != "" && other != key {
			wrong = append(wrong, fmt.Errorf("%s (%s) and %s (%s) both name the connection %s, which can have only one manifest. Remove one of them",
				other, seen[other], key, sources[n], id))
		}
		named[id] = key
	}
	return errors.Join(wrong...)
}

// manifests are the connections of the files, as the cluster would have them.
func (p *planner) manifests(ctx context.Context) ([]v1alpha1.Connection, error) {
	if p.applied != nil {
		return p.applied, nil
	}
	var all []v1alpha1.Connection
	for _, file := range p.files {
		if o, ok := file.(v1alpha1.Connection); ok {
			applied, err := p.merged(ctx, o)
			if err != nil {
				return nil, err
			}
			all = append(all, applied)
		}
	}
	if len(all) == 0 && len(p.flags.files) > 0 {
		return nil, errors.New("the files have no connections: no SCIMConnection, SAMLConnection, OIDCConnection or ExternalConnection")
	}
	p.applied = all
	return all, nil
}

// applied is a manifest as it is in the cluster, with the spec and the annotations of a file.
func applied(file, is v1alpha1.Connection) (v1alpha1.Connection, error) {
	want, err := asMap(file)
	if err != nil {
		return nil, err
	}
	have, err := asMap(is)
	if err != nil {
		return nil, err
	}
	changed := !reflect.DeepEqual(have["spec"], want["spec"])
	have["spec"] = want["spec"]
	text, err := json.Marshal(have)
	if err != nil {
		return nil, err
	}
	o := kindOf(file).object()
	if err := json.Unmarshal(text, o); err != nil {
		return nil, err
	}
	annotations := maps.Clone(is.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, file.GetAnnotations())
	o.SetAnnotations(annotations)
	if changed {
		o.SetGeneration(is.GetGeneration() + 1)
	}
	return o, nil
}

func asMap(o v1alpha1.Connection) (map[string]any, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(text, &out)
}

// notApplied stands for the UID of a manifest that the cluster does not have.
func notApplied(o client.Object) types.UID {
	return types.UID("not applied: " + client.ObjectKeyFromObject(o).String())
}
