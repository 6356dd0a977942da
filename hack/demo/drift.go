package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// elsewhere is where somebody sends the logins who should not.
const elsewhere = "https://login.attacker.example/"

// drifted is a field that somebody changes at Stytch, and where what is wanted instead comes from.
type drifted struct {
	sample           object
	operation, field string
	from             string
	is               object // as it stands in the cluster
	had              any
}

// drift: changes behind the operator's back are found and repaired at the next slot, also of what no manifest names.
func (s *story) drift(ctx context.Context) error {
	changed := []drifted{
		{sample: s.samples.saml, operation: "UpdateSAMLConnection", field: "idp_sso_url", from: "the manifest"},
		{sample: s.samples.byMetadata, operation: "UpdateSAMLConnection", field: "idp_entity_id", from: "the metadata that Stytch read"},
		{sample: s.samples.oidc, operation: "UpdateOIDCConnection", field: "token_url", from: "the issuer's discovery document"},
	}
	before, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	s.terminal.note("Somebody changes three connections at Stytch, past the operator: logins would now go elsewhere.")
	for i := range changed {
		if err := s.pointElsewhere(ctx, &changed[i]); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := s.awaitRepaired(ctx, changed); err != nil {
		return err
	}
	took := time.Since(began)
	sent, err := s.sim.since(ctx, before)
	if err != nil {
		return err
	}
	s.terminal.note("The journal since:")
	s.terminal.journal(sent)
	for _, d := range changed {
		if _, err := d.is.about(sent).onlyUpdate(d.operation, d.field); err != nil {
			return fmt.Errorf("%s: %w", d.sample.name(), err)
		}
		s.terminal.seen("%s: %s is put back as %s has it, by one PUT with that one field", d.sample.name(), d.field, d.from)
	}
	s.terminal.seen("all of it was found at the next look, %s after the change (the interval is %s)", took.Round(time.Second/10), resync)
	return s.driftEvents(ctx, changed)
}

func (s *story) pointElsewhere(ctx context.Context, d *drifted) (err error) {
	if d.is, err = s.kubectl.get(ctx, d.sample.Kind, d.sample.Metadata.Name); err != nil {
		return err
	}
	had, err := s.sim.connection(ctx, d.is)
	if err != nil {
		return err
	}
	d.had = had.Fields[d.field]
	return s.sim.show(ctx, http.MethodPatch, "/__sim/connections/"+d.is.Status.ConnectionID, map[string]string{d.field: elsewhere}, nil)
}

func (s *story) awaitRepaired(ctx context.Context, changed []drifted) error {
	return s.await(ctx, "the next look, at most "+resync.String()+" away,", resync+5*time.Second, func(ctx context.Context) (string, bool, error) {
		var left []string
		for _, d := range changed {
			is, err := s.sim.connection(ctx, d.is)
			if err != nil {
				return "", false, err
			}
			if is.Fields[d.field] != d.had {
				left = append(left, fmt.Sprintf("%s is %v", d.field, is.Fields[d.field]))
			}
		}
		return strings.Join(left, ", "), len(left) == 0, nil
	})
}

// driftEvents looks for the events that name what was changed.
func (s *story) driftEvents(ctx context.Context, changed []drifted) error {
	err := s.await(ctx, "the events", 10*time.Second, func(ctx context.Context) (string, bool, error) {
		events, err := s.kubectl.list(ctx, "events")
		found := 0
		for _, d := range changed {
			for _, e := range events {
				if e.isAbout(d.sample) && e.Reason == "Updated" && strings.Contains(e.Note, elsewhere) {
					found++
					break
				}
			}
		}
		return fmt.Sprintf("%d of %d events", found, len(events)), found == len(changed), err
	})
	if err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "events", "--for", s.samples.oidc.name()); err != nil {
		return err
	}
	s.terminal.seen("events say what was found and what was put back")
	return nil
}
