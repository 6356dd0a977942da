package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// simulator is the simulated Stytch, by its control endpoints. The demo plays the parts there that are not the operator's:
// whoever makes organizations, whoever changes something behind its back, and Stytch having a bad day.
type simulator struct {
	URL       string `json:"url"`
	ProjectID string `json:"projectID"`
	Secret    string `json:"secret"`

	terminal *terminal
}

// ask calls a control endpoint.
func (s *simulator) ask(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	response, err := (&http.Client{}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s was answered with %d: %s", method, path, response.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// show is a call of a control endpoint that the reader should see.
func (s *simulator) show(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	s.terminal.command("curl -X " + method + " $SIM" + path + " -d " + quoted(string(text)))
	return s.ask(ctx, method, path, body, into)
}

func (s *simulator) organization(ctx context.Context, slug string) error {
	return s.ask(ctx, http.MethodPost, "/__sim/organizations", stytchsim.Organization{Slug: slug, Name: slug}, nil)
}

func (s *simulator) fault(ctx context.Context, f stytchsim.Fault) error {
	return s.show(ctx, http.MethodPost, "/__sim/faults", f, nil)
}

func (s *simulator) noFaults(ctx context.Context) error {
	return s.ask(ctx, http.MethodDelete, "/__sim/faults", nil, nil)
}

// connections are those of an organization and kind.
func (s *simulator) connections(ctx context.Context, organizationID string, kind stytchsim.Kind) ([]stytchsim.Connection, error) {
	var state stytchsim.State
	if err := s.ask(ctx, http.MethodGet, "/__sim/state", nil, &state); err != nil {
		return nil, err
	}
	var found []stytchsim.Connection
	for _, c := range state.Connections {
		if c.OrganizationID == organizationID && c.Kind == kind {
			found = append(found, c)
		}
	}
	return found, nil
}

// connection is an object's connection, as Stytch keeps it.
func (s *simulator) connection(ctx context.Context, o object) (stytchsim.Connection, error) {
	var is stytchsim.Connection
	err := s.ask(ctx, http.MethodGet, "/__sim/connections/"+o.Status.ConnectionID, nil, &is)
	return is, err
}

// accepts asks whether a SCIM endpoint would let a token in.
func (s *simulator) accepts(ctx context.Context, connectionID, token string) (bool, error) {
	var verdict stytchsim.TokenCheck
	err := s.ask(ctx, http.MethodPost, "/__sim/verify-token", map[string]string{"connection_id": connectionID, "token": token}, &verdict)
	return verdict.Accepted, err
}
