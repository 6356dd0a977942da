package stytchsim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// group is a SCIM group. There is no operation that makes one: identity
// providers push them.
type group struct {
	id, name   string
	connection *scimConnection
}

// listGroups answers a page of a connection's groups.
//
// Source: openapi. The description of cursor says that next_cursor is null on the
// last page; the switch cursor has what else a reader must end at.
func listGroups(c *call) (document, error) {
	have, err := findSCIM(c)
	if err != nil {
		return nil, err
	}
	limit, err := strconv.Atoi(cmp.Or(c.query("limit"), "0"))
	if err != nil {
		return nil, refuse("invalid_argument", "limit must be a number.")
	}
	page, next, err := pageOf(have.groups, c.query("cursor"), limit)
	if err != nil {
		return nil, err
	}
	return c.groupPage(page, next), nil
}

// noGroups is listGroups under the fault that empties it.
func noGroups(c *call) (document, error) { return c.groupPage(nil, ""), nil }

func (c *call) groupPage(page []*group, next string) document {
	r, d := c.renderer(), document{}
	list(r, d, "scim_groups", page, func(g *group) any {
		return document{
			"group_id": g.id, "group_name": g.name,
			"organization_id": g.connection.org.id, "connection_id": g.connection.id,
		}
	})
	putOrOmit(d, "next_cursor", next, next == "", c.switches.Cursor)
	return d
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
