package stytchsim

import (
	"net/http"
	"slices"
)

// route is an operation of the API: where it is, what its body may have, what it
// does.
type route struct {
	method, pattern string
	operation       string
	body            shapes
	required        []string
	creates         bool   // its success is 200 or 201: switch create-status
	needs           right  // what a member may whose session comes with it; zero where sessions do not count
	providerError   string // what an unknown identity_provider is called
	serve           func(*call) (document, error)
	serveEmpty      func(*call) (document, error) // under FaultEmptyList
}

// routes is the API: the paths and fields of openapi and stytch-go, no more.
func routes() []route {
	return slices.Concat(projectRoutes(), scimRoutes(), ssoRoutes(), samlRoutes(), oidcRoutes(), externalRoutes())
}

func projectRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/debug/whoami", operation: "Whoami", serve: whoami},
		{method: "GET", pattern: "/v1/b2b/organizations/{organization_id}", operation: "GetOrganization", serve: getOrganization},
		{
			method: "POST", pattern: "/v1/b2b/organizations/search", operation: "SearchOrganizations", serve: searchOrganizations, serveEmpty: noOrganizations,
			body: shapes{"cursor": textShape, "limit": numberShape, "query": queryShape},
		},
		{method: "GET", pattern: "/v1/b2b/rbac/policy", operation: "GetRBACPolicy", serve: rbacPolicy},
	}
}

func scimRoutes() []route {
	const (
		organization = "/v1/b2b/scim/{organization_id}/connection"
		connection   = organization + "/{connection_id}"
		unknown      = "invalid_scim_idp"
	)
	named := shapes{"display_name": textShape, "identity_provider": textShape}
	updated := shapes{"display_name": textShape, "identity_provider": textShape, "scim_group_implicit_role_assignments": scimRolesShape}
	return []route{
		{method: "POST", pattern: organization, operation: "CreateSCIMConnection", needs: right{resourceSCIM, "create"}, body: named, creates: true, serve: createSCIM},
		{method: "GET", pattern: organization, operation: "GetSCIMConnection", needs: right{resourceSCIM, "get"}, serve: getSCIM, serveEmpty: absentSCIM},
		{method: "PUT", pattern: connection, operation: "UpdateSCIMConnection", needs: right{resourceSCIM, "update"}, body: updated, providerError: unknown, serve: updateSCIM},
		{method: "DELETE", pattern: connection, operation: "DeleteSCIMConnection", needs: right{resourceSCIM, "delete"}, serve: deleteSCIM},
		{method: "GET", pattern: connection, operation: "ListSCIMGroups", needs: right{resourceSCIM, "get"}, serve: listGroups, serveEmpty: noGroups},
		{method: "POST", pattern: connection + "/rotate/start", operation: "StartSCIMTokenRotation", needs: right{resourceSCIM, "update"}, serve: startRotation},
		{method: "POST", pattern: connection + "/rotate/complete", operation: "CompleteSCIMTokenRotation", needs: right{resourceSCIM, "update"}, serve: completeRotation},
		{method: "POST", pattern: connection + "/rotate/cancel", operation: "CancelSCIMTokenRotation", needs: right{resourceSCIM, "update"}, serve: cancelRotation},
	}
}

func ssoRoutes() []route {
	return []route{
		{method: "GET", pattern: "/v1/b2b/sso/{organization_id}", operation: "ListSSOConnections", needs: right{resourceSSO, "get"}, serve: listSSO, serveEmpty: noSSO},
		{method: "DELETE", pattern: "/v1/b2b/sso/{organization_id}/connections/{connection_id}", operation: "DeleteSSOConnection", needs: right{resourceSSO, "delete"}, serve: deleteSSO},
	}
}

func samlRoutes() []route {
	const (
		organization = "/v1/b2b/sso/saml/{organization_id}"
		connection   = organization + "/connections/{connection_id}"
		unknown      = "invalid_sso_idp"
	)
	return []route{
		{
			method: "POST", pattern: organization, operation: "CreateSAMLConnection", needs: right{resourceSSO, "create"}, creates: true, serve: createSAML,
			body: shapes{"display_name": textShape, "identity_provider": textShape},
		},
		{
			method: "PUT", pattern: connection, operation: "UpdateSAMLConnection", needs: right{resourceSSO, "update"}, providerError: unknown, serve: updateSAML,
			body: shapes{
				"display_name": textShape, "identity_provider": textShape,
				"idp_entity_id": textShape, "idp_sso_url": textShape, "x509_certificate": textShape, "attribute_mapping": mappingShape,
				"saml_connection_implicit_role_assignments": rolesShape,
				"saml_group_implicit_role_assignments":      groupRolesShape,
				"alternative_audience_uri":                  textShape, "alternative_acs_url": textShape, "nameid_format": textShape,
				"signing_private_key": textShape, "saml_encryption_private_key": textShape,
				"idp_initiated_auth_disabled": flagShape, "allow_gateway_callback": flagShape,
			},
		},
		{
			method: "PUT", pattern: connection + "/url", operation: "UpdateSAMLConnectionByURL", needs: right{resourceSSO, "update"}, serve: updateSAMLByURL,
			body: shapes{"metadata_url": textShape}, required: []string{"metadata_url"},
		},
		{method: "DELETE", pattern: connection + "/verification_certificates/{certificate_id}", operation: "DeleteSAMLVerificationCertificate", needs: right{resourceSSO, "update"}, serve: deleteCertificate},
		{method: "DELETE", pattern: connection + "/encryption_private_keys/{private_key_id}", operation: "DeleteSAMLEncryptionPrivateKey", needs: right{resourceSSO, "update"}, serve: deleteEncryptionKey},
	}
}

func oidcRoutes() []route {
	const organization = "/v1/b2b/sso/oidc/{organization_id}"
	return []route{
		{
			method: "POST", pattern: organization, operation: "CreateOIDCConnection", needs: right{resourceSSO, "create"}, creates: true, serve: createOIDC,
			body: shapes{"display_name": textShape, "identity_provider": textShape},
		},
		{
			method: "PUT", pattern: organization + "/connections/{connection_id}", operation: "UpdateOIDCConnection", needs: right{resourceSSO, "update"},
			providerError: "invalid_sso_idp", serve: updateOIDC,
			body: shapes{
				"display_name": textShape, "identity_provider": textShape, "client_id": textShape, "client_secret": textShape, "issuer": textShape,
				"authorization_url": textShape, "token_url": textShape, "userinfo_url": textShape, "jwks_url": textShape,
				"custom_scopes": textShape, "attribute_mapping": mappingShape,
			},
		},
	}
}

func externalRoutes() []route {
	const organization = "/v1/b2b/sso/external/{organization_id}"
	return []route{
		{
			method: "POST", pattern: organization, operation: "CreateExternalConnection", needs: right{resourceSSO, "create"}, creates: true, serve: createExternal,
			body: shapes{
				"display_name": textShape, "external_organization_id": textShape, "external_connection_id": textShape,
				"connection_implicit_role_assignments": rolesShape, "group_implicit_role_assignments": groupRolesShape,
			},
			required: []string{"external_organization_id", "external_connection_id"},
		},
		{
			method: "PUT", pattern: organization + "/connections/{connection_id}", operation: "UpdateExternalConnection", needs: right{resourceSSO, "update"}, serve: updateExternal,
			body: shapes{
				"display_name": textShape,
				"external_connection_implicit_role_assignments": rolesShape,
				"external_group_implicit_role_assignments":      groupRolesShape,
			},
		},
	}
}

// routeNotFound is every path that is no operation.
//
// Source: live, its status, type and message.
func routeNotFound() route {
	return refusing("route_not_found", "The route provided is not supported.")
}

// methodNotAllowed is the path of an operation with a method that it does not
// have (docs: errors/405).
func methodNotAllowed() route {
	return refusing("method_not_allowed", "The method is not allowed for this path.")
}

func refusing(errorType, message string) route {
	return route{serve: func(*call) (document, error) { return nil, refuse(errorType, "%s", message) }}
}

// everythingElse is the pattern of what is no operation.
const everythingElse = "/"

// handler is the API as a tree of patterns: each operation, and everything else.
func (s *Sim) handler() http.Handler {
	operations := http.NewServeMux()
	for _, r := range routes() {
		operations.HandleFunc(r.method+" "+r.pattern, s.serve(r))
	}
	operations.HandleFunc(everythingElse, func(w http.ResponseWriter, r *http.Request) {
		if hasOtherMethod(operations, r) {
			s.serve(methodNotAllowed())(w, r)
			return
		}
		s.serve(routeNotFound())(w, r)
	})
	return operations
}

// hasOtherMethod is whether the path is that of an operation with another method.
func hasOtherMethod(operations *http.ServeMux, r *http.Request) bool {
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		other := *r
		other.Method = method
		if _, pattern := operations.Handler(&other); pattern != everythingElse {
			return true
		}
	}
	return false
}
