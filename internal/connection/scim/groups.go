package scim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

const fieldGroupRoles = "scim_group_implicit_role_assignments"

// NamesGroups says whether a manifest gives groups by name, so that the connection's groups have to be known.
func NamesGroups(o manifest) bool {
	return slices.ContainsFunc(o.Spec.GroupImplicitRoles, func(g v1alpha1.SCIMGroupRole) bool { return g.GroupName != "" })
}

// KnownGroups are those that were listed, and those that were not and that Stytch names all the same where it shows the connection's
// roles: one listing that lacks a group must not take its members' roles away.
func KnownGroups(listed []stytch.SCIMGroup, r remote) []stytch.SCIMGroup {
	groups := slices.Clone(listed)
	for _, role := range r.GroupImplicitRoles {
		named := func(g stytch.SCIMGroup) bool { return g.ID == role.GroupID || g.Name == role.GroupName }
		if role.GroupName != "" && !slices.ContainsFunc(listed, named) {
			groups = append(groups, stytch.SCIMGroup{ID: role.GroupID, Name: role.GroupName})
		}
	}
	return groups
}

// wantsGroups says that a manifest gives roles by group, and that there may be groups: there are none before there is a connection.
func wantsGroups(o manifest, in connection.Inputs) bool {
	return o.Spec.GroupImplicitRoles != nil && in.ID != ""
}

// wantedRoles are a manifest's roles by group. Where a name is ambiguous none is changed.
func wantedRoles(o manifest, in connection.Inputs) (connection.Value, bool) {
	if !wantsGroups(o, in) {
		return connection.Value{}, false
	}
	found := resolveGroups(o, in.Groups)
	return found.roles, len(found.ambiguous) == 0
}

// seenRoles are Stytch's roles by group.
func seenRoles(list []stytch.SCIMGroupRole) connection.Value {
	return connection.RoleAssignments(list, func(g stytch.SCIMGroupRole) connection.RoleAssignment {
		return connection.RoleAssignment{RoleID: g.RoleID, GroupID: g.GroupID}
	})
}

// resolution is what became of the groups that a manifest gives.
type resolution struct {
	roles     connection.Value
	resolved  []string // names that are groups
	pending   []string // names that are not, yet
	ambiguous []string // names that several groups have, with their IDs
	names     []string // all names
	groups    []stytch.SCIMGroup
	found     []v1alpha1.SCIMFoundGroup
}

// resolveGroups finds the groups that are given by name.
func resolveGroups(o manifest, groups []stytch.SCIMGroup) resolution {
	byName := map[string][]string{}
	for _, g := range groups {
		byName[g.Name] = connection.AddOnce(byName[g.Name], g.ID)
	}
	r := resolution{groups: groups}
	var entries []connection.RoleAssignment
	for _, g := range o.Spec.GroupImplicitRoles {
		id := g.GroupID
		if g.GroupName != "" {
			r.names = connection.AddOnce(r.names, g.GroupName)
			switch ids := byName[g.GroupName]; len(ids) {
			case 0:
				r.pending = connection.AddOnce(r.pending, g.GroupName)
				continue
			case 1:
				id = ids[0]
				r.resolved = connection.AddOnce(r.resolved, g.GroupName)
			default:
				slices.Sort(ids)
				r.ambiguous = connection.AddOnce(r.ambiguous, fmt.Sprintf("%q (%s)", connection.Cut(g.GroupName), strings.Join(ids, ", ")))
			}
		}
		entries = append(entries, connection.RoleAssignment{RoleID: g.Role, GroupID: id})
	}
	r.roles = connection.RoleAssignments(entries, func(e connection.RoleAssignment) connection.RoleAssignment { return e })
	r.found = foundGroups(o, r, byName)
	return r
}

func (r resolution) problems() []connection.Problem {
	var problems []connection.Problem
	if len(r.ambiguous) > 0 {
		problems = append(problems, connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
			"spec.groupImplicitRoles uses a group name that several groups have: %s. No group roles are changed. Use groupID instead of groupName.",
			strings.Join(r.ambiguous, "; "))})
	}
	if len(r.pending) > 0 {
		problems = append(problems, connection.Problem{Reason: v1alpha1.ReasonGroupsPending, Message: fmt.Sprintf(
			"The identity provider has not pushed these groups of spec.groupImplicitRoles yet: %s. Push them from the identity provider, or fix their names. Other settings do not wait for them.",
			strings.Join(r.explained(), ", "))})
	}
	return append(problems, connection.PaddedGroups(r.names)...)
}

// status is what status says of the names.
func (r resolution) status() *v1alpha1.SCIMGroupsStatus {
	if len(r.resolved)+len(r.pending)+len(r.ambiguous) == 0 {
		return nil
	}
	var pending []string
	for _, name := range r.pending {
		pending = append(pending, connection.Cut(name))
	}
	return &v1alpha1.SCIMGroupsStatus{Resolved: int64(len(r.resolved)), Pending: pending, Found: r.found}
}
