package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OIDCConnectionSpec is the wished state of an OIDC SSO connection.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionID) || self.connectionID.matches('^oidc-connection-(live|test)-[A-Za-z0-9-]+$')",message="connectionID must be the ID of an existing OIDC connection as Stytch has it, such as oidc-connection-live-..."
type OIDCConnectionSpec struct {
	ConnectionSpec `json:",inline"`

	// identityProvider is the product that users sign in with.
	// Absent: not managed; a connection created here is then generic.
	// +optional
	IdentityProvider SSOIdentityProvider `json:"identityProvider,omitempty"`

	// clientID is what the identity provider calls the application. A connection becomes active only with one.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	ClientID string `json:"clientID,omitempty"`

	// clientSecretRef names the application's secret at the identity provider. White space around it does not count. A
	// connection becomes active only with one. A change of the Secret reaches Stytch by itself.
	// Absent: not managed.
	// +optional
	ClientSecretRef *SecretKeyRef `json:"clientSecretRef,omitempty"`

	// issuer is the identity provider's issuer, https, exactly as the identity provider spells it and without
	// /.well-known/openid-configuration. Stytch reads the four URLs below from its discovery document, once, when it is told
	// another issuer; status.discovered records them, and they are wanted from then on. A connection becomes active only with
	// an issuer.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^/?#[:space:]][^[:space:]]*$')",message="issuer must begin with https:// and a host, and hold no white space"
	// +kubebuilder:validation:XValidation:rule="!self.contains('/.well-known/')",message="issuer must be without /.well-known/openid-configuration, which Stytch appends"
	Issuer string `json:"issuer,omitempty"`

	// authorizationURL is where users are sent to sign in, https.
	// Absent: as discovered from the issuer; without an issuer not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^/?#[:space:]][^[:space:]]*$')",message="authorizationURL must begin with https:// and a host, and hold no white space"
	AuthorizationURL string `json:"authorizationURL,omitempty"`

	// tokenURL is where Stytch exchanges the code for tokens, https.
	// Absent: as discovered from the issuer; without an issuer not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^/?#[:space:]][^[:space:]]*$')",message="tokenURL must begin with https:// and a host, and hold no white space"
	TokenURL string `json:"tokenURL,omitempty"`

	// userinfoURL is where Stytch asks about the user, https.
	// Absent: as discovered from the issuer; without an issuer not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^/?#[:space:]][^[:space:]]*$')",message="userinfoURL must begin with https:// and a host, and hold no white space"
	UserinfoURL string `json:"userinfoURL,omitempty"`

	// jwksURL is where the keys are that the identity provider signs with, https.
	// Absent: as discovered from the issuer; without an issuer not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^/?#[:space:]][^[:space:]]*$')",message="jwksURL must begin with https:// and a host, and hold no white space"
	JWKSURL string `json:"jwksURL,omitempty"`

	// customScopes are asked for beside those that Stytch asks for, at most 50. Their order does not count.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[]!#$&-[^-~]+$')",message="a scope must be printable ASCII without spaces, percent signs, quotation marks and backslashes"
	CustomScopes []string `json:"customScopes,omitzero"`

	// attributeMapping says which claim fills which field of the member's trusted metadata. It is replaced as a whole.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +mapType=atomic
	// +kubebuilder:validation:MinProperties=0
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) > 0 && size(k) <= 128 && size(self[k]) <= 256)",message="attributeMapping must have keys of 1 to 128 and values of at most 256 characters"
	AttributeMapping map[string]string `json:"attributeMapping,omitzero"`

	// detailsConfigMapName is a ConfigMap that the operator writes for whoever sets up the identity provider: redirect-url. It
	// must not exist, or be the one that was written for this manifest, and goes with this manifest.
	// Absent: none is written.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="detailsConfigMapName must be a name that a ConfigMap can have: lower-case letters, digits, - and ., with a letter or digit at both ends and beside each ."
	DetailsConfigMapName string `json:"detailsConfigMapName,omitempty"`
}

// DiscoveredStatus is what Stytch read from an issuer's discovery document.
type DiscoveredStatus struct {
	// issuer whose document it was.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Issuer string `json:"issuer,omitempty"`
	// authorizationURL that was found; absent where the manifest gives it.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	AuthorizationURL string `json:"authorizationURL,omitempty"`
	// tokenURL that was found; absent where the manifest gives it.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	TokenURL string `json:"tokenURL,omitempty"`
	// userinfoURL that was found; absent where the manifest gives it.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	UserinfoURL string `json:"userinfoURL,omitempty"`
	// jwksURL that was found; absent where the manifest gives it.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	JWKSURL string `json:"jwksURL,omitempty"`
	// warning is what Stytch said of a document that it could not read, at most 256 characters of it.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Warning string `json:"warning,omitempty"`
}

// OIDCConnectionStatus is what the operator knows of an OIDC connection.
type OIDCConnectionStatus struct {
	ConnectionStatus `json:",inline"`

	// redirectURL is where the identity provider sends users back to.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	RedirectURL string `json:"redirectURL,omitempty"`
	// discovered is what Stytch read from the issuer's discovery document.
	// +optional
	Discovered *DiscoveredStatus `json:"discovered,omitempty"`
	// clientSecret is the version of the Secret whose client secret was sent last.
	// +optional
	ClientSecret *Input `json:"clientSecret,omitempty"`
}

// OIDCConnection keeps an OIDC SSO connection of a Stytch organization.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oidcconn,categories=stytch
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Organization",type=string,JSONPath=`.spec.organization`
// +kubebuilder:printcolumn:name="Connection",type=string,JSONPath=`.status.connectionID`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Issuer",type=string,JSONPath=`.spec.issuer`,priority=1
// +kubebuilder:printcolumn:name="Synced",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].message`,priority=1
type OIDCConnection struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is as every object of Kubernetes has it.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the wished state.
	// +required
	Spec OIDCConnectionSpec `json:"spec,omitzero"`
	// status is what the operator knows.
	// +optional
	// +default={"observedGeneration": -1}
	Status OIDCConnectionStatus `json:"status,omitzero"`
}

// CommonSpec is the part of the spec that every kind has.
func (c *OIDCConnection) CommonSpec() *ConnectionSpec { return &c.Spec.ConnectionSpec }

// CommonStatus is the part of the status that every kind has.
func (c *OIDCConnection) CommonStatus() *ConnectionStatus { return &c.Status.ConnectionStatus }

// OIDCConnectionList is a list of OIDCConnections.
//
// +kubebuilder:object:root=true
type OIDCConnectionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OIDCConnection `json:"items"`
}
