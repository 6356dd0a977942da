package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OIDCConnectionSpec is the desired state of an OIDC SSO connection.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionID) || self.connectionID.matches('^oidc-connection-(live|test)-[A-Za-z0-9-]+$')",message="connectionID must be the ID of an existing OIDC connection in Stytch, such as oidc-connection-live-..."
// +kubebuilder:validation:XValidation:rule="!has(self.detailsTemplate) || has(self.detailsConfigMapName)",message="detailsTemplate needs detailsConfigMapName, the ConfigMap that it is for: set detailsConfigMapName, or remove detailsTemplate"
type OIDCConnectionSpec struct {
	ConnectionSpec `json:",inline"`

	// identityProvider is the product that users sign in with.
	// Absent: not managed. A connection that is created for this manifest is then generic.
	// +optional
	IdentityProvider SSOIdentityProvider `json:"identityProvider,omitempty"`

	// clientID is the client ID of the application at the identity provider. It is required for the connection to become
	// active.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$')`,message=`clientID must not start or end with white space or invisible characters, and must not contain control characters`
	ClientID string `json:"clientID,omitempty"`

	// clientSecretRef references the client secret of the application at the identity provider. A byte order mark and
	// line breaks at the end of the value are ignored. It is required for the connection to become active. A change of the value
	// is sent to Stytch automatically.
	// Absent: not managed.
	// +optional
	ClientSecretRef *SecretKeyRef `json:"clientSecretRef,omitempty"`

	// issuer is the issuer of the identity provider. It starts with https, is exactly as the identity provider spells it,
	// and does not include /.well-known/openid-configuration. When the issuer changes, Stytch reads the four URLs below from
	// its discovery document once. status.discovered records these URLs, and they belong to the desired state from then on.
	// A URL that did not change with the issuer is not recorded, because nothing shows that the document contains it.
	// It is required for the connection to become active.
	// Absent: not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://[^/?#\p{Z}\p{C}<>"][^\p{Z}\p{C}<>"]*$')`,message=`issuer must start with https:// and a host, and must not contain white space, invisible characters, control characters, <, > or "`
	// +kubebuilder:validation:XValidation:rule="!self.contains('/.well-known/')",message="issuer must not include /.well-known/openid-configuration, which Stytch appends"
	Issuer string `json:"issuer,omitempty"`

	// authorizationURL is the https URL that users are sent to for sign-in.
	// Absent: the URL in status.discovered. If there is none, it is not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://[^/?#\p{Z}\p{C}<>"][^\p{Z}\p{C}<>"]*$')`,message=`authorizationURL must start with https:// and a host, and must not contain white space, invisible characters, control characters, <, > or "`
	AuthorizationURL string `json:"authorizationURL,omitempty"`

	// tokenURL is the https URL at which Stytch exchanges the code for tokens.
	// Absent: the URL in status.discovered. If there is none, it is not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://[^/?#\p{Z}\p{C}<>"][^\p{Z}\p{C}<>"]*$')`,message=`tokenURL must start with https:// and a host, and must not contain white space, invisible characters, control characters, <, > or "`
	TokenURL string `json:"tokenURL,omitempty"`

	// userinfoURL is the https URL at which Stytch requests information about the user.
	// Absent: the URL in status.discovered. If there is none, it is not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://[^/?#\p{Z}\p{C}<>"][^\p{Z}\p{C}<>"]*$')`,message=`userinfoURL must start with https:// and a host, and must not contain white space, invisible characters, control characters, <, > or "`
	UserinfoURL string `json:"userinfoURL,omitempty"`

	// jwksURL is the https URL of the keys that the identity provider signs with.
	// Absent: the URL in status.discovered. If there is none, it is not managed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://[^/?#\p{Z}\p{C}<>"][^\p{Z}\p{C}<>"]*$')`,message=`jwksURL must start with https:// and a host, and must not contain white space, invisible characters, control characters, <, > or "`
	JWKSURL string `json:"jwksURL,omitempty"`

	// customScopes are the scopes that Stytch requests from the identity provider. They replace Stytch's default, which is
	// openid email profile. So they must include openid, and usually email and profile. There are at most 50. Their order does
	// not matter.
	// Absent: not managed. Empty: cleared, so that Stytch requests its default.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[]!#$&-[^-~]+$')",message="customScopes must contain only printable ASCII characters, without spaces, percent signs, double quotes and backslashes"
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.exists(s, s == 'openid')",message="customScopes must include openid, because they replace the default scopes of Stytch, which are openid email profile"
	CustomScopes []string `json:"customScopes,omitzero"`

	// attributeMapping maps claims of the identity provider to fields of the member's trusted metadata. It is replaced as a
	// whole.
	// Absent: not managed. Empty: cleared.
	// +optional
	// +mapType=atomic
	// +kubebuilder:validation:MinProperties=0
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(k, size(k) > 0 && size(k) <= 128)",message="attributeMapping must have keys of 1 to 128 characters"
	AttributeMapping map[string]Attribute `json:"attributeMapping,omitzero"`

	// detailsConfigMapName is the name of a ConfigMap that the operator writes for the person who sets up the identity
	// provider. It contains redirect-url. The ConfigMap must not exist yet, unless it
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

// DiscoveredStatus is what Stytch read from the discovery document of an issuer.
type DiscoveredStatus struct {
	// issuer that the discovery document belongs to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Issuer string `json:"issuer,omitempty"`
	// authorizationURL in the discovery document. It is absent if the manifest sets this URL.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	AuthorizationURL string `json:"authorizationURL,omitempty"`
	// tokenURL in the discovery document. It is absent if the manifest sets this URL.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	TokenURL string `json:"tokenURL,omitempty"`
	// userinfoURL in the discovery document. It is absent if the manifest sets this URL.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	UserinfoURL string `json:"userinfoURL,omitempty"`
	// jwksURL in the discovery document. It is absent if the manifest sets this URL.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	JWKSURL string `json:"jwksURL,omitempty"`
	// warning is the warning that Stytch returned about a discovery document that it could not read. At most 256 characters
	// are shown.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Warning string `json:"warning,omitempty"`
}

// DiscoveringStatus is what has to be known about an issuer until the response of Stytch to it is recorded. A URL counts as
// discovered if it differs from the one here.
type DiscoveringStatus struct {
	// issuer that was sent, or is about to be sent.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Issuer string `json:"issuer,omitempty"`
	// authorizationURL that Stytch had before, or that was sent together with the issuer.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	AuthorizationURL string `json:"authorizationURL,omitempty"`
	// tokenURL that Stytch had before, or that was sent together with the issuer.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	TokenURL string `json:"tokenURL,omitempty"`
	// userinfoURL that Stytch had before, or that was sent together with the issuer.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	UserinfoURL string `json:"userinfoURL,omitempty"`
	// jwksURL that Stytch had before, or that was sent together with the issuer.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	JWKSURL string `json:"jwksURL,omitempty"`
	// retry is the request of the annotation retry-discovery that is being carried out. While it is set, Stytch may have the
	// issuer with another last slash, and the operator sends the issuer before anything else.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Retry string `json:"retry,omitempty"`
}

// OIDCConnectionStatus is the observed state of an OIDC connection.
type OIDCConnectionStatus struct {
	ConnectionStatus `json:",inline"`

	// redirectURL is the URL that the identity provider sends users back to.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	RedirectURL string `json:"redirectURL,omitempty"`
	// discovered is what Stytch read from the issuer's discovery document.
	// +optional
	Discovered *DiscoveredStatus `json:"discovered,omitempty"`
	// discovering is set while an issuer is being sent.
	// +optional
	Discovering *DiscoveringStatus `json:"discovering,omitempty"`
	// lastHandledRetryDiscovery is the last value of the annotation retry-discovery that the operator has handled. A value of
	// more than 256 characters is shown as a hash.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	LastHandledRetryDiscovery string `json:"lastHandledRetryDiscovery,omitempty"`
	// clientSecret is the version of the Secret whose client secret was last sent.
	// +optional
	ClientSecret *Input `json:"clientSecret,omitempty"`
	// clientSecretKey is the key in the data of that Secret.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClientSecretKey string `json:"clientSecretKey,omitempty"`
}

// OIDCConnection manages an OIDC SSO connection of a Stytch organization.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oidcconn,categories=stytch
// +kubebuilder:metadata:annotations="helm.sh/resource-policy=keep"
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/prune=disabled"
// +kubebuilder:metadata:annotations="argocd.argoproj.io/sync-options=Prune=false,Delete=false"
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
	// metadata is standard Kubernetes object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the desired state.
	// +required
	Spec OIDCConnectionSpec `json:"spec,omitzero"`
	// status is the observed state.
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
