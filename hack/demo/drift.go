package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// drift: changes outside the operator are found and repaired at the next resync, also of what no manifest mentions.
func (s *story) drift() {
	type drifted struct {
		object
		operation, field, from string // which change repairs it, and where the desired value comes from
		had                    any
		events                 int // about it, earlier
	}
	changed := []drifted{
		{object: s.get(s.saml), operation: "UpdateSAMLConnection", field: "idp_sso_url", from: "the manifest"},
		{object: s.get(s.byMetadata), operation: "UpdateSAMLConnection", field: "idp_entity_id", from: "the metadata that Stytch read"},
		{object: s.get(s.oidc), operation: "UpdateOIDCConnection", field: "token_url", from: "the issuer's discovery document"},
	}
	seq, began := s.Seq(), time.Now()
	s.Note("Somebody changes three connections in Stytch, so that logins would go elsewhere.")
	for i, d := range changed {
		changed[i].had, changed[i].events = s.remote(d.object).Fields[d.field], len(s.events(d.object))
		s.Curl(http.MethodPatch, "/connections/"+d.Status.ConnectionID, map[string]string{d.field: "https://login.attacker.example/"})
	}
	s.Await(fmt.Sprintf("the next resync, at most %s away,", resync), nextResync, func() (string, bool) {
		var left []string
		for _, d := range changed {
			if is := s.remote(d.object).Fields[d.field]; is != d.had {
				left = append(left, fmt.Sprintf("%s is %v", d.field, is))
			}
		}
		return strings.Join(left, ", "), len(left) == 0
	})
	took := tenths(began)
	sent := s.changesSince(seq)
	for _, d := range changed {
		sent.about(d.object).expect(d.operation + " " + d.field)
		s.awaitEvents(d.object, d.events, "Updated")
		s.Seen("%s: %s is again what %s says, by one PUT with that one field, and an event names it", d.name(), d.field, d.from)
	}
	s.Show("events", "--for", s.oidc.name())
	s.Seen("all of it was found at the next resync, %s after the change (the interval is %s)", took, resync)
}

// remote is an object's connection, as Stytch holds it.
func (s *story) remote(o object) (is stytchsim.Connection) {
	s.Ask(http.MethodGet, "/connections/"+o.Status.ConnectionID, nil, &is)
	return is
}

// events are the reasons of the events about an object, in their order.
func (s *story) events(o object) (reasons []string) {
	for _, e := range s.list("events") {
		if e.InvolvedObject.Kind == o.Kind && e.InvolvedObject.Name == o.Metadata.Name {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

// awaitEvents waits for events with these reasons, after so many earlier ones. The manager sends them a moment after the fact.
func (s *story) awaitEvents(o object, earlier int, reasons ...string) {
	s.Await("the events of "+o.name(), soon, func() (string, bool) {
		now := s.events(o)[earlier:]
		return fmt.Sprint(now), !slices.ContainsFunc(reasons, func(reason string) bool { return !slices.Contains(now, reason) })
	})
}
