package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ExternalSource is the connection of another organization that this connection uses.
type ExternalSource struct {
	// organizationID is the ID of the organization that owns the source connection.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^organization-(live|test)-[A-Za-z0-9-]+$')",message="source.organizationID must be the ID of an organization in Stytch, such as organization-live-..."
	OrganizationID string `json:"organizationID,omitempty"`
	// connectionID is the ID of the source connection, which is a SAML or OIDC connection.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^(saml|oidc)-connection-(live|test)-[A-Za-z0-9-]+$')",message="source.connectionID must be the ID of a SAML or OIDC connection in Stytch, such as saml-connection-live-..."
	ConnectionID string `json:"connectionID,omitempty"`
}

// SourceKind is the kind of a manifest that manages a source connection.
//
// +kubebuilder:validation:Enum=SAMLConnection;OIDCConnection
type SourceKind string

const (
	// SourceSAML is a SAMLConnection.
	SourceSAML SourceKind = "SAMLConnection"
	// SourceOIDC is an OIDCConnection.
	SourceOIDC SourceKind = "OIDCConnection"
)

// ExternalSourceRef references the manifest of the source connection in the same namespace.
type ExternalSourceRef struct {
	// kind of the manifest.
	// +required
	Kind SourceKind `json:"kind,omitempty"`
	// name of the manifest.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="sourceRef.name must be a valid name of an object: lower-case letters, digits, - and ., where each part between dots starts and ends with a letter or digit"
	Name string `json:"name,omitempty"`
}

// ExternalConnectionSpec is the desired state of an External SSO connection.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionID) || self.connectionID.matches('^external-connection-(live|test)-[A-Za-z0-9-]+$')",message="connectionID must be the ID of an existing External connection in Stytch, such as external-connection-live-..."
// +kubebuilder:validation:XValidation:rule="has(self.source) != has(self.sourceRef)",message="exactly one of source and sourceRef must be set"
// +kubebuilder:validation:XValidation:rule="has(self.source) == has(oldSelf.source) && (!has(self.source) || self.source == oldSelf.source)",message="source is immutable: to use another source, delete this manifest and apply a new one with another name"
// +kubebuilder:validation:XValidation:rule="!has(self.sourceRef) || !has(oldSelf.sourceRef) || self.sourceRef == oldSelf.sourceRef",message="sourceRef is immutable: to use another source, delete this manifest and apply a new one with another name"
// +kubebuilder:validation:XValidation:rule="!has(self.source) || self.source.organizationID != self.organization",message="source.organizationID must not be the same as organization"
// +kubebuilder:validation:XValidation:rule="!has(self.source) || !has(self.projectRef) || !has(self.projectRef.kind) || self.projectRef.kind != 'ClusterStytchProject' || self.source.organizationID.matches('^organization-(live|test)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')",message="source.organizationID must be the full ID of an organization, such as organization-live-11111111-1111-4111-8111-111111111111, if projectRef references a ClusterStytchProject"
// +kubebuilder:validation:XValidation:rule="!((has(self.source) && self.source.connectionID.startsWith('oidc-')) || (has(self.sourceRef) && self.sourceRef.kind == 'OIDCConnection')) || ((!has(self.implicitRoles) || size(self.implicitRoles) == 0) && (!has(self.groupImplicitRoles) || size(self.groupImplicitRoles) == 0))",message="Stytch does not assign implicit roles through an OIDC source: remove implicitRoles and groupImplicitRoles, or use a SAML source"
type ExternalConnectionSpec struct {
	ConnectionSpec `json:",inline"`

	// source is the connection of another organization through which members sign in here, given by its IDs. It is
	// immutable.
	// Absent: sourceRef references the source connection.
	// +optional
	Source *ExternalSource `json:"source,omitempty"`

	// sourceRef references the manifest of the source connection in the same namespace. This connection is created when the
	// source connection is active. The source connection is not deleted in Stytch while this connection exists and is not
	// being deleted. It is immutable.
	// Absent: source gives the IDs of the source connection.
	// +optional
	SourceRef *ExternalSourceRef `json:"sourceRef,omitempty"`

	// implicitRoles are assigned to every member who signs in through this connection. They are IDs of roles in the
	// project's RBAC policy, or of custom roles of the organization.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`implicitRoles must not start or end with white space or invisible characters, and must not contain control characters`
	ImplicitRoles []string `json:"implicitRoles,omitzero"`

	// groupImplicitRoles are assigned to the members of a group who sign in through this connection. The list is replaced as
	// a whole. It needs groups in the attribute mapping of the source connection.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x.group == y.group && x.role == y.role))",message="groupImplicitRoles must not contain the same group and role twice"
	GroupImplicitRoles []GroupRole `json:"groupImplicitRoles,omitzero"`
}

// ExternalConnectionStatus is the observed state of an External connection.
type ExternalConnectionStatus struct {
	ConnectionStatus `json:",inline"`

	// source is the source connection, taken from spec.source or from the manifest that spec.sourceRef references.
	// +optional
	Source *ExternalSourceStatus `json:"source,omitempty"`
}

// ExternalSourceStatus is the source connection.
type ExternalSourceStatus struct {
	// organizationID is the ID of the organization that owns the source connection.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	OrganizationID string `json:"organizationID,omitempty"`
	// connectionID is the ID of the source connection.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ConnectionID string `json:"connectionID,omitempty"`
}

// ExternalConnection manages an External SSO connection of a Stytch organization. Its members sign in through a connection
// of another organization.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=extconn,categories=stytch
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/prune=disabled"
// +kubebuilder:metadata:annotations="argocd.argoproj.io/sync-options=Prune=false,Delete=false"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Organization",type=string,JSONPath=`.spec.organization`
// +kubebuilder:printcolumn:name="Connection",type=string,JSONPath=`.status.connectionID`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Source",type=string,JSONPath=`.status.source.connectionID`,priority=1
// +kubebuilder:printcolumn:name="Synced",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].message`,priority=1
type ExternalConnection struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard Kubernetes object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the desired state.
	// +required
	Spec ExternalConnectionSpec `json:"spec,omitzero"`
	// status is the observed state.
	// +optional
	// +default={"observedGeneration": -1}
	Status ExternalConnectionStatus `json:"status,omitzero"`
}

// CommonSpec is the part of the spec that every kind has.
func (c *ExternalConnection) CommonSpec() *ConnectionSpec { return &c.Spec.ConnectionSpec }

// CommonStatus is the part of the status that every kind has.
func (c *ExternalConnection) CommonStatus() *ConnectionStatus { return &c.Status.ConnectionStatus }

// ExternalConnectionList is a list of ExternalConnections.
//
// +kubebuilder:object:root=true
type ExternalConnectionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ExternalConnection `json:"items"`
}
