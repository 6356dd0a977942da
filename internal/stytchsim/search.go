package stytchsim

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// query is what a search for organizations asks for.
type query struct {
	either  bool // OR
	filters []filter
}

// filter is whether an organization is looked for.
type filter func(*organization) bool

// filterMaker makes the filter of that name with a value.
type filterMaker func(name string, value json.RawMessage) (filter, error)

// searchOrganizations answers a page of the project's organizations.
//
// Source: openapi, api_organization_v1_SearchRequest: without a query, or with one
// without operands, nothing is filtered.
func searchOrganizations(c *call) (document, error) {
	asked, _ := c.in["query"].(query)
	var found []*organization
	for _, org := range c.project.order {
		if asked.matches(org) {
			found = append(found, org)
		}
	}
	cursor, _ := c.in.text("cursor")
	limit, _ := c.in["limit"].(int)
	page, next, err := pageOf(found, cursor, limit)
	if err != nil {
		return nil, err
	}
	return c.organizationPage(page, len(found), next), nil
}

// noOrganizations is searchOrganizations under the fault that empties it.
func noOrganizations(c *call) (document, error) { return c.organizationPage(nil, 0, ""), nil }

func (c *call) organizationPage(page []*organization, total int, next string) document {
	r, d := c.renderer().measured(), document{}
	list(r, d, "organizations", page, func(org *organization) any { return org.document(r) })
	metadata := document{"total": total}
	putOrOmit(metadata, "next_cursor", next, next == "", c.switches.Cursor)
	d["results_metadata"] = metadata
	return d
}

func (q query) matches(org *organization) bool {
	if len(q.filters) == 0 {
		return true
	}
	if q.either {
		return slices.ContainsFunc(q.filters, func(fits filter) bool { return fits(org) })
	}
	return !slices.ContainsFunc(q.filters, func(fits filter) bool { return !fits(org) })
}

// decodeQuery reads the query of a search.
//
// Source: openapi, the operators; docs, search-organizations, the filters. Except
// for the one of a filter that there is not, which is live, the error types are
// enumerated and read as if they were made for these cases.
func decodeQuery(raw json.RawMessage) (any, error) {
	var sent struct {
		Operator string                       `json:"operator"`
		Operands []map[string]json.RawMessage `json:"operands"`
	}
	if err := json.Unmarshal(raw, &sent); err != nil {
		return nil, errors.New("must be an object of operator and operands")
	}
	if sent.Operator != "AND" && sent.Operator != "OR" {
		return nil, refuse("user_search_invalid_operator", "operator must be AND or OR.")
	}
	asked := query{either: sent.Operator == "OR"}
	for _, operand := range sent.Operands {
		one, err := decodeOperand(operand)
		if err != nil {
			return nil, err
		}
		asked.filters = append(asked.filters, one)
	}
	return asked, nil
}

func decodeOperand(operand map[string]json.RawMessage) (filter, error) {
	name, value := operand["filter_name"], operand["filter_value"]
	if name == nil {
		return nil, refuse("organization_search_missing_filter_name", "An operand has no filter_name.")
	}
	var of string
	if err := json.Unmarshal(name, &of); err != nil {
		return nil, refuse("organization_search_filter_name_must_be_string", "filter_name must be a string.")
	}
	one, known := filters()[of]
	if !known {
		return nil, refuse("organization_search_filter_name_not_recognized",
			"The organization search operand filter_name was not recognized. "+
				"Please see https://stytch.com/docs/b2b/api/search-organizations for request schema details and examples.")
	}
	if value == nil {
		return nil, refuse("organization_search_missing_filter_value", "The operand %s has no filter_value.", of)
	}
	return one(of, value)
}

// filters are the filters of a search by name. No organization here has allowed or
// claimed domains, so theirs match none.
func filters() map[string]filterMaker {
	none := func(*organization) []string { return nil }
	slug := func(o *organization) []string { return []string{o.slug} }
	return map[string]filterMaker{
		"organization_ids":          oneOf(func(o *organization) []string { return []string{o.id} }),
		"organization_slugs":        oneOf(slug),
		"organization_slug_fuzzy":   contains(slug),
		"organization_name_fuzzy":   contains(func(o *organization) []string { return []string{o.name} }),
		"member_emails":             oneOf((*organization).emails),
		"member_email_fuzzy":        contains((*organization).emails),
		"allowed_domains":           oneOf(none),
		"allowed_domain_fuzzy":      contains(none),
		"claimed_email_domains":     oneOf(none),
		"has_active_sso_connection": hasActive,
		"sso_connection_id":         hasConnection,
	}
}

func (o *organization) emails() []string {
	emails := make([]string, 0, len(o.members))
	for _, m := range o.members {
		emails = append(emails, m.email)
	}
	return emails
}

// oneOf is a filter for what has one of some values.
func oneOf(of func(*organization) []string) filterMaker {
	return func(name string, value json.RawMessage) (filter, error) {
		var wanted []string
		if err := json.Unmarshal(value, &wanted); err != nil {
			return nil, refuse("organization_search_expected_array_of_strings", "%s must be an array of strings.", name)
		}
		if len(wanted) == 0 {
			return nil, refuse("organization_search_missing_"+name, "%s must not be empty.", name)
		}
		return func(o *organization) bool {
			return slices.ContainsFunc(of(o), func(have string) bool { return slices.Contains(wanted, have) })
		}, nil
	}
}

// contains is a filter for what has a text in it (docs: at least three characters).
func contains(of func(*organization) []string) filterMaker {
	return func(name string, value json.RawMessage) (filter, error) {
		var part string
		if err := json.Unmarshal(value, &part); err != nil {
			return nil, refuse("organization_search_expected_string", "%s must be a string.", name)
		}
		if len(part) < 3 {
			return nil, refuse("organization_search_"+name+"_too_short", "%s must be at least 3 characters.", name)
		}
		part = strings.ToLower(part)
		return func(o *organization) bool {
			return slices.ContainsFunc(of(o), func(have string) bool { return strings.Contains(strings.ToLower(have), part) })
		}, nil
	}
}

func hasActive(name string, value json.RawMessage) (filter, error) {
	var wanted bool
	if err := json.Unmarshal(value, &wanted); err != nil {
		return nil, refuse("bad_request", "%s must be true or false.", name)
	}
	return func(o *organization) bool { return len(activeOf(o.sso)) > 0 == wanted }, nil
}

func hasConnection(name string, value json.RawMessage) (filter, error) {
	var wanted string
	if err := json.Unmarshal(value, &wanted); err != nil {
		return nil, refuse("organization_search_expected_string", "%s must be a string.", name)
	}
	return func(o *organization) bool {
		return slices.ContainsFunc(o.sso, func(c connection) bool { return c.base().id == wanted })
	}, nil
}
