package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Everything stands, alone in a list of a grant, for all namespaces or all organizations.
const Everything = "*"

// GrantedNamespace is the name of a namespace, or * for all of them.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^([*]|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$`
type GrantedNamespace string

// GrantedOrganization is the ID of an organization in Stytch in its full form, or * for all of them.
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:Pattern=`^([*]|organization-(live|test)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`
type GrantedOrganization string

// GrantedRole is the ID of a role in Stytch.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
// +kubebuilder:validation:Pattern=`^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$`
type GrantedRole string

// ConnectionKind is a kind of connection.
//
// +kubebuilder:validation:Enum=ExternalConnection;OIDCConnection;SAMLConnection;SCIMConnection
type ConnectionKind string

// NamespaceLabelValue is the value of a label of a namespace.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`
type NamespaceLabelValue string

// NamespaceSelector selects namespaces by their labels. A namespace must meet all of its parts.
//
// +kubebuilder:validation:XValidation:rule="has(self.matchLabels) || has(self.matchExpressions)",message="namespaceSelector must not be empty: to select all namespaces, set namespaces to * instead"
type NamespaceSelector struct {
	// matchLabels are labels that a namespace must have, with these values. A key that no label can have matches no namespace.
	// Absent: no label is required by its value.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	MatchLabels map[string]NamespaceLabelValue `json:"matchLabels,omitempty"`
	// matchExpressions are further requirements.
	// Absent: there are none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	MatchExpressions []NamespaceRequirement `json:"matchExpressions,omitempty"`
}

// NamespaceRequirement is a requirement of one label of a namespace.
//
// +kubebuilder:validation:XValidation:rule="(self.operator in ['In', 'NotIn']) == has(self.values)",message="values must be set if operator is In or NotIn, and must not be set otherwise"
type NamespaceRequirement struct {
	// key of the label.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
	Key string `json:"key,omitempty"`
	// operator says what is required of the label: In, that its value is one of values; NotIn, that it is not, or that the label is
	// absent; Exists; DoesNotExist.
	// +required
	Operator NamespaceOperator `json:"operator,omitempty"`
	// values that the label must have, or must not have.
	// Absent: operator is Exists or DoesNotExist.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Values []NamespaceLabelValue `json:"values,omitempty"`
}

// NamespaceOperator says what is required of a label.
//
// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
type NamespaceOperator string

// GrantDeletion says what happens to connections when their manifests are deleted.
//
// +kubebuilder:validation:Enum=Retain
type GrantDeletion string

// GrantRetain keeps every connection in Stytch.
const GrantRetain GrantDeletion = "Retain"

// Grant lets connections of some namespaces use the credentials for some organizations. Several grants add up: for each
// organization, a manifest may do what any grant that covers its namespace, its kind and the organization allows.
//
// +kubebuilder:validation:XValidation:rule="has(self.namespaces) != has(self.namespaceSelector)",message="exactly one of namespaces and namespaceSelector must be set"
// +kubebuilder:validation:XValidation:rule="has(self.namespaceSelector) == (has(self.trustNamespaceLabels) && self.trustNamespaceLabels)",message="trustNamespaceLabels must be true if namespaceSelector is set, and must not be set otherwise: whoever can label a namespace can give it this grant"
type Grant struct {
	// namespaces are the names of the namespaces that the grant is for, or * alone for all namespaces.
	// Absent: namespaceSelector selects the namespaces.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="!('*' in self) || size(self) == 1",message="* stands for all namespaces: it must be the only entry"
	Namespaces []GrantedNamespace `json:"namespaces,omitempty"`
	// namespaceSelector selects the namespaces that the grant is for by their labels.
	// Absent: namespaces names them.
	// +optional
	NamespaceSelector *NamespaceSelector `json:"namespaceSelector,omitempty"`
	// trustNamespaceLabels confirms that the labels of namespaces may decide about access. Whoever can change the labels of a
	// namespace can then give it this grant.
	// Absent: labels are not trusted, and namespaceSelector cannot be used.
	// +optional
	TrustNamespaceLabels bool `json:"trustNamespaceLabels,omitempty"` //nolint:kubeapilinter // a confirmation: there is no third answer to come
	// organizations are the organizations whose connections may be managed: their IDs in the full form, or * alone for all
	// organizations of the project. A duplicate has no effect.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:XValidation:rule="!('*' in self) || size(self) == 1",message="* stands for all organizations: it must be the only entry"
	Organizations []GrantedOrganization `json:"organizations,omitempty"`
	// sources are the organizations whose connections ExternalConnections in organizations may use, in the same form. An
	// organization of organizations is not a source unless it is listed here too.
	// Absent: no ExternalConnection is permitted.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:XValidation:rule="!('*' in self) || size(self) == 1",message="* stands for all organizations: it must be the only entry"
	Sources []GrantedOrganization `json:"sources,omitempty"`
	// kinds are the kinds of connections that the grant is for.
	// Absent: all kinds.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:XValidation:rule="self.all(kind, self.exists_one(other, other == kind))",message="kinds must not contain the same kind twice"
	Kinds []ConnectionKind `json:"kinds,omitempty"`
	// roles are the IDs of the roles that connections may assign to members. A list of roles that has another one is not sent to Stytch.
	// Absent: all roles.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	Roles []GrantedRole `json:"roles,omitzero"`
	// deletion says what happens to a connection in Stytch when its manifest is deleted. Retain keeps the connection, whatever the
	// deletionPolicy of the manifest.
	// Absent: the deletionPolicy of the manifest decides.
	// +optional
	Deletion GrantDeletion `json:"deletion,omitempty"`
}

// ClusterStytchProjectSpec identifies a Stytch project environment, its credentials, and who may use them.
type ClusterStytchProjectSpec struct {
	ProjectSpec `json:",inline"`

	// grants say which namespaces may manage the connections of which organizations.
	// Absent or empty: no connection can use the credentials.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=64
	Grants []Grant `json:"grants,omitempty"`
}

// GrantState says whether a grant has an effect.
//
// +kubebuilder:validation:Enum=NoNamespace;NoConnection;InUse
type GrantState string

const (
	// GrantNoNamespace says that no namespace matches the grant.
	GrantNoNamespace GrantState = "NoNamespace"
	// GrantNoConnection says that the grant covers no connection.
	GrantNoConnection GrantState = "NoConnection"
	// GrantInUse says that the grant covers at least one connection.
	GrantInUse GrantState = "InUse"
)

// GrantStatus is what a grant is used for.
type GrantStatus struct {
	// state is NoNamespace if no namespace matches the grant, NoConnection if the grant covers no connection that uses this
	// project, and InUse otherwise.
	// +required
	State GrantState `json:"state,omitempty"`
	// connections is the number of connections that use this project and that the grant covers.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Connections int64 `json:"connections,omitempty"`
}

// ClusterStytchProjectStatus is the observed state of the credentials and of the grants.
type ClusterStytchProjectStatus struct {
	ProjectStatus `json:",inline"`

	// grants are what each grant of the spec is used for, in the same order. They are updated some seconds after a change.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Grants []GrantStatus `json:"grants,omitempty"`
}

// ClusterStytchProject references the credentials of one Stytch project environment, for connections of chosen namespaces and
// organizations. Its Secret is in the namespace that the manager's flag --cluster-resource-namespace sets. It is used only if the
// manager runs with --cluster-projects.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=cstytchproj,categories=stytch
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/prune=disabled"
// +kubebuilder:metadata:annotations="argocd.argoproj.io/sync-options=Prune=false,Delete=false"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Environment",type=string,JSONPath=`.status.environment`
// +kubebuilder:printcolumn:name="Project",type=string,JSONPath=`.spec.projectID`
// +kubebuilder:printcolumn:name="Name in Stytch",type=string,JSONPath=`.status.projectName`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
type ClusterStytchProject struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard Kubernetes object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the desired state.
	// +required
	Spec ClusterStytchProjectSpec `json:"spec,omitzero"`
	// status is the observed state.
	// +optional
	// +default={"observedGeneration": -1}
	Status ClusterStytchProjectStatus `json:"status,omitzero"`
}

// CommonSpec is the part of the spec that every kind of project has.
func (p *ClusterStytchProject) CommonSpec() *ProjectSpec { return &p.Spec.ProjectSpec }

// MemberSession is the entry of a Secret with the session of the member in whose name requests are sent; nil if there is none.
func (p *ClusterStytchProject) MemberSession() *SecretKeyRef { return nil }

// CommonStatus is the part of the status that every kind of project has.
func (p *ClusterStytchProject) CommonStatus() *ProjectStatus { return &p.Status.ProjectStatus }

// ClusterStytchProjectList is a list of ClusterStytchProjects.
//
// +kubebuilder:object:root=true
type ClusterStytchProjectList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterStytchProject `json:"items"`
}
