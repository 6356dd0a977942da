package v1alpha1_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

const (
	badOrganization     = "organization must be the ID, slug or external ID of an organization in Stytch: only letters, digits and . _ ~ - | are allowed"
	badDisplayName      = "displayName must not end like the provisional name of a connection that is being created, such as [new 0a1b2c3d]"
	badInterval         = "resyncInterval must be a duration of at least 1m, such as 30m or 1h"
	badGroup            = "groupID must be the ID of a SCIM group in Stytch, such as scim-group-live-..."
	badSecretName       = "bearerToken.secretName must be a valid name of a Secret: " + namesAreOf
	badRenewBefore      = "renewBefore must be a duration from 1h to 43800h, such as 720h"
	badOverlap          = "overlap must be a duration from 1m to 43800h, such as 72h"
	badSecret           = "name must be a valid name of a Secret: " + namesAreOf
	badConfigMap        = "name must be a valid name of a ConfigMap: " + namesAreOf
	badDetails          = "detailsConfigMapName must be a valid name of a ConfigMap: " + namesAreOf
	badSourceName       = "sourceRef.name must be a valid name of an object: " + namesAreOf
	namesAreOf          = "lower-case letters, digits, - and ., where each part between dots starts and ends with a letter or digit"
	badMapping          = "attributeMapping must have keys of 1 to 128 characters"
	badSourceOwner      = "source.organizationID must be the ID of an organization in Stytch, such as organization-live-..."
	badSourceID         = "source.connectionID must be the ID of a SAML or OIDC connection in Stytch, such as saml-connection-live-..."
	badScope            = "customScopes must contain only printable ASCII characters, without spaces, percent signs, double quotes and backslashes"
	noOpenID            = "customScopes must include openid, because they replace the default scopes of Stytch, which are openid email profile"
	badIssuer           = "issuer must not include /.well-known/openid-configuration, which Stytch appends"
	badProjectID        = "projectID must be the ID of a project, as the Stytch dashboard shows it, such as project-live-..."
	badBaseURL          = "baseURL must consist of https:// and a host, without a path, such as https://test.stytch.com"
	sameOrganization    = "source.organizationID must not be the same as organization"
	noRolesOfOIDC       = "Stytch does not assign implicit roles through an OIDC source: remove implicitRoles and groupImplicitRoles, or use a SAML source"
	oneGroup            = "exactly one of groupID and groupName must be set"
	oneCertificate      = "exactly one of the fields in [pem secretKeyRef configMapKeyRef] must be set"
	oneSource           = "exactly one of source and sourceRef must be set"
	eitherMetadata      = "metadataURL provides idpEntityID, idpSSOURL and verificationCertificates: set either metadataURL or the other fields"
	unmappedGroups      = "groupImplicitRoles needs groups in attributeMapping: set it to the attribute of the assertion that contains the groups of a member"
	twiceKey            = "encryptionPrivateKeyRefs must not contain the same reference twice"
	twiceGroupRole      = "groupImplicitRoles must not contain the same group and role twice"
	twiceCertificate    = "verificationCertificates must not contain the same certificate twice"
	overlapOfAutomatic  = "overlap must be set if completion is Automatic, and must not be set otherwise"
	longOverlap         = "overlap must be shorter than renewBefore: otherwise the current token expires before the overlap is over"
	fixedOrganization   = "organization is immutable: to use another organization, delete this manifest and apply a new one with another name"
	fixedConnection     = "connectionID is immutable once set: delete this manifest (deletionPolicy: Retain keeps the connection) and apply a new one with the other connectionID"
	fixedProjectRef     = "projectRef is immutable: to use another project, delete this manifest and apply a new one with another name"
	fixedSecretName     = "bearerToken.secretName is immutable: the Secret contains the only copy of the token"
	fixedSource         = "source is immutable: to use another source, delete this manifest and apply a new one with another name"
	fixedSourceRef      = "sourceRef is immutable: to use another source, delete this manifest and apply a new one with another name"
	badLabelKey         = "a key of labels " + keysAreOf
	badAnnotationKey    = "a key of annotations " + keysAreOf
	keysAreOf           = "must consist of a name of at most 63 characters, and optionally a DNS subdomain of at most 253 characters and / before it, as Kubernetes requires"
	notOurLabels        = "labels " + notTracked
	notOurAnnotations   = "annotations " + notTracked
	notTracked          = "must not have keys of stytch-operator.dev, and none by which Argo CD, Flux or kubectl track objects"
	badLabel            = "the value of a label must contain only letters, digits, - _ and ., and must start and end with a letter or digit"
	badAnnotation       = "annotations must have values of at most 4096 characters"
	fixedProjectID      = "projectID is immutable: create another object for another project"
	notFull             = "organization " + notFullID
	sourceNotFull       = "source.organizationID " + notFullID
	notFullID           = "must be the full ID of an organization, such as organization-live-11111111-1111-4111-8111-111111111111, if projectRef references a ClusterStytchProject"
	eitherNamespaces    = "exactly one of namespaces and namespaceSelector must be set"
	untrusted           = "trustNamespaceLabels must be true if namespaceSelector is set, and must not be set otherwise: whoever can label a namespace can give it this grant"
	emptySelector       = "namespaceSelector must not be empty: to select all namespaces, set namespaces to * instead"
	oddValues           = "values must be set if operator is In or NotIn, and must not be set otherwise"
	notAllNamespaces    = "* stands for all namespaces: it must be the only entry"
	notAllOrganizations = "* stands for all organizations: it must be the only entry"
	twiceKind           = "kinds must not contain the same kind twice"
	ofNothing           = "detailsTemplate needs detailsConfigMapName, the ConfigMap that it is for: set detailsConfigMapName, or remove detailsTemplate"
	secretAsSession     = "memberSessionRef and secretRef must not name the same key: the secret of the project is not a session"

	// What is said of strings that are compared exactly, of names of groups, of keys in a Secret, and of URLs that may be empty.
	exact    = "must not start or end with white space or invisible characters, and must not contain control characters"
	ofGroups = "must not contain control characters, such as tabs and line breaks"
	ofKeys   = "must contain only letters, digits, - _ and ."
	ofURLs   = `must not contain white space, invisible characters, control characters, <, > or "`

	// Patterns of what grants have.
	ofRoles      = `^([^\p{Z}\p{C}]([^\p{Cc}]*[^\p{Z}\p{C}])?)?$`
	ofFullIDs    = `^organization-(live|test)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`
	ofGranted    = `^([*]|organization-(live|test)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`
	ofNamespaces = `^([*]|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$`
	ofLabelKeys  = `^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
	ofLabels     = `^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$`

	providers = `"classlink", "cyberark", "duo", "generic", "google-workspace", "jumpcloud", "keycloak", "miniorange", "microsoft-entra", "okta", "onelogin", "pingfederate", "rippling", "salesforce", "shibboleth"`
)

// fields are the fields of an object.
type fields = map[string]any

// badConnections are refused for every kind of connection, here one of those that Stytch calls a SAML connection or the like.
func badConnections(kind string) []bad {
	all := []bad{
		missing("spec"),
		missing("spec.organization"),
		{at: "spec.organization", breaks: "required", value: nil, want: `spec.organization: Required value`},
		tooShort("spec.organization", badOrganization),
		tooLong("spec.organization", 128),
		senseless("spec.organization", "acme/../other", badOrganization),
		senseless("spec.organization", "Acme Inc.", badOrganization),
		senseless("spec.organization", ".", badOrganization),
		senseless("spec.organization", "..", badOrganization),

		tooShort("spec.projectRef.name"),
		tooLong("spec.projectRef.name", 253),
		unlike("spec.projectRef.name", exact, "default "),
		unknown("spec.projectRef.kind", "Project", `"StytchProject", "ClusterStytchProject"`),

		tooShortOf("spec.connectionID", badConnection(kind)),
		tooLong("spec.connectionID", 128),
		ofSpec("spec.connectionID", "okta", badConnection(kind)),
		ofSpec("spec.connectionID", connectionIDs[kind]+"/..", badConnection(kind)),
		ofSpec("spec.connectionID", "x"+connectionIDs[kind], badConnection(kind)),
		ofSpec("spec.connectionID", strings.ToUpper(connectionIDs[kind]), badConnection(kind)),

		unknown("spec.management", "manage", `"Manage", "Observe", "Paused"`),
		unknown("spec.deletionPolicy", "", `"Retain", "Delete"`),
		unknown("spec.adoptionPolicy", "", `"ByID", "Matching"`),

		tooLong("spec.resyncInterval", 32),
		senseless("spec.resyncInterval", "", badInterval),
		senseless("spec.resyncInterval", "soon", badInterval),
		senseless("spec.resyncInterval", "10", badInterval),
		senseless("spec.resyncInterval", "1d", badInterval),
		senseless("spec.resyncInterval", "-10m", badInterval),
		senseless("spec.resyncInterval", "59.999s", badInterval),
		senseless("spec.resyncInterval", "999999h999999h999999h", badInterval),

		tooShort("spec.displayName"),
		tooLong("spec.displayName", 255),
		senseless("spec.displayName", "Acme [new 0a1b2c3d]", badDisplayName),
	}
	all = append(all, inexact("spec.displayName")...)
	for other, id := range connectionIDs {
		if other != kind {
			all = append(all, ofSpec("spec.connectionID", id, badConnection(kind)))
		}
	}
	return all
}

// connectionIDs of each kind of connection, as Stytch makes them.
var connectionIDs = map[string]string{
	"SCIM": "scim-connection-live-1", "SAML": "saml-connection-live-1", "OIDC": "oidc-connection-live-1", "External": "external-connection-live-1",
}

func badConnection(kind string) string {
	return fmt.Sprintf("connectionID must be the ID of an existing %s connection in Stytch, such as %s-connection-live-...", kind, strings.ToLower(kind))
}

// badTemplate are labels and annotations that are refused, and that a Secret or ConfigMap could not have or must not get.
func badTemplate(at string) []bad {
	labels, annotations := at+".labels", at+".annotations"
	all := []bad{
		{at: labels, breaks: "maxProperties", value: manyFields(33), want: labels + `: Too many: 33: must have at most 32 items`},
		{at: annotations, breaks: "maxProperties", value: manyFields(33), want: annotations + `: Too many: 33: must have at most 32 items`},
		tooLong(labels+".team", 63),
		senseless(annotations, fields{"team": long(4097)}, badAnnotation),
	}
	for _, value := range []string{"a b", "-a", "a-", "ä", "a/b", "a\n"} {
		all = append(all, senseless(labels+".team", value, badLabel).atKey())
	}
	for _, key := range []string{
		"", "a b", "-a", "a-", "ä", "a/", "/a", "a/b/c", "Acme.dev/a", "acme..dev/a", "-acme/a", "acme_dev/a", "a\n",
		long(64), "acme.dev/" + long(64), long(254) + "/a",
	} {
		all = append(all, senseless(labels, fields{key: "x"}, badLabelKey), senseless(annotations, fields{key: "x"}, badAnnotationKey))
	}
	for _, key := range append(v1alpha1.KeysNotInTemplates(),
		v1alpha1.LabelConnection, v1alpha1.AnnotationTemplateKeys, "stytch-operator.dev/x", "other.stytch-operator.dev/x") {
		all = append(all, senseless(labels, fields{key: "x"}, notOurLabels), senseless(annotations, fields{key: "x"}, notOurAnnotations))
	}
	return all
}

// badKeyRef are references to a key of a Secret or a ConfigMap that are refused.
func badKeyRef(at, badName string) []bad {
	return []bad{
		missing(at + ".name"),
		tooShort(at+".name", badName),
		tooLong(at+".name", 253),
		senseless(at+".name", "Acme", badName),
		senseless(at+".name", "other/acme", badName),
		senseless(at+".name", "..", badName),
		missing(at + ".key"),
		tooShort(at + ".key"),
		tooLong(at+".key", 253),
		unlike(at+".key", ofKeys, "tls.crt "),
		unlike(at+".key", ofKeys, "tls.crt\n"),
	}
}

// inexactValues are refused where a string is compared exactly.
var inexactValues = []string{"a\n", "a\r\n", "a ", " a", "a\u00a0", "\u3000a", "a\u200b", "\ufeffa", "a\u200d", "a\tb", "a\nb", "a\x00b", "a\u0085b", " ", "\n"}

func inexact(at string) []bad {
	var all []bad
	for _, value := range inexactValues {
		all = append(all, unlike(at, exact, value))
	}
	return all
}

// badGrantedRoles are refused in a grant, whose lists are too long for rules.
func badGrantedRoles(at string) []bad {
	var all []bad
	for _, value := range inexactValues {
		all = append(all, unmatched(at, ofRoles, value))
	}
	return all
}

// badURL are URLs that are refused.
func badURL(at string) []bad {
	message := fmt.Sprintf("%s must start with https:// and a host, and must not contain white space, invisible characters, control characters, <, > or \"", strings.TrimPrefix(at, "spec."))
	return []bad{
		tooShort(at, message),
		tooLong(at, 2048),
		senseless(at, "http://acme.okta.com", message),
		senseless(at, "acme.okta.com", message),
		senseless(at, "https://", message),
		senseless(at, "https:///sso", message),
		senseless(at, "https://acme.okta.com ", message),
		senseless(at, "https://acme.okta.com/sso\n", message),
		senseless(at, "https://acme.okta.com/sso\u00a0", message),
		senseless(at, "https://acme.okta.com/s\u200bso", message),
		senseless(at, "\ufeffhttps://acme.okta.com/sso", message),
		senseless(at, "https://\u200bacme.okta.com/sso", message),
		senseless(at, "<https://acme.okta.com/sso>", message),
		senseless(at, "https://acme.okta.com/sso>", message),
		senseless(at, `https://acme.okta.com/sso"`, message),
		senseless(at, "https://<tenant>/sso", message),
	}
}

func badProjects() []bad {
	return append(badKeyRef("spec.secretRef", badSecret),
		missing("spec"),
		missing("spec.projectID"),
		tooShort("spec.projectID", badProjectID),
		tooLong("spec.projectID", 128),
		senseless("spec.projectID", "organization-live-1", badProjectID),
		senseless("spec.projectID", "project-live-1/..", badProjectID),

		missing("spec.secretRef"),

		tooShort("spec.baseURL", badBaseURL),
		tooLong("spec.baseURL", 253),
		senseless("spec.baseURL", "login.example.com", badBaseURL),
		senseless("spec.baseURL", "ftp://login.example.com", badBaseURL),
		senseless("spec.baseURL", "https://login.example.com/v1", badBaseURL),
		senseless("spec.baseURL", "https://user:password@login.example.com", badBaseURL),
		senseless("spec.baseURL", "https://login.example.com?a=b", badBaseURL),

		missing("spec.rateLimit.requestsPerSecond"),
		tooSmall("spec.rateLimit.requestsPerSecond", 1),
		tooLarge("spec.rateLimit.requestsPerSecond", 1000),
		missing("spec.rateLimit.burst"),
		tooSmall("spec.rateLimit.burst", 1),
		tooLarge("spec.rateLimit.burst", 1000),
	)
}

// badOfNamespaced are refused of a StytchProject alone.
func badOfNamespaced() []bad {
	return append(slices.Concat(badOrganizationIDs("spec.organizations", ofFullIDs), badKeyRef("spec.memberSessionRef", badSecret)),
		unmatched("spec.organizations[0]", ofFullIDs, "*"),
		ofSpec("spec.memberSessionRef", fields{"name": "stytch", "key": "secret"}, secretAsSession),
	)
}

func sessionEdits() []edit {
	return []edit{{at: "spec.memberSessionRef.key", value: "token"}, {at: "spec.memberSessionRef", value: absent{}}}
}

// badOrganizationIDs are refused in a list of organizations.
func badOrganizationIDs(at, pattern string) []bad {
	first := at + "[0]"
	return []bad{
		tooFew(at),
		tooMany(at, 1000, func(i int) any { return fmt.Sprintf("organization-test-22222222-2222-4222-8222-%012d", i) }),
		unmatched(first, pattern, ""),
		unmatched(first, pattern, "acme"),
		unmatched(first, pattern, "organization-live-1"),
		unmatched(first, pattern, "organization-live-22222222-2222-4222-8222-22222222222G"),
		unmatched(first, pattern, "organization-live-22222222-2222-4222-8222-222222222222\n"),
		unmatched(first, pattern, "organization-prod-22222222-2222-4222-8222-222222222222"),
		tooLong(first, 64),
	}
}

func badGrants() []bad {
	const grant, other = "spec.grants[0]", "spec.grants[1]"
	const labels, expressions = other + ".namespaceSelector.matchLabels", other + ".namespaceSelector.matchExpressions"
	all := [][]bad{
		badOrganizationIDs(grant+".organizations", ofGranted), badOrganizationIDs(grant+".sources", ofGranted), badGrantedRoles(grant + ".roles[0]"), badSelector(labels, expressions),
	}
	return append(slices.Concat(all...),
		tooMany("spec.grants", 64, func(int) any { return fields{"namespaces": []any{"*"}, "organizations": []any{"*"}} }),
		breaking(grant, grant+".namespaces", absent{}, eitherNamespaces),
		breaking(other, other+".namespaces", []any{"acme"}, eitherNamespaces).in(0),
		breaking(grant, grant+".trustNamespaceLabels", true, untrusted).in(0),
		breaking(other, other+".trustNamespaceLabels", absent{}, untrusted),
		breaking(other, other+".trustNamespaceLabels", false, untrusted),
		senseless(other+".namespaceSelector", fields{}, emptySelector),

		tooFew(grant+".namespaces"),
		tooMany(grant+".namespaces", 100, func(i int) any { return fmt.Sprint(i) }),
		tooLong(grant+".namespaces[0]", 63),
		unmatched(grant+".namespaces[0]", ofNamespaces, ""),
		unmatched(grant+".namespaces[0]", ofNamespaces, "acme*"),
		unmatched(grant+".namespaces[0]", ofNamespaces, "acme.example"),
		breaking(grant+".namespaces", grant+".namespaces[0]", "*", notAllNamespaces),
		missing(grant+".organizations"),
		breaking(grant+".organizations", grant+".organizations[0]", "*", notAllOrganizations),
		senseless(grant+".sources", []any{"*", "*"}, notAllOrganizations),
		tooFew(grant+".kinds"),
		bad{
			at: grant + ".kinds", breaks: "maxItems", value: []any{"SAMLConnection", "SAMLConnection", "SAMLConnection", "SAMLConnection", "SAMLConnection"},
			want: grant + ".kinds: Too many: 5: must have at most 4 items",
		},
		breaking(grant+".kinds", grant+".kinds[1]", "SAMLConnection", twiceKind),
		unknown(grant+".kinds[0]", "StytchProject", `"ExternalConnection", "OIDCConnection", "SAMLConnection", "SCIMConnection"`),
		tooMany(grant+".roles", 100, func(i int) any { return fmt.Sprint(i) }),
		tooShort(grant+".roles[0]"),
		tooLong(grant+".roles[0]", 128),
		unknown(grant+".deletion", "Delete", `"Retain"`),
	)
}

// badSelector is refused in a selector of namespaces.
func badSelector(labels, expressions string) []bad {
	return []bad{
		{at: labels, breaks: "minProperties", value: fields{}, want: labels + ": Invalid value: 0: " + labels + " in body should have at least 1 properties"},
		{at: labels, breaks: "maxProperties", value: manyFields(17), want: labels + ": Too many: 17: must have at most 16 items"},
		tooFew(expressions),
		tooMany(expressions, 16, func(int) any { return fields{"key": "team", "operator": "Exists"} }),
		missing(expressions + "[0].key"),
		tooLong(expressions+"[0].key", 317),
		tooShort(expressions + "[0].key"),
		unmatched(expressions+"[0].key", ofLabelKeys, "a b"),
		missing(expressions + "[2].operator"),
		unknown(expressions+"[0].operator", "Equals", `"In", "NotIn", "Exists", "DoesNotExist"`),
		breaking(expressions+"[0]", expressions+"[0].values", absent{}, oddValues),
		breaking(expressions+"[2]", expressions+"[2].values", []any{"a"}, oddValues).in(0),
		tooFew(expressions + "[0].values"),
		tooMany(expressions+"[0].values", 32, func(i int) any { return fmt.Sprint(i) }),
		tooLong(expressions+"[0].values[0]", 63),
		unmatched(expressions+"[0].values[0]", ofLabels, "a b"),
		tooLong(labels+".team", 63),
		unmatched(labels+".team", ofLabels, "a b"),
	}
}

// breaking breaks a rule of CEL that stands at one place of the schema, by what is put at another one.
func breaking(where, at string, value any, message string) bad {
	return bad{at: at, breaks: message, value: value, want: where + ": Invalid value: " + message}
}

// tooFew is an empty list where there has to be an item.
func tooFew(at string) bad {
	return bad{at: at, breaks: "minItems", value: []any{}, want: fmt.Sprintf("%s: Invalid value: 0: %[1]s in body should have at least 1 items", at)}
}

func badSCIM() []bad {
	return slices.Concat(inexact("spec.groupImplicitRoles[0].role"), badTemplate("spec.bearerToken.secretTemplate"), []bad{
		unknown("spec.identityProvider", "Okta", providers),

		tooMany("spec.groupImplicitRoles", 100, func(i int) any { return fields{"groupID": "scim-group-live-1", "role": fmt.Sprint(i)} }),
		senseless("spec.groupImplicitRoles[2]", fields{"groupID": "scim-group-live-1", "role": "editor"}, twiceGroupRole),
		senseless("spec.groupImplicitRoles[4]", fields{"groupName": "Engineering", "role": "editor"}, twiceGroupRole),
		ofItem("spec.groupImplicitRoles[0]", fields{"role": "editor"}, oneGroup),
		ofItem("spec.groupImplicitRoles[0]", fields{"groupID": "scim-group-live-1", "groupName": "Engineering", "role": "editor"}, oneGroup),
		tooShort("spec.groupImplicitRoles[3].groupName"),
		tooLong("spec.groupImplicitRoles[3].groupName", 1024),
		unlike("spec.groupImplicitRoles[3].groupName", ofGroups, "Ops\n"),
		unlike("spec.groupImplicitRoles[3].groupName", ofGroups, "\tOps"),
		tooShort("spec.groupImplicitRoles[0].groupID", badGroup),
		tooLong("spec.groupImplicitRoles[0].groupID", 128),
		senseless("spec.groupImplicitRoles[0].groupID", "Engineering", badGroup),
		missing("spec.groupImplicitRoles[0].role"),
		tooShort("spec.groupImplicitRoles[0].role"),
		tooLong("spec.groupImplicitRoles[0].role", 128),

		missing("spec.bearerToken"),
		missing("spec.bearerToken.secretName"),
		tooShort("spec.bearerToken.secretName", badSecretName),
		tooLong("spec.bearerToken.secretName", 253),
		senseless("spec.bearerToken.secretName", "Acme", badSecretName),
		senseless("spec.bearerToken.secretName", "acme..scim", badSecretName),
		senseless("spec.bearerToken.secretName", "other/acme-scim", badSecretName),

		{at: "spec.bearerToken.rotation", breaks: "minProperties", value: fields{}, want: `spec.bearerToken.rotation: Invalid value: 0: spec.bearerToken.rotation in body should have at least 1 properties`},
		unknown("spec.bearerToken.rotation.completion", "automatic", `"Acknowledged", "Automatic"`),
		tooLong("spec.bearerToken.rotation.renewBefore", 32),
		senseless("spec.bearerToken.rotation.renewBefore", "30d", badRenewBefore),
		senseless("spec.bearerToken.rotation.renewBefore", "43801h", badRenewBefore),
		senseless("spec.bearerToken.rotation.renewBefore", "59m59s", badRenewBefore),
		tooLong("spec.bearerToken.rotation.overlap", 32),
		senseless("spec.bearerToken.rotation.overlap", "3 days", badOverlap),
		senseless("spec.bearerToken.rotation.overlap", "59s", badOverlap),
		senseless("spec.bearerToken.rotation.overlap", "43801h", badOverlap).and("spec.bearerToken.rotation: Invalid value: " + longOverlap),
		ofRotation("spec.bearerToken.rotation.overlap", absent{}, overlapOfAutomatic),
		ofRotation("spec.bearerToken.rotation.completion", absent{}, overlapOfAutomatic),
		ofRotation("spec.bearerToken.rotation.completion", "Acknowledged", overlapOfAutomatic),
		ofRotation("spec.bearerToken.rotation.overlap", "43800h", longOverlap),
	})
}

// and is a bad manifest of which one more thing is said.
func (b bad) and(said string) bad {
	b.want += "\n" + said
	return b
}

// atKey is a bad value of a map, of which a rule of CEL says the key in brackets.
func (b bad) atKey() bad {
	dot := strings.LastIndex(b.at, ".")
	b.want = strings.ReplaceAll(b.want, b.at+":", b.at[:dot]+"["+b.at[dot+1:]+"]:")
	return b
}

// ofRotation breaks a rule about fields that stand side by side in the rotation.
func ofRotation(at string, value any, message string) bad {
	return bad{at: at, breaks: message, value: value, want: "spec.bearerToken.rotation: Invalid value: " + message}
}

func badSAML() []bad {
	return append(slices.Concat(
		badRoles(),
		inexact("spec.idpEntityID"),
		inexact("spec.nameIDFormat"),
		inexact("spec.alternativeAudienceURI"),
		inexact("spec.attributeMapping.email"),
		badURL("spec.idpSSOURL"),
		badURL("spec.metadataURL"),
		badKeyRef("spec.verificationCertificates[2].secretKeyRef", badSecret),
		badKeyRef("spec.verificationCertificates[3].configMapKeyRef", badConfigMap),
		badKeyRef("spec.signingPrivateKeyRef", badSecret),
		badKeyRef("spec.encryptionPrivateKeyRefs[0]", badSecret),
		badDetailsName(),
		badTemplate("spec.detailsTemplate"),
	),
		unknown("spec.identityProvider", "entra", providers),

		tooShort("spec.idpEntityID"),
		tooLong("spec.idpEntityID", 1024),

		ofSpec("spec.idpEntityID", "http://www.okta.com/exk1", eitherMetadata).in(1),
		ofSpec("spec.idpSSOURL", "https://acme.okta.com/app/sso/saml", eitherMetadata).in(1),
		ofSpec("spec.verificationCertificates", []any{fields{"pem": "a"}}, eitherMetadata).in(1),

		bad{at: "spec.verificationCertificates", breaks: "minItems", value: []any{}, want: `spec.verificationCertificates: Invalid value: 0: spec.verificationCertificates in body should have at least 1 items`},
		tooMany("spec.verificationCertificates", 5, func(i int) any { return fields{"pem": fmt.Sprint(i)} }),
		senseless("spec.verificationCertificates[4]", fields{"pem": "a"}, twiceCertificate),
		senseless("spec.verificationCertificates[4]", fields{"secretKeyRef": fields{"name": "idp", "key": "tls.crt"}}, twiceCertificate),
		ofItem("spec.verificationCertificates[0]", fields{}, oneCertificate),
		ofItem("spec.verificationCertificates[0]", fields{"pem": "z", "secretKeyRef": fields{"name": "idp", "key": "z"}}, oneCertificate),
		ofItem("spec.verificationCertificates[0]", fields{"pem": "z", "configMapKeyRef": fields{"name": "idp", "key": "z"}}, oneCertificate),
		tooShort("spec.verificationCertificates[0].pem"),
		tooLong("spec.verificationCertificates[0].pem", 16384),

		bad{
			at: "spec.attributeMapping", breaks: "minProperties", value: fields{},
			want: "spec.attributeMapping: Invalid value: 0: spec.attributeMapping in body should have at least 1 properties\nspec: Invalid value: " + unmappedGroups,
		},
		bad{at: "spec.attributeMapping", breaks: "maxProperties", value: manyFields(65), want: `spec.attributeMapping: Too many: 65: must have at most 64 items`},
		senseless("spec.attributeMapping", fields{"groups": "groups", "": "NameID"}, badMapping),
		senseless("spec.attributeMapping", fields{"groups": "groups", long(129): "NameID"}, badMapping),
		tooLong("spec.attributeMapping.email", 256),
		ofSpec("spec.attributeMapping", fields{"email": "NameID"}, unmappedGroups),
		ofSpec("spec.attributeMapping.groups", "", unmappedGroups),
		ofSpec("spec.groupImplicitRoles", []any{fields{"group": "a", "role": "editor"}}, unmappedGroups).in(1),

		tooMany("spec.encryptionPrivateKeyRefs", 5, func(i int) any { return fields{"name": "a", "key": fmt.Sprint(i)} }),
		senseless("spec.encryptionPrivateKeyRefs[1]", fields{"name": "acme-saml-keys", "key": "encryption-1.pem"}, twiceKey),

		tooLong("spec.nameIDFormat", 256),
		tooLong("spec.alternativeAudienceURI", 2048),
		tooLong("spec.alternativeACSURL", 2048),
		unlike("spec.alternativeACSURL", ofURLs, "https://acme.example.com/acs "),
		unlike("spec.alternativeACSURL", ofURLs, "https://acme.example.com/acs\n"),
		unlike("spec.alternativeACSURL", ofURLs, "https://acme.example.com/a\u200bcs"),
		unlike("spec.alternativeACSURL", ofURLs, "<https://acme.example.com/acs>"),
		unlike("spec.alternativeACSURL", ofURLs, `https://acme.example.com/acs"`),
		unknown("spec.idpInitiatedAuth", "true", `"Enabled", "Disabled"`),
		unknown("spec.gatewayCallback", "Enabled", `"Allowed", "Denied"`),
	)
}

func badDetailsName() []bad {
	return []bad{
		tooShort("spec.detailsConfigMapName", badDetails),
		tooLong("spec.detailsConfigMapName", 253),
		senseless("spec.detailsConfigMapName", "Acme", badDetails),
		senseless("spec.detailsConfigMapName", "acme..saml", badDetails),
		senseless("spec.detailsConfigMapName", "other/acme-saml", badDetails),
		ofSpec("spec.detailsConfigMapName", absent{}, ofNothing),
		ofSpec("spec.detailsConfigMapName", nil, ofNothing),
	}
}

func badOIDC() []bad {
	all := slices.Concat(
		badKeyRef("spec.clientSecretRef", badSecret),
		inexact("spec.clientID"),
		inexact("spec.attributeMapping.department"),
		badURL("spec.issuer"),
		badURL("spec.authorizationURL"),
		badURL("spec.tokenURL"),
		badURL("spec.userinfoURL"),
		badURL("spec.jwksURL"),
		badDetailsName(),
		badTemplate("spec.detailsTemplate"),
	)
	for _, scope := range []string{"openid profile", "a%20b", "a\tb", "a\n", `a"`, `a\`, "ä", "a\x7f"} {
		all = append(all, senseless("spec.customScopes[0]", scope, badScope))
	}
	return append(all,
		unknown("spec.identityProvider", "entra", providers),

		tooShort("spec.clientID"),
		tooLong("spec.clientID", 512),
		senseless("spec.issuer", "https://acme.okta.com/.well-known/openid-configuration", badIssuer),

		tooMany("spec.customScopes", 50, func(i int) any { return fmt.Sprint(i) }),
		bad{at: "spec.customScopes[1]", breaks: "set", value: "offline_access", want: `spec.customScopes[1]: Duplicate value: "offline_access"`},
		senseless("spec.customScopes", []any{"profile", "groups"}, noOpenID),
		senseless("spec.customScopes", []any{"OpenID"}, noOpenID),
		tooShort("spec.customScopes[0]", badScope),
		tooLong("spec.customScopes[0]", 256),

		bad{at: "spec.attributeMapping", breaks: "maxProperties", value: manyFields(65), want: `spec.attributeMapping: Too many: 65: must have at most 64 items`},
		senseless("spec.attributeMapping", fields{"": "department"}, badMapping),
		senseless("spec.attributeMapping", fields{long(129): "department"}, badMapping),
		tooLong("spec.attributeMapping.department", 256),
	)
}

func badExternal() []bad {
	oidc := fields{"organizationID": "organization-live-1", "connectionID": "oidc-connection-live-1"}
	return append(badRoles(),
		ofSpec("spec.source", absent{}, oneSource),
		ofSpec("spec.sourceRef", absent{}, oneSource),
		ofSpec("spec.sourceRef", fields{"kind": "SAMLConnection", "name": "acme"}, oneSource).in(0),
		missing("spec.source.organizationID"),
		tooShort("spec.source.organizationID", badSourceOwner),
		tooLong("spec.source.organizationID", 128),
		senseless("spec.source.organizationID", "acme", badSourceOwner),
		missing("spec.source.connectionID"),
		tooShort("spec.source.connectionID", badSourceID),
		tooLong("spec.source.connectionID", 128),
		senseless("spec.source.connectionID", "external-connection-live-1", badSourceID),
		senseless("spec.source.connectionID", "scim-connection-live-1", badSourceID),
		ofSpec("spec.source.organizationID", "organization-live-22222222-2222-4222-8222-222222222222", sameOrganization),
		ofSpec("spec.source", oidc, noRolesOfOIDC),
		ofSpec("spec.sourceRef.kind", "OIDCConnection", noRolesOfOIDC),

		missing("spec.sourceRef.kind"),
		unknown("spec.sourceRef.kind", "ExternalConnection", `"SAMLConnection", "OIDCConnection"`),
		missing("spec.sourceRef.name"),
		tooShort("spec.sourceRef.name", badSourceName),
		tooLong("spec.sourceRef.name", 253),
		senseless("spec.sourceRef.name", "Acme", badSourceName),
		senseless("spec.sourceRef.name", "other/acme", badSourceName),
	)
}

// badRoles are refused where roles are given to members and to groups by name.
func badRoles() []bad {
	return append(slices.Concat(inexact("spec.implicitRoles[0]"), inexact("spec.groupImplicitRoles[0].role")),
		tooMany("spec.implicitRoles", 100, func(i int) any { return fmt.Sprint(i) }),
		bad{at: "spec.implicitRoles[1]", breaks: "set", value: "editor", want: `spec.implicitRoles[1]: Duplicate value: "editor"`},
		tooShort("spec.implicitRoles[0]"),
		tooLong("spec.implicitRoles[0]", 128),

		tooMany("spec.groupImplicitRoles", 100, func(i int) any { return fields{"group": "a", "role": fmt.Sprint(i)} }),
		senseless("spec.groupImplicitRoles[2]", fields{"group": "engineering", "role": "editor"}, twiceGroupRole),
		missing("spec.groupImplicitRoles[0].group"),
		tooShort("spec.groupImplicitRoles[0].group"),
		tooLong("spec.groupImplicitRoles[0].group", 1024),
		unlike("spec.groupImplicitRoles[0].group", ofGroups, "Ops\n"),
		unlike("spec.groupImplicitRoles[0].group", ofGroups, "O\x00ps"),
		missing("spec.groupImplicitRoles[0].role"),
		tooShort("spec.groupImplicitRoles[0].role"),
		tooLong("spec.groupImplicitRoles[0].role", 128),
	)
}

// connectionEdits are tried on every kind of connection.
func connectionEdits(kind string) []edit {
	toCluster := []string{notFull, fixedProjectRef}
	if kind == "External" {
		toCluster = append(toCluster, sourceNotFull)
	}
	return []edit{
		fixed("spec.organization", "organization-live-1", fixedOrganization),

		fixed("spec.connectionID", connectionIDs[kind], fixedConnection),
		fixed("spec.connectionID", absent{}, fixedConnection),
		fixed("spec.connectionID", nil, fixedConnection),
		{minimal: true, at: "spec.connectionID", value: connectionIDs[kind]},

		fixed("spec.projectRef", absent{}, fixedProjectRef),
		fixed("spec.projectRef", nil, fixedProjectRef),
		{at: "spec.projectRef", value: fields{}, want: "spec: Invalid value: " + fixedProjectRef, applied: isNull("spec.projectRef")},
		fixed("spec.projectRef.name", "default", fixedProjectRef),
		fixed("spec.projectRef.name", absent{}, fixedProjectRef),
		fixed("spec.projectRef.name", nil, fixedProjectRef),
		{minimal: true, at: "spec.projectRef", value: fields{"name": "live"}, want: "spec: Invalid value: " + fixedProjectRef},
		{minimal: true, at: "spec.projectRef", value: fields{"name": "default"}},
		{minimal: true, at: "spec.projectRef", value: fields{}},
		{minimal: true, at: "spec.projectRef", value: fields{"kind": "StytchProject"}},
		{minimal: true, at: "spec.projectRef", value: fields{"kind": "StytchProject", "name": "default"}},
		{at: "spec.projectRef.kind", value: absent{}},
		{at: "spec.projectRef.kind", value: nil},
		fixed("spec.projectRef.kind", "ClusterStytchProject", fixedProjectRef),
		fixed("spec.projectRef", fields{"kind": "ClusterStytchProject"}, toCluster...).ofMinimal(),

		{at: "spec.displayName", value: "Other"},
		{at: "spec.displayName", value: absent{}},
		{at: "spec.resyncInterval", value: nil},
		{at: "spec.management", value: "Manage"},
		{at: "spec.deletionPolicy", value: absent{}},
		{at: "spec.adoptionPolicy", value: absent{}},
		{minimal: true, at: "spec.adoptionPolicy", value: "Matching"},
	}
}

func projectEdits() []edit {
	return []edit{
		fixed("spec.projectID", "project-live-1", fixedProjectID),
		{at: "spec.secretRef.name", value: "other"},
		{at: "spec.rateLimit", value: nil},
		{at: "spec.baseURL", value: absent{}},
	}
}

func scimEdits() []edit {
	return []edit{
		fixed("spec.bearerToken.secretName", "other", fixedSecretName),
		{at: "spec.groupImplicitRoles", value: absent{}},
		{at: "spec.groupImplicitRoles", value: []any{}},
		{at: "spec.bearerToken.rotation", value: absent{}},
		{at: "spec.bearerToken.secretTemplate", value: absent{}},
		{at: "spec.bearerToken.secretTemplate.labels", value: fields{"other": "x"}},
		{minimal: true, at: "spec.bearerToken.secretTemplate", value: fields{"labels": fields{}, "annotations": fields{}}},
		{minimal: true, at: "spec.bearerToken.rotation", value: fields{"completion": "Acknowledged"}},
		{minimal: true, at: "spec.bearerToken.rotation", value: fields{"completion": "Automatic", "overlap": "43800h"}},
	}
}

func samlEdits() []edit {
	return []edit{
		// From what the metadata gives to the metadata, and back.
		{minimal: true, at: "spec.metadataURL", value: "https://acme.okta.com/metadata"},
		{other: 1, at: "spec.metadataURL", value: "https://acme.okta.com/metadata"},
		{other: 1, at: "spec", value: fields{"organization": "acme", "idpEntityID": "http://www.okta.com/exk1"}},

		{at: "spec.verificationCertificates", value: []any{fields{"configMapKeyRef": fields{"name": "idp", "key": "tls.crt"}}}},
		{at: "spec.signingPrivateKeyRef", value: absent{}},
		{at: "spec.encryptionPrivateKeyRefs", value: absent{}},
		{at: "spec.encryptionPrivateKeyRefs", value: []any{}},
		{at: "spec.detailsConfigMapName", value: "other"},
		fixed("spec.detailsConfigMapName", absent{}, ofNothing),
		{at: "spec.detailsTemplate", value: absent{}},
		fixed("spec.detailsTemplate", fields{}, ofNothing).ofMinimal(),
	}
}

func oidcEdits() []edit {
	return []edit{
		{at: "spec.clientSecretRef", value: absent{}},
		{at: "spec.clientSecretRef.key", value: "next"},
		{at: "spec.issuer", value: "https://acme.okta.com"},
		{at: "spec.tokenURL", value: absent{}},
		{at: "spec.customScopes", value: absent{}},
		{at: "spec.customScopes", value: []any{}},
		{at: "spec.customScopes", value: []any{"groups", "openid"}},
		{at: "spec.attributeMapping", value: fields{}},
		fixed("spec.detailsConfigMapName", absent{}, ofNothing),
		{at: "spec.detailsTemplate", value: absent{}},
	}
}

func externalEdits() []edit {
	byID := fields{"organizationID": "organization-live-1", "connectionID": "saml-connection-live-1"}
	byRef := fields{"kind": "SAMLConnection", "name": "acme"}
	return []edit{
		fixed("spec", fields{"organization": "partner", "sourceRef": byRef}, fixedSource).ofMinimal(),
		fixed("spec", fields{"organization": "partner", "source": nil, "sourceRef": byRef}, fixedSource).ofMinimal().whenApplied(isNull("spec.source")),
		fixed("spec", fields{"organization": "partner", "source": byID}, fixedSource).ofOther(),
		fixed("spec", fields{"organization": "partner", "source": byID, "sourceRef": nil}, fixedSource).ofOther().whenApplied(isNull("spec.sourceRef")),
		fixed("spec.sourceRef.name", "other", fixedSourceRef).ofOther(),
		fixed("spec.sourceRef", fields{"kind": "OIDCConnection", "name": "acme.okta-1"}, noRolesOfOIDC, fixedSourceRef).ofOther(),
		fixed("spec.sourceRef", byRef, oneSource),
		fixed("spec.source", byID, oneSource, fixedSource).ofOther(),
		fixed("spec.source", absent{}, oneSource, fixedSource),
		fixed("spec.source", nil, oneSource, fixedSource),
		fixed("spec.sourceRef", absent{}, oneSource).ofOther(),
		fixed("spec.sourceRef", nil, oneSource).ofOther(),
		{other: 1, at: "spec.implicitRoles", value: absent{}},

		fixed("spec.source.connectionID", "saml-connection-live-2", fixedSource),
		fixed("spec.source.organizationID", "organization-live-2", fixedSource),
		{at: "spec.implicitRoles", value: absent{}},
	}
}

// fixed is an edit that is refused.
func fixed(at string, value any, messages ...string) edit {
	return edit{at: at, value: value, want: "spec: Invalid value: " + strings.Join(messages, "\nspec: Invalid value: ")}
}

func (e edit) ofMinimal() edit {
	e.minimal = true
	return e
}

func (e edit) ofOther() edit {
	e.other = 1
	return e
}

func (e edit) whenApplied(want string) edit {
	e.applied = want
	return e
}

// isNull is what server-side apply says of null where an object may stand.
func isNull(at string) string {
	return fmt.Sprintf(`%s: Invalid value: "null": %[1]s in body must be of type object: "null"`, at)
}

func missing(at string) bad {
	return bad{at: at, breaks: "required", value: absent{}, want: at + ": Required value"}
}

// tooShort is an empty string; others are the messages of other rules that it breaks too.
func tooShort(at string, others ...string) bad {
	var lines []string
	for _, message := range append(others, at+" in body should be at least 1 chars long") {
		lines = append(lines, fmt.Sprintf("%s: Invalid value: \"\": %s", at, message))
	}
	slices.Sort(lines)
	return bad{at: at, breaks: "minLength", value: "", want: strings.Join(lines, "\n")}
}

// tooShortOf is an empty string that breaks a rule of the spec too.
func tooShortOf(at, message string) bad {
	b := tooShort(at)
	b.want += "\nspec: Invalid value: " + message
	return b
}

func tooLong(at string, limit int) bad {
	return bad{at: at, breaks: "maxLength", value: long(limit + 1), want: fmt.Sprintf("%s: Too long: may not be more than %d bytes", at, limit)}
}

// unlike is a string that has characters which it must not have, as a rule says of the field that it is in.
func unlike(at, says, value string) bad {
	if strings.HasPrefix(at, "spec.attributeMapping.") {
		return senseless(at, value, "a value of attributeMapping "+says).atKey()
	}
	field, _, _ := strings.Cut(at[strings.LastIndex(at, ".")+1:], "[")
	return senseless(at, value, field+" "+says)
}

// unmatched is a string that does not match a pattern.
func unmatched(at, pattern, value string) bad {
	return bad{at: at, breaks: "pattern", value: value, want: fmt.Sprintf("%s: Invalid value: %q: %[1]s in body should match '%[3]s'", at, value, pattern)}
}

func tooMany(at string, limit int, item func(i int) any) bad {
	var items []any
	for i := range limit + 1 {
		items = append(items, item(i))
	}
	return bad{at: at, breaks: "maxItems", value: items, want: fmt.Sprintf("%s: Too many: %d: must have at most %d items", at, limit+1, limit)}
}

func tooSmall(at string, limit int64) bad {
	return bad{at: at, breaks: "minimum", value: limit - 1, want: fmt.Sprintf("%s: Invalid value: %d: %[1]s in body should be greater than or equal to %[3]d", at, limit-1, limit)}
}

func tooLarge(at string, limit int64) bad {
	return bad{at: at, breaks: "maximum", value: limit + 1, want: fmt.Sprintf("%s: Invalid value: %d: %[1]s in body should be less than or equal to %[3]d", at, limit+1, limit)}
}

func unknown(at, value, values string) bad {
	return bad{at: at, breaks: "enum", value: value, want: fmt.Sprintf("%s: Unsupported value: %q: supported values: %s", at, value, values)}
}

// senseless breaks a rule that is written in CEL. What is wrong with an item of a list stands at the list; a string is quoted.
func senseless(at string, value any, message string) bad {
	want := strings.TrimRight(at, "[0123456789]") + ": Invalid value: " + message
	if text, isText := value.(string); isText {
		want = fmt.Sprintf("%s: Invalid value: %q: %s", at, text, message)
	}
	return bad{at: at, breaks: message, value: value, want: want}
}

// ofSpec breaks a rule about fields that stand side by side in the spec.
func ofSpec(at string, value any, message string) bad {
	return bad{at: at, breaks: message, value: value, want: "spec: Invalid value: " + message}
}

// ofItem breaks a rule about what stands side by side in one item of a list.
func ofItem(at string, value any, message string) bad {
	return bad{at: at, breaks: message, value: value, want: at + ": Invalid value: " + message}
}

// in puts the field into the maximal manifest of that number, which does not have it.
func (b bad) in(number int) bad {
	b.to, b.adds = number, true
	return b
}

func long(n int) string { return strings.Repeat("a", n) }

func manyFields(n int) fields {
	many := fields{}
	for i := range n {
		many[fmt.Sprint(i)] = "x"
	}
	return many
}
