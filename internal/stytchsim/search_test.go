package stytchsim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

const searched = "/v1/b2b/organizations/search"

// found are the slugs of the organizations that a search answers.
func (p *pretend) found(operator string, operands ...object) []string {
	p.t.Helper()
	answer := p.post(searched, object{"query": object{"operator": operator, "operands": operands}}).ok()
	return all(p.t, each(p.t, answer, "organizations"), "organization_slug")
}

func operand(name string, value any) object {
	return object{"filter_name": name, "filter_value": value}
}

// Source: openapi, api_organization_v1_SearchRequest; docs, search-organizations.
func TestOrganizationsAreFoundByFilters(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	umbrella, err := p.AddOrganization(stytchsim.Organization{Slug: "umbrella", Name: "The Corporation"})
	must(t, err)
	must(t, p.AddProject(stytchsim.Project{ID: "project-test-2", Secret: "s"}))
	_, err = p.AddOrganization(stytchsim.Organization{Slug: "foreign", ProjectID: "project-test-2"})
	must(t, err)
	_, err = p.AddMember(stytchsim.Member{OrganizationID: "umbrella", EmailAddress: "alice@umbrella.com"})
	must(t, err)
	active := p.activeSAML("acme", "okta")
	pending := text(t, p.post(samlOf+"umbrella", nil).connection(), "connection_id")

	everyone, nobody := array{"acme", "umbrella"}, array{}
	for _, body := range []any{nil, object{}, object{"query": object{"operator": "AND", "operands": array{}}}} {
		answer := p.post(searched, body).ok()
		same(t, "all", all(t, each(t, answer, "organizations"), "organization_slug"), everyone)
		same(t, "metadata", answer["results_metadata"], object{"total": 2, "next_cursor": nil})
	}
	for _, one := range []struct {
		name  string
		value any
		want  array
	}{
		{"organization_ids", array{umbrella.ID}, array{"umbrella"}},
		{"organization_ids", array{"umbrella"}, nobody},
		{"organization_slugs", array{"acme", "umbrella", "foreign"}, everyone},
		{"organization_slug_fuzzy", "BRELL", array{"umbrella"}},
		{"organization_name_fuzzy", "corp", array{"umbrella"}},
		{"member_emails", array{"alice@umbrella.com"}, array{"umbrella"}},
		{"member_email_fuzzy", "@umbrella", array{"umbrella"}},
		{"allowed_domains", array{"umbrella.com"}, nobody},
		{"allowed_domain_fuzzy", "umbrella", nobody},
		{"claimed_email_domains", array{"umbrella.com"}, nobody},
		{"has_active_sso_connection", true, array{"acme"}},
		{"has_active_sso_connection", false, array{"umbrella"}},
		{"sso_connection_id", active, array{"acme"}},
		{"sso_connection_id", pending, array{"umbrella"}},
	} {
		same(t, one.name, p.found("AND", operand(one.name, one.value)), one.want)
	}
	two := []object{operand("organization_slugs", array{"acme"}), operand("organization_slug_fuzzy", "umbrella")}
	same(t, "both", p.found("AND", two...), nobody)
	same(t, "either", p.found("OR", two...), everyone)
	whole := each(t, p.post(searched, nil).ok(), "organizations")[0]
	same(t, "an organization", whole, p.get("/v1/b2b/organizations/acme").ok()["organization"])
}

func TestASearchComesInPages(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for i := range 249 {
		p.organization(fmt.Sprint("o", i))
	}
	slugs, pages, cursor, more := []string{}, 0, "", true
	for more {
		answer := p.post(searched, object{"cursor": cursor, "limit": 0}).ok()
		slugs, pages = append(slugs, all(t, each(t, answer, "organizations"), "organization_slug")...), pages+1
		metadata, ok := answer["results_metadata"].(object)
		if !ok {
			t.Fatal("no metadata")
		}
		same(t, "total", metadata["total"], 250)
		cursor, more = metadata["next_cursor"].(string)
	}
	if pages != 3 || len(slugs) != 250 || slugs[249] != "o248" {
		t.Errorf("%d pages with %d organizations", pages, len(slugs))
	}
	p.post(searched, object{"limit": 1001}).refused(400, "invalid_argument")
	p.post(searched, object{"limit": "x"}).refused(400, "bad_request")
	p.post(searched, object{"cursor": "nonsense"}).refused(400, "invalid_argument")
}

// Source: live, a filter that there is not; error types, the others.
func TestASearchThatCannotBeIsRefused(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for errorType, operand := range map[string]object{
		"organization_search_filter_name_not_recognized":        operand("organization_slug", "acme"),
		"organization_search_missing_filter_name":               {"filter_value": "x"},
		"organization_search_filter_name_must_be_string":        {"filter_name": 1, "filter_value": "x"},
		"organization_search_missing_filter_value":              {"filter_name": "organization_ids"},
		"organization_search_expected_array_of_strings":         operand("organization_ids", "x"),
		"organization_search_missing_organization_ids":          operand("organization_ids", array{}),
		"organization_search_expected_string":                   operand("organization_slug_fuzzy", 1),
		"organization_search_organization_slug_fuzzy_too_short": operand("organization_slug_fuzzy", "ac"),
		"bad_request": operand("has_active_sso_connection", "yes"),
	} {
		p.post(searched, object{"query": object{"operator": "AND", "operands": array{operand}}}).refused(400, errorType)
	}
	unknown := p.post(searched, object{"query": object{"operator": "AND", "operands": array{operand("x", "y")}}}).json()
	if !strings.HasPrefix(text(t, unknown, "error_message"), "The organization search operand filter_name was not recognized.") {
		t.Errorf("%v", unknown)
	}
	p.post(searched, object{"query": object{"operands": array{}}}).refused(400, "user_search_invalid_operator")
	p.post(searched, object{"query": "acme"}).refused(400, "bad_request")
	p.post(searched, object{"organization_slug": "acme"}).refused(400, "bad_request")
}

func TestAnOrganizationCanBeNamedLikeTheSearch(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.get(searched).refused(404, "organization_not_found")
	p.organization("search")
	p.get(searched).ok()
	p.put(searched, nil).refused(405, "method_not_allowed")
}

func TestASearchCanBeEmptiedByAFault(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	if _, err := p.AddFault(stytchsim.Fault{Operation: "SearchOrganizations", Effect: stytchsim.FaultEmptyList}); err != nil {
		t.Fatal(err)
	}
	same(t, "organizations", p.post(searched, nil).ok()["organizations"], array{})
}
