package stytchsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// control serves a control endpoint: it reads the request and returns the value
// to write as JSON.
type control func(r *http.Request) (any, error)

// controlHandler serves the endpoints under /__sim. They need no credentials and
// accept requests from loopback addresses only.
func (s *Sim) controlHandler() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]control{
		"GET /__sim/state":                 func(*http.Request) (any, error) { return s.State(), nil },
		"GET /__sim/calls":                 s.controlCalls,
		"GET /__sim/switches":              func(*http.Request) (any, error) { return s.Switches(), nil },
		"PATCH /__sim/switches":            s.controlSwitches,
		"POST /__sim/projects":             withBody(func(p Project) (any, error) { return Project{ID: p.ID, Name: p.Name, Roles: p.Roles}, s.AddProject(p) }),
		"POST /__sim/organizations":        withBody(func(o Organization) (any, error) { return s.AddOrganization(o) }),
		"PATCH /__sim/organizations/{id}":  withIDAndFields(func(id string, f map[string]any) (any, error) { return s.PatchOrganization(id, f) }),
		"DELETE /__sim/organizations/{id}": withID(s.RemoveOrganization),
		"POST /__sim/groups":               withBody(func(g Group) (any, error) { return s.AddGroup(g) }),
		"DELETE /__sim/groups/{id}":        withID(s.RemoveGroup),
		"POST /__sim/members":              withBody(func(m Member) (any, error) { return s.AddMember(m) }),
		"PATCH /__sim/members/{id}":        withIDAndFields(func(id string, f map[string]any) (any, error) { return s.PatchMember(id, f) }),
		"DELETE /__sim/members/{id}":       withID(s.RemoveMember),
		"POST /__sim/sessions":             withBody(func(m Session) (any, error) { return s.AddSession(m) }),
		"DELETE /__sim/sessions/{id}":      withID(s.RemoveSession),
		"POST /__sim/verify-session":       withBody(func(c sessionClaim) (any, error) { return s.VerifySession(c.Session), nil }),
		"GET /__sim/connections/{id}":      s.controlConnection,
		"POST /__sim/connections":          withBody(func(h connectionBody) (any, error) { return s.AddConnection(h.Organization, h.Kind, h.Fields) }),
		"PATCH /__sim/connections/{id}":    withIDAndFields(func(id string, f map[string]any) (any, error) { return s.PatchConnection(id, f) }),
		"DELETE /__sim/connections/{id}":   withID(s.RemoveConnection),
		"POST /__sim/metadata":             withBody(func(d Document) (any, error) { return empty{}, s.AddDocument(d) }),
		"POST /__sim/verify-token":         withBody(func(t tokenClaim) (any, error) { return s.VerifyToken(t.ConnectionID, t.Token), nil }),
		"POST /__sim/faults":               withBody(s.controlFault),
		"DELETE /__sim/faults":             withoutBody(s.RemoveFaults),
		"POST /__sim/limits":               withBody(func(l Limit) (any, error) { return empty{}, s.AddLimit(l) }),
		"DELETE /__sim/limits":             withoutBody(s.RemoveLimits),
		"POST /__sim/reset":                withoutBody(s.Reset),
	} {
		mux.HandleFunc(pattern, handler(serve))
	}
	return onLoopback(mux)
}

type (
	empty          struct{}
	connectionBody struct {
		Organization string         `json:"organization"`
		Kind         Kind           `json:"kind"`
		Fields       map[string]any `json:"fields"`
	}
	tokenClaim struct {
		ConnectionID string `json:"connection_id"`
		Token        string `json:"token"`
	}
	sessionClaim struct {
		Session string `json:"session"` // a session_token or a session_jwt
	}
)

// onLoopback rejects requests from other machines: there are no credentials here.
func onLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			writeControl(w, http.StatusForbidden, problem{"the control endpoints accept requests from loopback addresses only"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

type problem struct {
	Error string `json:"error"`
}

// notFoundError is the error of an unknown ID.
type notFoundError struct{ what, id string }

func (m notFoundError) Error() string { return m.what + " " + m.id + " not found" }

func handler(serve control) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := serve(r)
		if err == nil {
			writeControl(w, http.StatusOK, value)
			return
		}
		status := http.StatusBadRequest
		if _, ok := errors.AsType[notFoundError](err); ok {
			status = http.StatusNotFound
		}
		writeControl(w, status, problem{err.Error()})
	}
}

func writeControl(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // the client may be gone
}

// withBody is an endpoint whose request body is a T.
func withBody[T any](serve func(T) (any, error)) control {
	return func(r *http.Request) (any, error) {
		var value T
		if err := readControl(r, &value); err != nil {
			return nil, err
		}
		return serve(value)
	}
}

func withIDAndFields(serve func(id string, fields map[string]any) (any, error)) control {
	return func(r *http.Request) (any, error) {
		var fields map[string]any
		if err := readControl(r, &fields); err != nil {
			return nil, err
		}
		return serve(r.PathValue("id"), fields)
	}
}

func withID(remove func(id string) error) control {
	return func(r *http.Request) (any, error) { return empty{}, remove(r.PathValue("id")) }
}

func withoutBody(do func()) control {
	return func(*http.Request) (any, error) {
		do()
		return empty{}, nil
	}
}

func readControl(r *http.Request, into any) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, largestBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("reading the request body: %w", err)
	}
	return nil
}

// remade makes a value that was decoded without a type one of a type.
func remade(value, into any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func (s *Sim) controlCalls(r *http.Request) (any, error) {
	since := 0
	if asked := r.URL.Query().Get("since"); asked != "" {
		var err error
		if since, err = strconv.Atoi(asked); err != nil {
			return nil, fmt.Errorf("since: %w", err)
		}
	}
	return s.CallsSince(since), nil
}

func (s *Sim) controlConnection(r *http.Request) (any, error) {
	id := r.PathValue("id")
	found, ok := s.Connection(id)
	if !ok {
		return nil, notFoundError{"connection", id}
	}
	return found, nil
}

func (s *Sim) controlSwitches(r *http.Request) (any, error) {
	moved := s.Switches()
	if err := readControl(r, &moved); err != nil {
		return nil, err
	}
	return moved, s.SetSwitches(moved)
}

func (s *Sim) controlFault(f Fault) (any, error) {
	id, err := s.AddFault(f)
	return map[string]int{"id": id}, err
}

// MarshalText writes a duration like 1m30s.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a duration like 1m30s.
func (d *Duration) UnmarshalText(data []byte) error {
	parsed, err := time.ParseDuration(string(data))
	if err != nil {
		return err
	}
	*d = Duration(parsed)
	return nil
}
