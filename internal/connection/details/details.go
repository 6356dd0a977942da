// Package details decides about the ConfigMap that gives the identity provider's side what it has to know of a connection, such as
// the ACS URL or the redirect URL.
package details

import (
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

// Wanted is what the ConfigMap holds that a manifest has its details written into: nil where there is none to be written.
// One that is not the manifest's is a problem, and is never written.
func Wanted(o v1alpha1.Connection, name string, in connection.Inputs) (map[string]string, []connection.Problem) {
	if name == "" {
		return nil, nil
	}
	object := in.ConfigMaps[name]
	if object == nil {
		return map[string]string{}, nil
	}
	if !Owns(object, o.GetUID()) {
		return nil, []connection.Problem{{Reason: v1alpha1.ReasonInvalid, Message: ForeignMessage(name)}}
	}
	return maps.Collect(maps.All(object.Data)), nil
}

// Owns says whether a ConfigMap was made for a manifest.
func Owns(object *corev1.ConfigMap, uid types.UID) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && owner.UID == uid
}

// ForeignMessage says that a ConfigMap in the place of the details is left alone.
func ForeignMessage(name string) string {
	return fmt.Sprintf("ConfigMap %s already exists and was not created for this manifest, so it is not changed. Delete it, or set spec.detailsConfigMapName to another name.", name)
}

// Plan says what has to be written into the ConfigMap.
func Plan(stored, current map[string]string) []connection.Step {
	if stored == nil {
		return nil
	}
	keys := map[string]bool{}
	for _, side := range []map[string]string{stored, current} {
		for key := range side {
			keys[key] = true
		}
	}
	var changes []connection.Change
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if stored[key] != current[key] {
			changes = append(changes, connection.Change{Field: detailsPrefix + key, Topic: topic, Have: entry(stored[key]), Want: entry(current[key])})
		}
	}
	if changes == nil {
		return nil
	}
	return []connection.Step{{Action: Publish, Changes: changes}}
}

const detailsPrefix = "details."

// Publish writes the ConfigMap.
var Publish = connection.Action{Name: "PublishDetails", Event: "DetailsPublished"} //nolint:gochecknoglobals // Go has no constants of this type

var topic = connection.Topic{Name: "details", Alone: true} //nolint:gochecknoglobals // Go has no constants of this type

// entry is an entry of the ConfigMap. A certificate is shown by its fingerprint.
func entry(text string) connection.Value {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return connection.Value{Send: text, Same: pki.Fingerprint(block.Bytes)}
	}
	return connection.Text(text)
}

// Entries are the entries of the ConfigMap that a step writes, by key; empty where one is taken out.
func Entries(step connection.Step) map[string]string {
	entries := map[string]string{}
	for _, c := range step.Changes {
		text, _ := c.Want.Send.(string)
		entries[strings.TrimPrefix(c.Field, detailsPrefix)] = text
	}
	return entries
}
