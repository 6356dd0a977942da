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
				return nil, incompleteError(request, "a group ID")
			}
			all = append(all, SCIMGroup(g))
		}
		switch next := r.NextCursor; {
		case next == "":
			return uniqueGroups(all), nil
		case next == cursor || n == maxPages:
			return nil, &Error{Request: request, Class: Unavailable, Message: "the list has too many pages, or a page refers to itself"}
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
