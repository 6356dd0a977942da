package stytch

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// maxOrganizations is the most organizations of a project.
const maxOrganizations = 100_000

// Organizations returns all organizations of the project, ordered by ID (POST
// /v1/b2b/organizations/search, all pages). They are not cached. Each page has a turn of
// its own: a *NotYet between two pages ends the call.
func (c *Caller) Organizations(ctx context.Context) ([]Organization, error) {
	op := call{
		operation: "SearchOrganizations", method: http.MethodPost, path: []string{"v1", "b2b", "organizations", "search"},
		list: &listSize{most: maxOrganizations, kind: "organizations"},
	}
	if err := c.session.account.granted(op); err != nil {
		return nil, err
	}
	var all []Organization
	for cursor, n := "", 1; ; n++ {
		r, request, err := c.searchPage(ctx, op, cursor)
		if err != nil {
			return nil, err
		}
		for _, o := range r.Organizations {
			if !IsOrganizationID(o.ID) {
				return nil, incompleteError(request, "an organization's ID in its usual form")
			}
			all = append(all, o)
		}
		switch next := r.Metadata.NextCursor; {
		case next == "":
			return uniqueOrganizations(all), nil
		case next == cursor || n == maxPages:
			return nil, unusableError(request, "the list has too many pages, or a page refers to itself")
		default:
			cursor = next
		}
	}
}

// searchPage reads the page at cursor; "" is the first page.
func (c *Caller) searchPage(ctx context.Context, op call, cursor string) (organizationsReply, Request, error) {
	op.fields = Fields{"limit": maxPage}
	if cursor != "" {
		op.fields["cursor"] = cursor
	}
	if err := c.turn(ctx, op.operation, c.uid, onePlace); err != nil {
		return organizationsReply{}, Request{}, err
	}
	defer c.ended()
	return do[organizationsReply](ctx, c.session.account, op)
}

// uniqueOrganizations returns each organization once: one that is created between two pages may move another one onto both.
func uniqueOrganizations(all []Organization) []Organization {
	slices.SortFunc(all, func(a, b Organization) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(all, func(a, b Organization) bool { return a.ID == b.ID })
}
