// Package v1alpha1 holds the words of the API group connections.stytch-operator.dev: the connections of a Stytch B2B
// project as manifests, and the credentials they are kept with.
//
// It holds types and the names of conditions, reasons, labels and finalizers, and nothing that decides or does.
//
// Three rules hold for every field of every spec:
//
//   - Absent means not managed: the operator never touches what a manifest does not name.
//   - An explicit empty list clears. A string that can be cleared is a pointer: absent is unmanaged, "" clears.
//   - No field has a default of the schema. What absence means is said at the field.
//
// +kubebuilder:object:generate=true
// +groupName=connections.stytch-operator.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind of this package.
var GroupVersion = schema.GroupVersion{Group: "connections.stytch-operator.dev", Version: "v1alpha1"}

// AddToScheme registers every kind of this package.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&StytchProject{}, &StytchProjectList{},
		&SCIMConnection{}, &SCIMConnectionList{},
		&OIDCConnection{}, &OIDCConnectionList{},
		&SAMLConnection{}, &SAMLConnectionList{},
		&ExternalConnection{}, &ExternalConnectionList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
