package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const annotation = "connections.stytch-operator.dev/"

// rotation: a token is replaced. The first rotation is canceled, the second is carried through with an acknowledgement.
func (s *story) rotation(ctx context.Context) error {
	entry, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	scim, current, err := s.tokenOf(ctx, s.samples.scim)
	if err != nil {
		return err
	}
	four := scim.Status.BearerToken.LastFour
	abandoned, err := s.begin(ctx, four)
	if err != nil {
		return err
	}
	if err := s.abandon(ctx, current, abandoned); err != nil {
		return err
	}
	next, err := s.begin(ctx, four+"-2")
	if err != nil {
		return err
	}
	if err := s.acknowledge(ctx, current, next); err != nil {
		return err
	}
	if err := s.rotated(ctx, entry, scim); err != nil {
		return err
	}
	if err := s.nowhere(ctx, current, abandoned); err != nil {
		return err
	}
	return s.searchFor(ctx, bearerToken(next))
}

// annotate sets annotations of the SCIM sample.
func (s *story) annotate(ctx context.Context, notes ...string) error {
	args := []string{"annotate", "--overwrite", s.samples.scim.name()}
	for _, note := range notes {
		args = append(args, annotation+note)
	}
	_, err := s.kubectl.show(ctx, args...)
	return err
}

// begin asks for a rotation and returns the next token, once the Secret offers both.
func (s *story) begin(ctx context.Context, request string) (string, error) {
	if err := s.annotate(ctx, "rotate-token="+request); err != nil {
		return "", err
	}
	if err := s.awaitToken(ctx, "a rotation to wait for its acknowledgement", func(scim object, secret map[string][]byte) bool {
		return scim.condition("Rotating").Reason == "AwaitingAcknowledgement" && len(secret["next-token"]) > 0
	}); err != nil {
		return "", err
	}
	if _, err := s.kubectl.show(ctx, "get", s.samples.scim.name(), "-o", `jsonpath={.status.conditions[?(@.type=="Rotating")].message}{"\n"}`); err != nil {
		return "", err
	}
	scim, secret, err := s.secretOf(ctx)
	if err != nil {
		return "", err
	}
	if !scim.inForce() {
		return "", fmt.Errorf("a rotation that waits is no trouble, and yet: %s", scim.standing())
	}
	for _, key := range []string{"token", "next-token"} {
		accepted, err := s.sim.accepts(ctx, scim.Status.ConnectionID, string(secret[key]))
		if err != nil || !accepted {
			return "", errors.Join(err, fmt.Errorf("the Secret's %s is accepted: %v", key, accepted))
		}
	}
	s.terminal.seen("Secret %s holds both tokens, Stytch accepts both, and Ready is True", scim.Spec.BearerToken.SecretName)
	return string(secret["next-token"]), nil
}

// secretOf is the SCIM sample and what its token's Secret holds.
func (s *story) secretOf(ctx context.Context) (object, map[string][]byte, error) {
	scim, err := s.kubectl.get(ctx, kindSCIM, s.samples.scim.Metadata.Name)
	if err != nil {
		return scim, nil, err
	}
	secret, err := s.kubectl.get(ctx, "secret", scim.Spec.BearerToken.SecretName)
	return scim, secret.Data, err
}

// awaitToken waits until the SCIM sample and its Secret are as they should be.
func (s *story) awaitToken(ctx context.Context, what string, is func(scim object, secret map[string][]byte) bool) error {
	return s.await(ctx, what, 15*time.Second, func(ctx context.Context) (string, bool, error) {
		scim, secret, err := s.secretOf(ctx)
		return scim.standing(), err == nil && is(scim, secret), err
	})
}

// abandon cancels a rotation, and finds the current token untouched.
func (s *story) abandon(ctx context.Context, current, next string) error {
	s.terminal.note("It was too early: the rotation is canceled. An acknowledgement of another token does nothing.")
	if err := s.annotate(ctx, "acknowledge-token=0000", "cancel-rotation="+next[len(next)-4:]); err != nil {
		return err
	}
	return s.over(ctx, "the rotation to be canceled", current, next)
}

// acknowledge completes a rotation, and finds the next token in the place of the current one.
func (s *story) acknowledge(ctx context.Context, current, next string) error {
	s.terminal.note("The next token was given to the identity provider. That is said:")
	if err := s.annotate(ctx, "acknowledge-token="+next[len(next)-4:]); err != nil {
		return err
	}
	return s.over(ctx, "the rotation to be completed", next, current)
}

// over waits until the Secret holds the one token alone, and checks that Stytch accepts that and not the other.
func (s *story) over(ctx context.Context, what, good, bad string) error {
	if err := s.awaitToken(ctx, what, func(scim object, secret map[string][]byte) bool {
		return scim.condition("Rotating").Status != "True" && secret["next-token"] == nil && string(secret["token"]) == good
	}); err != nil {
		return err
	}
	scim, _, err := s.secretOf(ctx)
	if err != nil {
		return err
	}
	first, err := s.sim.accepts(ctx, scim.Status.ConnectionID, good)
	if err != nil {
		return err
	}
	second, err := s.sim.accepts(ctx, scim.Status.ConnectionID, bad)
	if err != nil || !first || second {
		return errors.Join(err, fmt.Errorf("stytch accepts the token in the Secret: %v, the other one: %v", first, second))
	}
	s.terminal.seen("the Secret holds one token, which ends in %s; Stytch accepts that one and not the one that ends in %s", good[len(good)-4:], bad[len(bad)-4:])
	return nil
}

// rotated checks in the journal and the events what was done, and takes the annotations back.
func (s *story) rotated(ctx context.Context, entry int, scim object) error {
	sent, err := s.sim.since(ctx, entry)
	if err != nil {
		return err
	}
	changing := scim.about(sent).changing()
	s.terminal.journal(changing)
	var operations []string
	for _, c := range changing {
		operations = append(operations, strings.TrimSuffix(c.Operation, "SCIMTokenRotation"))
	}
	if !slices.Equal(operations, []string{"Start", "Cancel", "Start", "Complete"}) {
		return fmt.Errorf("start, cancel, start, complete were expected, and the journal has: %v", operations)
	}
	events, err := s.kubectl.show(ctx, "events", "--for", scim.name(), "--types", "Normal")
	if err != nil {
		return err
	}
	for _, reason := range []string{"RotationStarted", "RotationCanceled", "TokenRotated"} {
		if !strings.Contains(events, reason) {
			return fmt.Errorf("no event says %s", reason)
		}
	}
	if _, err := s.kubectl.show(ctx, "get", scim.name(), "-o", `jsonpath={.status.conditions[?(@.type=="Synced")].message}{"\n"}`); err != nil {
		return err
	}
	s.terminal.seen("the annotations are bound to tokens: left in Git, they never rotate again")
	return s.annotate(ctx, "rotate-token-", "acknowledge-token-", "cancel-rotation-")
}

// nowhere checks that tokens of the past stand nowhere at all.
func (s *story) nowhere(ctx context.Context, tokens ...string) error {
	places, err := s.elsewhere(ctx)
	if err != nil {
		return err
	}
	if places["the Secrets"], err = s.kubectl.run(ctx, "get", "-A", "-o", "json", "secrets"); err != nil {
		return err
	}
	var past []hidden
	for _, token := range tokens {
		past = append(past, hidden{"a token of the past", token, []string{token[:len(token)-4]}})
	}
	_, err = searched(places, past)
	return err
}
