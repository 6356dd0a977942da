package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Connection is what every kind of connection has, for code that serves them all.
//
// +kubebuilder:object:generate=false
type Connection interface {
	client.Object
	// CommonSpec is the part of the spec that every kind has.
	CommonSpec() *ConnectionSpec
	// CommonStatus is the part of the status that every kind has.
	CommonStatus() *ConnectionStatus
}

// Management says how much the operator does with a connection.
//
// +kubebuilder:validation:Enum=Manage;Observe;Paused
type Management string

const (
	// ManagementManage keeps the connection as the manifest says. It is what absence means.
	ManagementManage Management = "Manage"
	// ManagementObserve reads the connection and shows what would be changed; nothing is written at Stytch.
	ManagementObserve Management = "Observe"
	// ManagementPaused does not even read the connection.
	ManagementPaused Management = "Paused"
)

// DeletionPolicy says what becomes of the remote connection when its manifest is deleted.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

const (
	// DeletionRetain leaves the remote connection, and a token's Secret, as they are. It is what absence means.
	DeletionRetain DeletionPolicy = "Retain"
	// DeletionDelete deletes the remote connection, and with it the logins or the provisioning of its organization.
	DeletionDelete DeletionPolicy = "Delete"
)

// DefaultProjectName is the StytchProject that a connection belongs to when its projectRef names none.
const DefaultProjectName = "default"

// ProjectRef names the StytchProject whose credentials are used.
type ProjectRef struct {
	// name of a StytchProject in the namespace of the connection.
	// Absent: default.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// ConnectionSpec is what every kind of connection has.
//
// +kubebuilder:validation:XValidation:rule="self.organization == oldSelf.organization",message="organization is immutable: a connection cannot be moved to another organization; delete this manifest and apply one with another name"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.connectionID) || (has(self.connectionID) && self.connectionID == oldSelf.connectionID)",message="connectionID is immutable once set: delete this manifest (deletionPolicy Retain leaves the connection as it is) and apply one that names the other connection"
// +kubebuilder:validation:XValidation:rule="(has(self.projectRef) && has(self.projectRef.name) ? self.projectRef.name : 'default') == (has(oldSelf.projectRef) && has(oldSelf.projectRef.name) ? oldSelf.projectRef.name : 'default')",message="projectRef is immutable: a connection cannot be moved to another project; delete this manifest and apply one with another name"
type ConnectionSpec struct {
	// projectRef names the StytchProject whose credentials are used. It cannot be changed.
	// Absent: the StytchProject named default, in the same namespace.
	// +optional
	ProjectRef ProjectRef `json:"projectRef,omitzero"`

	// organization is the ID, the slug or the external ID of the organization that the connection belongs to, as Stytch
	// has it. A slug or external ID is resolved once; status.organizationID keeps the ID from then on, so that a slug
	// that is later given to another organization moves nothing. It cannot be changed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._~-]+$') && self != '.' && self != '..'",message="organization must be an organization's ID, slug or external ID as Stytch has it: letters, digits and . _ ~ -"
	Organization string `json:"organization,omitempty"`

	// connectionID takes over this existing connection instead of creating one. It is the ID of a connection of this kind, as
	// Stytch has it. Once set it cannot be changed.
	// Absent: a connection is created. Nothing that exists is ever taken over without being named here.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ConnectionID string `json:"connectionID,omitempty"`

	// management says how much the operator does: Manage keeps the connection as this manifest says; Observe reads it,
	// shows in status.plan what would be changed, and writes nothing at Stytch; Paused does not even read it.
	// Absent: Manage.
	// +optional
	Management Management `json:"management,omitempty"`

	// deletionPolicy says what becomes of the connection at Stytch when this manifest is deleted: Retain leaves it,
	// Delete deletes it, and with it the logins or the provisioning of the organization.
	// Absent: Retain.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// resyncInterval is how often Stytch is compared with this manifest although nothing changed here; at least 1m.
	// All connections of an organization that have the same interval are looked at with one call.
	// Absent: the manager's --resync-interval.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}([.][0-9]{1,9})?(h|m|s))+$') && duration(self) >= duration('1m')",message="resyncInterval must be a duration of at least 1m, such as 30m or 1h"
	ResyncInterval *metav1.Duration `json:"resyncInterval,omitempty"`

	// displayName is the connection's name at Stytch.
	// Absent: a connection created for this manifest is given the manifest's name, once; after that, and on a connection
	// that was taken over, the name is not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	DisplayName string `json:"displayName,omitempty"`
}

// Project is the name of the StytchProject that the connection belongs to.
func (s *ConnectionSpec) Project() string {
	if s.ProjectRef.Name == "" {
		return DefaultProjectName
	}
	return s.ProjectRef.Name
}

// ConnectionStatus is what the operator knows of a connection.
type ConnectionStatus struct {
	// conditions are Ready and Synced, and while they are true Stalled or Reconciling, and ExpiringSoon.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that the last pass looked at; -1 before the first.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// appliedGeneration is the last generation whose wish is wholly met: in force under Manage, shown under Observe, read
	// under Paused.
	// +optional
	// +kubebuilder:validation:Minimum=0
	AppliedGeneration int64 `json:"appliedGeneration,omitempty"`

	// projectID is the Stytch project that the connection was first found or created in. A StytchProject that later stands
	// for another project is a Conflict.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ProjectID string `json:"projectID,omitempty"`

	// organizationID is the ID that spec.organization stood for when it was resolved. It is never resolved again.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	OrganizationID string `json:"organizationID,omitempty"`

	// connectionID is the connection that this manifest holds.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ConnectionID string `json:"connectionID,omitempty"`

	// state of the connection, as Stytch says: pending or active; for SCIM active or deleted.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	State string `json:"state,omitempty"`

	// lastRequest is the last call to Stytch that changed something, or the first of a run of equal failures.
	// +optional
	LastRequest *Request `json:"lastRequest,omitempty"`

	// inputs are the other objects that the last pass computed its wish from, or wrote.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Inputs []Input `json:"inputs,omitempty"`

	// plan lists the differences that are known and not applied. It is at most 64 entries long.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Plan []Change `json:"plan,omitempty"`

	// notConverging lists what was sent once and read back different. It is not sent again until one of the two changes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	NotConverging []NotConverging `json:"notConverging,omitempty"`
}

// Request is one call to Stytch, as Stytch's support will ask for it.
type Request struct {
	// requestID is Stytch's request_id. It is empty where no answer of Stytch's came.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	RequestID string `json:"requestID,omitempty"`
	// operation names the call, such as UpdateSAMLConnection.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Operation string `json:"operation,omitempty"`
	// statusCode is the HTTP status; 0 where no answer came.
	// +optional
	// +kubebuilder:validation:Minimum=0
	StatusCode int32 `json:"statusCode,omitempty"`
	// errorType is Stytch's error_type, empty on success.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ErrorType string `json:"errorType,omitempty"`
	// time at which the call was made.
	// +required
	Time metav1.Time `json:"time,omitzero"`
}

// Input is another object that a wish was computed from.
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
	// uid of the object; empty where there was none.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
	// resourceVersion of the object; empty where there was none.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

// Change is one difference between a manifest and Stytch.
type Change struct {
	// field by the name that Stytch's update endpoint has for it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Field string `json:"field,omitempty"`
	// have is the value at Stytch, at most 256 characters of it; a secret only as "changed", a certificate by its SHA-256.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Have string `json:"have,omitempty"`
	// want is the value the manifest asks for, cut in the same way.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Want string `json:"want,omitempty"`
}

// NotConverging is one field that was sent once and read back different.
type NotConverging struct {
	// field by the name that Stytch's update endpoint has for it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Field string `json:"field,omitempty"`
	// want is a hash of the value that was sent.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Want string `json:"want,omitempty"`
	// have is a hash of the value that was read back.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Have string `json:"have,omitempty"`
}

// GroupRole gives a role to the members of a group.
type GroupRole struct {
	// group as the identity provider spells it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Group string `json:"group,omitempty"`
	// role is the ID of a role of the project's RBAC policy, or of the organization's custom roles.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Role string `json:"role,omitempty"`
}

// SSOIdentityProvider is the product on the other side of an SSO connection, in Stytch's spelling.
//
// +kubebuilder:validation:Enum=classlink;cyberark;duo;generic;google-workspace;jumpcloud;keycloak;miniorange;microsoft-entra;okta;onelogin;pingfederate;rippling;salesforce;shibboleth
type SSOIdentityProvider string

// SCIMIdentityProvider is the product on the other side of a SCIM connection, in Stytch's spelling.
//
// +kubebuilder:validation:Enum=classlink;cyberark;duo;generic;google-workspace;jumpcloud;keycloak;miniorange;microsoft-entra;okta;onelogin;pingfederate;rippling;salesforce;shibboleth
type SCIMIdentityProvider string
