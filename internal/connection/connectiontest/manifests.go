package connectiontest

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// NewStatus is the status that the API server gives a new manifest.
func NewStatus() v1alpha1.ConnectionStatus {
	return v1alpha1.ConnectionStatus{ObservedGeneration: -1}
}

// YearsOn is a time some years after noon.
func YearsOn(n int) time.Time { return Noon.AddDate(n, 0, 0) }

// What the manifests and their connections are known by.
const (
	ManifestUID = types.UID("b7a1d0a2-4c0f-4d6e-9a63-0d8e1c6f2b11")
	OtherUID    = types.UID("0f0e0d0c-0b0a-4908-8706-050403020100")

	SAMLID     = "saml-connection-live-11111111-1111-4111-8111-111111111111"
	SCIMID     = "scim-connection-live-22222222-2222-4222-8222-222222222222"
	ExternalID = "external-connection-live-33333333-3333-4333-8333-333333333333"
	OIDCID     = "oidc-connection-live-44444444-4444-4444-8444-444444444444"

	DefaultNameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
)

// Noon is a time like any other.
var Noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// Meta is the metadata of a manifest.
func Meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "acme", Name: name, UID: ManifestUID, Generation: 1}
}

// SAMLManifest manages every setting of a SAML connection, and no certificate.
func SAMLManifest() *v1alpha1.SAMLConnection {
	o := &v1alpha1.SAMLConnection{ObjectMeta: Meta("okta")}
	o.Spec = v1alpha1.SAMLConnectionSpec{
		ConnectionSpec:         v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Acme – Okta"},
		IdentityProvider:       "okta",
		IDPEntityID:            "https://idp.example.com/entity",
		IDPSSOURL:              "https://idp.example.com/sso",
		AttributeMapping:       map[string]v1alpha1.Attribute{"email": "NameID", "full_name": "displayName"},
		NameIDFormat:           new("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
		AlternativeAudienceURI: new("urn:acme:old"),
		AlternativeACSURL:      new("https://login.example.com/acs"),
		IDPInitiatedAuth:       v1alpha1.ToggleDisabled,
		GatewayCallback:        v1alpha1.PermissionAllowed,
		ImplicitRoles:          []string{"viewer", "editor"},
		GroupImplicitRoles:     []v1alpha1.GroupRole{{Group: "eng", Role: "editor"}, {Group: "eng", Role: "admin"}},
	}
	o.Status.ConnectionID = SAMLID
	return o
}

// SAMLRemote is what SAMLManifest asks for.
func SAMLRemote() stytch.SAMLConnection {
	return stytch.SAMLConnection{
		Connection:               stytch.Connection{ConnectionID: SAMLID, Status: "active", DisplayName: "Acme – Okta"},
		IdentityProvider:         "okta",
		IDPEntityID:              "https://idp.example.com/entity",
		IDPSSOURL:                "https://idp.example.com/sso",
		AttributeMapping:         map[string]string{"full_name": "displayName", "email": "NameID"},
		NameIDFormat:             "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		AlternativeAudienceURI:   "urn:acme:old",
		AlternativeACSURL:        "https://login.example.com/acs",
		IDPInitiatedAuthDisabled: true,
		AllowGatewayCallback:     true,
		ImplicitRoles:            []string{"editor", "viewer"},
		GroupImplicitRoles:       []stytch.GroupRole{{Group: "eng", RoleID: "admin"}, {Group: "eng", RoleID: "editor"}},
	}
}

// SCIMManifest manages every setting of a SCIM connection.
func SCIMManifest() *v1alpha1.SCIMConnection {
	o := &v1alpha1.SCIMConnection{ObjectMeta: Meta("acme-scim")}
	o.Spec = v1alpha1.SCIMConnectionSpec{
		ConnectionSpec:     v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Acme – Okta"},
		IdentityProvider:   "okta",
		GroupImplicitRoles: []v1alpha1.SCIMGroupRole{{GroupID: "scim-group-live-1", Role: "editor"}},
		BearerToken:        v1alpha1.SCIMBearerToken{SecretName: "acme-scim"},
	}
	o.Status.ConnectionID = SCIMID
	return o
}

// SCIMRemote is what SCIMManifest asks for.
func SCIMRemote() stytch.SCIMConnection {
	return stytch.SCIMConnection{
		Connection:          stytch.Connection{ConnectionID: SCIMID, Status: "active", DisplayName: "Acme – Okta"},
		IdentityProvider:    "okta",
		BaseURL:             "https://api.stytch.com/v1/b2b/scim/" + SCIMID,
		BearerTokenLastFour: "wxyz",
		GroupImplicitRoles:  []stytch.SCIMGroupRole{{GroupID: "scim-group-live-1", GroupName: "Engineering", RoleID: "editor"}},
	}
}

// ExternalManifest manages every setting of an External connection.
func ExternalManifest() *v1alpha1.ExternalConnection {
	o := &v1alpha1.ExternalConnection{ObjectMeta: Meta("parent")}
	o.Spec = v1alpha1.ExternalConnectionSpec{
		ConnectionSpec:     v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Parent"},
		Source:             &v1alpha1.ExternalSource{OrganizationID: "organization-live-9", ConnectionID: SAMLID},
		ImplicitRoles:      []string{"viewer"},
		GroupImplicitRoles: []v1alpha1.GroupRole{{Group: "eng", Role: "editor"}},
	}
	o.Status.ConnectionID = ExternalID
	o.Status.Source = &v1alpha1.ExternalSourceStatus{OrganizationID: "organization-live-9", ConnectionID: SAMLID}
	return o
}

// ExternalRemote is what ExternalManifest asks for.
func ExternalRemote() stytch.ExternalConnection {
	return stytch.ExternalConnection{
		Connection:             stytch.Connection{ConnectionID: ExternalID, Status: "active", DisplayName: "Parent"},
		ExternalOrganizationID: "organization-live-9",
		ExternalConnectionID:   SAMLID,
		ImplicitRoles:          []string{"viewer"},
		GroupImplicitRoles:     []stytch.GroupRole{{Group: "eng", RoleID: "editor"}},
	}
}

// What OIDCManifest and its connection have.
const (
	Issuer       = "https://idp.example.com"
	theClient    = "stytch"
	ClientSecret = "client-secret-of-some-length"
	RedirectURL  = "https://api.stytch.com/v1/b2b/sso/callback/" + OIDCID
)

// OIDCManifest manages every setting of an OIDC connection.
func OIDCManifest() *v1alpha1.OIDCConnection {
	o := &v1alpha1.OIDCConnection{ObjectMeta: Meta("entra")}
	o.Spec = v1alpha1.OIDCConnectionSpec{
		ConnectionSpec:   v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Acme – Entra"},
		IdentityProvider: "microsoft-entra",
		ClientID:         theClient,
		ClientSecretRef:  &v1alpha1.SecretKeyRef{Name: "entra", Key: "client-secret"},
		Issuer:           Issuer,
		AuthorizationURL: Issuer + "/authorize",
		TokenURL:         Issuer + "/token",
		UserinfoURL:      Issuer + "/userinfo",
		JWKSURL:          Issuer + "/jwks",
		CustomScopes:     []string{"groups", "offline_access"},
		AttributeMapping: map[string]v1alpha1.Attribute{"team": "team"},
	}
	o.Status.ConnectionID = OIDCID
	return o
}

// OIDCRemote is what OIDCManifest asks for.
func OIDCRemote() stytch.OIDCConnection {
	return stytch.OIDCConnection{
		Connection:         stytch.Connection{ConnectionID: OIDCID, Status: "active", DisplayName: "Acme – Entra"},
		IdentityProvider:   "microsoft-entra",
		RedirectURL:        RedirectURL,
		ClientID:           theClient,
		ClientSecretSHA256: SHA256Of(ClientSecret),
		Issuer:             Issuer,
		AuthorizationURL:   Issuer + "/authorize",
		TokenURL:           Issuer + "/token",
		UserinfoURL:        Issuer + "/userinfo",
		JWKSURL:            Issuer + "/jwks",
		CustomScopes:       "offline_access groups",
		AttributeMapping:   map[string]string{"team": "team"},
	}
}
