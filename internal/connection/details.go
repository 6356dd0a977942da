package connection

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
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

// wantedDetails is what the ConfigMap holds that a manifest has its details written into: nil where there is none to be written.
// One that is not the manifest's is a problem, and is never written.
func wantedDetails(o v1alpha1.Connection, name string, in Inputs) (map[string]string, []Problem) {
	if name == "" {
		return nil, nil
	}
	object := in.ConfigMaps[name]
	if object == nil {
		return map[string]string{}, nil
	}
	if !OwnsConfigMap(object, o.GetUID()) {
		return nil, []Problem{{Reason: v1alpha1.ReasonInvalid, Message: ForeignConfigMap(name)}}
	}
	return maps.Collect(maps.All(object.Data)), nil
}

// OwnsConfigMap says whether a ConfigMap was made for a manifest.
func OwnsConfigMap(object *corev1.ConfigMap, uid types.UID) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && owner.UID == uid
}

// ForeignConfigMap says that a ConfigMap in the place of the details is left alone.
func ForeignConfigMap(name string) string {
	return fmt.Sprintf("ConfigMap %s is there and was not made for this manifest, so it is left alone: delete it, or give spec.detailsConfigMapName another name.", name)
}

// planDetails says what has to be written into the ConfigMap.
func planDetails(want, have map[string]string) []Step {
	if want == nil {
		return nil
	}
	keys := map[string]bool{}
	for _, side := range []map[string]string{want, have} {
		for key := range side {
			keys[key] = true
		}
	}
	var changes []Change
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if want[key] != have[key] {
			changes = append(changes, Change{Field: detailsPrefix + key, Topic: topicDetails, Have: detail(want[key]), Want: detail(have[key])})
		}
	}
	if changes == nil {
		return nil
	}
	return []Step{{Action: PublishDetails, Changes: changes}}
}

const detailsPrefix = "details."

// PublishDetails writes the ConfigMap.
var PublishDetails = Action{Name: "PublishDetails", Event: "DetailsPublished"} //nolint:gochecknoglobals // Go has no constants of this type

var topicDetails = Topic{Name: "details", Alone: true} //nolint:gochecknoglobals // Go has no constants of this type

// detail is an entry of the ConfigMap. A certificate is shown by its fingerprint.
func detail(text string) Value {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return Value{Send: text, Same: pki.Fingerprint(block.Bytes)}
	}
	return Text(text)
}

// DetailsIn are the entries of the ConfigMap that a step writes, by key; empty where one is taken out.
func DetailsIn(step Step) map[string]string {
	entries := map[string]string{}
	for _, c := range step.Changes {
		text, _ := c.Want.Send.(string)
		entries[strings.TrimPrefix(c.Field, detailsPrefix)] = text
	}
	return entries
}
