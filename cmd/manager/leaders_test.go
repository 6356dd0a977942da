package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// scenario is something that a manager does, and what holds whenever it was stopped in the middle of it.
type scenario struct {
	name string
	// prepare makes what is there before.
	prepare func(*stage)
	// do asks for it, and done says that it is done.
	do   func(*stage)
	done func(*stage) bool
	// meanwhile is what people do while the first manager is stopped, and settled says that the second one has followed.
	meanwhile func(*stage)
	// undone says that nothing has come of it in Stytch yet. It is asked again before the first manager wakes: a call that it sent
	// right before it was stopped takes effect a moment later.
	undone  func(*stage) bool
	settled func(*stage) bool
	// holds fails the test where something does not hold in the end.
	holds func(*stage)
}

func scenarios() []scenario {
	return []scenario{creation(), tokenCreation(), start(), acknowledgement(), cancellation(), deletion()}
}

// okta is the manifest of the scenarios that have no token.
func okta(s *stage, policy v1alpha1.DeletionPolicy) *v1alpha1.SAMLConnection {
	return &v1alpha1.SAMLConnection{ObjectMeta: s.meta("okta"), Spec: v1alpha1.SAMLConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: s.org, DisplayName: "Okta", DeletionPolicy: policy},
	}}
}

func creation() scenario {
	manifest := func(s *stage) *v1alpha1.SAMLConnection { return okta(s, v1alpha1.DeletionRetain) }
	synced := func(s *stage) bool {
		o := manifest(s)
		s.reload(o)
		return inSync(o)
	}
	return scenario{
		name:    "creation",
		do:      func(s *stage) { s.create(manifest(s)) },
		done:    synced,
		settled: synced,
		holds: func(s *stage) {
			o := manifest(s)
			s.reload(o)
			connections := s.sim.Connections(s.org)
			for i := range connections {
				connections[i].Fields = nil // too long to be shown
			}
			if len(connections) != 1 || connections[0].ID != o.Status.ConnectionID || connections[0].DisplayName != "Okta" {
				s.t.Errorf("the manifest has %s, and Stytch has %+v", o.Status.ConnectionID, connections)
			}
		},
	}
}

// directory is the manifest of the scenarios that have a token.
func directory(s *stage) *v1alpha1.SCIMConnection {
	return &v1alpha1.SCIMConnection{ObjectMeta: s.meta("directory"), Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: s.org, DisplayName: "Directory"},
		BearerToken:    v1alpha1.SCIMBearerToken{SecretName: "token"},
	}}
}

func tokenCreation() scenario {
	return scenario{
		name:    "creation with a token",
		do:      func(s *stage) { s.create(directory(s)) },
		done:    func(s *stage) bool { return s.read(directory(s)) },
		settled: func(s *stage) bool { return s.read(directory(s)) },
		holds: func(s *stage) {
			o := directory(s)
			s.reload(o)
			if n := len(s.sim.Connections(s.org)); n != 1 {
				s.t.Errorf("%d connections", n)
			}
			if got := s.sim.VerifyToken(o.Status.ConnectionID, s.secretToken(v1alpha1.SecretKeyToken)); got.Which != "current" {
				s.t.Errorf("Stytch says of the token in the Secret: %+v", got)
			}
		},
	}
}

// provisioned makes the connection of the scenarios that are about its token.
func provisioned(s *stage) *v1alpha1.SCIMConnection {
	o := directory(s)
	s.create(o)
	s.eventually("there is a connection", func() bool { return s.read(o) })
	return o
}

// start is the start of a rotation.
func start() scenario {
	started := func(s *stage) bool {
		o := directory(s)
		return s.read(o) && o.Status.BearerToken.NextLastFour != "" && strings.HasSuffix(s.secretToken(v1alpha1.SecretKeyNextToken), o.Status.BearerToken.NextLastFour)
	}
	return scenario{
		name:    "start of a rotation",
		prepare: func(s *stage) { s.calm(provisioned(s)) },
		do: func(s *stage) {
			o := directory(s)
			s.reload(o)
			s.annotate(o, v1alpha1.AnnotationRotateToken, o.Status.BearerToken.LastFour)
		},
		done:    started,
		settled: started,
		holds: func(s *stage) {
			o := directory(s)
			s.reload(o)
			for key, want := range map[string]string{v1alpha1.SecretKeyToken: "current", v1alpha1.SecretKeyNextToken: "next"} {
				if got := s.sim.VerifyToken(o.Status.ConnectionID, s.secretToken(key)); got.Which != want {
					s.t.Errorf("Stytch says of what the Secret has under %s: %+v, want %s", key, got, want)
				}
			}
		},
	}
}

// acknowledgement is the end of a rotation that completes it.
func acknowledgement() scenario {
	return end("acknowledgement", v1alpha1.AnnotationAcknowledgeToken, "current")
}

// cancellation is the end of a rotation that takes the next token back.
func cancellation() scenario {
	return end("cancellation", v1alpha1.AnnotationCancelRotation, "")
}

// end is the end of a rotation, which an annotation asks for that is taken back if nothing has come of it yet. The next token becomes
// what it says.
func end(name, annotation, becomes string) scenario {
	what := func(s *stage) string {
		o := directory(s)
		s.reload(o)
		return s.sim.VerifyToken(o.Status.ConnectionID, s.next).Which
	}
	over := func(s *stage) bool {
		o := directory(s)
		return s.read(o) && o.Status.BearerToken.Phase == v1alpha1.TokenIdle && s.secretToken(v1alpha1.SecretKeyNextToken) == "" && what(s) == becomes &&
			(s.secretToken(v1alpha1.SecretKeyToken) == s.next) == (becomes == "current")
	}
	return scenario{
		name: name + " of a rotation",
		prepare: func(s *stage) {
			o := provisioned(s)
			s.annotate(o, v1alpha1.AnnotationRotateToken, o.Status.BearerToken.LastFour)
			s.eventually("there is a next token", func() bool { return s.read(o) && o.Status.BearerToken.NextLastFour != "" })
			s.next = s.secretToken(v1alpha1.SecretKeyNextToken)
			s.calm(o)
		},
		do:     func(s *stage) { s.annotate(directory(s), annotation, s.next[len(s.next)-4:]) },
		done:   over,
		undone: func(s *stage) bool { return what(s) == "next" },
		meanwhile: func(s *stage) {
			if s.undone {
				s.annotate(directory(s), annotation, "")
			}
		},
		settled: func(s *stage) bool {
			o := directory(s)
			if !s.undone {
				return over(s)
			}
			return s.read(o) && s.saw(o)
		},
		holds: func(s *stage) {
			want := becomes
			if s.undone {
				want = "next"
			}
			if got := what(s); got != want {
				s.t.Errorf("Stytch says of the next token that it is %q, want %q", got, want)
			}
		},
	}
}

// deletion is one whose policy is set to Retain if nothing has come of it yet.
func deletion() scenario {
	manifest := func(s *stage) *v1alpha1.SAMLConnection { return okta(s, v1alpha1.DeletionDelete) }
	gone := func(s *stage) bool { return s.gone(&v1alpha1.SAMLConnection{ObjectMeta: s.meta("okta")}) }
	return scenario{
		name: "deletion",
		prepare: func(s *stage) {
			o := manifest(s)
			s.create(o)
			s.eventually("there is a connection", func() bool { return s.read(o) })
			s.calm(o)
		},
		do: func(s *stage) {
			if err := s.api.Delete(s.t.Context(), manifest(s)); err != nil {
				s.t.Fatal(err)
			}
		},
		done:   gone,
		undone: func(s *stage) bool { return len(s.sim.Connections(s.org)) == 1 },
		meanwhile: func(s *stage) {
			if !s.undone {
				return
			}
			o := manifest(s)
			s.reload(o)
			before := o.DeepCopy()
			o.Spec.DeletionPolicy = v1alpha1.DeletionRetain
			if err := s.api.Patch(s.t.Context(), o, client.MergeFrom(before)); err != nil {
				s.t.Fatal(err)
			}
		},
		settled: gone,
		holds: func(s *stage) {
			if there := len(s.sim.Connections(s.org)) == 1; there != s.undone {
				s.t.Errorf("the connection is there: %t, want %t", there, s.undone)
			}
		},
	}
}

func TestOnlyTheLeaderChangesAnything(t *testing.T) {
	l := startLab(t)
	t.Run("a process that lost its lease keeps the token of a creation, begins nothing and ends", l.lost)
	for _, c := range scenarios() {
		t.Run("a leader that was stopped in the "+c.name+" changes nothing next to another", func(t *testing.T) {
			t.Parallel()
			for i, p := range l.points(t, c) {
				t.Run(fmt.Sprintf("%d %s", i+1, p.what), func(t *testing.T) {
					t.Parallel()
					l.disturbed(t, c, p)
				})
			}
		})
	}
}

// stop is a call at which the first manager is stopped: the n-th of its kind.
type stop struct {
	call
	n int
}

// points are those of a run that nothing disturbed. On a busy machine something may: such a run has other calls than the next one.
func (l *lab) points(t *testing.T, c scenario) []stop {
	t.Helper()
	points := l.undisturbed(t, c)
	for range 5 {
		again := l.undisturbed(t, c)
		if slices.Equal(points, again) {
			return points
		}
		t.Logf("one run had the calls %v, and the next one %v", points, again)
		points = again
	}
	t.Fatal("no run has the calls of the one before it")
	return nil
}

// undisturbed returns the points of a scenario: its calls, up to the last one that changes something. What the manager reads after
// that depends on which of its own writes wake it when.
func (l *lab) undisturbed(t *testing.T, c scenario) []stop {
	t.Helper()
	s := l.newStage(t)
	s.play(c)
	s.eventually("the scenario is done", func() bool { return c.done(s) && s.quiet() })
	c.holds(s)
	points := stops(s.made())
	if len(points) == 0 {
		t.Fatal("the scenario has no calls")
	}
	return points
}

// stops are the calls up to the last one that changes something.
func stops(calls []call) []stop {
	var points []stop
	last := 0
	for i, c := range calls {
		points = append(points, stop{c, nth(calls[:i+1])})
		if c.changes {
			last = i + 1
		}
	}
	return points[:last]
}

func (s *stage) play(c scenario) {
	s.t.Helper()
	if c.prepare != nil {
		c.prepare(s)
	}
	s.begin()
	c.do(s)
}

// stopAt stops the first manager at a point. What is returned is closed then.
func (s *stage) stopAt(p stop) <-chan struct{} {
	frozen := make(chan struct{})
	s.at = func(c call, n int) <-chan struct{} {
		if (stop{c, n}) != p {
			return nil
		}
		s.armed = false
		if err := s.first.Process.Signal(syscall.SIGSTOP); err != nil {
			s.t.Errorf("stopping the first manager: %v", err)
		}
		close(frozen)
		return nil // the response waits in the socket
	}
	return frozen
}

// disturbed stops the first manager at a point, has the second one take over, and lets the first one go on.
func (l *lab) disturbed(t *testing.T, c scenario, p stop) {
	t.Helper()
	s := l.newStage(t)
	s.startSecond()
	frozen, leader := s.stopAt(p), s.leader()
	s.play(c)
	select {
	case <-frozen:
	case <-time.After(patience):
		t.Fatalf("nothing was stopped: the run has fewer calls than the undisturbed one:\n%v\n%s", s.made(), s.said())
	}
	if c.undone != nil {
		s.undone = c.undone(s)
		c.meanwhile(s)
	}
	s.eventually("the second manager leads", func() bool { return s.leader() != leader })
	s.eventually("the second manager is done", func() bool { return c.settled(s) })
	if c.undone != nil {
		s.undone = c.undone(s)
	}
	if err := s.first.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.expectLost()
	s.eventually("the second manager is done again", func() bool { return c.settled(s) })
	c.holds(s)
	if t.Failed() {
		t.Log(s.said())
	}
}

// expectLost expects the first manager to end because it lost its lease, and to say so once.
func (s *stage) expectLost() {
	s.t.Helper()
	select {
	case <-s.first.ended:
	case <-time.After(patience):
		s.t.Fatalf("the first manager goes on:\n%s", s.said())
	}
	if code := s.first.ProcessState.ExitCode(); code != 1 {
		s.t.Errorf("the first manager ended with %d", code)
	}
	said := strings.Count(s.first.output.String(), "Another process holds the lease. This process ends") +
		strings.Count(s.first.output.String(), "manager: running the manager: leader election lost")
	if said != 1 {
		s.t.Errorf("the first manager said %d times that it lost its lease", said)
	}
}
