package stytchsim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// document is a JSON object of an answer.
type document map[string]any

// field is a field of a connection: its name in the API and where its value
// stands. Requests, drift by hand and answers all go through this one list. A
// secret is never rendered by it.
type field struct {
	name   string
	at     any // *string, *bool, *time.Time, *map[string]string, *[]assignment, *[]certificate, *[]encryptionKey
	secret bool
}

// renderer writes answers by the positions of the switches.
type renderer struct {
	switches Switches
	seq      int
}

// measured is the renderer of an object whose form was recorded: nothing is
// absent from it, no list and no string is null, and times are whole seconds.
func (r renderer) measured() renderer {
	r.switches.Lists, r.switches.Strings, r.switches.Timestamps = posEmpty, posEmpty, posSeconds
	return r
}

// fields renders a connection's fields.
func (r renderer) fields(fields []field) document {
	d := document{}
	for _, f := range fields {
		if f.secret {
			continue
		}
		switch at := f.at.(type) {
		case *string:
			r.text(d, f.name, *at)
		case *bool:
			d[f.name] = *at
		case *time.Time:
			r.time(d, f.name, *at)
		case *map[string]string:
			r.mapping(d, f.name, *at)
		case *[]assignment:
			list(r, d, f.name, *at, func(a assignment) any { return maps.Clone(a) })
		case *[]certificate:
			list(r, d, f.name, *at, r.certificate)
		case *[]encryptionKey:
			list(r, d, f.name, *at, r.encryptionKey)
		}
	}
	return d
}

// text writes a string; without a value it is what the switch strings says.
// Openapi marks strings as always present and never null, and the samples have
// "", but an API generated from protocol buffers may drop zero values.
func (r renderer) text(d document, name, value string) {
	putOrOmit(d, name, value, value == "", r.switches.Strings)
}

// list writes a list in the order the switch says; an empty one is what the
// switch lists says. The reason is the same as for strings.
func list[T any](r renderer, d document, name string, values []T, one func(T) any) {
	items := make([]any, 0, len(values))
	for _, value := range values {
		items = append(items, one(value))
	}
	switch r.switches.Order {
	case posReversed:
		slices.Reverse(items)
	case posRotating:
		if n := len(items); n > 0 {
			items = slices.Concat(items[r.seq%n:], items[:r.seq%n])
		}
	}
	putOrOmit(d, name, items, len(items) == 0, r.switches.Lists)
}

// mapping writes an attribute_mapping: optional in openapi, null in a sample. The
// unset maps of an organization are {} (live), hence the default of its switch.
func (r renderer) mapping(d document, name string, value map[string]string) {
	putOrOmit(d, name, maps.Clone(value), len(value) == 0, r.switches.UnsetMapping)
	if len(value) == 0 && r.switches.UnsetMapping == posEmpty {
		d[name] = map[string]string{}
	}
}

// time writes a timestamp; one that is not set is absent.
//
// Source: RFC 3339 in UTC in every sample, seconds in the docs, nanoseconds in
// webhooks; all optional in openapi.
func (r renderer) time(d document, name string, value time.Time) {
	if value.IsZero() || r.switches.Timestamps == posAbsent {
		return
	}
	layout := time.RFC3339
	if r.switches.Timestamps == "nanoseconds" {
		layout = "2006-01-02T15:04:05.000000000Z07:00"
	}
	d[name] = value.UTC().Format(layout)
}

func putOrOmit(d document, name string, value any, without bool, position string) {
	switch {
	case !without || position == posEmpty:
		d[name] = value
	case position == posNull:
		d[name] = nil
	}
}

// masked writes a secret by the position of its switch.
func (r renderer) masked(d document, name, value, position string) {
	switch {
	case position == posMasked && value != "":
		d[name] = "********"
	case position == posEmpty:
		r.text(d, name, "")
	default:
		r.text(d, name, value)
	}
}

// provider writes an identity_provider. Never set, it is "" in the admin
// portal's fixtures; "generic" would be as good.
func (r renderer) provider(d document, value string) {
	if value == "" && r.switches.UnsetProvider != posEmpty {
		value = r.switches.UnsetProvider
	}
	r.text(d, "identity_provider", value)
}

// pem writes PEM as the switch says. Whether Stytch keeps the text it was sent
// or writes its own is unknown.
func (r renderer) pem(standard, sent string) string {
	switch r.switches.PEM {
	case posAsSent:
		return sent
	case "crlf":
		return strings.ReplaceAll(standard, "\n", "\r\n")
	case "no-final-newline":
		return strings.TrimSuffix(standard, "\n")
	case "one-line":
		lines := strings.Split(strings.TrimSuffix(standard, "\n"), "\n")
		last := len(lines) - 1
		return lines[0] + "\n" + strings.Join(lines[1:last], "") + "\n" + lines[last] + "\n"
	default:
		return standard
	}
}
