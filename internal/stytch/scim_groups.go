package stytch

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxPage  = 1000 // elements; the largest page that Stytch allows
	maxPages = 100  // read for one list
)

// SCIMGroups returns the groups that the identity provider pushed to a SCIM
// connection (GET /v1/b2b/scim/{organization_id}/connection/{connection_id}, all
// pages), ordered by name and then by ID. Names need not be unique. The list was
// requested at or after since. A list that fails between two pages starts again
// at the first page with the next read.
func (c *Caller) SCIMGroups(ctx context.Context, organizationID, connectionID string, since time.Time) ([]SCIMGroup, error) {
	op := call{operation: "ListSCIMGroups", method: http.MethodGet, path: scimPath(organizationID, connectionID), organization: organizationID}
	o := c.session.groups(organizationID, connectionID)
	seen, err := read(ctx, c, o, op, groupsKey(organizationID, connectionID), since, func(ctx context.Context) ([]SCIMGroup, error) {
		return c.groups(ctx, op)
	})
	return seen.value, err
}

// groups reads all pages. The turn of the first call has been taken already.
func (c *Caller) groups(ctx context.Context, op call) ([]SCIMGroup, error) {
	op.list = &listSize{most: maxGroups, kind: "groups"}
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
			all = append(all, g)
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

// page reads the page at cursor; "" is the first page.
func (c *Caller) page(ctx context.Context, op call, cursor string) (groupsReply, Request, error) {
	op.query = url.Values{"limit": {strconv.Itoa(maxPage)}}
	if cursor != "" {
		op.query.Set("cursor", cursor)
		if err := c.turn(ctx, op.operation, c.uid, onePlace); err != nil {
			return groupsReply{}, Request{}, err
		}
	}
	return do[groupsReply](ctx, c.session.account, op)
}

// uniqueGroups returns each group once: a group that is pushed between two pages
// may move another one onto both.
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
