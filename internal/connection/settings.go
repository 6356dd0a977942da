package connection

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// FieldDisplayName is the field of Stytch's update endpoints that every kind has. All but one have an identity provider.
const (
	FieldDisplayName      = "display_name"
	fieldIdentityProvider = "identity_provider"
	fieldCertificates     = "verification_certificates"
)

// Setting is one field of a kind that an update replaces.
type Setting[O, R any] struct {
	// Field of Stytch's update endpoint.
	Field string
	Topic Topic
	// Wanted is the value that a manifest asks for, given what the manifest names; false where it does not manage the field. Nil:
	// no manifest does, and the field is only compared.
	Wanted func(o O, in Inputs) (Value, bool)
	// Seen is the value at Stytch.
	Seen func(r R) Value
}

// Field is a setting that a manifest gives by itself. Wanted is nil where no manifest manages the field.
func Field[O, R any](name string, topic Topic, wanted func(o O) (Value, bool), seen func(r R) Value) Setting[O, R] {
	setting := Setting[O, R]{Field: name, Topic: topic, Seen: seen}
	if wanted != nil {
		setting.Wanted = func(o O, _ Inputs) (Value, bool) { return wanted(o) }
	}
	return setting
}

// FieldFrom is a setting that is computed from what the manifest names, too.
func FieldFrom[O, R any](name string, topic Topic, wanted func(o O, in Inputs) (Value, bool), seen func(r R) Value) Setting[O, R] {
	return Setting[O, R]{Field: name, Topic: topic, Wanted: wanted, Seen: seen}
}

// Settings are values by the name of the field of Stytch's update endpoint.
type Settings map[string]Value

// Value is one setting.
type Value struct {
	// Send is the value as the body of a request has it.
	Send any
	// Same is the canonical form: two values are equal where these are.
	Same string
	// From is the object that holds the value, where the value must not be seen, not even hashed: it stands for it then.
	From *v1alpha1.Input
	// Unreadable says, of a seen value, that Stytch does not show it. Then it differs from a wanted one that was not Sent.
	Unreadable, Sent bool
	// With is a field together with which this one is always sent, because Stytch would overwrite it otherwise.
	With string
}

// wantedSettings are what a manifest asks for.
func wantedSettings[O, R any](table []Setting[O, R], o O, in Inputs) Settings {
	s := Settings{}
	for _, setting := range table {
		if setting.Wanted == nil {
			continue
		}
		if value, managed := setting.Wanted(o, in); managed {
			s[setting.Field] = value
		}
	}
	return s
}

// seenSettings are what Stytch shows.
func seenSettings[O, R any](table []Setting[O, R], r R) Settings {
	s := Settings{}
	for _, setting := range table {
		s[setting.Field] = setting.Seen(r)
	}
	return s
}

// ProviderSetting is the identity provider, where a manifest names one.
func ProviderSetting[O, R any](wanted func(O) string, seen func(R) string) Setting[O, R] {
	return Field(fieldIdentityProvider, TopicRest,
		func(o O) (Value, bool) { return Provider(wanted(o)), wanted(o) != "" },
		func(r R) Value { return Provider(seen(r)) })
}

// NonEmpty is a string that a manifest manages where it is not empty.
func NonEmpty(s string) (Value, bool) { return Text(s), s != "" }

// Clearable is a string that a manifest manages where it is given, although it may be empty.
func Clearable(s *string, value func(string) Value) (Value, bool) {
	if s == nil {
		return Value{}, false
	}
	return value(*s), true
}

// Text is a setting that is a string.
func Text(s string) Value { return Value{Send: s, Same: s} }

// Scopes are OAuth scopes as Stytch has them: separated by white space, which may be percent-encoded, and whose order means
// nothing.
func Scopes(s string) Value {
	decoded, err := url.PathUnescape(s)
	if err != nil {
		decoded = s
	}
	scopes := strings.Fields(decoded)
	slices.Sort(scopes)
	return Value{Send: s, Same: strings.Join(slices.Compact(scopes), " ")}
}

// Provider is an identity provider, where Stytch means generic when it says nothing.
func Provider(s string) Value { return Value{Send: s, Same: cmp.Or(s, "generic")} }

// Flag is a setting that is true or false.
func Flag(b bool) Value { return canonical(b) }

// Mapping is an attribute mapping.
func Mapping[S ~string](m map[string]S) Value {
	if m == nil {
		m = map[string]S{}
	}
	return canonical(m)
}

// RoleAssignment is one entry of a list of implicit roles. Which of the two names of a group is used depends on the kind.
type RoleAssignment struct {
	RoleID  string `json:"role_id"`
	Group   string `json:"group,omitempty"`
	GroupID string `json:"group_id,omitempty"`
}

// RoleAssignments is a list of implicit roles, whose order means nothing.
func RoleAssignments[T any](list []T, entry func(T) RoleAssignment) Value {
	entries := make([]RoleAssignment, 0, len(list))
	for _, item := range list {
		entries = append(entries, entry(item))
	}
	slices.SortFunc(entries, func(a, b RoleAssignment) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.GroupID, b.GroupID), strings.Compare(a.RoleID, b.RoleID))
	})
	return canonical(slices.Compact(entries))
}

// Roles is a list of implicit roles that everybody is given.
func Roles(list []string) Value {
	return RoleAssignments(list, func(role string) RoleAssignment { return RoleAssignment{RoleID: role} })
}

// WantedGroupRoles are a manifest's roles by group.
func WantedGroupRoles(list []v1alpha1.GroupRole) Value {
	return RoleAssignments(list, func(g v1alpha1.GroupRole) RoleAssignment { return RoleAssignment{RoleID: g.Role, Group: g.Group} })
}

// SeenGroupRoles are Stytch's roles by group.
func SeenGroupRoles(list []stytch.GroupRole) Value {
	return RoleAssignments(list, func(g stytch.GroupRole) RoleAssignment { return RoleAssignment{RoleID: g.RoleID, Group: g.Group} })
}

// canonical is the value whose canonical form is its JSON. Only values that JSON can hold are passed.
func canonical(v any) Value {
	text, err := json.Marshal(v)
	if err != nil {
		panic("a setting that JSON cannot hold: " + err.Error())
	}
	return Value{Send: v, Same: string(text)}
}

// AddOnce appends what a list does not hold yet.
func AddOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
