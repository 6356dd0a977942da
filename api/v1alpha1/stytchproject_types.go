package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StytchProjectSpec identifies a Stytch project environment and its credentials.
//
// +kubebuilder:validation:XValidation:rule="!has(self.memberSessionRef) || self.memberSessionRef.name != self.secretRef.name || self.memberSessionRef.key != self.secretRef.key",message="memberSessionRef and secretRef must not name the same key: the secret of the project is not a session"
type StytchProjectSpec struct {
	ProjectSpec `json:",inline"`

	// memberSessionRef references a session token or session JWT of a member of an organization, in a Secret of the same
	// namespace. It is sent with every request that reads or changes SSO and SCIM connections, so that Stytch permits only what
	// the roles of the member permit, and only in the organization of the member. While it is set, no such request is sent
	// without it. Something else has to keep the session current: a JWT is valid for 5 minutes, and a session until it expires
	// or is revoked. A byte order mark and line breaks at the end of the value are ignored.
	// Absent: requests are sent with the project secret alone, which can change all organizations of the project.
	// +optional
	MemberSessionRef *SecretKeyRef `json:"memberSessionRef,omitempty"`

	// organizations are the organizations whose connections may be managed, and used by ExternalConnections as a source: their IDs in
	// the full form. A duplicate has no effect. A connection that gives the slug or external ID of its organization cannot use this
	// StytchProject, unless status.organizationID has the ID already.
	// Absent: all organizations of the project.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:items:Pattern=`^organization-(live|test)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`
	Organizations []string `json:"organizations,omitempty"`
}

// StytchProjectStatus is the observed state of the credentials.
type StytchProjectStatus struct {
	ProjectStatus `json:",inline"`
}

// StytchProject references the credentials of one Stytch project environment, for the connections in its namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=stytchproj,categories=stytch
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/prune=disabled"
// +kubebuilder:metadata:annotations="argocd.argoproj.io/sync-options=Prune=false,Delete=false"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Environment",type=string,JSONPath=`.status.environment`
// +kubebuilder:printcolumn:name="Project",type=string,JSONPath=`.spec.projectID`
// +kubebuilder:printcolumn:name="Name in Stytch",type=string,JSONPath=`.status.projectName`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
type StytchProject struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard Kubernetes object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the desired state.
	// +required
	Spec StytchProjectSpec `json:"spec,omitzero"`
	// status is the observed state.
	// +optional
	// +default={"observedGeneration": -1}
	Status StytchProjectStatus `json:"status,omitzero"`
}

// CommonSpec is the part of the spec that every kind of project has.
func (p *StytchProject) CommonSpec() *ProjectSpec { return &p.Spec.ProjectSpec }

// MemberSession is the entry of a Secret with the session of the member in whose name requests are sent; nil if there is none.
func (p *StytchProject) MemberSession() *SecretKeyRef { return p.Spec.MemberSessionRef }

// CommonStatus is the part of the status that every kind of project has.
func (p *StytchProject) CommonStatus() *ProjectStatus { return &p.Status.ProjectStatus }

// StytchProjectList is a list of StytchProjects.
//
// +kubebuilder:object:root=true
type StytchProjectList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StytchProject `json:"items"`
}
