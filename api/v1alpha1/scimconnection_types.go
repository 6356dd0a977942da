package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SCIMGroupRole gives a role to the members of a group that the identity provider pushed.
//
// +kubebuilder:validation:XValidation:rule="has(self.groupID) != has(self.groupName)",message="a group must be named by exactly one of groupID and groupName"
type SCIMGroupRole struct {
	// groupID is Stytch's ID of the group.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^scim-group-(live|test)-[A-Za-z0-9-]+$')",message="groupID must be the ID of a SCIM group as Stytch has it, such as scim-group-live-..."
	GroupID string `json:"groupID,omitempty"`
	// groupName is the group as the identity provider calls it. It is looked up among the groups that were pushed, at each look:
	// one that is not there yet is waited for (status.groups.pending), and of a name that several groups have none is taken.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	GroupName string `json:"groupName,omitempty"`
	// role is the ID of a role of the project's RBAC policy, or of the organization's custom roles.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Role string `json:"role,omitempty"`
}

// SCIMBearerToken says where the bearer token is kept.
type SCIMBearerToken struct {
	// secretName is the Secret that the operator writes the token into, in the same namespace: base-url and token. The
	// Secret must not exist, or be labelled as this connection's. It cannot be changed.
	// The operator never deletes it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="bearerToken.secretName must be a name that a Secret can have: lower-case letters, digits, - and ., with a letter or digit at both ends and beside each ."
	SecretName string `json:"secretName,omitempty"`
}

// SCIMConnectionSpec is the wished state of the one SCIM connection of an organization.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionID) || self.connectionID.matches('^scim-connection-(live|test)-[A-Za-z0-9-]+$')",message="connectionID must be the ID of an existing SCIM connection as Stytch has it, such as scim-connection-live-..."
// +kubebuilder:validation:XValidation:rule="self.bearerToken.secretName == oldSelf.bearerToken.secretName",message="bearerToken.secretName is immutable: the Secret holds the only copy of the token"
type SCIMConnectionSpec struct {
	ConnectionSpec `json:",inline"`

	// identityProvider is the product that pushes users and groups. A change may change the base URL.
	// Absent: not managed; a connection created here is then generic.
	// +optional
	IdentityProvider SCIMIdentityProvider `json:"identityProvider,omitempty"`

	// groupImplicitRoles gives roles to the members of groups. It is replaced as a whole.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x == y))",message="groupImplicitRoles must not hold the same group and role twice"
	GroupImplicitRoles []SCIMGroupRole `json:"groupImplicitRoles,omitzero"`

	// bearerToken says where the bearer token is kept.
	// +required
	BearerToken SCIMBearerToken `json:"bearerToken,omitzero"`
}

// SCIMBearerTokenStatus is what may be known of a bearer token.
type SCIMBearerTokenStatus struct {
	// lastFour are the last four characters of the token that Stytch accepts.
	// +optional
	// +kubebuilder:validation:MaxLength=4
	LastFour string `json:"lastFour,omitempty"`
	// expiresAt is when Stytch stops accepting the token.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
	// secretName is the Secret that the token was last seen in. It is empty while it was seen in none.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
}

// SCIMGroupsStatus is what became of the groups that spec.groupImplicitRoles names.
type SCIMGroupsStatus struct {
	// resolved is how many of the names are groups at Stytch.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Resolved int32 `json:"resolved,omitempty"`
	// pending are the names that the identity provider has not pushed a group of.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=256
	Pending []string `json:"pending,omitempty"`
}

// SCIMConnectionStatus is what the operator knows of a SCIM connection.
type SCIMConnectionStatus struct {
	ConnectionStatus `json:",inline"`

	// baseURL is what the identity provider pushes to.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	BaseURL string `json:"baseURL,omitempty"`
	// bearerToken is what may be known of the token.
	// +optional
	BearerToken *SCIMBearerTokenStatus `json:"bearerToken,omitempty"`
	// groups is what became of the groups that spec.groupImplicitRoles gives by name. It is absent where none is.
	// +optional
	Groups *SCIMGroupsStatus `json:"groups,omitempty"`
}

// SCIMConnection keeps the one SCIM connection of a Stytch organization.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=scimconn,categories=stytch
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Organization",type=string,JSONPath=`.spec.organization`
// +kubebuilder:printcolumn:name="Connection",type=string,JSONPath=`.status.connectionID`
// +kubebuilder:printcolumn:name="Token expires",type=string,JSONPath=`.status.bearerToken.expiresAt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Synced",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].message`,priority=1
type SCIMConnection struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is as every object of Kubernetes has it.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the wished state.
	// +required
	Spec SCIMConnectionSpec `json:"spec,omitzero"`
	// status is what the operator knows.
	// +optional
	// +default={"observedGeneration": -1}
	Status SCIMConnectionStatus `json:"status,omitzero"`
}

// CommonSpec is the part of the spec that every kind has.
func (c *SCIMConnection) CommonSpec() *ConnectionSpec { return &c.Spec.ConnectionSpec }

// CommonStatus is the part of the status that every kind has.
func (c *SCIMConnection) CommonStatus() *ConnectionStatus { return &c.Status.ConnectionStatus }

// SCIMConnectionList is a list of SCIMConnections.
//
// +kubebuilder:object:root=true
type SCIMConnectionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SCIMConnection `json:"items"`
}
