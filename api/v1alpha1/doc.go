// Package v1alpha1 is the API group connections.stytch-operator.dev: the SSO and SCIM connections of a Stytch B2B project, and
// the project with its credentials.
//
// It has one file for the types of each kind, and what kinds share in connection_types.go. The names of conditions and reasons
// are in conditions.go, those of annotations, labels and the finalizer in metadata.go, the keys of Secrets and ConfigMaps in
// keys.go. It makes no decisions and no calls.
//
// Three rules hold for every field of every spec:
//
//   - Absent means not managed: the operator never changes what a manifest does not set.
//   - An explicit empty list clears the value. A string that can be cleared is a pointer: absent means not managed, "" clears it.
//   - No field has a default in the schema. The comment of a field says what absence means.
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
		&ClusterStytchProject{}, &ClusterStytchProjectList{},
		&SCIMConnection{}, &SCIMConnectionList{},
		&OIDCConnection{}, &OIDCConnectionList{},
		&SAMLConnection{}, &SAMLConnectionList{},
		&ExternalConnection{}, &ExternalConnectionList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
