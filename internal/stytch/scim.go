package stytch

import (
	"context"
	"net/http"
	"time"
)

const (
	statusDeleted     = "deleted"
	typeRouteNotFound = "route_not_found"
	typeNoProject     = "project_not_found"
)

// SCIM returns the SCIM connection of an organization, if it has one, as a list
// of one or none begun at or after since (GET
// /v1/b2b/scim/{organization_id}/connection).
//
// Which status means that there is none is not documented: the error type
// no_active_scim_connection, a 404 about no organization, an answer without a
// connection and a connection that is called deleted all do.
func (c *Caller) SCIM(ctx context.Context, organizationID string, since time.Time) ([]SCIMConnection, error) {
	const operation = "GetSCIMConnection"
	return list(ctx, c, c.session.scim(organizationID), operation, organizationID, since, func(ctx context.Context) ([]SCIMConnection, error) {
		r, request, err := do[connectionReply[wireSCIM]](ctx, c.session.account, call{
			operation: operation, method: http.MethodGet, path: scimPath(organizationID),
		})
		switch {
		case err != nil && absentSCIM(request):
			return nil, nil
		case err != nil:
			return nil, err
		case r.Connection == nil || r.Connection.Status == statusDeleted:
			return nil, nil
		case r.Connection.ConnectionID == "":
			return nil, incompleteError(request, "a connection ID")
		}
		return []SCIMConnection{r.Connection.connection()}, nil
	})
}

// absentSCIM reports whether a refusal says that there is no SCIM connection.
func absentSCIM(r Request) bool {
	switch r.ErrorType {
	case "no_active_scim_connection", "scim_connection_not_found":
		return refusedStatus(r.StatusCode)
	case "organization_not_found", typeRouteNotFound, typeNoProject:
		return false
	}
	return r.StatusCode == http.StatusNotFound && r.ID != "" // a proxy's 404 is nobody's word
}

// CreateSCIM creates the SCIM connection of an organization (POST
// /v1/b2b/scim/{organization_id}/connection) with display_name and
// identity_provider. The answer holds BearerToken, which is never shown again.
// It is not idempotent: after an Error that is Unknown there may be a connection.
func (c *Caller) CreateSCIM(ctx context.Context, organizationID string, f Fields) (SCIMConnection, Request, error) {
	return c.putSCIM(ctx, organizationID, call{
		operation: "CreateSCIMConnection", method: http.MethodPost, path: scimPath(organizationID), fields: f,
	})
}

// UpdateSCIM changes the fields given: display_name, identity_provider,
// scim_group_implicit_role_assignments (PUT
// /v1/b2b/scim/{organization_id}/connection/{connection_id}).
func (c *Caller) UpdateSCIM(ctx context.Context, organizationID, connectionID string, f Fields) (SCIMConnection, Request, error) {
	return c.putSCIM(ctx, organizationID, call{
		operation: "UpdateSCIMConnection", method: http.MethodPut, path: scimPath(organizationID, connectionID),
		fields: f, connection: connectionID,
	})
}

// DeleteSCIM deletes the SCIM connection with its groups and their roles (DELETE
// /v1/b2b/scim/{organization_id}/connection/{connection_id}). An Error of class
// NotFound or OrganizationNotFound says that it was already gone.
func (c *Caller) DeleteSCIM(ctx context.Context, organizationID, connectionID string) (Request, error) {
	op := call{operation: "DeleteSCIMConnection", method: http.MethodDelete, path: scimPath(organizationID, connectionID)}
	return remove(ctx, c, c.session.scim(organizationID), op, dropSCIM(connectionID))
}

// StartRotation makes the next bearer token (POST
// /v1/b2b/scim/{organization_id}/connection/{connection_id}/rotate/start). The
// answer holds NextBearerToken, which is never shown again; the current token
// stays good. Like a creation it is not idempotent.
func (c *Caller) StartRotation(ctx context.Context, organizationID, connectionID string) (SCIMConnection, Request, error) {
	started, request, err := c.rotate(ctx, "StartSCIMTokenRotation", "start", organizationID, connectionID)
	if err == nil && started.NextBearerToken == "" {
		err = incompleteError(request, "the next bearer token")
	}
	return started, request, err
}

// CompleteRotation makes the next bearer token the only one (POST
// /v1/b2b/scim/{organization_id}/connection/{connection_id}/rotate/complete).
// The error type scim_connection_not_rotating_token says that none is under way.
func (c *Caller) CompleteRotation(ctx context.Context, organizationID, connectionID string) (SCIMConnection, Request, error) {
	return c.rotate(ctx, "CompleteSCIMTokenRotation", "complete", organizationID, connectionID)
}

// CancelRotation throws the next bearer token away (POST
// /v1/b2b/scim/{organization_id}/connection/{connection_id}/rotate/cancel). The
// error type scim_connection_not_rotating_token says that none is under way.
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
	return put[wireSCIM](ctx, c, c.session.scim(organizationID), op, dropSCIM(op.connection), func(_ []SCIMConnection, current SCIMConnection) []SCIMConnection {
		current.BearerToken, current.NextBearerToken = "", "" // for the caller, not for memory
		if current.Status == statusDeleted {
			return nil
		}
		return []SCIMConnection{current}
	})
}

// goneSCIM takes a connection out of the list, and no other that has come since.
func dropSCIM(connectionID string) func([]SCIMConnection, string) []SCIMConnection {
	return func(cached []SCIMConnection, _ string) []SCIMConnection { return without(cached, connectionID) }
}

func scimPath(organizationID string, more ...string) []string {
	return append([]string{"v1", "b2b", "scim", organizationID, "connection"}, more...)
}
