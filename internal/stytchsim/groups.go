package stytchsim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// group is a SCIM group. There is no operation that makes one: identity
// providers push them.
type group struct {
	id, name   string
	connection *scimConnection
}

// The page sizes of listGroups (openapi: limit).
const (
	defaultPage = 100
	largestPage = 1000
)

// listGroups answers a page of a connection's groups.
//
// Source: openapi. A limit of 0 means the default, because stytch-go always
// sends one. That a limit beyond the largest is refused is inferred. The
// description of cursor says that next_cursor is null on the last page; the
// switch cursor has what else a reader must end at.
func listGroups(c *call) (document, error) {
	have, err := findSCIM(c)
	if err != nil {
		return nil, err
	}
	from, err := cursorOf(c.query("cursor"), len(have.groups))
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(c.query("limit"))
	if err != nil {
		return nil, err
	}
	until := min(from+limit, len(have.groups))
	return c.groupPage(have.groups[from:until], until < len(have.groups), until), nil
}

// noGroups is listGroups under the fault that empties it.
func noGroups(c *call) (document, error) { return c.groupPage(nil, false, 0), nil }

func (c *call) groupPage(page []*group, more bool, next int) document {
	r, d := c.renderer(), document{}
	list(r, d, "scim_groups", page, func(g *group) any {
		return document{
			"group_id": g.id, "group_name": g.name,
			"organization_id": g.connection.org.id, "connection_id": g.connection.id,
		}
	})
	if more {
		d["next_cursor"] = base64.URLEncoding.EncodeToString([]byte("after:" + strconv.Itoa(next)))
		return d
	}
	putOrOmit(d, "next_cursor", "", true, c.switches.Cursor)
	return d
}

func cursorOf(cursor string, groups int) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	plain, err := base64.URLEncoding.DecodeString(cursor)
	from, numeric := strconv.Atoi(strings.TrimPrefix(string(plain), "after:"))
	if err != nil || numeric != nil || from < 0 || from > groups {
		return 0, refuse("invalid_argument", "cursor is not one that was given out.")
	}
	return from, nil
}

func limitOf(limit string) (int, error) {
	if limit == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(limit)
	switch {
	case err != nil || n < 0 || n > largestPage:
		return 0, refuse("invalid_argument", "limit must be a number from 0 to %d.", largestPage)
	case n == 0:
		return defaultPage, nil
	default:
		return n, nil
	}
}

// addGroup pushes a group as an identity provider would.
func (w *world) addGroup(g Group) (*group, error) {
	into, err := w.scimOf(g)
	if err != nil {
		return nil, err
	}
	if g.ID == "" {
		g.ID = into.org.project.newID("scim-group")
	}
	if w.groups[g.ID] != nil {
		return nil, fmt.Errorf("group %s already exists", g.ID)
	}
	made := &group{id: g.ID, name: g.Name, connection: into}
	into.groups = append(into.groups, made)
	w.groups[made.id] = made
	return made, nil
}

func (w *world) scimOf(g Group) (*scimConnection, error) {
	if found, ok := w.connections[g.ConnectionID].(*scimConnection); ok {
		return found, nil
	}
	if org, ok := w.organization(g.OrganizationID); ok && org.scim != nil && g.ConnectionID == "" {
		return org.scim, nil
	}
	return nil, fmt.Errorf("no SCIM connection with connection_id %q or organization_id %q", g.ConnectionID, g.OrganizationID)
}

// removeGroup removes a group and what was assigned by it (inferred).
func (w *world) removeGroup(g *group) {
	delete(w.groups, g.id)
	from := g.connection
	from.groups = slices.DeleteFunc(from.groups, func(other *group) bool { return other == g })
	from.assignments = slices.DeleteFunc(slices.Clone(from.assignments), func(a assignment) bool { return a["group_id"] == g.id })
}
