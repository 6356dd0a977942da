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

// SCIMRotationCompletion is who says that the next token may take the place of the current one.
//
// +kubebuilder:validation:Enum=Acknowledged;Automatic
type SCIMRotationCompletion string

const (
	// RotationAcknowledged waits for the annotation acknowledge-token, which names the next token.
	RotationAcknowledged SCIMRotationCompletion = "Acknowledged"
	// RotationAutomatic waits for the annotation, or for the overlap to be over.
	RotationAutomatic SCIMRotationCompletion = "Automatic"
)

// SCIMTokenRotation says when a rotation of the bearer token is started without being asked for, and how it ends.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.overlap) == (has(self.completion) && self.completion == 'Automatic')",message="overlap must be given with completion Automatic, and only with it"
// +kubebuilder:validation:XValidation:rule="!has(self.overlap) || !has(self.renewBefore) || ![self.overlap, self.renewBefore].all(d, d.matches('^([0-9]{1,5}([.][0-9]{1,9})?(h|m|s))+$')) || duration(self.overlap) < duration(self.renewBefore)",message="overlap must be shorter than renewBefore, or the current token ends before both tokens were offered for so long"
type SCIMTokenRotation struct {
	// renewBefore is how long before the token's end a rotation is started; from 1h to 43800h (5 years). It must be shorter than
	// the life of a token, which Stytch chooses.
	// Absent: a rotation is started only when it is asked for.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}([.][0-9]{1,9})?(h|m|s))+$') && duration(self) >= duration('1h') && duration(self) <= duration('43800h')",message="renewBefore must be a duration from 1h to 43800h, such as 720h"
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`
	// completion says who decides that the next token takes the place of the current one, which ends then and there: Acknowledged
	// waits for the annotation acknowledge-token; Automatic does not wait longer than overlap.
	// Absent: Acknowledged.
	// +optional
	Completion SCIMRotationCompletion `json:"completion,omitempty"`
	// overlap is how long the Secret offers both tokens before an Automatic rotation is completed; from 1m to 43800h. It counts
	// from the start of the rotation (status.bearerToken.startedAt), and ends with the current token if that ends before. It is
	// required with completion Automatic.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}([.][0-9]{1,9})?(h|m|s))+$') && duration(self) >= duration('1m') && duration(self) <= duration('43800h')",message="overlap must be a duration from 1m to 43800h, such as 72h"
	Overlap *metav1.Duration `json:"overlap,omitempty"`
}

// SCIMBearerToken says where the bearer token is kept, and how it is replaced.
type SCIMBearerToken struct {
	// secretName is the Secret that the operator writes the token into, in the same namespace: base-url, token and, while a
	// rotation is under way, next-token. The Secret must not exist, or be labelled as this connection's. It cannot be changed.
	// The operator never deletes it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="bearerToken.secretName must be a name that a Secret can have: lower-case letters, digits, - and ., with a letter or digit at both ends and beside each ."
	SecretName string `json:"secretName,omitempty"`
	// rotation says when the token is replaced without being asked for, and how a rotation ends.
	// Absent: a rotation is started only when the annotation rotate-token asks for it, and is completed only when the annotation
	// acknowledge-token says so.
	// +optional
	Rotation *SCIMTokenRotation `json:"rotation,omitempty"`
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

	// bearerToken says where the bearer token is kept, and how it is replaced.
	// +required
	BearerToken SCIMBearerToken `json:"bearerToken,omitzero"`
}

// SCIMTokenPhase says whether a rotation is under way.
//
// +kubebuilder:validation:Enum=Idle;Rotating
type SCIMTokenPhase string

const (
	// TokenIdle says that there is one token.
	TokenIdle SCIMTokenPhase = "Idle"
	// TokenRotating says that a next token was made, or is about to be, and has not taken the place of the current one.
	TokenRotating SCIMTokenPhase = "Rotating"
)

// SCIMBearerTokenStatus is what may be known of a bearer token, and of the one that a rotation would put in its place.
type SCIMBearerTokenStatus struct {
	// lastFour are the last four characters of the token that Stytch accepts.
	// +optional
	// +kubebuilder:validation:MaxLength=4
	LastFour string `json:"lastFour,omitempty"`
	// expiresAt is when Stytch stops accepting the token.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
	// issuedAt is when the token was issued. It is absent where it was not issued through this manifest.
	// +optional
	IssuedAt *metav1.Time `json:"issuedAt,omitempty"`
	// phase says whether a rotation is under way.
	// +optional
	Phase SCIMTokenPhase `json:"phase,omitempty"` //nolint:kubeapilinter // conditions say what is going on; this is the state of one machine, for a column and a metric
	// startedAt is when the rotation under way was started. It is absent where it was started elsewhere.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// nextLastFour are the last four characters of the next token. They are absent until the Secret holds it, unless the rotation
	// was started elsewhere.
	// +optional
	// +kubebuilder:validation:MaxLength=4
	NextLastFour string `json:"nextLastFour,omitempty"`
	// nextExpiresAt is when the next token ends.
	// +optional
	NextExpiresAt *metav1.Time `json:"nextExpiresAt,omitempty"`
	// secretName is the Secret that a token was last seen in. It is empty while none was.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
	// secretLastFour are the last four characters of the token that Stytch accepted when it was last seen in the Secret.
	// +optional
	// +kubebuilder:validation:MaxLength=4
	SecretLastFour string `json:"secretLastFour,omitempty"`
	// handledRotate are the values of the annotation rotate-token that were answered for this token, the newest last, or that
	// stood there when the connection was recorded.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=64
	HandledRotate []string `json:"handledRotate,omitempty"`
	// canceledLastFour are the last four characters of the next token of the last rotation that was canceled for this token.
	// +optional
	// +kubebuilder:validation:MaxLength=4
	CanceledLastFour string `json:"canceledLastFour,omitempty"`
	// canceledAt is when the last rotation that was canceled for this token was seen to be. None is started by itself after that
	// before the last tenth of the token's life.
	// +optional
	CanceledAt *metav1.Time `json:"canceledAt,omitempty"`
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
	// bearerToken is what may be known of the token, and of its rotation.
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
// +kubebuilder:printcolumn:name="Token",type=string,JSONPath=`.status.bearerToken.phase`,priority=1
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
