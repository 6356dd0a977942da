package stytch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// The types of the wire files are the JSON of Stytch's responses. Fields that they
// do not name are ignored: Stytch adds fields without notice. They hold no secrets
// but the two bearer tokens that are shown once; of a client secret only the SHA-256
// is read.

// envelope is part of all responses.
type envelope struct {
	RequestID    string    `json:"request_id"`
	StatusCode   int       `json:"status_code"`
	ErrorType    looseText `json:"error_type"`
	ErrorMessage looseText `json:"error_message"`
}

// and adds its fields to the parts of a list.
func (e *envelope) and(parts map[string]any) map[string]any {
	parts["request_id"], parts["status_code"] = &e.RequestID, &e.StatusCode
	parts["error_type"], parts["error_message"] = &e.ErrorType, &e.ErrorMessage
	return parts
}

// fromStytch distinguishes a response of Stytch to a call that succeeded from the JSON of a
// proxy.
func (e envelope) fromStytch() bool {
	return (e.RequestID != "" || e.StatusCode != 0) && e.ErrorType == ""
}

func (e envelope) requestID(hidden []string) string { return named(e.RequestID, identifier, hidden) }

// reply is the response to a call that succeeded.
type reply interface {
	fromStytch() bool
	requestID(hidden []string) string
}

func decode(body []byte, into any) error { return json.Unmarshal(body, into) }

// looseText is a string, or the JSON of a value that is not a string: an
// attribute mapping is documented as a free object.
type looseText string

// UnmarshalJSON never fails.
func (t *looseText) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		var compact bytes.Buffer
		_ = json.Compact(&compact, raw)
		s = compact.String()
	}
	*t = looseText(s)
	return nil
}

// optionalTime is an optional RFC 3339 time. One that cannot be parsed counts as
// absent, and so does one that has no such form in UTC.
type optionalTime struct{ time.Time }

// UnmarshalJSON never fails.
func (m *optionalTime) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		m.Time, _ = time.Parse(time.RFC3339Nano, s)
	}
	if year := m.UTC().Year(); year < 1 || year > 9999 {
		m.Time = time.Time{}
	}
	return nil
}

type whoamiReply struct {
	envelope
	ProjectID string `json:"project_id"`
	Name      string `json:"name"`
}

type organizationReply struct {
	envelope
	Organization struct {
		wireOrganization
		CustomRoles []wireRole `json:"custom_roles"`
	} `json:"organization"`
}

type wireOrganization struct {
	ID   string    `json:"organization_id"`
	Slug looseText `json:"organization_slug"`
	Name looseText `json:"organization_name"`
}

func (w wireOrganization) organization() Organization {
	return Organization{ID: w.ID, Slug: string(w.Slug), Name: string(w.Name)}
}

// organizationsReply is one page of a search for organizations.
type organizationsReply struct {
	envelope
	Organizations []Organization
	Metadata      struct {
		NextCursor string `json:"next_cursor"`
	}
}

func (r *organizationsReply) parts() map[string]any {
	return r.and(map[string]any{
		"organizations": listOf(&r.Organizations, wireOrganization.organization), "results_metadata": &r.Metadata,
	})
}

type policyReply struct {
	envelope
	Policy struct {
		Roles []wireRole `json:"roles"`
	} `json:"policy"`
}

// connectionReply is the response to all calls about one connection. Connection
// may be nil: no schema of Stytch requires it.
type connectionReply[W any] struct {
	envelope
	Connection *W `json:"connection"`
}

// sortByID sorts the list of an organization by connection ID. It says why, if an
// element cannot be one of that list.
func sortByID[C identified](list []C, organizationID string) (problem string) {
	slices.SortFunc(list, func(a, b C) int { return strings.Compare(a.key(), b.key()) })
	for _, c := range list {
		problem = cmp.Or(problem, misplaced(c, organizationID))
	}
	return problem
}

// convert applies f to all elements. It returns nil for an empty list.
func convert[A, B any](list []A, f func(A) B) []B {
	if len(list) == 0 {
		return nil
	}
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}

type wireConnection struct {
	OrganizationID string `json:"organization_id"`
	ConnectionID   string `json:"connection_id"`
	Status         string `json:"status"`
	DisplayName    string `json:"display_name"`
}

func (w wireConnection) connection() Connection { return Connection(w) }
