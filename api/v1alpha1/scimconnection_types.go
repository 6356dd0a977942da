package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SCIMGroupRole assigns a role to the members of a group that the identity provider pushed.
//
// +kubebuilder:validation:XValidation:rule="has(self.groupID) != has(self.groupName)",message="exactly one of groupID and groupName must be set"
type SCIMGroupRole struct {
	// groupID is the ID of the group in Stytch.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^scim-group-(live|test)-[A-Za-z0-9-]+$')",message="groupID must be the ID of a SCIM group in Stytch, such as scim-group-live-..."
	GroupID string `json:"groupID,omitempty"`
	// groupName is the name of the group at the identity provider, up to 1024 characters. It is resolved at each resync, among the
	// groups that the identity provider pushed. It must be exactly the same: case and white space count. A group that is not
	// pushed yet is listed in status.groups.pending. If several groups have the name, no group roles are changed. It must not
	// contain line breaks or other control characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^\p{Cc}]*$')`,message=`groupName must not contain control characters, such as tabs and line breaks`
	GroupName string `json:"groupName,omitempty"`
	// role is the ID of a role in the project's RBAC policy, or of a custom role of the organization.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`role must not start or end with white space or invisible characters, and must not contain control characters`
	Role string `json:"role,omitempty"`
}

// SCIMRotationCompletion says what completes a rotation, so that the next token replaces the current token.
//
// +kubebuilder:validation:Enum=Acknowledged;Automatic
type SCIMRotationCompletion string

const (
	// RotationAcknowledged waits for the annotation acknowledge-token, which names the next token.
	RotationAcknowledged SCIMRotationCompletion = "Acknowledged"
	// RotationAutomatic waits for the annotation acknowledge-token, or for the end of the overlap.
	RotationAutomatic SCIMRotationCompletion = "Automatic"
)

// SCIMTokenRotation says when a rotation of the bearer token starts automatically, and when it is completed.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.overlap) == (has(self.completion) && self.completion == 'Automatic')",message="overlap must be set if completion is Automatic, and must not be set otherwise"
// +kubebuilder:validation:XValidation:rule="!has(self.overlap) || !has(self.renewBefore) || ![self.overlap, self.renewBefore].all(d, d.matches('^([0-9]{1,5}([.][0-9]{1,9})?(h|m|s))+$')) || duration(self.overlap) < duration(self.renewBefore)",message="overlap must be shorter than renewBefore: otherwise the current token expires before the overlap is over"
type SCIMTokenRotation struct {
	// renewBefore is how long before the token expires a rotation starts, from 1h to 43800h (5 years). It must be shorter
	// than the lifetime of a token, which Stytch defines.
	// Absent: no rotation is scheduled.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}([.][0-9]{1,9})?(h|m|s))+$') && duration(self) >= duration('1h') && duration(self) <= duration('43800h')",message="renewBefore must be a duration from 1h to 43800h, such as 720h"
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`
	// completion says when the next token replaces the current token, which then stops working at once. Stytch documents that
	// the next token works only from then on, so the identity provider must get it immediately. Acknowledged waits for the
	// annotation acknowledge-token. Automatic waits for the annotation too, but not longer than overlap.
	// Absent: Acknowledged.
	// +optional
	Completion SCIMRotationCompletion `json:"completion,omitempty"`
	// overlap is how long the Secret contains both tokens before an Automatic rotation is completed, from 1m to 43800h. Stytch
	// accepts the current token until then. The overlap starts when the rotation starts (status.bearerToken.startedAt). It is
	// shorter if the current token expires earlier. It is required with completion Automatic, and not allowed without it.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}([.][0-9]{1,9})?(h|m|s))+$') && duration(self) >= duration('1m') && duration(self) <= duration('43800h')",message="overlap must be a duration from 1m to 43800h, such as 72h"
	Overlap *metav1.Duration `json:"overlap,omitempty"`
}

// SCIMBearerToken says where the bearer token is stored, and how it is rotated.
type SCIMBearerToken struct {
	// secretName is the name of the Secret in the same namespace that the operator writes the token to. The Secret contains
	// base-url and token, and also next-token while a rotation is in progress. The Secret must not exist yet, unless it has
	// the label of this connection. The operator never deletes the Secret. It is immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="bearerToken.secretName must be a valid name of a Secret: lower-case letters, digits, - and ., where each part between dots starts and ends with a letter or digit"
	SecretName string `json:"secretName,omitempty"`
	// secretTemplate has labels and annotations that the operator sets on the Secret, such as those that let another tool
	// copy it. A template never changes the label of the connection, the type or the data of the Secret.
	// Absent: the Secret gets only the label of the connection. Labels and annotations of an earlier template are removed.
	// +optional
	SecretTemplate *ObjectTemplate `json:"secretTemplate,omitempty"`
	// rotation says when a rotation of the token starts automatically, and when it is completed.
	// Absent: no rotation is scheduled. A rotation is completed only when the annotation acknowledge-token names the next
	// token.
	// +optional
	Rotation *SCIMTokenRotation `json:"rotation,omitempty"`
}

// SCIMConnectionSpec is the desired state of the SCIM connection of an organization.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionID) || self.connectionID.matches('^scim-connection-(live|test)-[A-Za-z0-9-]+$')",message="connectionID must be the ID of an existing SCIM connection in Stytch, such as scim-connection-live-..."
// +kubebuilder:validation:XValidation:rule="self.bearerToken.secretName == oldSelf.bearerToken.secretName",message="bearerToken.secretName is immutable: the Secret contains the only copy of the token"
type SCIMConnectionSpec struct {
	ConnectionSpec `json:",inline"`

	// identityProvider is the product that pushes users and groups. A change may also change the base URL.
	// Absent: not managed. A connection that is created for this manifest is then generic.
	// +optional
	IdentityProvider SCIMIdentityProvider `json:"identityProvider,omitempty"`

	// groupImplicitRoles assigns roles to the members of groups. The list is replaced as a whole.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x == y))",message="groupImplicitRoles must not contain the same group and role twice"
	GroupImplicitRoles []SCIMGroupRole `json:"groupImplicitRoles,omitzero"`

	// bearerToken says where the bearer token is stored, and how it is rotated.
	// +required
	BearerToken SCIMBearerToken `json:"bearerToken,omitzero"`
}

// SCIMTokenPhase says whether a rotation is in progress.
//
// +kubebuilder:validation:Enum=Idle;Rotating
type SCIMTokenPhase string

const (
	// TokenIdle means that there is only one token.
	TokenIdle SCIMTokenPhase = "Idle"
	// TokenRotating means that the next token exists, or is about to be created, and has not replaced the current token yet.
	TokenRotating SCIMTokenPhase = "Rotating"
)

// SCIMBearerTokenStatus describes the bearer token, and the next token of a rotation. It contains no token.
type SCIMBearerTokenStatus struct {
	// lastFour are the last four characters of the current token, which Stytch accepts.
	// +optional
	// +kubebuilder:validation:MaxLength=4
	LastFour string `json:"lastFour,omitempty"`
	// expiresAt is the time when the current token expires.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
	// issuedAt is the time when the current token was issued. It is absent if it was not issued by this manifest.
	// +optional
	IssuedAt *metav1.Time `json:"issuedAt,omitempty"`
	// phase says whether a rotation is in progress.
	// +optional
	Phase SCIMTokenPhase `json:"phase,omitempty"` //nolint:kubeapilinter // conditions say what is going on; this is the state of one machine, for a column and a metric
	// startedAt is the time when the current rotation started. If this manifest did not start it, or its status was lost, it is
	// the time when the Secret was first seen to contain both tokens, and it is absent before that.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// nextLastFour are the last four characters of the next token. They are absent until the Secret contains the next token,
	// unless the rotation was not started by this manifest.
	// +optional
	// +kubebuilder:validation:MaxLength=4
	NextLastFour string `json:"nextLastFour,omitempty"`
	// nextExpiresAt is the time when the next token expires.
	// +optional
	NextExpiresAt *metav1.Time `json:"nextExpiresAt,omitempty"`
	// secretName is the Secret in which the current token was last found. It is empty if it was never found.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
	// secretLastFour are the last four characters of the token that was last found in the Secret while it was the current
	// token.
	// +optional
	// +kubebuilder:validation:MaxLength=4
	SecretLastFour string `json:"secretLastFour,omitempty"`
	// handledRotate are the values of the annotation rotate-token that were handled for the current token, the newest last.
	// They include the value that was set when the connection was recorded.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=64
	HandledRotate []string `json:"handledRotate,omitempty"`
	// canceledLastFour are the last four characters of the next token of the last rotation that was canceled for the current
	// token.
	// +optional
	// +kubebuilder:validation:MaxLength=4
	CanceledLastFour string `json:"canceledLastFour,omitempty"`
	// canceledAt is the time when the last rotation for the current token was found to be canceled. After that, no rotation
	// starts automatically before the last tenth of the token's lifetime.
	// +optional
	CanceledAt *metav1.Time `json:"canceledAt,omitempty"`
}

// SCIMGroupsStatus shows which groups in spec.groupImplicitRoles were found.
type SCIMGroupsStatus struct {
	// resolved is the number of names that were found as groups in Stytch.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Resolved int64 `json:"resolved,omitempty"`
	// pending are the names of groups that the identity provider has not pushed yet. At most 256 characters of a name are shown.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=256
	Pending []string `json:"pending,omitempty"`
	// found are the groups in Stytch that were found by their names. A group with a name of more than 256 characters is not shown.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Found []SCIMFoundGroup `json:"found,omitempty"`
}

// SCIMFoundGroup is a group that was found by its name.
type SCIMFoundGroup struct {
	// name in spec.groupImplicitRoles.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// groupID is the ID of the group in Stytch.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	GroupID string `json:"groupID,omitempty"`
	// renamedTo is the name that the group has now. At most 256 characters are shown. It is absent if the group still has its name,
	// or if it does not exist any more.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	RenamedTo string `json:"renamedTo,omitempty"`
}

// SCIMConnectionStatus is the observed state of a SCIM connection.
type SCIMConnectionStatus struct {
	ConnectionStatus `json:",inline"`

	// baseURL is the URL that the identity provider pushes to.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	BaseURL string `json:"baseURL,omitempty"`
	// bearerToken describes the bearer token and its rotation. It contains no token.
	// +optional
	BearerToken *SCIMBearerTokenStatus `json:"bearerToken,omitempty"`
	// groups shows which groups in spec.groupImplicitRoles were found by name. It is absent if no group is given by name.
	// +optional
	Groups *SCIMGroupsStatus `json:"groups,omitempty"`
}

// SCIMConnection manages the SCIM connection of a Stytch organization. An organization has at most one.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=scimconn,categories=stytch
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/prune=disabled"
// +kubebuilder:metadata:annotations="argocd.argoproj.io/sync-options=Prune=false,Delete=false"
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
	// metadata is standard Kubernetes object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the desired state.
	// +required
	Spec SCIMConnectionSpec `json:"spec,omitzero"`
	// status is the observed state.
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
