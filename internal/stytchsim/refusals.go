package stytchsim

import (
	"errors"
	"fmt"
	"net/http"
)

// A refusal is an error answer of the API: what a rule says when it is broken.
type refusal struct {
	status    int
	errorType string
	message   string
}

// Error is the refusal as it would be logged.
func (r *refusal) Error() string {
	return fmt.Sprintf("%d %s: %s", r.status, r.errorType, r.message)
}

// refuse makes the refusal of an error_type, with the status that belongs to it.
func refuse(errorType, format string, args ...any) error {
	return &refusal{statusOf(errorType), errorType, fmt.Sprintf(format, args...)}
}

// refuseWith is refuse for the few types whose status is a switch.
func refuseWith(status int, errorType, format string, args ...any) error {
	return &refusal{status, errorType, fmt.Sprintf(format, args...)}
}

// asRefusal is any error as an answer; one that no rule made is a fault of the
// simulator itself.
func asRefusal(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return &refusal{http.StatusInternalServerError, "internal_server_error", err.Error()}
}

// statusOf is the HTTP status of an error_type.
//
// Conflicts, duplicates and everything else a caller did wrong are 400 at
// Stytch, never 409 (docs: errors/400; active_scim_connection_exists is listed
// there). The exceptions are below, with how each is known.
func statusOf(errorType string) int {
	switch errorType {
	case "unauthorized_credentials": // docs: errors/401, and the example in openapi
		return http.StatusUnauthorized
	case "session_authorization_error", // docs: errors/403
		"session_authorization_tenancy_error": // docs: errors/403
		return http.StatusForbidden
	case "organization_not_found", // live
		"route_not_found",                      // live
		"session_not_found",                    // docs: guides/rbac/authorization-checks
		"project_not_found",                    // inferred
		"sso_connection_not_found",             // inferred from errors/404
		"saml_connection_not_found",            // inferred from errors/404
		"oidc_connection_not_found",            // inferred from errors/404
		"no_active_scim_connection",            // inferred; switch absent-scim has 400
		"sso_verification_key_not_found",       // inferred
		"sso_encryption_private_key_not_found": // inferred
		return http.StatusNotFound
	case "method_not_allowed": // docs: errors/405
		return http.StatusMethodNotAllowed
	case "too_many_requests": // docs: errors/429, and the example in openapi
		return http.StatusTooManyRequests
	case "internal_server_error": // docs: errors/500, and the example in openapi
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// errorURL is where an answer sends its reader: to the error's own heading.
//
// Source: live, for the errors of an operation of the B2B API and for
// route_not_found, which is an error of every API. That the other errors of every
// API are like it follows openapi, whose examples of them have that page.
func errorURL(status int, errorType string) string {
	api := "b2b/api"
	switch errorType {
	case "unauthorized_credentials", "route_not_found", "method_not_allowed", "too_many_requests", "internal_server_error":
		api = "api"
	}
	return fmt.Sprintf("https://stytch.com/docs/%s/errors/%d#%s", api, status, errorType)
}
