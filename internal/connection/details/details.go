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
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

// Wanted puts into a wanted State what the ConfigMap holds that a manifest has its details written into, and whose it is. One that is
// somebody else's is a problem, and is never written. So is anybody's before there is a connection: it cannot hold its details.
func Wanted(want *connection.State, o v1alpha1.Connection, name string, template *v1alpha1.ObjectTemplate, in connection.Inputs) []connection.Problem {
	if name == "" {
		return nil
	}
	want.Details = map[string]string{}
	object := in.ConfigMaps[name]
	if object == nil {
		return nil
	}
	owner := OwnerOf(object, o, in.ID)
	if owner == connection.Others || owner == connection.Anybodys && in.ID == "" {
		want.Details = nil
		return foreign(name)
	}
	maps.Copy(want.Details, object.Data)
	want.DetailsOwner = owner
	if owner == connection.Owned {
		want.Unstamped = connection.Unstamped("detailsTemplate", template, &object.ObjectMeta)
	}
	return nil
}

// OwnerOf says whose a ConfigMap is: it was made for a manifest if that is its controller, or if it has the label of the manifest's
// connection and no controller, as after a restore. A manifest of the same name that was there before is no other controller. One that
// a GitOps tool keeps is never anybody's.
func OwnerOf(object *corev1.ConfigMap, o v1alpha1.Connection, id string) connection.Ownership {
	controller := metav1.GetControllerOf(object)
	label := object.Labels[v1alpha1.LabelConnection]
	labeled := label != "" && label == id
	switch {
	case controller != nil && controller.UID == o.GetUID():
		return connection.Owned
	case controller != nil && (!labeled || !preceded(controller, o)):
		return connection.Others
	case labeled:
		return connection.OwnerLost
	case label != "" || connection.Tracked(object) || len(object.BinaryData) > 0:
		return connection.Others
	}
	return connection.Anybodys
}

// preceded says that a controller is a manifest that had the name of this one before it. With the label of the connection, the kind
// is that of this one too.
func preceded(controller *metav1.OwnerReference, o v1alpha1.Connection) bool {
	group, err := schema.ParseGroupVersion(controller.APIVersion)
	return err == nil && group.Group == v1alpha1.GroupVersion.Group && controller.Name == o.GetName()
}

// Problems reports a ConfigMap that is anybody's and holds something else than would be written.
func Problems(name string, want connection.State, current map[string]string) []connection.Problem {
	if want.DetailsOwner != connection.Anybodys || differences(want.Details, current) == nil {
		return nil
	}
	return foreign(name)
}

func foreign(name string) []connection.Problem {
	return []connection.Problem{{Reason: v1alpha1.ReasonInvalid, Message: ForeignMessage(name)}}
}

// ForeignMessage says that a ConfigMap in the place of the details is left alone.
func ForeignMessage(name string) string {
	return fmt.Sprintf("ConfigMap %s already exists and was not created for this manifest, so it is not changed. Delete it, or set spec.detailsConfigMapName to another name.", name)
}

// Plan says what has to be written into the ConfigMap, and then in a write of their own, that what is refused of them keeps nothing else
// back, what labels and annotations. One that is created gets them at once.
func Plan(want connection.State, current map[string]string) []connection.Step {
	return append(planEntries(want, current), connection.PlanStamp(ApplyTemplate, want)...)
}

// planEntries says what has to be written into the ConfigMap. Label and owner are set with every write, and a missing owner is put back by
// one.
func planEntries(want connection.State, current map[string]string) []connection.Step {
	if want.Details == nil {
		return nil
	}
	changes := differences(want.Details, current)
	if want.DetailsOwner == connection.Anybodys && changes != nil {
		return nil
	}
	if want.DetailsOwner != connection.Owned {
		changes = append(changes, connection.Change{Field: fieldOwner, Topic: topic, Have: connection.Text(""), Want: connection.Value{Send: current, Same: "this manifest"}})
	}
	if changes == nil {
		return nil
	}
	return []connection.Step{{Action: Publish, Changes: changes}}
}

// differences are the entries of the ConfigMap that are not as Stytch says.
func differences(stored, current map[string]string) []connection.Change {
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
	return changes
}

// Adopts says that a step was decided on a ConfigMap that holds exactly this.
func Adopts(step connection.Step, data map[string]string) bool {
	for _, c := range step.Changes {
		if current, ok := c.Want.Send.(map[string]string); ok && c.Field == fieldOwner {
			return differences(data, current) == nil
		}
	}
	return false
}

const fieldOwner = "detailsConfigMap.owner"

const detailsPrefix = "details."

// Publish writes the ConfigMap, ApplyTemplate only its labels and annotations.
//
//nolint:gochecknoglobals // Go has no constants of this type
var (
	Publish       = connection.Action{Name: "PublishDetails", Event: "DetailsPublished"}
	ApplyTemplate = connection.Action{Name: "ApplyDetailsTemplate", Event: "DetailsPublished"}
)

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
		if key, isEntry := strings.CutPrefix(c.Field, detailsPrefix); isEntry {
			entries[key], _ = c.Want.Send.(string)
		}
	}
	return entries
}
