package stytchsim

import (
	"fmt"
	"strings"
)

// apiOperation is an operation of the API.
type apiOperation struct{ name, method, path string }

// apiGroup is the operations of one tag or folder of the API.
type apiGroup struct {
	name       string
	operations []apiOperation
}

// apiGroups are all operations of the API on SSO, SCIM, organizations and RBAC,
// and the one that tells whose the credentials are. Those on members are not in
// it.
//
// Source: openapi 43fe0d6 of February 2026, its paths.
func apiGroups() []apiGroup {
	const (
		sso          = "/v1/b2b/sso"
		scim         = "/v1/b2b/scim/{organization_id}/connection"
		organization = "/v1/b2b/organizations/{organization_id}"
		saml         = sso + "/saml/{organization_id}"
		one          = "/connections/{connection_id}"
	)
	return []apiGroup{
		{"SSO", []apiOperation{
			{"Get connections", "GET", sso + "/{organization_id}"},
			{"Delete connection", "DELETE", sso + "/{organization_id}" + one},
			{"Authenticate", "POST", sso + "/authenticate"},
		}},
		{"SAML", []apiOperation{
			{"Create connection", "POST", saml},
			{"Update connection", "PUT", saml + one},
			{"Update by URL", "PUT", saml + one + "/url"},
			{"Delete verification certificate", "DELETE", saml + one + "/verification_certificates/{certificate_id}"},
			{"Delete encryption private key", "DELETE", saml + one + "/encryption_private_keys/{private_key_id}"},
		}},
		{"OIDC", []apiOperation{
			{"Create connection", "POST", sso + "/oidc/{organization_id}"},
			{"Update connection", "PUT", sso + "/oidc/{organization_id}" + one},
		}},
		{"External", []apiOperation{
			{"Create connection", "POST", sso + "/external/{organization_id}"},
			{"Update connection", "PUT", sso + "/external/{organization_id}" + one},
		}},
		{"SCIM", []apiOperation{
			{"Create", "POST", scim},
			{"Get", "GET", scim},
			{"Update", "PUT", scim + "/{connection_id}"},
			{"Delete", "DELETE", scim + "/{connection_id}"},
			{"Get groups", "GET", scim + "/{connection_id}"},
			{"Rotate start", "POST", scim + "/{connection_id}/rotate/start"},
			{"Rotate complete", "POST", scim + "/{connection_id}/rotate/complete"},
			{"Rotate cancel", "POST", scim + "/{connection_id}/rotate/cancel"},
		}},
		{"Organizations", []apiOperation{
			{"Create", "POST", "/v1/b2b/organizations"},
			{"Get", "GET", organization},
			{"Update", "PUT", organization},
			{"Delete", "DELETE", organization},
			{"Search", "POST", "/v1/b2b/organizations/search"},
			{"Metrics", "GET", organization + "/metrics"},
			{"Connected Apps", "GET", organization + "/connected_apps"},
			{"Get Connected App", "GET", organization + "/connected_apps/{connected_app_id}"},
			{"Delete external ID", "DELETE", organization + "/external_id"},
		}},
		{"RBAC", []apiOperation{
			{"Policy", "GET", "/v1/b2b/rbac/policy"},
			{"Get organization policy", "GET", "/v1/b2b/rbac/organizations/{organization_id}"},
			{"Set organization policy", "PUT", "/v1/b2b/rbac/organizations/{organization_id}"},
		}},
		{"Debug", []apiOperation{
			{"Whoami", "GET", "/v1/debug/whoami"},
		}},
	}
}

// Coverage is a page in Markdown: which operations of the API are simulated, and
// under which name the journal and faults know them.
func Coverage() string {
	simulated := map[string]string{}
	for _, r := range routes() {
		simulated[r.method+" "+r.pattern] = r.operation
	}
	var page strings.Builder
	page.WriteString(coverageHead)
	for _, group := range apiGroups() {
		for _, op := range group.operations {
			as := "not simulated"
			if name := simulated[op.method+" "+op.path]; name != "" {
				as = "`" + name + "`"
			}
			fmt.Fprintf(&page, "| %s | %s | `%s %s` | %s |\n", group.name, op.name, op.method, op.path, as)
		}
	}
	return page.String()
}

const coverageHead = `<!-- Generated from the routes of the simulator: make generate. -->
# What of Stytch's API the simulator has

All operations of the API on SSO, SCIM, organizations and RBAC, and *Whoami*. The operations on members are not in the table, and
the simulator has none of them. Its control endpoints change organizations, groups, members, sessions and roles.

| group | operation | request | simulated as |
|---|---|---|---|
`
