package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ExternalSource names the connection of another organization that is re-used.
type ExternalSource struct {
	// organizationID of the organization that owns the source.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^organization-(live|test)-[A-Za-z0-9-]+$')",message="source.organizationID must be the ID of an organization as Stytch has it, such as organization-live-..."
	OrganizationID string `json:"organizationID,omitempty"`
	// connectionID of the source, a SAML or OIDC connection.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^(saml|oidc)-connection-(live|test)-[A-Za-z0-9-]+$')",message="source.connectionID must be the ID of a SAML or OIDC connection as Stytch has it, such as saml-connection-live-..."
	ConnectionID string `json:"connectionID,omitempty"`
}

// SourceKind is the kind of a manifest that keeps a source.
//
// +kubebuilder:validation:Enum=SAMLConnection;OIDCConnection
type SourceKind string

const (
	// SourceSAML is a SAMLConnection.
	SourceSAML SourceKind = "SAMLConnection"
	// SourceOIDC is an OIDCConnection.
	SourceOIDC SourceKind = "OIDCConnection"
)

// ExternalSourceRef names the manifest, in the same namespace, that keeps the connection that is re-used.
type ExternalSourceRef struct {
	// kind of the manifest.
	// +required
	Kind SourceKind `json:"kind,omitempty"`
	// name of the manifest.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="sourceRef.name must be a name that a manifest can have: lower-case letters, digits, - and ., with a letter or digit at both ends and beside each ."
	Name string `json:"name,omitempty"`
}

// ExternalConnectionSpec is the wished state of an External SSO connection.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionID) || self.connectionID.matches('^external-connection-(live|test)-[A-Za-z0-9-]+$')",message="connectionID must be the ID of an existing External connection as Stytch has it, such as external-connection-live-..."
// +kubebuilder:validation:XValidation:rule="has(self.source) != has(self.sourceRef)",message="exactly one of source and sourceRef must say which connection is re-used"
// +kubebuilder:validation:XValidation:rule="has(self.source) == has(oldSelf.source) && (!has(self.source) || self.source == oldSelf.source)",message="source is immutable: an External connection cannot be pointed at another source; delete this manifest and apply one with another name"
// +kubebuilder:validation:XValidation:rule="!has(self.sourceRef) || !has(oldSelf.sourceRef) || self.sourceRef == oldSelf.sourceRef",message="sourceRef is immutable: an External connection cannot be pointed at another source; delete this manifest and apply one with another name"
// +kubebuilder:validation:XValidation:rule="!has(self.source) || self.source.organizationID != self.organization",message="source.organizationID must be another organization than organization"
// +kubebuilder:validation:XValidation:rule="!((has(self.source) && self.source.connectionID.startsWith('oidc-')) || (has(self.sourceRef) && self.sourceRef.kind == 'OIDCConnection')) || ((!has(self.implicitRoles) || size(self.implicitRoles) == 0) && (!has(self.groupImplicitRoles) || size(self.groupImplicitRoles) == 0))",message="Stytch gives no implicit roles through an OIDC source: remove implicitRoles and groupImplicitRoles, or name a SAML source"
type ExternalConnectionSpec struct {
	ConnectionSpec `json:",inline"`

	// source is the connection of another organization that members may sign in through here, by its IDs. It cannot be changed.
	// Absent: sourceRef names it.
	// +optional
	Source *ExternalSource `json:"source,omitempty"`

	// sourceRef is the same by the manifest that keeps it, in the same namespace. Until that connection is active this one
	// waits; while this one holds its connection and is not itself being deleted, that one is not deleted at Stytch. It cannot
	// be changed.
	// Absent: source names it.
	// +optional
	SourceRef *ExternalSourceRef `json:"sourceRef,omitempty"`

	// implicitRoles are given to every member who signs in through this connection. They are the IDs of roles of the
	// project's RBAC policy, or of the organization's custom roles.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	ImplicitRoles []string `json:"implicitRoles,omitzero"`

	// groupImplicitRoles are given to the members of a group who sign in through this connection. It is replaced as a
	// whole. It needs groups in the source's attribute mapping.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x.group == y.group && x.role == y.role))",message="groupImplicitRoles must not hold the same group and role twice"
	GroupImplicitRoles []GroupRole `json:"groupImplicitRoles,omitzero"`
}

// ExternalConnectionStatus is what the operator knows of an External connection.
type ExternalConnectionStatus struct {
	ConnectionStatus `json:",inline"`

	// source is the connection that is re-used, as spec.source gives it or as the manifest that spec.sourceRef names says.
	// +optional
	Source *ExternalSourceStatus `json:"source,omitempty"`
}

// ExternalSourceStatus is the connection that is re-used.
type ExternalSourceStatus struct {
	// organizationID of the organization that owns it.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	OrganizationID string `json:"organizationID,omitempty"`
	// connectionID of the source.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ConnectionID string `json:"connectionID,omitempty"`
}

// ExternalConnection keeps an External SSO connection of a Stytch organization: another organization's connection, re-used.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=extconn,categories=stytch
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
	// metadata is as every object of Kubernetes has it.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the wished state.
	// +required
	Spec ExternalConnectionSpec `json:"spec,omitzero"`
	// status is what the operator knows.
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
