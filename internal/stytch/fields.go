package stytch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// Fields is the body of a create or an update, by the field names of Stytch. A
// field that is absent is left unchanged; a zero value ("", false, an empty or
// nil list or map) is sent and clears the field. Null is never sent, since its
// meaning is not documented: a body that contains one is rejected before it is
// sent. A secret must be a [Secret] directly in Fields.
type Fields map[string]any

// encode returns the body as JSON.
func (f Fields) encode() ([]byte, error) {
	out := make(map[string]any, len(f))
	for name, value := range f {
		if secret, ok := value.(Secret); ok {
			out[name] = secret.Reveal()
			continue
		}
		if err := sendable(name, value); err != nil {
			return nil, err
		}
		out[name] = cleared(value)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, errors.New("the request cannot be encoded as JSON")
	}
	return body, nil
}

// secrets returns the values that must not be repeated from a response.
func (f Fields) secrets() []string {
	var hidden []string
	for _, value := range f {
		if secret, ok := value.(Secret); ok {
			hidden = append(hidden, secret.Reveal())
		}
	}
	return hidden
}

// cleared makes an empty list or map of a nil one, which would be null in JSON.
func cleared(value any) any {
	switch v := reflect.ValueOf(value); {
	case v.Kind() == reflect.Slice && v.IsNil():
		return []any{}
	case v.Kind() == reflect.Map && v.IsNil():
		return map[string]any{}
	}
	return value
}

// sendable rejects values that would be sent as null or as the placeholder of a
// secret.
func sendable(name string, value any) error {
	raw, err := json.Marshal(cleared(value))
	if err != nil {
		return fmt.Errorf("%s cannot be encoded as JSON", name)
	}
	for tokens := json.NewDecoder(bytes.NewReader(raw)); ; {
		token, err := tokens.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s cannot be encoded as JSON", name)
		case token == nil:
			return fmt.Errorf("%s would be sent as null", name)
		case token == redacted:
			return fmt.Errorf("%s would be sent as %s", name, redacted)
		}
	}
}
