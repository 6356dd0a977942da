package connection

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Fields of Stytch's update endpoints that are spoken of outside their own kind.
const (
	fieldDisplayName      = "display_name"
	fieldIdentityProvider = "identity_provider"
	fieldCertificate      = "x509_certificate"
	fieldCertificates     = "verification_certificates"
	fieldToken            = "bearer_token"
	fieldNextToken        = "next_bearer_token"
	fieldBaseURL          = "base_url"
)

// State is what a connection is set to: as a manifest wants it or as Stytch has it.
type State struct {
	// Settings are the fields that are replaced one by one. A wanted State names only what its manifest manages.
	Settings Settings
	// Certificates are the identity provider's verification certificates. Wanted nil: not managed.
	Certificates []Certificate
	// Incomplete says, of a wanted State, that some certificates of the manifest could not be read, so that none may be
	// removed.
	Incomplete bool
	// Token is the bearer token: wanted, as the Secret holds it, empty where it does not; seen, as Stytch accepts it. Nil
	// where a kind has none.
	Token *Token
	// New says, of a seen State, that the connection still bears the mark of its creation for this manifest.
	New bool
}

// Settings are values by the name of the field of Stytch's update endpoint.
type Settings map[string]Value

// Value is one setting.
type Value struct {
	// Send is the value as the body of a request has it.
	Send any
	// Same is the canonical form: two values are equal where these are.
	Same string
}

// Certificate is one verification certificate.
type Certificate struct {
	// SHA256 of the DER, in lower-case hexadecimal. Empty where Stytch shows something that cannot be read.
	SHA256 string
	// PEM of a wanted certificate.
	PEM string
	// ID and ExpiresAt of a certificate at Stytch.
	ID        string
	ExpiresAt time.Time
}

// Token is what may be known of a bearer token.
type Token struct {
	// LastFour characters of the token, and of the one that a rotation under way would put in its place.
	LastFour, NextLastFour string
	// BaseURL that belongs to it.
	BaseURL string
	// Foreign says, of a wanted token, that the Secret it should be kept in is not this connection's.
	Foreign bool
}

// Text is a setting that is a string.
func Text(s string) Value { return Value{Send: s, Same: s} }

// Provider is an identity provider, where Stytch means generic when it says nothing.
func Provider(s string) Value { return Value{Send: s, Same: cmp.Or(s, "generic")} }

// Flag is a setting that is true or false.
func Flag(b bool) Value { return canonical(b) }

// Mapping is an attribute mapping.
func Mapping(m map[string]string) Value {
	if m == nil {
		m = map[string]string{}
	}
	return canonical(m)
}

// roleAssignment is one entry of a list of implicit roles. Which of the two names of a group is used depends on the kind.
type roleAssignment struct {
	RoleID  string `json:"role_id"`
	Group   string `json:"group,omitempty"`
	GroupID string `json:"group_id,omitempty"`
}

// assignments is a list of implicit roles, whose order means nothing.
func assignments[T any](list []T, entry func(T) roleAssignment) Value {
	entries := make([]roleAssignment, 0, len(list))
	for _, item := range list {
		entries = append(entries, entry(item))
	}
	slices.SortFunc(entries, func(a, b roleAssignment) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.GroupID, b.GroupID), strings.Compare(a.RoleID, b.RoleID))
	})
	return canonical(slices.Compact(entries))
}

// roles is a list of implicit roles that everybody is given.
func roles(list []string) Value {
	return assignments(list, func(role string) roleAssignment { return roleAssignment{RoleID: role} })
}

// canonical is the value whose canonical form is its JSON. Only values that JSON can hold are passed.
func canonical(v any) Value {
	text, err := json.Marshal(v)
	if err != nil {
		panic("a setting that JSON cannot hold: " + err.Error())
	}
	return Value{Send: v, Same: string(text)}
}

// set adds a value to the settings where the manifest names it.
func (s Settings) set(field string, named bool, v Value) {
	if named {
		s[field] = v
	}
}

// fields turns changes into the body of an update.
func fields(changes []Change) stytch.Fields {
	body := stytch.Fields{}
	for _, c := range changes {
		body[c.Field] = c.Want.Send
	}
	return body
}
