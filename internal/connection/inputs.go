package connection

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Kinds of the objects that a manifest may refer to, in addition to other connections.
const (
	KindSecret    = "Secret"
	KindConfigMap = "ConfigMap"
)

// Reference is another object of the manifest's namespace.
type Reference struct{ Kind, Name string }

// Inputs are what the desired state is computed from beside its manifest.
type Inputs struct {
	// ID of the connection that the desired state is of; empty where it is still to be created.
	ID string
	// Secrets and ConfigMaps that the manifest names, by name; nil for one that does not exist.
	Secrets    map[string]*corev1.Secret
	ConfigMaps map[string]*corev1.ConfigMap
	// Unsendable are the names of those Secrets of which nothing may be sent to Stytch, and LabelRequired says that others need a label
	// for that.
	Unsendable    map[string]bool
	LabelRequired bool
	// Groups of the SCIM connection, as far as the manifest needs to know them.
	Groups []stytch.SCIMGroup
	// Source of an External connection that names it by manifest; nil where there is no such manifest.
	Source v1alpha1.Connection
	// Role says whether the manifest may assign a role; nil where it may assign every one.
	Role func(id string) bool
	// Unchanged says whether an entry that names a key of a Secret has the same value as in an earlier version of the Secret, as far as
	// this process has read that version of the entry. Nil: nothing is known.
	Unchanged func(entry KeyRef, was v1alpha1.Input) bool
	// Now is the time.
	Now time.Time
}

// InputOf is an object, as a pass read it, as status keeps it.
func InputOf(kind string, object metav1.ObjectMeta) v1alpha1.Input {
	return v1alpha1.Input{Kind: kind, Name: object.Name, UID: string(object.UID), ResourceVersion: object.ResourceVersion}
}

// AnnotationsOf are the manifest's annotations that people ask for something with, as status keeps them: by a hash.
func AnnotationsOf(o metav1.Object) []v1alpha1.Input {
	var lines []string
	for key, value := range o.GetAnnotations() {
		if strings.HasPrefix(key, v1alpha1.AnnotationPrefix) && key != v1alpha1.AnnotationRecord {
			lines = append(lines, key+"="+value)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	return []v1alpha1.Input{{Kind: "Annotations", Name: o.GetName(), ResourceVersion: Hash(strings.Join(lines, "\n"))}}
}

// References are the objects that a manifest names, each once, in the order in which it does.
type References []Reference

// Add adds an object that is not in the list.
func (r *References) Add(kind, name string) {
	for _, known := range *r {
		if known.Kind == kind && known.Name == name {
			return
		}
	}
	*r = append(*r, Reference{kind, name})
}

// KeyRef is one entry of a manifest that names a key of an object: where it stands, and what it names.
type KeyRef struct {
	Path string // such as spec.clientSecretRef
	Kind string
	Name string
	Key  string
}

// SecretKey is an entry, at a path of the manifest, that names a key of a Secret.
func SecretKey(path string, ref v1alpha1.SecretKeyRef) KeyRef {
	return KeyRef{path, KindSecret, ref.Name, ref.Key}
}

// String is the entry in words, for a message.
func (i KeyRef) String() string {
	return fmt.Sprintf("%s (%s %s, key %q)", i.Path, i.Kind, i.Name, i.Key)
}

// Read is what stands under the entry's key, or what is missing.
func (i KeyRef) Read(in Inputs) ([]byte, *Problem) {
	value, found := i.value(in)
	switch {
	case !found:
		return nil, &Problem{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(
			"%s %s, referenced by %s, does not exist in this namespace. Create it.", i.Kind, i.Name, i.Path)}
	case blank(value):
		return nil, &Problem{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(
			"%s %s has no value for the key %q. Add it, or fix %s.key.", i.Kind, i.Name, i.Key, i.Path)}
	}
	return value, nil
}

// ReadSecret is the secret that stands under the entry's key, or what is wrong with it and what to do if it is no text.
func (i KeyRef) ReadSecret(in Inputs, instead string) (stytch.Secret, *Problem) {
	data, problem := i.ReadToSend(in)
	if problem != nil {
		return "", problem
	}
	text, err := pki.ReadText(data)
	if err == nil && !utf8.ValidString(text) {
		err = errors.New("is not UTF-8 text. " + instead)
	}
	if err != nil {
		return "", new(i.Invalid(err))
	}
	return stytch.Secret(text), nil
}

// value is what stands under the entry's key. It is false where there is no such object.
func (i KeyRef) value(in Inputs) ([]byte, bool) {
	if i.Kind == KindSecret {
		object := in.Secrets[i.Name]
		if object == nil {
			return nil, false
		}
		return object.Data[i.Key], true
	}
	object := in.ConfigMaps[i.Name]
	if object == nil {
		return nil, false
	}
	if text, is := object.Data[i.Key]; is {
		return []byte(text), true
	}
	return object.BinaryData[i.Key], true
}

// blank says that nothing but white space stands somewhere.
func blank(value []byte) bool {
	text, err := pki.ReadText(value)
	return err == nil && strings.TrimSpace(text) == ""
}

// Invalid is the problem of an entry whose content is invalid.
func (i KeyRef) Invalid(err error) Problem {
	return Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf("%s %v.", i, err)}
}
