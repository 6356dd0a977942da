package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// plan: under Observe an edit shows field, have and want and sends nothing; Manage then sends one PUT with that one field.
func (s *story) plan(ctx context.Context) error {
	before, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	saml := s.samples.saml
	want := saml.Spec.DisplayName + " (renamed)"
	if err := s.change(ctx, saml, fmt.Sprintf(`{"spec":{"management":"Observe","displayName":%q}}`, want)); err != nil {
		return err
	}
	if err := s.awaitPlan(ctx, change{Field: "display_name", Have: saml.Spec.DisplayName, Want: want}); err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "get", "samlconnection", saml.Metadata.Name, "-o", `jsonpath={.status.plan}{"\n"}{.status.conditions[?(@.type=="Synced")].message}{"\n"}`); err != nil {
		return err
	}
	sent, err := s.sim.since(ctx, before)
	if err != nil {
		return err
	}
	if changing := sent.changing(); len(changing) > 0 {
		return fmt.Errorf("under Observe something was sent: %s", changing.counts())
	}
	s.terminal.seen("status.plan says what would be done; nothing was sent (the journal since: %s)", sent.counts())
	return s.carryOut(ctx, before)
}

func (s *story) awaitPlan(ctx context.Context, want change) error {
	saml := s.samples.saml
	return s.await(ctx, "the plan", 20*time.Second, func(ctx context.Context) (string, bool, error) {
		o, err := s.kubectl.get(ctx, saml.Kind, saml.Metadata.Name)
		planned := len(o.Status.Plan) == 1 && o.Status.Plan[0] == want
		return fmt.Sprintf("%s, plan %v", o.standing(), o.Status.Plan), planned && o.condition("Synced").Reason == "PlanPending", err
	})
}

// carryOut lets the plan be done, and finds the one request in the journal that status speaks of.
func (s *story) carryOut(ctx context.Context, before int) error {
	saml := s.samples.saml
	if err := s.change(ctx, saml, `{"spec":{"management":"Manage"}}`); err != nil {
		return err
	}
	if err := s.awaitInForce(ctx, "the plan to be carried out", 20*time.Second, saml.name()); err != nil {
		return err
	}
	sent, err := s.sim.since(ctx, before)
	if err != nil {
		return err
	}
	s.terminal.note("The journal since the first edit:")
	s.terminal.journal(sent)
	put, err := sent.onlyUpdate("UpdateSAMLConnection", "display_name")
	if err != nil {
		return err
	}
	id, err := s.kubectl.show(ctx, "get", "samlconnection", saml.Metadata.Name, "-o", "jsonpath={.status.lastRequest.requestID}")
	if err != nil {
		return err
	}
	if id == "" || id != put.RequestID {
		return errors.New("status.lastRequest is another request than the PUT in the journal, " + put.RequestID)
	}
	s.terminal.seen("one PUT with that one field; its request ID at Stytch is the one in status.lastRequest")
	return nil
}
