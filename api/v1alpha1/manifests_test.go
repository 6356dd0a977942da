package v1alpha1_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kind is one kind with its manifests: the least that is accepted, the most that is accepted (every field, and lists and names
// as long as they may be), what is refused when it is applied, and what is refused when it is edited.
type kind struct {
	name, plural     string
	minimal, maximal string
	bad              []bad
	edits            []edit
}

func kinds() []kind {
	return []kind{
		{
			name: "StytchProject", plural: "stytchprojects",
			minimal: projectMinimal, maximal: projectMaximal,
			bad: badProjects(), edits: projectEdits(),
		},
		{
			name: "SCIMConnection", plural: "scimconnections",
			minimal: scimMinimal, maximal: scimMaximal,
			bad: append(badConnections(), badSCIM()...), edits: append(connectionEdits(), scimEdits()...),
		},
		{
			name: "SAMLConnection", plural: "samlconnections",
			minimal: samlMinimal, maximal: samlMaximal,
			bad: append(badConnections(), badSAML()...), edits: connectionEdits(),
		},
		{
			name: "ExternalConnection", plural: "externalconnections",
			minimal: externalMinimal, maximal: externalMaximal,
			bad: append(badConnections(), badExternal()...), edits: append(connectionEdits(), externalEdits()...),
		},
	}
}

func (k kind) least(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	return k.named(t, k.minimal, "minimal")
}

func (k kind) most(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	return k.named(t, k.maximal, "maximal")
}

func (k kind) named(t *testing.T, text, name string) *unstructured.Unstructured {
	t.Helper()
	object := manifest(t, text)
	object.SetKind(k.name)
	object.SetName(name + "-" + strings.ToLower(k.name))
	return object
}

const projectMinimal = `
spec:
  projectID: project-live-1
  secretRef: {name: stytch, key: secret}
`

const projectMaximal = `
spec:
  projectID: project-test-11111111-1111-4111-8111-111111111111
  secretRef: {name: stytch, key: secret}
  baseURL: https://login.example.com:8443/
  rateLimit: {requestsPerSecond: 1000, burst: 1}
`

const scimMinimal = `
spec:
  organization: acme
  bearerToken: {secretName: acme-scim}
`

const scimMaximal = `
spec:
  projectRef: {name: live}
  organization: organization-live-22222222-2222-4222-8222-222222222222
  connectionID: scim-connection-live-33333333-3333-4333-8333-333333333333
  management: Observe
  deletionPolicy: Delete
  resyncInterval: 1m
  displayName: Acme – Okta
  identityProvider: microsoft-entra
  groupImplicitRoles:
    - {groupID: scim-group-live-1, role: editor}
    - {groupID: scim-group-live-1, role: viewer}
    - {groupID: scim-group-test-2, role: editor}
  bearerToken: {secretName: acme.scim-1}
`

const samlMinimal = `
spec:
  organization: Acme_1~x.y-z
`

const samlMaximal = `
spec:
  projectRef: {name: live}
  organization: organization-live-22222222-2222-4222-8222-222222222222
  connectionID: saml-connection-live-33333333-3333-4333-8333-333333333333
  management: Paused
  deletionPolicy: Retain
  resyncInterval: 1h30m0.5s
  displayName: Acme – Okta
  identityProvider: okta
  idpEntityID: http://www.okta.com/exk1
  idpSSOURL: https://acme.okta.com/app/sso/saml
  verificationCertificates: [{pem: a}, {pem: b}, {pem: c}, {pem: d}, {pem: e}]
  attributeMapping: {email: NameID, full_name: displayName, groups: ""}
  nameIDFormat: ""
  alternativeAudienceURI: ""
  alternativeACSURL: ""
  idpInitiatedAuth: Disabled
  gatewayCallback: Allowed
  implicitRoles: [editor, viewer]
  groupImplicitRoles:
    - {group: engineering, role: editor}
    - {group: engineering, role: viewer}
    - {group: design, role: editor}
`

const externalMinimal = `
spec:
  organization: partner
  source:
    organizationID: organization-live-1
    connectionID: oidc-connection-live-1
`

const externalMaximal = `
spec:
  projectRef: {name: live}
  organization: organization-live-22222222-2222-4222-8222-222222222222
  connectionID: external-connection-live-33333333-3333-4333-8333-333333333333
  management: Manage
  deletionPolicy: Delete
  resyncInterval: 24h
  displayName: Acme at Partner
  source:
    organizationID: organization-live-11111111-1111-4111-8111-111111111111
    connectionID: saml-connection-live-33333333-3333-4333-8333-333333333333
  implicitRoles: [editor, viewer]
  groupImplicitRoles:
    - {group: engineering, role: editor}
    - {group: engineering, role: viewer}
    - {group: design, role: editor}
`
