package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SecretKeyRef names one key of a Secret in the same namespace.
type SecretKeyRef struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be a name that a Secret can have: lower-case letters, digits, - and ., with a letter or digit at both ends and beside each ."
	Name string `json:"name,omitempty"`
	// key of the Secret's data.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// ConfigMapKeyRef names one key of a ConfigMap in the same namespace.
type ConfigMapKeyRef struct {
	// name of the ConfigMap.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be a name that a ConfigMap can have: lower-case letters, digits, - and ., with a letter or digit at both ends and beside each ."
	Name string `json:"name,omitempty"`
	// key of the ConfigMap's data.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// RateLimit is the pace at which the operator calls Stytch.
type RateLimit struct {
	// requestsPerSecond that are sent when there is more to do than that, 1 to 1000.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	RequestsPerSecond int32 `json:"requestsPerSecond,omitempty"`
	// burst is how many requests may be sent at once after a quiet time, 1 to 1000.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Burst int32 `json:"burst,omitempty"`
}

// StytchProjectSpec says which Stytch project environment is meant and how to authenticate there.
//
// +kubebuilder:validation:XValidation:rule="self.projectID == oldSelf.projectID",message="projectID is immutable: connections are pinned to their project; create another StytchProject for another project"
type StytchProjectSpec struct {
	// projectID of the Stytch project environment, as the dashboard shows it. It cannot be changed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^project-(live|test)-[A-Za-z0-9-]+$')",message="projectID must be a project's ID as the Stytch dashboard shows it, such as project-live-..."
	ProjectID string `json:"projectID,omitempty"`

	// secretRef names the Secret that holds the project's secret, in the same namespace. White space around the secret does
	// not count.
	// +required
	SecretRef SecretKeyRef `json:"secretRef,omitzero"`

	// baseURL is the root of the API: Stytch's own, or a custom domain that the manager allows with
	// --allowed-base-url-hosts.
	// Absent: https://api.stytch.com for a live project, https://test.stytch.com for any other.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[][A-Za-z0-9.:-]+/?$')",message="baseURL must be https:// and a host, without a path, such as https://test.stytch.com"
	BaseURL string `json:"baseURL,omitempty"`

	// rateLimit is the pace of all calls to this project. Where several StytchProjects stand for one project the slowest
	// pace holds. Some of Stytch's limits are shared with the logins of your own application: leave headroom.
	// Absent: 5 requests per second, burst 10.
	// +optional
	RateLimit *RateLimit `json:"rateLimit,omitempty"`
}

// StytchProjectStatus is what the operator knows of the credentials.
type StytchProjectStatus struct {
	// conditions are Ready, and while they are true Stalled or Reconciling.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that the last pass looked at; -1 before the first.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// projectName is the name that Stytch has for the project.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	ProjectName string `json:"projectName,omitempty"`

	// environment is live or test.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Environment string `json:"environment,omitempty"`

	// inputs are the Secret that the last check was made with.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Inputs []Input `json:"inputs,omitempty"`

	// lastRequest is the last call that checked the credentials, or the first of a run of equal failures.
	// +optional
	LastRequest *Request `json:"lastRequest,omitempty"`
}

// StytchProject holds the credentials of one Stytch project environment, for the connections of its namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=stytchproj,categories=stytch
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Environment",type=string,JSONPath=`.status.environment`
// +kubebuilder:printcolumn:name="Project",type=string,JSONPath=`.spec.projectID`
// +kubebuilder:printcolumn:name="Name at Stytch",type=string,JSONPath=`.status.projectName`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
type StytchProject struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is as every object of Kubernetes has it.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says which project is meant and how to authenticate.
	// +required
	Spec StytchProjectSpec `json:"spec,omitzero"`
	// status is what the operator knows.
	// +optional
	// +default={"observedGeneration": -1}
	Status StytchProjectStatus `json:"status,omitzero"`
}

// StytchProjectList is a list of StytchProjects.
//
// +kubebuilder:object:root=true
type StytchProjectList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []StytchProject `json:"items"`
}
