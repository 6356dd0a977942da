package stytchsim

import (
	"fmt"
	"maps"
	"regexp"
	"time"
)

// organization is a tenant with its connections.
type organization struct {
	project                    *project
	id, slug, name, externalID string
	created, updated           time.Time

	sso               []connection // in the order of their creation
	scim              *scimConnection
	formerSCIM        *scimConnection // the last one deleted
	defaultConnection string
	customRoles       []Role
	members           []*member // in the order they were added
}

// whoami answers which project the credentials are of.
//
// Source: openapi and stytch-go, consumer/debug.
func whoami(c *call) (document, error) {
	return document{"project_id": c.project.id, "name": c.project.name}, nil
}

// resolveOrganization finds the organization a path names: by ID, slug or
// external ID.
//
// Source: openapi, the parameter's description on every operation of this API;
// live, the status and type of an unknown one.
func (c *call) resolveOrganization() error {
	key := c.path("organization_id")
	if key == "" {
		return nil
	}
	found, ok := c.project.organizations[key]
	if ok {
		c.org = found
		return nil
	}
	// error types: these two exist; that they are said here is inferred.
	for _, other := range [...]struct{ prefix, environment, errorType string }{
		{"organization-live-", "test", "live_id_used_in_test_environment"},
		{"organization-test-", "live", "test_id_used_in_live_environment"},
	} {
		if len(key) > len(other.prefix) && key[:len(other.prefix)] == other.prefix && c.project.environment() == other.environment {
			return refuse(other.errorType, "%s belongs to the other environment.", key)
		}
	}
	return refuse("organization_not_found", "Organization could not be found.")
}

// getOrganization answers the whole organization (openapi).
func getOrganization(c *call) (document, error) {
	return document{"organization": c.org.document(c.renderer())}, nil
}

// document is Organization of openapi.
//
// Source: live, a fresh organization: every field is there, null where nothing is
// referred to, and its times are whole seconds. What the fields say that no
// operation of this simulator sets is that of a fresh one for ever.
func (o *organization) document(r renderer) document {
	r = r.measured()
	d := document{
		"organization_id":           o.id,
		"organization_name":         o.name,
		"organization_slug":         o.slug,
		"organization_external_id":  orNull(o.externalID),
		"organization_logo_url":     "",
		"trusted_metadata":          document{},
		"sso_default_connection_id": orNull(o.defaultConnection),
		"scim_active_connection":    nil,
		"scim_active_connections":   []any{}, // in no schema
	}
	if o.scim != nil {
		summary := o.scim.summary(r)
		d["scim_active_connection"], d["scim_active_connections"] = summary, []any{summary} // the second: inferred
	}
	list(r, d, "sso_active_connections", activeOf(o.sso), func(active connection) any {
		summary := document{"connection_id": active.base().id}
		r.text(summary, "display_name", active.base().displayName)
		r.provider(summary, active.base().identityProvider)
		return summary
	})
	list(r, d, "custom_roles", o.customRoles, roleDocument)
	r.time(d, "created_at", o.created)
	r.time(d, "updated_at", o.updated)
	maps.Copy(d, loginPolicy())
	return d
}

// loginPolicy is how members of a fresh organization may log in and join (live).
func loginPolicy() document {
	d := document{
		"auth_methods":                            "ALL_ALLOWED",
		"email_invites":                           "ALL_ALLOWED",
		"email_jit_provisioning":                  "NOT_ALLOWED",
		"mfa_methods":                             "ALL_ALLOWED",
		"mfa_policy":                              "OPTIONAL",
		"oauth_tenant_jit_provisioning":           "NOT_ALLOWED",
		"sso_jit_provisioning":                    "ALL_ALLOWED",
		"first_party_connected_apps_allowed_type": "ALL_ALLOWED",
		"third_party_connected_apps_allowed_type": "ALL_ALLOWED",
		"allowed_oauth_tenants":                   document{},
	}
	for _, name := range []string{
		"allowed_auth_methods", "allowed_mfa_methods", "allowed_first_party_connected_apps", "allowed_third_party_connected_apps",
		"claimed_email_domains", "email_allowed_domains", "rbac_email_implicit_role_assignments",
		"sso_jit_provisioning_allowed_connections",
	} {
		d[name] = []string{}
	}
	return d
}

// orNull is a reference as an organization has it: null where there is none (live).
func orNull(value string) any {
	if value == "" {
		return nil
	}
	return value
}

// activeOf is the active ones (live: a pending connection is not among the
// sso_active_connections).
func activeOf(all []connection) []connection {
	var active []connection
	for _, c := range all {
		if c.base().status == stateActive {
			active = append(active, c)
		}
	}
	return active
}

// electDefault makes a connection the organization's default where it has none.
//
// Source: live, a pending connection does not become the default; that it must be
// active is an error type too (requires_active_sso_connection). Whether the first
// active one does is inferred, and the switch default-connection.
func (c *call) electDefault(candidate *baseConnection) {
	org := candidate.org
	if c.switches.DefaultConnection == "first-active" && org.defaultConnection == "" && candidate.status == stateActive {
		org.defaultConnection = candidate.id
	}
}

// addOrganization makes an organization. Its keys must be free in its project.
func (w *world) addOrganization(o Organization, now time.Time) (*organization, error) {
	in := w.order[0]
	if o.ProjectID != "" {
		in = w.projects[o.ProjectID]
	}
	if in == nil {
		return nil, fmt.Errorf("project %s not found", o.ProjectID)
	}
	if err := checkRoles(o.CustomRoles); err != nil {
		return nil, err
	}
	org := &organization{project: in, id: o.ID, customRoles: o.CustomRoles, created: now, updated: now}
	if org.id == "" {
		org.id = in.newID("organization")
	}
	if in.organizations[org.id] != nil {
		return nil, fmt.Errorf("organization %s already exists", org.id)
	}
	if err := org.rename(o); err != nil {
		return nil, err
	}
	in.organizations[org.id] = org
	in.order = append(in.order, org)
	return org, nil
}

// rename gives an organization another slug, name or external ID.
//
// Source: openapi on slugs: letters, digits and -._~, 2 to 128 characters.
func (o *organization) rename(to Organization) error {
	if !regexp.MustCompile(`^[A-Za-z0-9._~-]{2,128}$`).MatchString(to.Slug) {
		return fmt.Errorf("organization_slug %q must be 2 to 128 characters: letters, digits and -._~", to.Slug)
	}
	known := o.project.organizations
	for _, key := range []string{to.Slug, to.ExternalID} {
		if other := known[key]; key != "" && other != nil && other != o {
			return fmt.Errorf("%s is already used by organization %s", key, other.id)
		}
	}
	delete(known, o.slug)
	delete(known, o.externalID)
	o.slug, o.name, o.externalID = to.Slug, to.Name, to.ExternalID
	if o.name == "" {
		o.name = o.slug
	}
	known[o.slug] = o
	if o.externalID != "" {
		known[o.externalID] = o
	}
	return nil
}

// removeOrganization takes an organization out of the world with all it has.
func (w *world) removeOrganization(org *organization) {
	for _, c := range org.sso {
		delete(w.connections, c.base().id)
	}
	if org.scim != nil {
		w.remove(org.scim)
	}
	for _, m := range org.members {
		delete(w.members, m.id)
	}
	p := org.project
	for key, known := range p.organizations {
		if known == org {
			delete(p.organizations, key)
		}
	}
	for i, known := range p.order {
		if known == org {
			p.order = append(p.order[:i:i], p.order[i+1:]...)
			break
		}
	}
}
