package connection

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Kinds of the objects that a manifest may refer to, beside other connections.
const (
	KindSecret    = "Secret"
	KindConfigMap = "ConfigMap"
)

// Reference is another object of the manifest's namespace.
type Reference struct{ Kind, Name string }

// Inputs are what a wish is computed from beside its manifest.
type Inputs struct {
	// ID of the connection that the wish is for; empty where it is still to be created.
	ID string
	// Secrets and ConfigMaps that the manifest names, by name; nil for one that does not exist.
	Secrets    map[string]*corev1.Secret
	ConfigMaps map[string]*corev1.ConfigMap
	// Groups of the SCIM connection, as far as the manifest needs to know them.
	Groups []stytch.SCIMGroup
	// Source of an External connection that names it by manifest; nil where there is no such manifest.
	Source v1alpha1.Connection
	// Now is the time.
	Now time.Time
}

// InputOf is an object, as a pass read it, as status keeps it.
func InputOf(kind string, object metav1.ObjectMeta) v1alpha1.Input {
	return v1alpha1.Input{Kind: kind, Name: object.Name, UID: string(object.UID), ResourceVersion: object.ResourceVersion}
}

// AnnotationsOf are the manifest's annotations that the operator reads, as status keeps them: by a hash.
func AnnotationsOf(o metav1.Object) []v1alpha1.Input {
	var lines []string
	for key, value := range o.GetAnnotations() {
		if strings.HasPrefix(key, v1alpha1.AnnotationPrefix) {
			lines = append(lines, key+"="+value)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	return []v1alpha1.Input{{Kind: "Annotations", Name: o.GetName(), ResourceVersion: hash(strings.Join(lines, "\n"))}}
}

// references are the objects that a manifest names, each once, in the order in which it does.
type references []Reference

func (r *references) add(kind, name string) {
	for _, known := range *r {
		if known.Kind == kind && known.Name == name {
			return
		}
	}
	*r = append(*r, Reference{kind, name})
}

// item is one entry of a manifest that names a key of an object: where it stands, and what it names.
type item struct {
	path string // such as spec.clientSecretRef
	kind string
	name string
	key  string
}

func secretItem(path string, ref v1alpha1.SecretKeyRef) item {
	return item{path, KindSecret, ref.Name, ref.Key}
}

// String is the entry in words, for a message.
func (i item) String() string {
	return fmt.Sprintf("%s (%s %s, key %s)", i.path, i.kind, i.name, i.key)
}

// read is what stands under the entry's key, or what is missing.
func (i item) read(in Inputs) (string, *Problem) {
	var value string
	var found bool
	if i.kind == KindConfigMap {
		object := in.ConfigMaps[i.name]
		if found = object != nil; found {
			value = object.Data[i.key]
		}
	} else {
		object := in.Secrets[i.name]
		if found = object != nil; found {
			value = string(object.Data[i.key])
		}
	}
	switch {
	case !found:
		return "", &Problem{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(
			"%s %s, which %s names, is not in this namespace: create it.", i.kind, i.name, i.path)}
	case strings.TrimSpace(value) == "":
		return "", &Problem{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(
			"%s %s has nothing under the key %s: put it there, or correct %s.key.", i.kind, i.name, i.key, i.path)}
	}
	return value, nil
}

// invalid is the problem of an entry whose content cannot be meant.
func (i item) invalid(err error) Problem {
	return Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf("%s %v.", i, err)}
}
