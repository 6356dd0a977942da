package stytchsim

import "slices"

// rolesKnown checks a role list that was sent.
//
// Source: openapi, stytch_member and stytch_admin are reserved and always there;
// admin portal, the others come from the project's RBAC policy and from the
// organization. The error types are enumerated; which is said when is inferred
// from their names.
func (c *call) rolesKnown(sent []assignment) error {
	known := c.org.assignable()
	for _, entry := range sent {
		switch id := entry["role_id"]; {
		case id == "":
			return refuse("empty_rbac_role_id", "A role assignment has no role_id.")
		case !slices.ContainsFunc(known, named(id)):
			return refuse("invalid_rbac_role_id", "There is no role %s.", id)
		}
	}
	return nil
}

// groupsNamed checks that a list of group role assignments names its groups.
// Inferred from the error type's name.
func groupsNamed(sent []assignment) error {
	for _, entry := range sent {
		if entry["group"] == "" {
			return refuse("invalid_rbac_role_assignment", "A group role assignment has no group.")
		}
	}
	return nil
}

// groupsMapped checks that group role assignments have a groups attribute to go
// by.
//
// Source: openapi, saml_group_implicit_role_assignments: "Before adding any
// group implicit role assignments, you must add a groups key to your SAML
// connection's attribute_mapping".
func groupsMapped(assigned []assignment, by map[string]string) error {
	if len(assigned) > 0 && by["groups"] == "" {
		return refuse("saml_connection_attribute_mapping_missing_groups_key",
			"Group role assignments need a groups key in attribute_mapping.")
	}
	return nil
}
