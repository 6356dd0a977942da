package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Project is implemented by the kinds that hold the credentials of a Stytch project environment.
//
// +kubebuilder:object:generate=false
type Project interface {
	client.Object
	// CommonSpec is the part of the spec that every kind has.
	CommonSpec() *ProjectSpec
	// MemberSession is the entry of a Secret with the session of the member in whose name requests are sent; nil if there is none.
	MemberSession() *SecretKeyRef
	// CommonStatus is the part of the status that every kind has.
	CommonStatus() *ProjectStatus
}

// SecretKeyRef references a key of a Secret in the same namespace.
type SecretKeyRef struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be a valid name of a Secret: lower-case letters, digits, - and ., where each part between dots starts and ends with a letter or digit"
	Name string `json:"name,omitempty"`
	// key in the Secret's data.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[-._a-zA-Z0-9]*$')`,message=`key must contain only letters, digits, - _ and .`
	Key string `json:"key,omitempty"`
}

// ConfigMapKeyRef references a key of a ConfigMap in the same namespace.
type ConfigMapKeyRef struct {
	// name of the ConfigMap.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be a valid name of a ConfigMap: lower-case letters, digits, - and ., where each part between dots starts and ends with a letter or digit"
	Name string `json:"name,omitempty"`
	// key in the ConfigMap's data.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[-._a-zA-Z0-9]*$')`,message=`key must contain only letters, digits, - _ and .`
	Key string `json:"key,omitempty"`
}

// RateLimit limits the rate of requests to Stytch.
type RateLimit struct {
	// requestsPerSecond is the sustained number of requests per second, from 1 to 1000.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	RequestsPerSecond int32 `json:"requestsPerSecond,omitempty"`
	// burst is the number of requests that may be sent at once after an idle time, from 1 to 1000.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Burst int32 `json:"burst,omitempty"`
}

// ProjectSpec identifies a Stytch project environment and its credentials.
//
// +kubebuilder:validation:XValidation:rule="self.projectID == oldSelf.projectID",message="projectID is immutable: create another object for another project"
type ProjectSpec struct {
	// projectID is the ID of the Stytch project environment, as the Stytch dashboard shows it. It is immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^project-(live|test)-[A-Za-z0-9-]+$')",message="projectID must be the ID of a project, as the Stytch dashboard shows it, such as project-live-..."
	ProjectID string `json:"projectID,omitempty"`

	// secretRef references the project secret in a Secret: for a StytchProject, of the same namespace; for a
	// ClusterStytchProject, of the namespace that the manager's flag --cluster-resource-namespace sets. A byte order mark and
	// line breaks at the end of the value are ignored.
	// +required
	SecretRef SecretKeyRef `json:"secretRef,omitzero"`

	// baseURL is the base URL of the Stytch API. It is a host of Stytch, or a custom domain that the manager flag
	// --allowed-base-url-hosts allows.
	// Absent: https://api.stytch.com for a live project, https://test.stytch.com for any other project.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[][A-Za-z0-9.:-]+/?$')",message="baseURL must consist of https:// and a host, without a path, such as https://test.stytch.com"
	BaseURL string `json:"baseURL,omitempty"`

	// rateLimit limits the rate of all requests to this project. If several StytchProjects refer to the same project, the
	// lowest limit applies; but if ClusterStytchProjects refer to it, only their limits count. Some limits of Stytch are shared with
	// the logins of your own application, so leave headroom.
	// Absent: 5 requests per second with a burst of 10.
	// +optional
	RateLimit *RateLimit `json:"rateLimit,omitempty"`
}

// ProjectStatus is the observed state of the credentials.
type ProjectStatus struct {
	// conditions are Ready, and Stalled or Reconciling, which are present only while they are True. While the StytchProject is
	// being deleted, the latter say which connections it is kept for.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that was last processed. It is -1 before the first time.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// projectName is the name of the project in Stytch.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	ProjectName string `json:"projectName,omitempty"`

	// environment is live or test.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Environment string `json:"environment,omitempty"`

	// waitingSince is since when the reason of Ready is InputMissing, without a break and for the same generation of the spec.
	// It is absent with every other reason. After the time that the manager's flag --input-patience sets, Stalled is set
	// instead of Reconciling.
	// +optional
	WaitingSince *metav1.Time `json:"waitingSince,omitempty"`

	// inputs are the versions of the Secrets that were last checked: that of secretRef, and then that of memberSessionRef if it
	// is another one.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Inputs []Input `json:"inputs,omitempty"`

	// lastRequest is the last request that checked the credentials, or the first of several equal failed requests in a row.
	// +optional
	LastRequest *Request `json:"lastRequest,omitempty"`
}
