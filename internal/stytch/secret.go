package stytch

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is printed instead of a Secret.
const redacted = "[redacted]"

// Secret is a value that must not be shown: the secret of a project, a bearer
// token, a private key. Printed, logged or encoded it is "[redacted]"; only
// [Secret.Reveal] returns the value.
//
// Go leaves one gap: fmt does not call the methods of unexported fields. No
// struct of this package has a Secret in an unexported field, and no other struct
// should.
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }

// LastFour returns the last four characters, by which Stytch and people identify
// a token, or "" if the value has fewer than 8.
func (s Secret) LastFour() string {
	if len(s) < 8 {
		return ""
	}
	return string(s[len(s)-4:])
}

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return redacted }

// Format writes "[redacted]" for all verbs: %x and %q would otherwise print the
// bytes.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
