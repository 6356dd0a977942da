package stytch

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	statusDeleted     = "deleted"
	typeRouteNotFound = "route_not_found"
	typeNoProject     = "project_not_found"
)

// SCIM returns the SCIM connection of an organization as a list of one, or an
// empty list if there is none (GET /v1/b2b/scim/{organization_id}/connection).
// The list was requested at or after since.
//
// Stytch does not document how it answers that there is none. All of these count:
// the error type no_active_scim_connection, a 404 that is not about the
// organization, a response without a connection, and a connection whose status is
// "deleted".
func (c *Caller) SCIM(ctx context.Context, organizationID string, since time.Time) ([]SCIMConnection, error) {
	op := call{operation: "GetSCIMConnection", method: http.MethodGet, path: scimPath(organizationID), organization: organizationID}
	return list(ctx, c, c.session.scim(organizationID), op, since, func(ctx context.Context) ([]SCIMConnection, error) {
		r, request, err := do[connectionReply[wireSCIM]](ctx, c.session.account, op)
		switch {
		case absentSCIM(err):
			return nil, nil
		case err != nil:
			return nil, err
		case r.Connection == nil || r.Connection.Status == statusDeleted:
			return nil, nil
		}
		c := r.Connection.connection()
		if problem := misplaced(c, organizationID); problem != "" {
			return nil, unusableError(request, problem)
		}
		return []SCIMConnection{c}, nil
	})
}

// absentSCIM reports whether an error says that there is no SCIM connection. One about
// the member's session, which may be a 404 too, does not.
func absentSCIM(err error) bool {
	failed, answered := errors.AsType[*Error](err)
	if !answered || failed.Class == SessionRejected {
		return false
	}
	switch failed.ErrorType {
	case "no_active_scim_connection", "scim_connection_not_found":
		return refusedStatus(failed.StatusCode)
	case "organization_not_found", typeRouteNotFound, typeNoProject:
		return false
	}
	return failed.StatusCode == http.StatusNotFound && failed.ID != "" // a 404 without a request ID may be from a proxy
}

// CreateSCIM creates the SCIM connection of an organization (POST
// /v1/b2b/scim/{organization_id}/connection) with display_name and
// identity_provider. The result has BearerToken, which Stytch never shows again.
// It is not idempotent: after an Error whose Unknown is true the connection may
// exist.
func (c *Caller) CreateSCIM(ctx context.Context, organizationID string, f Fields) (SCIMConnection, Request, error) {
	return c.putSCIM(ctx, organizationID, call{
		operation: "CreateSCIMConnection", method: http.MethodPost, path: scimPath(organizationID), fields: f,
	})
}

// UpdateSCIM changes the given fields: display_name, identity_provider,
// scim_group_implicit_role_assignments (PUT
// /v1/b2b/scim/{organization_id}/connection/{connection_id}).
func (c *Caller) UpdateSCIM(ctx context.Context, organizationID, connectionID string, f Fields) (SCIMConnection, Request, error) {
	return c.putSCIM(ctx, organizationID, call{
		operation: "UpdateSCIMConnection", method: http.MethodPut, path: scimPath(organizationID, connectionID),
		fields: f, connection: connectionID,
	})
}

// DeleteSCIM deletes the SCIM connection with its groups and their role
// assignments (DELETE /v1/b2b/scim/{organization_id}/connection/{connection_id}).
// An Error of class NotFound or OrganizationNotFound means that it did not exist.
func (c *Caller) DeleteSCIM(ctx context.Context, organizationID, connectionID string) (Request, error) {
	op := call{operation: "DeleteSCIMConnection", method: http.MethodDelete, path: scimPath(organizationID, connectionID), organization: organizationID}
	return remove(ctx, c, c.session.scim(organizationID), op, dropSCIM(connectionID))
}

// StartRotation issues the next bearer token (POST
// /v1/b2b/scim/{organization_id}/connection/{connection_id}/rotate/start). The
// result has NextBearerToken, which Stytch never shows again; the current token
// stays valid. Like a create it is not idempotent.
func (c *Caller) StartRotation(ctx context.Context, organizationID, connectionID string) (SCIMConnection, Request, error) {
	started, request, err := c.rotate(ctx, "StartSCIMTokenRotation", "start", organizationID, connectionID)
	if err == nil && started.NextBearerToken == "" {
		err = incompleteError(request, "the next bearer token")
	}
	return started, request, err
}

// CompleteRotation makes the next bearer token the current one and revokes the
// old one (POST
// /v1/b2b/scim/{organization_id}/connection/{connection_id}/rotate/complete). The
// error type scim_connection_not_rotating_token means that no rotation is in
// progress.
func (c *Caller) CompleteRotation(ctx context.Context, organizationID, connectionID string) (SCIMConnection, Request, error) {
	return c.rotate(ctx, "CompleteSCIMTokenRotation", "complete", organizationID, connectionID)
}

// CancelRotation revokes the next bearer token (POST
// /v1/b2b/scim/{organization_id}/connection/{connection_id}/rotate/cancel). The
// error type scim_connection_not_rotating_token means that no rotation is in
// progress.
func (c *Caller) CancelRotation(ctx context.Context, organizationID, connectionID string) (SCIMConnection, Request, error) {
	return c.rotate(ctx, "CancelSCIMTokenRotation", "cancel", organizationID, connectionID)
}

func (c *Caller) rotate(ctx context.Context, operation, step, organizationID, connectionID string) (SCIMConnection, Request, error) {
	return c.putSCIM(ctx, organizationID, call{
		operation: operation, method: http.MethodPost, path: scimPath(organizationID, connectionID, "rotate", step),
		connection: connectionID,
	})
}

func (c *Caller) putSCIM(ctx context.Context, organizationID string, op call) (SCIMConnection, Request, error) {
	op.organization = organizationID
	return put[wireSCIM](ctx, c, c.session.scim(organizationID), op, dropSCIM(op.connection), func(_ []SCIMConnection, current SCIMConnection) []SCIMConnection {
		current.BearerToken, current.NextBearerToken = "", "" // returned to the caller only, never cached
		if current.Status == statusDeleted {
			return nil
		}
		return []SCIMConnection{current}
	})
}

// dropSCIM removes the connection with that ID from the list, but not one that
// was created since.
func dropSCIM(connectionID string) func([]SCIMConnection, string) []SCIMConnection {
	return func(cached []SCIMConnection, _ string) []SCIMConnection { return without(cached, connectionID) }
}

func scimPath(organizationID string, more ...string) []string {
	return append([]string{"v1", "b2b", "scim", organizationID, "connection"}, more...)
}
