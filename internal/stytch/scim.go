package stytch

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
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

const (
	pageSize = "1000" // groups on it, as many as Stytch allows
	maxPages = 100    // of one listing that are believed
)

// SCIMGroups returns the groups that the identity provider pushed to a SCIM
// connection, ordered by name and then by ID, by a listing begun at or after
// since (GET /v1/b2b/scim/{organization_id}/connection/{connection_id}, all its
// pages). Names need not be unique. A listing that stops between two pages is
// begun anew by whoever asks next.
func (c *Caller) SCIMGroups(ctx context.Context, organizationID, connectionID string, since time.Time) ([]SCIMGroup, error) {
	op := call{operation: "ListSCIMGroups", method: http.MethodGet, path: scimPath(organizationID, connectionID), limit: maxListAnswer}
	o := c.session.groups(organizationID, connectionID)
	seen, err := read(ctx, c, o, op.operation, groupsKey(organizationID, connectionID), since, func(ctx context.Context) ([]SCIMGroup, error) {
		return c.groups(ctx, op)
	})
	return seen.value, err
}

// groups reads page after page. The caller has the turn for the first.
func (c *Caller) groups(ctx context.Context, op call) ([]SCIMGroup, error) {
	var all []SCIMGroup
	for cursor, n := "", 1; ; n++ {
		r, request, err := c.page(ctx, op, cursor)
		if err != nil {
			return nil, err
		}
		for _, g := range r.Groups {
			if g.ID == "" {
				return nil, incompleteError(request, "a group's ID")
			}
			all = append(all, SCIMGroup(g))
		}
		switch next := r.NextCursor; {
		case next == "":
			return uniqueGroups(all), nil
		case next == cursor || n == maxPages:
			return nil, &Error{Request: request, Class: Unavailable, Message: "the pages do not end"}
		default:
			cursor = next
		}
	}
}

// page reads the page after a cursor; the one after none is the first.
func (c *Caller) page(ctx context.Context, op call, cursor string) (groupsReply, Request, error) {
	op.query = url.Values{"limit": {pageSize}}
	if cursor != "" {
		op.query.Set("cursor", cursor)
		if err := c.turn(ctx, op.operation, c.uid); err != nil {
			return groupsReply{}, Request{}, err
		}
	}
	return do[groupsReply](ctx, c.session.account, op)
}

// orderedGroups has each group once: one that was pushed between two pages may
// have moved another onto both.
func uniqueGroups(all []SCIMGroup) []SCIMGroup {
	once := map[string]SCIMGroup{}
	for _, g := range all {
		once[g.ID] = g
	}
	return slices.SortedFunc(maps.Values(once), func(a, b SCIMGroup) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
}

func groupsKey(organizationID, connectionID string) string {
	return organizationID + " " + connectionID
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
		err = incompleteError(request, "the next token")
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
