package v1alpha1_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// kind is one kind with its manifests: the least that is accepted, the most that is accepted (all together every field, and lists
// and names as long as they may be; more than one where fields exclude each other), others that are accepted, what is refused
// when it is applied, and what is refused when it is edited.
type kind struct {
	name, plural string
	minimal      string
	maximal      []string
	good         []string
	bad          []bad
	edits        []edit
}

func kinds() []kind {
	return []kind{
		{
			name: "StytchProject", plural: "stytchprojects",
			minimal: projectMinimal, maximal: []string{projectMaximal},
			bad: append(badProjects(), badOfNamespaced()...), edits: append(projectEdits(), sessionEdits()...),
		},
		{
			name: "ClusterStytchProject", plural: "clusterstytchprojects",
			minimal: projectMinimal, maximal: []string{clusterProjectMaximal}, good: []string{clusterProjectOfAll},
			bad: append(badProjects(), badGrants()...), edits: projectEdits(),
		},
		{
			name: "SCIMConnection", plural: "scimconnections",
			minimal: scimMinimal, maximal: []string{scimMaximal}, good: []string{scimOfTest},
			bad: append(badConnections("SCIM"), badSCIM()...), edits: append(connectionEdits("SCIM"), scimEdits()...),
		},
		{
			name: "SAMLConnection", plural: "samlconnections",
			minimal: samlMinimal, maximal: []string{samlMaximal, samlByMetadata}, good: []string{samlMapped, samlUnmapped},
			bad: append(badConnections("SAML"), badSAML()...), edits: append(connectionEdits("SAML"), samlEdits()...),
		},
		{
			name: "OIDCConnection", plural: "oidcconnections",
			minimal: oidcMinimal, maximal: []string{oidcMaximal}, good: []string{oidcLonger, oidcTemplate},
			bad: append(badConnections("OIDC"), badOIDC()...), edits: append(connectionEdits("OIDC"), oidcEdits()...),
		},
		{
			name: "ExternalConnection", plural: "externalconnections",
			minimal: externalMinimal, maximal: []string{externalMaximal, externalByRef}, good: []string{externalOfOIDC, externalOfTest},
			bad: append(badConnections("External"), badExternal()...), edits: append(connectionEdits("External"), externalEdits()...),
		},
	}
}

func (k kind) least(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	return k.named(t, k.minimal, "minimal")
}

// most is the first of the maximal manifests, or the one of that number.
func (k kind) most(t *testing.T, n int) *unstructured.Unstructured {
	t.Helper()
	return k.named(t, k.maximal[n], "maximal"+strings.Repeat("-other", n))
}

// naming is the first maximal manifest that names a field of the schema, with the field's path in it; nil where none does.
func (k kind) naming(t *testing.T, path string) (object *unstructured.Unstructured, at string) {
	t.Helper()
	for n := range k.maximal {
		object := k.most(t, n)
		if all := places(object, path); len(all) > 0 {
			return object, all[0]
		}
	}
	return nil, ""
}

func (k kind) named(t *testing.T, text, name string) *unstructured.Unstructured {
	t.Helper()
	object := manifest(t, text)
	object.SetKind(k.name)
	if k.name == string(v1alpha1.ClusterProject) {
		object.SetNamespace("")
	}
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
  memberSessionRef: {name: stytch, key: jwt}
  baseURL: https://login.example.com:8443/
  rateLimit: {requestsPerSecond: 1000, burst: 1}
  organizations: [organization-test-22222222-2222-4222-8222-222222222222]
`

const clusterProjectMaximal = `
spec:
  projectID: project-test-11111111-1111-4111-8111-111111111111
  secretRef: {name: stytch, key: secret}
  baseURL: https://login.example.com:8443/
  rateLimit: {requestsPerSecond: 1000, burst: 1}
  grants:
  - namespaces: [acme, acme-2]
    organizations: [organization-test-22222222-2222-4222-8222-222222222222, organization-test-22222222-2222-4222-8222-222222222222]
    sources: [organization-live-33333333-3333-4333-8333-333333333333]
    kinds: [SAMLConnection, OIDCConnection, ExternalConnection, SCIMConnection]
    roles: [stytch_member, editor]
    deletion: Retain
  - namespaceSelector:
      matchLabels: {team: acme, acme.example.com/team: ""}
      matchExpressions:
      - {key: tier, operator: In, values: [gold, ""]}
      - {key: acme.example.com/tier, operator: NotIn, values: [iron]}
      - {key: team, operator: Exists}
      - {key: old, operator: DoesNotExist}
    trustNamespaceLabels: true
    organizations: ["*"]
    sources: ["*"]
`

const clusterProjectOfAll = `
spec:
  projectID: project-live-1
  secretRef: {name: stytch, key: secret}
  grants: [{namespaces: ["*"], organizations: ["*"], roles: []}]
`

const scimMinimal = `
spec:
  organization: acme
  bearerToken: {secretName: acme-scim}
`

const scimMaximal = `
spec:
  projectRef: {kind: StytchProject, name: live}
  organization: organization-live-22222222-2222-4222-8222-222222222222
  connectionID: scim-connection-live-33333333-3333-4333-8333-333333333333
  management: Observe
  deletionPolicy: Delete
  adoptionPolicy: Matching
  resyncInterval: 1m
  displayName: Acme – Okta
  identityProvider: microsoft-entra
  groupImplicitRoles:
    - {groupID: scim-group-live-1, role: editor}
    - {groupID: scim-group-live-1, role: viewer}
    - {groupID: scim-group-test-2, role: editor}
    - {groupName: Engineering, role: editor}
    - {groupName: Engineering, role: viewer}
    - {groupName: scim-group-live-1, role: editor}
  bearerToken:
    secretName: acme.scim-1
    rotation: {renewBefore: 43800h, completion: Automatic, overlap: 1m}
    secretTemplate: {labels: {email: a, team: ""}, annotations: {email: a, reflector.v1.k8s.emberstack.com/reflection-allowed: "true"}}
`

const scimOfTest = `
spec:
  organization: acme
  connectionID: scim-connection-test-1
  bearerToken: {secretName: acme-scim, rotation: {renewBefore: 1h}}
`

const samlMinimal = `
spec:
  organization: Acme_1~x.y-z
`

const samlMaximal = `
spec:
  projectRef: {kind: StytchProject, name: live}
  organization: organization-live-22222222-2222-4222-8222-222222222222
  connectionID: saml-connection-live-33333333-3333-4333-8333-333333333333
  management: Paused
  deletionPolicy: Retain
  adoptionPolicy: ByID
  resyncInterval: 1h30m0.5s
  displayName: Acme – Okta
  identityProvider: okta
  idpEntityID: http://www.okta.com/exk1
  idpSSOURL: https://acme.okta.com/app/sso/saml
  verificationCertificates:
    - {pem: a}
    - {pem: b}
    - {secretKeyRef: {name: idp, key: tls.crt}}
    - {configMapKeyRef: {name: idp, key: tls.crt}}
    - {secretKeyRef: {name: idp, key: next.crt}}
  attributeMapping: {email: NameID, full_name: displayName, groups: groups, idp_user_id: ""}
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
  signingPrivateKeyRef: {name: acme-saml-keys, key: signing.pem}
  encryptionPrivateKeyRefs:
    - {name: acme-saml-keys, key: encryption-1.pem}
    - {name: acme-saml-keys, key: encryption-2.pem}
    - {name: other-saml-keys, key: encryption-1.pem}
    - {name: acme.saml.keys, key: a}
    - {name: "1", key: a}
  detailsConfigMapName: acme.saml-1
  detailsTemplate: {labels: {email: a, team: A_1.b-c}, annotations: {email: a}}
`

const samlByMetadata = `
spec:
  organization: acme
  metadataURL: https://acme.okta.com/app/exk1/sso/saml/metadata?a=b#c
  attributeMapping: {email: NameID, first_name: givenName, last_name: surname}
  signingPrivateKeyRef: {name: acme-saml-keys, key: signing.pem}
  encryptionPrivateKeyRefs: []
`

// A mapping without groups does where no group is given a role.
const samlMapped = `
spec:
  organization: acme
  attributeMapping: {email: NameID}
  groupImplicitRoles: []
`

// A mapping that is kept elsewhere may have groups.
const samlUnmapped = `
spec:
  organization: acme
  connectionID: saml-connection-test-1
  groupImplicitRoles: [{group: engineering, role: editor}]
`

const oidcMinimal = `
spec:
  organization: acme
`

const oidcMaximal = `
spec:
  projectRef: {kind: StytchProject, name: live}
  organization: organization-live-22222222-2222-4222-8222-222222222222
  connectionID: oidc-connection-live-33333333-3333-4333-8333-333333333333
  management: Manage
  deletionPolicy: Delete
  adoptionPolicy: Matching
  resyncInterval: 90s
  displayName: Acme – Entra ID
  identityProvider: microsoft-entra
  clientID: 55555555-5555-4555-8555-555555555555
  clientSecretRef: {name: acme-oidc, key: client-secret}
  issuer: https://login.microsoftonline.com/44444444-4444-4444-8444-444444444444/v2.0
  authorizationURL: https://login.microsoftonline.com/44444444-4444-4444-8444-444444444444/oauth2/v2.0/authorize?prompt=login
  tokenURL: https://login.microsoftonline.com:443/44444444-4444-4444-8444-444444444444/oauth2/v2.0/token
  userinfoURL: https://graph.microsoft.com/oidc/userinfo
  jwksURL: https://login.microsoftonline.com/44444444-4444-4444-8444-444444444444/discovery/v2.0/keys
  customScopes: [offline_access, "https://graph.microsoft.com/User.Read", "!#$&'()*+,-./:;<=>?@[]^_{|}~", openid]
  attributeMapping: {department: department, employee_id: ""}
  detailsConfigMapName: acme.oidc-1
  detailsTemplate: {labels: {email: a, team: "1"}, annotations: {email: a, a: "ä\n"}}
`

// Lists as long as they may be, and an issuer that is a host alone.
var oidcLonger = `
spec:
  organization: acme
  connectionID: oidc-connection-test-1
  issuer: https://a
  customScopes: [openid, ` + strings.Join(numbers(49), ", ") + `]
  attributeMapping: {` + strings.Join(numbers(64), ": a, ") + `: a}
`

// Templates with as many labels and annotations as there may be, and keys and values as long as they may be.
var oidcTemplate = `
spec:
  organization: acme
  detailsConfigMapName: acme-oidc
  detailsTemplate:
    labels: {` + strings.Join(numbers(31), ": a, ") + `: a, ` + longestKey + `: ` + long(63) + `}
    annotations: {` + strings.Join(numbers(31), ": a, ") + `: a, ` + longestKey + `: ` + long(4096) + `}
`

// longestKey is the longest key of a label.
var longestKey = long(253) + "/" + long(63)

const externalMinimal = `
spec:
  organization: partner
  source:
    organizationID: organization-live-1
    connectionID: oidc-connection-live-1
`

const externalMaximal = `
spec:
  projectRef: {kind: StytchProject, name: live}
  organization: organization-live-22222222-2222-4222-8222-222222222222
  connectionID: external-connection-live-33333333-3333-4333-8333-333333333333
  management: Manage
  deletionPolicy: Delete
  adoptionPolicy: Matching
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

const externalByRef = `
spec:
  organization: partner
  sourceRef: {kind: SAMLConnection, name: acme.okta-1}
  implicitRoles: [editor]
  groupImplicitRoles: [{group: engineering, role: editor}]
`

// Empty lists give no role.
const externalOfOIDC = `
spec:
  organization: partner
  sourceRef: {kind: OIDCConnection, name: acme}
  implicitRoles: []
  groupImplicitRoles: []
`

const externalOfTest = `
spec:
  organization: partner
  connectionID: external-connection-test-1
  source: {organizationID: organization-test-1, connectionID: saml-connection-test-1}
`

// numbers are so many strings that differ, as YAML has them.
func numbers(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("n%d", i))
	}
	return all
}
