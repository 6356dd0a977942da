package connectiontest

import (
	"math/rand"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// NewSAML is the stage of a SAML connection, and the objects beside its manifest.
func NewSAML(random *rand.Rand, remote *Remote) (*Stage[*v1alpha1.SAMLConnection, stytch.SAMLConnection], *Objects) {
	beside := NewObjects()
	o := &v1alpha1.SAMLConnection{ObjectMeta: Meta("okta")}
	o.Status.ConnectionID = SAMLID
	s := &Stage[*v1alpha1.SAMLConnection, stytch.SAMLConnection]{Kind: saml.Kind(), Held: o, Remote: remote}
	s.Shows = func() stytch.SAMLConnection { return remote.asSAML(random) }
	s.Inputs = func() connection.Inputs { return beside.inputs(remote, s.Held) }
	return s, beside
}

// NewSCIM is the stage of a SCIM connection.
func NewSCIM(random *rand.Rand, remote *Remote) *Stage[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	o := &v1alpha1.SCIMConnection{ObjectMeta: Meta("acme-scim")}
	o.Spec.BearerToken.SecretName = "acme-scim"
	o.Status.ConnectionID = SCIMID
	s := &Stage[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{Kind: scim.Kind(), Held: o, Remote: remote}
	s.Shows = func() stytch.SCIMConnection { return remote.asSCIM(random) }
	s.Inputs = func() connection.Inputs {
		return connection.Inputs{Now: Noon, Secrets: map[string]*corev1.Secret{"acme-scim": remote.Secret}, Groups: remote.Groups}
	}
	return s
}

// AnyOIDC is the stage of an OIDC connection that anybody may have left at Stytch, and the objects beside its manifest.
func AnyOIDC(random *rand.Rand) (*Stage[*v1alpha1.OIDCConnection, stytch.OIDCConnection], *Objects) {
	remote, beside := AnyRemote(random), NewObjects()
	o := &v1alpha1.OIDCConnection{ObjectMeta: Meta("entra")}
	o.Status.ConnectionID = OIDCID
	s := &Stage[*v1alpha1.OIDCConnection, stytch.OIDCConnection]{Kind: oidc.Kind(), Held: o, Remote: remote}
	s.Shows = func() stytch.OIDCConnection { return remote.AsOIDC(random) }
	s.Inputs = func() connection.Inputs { return beside.inputs(remote, s.Held) }
	return s, beside
}

// AnyExternal is the stage of an External connection that anybody may have left at Stytch, and whose source is given by name, or by ID.
func AnyExternal(random *rand.Rand, byName bool) *Stage[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	source := SAMLManifest()
	source.Status.OrganizationID, source.Status.State = "organization-live-9", "active"
	remote := AnyRemote(random)
	o := &v1alpha1.ExternalConnection{ObjectMeta: Meta("parent")}
	o.Status.ConnectionID, o.Status.OrganizationID = ExternalID, "organization-live-1"
	if byName {
		o.Spec.SourceRef = &v1alpha1.ExternalSourceRef{Kind: v1alpha1.SourceSAML, Name: "okta"}
	}
	s := &Stage[*v1alpha1.ExternalConnection, stytch.ExternalConnection]{Kind: external.Kind(), Held: o, Remote: remote}
	s.Shows = func() stytch.ExternalConnection { return remote.Noisy(random).External() }
	s.Inputs = func() connection.Inputs { return connection.Inputs{Now: Noon, Source: source} }
	return s
}
