package stytchsim_test

import (
	"maps"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

const externalOf = "/v1/b2b/sso/external/"

// source is a child organization, and an active SAML connection of acme to use
// in it.
func (p *pretend) source() (child stytchsim.Organization, sent object) {
	p.t.Helper()
	child = p.organization("child")
	return child, object{"external_organization_id": p.acme.ID, "external_connection_id": p.activeSAML("acme", "parent"), "display_name": "x"}
}

func TestAnExternalConnectionIsActiveAtOnce(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	child, sent := p.source()
	sent["external_organization_id"] = "acme"
	made := p.post(externalOf+"child", sent).connection()
	for name, want := range (object{
		"status": "active", "organization_id": child.ID, "external_organization_id": p.acme.ID,
		"external_connection_id": sent["external_connection_id"], "display_name": "x",
		"external_connection_implicit_role_assignments": array{}, "external_group_implicit_role_assignments": array{},
	}) {
		same(t, name, made[name], want)
	}
	same(t, "listed", p.of("child", "external_connections", text(t, made, "connection_id")), made)
	same(t, "default", p.State().Organizations[1].DefaultConnection, made["connection_id"])
}

func TestTheSourceMustBeAnActiveConnectionOfAnotherOrganization(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	_, sent := p.source()
	with := func(name string, value any) object {
		changed := maps.Clone(sent)
		changed[name] = value
		return changed
	}
	p.post(externalOf+"acme", sent).refused(400, "external_organization_id_same_as_organization_id")
	p.post(externalOf+"child", with("external_organization_id", "nobody")).refused(404, "organization_not_found")
	p.post(externalOf+"child", with("external_connection_id", "saml-connection-test-0")).refused(404, "external_connection_id_not_found")
	_, pending := p.saml()
	p.post(externalOf+"child", with("external_connection_id", pending)).refused(400, "external_connection_not_active")
	_, scim, _ := p.scim()
	p.post(externalOf+"child", with("external_connection_id", scim)).refused(404, "external_connection_id_not_found")
	p.post(externalOf+"child", object{"display_name": "x"}).refused(400, "bad_request")
	p.post(externalOf+"child", sent).ok()
	p.post(externalOf+"child", sent).refused(400, "duplicate_external_sso_connection")
	p.post(externalOf+"child", with("external_connection_id", p.activeSAML("acme", "another"))).ok()
	p.organization("grandchild")
	p.post(externalOf+"grandchild", sent).ok()

	other := switched(t, stytchsim.Switches{ExternalNotFound: "400"})
	_, sent = other.source()
	other.post(externalOf+"child", with("external_connection_id", "saml-connection-test-0")).refused(400, "external_connection_id_not_found")
}

func TestRoleListsHaveOtherNamesAtCreation(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	_, sent := p.source()
	roles := array{object{"role_id": "editor"}}
	sent["external_connection_implicit_role_assignments"] = roles
	p.post(externalOf+"child", sent).refused(400, "bad_request")
	delete(sent, "external_connection_implicit_role_assignments")
	sent["connection_implicit_role_assignments"] = roles
	made := p.post(externalOf+"child", sent).connection()
	same(t, "roles", made["external_connection_implicit_role_assignments"], roles)

	path := externalOf + "child/connections/" + text(t, made, "connection_id")
	p.put(path, object{"connection_implicit_role_assignments": roles}).refused(400, "bad_request")
	p.put(path, object{"external_organization_id": p.acme.ID}).refused(400, "bad_request")
	p.put(path, object{"external_connection_implicit_role_assignments": array{object{"role_id": "king"}}}).refused(400, "invalid_rbac_role_id")
	updated := p.put(path, object{"external_connection_implicit_role_assignments": array{}}).connection()
	same(t, "roles", updated["external_connection_implicit_role_assignments"], array{})
	same(t, "display_name", updated["display_name"], "x")
	p.put(path, object{"external_group_implicit_role_assignments": array{object{"role_id": "editor"}}}).refused(400, "invalid_rbac_role_assignment")
	p.put(externalOf+"child/connections/external-connection-test-0", object{}).refused(404, "sso_connection_not_found")
}

func TestGroupRolesNeedTheSourcesGroups(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	_, sent := p.source()
	sent["group_implicit_role_assignments"] = array{object{"role_id": "editor", "group": "eng"}}
	p.post(externalOf+"child", sent).refused(400, "saml_connection_attribute_mapping_missing_groups_key")
	mapping := object{"email": "e", "full_name": "n", "groups": "g"}
	p.put(samlOf+"acme/connections/"+text(t, sent, "external_connection_id"), object{"attribute_mapping": mapping}).ok()
	p.post(externalOf+"child", sent).ok()
}

func TestRolesOverAnOIDCSourceAreRefused(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.organization("child")
	path, id := p.oidc()
	p.put(path, completeOIDC()).ok()
	sent := object{"external_organization_id": p.acme.ID, "external_connection_id": id}
	sent["connection_implicit_role_assignments"] = array{object{"role_id": "editor"}}
	p.post(externalOf+"child", sent).refused(400, "invalid_rbac_role_assignment")
	sent["connection_implicit_role_assignments"] = array{}
	p.post(externalOf+"child", sent).ok()
}

func TestWhatBecomesOfAnExternalConnectionWithoutSourceIsASwitch(t *testing.T) {
	for position, want := range map[string]struct {
		status    int
		externals int
	}{"": {200, 1}, "cascade": {200, 0}, "refuse": {400, 1}} {
		p := switched(t, stytchsim.Switches{DeletedSource: position})
		_, sent := p.source()
		p.post(externalOf+"child", sent).ok()
		p.del("/v1/b2b/sso/acme/connections/" + p.activeSAML("acme", "nobody's source")).ok()
		same(t, "External connections of another source", len(p.Connections("child")), 1)
		r := p.del("/v1/b2b/sso/acme/connections/" + text(t, sent, "external_connection_id"))
		same(t, "status under "+position, r.status, want.status)
		left := each(t, p.get("/v1/b2b/sso/child").ok(), "external_connections")
		same(t, "External connections under "+position, len(left), want.externals)
	}
}
