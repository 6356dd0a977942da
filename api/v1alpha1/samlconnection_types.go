package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Toggle is Enabled or Disabled.
//
// +kubebuilder:validation:Enum=Enabled;Disabled
type Toggle string

const (
	// ToggleEnabled enables it.
	ToggleEnabled Toggle = "Enabled"
	// ToggleDisabled disables it.
	ToggleDisabled Toggle = "Disabled"
)

// Permission is Allowed or Denied.
//
// +kubebuilder:validation:Enum=Allowed;Denied
type Permission string

const (
	// PermissionAllowed allows it.
	PermissionAllowed Permission = "Allowed"
	// PermissionDenied denies it.
	PermissionDenied Permission = "Denied"
)

// VerificationCertificate gives certificates that the identity provider signs its assertions with: one certificate in the
// manifest, or the certificates in a Secret or ConfigMap. Certificates are compared by the SHA-256 fingerprint of their DER,
// so line breaks and white space do not matter.
//
// +kubebuilder:validation:ExactlyOneOf=pem;secretKeyRef;configMapKeyRef
type VerificationCertificate struct {
	// pem is one X.509 certificate in PEM.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	PEM string `json:"pem,omitempty"`
	// secretKeyRef references a key of a Secret in the same namespace. The key contains one or more certificates in PEM, or
	// one in DER. A certificate that issued another one there is not sent. A change of the Secret is sent to Stytch automatically.
	// +optional
	SecretKeyRef *SecretKeyRef `json:"secretKeyRef,omitempty"`
	// configMapKeyRef references a key of a ConfigMap in the same namespace. The key contains one or more certificates in
	// PEM, or, under binaryData, one in DER. A certificate that issued another one there is not sent. A change of the ConfigMap is
	// sent to Stytch automatically.
	// +optional
	ConfigMapKeyRef *ConfigMapKeyRef `json:"configMapKeyRef,omitempty"`
}

// SAMLConnectionSpec is the desired state of a SAML SSO connection.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionID) || self.connectionID.matches('^saml-connection-(live|test)-[A-Za-z0-9-]+$')",message="connectionID must be the ID of an existing SAML connection in Stytch, such as saml-connection-live-..."
// +kubebuilder:validation:XValidation:rule="!has(self.metadataURL) || !(has(self.idpEntityID) || has(self.idpSSOURL) || has(self.verificationCertificates))",message="metadataURL provides idpEntityID, idpSSOURL and verificationCertificates: set either metadataURL or the other fields"
// +kubebuilder:validation:XValidation:rule="!has(self.groupImplicitRoles) || size(self.groupImplicitRoles) == 0 || !has(self.attributeMapping) || ('groups' in self.attributeMapping && size(self.attributeMapping['groups']) > 0)",message="groupImplicitRoles needs groups in attributeMapping: set it to the attribute of the assertion that contains the groups of a member"
// +kubebuilder:validation:XValidation:rule="!has(self.detailsTemplate) || has(self.detailsConfigMapName)",message="detailsTemplate needs detailsConfigMapName, the ConfigMap that it is for: set detailsConfigMapName, or remove detailsTemplate"
type SAMLConnectionSpec struct {
	ConnectionSpec `json:",inline"`

	// identityProvider is the product that users sign in with.
	// Absent: not managed. A connection that is created for this manifest is then generic.
	// +optional
	IdentityProvider SSOIdentityProvider `json:"identityProvider,omitempty"`

	// idpEntityID is the entity ID of the identity provider. It is required for the connection to become active.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`idpEntityID must not start or end with white space or invisible characters, and must not contain control characters`
	IDPEntityID string `json:"idpEntityID,omitempty"`

	// idpSSOURL is the https URL that users are sent to for sign-in. It is required for the connection to become active.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://[^/?#\p{Z}\p{C}<>"][^\p{Z}\p{C}<>"]*$')`,message=`idpSSOURL must start with https:// and a host, and must not contain white space, invisible characters, control characters, <, > or "`
	IDPSSOURL string `json:"idpSSOURL,omitempty"`

	// metadataURL is the https URL of the SAML metadata of the identity provider. Stytch reads it once, and takes
	// idpEntityID, idpSSOURL and the verification certificates from it. status.fromMetadata records these values, and they
	// belong to the desired state from then on. Stytch reads the metadata again when this URL changes, or when the value of
	// the annotation connections.stytch-operator.dev/refresh-metadata changes.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://[^/?#\p{Z}\p{C}<>"][^\p{Z}\p{C}<>"]*$')`,message=`metadataURL must start with https:// and a host, and must not contain white space, invisible characters, control characters, <, > or "`
	MetadataURL string `json:"metadataURL,omitempty"`

	// verificationCertificates is the exact set of certificates that assertions may be signed with, 1 to 5 in total. A new
	// certificate is added before an old one is removed, unless all five slots are in use. The last certificate is never removed.
	// Absent: not managed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x == y))",message="verificationCertificates must not contain the same certificate twice"
	VerificationCertificates []VerificationCertificate `json:"verificationCertificates,omitempty"`

	// attributeMapping maps attributes of the assertion to fields of the member. It is replaced as a whole. The connection
	// becomes active only with email, and with either full_name or both first_name and last_name. groupImplicitRoles needs
	// groups.
	// Absent: not managed.
	// +optional
	// +mapType=atomic
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) > 0 && size(k) <= 128)",message="attributeMapping must have keys of 1 to 128 characters"
	AttributeMapping map[string]Attribute `json:"attributeMapping,omitempty"`

	// nameIDFormat is the NameID format that Stytch requests.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`nameIDFormat must not start or end with white space or invisible characters, and must not contain control characters`
	NameIDFormat *string `json:"nameIDFormat,omitempty"`

	// alternativeAudienceURI is an additional audience that assertions may be addressed to, for migrations.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`alternativeAudienceURI must not start or end with white space or invisible characters, and must not contain control characters`
	AlternativeAudienceURI *string `json:"alternativeAudienceURI,omitempty"`

	// alternativeACSURL is an additional URL that assertions may be posted to, for migrations.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^\p{Z}\p{C}<>"]*$')`,message=`alternativeACSURL must not contain white space, invisible characters, control characters, <, > or "`
	AlternativeACSURL *string `json:"alternativeACSURL,omitempty"`

	// idpInitiatedAuth says whether a login may start at the identity provider.
	// Absent: not managed.
	// +optional
	IDPInitiatedAuth Toggle `json:"idpInitiatedAuth,omitempty"`

	// gatewayCallback is allow_gateway_callback, which Stytch's documentation does not explain.
	// Absent: not managed.
	// +optional
	GatewayCallback Permission `json:"gatewayCallback,omitempty"`

	// implicitRoles are assigned to every member who signs in through this connection. They are IDs of roles in the
	// project's RBAC policy, or of custom roles of the organization.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`implicitRoles must not start or end with white space or invisible characters, and must not contain control characters`
	ImplicitRoles []string `json:"implicitRoles,omitzero"`

	// groupImplicitRoles are assigned to the members of a group who sign in through this connection. The list is replaced as
	// a whole. It needs groups in the attribute mapping of the connection.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x.group == y.group && x.role == y.role))",message="groupImplicitRoles must not contain the same group and role twice"
	GroupImplicitRoles []GroupRole `json:"groupImplicitRoles,omitzero"`

	// signingPrivateKeyRef references the RSA private key, in PEM or DER (PKCS#1 or PKCS#8) with at most 16384 bits, that Stytch signs its requests to the
	// identity provider with. Stytch creates a certificate for it, which status.signingCertificates lists.
	// Absent: not managed. Stytch creates its own key.
	// +optional
	SigningPrivateKeyRef *SecretKeyRef `json:"signingPrivateKeyRef,omitempty"`

	// encryptionPrivateKeyRefs reference the RSA private keys, each in PEM or DER (PKCS#1 or PKCS#8) with at most 16384 bits, that Stytch decrypts
	// assertions with. There are at most 5. A new key is added before an old one is removed, unless all five slots are in use. Keys that were not added by
	// this manifest are not changed.
	// Absent: not managed. Empty: the keys that were added by this manifest are removed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:XValidation:rule="self.all(x, self.exists_one(y, x == y))",message="encryptionPrivateKeyRefs must not contain the same reference twice"
	EncryptionPrivateKeyRefs []SecretKeyRef `json:"encryptionPrivateKeyRefs,omitzero"`

	// detailsConfigMapName is the name of a ConfigMap that the operator writes for the person who sets up the identity
	// provider. It contains acs-url, audience-uri and signing-certificate.pem. The ConfigMap must not exist yet, unless it
	// was created for this manifest, or contains exactly what would be written. It is deleted together with this manifest.
	// Absent: no ConfigMap is written.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="detailsConfigMapName must be a valid name of a ConfigMap: lower-case letters, digits, - and ., where each part between dots starts and ends with a letter or digit"
	DetailsConfigMapName string `json:"detailsConfigMapName,omitempty"`

	// detailsTemplate has labels and annotations that the operator sets on the ConfigMap that detailsConfigMapName names. It
	// needs detailsConfigMapName.
	// Absent: the ConfigMap gets only the label of the connection. Labels and annotations of an earlier template are removed.
	// +optional
	DetailsTemplate *ObjectTemplate `json:"detailsTemplate,omitempty"`
}

// CertificateStatus is one certificate in Stytch.
type CertificateStatus struct {
	// certificateID is the ID of the certificate in Stytch.
	// +required
	// +kubebuilder:validation:MaxLength=128
	CertificateID string `json:"certificateID"` //nolint:kubeapilinter // omitempty: a status that shows an odd answer must be writable all the same
	// sha256 is the SHA-256 fingerprint of the certificate's DER, in lower-case hexadecimal. It is absent if the value in
	// Stytch cannot be read as a certificate.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`
	// subject of the certificate, at most 256 characters. It is absent if it cannot be read.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Subject string `json:"subject,omitempty"`
	// expiresAt is the time when the certificate expires.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// SigningCertificateStatus is one certificate that Stytch signs its requests with.
type SigningCertificateStatus struct {
	// sha256 is the SHA-256 fingerprint of the certificate's DER, in lower-case hexadecimal. It is absent if the value in
	// Stytch cannot be read as a certificate.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`
	// expiresAt is the time when the certificate expires.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// EncryptionKeyStatus is one encryption key that was added by this manifest.
type EncryptionKeyStatus struct {
	// privateKeyID is the ID of the key in Stytch.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	PrivateKeyID string `json:"privateKeyID,omitempty"`
	// spkiSHA256 is the SHA-256 fingerprint of the public key (SubjectPublicKeyInfo), in lower-case hexadecimal.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	SPKISHA256 string `json:"spkiSHA256,omitempty"`
}

// AddingEncryptionKeyStatus is written before an encryption key is added. After a crash, it keeps the key from being added
// twice, and another key from being mistaken for it.
type AddingEncryptionKeyStatus struct {
	// spkiSHA256 is the SHA-256 fingerprint of the public key (SubjectPublicKeyInfo) that is being added, in lower-case
	// hexadecimal.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	SPKISHA256 string `json:"spkiSHA256,omitempty"`
	// presentKeyIDs are the IDs in Stytch of the keys that existed before.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=128
	PresentKeyIDs []string `json:"presentKeyIDs,omitempty"`
	// sentAt is when the request was sent that adds the key. Until 90 seconds later it may take effect even without a response, so
	// no key is added.
	// Absent: no such request can take effect any more.
	// +optional
	SentAt *metav1.Time `json:"sentAt,omitempty"`
}

// FreedCertificateStatus is a verification certificate that was removed to make room for a new one. It is added again if
// Stytch rejects the new one.
type FreedCertificateStatus struct {
	// sha256 is the SHA-256 fingerprint of the certificate's DER, in lower-case hexadecimal.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`
	// pem is the certificate in PEM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	PEM string `json:"pem,omitempty"`
}

// MetadataOrigin says where the values in a MetadataStatus come from.
//
// +kubebuilder:validation:Enum=Found
type MetadataOrigin string

// MetadataFound says that the values are what Stytch had, and that the metadata was not read.
const MetadataFound MetadataOrigin = "Found"

// MetadataStatus is what Stytch read from the metadata of the identity provider.
type MetadataStatus struct {
	// metadataURL is the URL that was read. It is "none" if no metadata was read yet. The other fields then contain what was
	// in Stytch before.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	MetadataURL string `json:"metadataURL,omitempty"`
	// origin says where the other fields come from. Found: this manifest never had the URL read, because the connection was taken
	// over or status was lost, and they contain what was found in Stytch.
	// Absent: the metadata.
	// +optional
	Origin MetadataOrigin `json:"origin,omitempty"`
	// refresh is a hash of the value that the annotation connections.stytch-operator.dev/refresh-metadata had when the
	// metadata was read.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Refresh string `json:"refresh,omitempty"`
	// idpEntityID in the metadata.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	IDPEntityID string `json:"idpEntityID,omitempty"`
	// idpSSOURL in the metadata.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	IDPSSOURL string `json:"idpSSOURL,omitempty"`
	// certificates in the metadata, by the SHA-256 fingerprint of their DER in lower-case hexadecimal.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=64
	Certificates []string `json:"certificates,omitempty"`
}

// SAMLConnectionStatus is the observed state of a SAML connection.
type SAMLConnectionStatus struct {
	ConnectionStatus `json:",inline"`

	// acsURL is the URL that the identity provider posts its assertions to.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ACSURL string `json:"acsURL,omitempty"`
	// audienceURI is the audience that the identity provider addresses its assertions to.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	AudienceURI string `json:"audienceURI,omitempty"`
	// verificationCertificates are the certificates in Stytch. The certificate that expires first is at the top.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	VerificationCertificates []CertificateStatus `json:"verificationCertificates,omitempty"`
	// freedCertificate was removed to make room for a new certificate. It is added again if Stytch rejects the new one.
	// +optional
	FreedCertificate *FreedCertificateStatus `json:"freedCertificate,omitempty"`
	// refusedCertificate is the SHA-256 fingerprint of a certificate that Stytch rejected after another certificate was
	// removed to make room for it. It is not sent again while it is part of the desired state.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	RefusedCertificate string `json:"refusedCertificate,omitempty"`
	// fromMetadata is what spec.metadataURL contained when it was last read.
	// +optional
	FromMetadata *MetadataStatus `json:"fromMetadata,omitempty"`
	// signingCertificates are the certificates that Stytch signs its requests with. The newest certificate is at the top.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	SigningCertificates []SigningCertificateStatus `json:"signingCertificates,omitempty"`
	// encryptionKeys are the keys that were added by this manifest.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	EncryptionKeys []EncryptionKeyStatus `json:"encryptionKeys,omitempty"`
	// unidentifiedEncryptionKeys are the IDs of encryption keys that were found when the connection was taken over, or when
	// status was restored. Stytch does not show which keys they are, so that one of them may be a key of this manifest.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=128
	UnidentifiedEncryptionKeys []string `json:"unidentifiedEncryptionKeys,omitempty"`
	// addingEncryptionKey is the key that is being added.
	// +optional
	AddingEncryptionKey *AddingEncryptionKeyStatus `json:"addingEncryptionKey,omitempty"`
	// signingKeySentAt is when a request was sent that contains the signing key and that may still take effect. Until 90 seconds later
	// no signing key is sent, so that Stytch does not create two certificates for one key.
	// Absent: no such request can take effect any more.
	// +optional
	SigningKeySentAt *metav1.Time `json:"signingKeySentAt,omitempty"`
}

// SAMLConnection manages a SAML SSO connection of a Stytch organization.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=samlconn,categories=stytch
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/prune=disabled"
// +kubebuilder:metadata:annotations="argocd.argoproj.io/sync-options=Prune=false,Delete=false"
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
	// metadata is standard Kubernetes object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the desired state.
	// +required
	Spec SAMLConnectionSpec `json:"spec,omitzero"`
	// status is the observed state.
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
