package stytch

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a Secret would have been printed.
const redacted = "[redacted]"

// Secret is a value that must not be seen: a project's secret, a bearer token, a
// private key. However it is printed, logged or encoded, it reads "[redacted]";
// only [Secret.Reveal] gives it away.
//
// One way round this is left open by Go itself: fmt does not call the methods of
// what stands in an unexported field. No struct of this package keeps a Secret in
// one, and none of another should.
type Secret string

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

// LastFour returns the last four characters, by which Stytch and people name a
// token, or "" when the value is too short to be named without giving it away.
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

// Format writes "[redacted]", whatever the verb: %x and %q would otherwise print
// the bytes.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
