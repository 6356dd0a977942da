package stytch

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// The types of this file are what Stytch sends, as far as it is of use here.
// Whatever they do not name is ignored: Stytch adds fields without notice. What
// may be a secret has no place in them, but for the two tokens shown once; of a
// client secret a fingerprint is read.

// envelope is around every answer.
type envelope struct {
	RequestID    string    `json:"request_id"`
	StatusCode   int       `json:"status_code"`
	ErrorType    looseText `json:"error_type"`
	ErrorMessage looseText `json:"error_message"`
}

// fromStytch tells Stytch's answer from a proxy's that happens to be JSON.
func (e envelope) fromStytch() bool { return e.RequestID != "" || e.StatusCode != 0 }

func (e envelope) requestID() string { return printable(e.RequestID, 128) }

// reply is the answer to a call that succeeded.
type reply interface {
	fromStytch() bool
	requestID() string
}

func decode(body []byte, into any) error { return json.Unmarshal(body, into) }

// text is a string that may come as something else: an attribute mapping is
// documented as a free object. What is no string is kept as its JSON.
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

// moment is an optional RFC 3339 time; one that cannot be read is as good as none.
type optionalTime struct{ time.Time }

// UnmarshalJSON never fails.
func (m *optionalTime) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		m.Time, _ = time.Parse(time.RFC3339Nano, s)
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
		OrganizationID string `json:"organization_id"`
	} `json:"organization"`
}

// connectionReply is the answer to everything about one connection. It may lack
// the connection: no schema of Stytch requires it.
type connectionReply[W any] struct {
	envelope
	Connection *W `json:"connection"`
}

func sortedByID[W any, C identified](list []W, one func(W) C) ([]C, bool) {
	out := convert(list, one)
	slices.SortFunc(out, func(a, b C) int { return strings.Compare(a.key(), b.key()) })
	return out, len(out) == 0 || out[0].key() != ""
}

// mapped returns nil for nothing.
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
