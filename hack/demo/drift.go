package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// drift: a change behind the operator's back is found and repaired at the next slot.
func (s *story) drift(ctx context.Context) error {
	saml, err := s.kubectl.get(ctx, kindSAML, s.samples.saml.Metadata.Name)
	if err != nil {
		return err
	}
	before, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	const field, elsewhere = "idp_sso_url", "https://login.attacker.example/saml"
	path := "/__sim/connections/" + saml.Status.ConnectionID
	var had stytchsim.Connection
	if err := s.sim.ask(ctx, http.MethodGet, path, nil, &had); err != nil {
		return err
	}
	s.terminal.note("Somebody changes the connection at Stytch, past the operator: logins of the organization now go elsewhere.")
	if err := s.sim.show(ctx, http.MethodPatch, path, map[string]string{field: elsewhere}, nil); err != nil {
		return err
	}
	began := time.Now()
	if err := s.awaitField(ctx, path, field, had.Fields[field]); err != nil {
		return err
	}
	took := time.Since(began)
	sent, err := s.sim.since(ctx, before)
	if err != nil {
		return err
	}
	s.terminal.note("The journal since:")
	s.terminal.journal(sent)
	if _, err := sent.onlyUpdate("UpdateSAMLConnection", field); err != nil {
		return err
	}
	s.terminal.seen("found at the next look and repaired by one PUT with that one field, %s after the change (the interval is %s)", took.Round(time.Second/10), resync)
	return s.driftEvent(ctx, saml, elsewhere)
}

func (s *story) awaitField(ctx context.Context, path, field string, want any) error {
	return s.await(ctx, "the next look, at most "+resync.String()+" away,", resync+5*time.Second, func(ctx context.Context) (string, bool, error) {
		var is stytchsim.Connection
		err := s.sim.ask(ctx, http.MethodGet, path, nil, &is)
		return fmt.Sprintf("%s is %v", field, is.Fields[field]), is.Fields[field] == want, err
	})
}

// driftEvent looks for the event that names what was changed.
func (s *story) driftEvent(ctx context.Context, saml object, was string) error {
	err := s.await(ctx, "the event", 10*time.Second, func(ctx context.Context) (string, bool, error) {
		events, err := s.kubectl.list(ctx, "events")
		for _, e := range events {
			if e.About.Kind == saml.Kind && e.About.Name == saml.Metadata.Name && e.Reason == "Updated" && strings.Contains(e.Note, was) {
				return "", true, nil
			}
		}
		return fmt.Sprintf("%d events", len(events)), false, err
	})
	if err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "events", "--for", saml.name()); err != nil {
		return err
	}
	s.terminal.seen("an event says what was found and what was put back")
	return nil
}
