package v1alpha1

import (
	"cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Connection is implemented by every kind of connection, for code that serves all kinds.
//
// +kubebuilder:object:generate=false
type Connection interface {
	client.Object
	// CommonSpec is the part of the spec that every kind has.
	CommonSpec() *ConnectionSpec
	// CommonStatus is the part of the status that every kind has.
	CommonStatus() *ConnectionStatus
}

// Management says what the operator does with a connection.
//
// +kubebuilder:validation:Enum=Manage;Observe;Paused
type Management string

const (
	// ManagementManage keeps the connection as the manifest says. It is used if the field is absent.
	ManagementManage Management = "Manage"
	// ManagementObserve reads the connection and shows what would change. Nothing is written to Stytch.
	ManagementObserve Management = "Observe"
	// ManagementPaused does not read or change the connection.
	ManagementPaused Management = "Paused"
)

// DeletionPolicy says what happens to the connection in Stytch when its manifest is deleted.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

const (
	// DeletionRetain keeps the connection in Stytch, and the Secret of a token. It is used if the field is absent.
	DeletionRetain DeletionPolicy = "Retain"
	// DeletionDelete deletes the connection in Stytch. The logins or the provisioning of its organization stop.
	DeletionDelete DeletionPolicy = "Delete"
)

// AdoptionPolicy says which existing connection a manifest takes over.
//
// +kubebuilder:validation:Enum=ByID;Matching
type AdoptionPolicy string

const (
	// AdoptByID takes over the connection that connectionID names, and no other one. It is used if the field is absent.
	AdoptByID AdoptionPolicy = "ByID"
	// AdoptMatching also takes over the one connection that matches the manifest, if it belongs to no manifest.
	AdoptMatching AdoptionPolicy = "Matching"
)

// DefaultProjectName is the name of the project that is used if projectRef does not give a name.
const DefaultProjectName = "default"

// ProjectKind is a kind of object that holds the credentials of a Stytch project.
//
// +kubebuilder:validation:Enum=StytchProject;ClusterStytchProject
type ProjectKind string

const (
	// NamespacedProject is a StytchProject. It is used if the field is absent.
	NamespacedProject ProjectKind = "StytchProject"
	// ClusterProject is a ClusterStytchProject.
	ClusterProject ProjectKind = "ClusterStytchProject"
)

// ProjectRef references the StytchProject or ClusterStytchProject whose credentials are used.
type ProjectRef struct {
	// kind is StytchProject, for one in the namespace of the connection, or ClusterStytchProject, for one that has a grant for
	// the namespace and the organization of the connection.
	// Absent: StytchProject.
	// +optional
	Kind ProjectKind `json:"kind,omitempty"`
	// name of the StytchProject or ClusterStytchProject.
	// Absent: default.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`name must not start or end with white space or invisible characters, and must not contain control characters`
	Name string `json:"name,omitempty"`
}

// String is the reference in words.
func (r ProjectRef) String() string { return string(r.Kind) + " " + r.Name }

// ConnectionSpec is the part of the spec that every kind of connection has.
//
// +kubebuilder:validation:XValidation:rule="self.organization == oldSelf.organization",message="organization is immutable: to use another organization, delete this manifest and apply a new one with another name"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.connectionID) || (has(self.connectionID) && self.connectionID == oldSelf.connectionID)",message="connectionID is immutable once set: delete this manifest (deletionPolicy: Retain keeps the connection) and apply a new one with the other connectionID"
// +kubebuilder:validation:XValidation:rule="(has(self.projectRef) && has(self.projectRef.name) ? self.projectRef.name : 'default') == (has(oldSelf.projectRef) && has(oldSelf.projectRef.name) ? oldSelf.projectRef.name : 'default') && (has(self.projectRef) && has(self.projectRef.kind) ? self.projectRef.kind : 'StytchProject') == (has(oldSelf.projectRef) && has(oldSelf.projectRef.kind) ? oldSelf.projectRef.kind : 'StytchProject')",message="projectRef is immutable: to use another project, delete this manifest and apply a new one with another name"
// +kubebuilder:validation:XValidation:rule="!has(self.projectRef) || !has(self.projectRef.kind) || self.projectRef.kind != 'ClusterStytchProject' || self.organization.matches('^organization-(live|test)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')",message="organization must be the full ID of an organization, such as organization-live-11111111-1111-4111-8111-111111111111, if projectRef references a ClusterStytchProject"
type ConnectionSpec struct {
	// projectRef references the StytchProject or ClusterStytchProject whose credentials are used. It is immutable.
	// Absent: the StytchProject named default in the same namespace.
	// +optional
	ProjectRef ProjectRef `json:"projectRef,omitzero"`

	// organization is the organization that the connection belongs to: its ID, slug or external ID in Stytch. A slug or
	// external ID is resolved once, and status.organizationID keeps the resulting ID. If the slug is later given to another
	// organization, the connection does not move. If projectRef references a ClusterStytchProject, it must be the ID. It is
	// immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._~|-]+$') && self != '.' && self != '..'",message="organization must be the ID, slug or external ID of an organization in Stytch: only letters, digits and . _ ~ - | are allowed"
	Organization string `json:"organization,omitempty"`

	// connectionID takes over an existing connection instead of creating one. It is the ID of a connection of this kind in
	// Stytch. It is immutable once set.
	// Absent: a connection is created. An existing connection is not taken over unless adoptionPolicy is Matching.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ConnectionID string `json:"connectionID,omitempty"`

	// adoptionPolicy says which existing connection is taken over instead of creating one. ByID takes over only the one that
	// connectionID names. Matching also takes over the one that matches this manifest, if exactly one does and it belongs to
	// no manifest: the SCIM connection of the organization, the External connection to the same source, or the SAML or OIDC
	// connection with this display name and no other identity provider. It has no effect once the manifest has a
	// connection.
	// Absent: ByID.
	// +optional
	AdoptionPolicy AdoptionPolicy `json:"adoptionPolicy,omitempty"`

	// management says what the operator does with the connection. Manage keeps the connection as this manifest says. Observe
	// reads the connection, shows in status.plan what would change, and writes nothing to Stytch. Paused does not read or
	// change the connection.
	// Absent: Manage.
	// +optional
	Management Management `json:"management,omitempty"`

	// deletionPolicy says what happens to the connection in Stytch when this manifest is deleted. Retain keeps the
	// connection. Delete deletes it, so that the logins or the provisioning of the organization stop.
	// Absent: Retain.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// resyncInterval is how often the connection is compared with this manifest when nothing changes in the cluster. It is
	// at least 1m. All connections of an organization with the same interval are read with one request.
	// Absent: the value of the manager flag --resync-interval.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}([.][0-9]{1,9})?(h|m|s))+$') && duration(self) >= duration('1m')",message="resyncInterval must be a duration of at least 1m, such as 30m or 1h"
	ResyncInterval *metav1.Duration `json:"resyncInterval,omitempty"`

	// displayName is the name of the connection in Stytch. It must not start or end with white space or an invisible character, and
	// must not contain control characters.
	// Absent: a connection that is created for this manifest gets the name of the manifest once. After that, and on a
	// connection that was taken over, the name is not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`displayName must not start or end with white space or invisible characters, and must not contain control characters`
	// +kubebuilder:validation:XValidation:rule="!self.matches(' \\\\[new [0-9a-f]{8}\\\\]$')",message="displayName must not end like the provisional name of a connection that is being created, such as [new 0a1b2c3d]"
	DisplayName string `json:"displayName,omitempty"`
}

// Project is the reference to the project that the connection belongs to, with what absence means filled in.
func (s *ConnectionSpec) Project() ProjectRef {
	return ProjectRef{Kind: cmp.Or(s.ProjectRef.Kind, NamespacedProject), Name: cmp.Or(s.ProjectRef.Name, DefaultProjectName)}
}

// Matching says that the connection that matches the manifest is taken over.
func (s *ConnectionSpec) Matching() bool { return s.AdoptionPolicy == AdoptMatching }

// ConnectionStatus is the part of the status that every kind of connection has.
type ConnectionStatus struct {
	// conditions are Ready and Synced. Stalled, Reconciling, ExpiringSoon and Rotating are present only while they are True.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that was last processed. It is -1 before the first time.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// appliedGeneration is the last generation that was processed completely. With Manage, all its values are in force in
	// Stytch. With Observe, all differences are shown. With Paused, it was only read.
	// +optional
	// +kubebuilder:validation:Minimum=0
	AppliedGeneration int64 `json:"appliedGeneration,omitempty"`

	// projectID is the Stytch project that was recorded at the first contact. If the StytchProject later refers to another
	// project, Synced is False with the reason Conflict.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ProjectID string `json:"projectID,omitempty"`

	// organizationID is the ID that spec.organization was resolved to. It is not resolved again.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	OrganizationID string `json:"organizationID,omitempty"`

	// connectionID is the ID of the connection in Stytch that belongs to this manifest.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ConnectionID string `json:"connectionID,omitempty"`

	// conflictingConnectionID is the ID of the connection of another manifest that the reason Conflict is about. If the other
	// manifest is deleted, and this one names the connection in connectionID or its adoptionPolicy is Matching, the
	// connection is not deleted in Stytch, and this manifest takes it over.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ConflictingConnectionID string `json:"conflictingConnectionID,omitempty"`

	// probableTwins are the IDs of connections that belong to no manifest and have the display name of this one, or are for the
	// same application of the identity provider. They are found when the connection is created or taken over.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=128
	ProbableTwins []string `json:"probableTwins,omitempty"`

	// state is the state that Stytch reports: pending or active. For SCIM it is active.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	State string `json:"state,omitempty"`

	// lastRequest is the last request to Stytch that changed something, or the first of several equal failed requests in a
	// row.
	// +optional
	LastRequest *Request `json:"lastRequest,omitempty"`

	// waitingSince is since when the reason of Synced is InputMissing, or SourceNotReady with a sourceRef, without a break and
	// for the same generation of the spec. It is absent with every other reason. After the time that the manager's flag
	// --input-patience sets, Stalled is set instead of Reconciling.
	// +optional
	WaitingSince *metav1.Time `json:"waitingSince,omitempty"`

	// inputs are the versions of the other objects, and of the annotations, that were last used or written for this
	// manifest.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Inputs []Input `json:"inputs,omitempty"`

	// lastHandledResync is the last value of the annotation resync-requested that the operator has handled. A value of more than
	// 256 characters is shown as a hash.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	LastHandledResync string `json:"lastHandledResync,omitempty"`

	// plan lists the known differences that are not applied. It has at most 64 entries.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Plan []Change `json:"plan,omitempty"`

	// notConverging lists values that were sent once, but for which Stytch returned another value. Such a value is not sent
	// again until the desired or the returned value changes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	NotConverging []NotConverging `json:"notConverging,omitempty"`
}

// Request is one request to Stytch. Stytch support asks for its request ID.
type Request struct {
	// requestID is the request_id from Stytch. It is empty if Stytch did not respond.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	RequestID string `json:"requestID,omitempty"`
	// operation is the name of the operation, such as UpdateSAMLConnection.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Operation string `json:"operation,omitempty"`
	// statusCode is the HTTP status code. It is 0 if there was no response.
	// +optional
	// +kubebuilder:validation:Minimum=0
	StatusCode int64 `json:"statusCode,omitempty"`
	// errorType is the error_type from Stytch. It is empty if the request succeeded.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ErrorType string `json:"errorType,omitempty"`
	// time is when the response arrived, or when the request failed.
	// +required
	Time metav1.Time `json:"time,omitzero"`
}

// Input is the version of an object that was used or written for a manifest.
type Input struct {
	// kind of the object, such as Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`
	// name of the object, in the same namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// uid of the object. It is empty if the object did not exist.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
	// resourceVersion of the object. It is empty if the object did not exist.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

// Change is one difference between a manifest and Stytch.
type Change struct {
	// field is the name of the field in the update endpoint of Stytch.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Field string `json:"field,omitempty"`
	// have is the value in Stytch. At most 256 characters are shown. A secret value is not shown, and a certificate is shown
	// by its SHA-256 fingerprint.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Have string `json:"have,omitempty"`
	// want is the value in the manifest, shortened in the same way. A secret value is shown as "changed".
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Want string `json:"want,omitempty"`
}

// NotConverging is a field that was sent once, but for which Stytch returned another value.
type NotConverging struct {
	// field is the name of the field in the update endpoint of Stytch.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Field string `json:"field,omitempty"`
	// want is a hash of the value that was sent.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Want string `json:"want,omitempty"`
	// have is a hash of the value that Stytch returned.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Have string `json:"have,omitempty"`
}

// LabelValue is the value of a label.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$')",message="the value of a label must contain only letters, digits, - _ and ., and must start and end with a letter or digit"
type LabelValue string

// ObjectTemplate has labels and annotations for an object that the operator writes.
type ObjectTemplate struct {
	// labels are set on the object when it is created, and set again if they are removed or changed. A label that is removed
	// from this map is removed from the object too. Other labels of the object are not changed.
	// Absent or empty: no labels.
	// +optional
	// +kubebuilder:validation:MinProperties=0
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$') && k.indexOf('/') <= 253)",message="a key of labels must consist of a name of at most 63 characters, and optionally a DNS subdomain of at most 253 characters and / before it, as Kubernetes requires"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^([^/]*[.])?stytch-operator[.]dev/') && !(k in ['argocd.argoproj.io/tracking-id', 'argocd.argoproj.io/instance', 'app.kubernetes.io/instance', 'kustomize.toolkit.fluxcd.io/name', 'kustomize.toolkit.fluxcd.io/namespace', 'helm.toolkit.fluxcd.io/name', 'helm.toolkit.fluxcd.io/namespace', 'kubectl.kubernetes.io/last-applied-configuration']))",message="labels must not have keys of stytch-operator.dev, and none by which Argo CD, Flux or kubectl track objects"
	Labels map[string]LabelValue `json:"labels,omitempty"`
	// annotations are set on the object in the same way as labels. A value has at most 4096 characters.
	// Absent or empty: no annotations.
	// +optional
	// +kubebuilder:validation:MinProperties=0
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$') && k.indexOf('/') <= 253)",message="a key of annotations must consist of a name of at most 63 characters, and optionally a DNS subdomain of at most 253 characters and / before it, as Kubernetes requires"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^([^/]*[.])?stytch-operator[.]dev/') && !(k in ['argocd.argoproj.io/tracking-id', 'argocd.argoproj.io/instance', 'app.kubernetes.io/instance', 'kustomize.toolkit.fluxcd.io/name', 'kustomize.toolkit.fluxcd.io/namespace', 'helm.toolkit.fluxcd.io/name', 'helm.toolkit.fluxcd.io/namespace', 'kubectl.kubernetes.io/last-applied-configuration']))",message="annotations must not have keys of stytch-operator.dev, and none by which Argo CD, Flux or kubectl track objects"
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(self[k]) <= 4096)",message="annotations must have values of at most 4096 characters"
	Annotations map[string]string `json:"annotations,omitempty"`
}

// GroupRole assigns a role to the members of a group.
type GroupRole struct {
	// group is the name of the group, exactly as the identity provider sends it, up to 1024 characters. It must not contain line breaks
	// or other control characters. White space at an end is sent as well, and the message of Synced mentions it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^\p{Cc}]*$')`,message=`group must not contain control characters, such as tabs and line breaks`
	Group string `json:"group,omitempty"`
	// role is the ID of a role in the project's RBAC policy, or of a custom role of the organization.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`role must not start or end with white space or invisible characters, and must not contain control characters`
	Role string `json:"role,omitempty"`
}

// Attribute is the name of an attribute of an assertion, or of a claim, exactly as the identity provider sends it. It must not start or
// end with white space or an invisible character, and must not contain control characters.
//
// +kubebuilder:validation:MaxLength=256
// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`a value of attributeMapping must not start or end with white space or invisible characters, and must not contain control characters`
type Attribute string

// SSOIdentityProvider is the identity provider of an SSO connection, as Stytch spells it.
//
// +kubebuilder:validation:Enum=classlink;cyberark;duo;generic;google-workspace;jumpcloud;keycloak;miniorange;microsoft-entra;okta;onelogin;pingfederate;rippling;salesforce;shibboleth
type SSOIdentityProvider string

// SCIMIdentityProvider is the identity provider of a SCIM connection, as Stytch spells it.
//
// +kubebuilder:validation:Enum=classlink;cyberark;duo;generic;google-workspace;jumpcloud;keycloak;miniorange;microsoft-entra;okta;onelogin;pingfederate;rippling;salesforce;shibboleth
type SCIMIdentityProvider string
