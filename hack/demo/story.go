package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// story is what is told, on parts that run.
type story struct {
	*parts
	samples *samples
	crashed object // the SCIM connection of the crash, which the deletions end with
}

// step is one claim of the product: what is done and checked, and why it matters.
type step struct {
	title string
	why   string
	tell  func(context.Context) error
}

func (s *story) steps() []step {
	return []step{
		{
			"Apply: manifests become connections", "no call is spent beyond what the API itself asks for, and Ready is said only once Stytch calls the connection active.",
			s.apply,
		},
		{
			"The token: in its Secret and nowhere else", "Stytch shows a SCIM token once. It is kept where it belongs, and status tells everything about it but itself.",
			s.token,
		},
		{
			"A plan first: Observe shows, Manage does", "an update is the difference and nothing else, so what the manifest does not mention cannot be lost; and support finds the very request.",
			s.plan,
		},
		{
			"Drift: changes behind its back", "pointing a connection at another identity provider is the attack that matters. It lasts one interval at most, and an event names it.",
			s.drift,
		},
		{
			"Certificates: before they end", "an identity provider's certificate that ran out ends every login of its organization; one that is removed too early does the same.",
			s.rollover,
		},
		{
			"Keys and a client secret: rolled over in their Secrets", "whoever keeps secrets (cert-manager, an external store) need not know Stytch, and nobody else comes to see one.",
			s.keys,
		},
		{
			"A token rotated: canceled once, then acknowledged", "a token that expires ends the provisioning of a whole customer, and one that is replaced too early does the same.",
			s.rotation,
		},
		{
			"SCIM groups by name", "groups have IDs only after a push, and others after the next connection; names stand in Git from the first day.",
			s.groups,
		},
		{
			"What cannot be meant: said, with its remedy", "whoever made the mistake reads what to do where they look anyway; nothing of the connection is lost meanwhile.",
			s.wrong,
		},
		{
			"A wrong secret, and a 429", "trouble is said with its remedy, costs nothing while it lasts, and is over when its cause is.",
			s.trouble,
		},
		{
			"kill -9 between Stytch's commit and its answer", "a creation cannot be repeated blindly, and its token was in the answer that nobody read.",
			s.crash,
		},
		{
			"A restart at rest, and three intervals", "a thousand connections at rest cost one list per organization and interval, and the API server nothing; a rollout adds nothing.",
			s.rest,
		},
		{
			"Deletion: Retain, then Delete", "deleting a manifest by mistake ends nobody's login; and what is to be deleted really is.",
			s.deletion,
		},
	}
}

// run tells the whole story. Whatever happens on the way, no part of it is left running.
func run(ctx context.Context, t *terminal) (code int) {
	lock, err := alone(runDir)
	if err != nil {
		t.failed("%v", err)
		return 1
	}
	defer lock.Close() //nolint:errcheck // the end of the process gives it back too
	began := time.Now()
	passed, err := tell(ctx, t)
	failed := 0
	if err != nil {
		failed = 1
		t.failed("%v", reason(ctx, err))
		t.note("The logs of all parts are in %s.", runDir)
	}
	t.say("\nThe demo took %s.\n", time.Since(began).Round(time.Second))
	t.say("%d passed, %d failed", passed, failed)
	return exitCode(ctx, err)
}

func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return err
}

// tell starts the parts, takes the steps in turn until one fails, and ends the parts.
func tell(ctx context.Context, t *terminal) (passed int, err error) {
	if err := sweep(runDir, t); err != nil {
		return 0, err
	}
	p, err := newParts(runDir, t)
	if err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, p.end())
	}()
	t.title("The parts: processes on this machine, listening on loopback only")
	s := &story{parts: p}
	if err := s.prepare(ctx); err != nil {
		return 0, s.explain(err)
	}
	for i, step := range s.steps() {
		t.title("%d/%d  %s", i+1, len(s.steps()), step.title)
		began := time.Now()
		if err := step.tell(ctx); err != nil {
			return i, s.explain(err)
		}
		t.note("Why it matters: %s (%s)", step.why, time.Since(began).Round(time.Second/10))
		passed++
	}
	return passed, nil
}

// prepare starts the parts and fills in the samples.
func (s *story) prepare(ctx context.Context) (err error) {
	if err := s.start(ctx); err != nil {
		return err
	}
	s.terminal.seen("the manager, process %d, --resync-interval=%s", s.manager.PID, resync)
	s.terminal.note("Lines with kubectl are executed as they stand; what curl would send to the simulator the demo sends itself.")
	s.samples, err = s.fillSamples(ctx)
	return err
}

// explain adds to a failure what the manager complained of.
func (s *story) explain(err error) error {
	if s.manager == nil || errors.Is(err, context.Canceled) {
		return err
	}
	complaints := tail(s.manager.Log, 8, "level=WARN", "level=ERROR")
	if complaints == "" {
		return err
	}
	return fmt.Errorf("%w\n    the manager's last complaints:\n%s", err, complaints)
}

// sweep ends what an earlier run left behind that was killed.
func sweep(dir string, t *terminal) error {
	l, err := readLedger(dir)
	if err != nil {
		return err
	}
	for _, p := range l.standing() {
		t.note("An earlier run left %s (%d) behind; it is ended.", p.Name, p.PID)
	}
	return l.end()
}

// objects are the samples' and the crash's manifests as they stand in the cluster.
func (s *story) objects(ctx context.Context) ([]object, error) {
	return s.kubectl.list(ctx, "stytch")
}

// awaitInForce waits until manifests are in force; all there are where none is named.
func (s *story) awaitInForce(ctx context.Context, what string, limit time.Duration, names ...string) error {
	return s.await(ctx, what, limit, func(ctx context.Context) (string, bool, error) {
		list, err := s.objects(ctx)
		if err != nil {
			return "", false, err
		}
		list = slices.DeleteFunc(list, func(o object) bool { return len(names) > 0 && !slices.Contains(names, o.name()) })
		seen := standings(list)
		return seen, seen == "" && len(list) >= max(1, len(names)), nil
	})
}

// awaitReason waits until a connection says why it is not in sync, with who goes on.
func (s *story) awaitReason(ctx context.Context, o object, reason, remedy string, limit time.Duration) error {
	return s.await(ctx, fmt.Sprintf("%s to say %s", o.name(), reason), limit, func(ctx context.Context) (string, bool, error) {
		is, err := s.kubectl.get(ctx, o.Kind, o.Metadata.Name)
		synced := is.condition("Synced")
		return is.standing(), synced.Status == "False" && synced.Reason == reason && is.condition(remedy).Status == "True", err
	})
}

// change edits a manifest as a user does.
func (s *story) change(ctx context.Context, o object, patch string) error {
	_, err := s.kubectl.show(ctx, "patch", strings.ToLower(o.Kind), o.Metadata.Name, "--type=merge", "-p", patch)
	return err
}
