package stytch

import (
	"context"
	"net/http"
	"time"
)

// rolesTTL is how long the roles of a project and of an organization are cached.
// Stytch's server SDKs keep the policy as long.
const rolesTTL = 5 * time.Minute

// PolicyRoles returns the IDs of the roles in the RBAC policy of the project, in
// order (GET /v1/b2b/rbac/policy). They are cached for 5 minutes. All of them can
// be assigned in every organization.
func (c *Caller) PolicyRoles(ctx context.Context) ([]string, error) {
	op := call{operation: "GetRBACPolicy", method: http.MethodGet, path: []string{"v1", "b2b", "rbac", "policy"}, needs: needsNothing}
	seen, err := read(ctx, c, c.session.policy(), op, "", c.now().Add(-rolesTTL), func(ctx context.Context) ([]string, error) {
		r, request, err := do[policyReply](ctx, c.session.account, op)
		switch {
		case err != nil:
			return nil, err
		case len(r.Policy.Roles) == 0: // two roles are in every policy
			return nil, incompleteError(request, "the roles")
		}
		return roles(r.Policy.Roles), nil
	})
	return seen.value, err
}

// CustomRoles returns the IDs of the roles that only this organization has, in
// order (GET /v1/b2b/organizations/{organization_id}). They are cached for 5
// minutes.
func (c *Caller) CustomRoles(ctx context.Context, organizationID string) ([]string, error) {
	seen, _, err := c.organization(ctx, organizationID, c.now().Add(-rolesTTL))
	return seen.customRoles, err
}
