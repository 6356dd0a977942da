package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// deletion: with Retain the connection and the token's Secret stay; with Delete the connection goes, and the Secret is emptied.
func (s *story) deletion(ctx context.Context) error {
	if err := s.retained(ctx); err != nil {
		return err
	}
	if err := s.deleted(ctx); err != nil {
		return err
	}
	return s.inOrder(ctx)
}

// inOrder: a source that is re-used is not deleted at Stytch before who re-uses it.
func (s *story) inOrder(ctx context.Context) error {
	source, err := s.kubectl.get(ctx, kindSAML, s.samples.saml.Metadata.Name)
	if err != nil {
		return err
	}
	oidc, err := s.kubectl.get(ctx, kindOIDC, s.samples.oidc.Metadata.Name)
	if err != nil {
		return err
	}
	external, err := s.kubectl.get(ctx, kindExternal, s.samples.external.Metadata.Name)
	if err != nil {
		return err
	}
	for _, o := range []object{source, external} {
		if err := s.change(ctx, o, `{"spec":{"deletionPolicy":"Delete"}}`); err != nil {
			return err
		}
	}
	// Stytch keeps an organization's default connection.
	path := "/__sim/organizations/" + source.Status.OrganizationID
	if err := s.sim.ask(ctx, http.MethodPatch, path, map[string]string{"sso_default_connection_id": oidc.Status.ConnectionID}, nil); err != nil {
		return err
	}
	entry, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "delete", source.name(), "--wait=false"); err != nil {
		return err
	}
	if err := s.awaitReason(ctx, source, "DeletionBlocked", "Stalled", 10*time.Second); err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "get", source.name(), "-o", `jsonpath={.status.conditions[?(@.type=="Synced")].message}{"\n"}`); err != nil {
		return err
	}
	s.terminal.note("So that one goes first:")
	if err := errors.Join(s.remove(ctx, external), s.awaitGone(ctx, source)); err != nil {
		return err
	}
	return s.bothGone(ctx, entry, external, source)
}

// bothGone checks in the journal who went first.
func (s *story) bothGone(ctx context.Context, entry int, external, source object) error {
	sent, err := s.sim.since(ctx, entry)
	if err != nil {
		return err
	}
	sent = sent.changing()
	s.terminal.journal(sent)
	if len(sent) != 2 || len(external.about(sent[:1])) != 1 || len(source.about(sent[1:])) != 1 {
		return fmt.Errorf("a DELETE of %s and then one of %s were expected, and the journal has: %s", external.Status.ConnectionID, source.Status.ConnectionID, sent.counts())
	}
	s.terminal.seen("the source waited, named who re-uses it, and went by itself once that was gone")
	return nil
}

func (s *story) retained(ctx context.Context) error {
	scim, token, err := s.tokenOf(ctx, s.samples.scim)
	if err != nil {
		return err
	}
	entry, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	s.terminal.note("%s says nothing of deletionPolicy, so it is Retain:", scim.Metadata.Name)
	if err := s.remove(ctx, scim); err != nil {
		return err
	}
	there, err := s.sim.connections(ctx, scim.Status.OrganizationID, stytchsim.SCIM)
	if err != nil {
		return err
	}
	if len(there) != 1 || there[0].ID != scim.Status.ConnectionID {
		return fmt.Errorf("under Retain %s is not at Stytch any more", scim.Status.ConnectionID)
	}
	secret, err := s.showSecret(ctx, scim)
	if err != nil {
		return err
	}
	accepted, err := s.sim.accepts(ctx, scim.Status.ConnectionID, string(secret.Data["token"]))
	if err != nil || !accepted || string(secret.Data["token"]) != token || len(secret.Metadata.OwnerReferences) > 0 {
		return errors.Join(err, fmt.Errorf("the Secret does not hold the token any more, or is owned by %v", secret.Metadata.OwnerReferences))
	}
	sent, err := s.sim.since(ctx, entry)
	if err != nil {
		return err
	}
	if changing := sent.changing(); len(changing) > 0 {
		return fmt.Errorf("under Retain something was sent: %s", changing.counts())
	}
	s.terminal.seen("%s stays at Stytch, untouched; its token stays in the Secret, which no garbage collector will take: it has no owner", scim.Status.ConnectionID)
	return nil
}

func (s *story) deleted(ctx context.Context) error {
	entry, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	scim := s.crashed
	if err := s.change(ctx, scim, `{"spec":{"deletionPolicy":"Delete"}}`); err != nil {
		return err
	}
	if err := s.remove(ctx, scim); err != nil {
		return err
	}
	there, err := s.sim.connections(ctx, scim.Status.OrganizationID, stytchsim.SCIM)
	if err != nil {
		return err
	}
	secret, err := s.showSecret(ctx, scim)
	if err != nil {
		return err
	}
	if label := secret.Metadata.Labels["connections.stytch-operator.dev/connection"]; len(there) > 0 || len(secret.Data) > 0 || label != "released" {
		return fmt.Errorf("under Delete %d connections are left, and the Secret has %d keys and the label %q", len(there), len(secret.Data), label)
	}
	sent, err := s.sim.since(ctx, entry)
	if err != nil {
		return err
	}
	s.terminal.note("The journal since:")
	s.terminal.journal(sent.changing())
	if changing := sent.changing(); len(changing) != 1 || changing[0].Operation != "DeleteSCIMConnection" {
		return fmt.Errorf("one DELETE was expected, and the journal has: %s", changing.counts())
	}
	s.terminal.seen("%s is gone at Stytch, by one DELETE; the Secret is emptied and given free", scim.Status.ConnectionID)
	return nil
}

// remove deletes a manifest, and waits until it is gone.
func (s *story) remove(ctx context.Context, o object) error {
	if _, err := s.kubectl.show(ctx, "delete", strings.ToLower(o.Kind), o.Metadata.Name, "--wait=false"); err != nil {
		return err
	}
	return s.awaitGone(ctx, o)
}

func (s *story) awaitGone(ctx context.Context, o object) error {
	return s.await(ctx, "the manifest to be gone", 20*time.Second, func(ctx context.Context) (string, bool, error) {
		absent, err := s.kubectl.absent(ctx, o.Kind, o.Metadata.Name)
		return "it is still there", absent, err
	})
}

// showSecret shows the Secret of a token without a value of it.
func (s *story) showSecret(ctx context.Context, scim object) (object, error) {
	name := scim.Spec.BearerToken.SecretName
	if _, err := s.kubectl.show(ctx, "get", "secret", name, "--show-labels"); err != nil {
		return object{}, err
	}
	return s.kubectl.get(ctx, "secret", name)
}
