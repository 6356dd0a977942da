package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Toggle is Enabled or Disabled.
//
// +kubebuilder:validation:Enum=Enabled;Disabled
type Toggle string

const (
	// ToggleEnabled lets it happen.
	ToggleEnabled Toggle = "Enabled"
	// ToggleDisabled does not.
	ToggleDisabled Toggle = "Disabled"
)

// Permission is Allowed or Denied.
//
// +kubebuilder:validation:Enum=Allowed;Denied
type Permission string

const (
	// PermissionAllowed lets it happen.
	PermissionAllowed Permission = "Allowed"
	// PermissionDenied does not.
	PermissionDenied Permission = "Denied"
)

// VerificationCertificate is one certificate that the identity provider signs its assertions with.
type VerificationCertificate struct {
	// pem is one X.509 certificate in PEM. It is compared by the SHA-256 of its DER: wrapping and white space do not count.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	PEM string `json:"pem,omitempty"`
}

// SAMLConnectionSpec is the wished state of a SAML SSO connection.
type SAMLConnectionSpec struct {
	ConnectionSpec `json:",inline"`

	// identityProvider is the product that users sign in with.
	// Absent: not managed; a connection created here is then generic.
	// +optional
	IdentityProvider SSOIdentityProvider `json:"identityProvider,omitempty"`

	// idpEntityID is the identity provider's entity ID. A connection becomes active only with one.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	IDPEntityID string `json:"idpEntityID,omitempty"`

	// idpSSOURL is where users are sent to sign in; https. A connection becomes active only with one.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.startsWith('https://')",message="idpSSOURL must begin with https://"
	IDPSSOURL string `json:"idpSSOURL,omitempty"`

	// verificationCertificates is the exact set of certificates that assertions may be signed with, 1 to 5. A new one is
	// added before an old one is removed, and the last is never removed.
	// Absent: not managed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x.pem == y.pem))",message="verificationCertificates must not hold the same certificate twice"
	VerificationCertificates []VerificationCertificate `json:"verificationCertificates,omitempty"`

	// attributeMapping says which attribute of the assertion fills which field of the member. It is replaced as a whole. A
	// connection becomes active only with email, and either full_name or first_name and last_name; groups is needed for
	// groupImplicitRoles.
	// Absent: not managed.
	// +optional
	// +mapType=atomic
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) > 0 && size(k) <= 128 && size(self[k]) <= 256)",message="attributeMapping must have keys of 1 to 128 and values of at most 256 characters"
	AttributeMapping map[string]string `json:"attributeMapping,omitempty"`

	// nameIDFormat is the NameID format that is asked for.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=256
	NameIDFormat *string `json:"nameIDFormat,omitempty"`

	// alternativeAudienceURI is another audience that assertions may be addressed to, for migrations.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=2048
	AlternativeAudienceURI *string `json:"alternativeAudienceURI,omitempty"`

	// alternativeACSURL is another URL that assertions may be posted to, for migrations.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=2048
	AlternativeACSURL *string `json:"alternativeACSURL,omitempty"`

	// idpInitiatedAuth says whether a login may begin at the identity provider.
	// Absent: not managed.
	// +optional
	IDPInitiatedAuth Toggle `json:"idpInitiatedAuth,omitempty"`

	// gatewayCallback says whether a gateway in front of Stytch may call back.
	// Absent: not managed.
	// +optional
	GatewayCallback Permission `json:"gatewayCallback,omitempty"`

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
	// whole. It needs groups in the connection's attribute mapping.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x.group == y.group && x.role == y.role))",message="groupImplicitRoles must not hold the same group and role twice"
	GroupImplicitRoles []GroupRole `json:"groupImplicitRoles,omitzero"`
}

// CertificateStatus is one certificate at Stytch.
type CertificateStatus struct {
	// certificateID is Stytch's ID of the certificate.
	// +required
	// +kubebuilder:validation:MaxLength=128
	CertificateID string `json:"certificateID"` //nolint:kubeapilinter // omitempty: a status that shows an odd answer must be writable all the same
	// sha256 is the SHA-256 of the certificate's DER, in lower-case hexadecimal. It is absent where what Stytch shows cannot
	// be read as a certificate.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`
	// expiresAt is the end of the certificate's validity.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// SAMLConnectionStatus is what the operator knows of a SAML connection.
type SAMLConnectionStatus struct {
	ConnectionStatus `json:",inline"`

	// acsURL is where the identity provider posts its assertions.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ACSURL string `json:"acsURL,omitempty"`
	// audienceURI is what the identity provider addresses its assertions to.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	AudienceURI string `json:"audienceURI,omitempty"`
	// verificationCertificates are the certificates at Stytch, the one that expires first at the top.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	VerificationCertificates []CertificateStatus `json:"verificationCertificates,omitempty"`
}

// SAMLConnection keeps a SAML SSO connection of a Stytch organization.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=samlconn,categories=stytch
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Organization",type=string,JSONPath=`.spec.organization`
// +kubebuilder:printcolumn:name="Connection",type=string,JSONPath=`.status.connectionID`
// +kubebuilder:printcolumn:name="Certificate expires",type=string,JSONPath=`.status.verificationCertificates[0].expiresAt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Synced",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].message`,priority=1
type SAMLConnection struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is as every object of Kubernetes has it.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the wished state.
	// +required
	Spec SAMLConnectionSpec `json:"spec,omitzero"`
	// status is what the operator knows.
	// +optional
	// +default={"observedGeneration": -1}
	Status SAMLConnectionStatus `json:"status,omitzero"`
}

// CommonSpec is the part of the spec that every kind has.
func (c *SAMLConnection) CommonSpec() *ConnectionSpec { return &c.Spec.ConnectionSpec }

// CommonStatus is the part of the status that every kind has.
func (c *SAMLConnection) CommonStatus() *ConnectionStatus { return &c.Status.ConnectionStatus }

// SAMLConnectionList is a list of SAMLConnections.
//
// +kubebuilder:object:root=true
type SAMLConnectionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SAMLConnection `json:"items"`
}
