package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// The manifest of the crash.
const crashManifest = `apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SCIMConnection
metadata:
  name: globex-scim
spec:
  organization: globex
  bearerToken:
    secretName: globex-scim-token
`

// crash: kill -9 of the manager between Stytch's commit of a create and its answer. After the restart there is one connection,
// and its token is in the Secret.
func (s *story) crash(ctx context.Context) error {
	entry, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	if err := s.killInCreation(ctx, entry); err != nil {
		return err
	}
	killed, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	if err := s.showWreck(ctx); err != nil {
		return err
	}
	before, err := s.leaseNow(ctx)
	if err != nil {
		return err
	}
	s.terminal.note("A new manager starts. It may act once the dead one's lease has run out: %s after it was renewed last, at %s.", leaseTerm, before.Spec.RenewTime.Local().Format("15:04:05"))
	began := time.Now()
	if err := s.startManager(ctx); err != nil {
		return err
	}
	if err := s.awaitLease(ctx, before); err != nil {
		return err
	}
	waited := time.Since(began)
	if err := s.awaitInForce(ctx, "the connection to be Ready", 20*time.Second, s.crashed.name()); err != nil {
		return err
	}
	s.terminal.seen("Ready %s after the new manager had the lease (for which it waited %s)", (time.Since(began) - waited).Round(time.Second/10), waited.Round(time.Second/10))
	return s.onceAndKept(ctx, entry, killed)
}

// killInCreation stops the manager's process while its POST is at Stytch, lets Stytch commit and answer, and kills it before it
// can read a byte of that.
func (s *story) killInCreation(ctx context.Context, before int) error {
	if err := s.sim.organization(ctx, "globex"); err != nil {
		return err
	}
	s.terminal.note("Stytch takes its time over the next creation:")
	if err := s.sim.fault(ctx, stytchsim.Fault{Operation: "CreateSCIMConnection", Times: 1, Delay: stytchsim.Duration(3 * time.Second)}); err != nil {
		return err
	}
	file := s.path("globex-scim.yaml")
	if err := os.WriteFile(file, []byte(crashManifest), 0o600); err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "apply", "-f", file); err != nil {
		return err
	}
	if err := s.awaitCreation(ctx, before, "the POST to be at Stytch", func(stytchsim.Call) bool { return true }); err != nil {
		return err
	}
	s.terminal.command(fmt.Sprintf("kill -STOP %d   # the manager: it cannot read the answer", s.manager.PID))
	s.manager.signal(syscall.SIGSTOP)
	if err := s.awaitCreation(ctx, before, "Stytch's commit", func(c stytchsim.Call) bool { return c.Committed }); err != nil {
		return err
	}
	s.terminal.command(fmt.Sprintf("kill -9 %d", s.manager.PID))
	s.manager.signal(syscall.SIGKILL)
	if !s.manager.gone(patience) {
		return errors.New("the manager outlived kill -9")
	}
	return s.ledger.strike(s.manager)
}

func (s *story) awaitCreation(ctx context.Context, before int, what string, is func(stytchsim.Call) bool) error {
	return s.await(ctx, what, 15*time.Second, func(ctx context.Context) (string, bool, error) {
		sent, err := s.sim.since(ctx, before)
		creations := sent.named("CreateSCIMConnection")
		return sent.counts(), len(creations) == 1 && is(creations[0]), err
	})
}

// showWreck shows what the crash left: a connection that nobody knows of, and a Secret without a token.
func (s *story) showWreck(ctx context.Context) (err error) {
	if s.crashed, err = s.kubectl.get(ctx, kindSCIM, "globex-scim"); err != nil {
		return err
	}
	secret, err := s.kubectl.get(ctx, "secret", s.crashed.Spec.BearerToken.SecretName)
	if err != nil {
		return err
	}
	if id := s.crashed.Status.ConnectionID; id != "" || len(secret.Data) > 0 {
		return fmt.Errorf("the crash came too late: connectionID %q is recorded, and the Secret has %d keys", id, len(secret.Data))
	}
	var state stytchsim.State
	if err := s.sim.ask(ctx, "GET", "/__sim/state", nil, &state); err != nil {
		return err
	}
	for _, c := range state.Connections {
		if strings.Contains(c.DisplayName, "[new ") {
			s.terminal.seen("Stytch has committed: %s is there, named %q after its manifest's mark", c.ID, c.DisplayName)
			s.terminal.seen("its ID stands nowhere in the cluster, its token in no Secret: the answer was lost")
			return nil
		}
	}
	return errors.New("stytch has no connection that bears a mark")
}

// onceAndKept checks that there is one connection, created once, and that its token is in the Secret.
func (s *story) onceAndKept(ctx context.Context, before, killed int) error {
	scim, token, err := s.tokenOf(ctx, s.crashed)
	if err != nil {
		return err
	}
	s.crashed = scim
	there, err := s.sim.connections(ctx, scim.Status.OrganizationID, stytchsim.SCIM)
	if err != nil {
		return err
	}
	all, err := s.sim.since(ctx, before)
	if err != nil {
		return err
	}
	since, err := s.sim.since(ctx, killed)
	if err != nil {
		return err
	}
	s.terminal.note("The journal of the organization since the restart:")
	s.terminal.journal(since.where(func(c stytchsim.Call) bool { return strings.Contains(c.Path, scim.Status.OrganizationID) }))
	if len(there) != 1 || there[0].ID != scim.Status.ConnectionID || len(all.named("CreateSCIMConnection")) != 1 {
		return fmt.Errorf("the organization has %d connections after %d creations, and status names %s", len(there), len(all.named("CreateSCIMConnection")), scim.Status.ConnectionID)
	}
	accepted, err := s.sim.accepts(ctx, scim.Status.ConnectionID, token)
	if err != nil || !accepted {
		return errors.Join(err, fmt.Errorf("the token in Secret %s is accepted: %v", scim.Spec.BearerToken.SecretName, accepted))
	}
	s.terminal.seen("one connection, created once, found by its mark; the lost token was replaced, and Stytch accepts the one in Secret %s", scim.Spec.BearerToken.SecretName)
	return s.searchFor(ctx, bearerToken(token))
}
