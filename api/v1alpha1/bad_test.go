package v1alpha1_test

import (
	"fmt"
	"strings"
)

const (
	badOrganization   = "organization must be an organization's ID, slug or external ID as Stytch has it: letters, digits and . _ ~ -"
	badConnection     = "connectionID must be the ID of an existing connection as Stytch has it, such as saml-connection-live-..."
	badInterval       = "resyncInterval must be a duration of at least 1m, such as 30m or 1h"
	badGroup          = "groupID must be the ID of a SCIM group as Stytch has it, such as scim-group-live-..."
	badSecretName     = "bearerToken.secretName must be a name that a Secret can have: lower-case letters, digits, - and ., with a letter or digit at both ends and beside each ."
	badMapping        = "attributeMapping must have keys of 1 to 128 and values of at most 256 characters"
	badSSOURL         = "idpSSOURL must begin with https://"
	badSourceOwner    = "source.organizationID must be the ID of an organization as Stytch has it, such as organization-live-..."
	badSourceID       = "source.connectionID must be the ID of a SAML or OIDC connection as Stytch has it, such as saml-connection-live-..."
	badProjectID      = "projectID must be a project's ID as the Stytch dashboard shows it, such as project-live-..."
	badBaseURL        = "baseURL must be https:// and a host, without a path, such as https://test.stytch.com"
	sameOrganization  = "source.organizationID must be another organization than organization"
	noRolesOfOIDC     = "Stytch gives no implicit roles through an OIDC source: remove implicitRoles and groupImplicitRoles, or name a SAML source"
	twiceGroupRole    = "groupImplicitRoles must not hold the same group and role twice"
	twiceCertificate  = "verificationCertificates must not hold the same certificate twice"
	fixedOrganization = "organization is immutable: a connection cannot be moved to another organization; delete this manifest and apply one with another name"
	fixedConnection   = "connectionID is immutable once set: delete this manifest (deletionPolicy Retain leaves the connection as it is) and apply one that names the other connection"
	fixedProjectRef   = "projectRef is immutable: a connection cannot be moved to another project; delete this manifest and apply one with another name"
	fixedSecretName   = "bearerToken.secretName is immutable: the Secret holds the only copy of the token"
	fixedSource       = "source is immutable: an External connection cannot be pointed at another source; delete this manifest and apply one with another name"
	emptiedProjectRef = `spec.projectRef: Invalid value: "null": spec.projectRef in body must be of type object: "null"`
	fixedProjectID    = "projectID is immutable: connections are pinned to their project; create another StytchProject for another project"

	providers = `"classlink", "cyberark", "duo", "generic", "google-workspace", "jumpcloud", "keycloak", "miniorange", "microsoft-entra", "okta", "onelogin", "pingfederate", "rippling", "salesforce", "shibboleth"`
)

// fields are the fields of an object.
type fields = map[string]any

// badConnections are refused for every kind of connection.
func badConnections() []bad {
	return []bad{
		missing("spec"),
		missing("spec.organization"),
		{"spec.organization", "required", nil, `spec.organization: Required value`},
		tooShort("spec.organization", badOrganization),
		tooLong("spec.organization", 128),
		senseless("spec.organization", "acme/../other", badOrganization),
		senseless("spec.organization", "Acme Inc.", badOrganization),
		senseless("spec.organization", ".", badOrganization),
		senseless("spec.organization", "..", badOrganization),

		tooShort("spec.projectRef.name"),
		tooLong("spec.projectRef.name", 253),

		tooShort("spec.connectionID", badConnection),
		tooLong("spec.connectionID", 128),
		senseless("spec.connectionID", "okta", badConnection),
		senseless("spec.connectionID", "saml-connection-live-1/..", badConnection),

		unknown("spec.management", "manage", `"Manage", "Observe", "Paused"`),
		unknown("spec.deletionPolicy", "", `"Retain", "Delete"`),

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
	}
}

func badProjects() []bad {
	return []bad{
		missing("spec"),
		missing("spec.projectID"),
		tooShort("spec.projectID", badProjectID),
		tooLong("spec.projectID", 128),
		senseless("spec.projectID", "organization-live-1", badProjectID),
		senseless("spec.projectID", "project-live-1/..", badProjectID),

		missing("spec.secretRef"),
		missing("spec.secretRef.name"),
		tooShort("spec.secretRef.name"),
		tooLong("spec.secretRef.name", 253),
		missing("spec.secretRef.key"),
		tooShort("spec.secretRef.key"),
		tooLong("spec.secretRef.key", 253),

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
	}
}

func badSCIM() []bad {
	return []bad{
		unknown("spec.identityProvider", "Okta", providers),

		tooMany("spec.groupImplicitRoles", 100, func(i int) any { return fields{"groupID": "scim-group-live-1", "role": fmt.Sprint(i)} }),
		senseless("spec.groupImplicitRoles[2]", fields{"groupID": "scim-group-live-1", "role": "editor"}, twiceGroupRole),
		missing("spec.groupImplicitRoles[0].groupID"),
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
	}
}

func badSAML() []bad {
	return append(badRoles(),
		unknown("spec.identityProvider", "entra", providers),

		tooShort("spec.idpEntityID"),
		tooLong("spec.idpEntityID", 1024),
		tooShort("spec.idpSSOURL", badSSOURL),
		tooLong("spec.idpSSOURL", 2048),
		senseless("spec.idpSSOURL", "http://acme.okta.com/app/sso/saml", badSSOURL),

		bad{"spec.verificationCertificates", "minItems", []any{}, `spec.verificationCertificates: Invalid value: 0: spec.verificationCertificates in body should have at least 1 items`},
		tooMany("spec.verificationCertificates", 5, func(i int) any { return fields{"pem": fmt.Sprint(i)} }),
		senseless("spec.verificationCertificates[4]", fields{"pem": "a"}, twiceCertificate),
		missing("spec.verificationCertificates[0].pem"),
		tooShort("spec.verificationCertificates[0].pem"),
		tooLong("spec.verificationCertificates[0].pem", 16384),

		bad{"spec.attributeMapping", "minProperties", fields{}, `spec.attributeMapping: Invalid value: 0: spec.attributeMapping in body should have at least 1 properties`},
		bad{"spec.attributeMapping", "maxProperties", manyFields(65), `spec.attributeMapping: Too many: 65: must have at most 64 items`},
		senseless("spec.attributeMapping", fields{"": "NameID"}, badMapping),
		senseless("spec.attributeMapping", fields{long(129): "NameID"}, badMapping),
		senseless("spec.attributeMapping", fields{"email": long(257)}, badMapping),

		tooLong("spec.nameIDFormat", 256),
		tooLong("spec.alternativeAudienceURI", 2048),
		tooLong("spec.alternativeACSURL", 2048),
		unknown("spec.idpInitiatedAuth", "true", `"Enabled", "Disabled"`),
		unknown("spec.gatewayCallback", "Enabled", `"Allowed", "Denied"`),
	)
}

func badExternal() []bad {
	oidc := fields{"organizationID": "organization-live-1", "connectionID": "oidc-connection-live-1"}
	return append(badRoles(),
		missing("spec.source"),
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
	)
}

// badRoles are refused where roles are given to members and to groups by name.
func badRoles() []bad {
	return []bad{
		tooMany("spec.implicitRoles", 100, func(i int) any { return fmt.Sprint(i) }),
		{"spec.implicitRoles[1]", "set", "editor", `spec.implicitRoles[1]: Duplicate value: "editor"`},
		tooShort("spec.implicitRoles[0]"),
		tooLong("spec.implicitRoles[0]", 128),

		tooMany("spec.groupImplicitRoles", 100, func(i int) any { return fields{"group": "a", "role": fmt.Sprint(i)} }),
		senseless("spec.groupImplicitRoles[2]", fields{"group": "engineering", "role": "editor"}, twiceGroupRole),
		missing("spec.groupImplicitRoles[0].group"),
		tooShort("spec.groupImplicitRoles[0].group"),
		tooLong("spec.groupImplicitRoles[0].group", 256),
		missing("spec.groupImplicitRoles[0].role"),
		tooShort("spec.groupImplicitRoles[0].role"),
		tooLong("spec.groupImplicitRoles[0].role", 128),
	}
}

// connectionEdits are tried on every kind of connection.
func connectionEdits() []edit {
	return []edit{
		fixed("spec.organization", "organization-live-1", fixedOrganization),

		fixed("spec.connectionID", "saml-connection-live-1", fixedConnection),
		fixed("spec.connectionID", absent{}, fixedConnection),
		fixed("spec.connectionID", nil, fixedConnection),
		{minimal: true, at: "spec.connectionID", value: "saml-connection-live-1"},

		fixed("spec.projectRef", absent{}, fixedProjectRef),
		fixed("spec.projectRef", nil, fixedProjectRef),
		{at: "spec.projectRef", value: fields{}, want: "spec: Invalid value: " + fixedProjectRef, applied: emptiedProjectRef},
		fixed("spec.projectRef.name", "default", fixedProjectRef),
		{at: "spec.projectRef.name", value: absent{}, want: "spec: Invalid value: " + fixedProjectRef, applied: emptiedProjectRef},
		fixed("spec.projectRef.name", nil, fixedProjectRef),
		{minimal: true, at: "spec.projectRef", value: fields{"name": "live"}, want: "spec: Invalid value: " + fixedProjectRef},
		{minimal: true, at: "spec.projectRef", value: fields{"name": "default"}},
		{minimal: true, at: "spec.projectRef", value: fields{}},

		{at: "spec.displayName", value: "Other"},
		{at: "spec.displayName", value: absent{}},
		{at: "spec.resyncInterval", value: nil},
		{at: "spec.management", value: "Manage"},
		{at: "spec.deletionPolicy", value: absent{}},
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
	}
}

func externalEdits() []edit {
	return []edit{
		fixed("spec.source.connectionID", "saml-connection-live-2", fixedSource),
		fixed("spec.source.organizationID", "organization-live-2", fixedSource),
		{at: "spec.implicitRoles", value: absent{}},
	}
}

// fixed is an edit that is refused.
func fixed(at string, value any, message string) edit {
	return edit{at: at, value: value, want: "spec: Invalid value: " + message}
}

func missing(at string) bad {
	return bad{at, "required", absent{}, at + ": Required value"}
}

// tooShort is an empty string; others are the messages of other rules that it breaks too.
func tooShort(at string, others ...string) bad {
	want := fmt.Sprintf("%s: Invalid value: \"\": %[1]s in body should be at least 1 chars long", at)
	for _, message := range others {
		want = fmt.Sprintf("%s: Invalid value: \"\": %s\n%s", at, message, want)
	}
	return bad{at, "minLength", "", want}
}

func tooLong(at string, limit int) bad {
	return bad{at, "maxLength", long(limit + 1), fmt.Sprintf("%s: Too long: may not be more than %d bytes", at, limit)}
}

func tooMany(at string, limit int, item func(i int) any) bad {
	var items []any
	for i := range limit + 1 {
		items = append(items, item(i))
	}
	return bad{at, "maxItems", items, fmt.Sprintf("%s: Too many: %d: must have at most %d items", at, limit+1, limit)}
}

func tooSmall(at string, limit int64) bad {
	return bad{at, "minimum", limit - 1, fmt.Sprintf("%s: Invalid value: %d: %[1]s in body should be greater than or equal to %[3]d", at, limit-1, limit)}
}

func tooLarge(at string, limit int64) bad {
	return bad{at, "maximum", limit + 1, fmt.Sprintf("%s: Invalid value: %d: %[1]s in body should be less than or equal to %[3]d", at, limit+1, limit)}
}

func unknown(at, value, values string) bad {
	return bad{at, "enum", value, fmt.Sprintf("%s: Unsupported value: %q: supported values: %s", at, value, values)}
}

// senseless breaks a rule that is written in CEL. What is wrong with an item of a list stands at the list; a string is quoted.
func senseless(at string, value any, message string) bad {
	want := strings.TrimRight(at, "[0123456789]") + ": Invalid value: " + message
	if text, isText := value.(string); isText {
		want = fmt.Sprintf("%s: Invalid value: %q: %s", at, text, message)
	}
	return bad{at, message, value, want}
}

// ofSpec breaks a rule about fields that stand side by side in the spec.
func ofSpec(at string, value any, message string) bad {
	return bad{at, message, value, "spec: Invalid value: " + message}
}

func long(n int) string { return strings.Repeat("a", n) }

func manyFields(n int) fields {
	many := fields{}
	for i := range n {
		many[fmt.Sprint(i)] = "x"
	}
	return many
}
