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

// VerificationCertificate is what the identity provider signs its assertions with: one certificate written here, or those that a
// Secret or a ConfigMap holds. Certificates are compared by the SHA-256 of their DER: wrapping and white space do not count.
//
// +kubebuilder:validation:ExactlyOneOf=pem;secretKeyRef;configMapKeyRef
type VerificationCertificate struct {
	// pem is one X.509 certificate in PEM.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	PEM string `json:"pem,omitempty"`
	// secretKeyRef names a key of a Secret in the same namespace that holds one certificate in PEM, or several one after another. A
	// change of the Secret reaches Stytch by itself.
	// +optional
	SecretKeyRef *SecretKeyRef `json:"secretKeyRef,omitempty"`
	// configMapKeyRef names a key of a ConfigMap in the same namespace that holds one certificate in PEM, or several one after
	// another. A change of the ConfigMap reaches Stytch by itself.
	// +optional
	ConfigMapKeyRef *ConfigMapKeyRef `json:"configMapKeyRef,omitempty"`
}

// SAMLConnectionSpec is the wished state of a SAML SSO connection.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionID) || self.connectionID.matches('^saml-connection-(live|test)-[A-Za-z0-9-]+$')",message="connectionID must be the ID of an existing SAML connection as Stytch has it, such as saml-connection-live-..."
// +kubebuilder:validation:XValidation:rule="!has(self.metadataURL) || !(has(self.idpEntityID) || has(self.idpSSOURL) || has(self.verificationCertificates))",message="metadataURL provides idpEntityID, idpSSOURL and verificationCertificates: give either the one or the others"
// +kubebuilder:validation:XValidation:rule="!has(self.groupImplicitRoles) || size(self.groupImplicitRoles) == 0 || !has(self.attributeMapping) || ('groups' in self.attributeMapping && size(self.attributeMapping['groups']) > 0)",message="groupImplicitRoles needs groups in attributeMapping: it says which attribute of the assertion holds a member's groups"
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
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^/?#[:space:]][^[:space:]]*$')",message="idpSSOURL must begin with https:// and a host, and hold no white space"
	IDPSSOURL string `json:"idpSSOURL,omitempty"`

	// metadataURL is where the identity provider publishes its SAML metadata; https. Stytch reads it once and takes idpEntityID,
	// idpSSOURL and the verification certificates from it, which status.fromMetadata records and which are wanted from then
	// on. It is read again when this value changes, or when the value of the annotation
	// connections.stytch-operator.dev/refresh-metadata does.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^/?#[:space:]][^[:space:]]*$')",message="metadataURL must begin with https:// and a host, and hold no white space"
	MetadataURL string `json:"metadataURL,omitempty"`

	// verificationCertificates is the exact set of certificates that assertions may be signed with, 1 to 5 all together. A new
	// one is added before an old one is removed, and the last is never removed.
	// Absent: not managed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x == y))",message="verificationCertificates must not hold the same certificate twice"
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

	// signingPrivateKeyRef names the RSA private key that Stytch signs its requests to the identity provider with, in PEM
	// (PKCS#1 or PKCS#8). Stytch makes a certificate for it: status.signingCertificates.
	// Absent: not managed; Stytch makes a key of its own.
	// +optional
	SigningPrivateKeyRef *SecretKeyRef `json:"signingPrivateKeyRef,omitempty"`

	// encryptionPrivateKeyRefs name the RSA private keys that Stytch decrypts assertions with, each in PEM (PKCS#1 or PKCS#8),
	// at most 5. A new one is added before an old one is removed. Keys that were not added through this manifest are left
	// alone.
	// Absent: not managed. Empty: those that were added through this manifest are removed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x == y))",message="encryptionPrivateKeyRefs must not name the same key twice"
	EncryptionPrivateKeyRefs []SecretKeyRef `json:"encryptionPrivateKeyRefs,omitzero"`

	// detailsConfigMapName is a ConfigMap that the operator writes for whoever sets up the identity provider: acs-url,
	// audience-uri and signing-certificate.pem. It must not exist, or be the one that was written for this manifest, and goes
	// with this manifest.
	// Absent: none is written.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="detailsConfigMapName must be a name that a ConfigMap can have: lower-case letters, digits, - and ., with a letter or digit at both ends and beside each ."
	DetailsConfigMapName string `json:"detailsConfigMapName,omitempty"`
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
	// subject of the certificate, at most 256 characters of it. It is absent where it cannot be read.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Subject string `json:"subject,omitempty"`
	// expiresAt is the end of the certificate's validity.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// SigningCertificateStatus is one certificate that Stytch signs its requests with.
type SigningCertificateStatus struct {
	// sha256 is the SHA-256 of the certificate's DER, in lower-case hexadecimal. It is absent where what Stytch shows cannot
	// be read as a certificate.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`
	// expiresAt is the end of the certificate's validity.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// EncryptionKeyStatus is one encryption key that was added through this manifest.
type EncryptionKeyStatus struct {
	// privateKeyID is Stytch's ID of the key.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	PrivateKeyID string `json:"privateKeyID,omitempty"`
	// spkiSHA256 is the SHA-256 of its public key (SubjectPublicKeyInfo), in lower-case hexadecimal.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	SPKISHA256 string `json:"spkiSHA256,omitempty"`
}

// AddingEncryptionKeyStatus is written before an encryption key is added, so that a crash neither adds it twice nor takes a key
// of somebody else for it.
type AddingEncryptionKeyStatus struct {
	// spkiSHA256 is the SHA-256 of the public key (SubjectPublicKeyInfo) that is being added, in lower-case hexadecimal.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	SPKISHA256 string `json:"spkiSHA256,omitempty"`
	// presentKeyIDs are Stytch's IDs of the keys that were there before.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=128
	PresentKeyIDs []string `json:"presentKeyIDs,omitempty"`
}

// FreedCertificateStatus is a verification certificate that nobody wants and that was removed to make room for one that is
// wanted. It is put back if that one is refused.
type FreedCertificateStatus struct {
	// sha256 is the SHA-256 of the certificate's DER, in lower-case hexadecimal.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`
	// pem is the certificate.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	PEM string `json:"pem,omitempty"`
}

// MetadataStatus is what Stytch took from the identity provider's metadata.
type MetadataStatus struct {
	// metadataURL that was read. It is none while none has been, and the rest is what was there before.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	MetadataURL string `json:"metadataURL,omitempty"`
	// refresh is a hash of the value that the annotation connections.stytch-operator.dev/refresh-metadata had then.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Refresh string `json:"refresh,omitempty"`
	// idpEntityID that the metadata gave.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	IDPEntityID string `json:"idpEntityID,omitempty"`
	// idpSSOURL that the metadata gave.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	IDPSSOURL string `json:"idpSSOURL,omitempty"`
	// certificates that the metadata gave, by the SHA-256 of their DER in lower-case hexadecimal.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=64
	Certificates []string `json:"certificates,omitempty"`
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
	// freedCertificate was removed to make room, and is put back if what it made room for is refused.
	// +optional
	FreedCertificate *FreedCertificateStatus `json:"freedCertificate,omitempty"`
	// refusedCertificate is the SHA-256 of a certificate that Stytch refused after another one had made room for it. It is not
	// sent again as long as it is wanted.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	RefusedCertificate string `json:"refusedCertificate,omitempty"`
	// fromMetadata is what spec.metadataURL gave when it was last read.
	// +optional
	FromMetadata *MetadataStatus `json:"fromMetadata,omitempty"`
	// signingCertificates are those that Stytch signs its requests with, the newest at the top.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	SigningCertificates []SigningCertificateStatus `json:"signingCertificates,omitempty"`
	// encryptionKeys are those that were added through this manifest.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	EncryptionKeys []EncryptionKeyStatus `json:"encryptionKeys,omitempty"`
	// addingEncryptionKey is the key that is being added.
	// +optional
	AddingEncryptionKey *AddingEncryptionKeyStatus `json:"addingEncryptionKey,omitempty"`
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
