package stytchsim

import (
	"fmt"
	"slices"
)

// The roles that are in every policy.
const (
	memberRole = "stytch_member"
	adminRole  = "stytch_admin"
)

// The resources of Stytch's that operations of this API ask about.
const (
	resourceOrganization = "stytch.organization"
	resourceSSO          = "stytch.sso"
	resourceSCIM         = "stytch.scim"
)

// implicitRoles is what role assignments ask for, on the organization.
const implicitRoles = "update.settings.implicit-roles"

// rbacPolicy answers the RBAC policy of the project.
//
// Source: openapi, api_b2b_rbac_v1_Policy: roles, resources and scopes, all
// required. There are no scopes of one's own here.
func rbacPolicy(c *call) (document, error) {
	r := c.renderer().measured() // inferred: of the same make as an organization
	policy := document{"scopes": []any{}}
	list(r, policy, "roles", c.project.policy(), roleDocument)
	list(r, policy, "resources", stytchResources(), func(resource Permission) any {
		return document{"resource_id": resource.ResourceID, "description": "", "actions": resource.Actions}
	})
	return document{"policy": policy}, nil
}

// roleDocument is PolicyRole of openapi, and CustomRole, which has the same fields.
func roleDocument(role Role) any {
	permissions := make([]any, 0, len(role.Permissions))
	for _, p := range role.Permissions {
		permissions = append(permissions, document{"resource_id": p.ResourceID, "actions": append([]string{}, p.Actions...)})
	}
	return document{"role_id": role.ID, "description": role.Description, "permissions": permissions}
}

// stytchResources are the resources that Stytch brings along, with those of their
// actions that this API asks about.
//
// Source: docs, guides/rbac/stytch-default, for the resources; openapi, the
// operations' descriptions, for the actions.
func stytchResources() []Permission {
	each := []string{"create", "get", "update", "delete"}
	return []Permission{
		{ResourceID: resourceOrganization, Actions: []string{
			"update.info.name", "update.info.slug", "update.info.logo-url", "update.settings.default-sso-connection",
			"update.settings.sso-jit-provisioning", implicitRoles, "delete",
		}},
		{ResourceID: "stytch.member", Actions: []string{"create", "update.settings.roles", "search", "delete"}},
		{ResourceID: resourceSSO, Actions: each},
		{ResourceID: resourceSCIM, Actions: each},
		{ResourceID: "stytch.custom-org-roles", Actions: []string{"get"}},
		{ResourceID: "stytch.self", Actions: []string{"update.info.name", "delete"}},
	}
}

// defaultRoles are the reserved roles as they are before somebody edits them.
//
// Source: docs, guides/rbac/stytch-default: stytch_member may do all with
// stytch.self; stytch_admin has the permissions "for any admin action within the
// Organization", which is read here as all with each resource of Stytch's.
func defaultRoles() []Role {
	admin := Role{ID: adminRole, Description: "Granted to Members who create an organization"}
	for _, resource := range stytchResources() {
		admin.Permissions = append(admin.Permissions, Permission{ResourceID: resource.ResourceID, Actions: []string{"*"}})
	}
	return []Role{
		{ID: memberRole, Description: "Granted to all Members", Permissions: []Permission{{ResourceID: "stytch.self", Actions: []string{"*"}}}},
		admin,
	}
}

// policy is all roles of the project: the reserved ones, as they are by default
// unless the project has them, and its own.
func (p *project) policy() []Role {
	var reserved []Role
	for _, role := range defaultRoles() {
		if !slices.ContainsFunc(p.roles, named(role.ID)) {
			reserved = append(reserved, role)
		}
	}
	return slices.Concat(reserved, p.roles)
}

func named(id string) func(Role) bool { return func(role Role) bool { return role.ID == id } }

// assignable are the roles that can be assigned in the organization.
//
// Source: admin portal, those of the project's policy and the organization's
// custom_roles.
func (o *organization) assignable() []Role { return slices.Concat(o.project.policy(), o.customRoles) }

// checkRoles is what a list of roles needs that somebody sets by hand.
func checkRoles(roles []Role) error {
	for i, role := range roles {
		if role.ID == "" {
			return fmt.Errorf("roles[%d]: role_id is required", i)
		}
		if slices.ContainsFunc(roles[:i], named(role.ID)) {
			return fmt.Errorf("roles[%d]: there is a role %s already", i, role.ID)
		}
	}
	return nil
}

// plainRoles are roles of these IDs that permit nothing.
func plainRoles(ids []string) []Role {
	roles := make([]Role, 0, len(ids))
	for _, id := range ids {
		roles = append(roles, Role{ID: id})
	}
	return roles
}
