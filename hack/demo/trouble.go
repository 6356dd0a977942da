package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// trouble: a wrong secret, and a 429.
func (s *story) trouble(ctx context.Context) error {
	if err := s.wrongSecret(ctx); err != nil {
		return err
	}
	return s.throttled(ctx)
}

// wrongSecret: everybody says what to do, nothing but the check is sent, and it recovers by itself.
func (s *story) wrongSecret(ctx context.Context) error {
	before, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	s.terminal.note("Somebody puts a wrong secret into the project's Secret, and then edits a connection.")
	if _, err := s.kubectl.show(ctx, "patch", "secret", "stytch", "-p", `{"stringData":{"secret":"secret-test-mistyped"}}`); err != nil {
		return err
	}
	if err := s.awaitProject(ctx, "False", "CredentialsRejected"); err != nil {
		return err
	}
	scim := s.samples.scim
	if err := s.change(ctx, scim, fmt.Sprintf(`{"spec":{"displayName":%q}}`, scim.Spec.DisplayName+" (edited)")); err != nil {
		return err
	}
	for _, o := range s.samples.connections() { // the edited one at once, the others at their slot
		if err := s.awaitReason(ctx, o, "CredentialsRejected", "Stalled", resync+5*time.Second); err != nil {
			return err
		}
	}
	for _, o := range []object{s.samples.project, scim} {
		if err := s.showConditions(ctx, o); err != nil {
			return err
		}
	}
	sent, err := s.sim.since(ctx, before)
	if err != nil {
		return err
	}
	sent = sent.from(http.StatusUnauthorized)
	if err := onlyChecks(sent); err != nil {
		return err
	}
	s.terminal.seen("project and connections say what to do; all that was sent with the wrong secret: %s", sent.counts())
	return s.rightSecret(ctx)
}

// onlyChecks says whether, with rejected credentials, nothing was sent but the check of them.
func onlyChecks(sent calls) error {
	if checks := sent.named("Whoami"); len(checks) == 0 || len(checks) != len(sent) {
		return fmt.Errorf("rejected checks and nothing else were expected, and the journal has: %s", sent.counts())
	}
	return nil
}

// rightSecret puts the secret right again; the edit that waited is carried out.
func (s *story) rightSecret(ctx context.Context) error {
	before, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"stringData": map[string]string{"secret": s.sim.Secret}})
	if err != nil {
		return err
	}
	file := s.path("right-secret.json")
	if err := os.WriteFile(file, patch, 0o600); err != nil {
		return err
	}
	began := time.Now()
	if _, err := s.kubectl.show(ctx, "patch", "secret", "stytch", "--patch-file", file); err != nil {
		return err
	}
	if err := s.awaitInForce(ctx, "recovery", 20*time.Second); err != nil {
		return err
	}
	took := time.Since(began)
	sent, err := s.sim.since(ctx, before)
	if err != nil {
		return err
	}
	if _, err := sent.onlyUpdate("UpdateSCIMConnection", "display_name"); err != nil {
		return err
	}
	s.terminal.seen("put right, it recovered by itself in %s, and the edit that had waited was sent: %s", took.Round(time.Second/10), sent.counts())
	return nil
}

func (s *story) awaitProject(ctx context.Context, status, reason string) error {
	return s.await(ctx, "the StytchProject to say "+reason, 10*time.Second, func(ctx context.Context) (string, bool, error) {
		o, err := s.kubectl.get(ctx, kindProject, s.samples.project.Metadata.Name)
		ready := o.condition("Ready")
		return o.standing(), ready.Status == status && ready.Reason == reason, err
	})
}

func (s *story) showConditions(ctx context.Context, o object) error {
	_, err := s.kubectl.show(ctx, "get", o.name(), "-o", `jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}{"\n"}{end}{.status.conditions[0].message}{"\n"}`)
	return err
}

// closedFor is what the 429 asks for. It is longer than the interval, so that drift checks come due in it and have to wait too.
const closedFor = resync + 2*time.Second

// throttled: a 429 closes the project for everybody, and passes by itself.
func (s *story) throttled(ctx context.Context) error {
	s.terminal.note("Stytch answers the next change with 429, to be tried again after %s: longer than an interval, so drift checks come due meanwhile.", closedFor)
	before, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	err = s.sim.fault(ctx, stytchsim.Fault{
		Method: http.MethodPut, Times: 1, Status: http.StatusTooManyRequests, ErrorType: "too_many_requests",
		RetryAfter: fmt.Sprint(closedFor.Seconds()),
	})
	if err != nil {
		return err
	}
	saml := s.samples.saml
	if err := s.change(ctx, saml, fmt.Sprintf(`{"spec":{"displayName":%q}}`, saml.Spec.DisplayName)); err != nil {
		return err
	}
	if err := s.awaitReason(ctx, saml, "Throttled", "Reconciling", 10*time.Second); err != nil {
		return err
	}
	if err := s.showConditions(ctx, saml); err != nil {
		return err
	}
	if err := s.awaitInForce(ctx, "the window to open again", closedFor+10*time.Second, saml.name()); err != nil {
		return err
	}
	sent, err := s.sim.since(ctx, before)
	if err != nil {
		return err
	}
	s.terminal.note("The journal since:")
	s.terminal.journal(sent)
	return s.closedWindow(ctx, sent)
}

// closedWindow looks in the journal for what was sent while nothing may be.
func (s *story) closedWindow(ctx context.Context, sent calls) error {
	refused := sent.where(func(c stytchsim.Call) bool { return c.Status == http.StatusTooManyRequests })
	if len(refused) != 1 {
		return fmt.Errorf("one 429 was planted, and the journal has %d", len(refused))
	}
	closed := refused[0].Time
	for _, c := range sent {
		if c.Time.After(closed) && c.Time.Before(closed.Add(closedFor)) {
			return fmt.Errorf("%s was sent %s after the 429, and nothing should be for %s", c.Operation, c.Time.Sub(closed), closedFor)
		}
	}
	after := sent.where(func(c stytchsim.Call) bool { return c.Time.After(closed) })
	put, err := after.onlyUpdate("UpdateSAMLConnection", "display_name")
	if err != nil {
		return err
	}
	s.terminal.seen("nothing was sent in the closed window; the change went out %s after the 429, by itself", put.Time.Sub(closed).Round(time.Second/10))
	return errors.Join(s.sim.noFaults(ctx), s.awaitInForce(ctx, "everything to be at rest", 10*time.Second))
}
