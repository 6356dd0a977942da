package stytchsim

import (
	"fmt"
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
// Source: openapi, the parameter's description on every operation of this API.
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

// getOrganization answers the organization as a caller of this API needs it.
//
// Source: openapi, api_organization_v1_Organization. The many fields about
// authentication policy are left out.
func getOrganization(c *call) (document, error) {
	org, r := c.org, c.renderer()
	d := document{
		"organization_id":           org.id,
		"organization_name":         org.name,
		"organization_slug":         org.slug,
		"sso_jit_provisioning":      "ALL_ALLOWED",
		"sso_default_connection_id": nil,
		"scim_active_connection":    nil,
	}
	r.text(d, "organization_external_id", org.externalID)
	// docs, get-organization: the samples have an explicit null for both of these.
	if org.defaultConnection != "" {
		d["sso_default_connection_id"] = org.defaultConnection
	}
	if org.scim != nil {
		d["scim_active_connection"] = org.scim.summary(r)
	}
	list(r, d, "sso_active_connections", activeOf(org.sso), func(active connection) any {
		summary := document{"connection_id": active.base().id}
		r.text(summary, "display_name", active.base().displayName)
		r.provider(summary, active.base().identityProvider)
		return summary
	})
	list(r, d, "sso_jit_provisioning_allowed_connections", []string{}, func(id string) any { return id })
	list(r, d, "custom_roles", []string{}, func(role string) any { return role })
	r.time(d, "created_at", org.created)
	r.time(d, "updated_at", org.updated)
	return document{"organization": d}, nil
}

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
// Inferred, and the switch default-connection: nobody says how the first
// connection becomes the default. That the default must be active is an error
// type (requires_active_sso_connection).
func (c *call) electDefault(candidate *baseConnection) {
	if candidate.org.defaultConnection != "" {
		return
	}
	switch c.switches.DefaultConnection {
	case "first-active":
		if candidate.status == stateActive {
			candidate.org.defaultConnection = candidate.id
		}
	case "first-created":
		candidate.org.defaultConnection = candidate.id
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
	org := &organization{project: in, id: o.ID, created: now, updated: now}
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
