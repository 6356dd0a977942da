package stytch

import (
	"fmt"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 12, 0, 30, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

// spent returns a gate of 5 calls a second whose bucket of 10 is empty at start.
func spent(t *testing.T) *gate {
	t.Helper()
	g := newGate(start, Rate{})
	for i := range 10 {
		goes(t, g, start, fmt.Sprintf("first-%d", i), Rest)
	}
	return g
}

func goes(t *testing.T, g *gate, now time.Time, uid string, lane Lane) {
	t.Helper()
	if at, ok := g.ask(now, uid, lane); !ok {
		t.Fatalf("%s at %s is told to wait until %s, want go", uid, now.Sub(start), at.Sub(start))
	}
}

func waits(t *testing.T, g *gate, now time.Time, uid string, lane Lane, until time.Duration) {
	t.Helper()
	at, ok := g.ask(now, uid, lane)
	if ok {
		t.Fatalf("%s at %s goes, want a turn at %s", uid, now.Sub(start), until)
	}
	if !at.Equal(start.Add(until)) {
		t.Fatalf("%s at %s gets its turn at %s, want %s", uid, now.Sub(start), at.Sub(start), until)
	}
}

func TestABurstGoesAtOnceAndTheNextWaitForTokens(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Rest, 200*time.Millisecond)
	waits(t, g, start, "b", Rest, 400*time.Millisecond)
	goes(t, g, at(200*time.Millisecond), "a", Rest)
	goes(t, g, at(400*time.Millisecond), "b", Rest)
	waits(t, g, at(400*time.Millisecond), "c", Rest, 600*time.Millisecond)
}

func TestATurnAskedEarlyIsTheSameTurn(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Rest, 200*time.Millisecond)
	waits(t, g, start, "b", Rest, 400*time.Millisecond)
	for _, early := range []time.Duration{0, 100 * time.Millisecond, 399 * time.Millisecond} {
		waits(t, g, at(early), "b", Rest, 400*time.Millisecond)
	}
}

func TestATurnAskedLateGoesIfThereIsAToken(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Rest, 200*time.Millisecond)
	goes(t, g, at(30*time.Second), "a", Rest)
}

func TestATurnWhoseTokenWasTakenGetsANewTime(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Rest, 200*time.Millisecond)
	goes(t, g, at(200*time.Millisecond), "urgent", Urgent)
	waits(t, g, at(200*time.Millisecond), "a", Rest, 400*time.Millisecond)
	goes(t, g, at(400*time.Millisecond), "a", Rest)
}

func TestATurnNotTakenUpWithinAMinuteIsDropped(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Rest, 200*time.Millisecond)
	waits(t, g, start, "b", Rest, 400*time.Millisecond)
	g.ask(at(time.Minute+300*time.Millisecond), "c", Rest)
	if len(g.turns) != 1 || g.turns["b"] == nil {
		t.Fatalf("turns held after a's minute: %v, want only b's", g.turns)
	}
	goes(t, g, at(time.Minute+300*time.Millisecond), "a", Rest)
}

func TestATurnDroppedBetweenTwoSweepsIsDroppedAllTheSame(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Rest, 200*time.Millisecond)
	g.ask(at(time.Minute), "sweeper", Rest)
	g.close(at(2 * time.Minute))
	waits(t, g, at(time.Minute+201*time.Millisecond), "a", Rest, 2*time.Minute)
	if len(g.turns) != 1 {
		t.Fatalf("turns held: %v", g.turns)
	}
}

func TestUrgentCountsOnlyUrgentTurns(t *testing.T) {
	g := spent(t)
	for i := range 50 {
		g.ask(start, fmt.Sprintf("rest-%d", i), Rest)
	}
	waits(t, g, start, "edit", Urgent, 200*time.Millisecond)
	waits(t, g, start, "edit-2", Urgent, 400*time.Millisecond)
	waits(t, g, start, "rest-last", Rest, 53*200*time.Millisecond)
}

func TestATurnThatBecomesUrgentComesEarlier(t *testing.T) {
	g := spent(t)
	for i := range 20 {
		g.ask(start, fmt.Sprintf("rest-%d", i), Rest)
	}
	waits(t, g, start, "a", Rest, 21*200*time.Millisecond)
	waits(t, g, start, "a", Urgent, 200*time.Millisecond)
	waits(t, g, start, "a", Rest, 200*time.Millisecond)
	goes(t, g, at(200*time.Millisecond), "a", Rest)
	if g.urgent != 0 {
		t.Fatalf("%d urgent turns are counted when none is left", g.urgent)
	}
}

// threeCalls is a pass at the gate: one call in its lane, two urgent ones.
type threeCalls struct {
	uid  string
	left int
	due  time.Time
}

// ask asks when the time has come, and reports whether the pass has begun by it.
func (p *threeCalls) ask(g *gate, now time.Time) (asked, begun bool) {
	if p.left == 0 || now.Before(p.due) {
		return false, false
	}
	lane := Rest
	if p.left < 3 {
		lane = Urgent
	}
	next, ok := g.ask(now, p.uid, lane)
	if !ok {
		p.due = next
		return true, false
	}
	p.left--
	return true, p.left == 2
}

func TestNobodyIsLeftBehindInHisLane(t *testing.T) {
	const n = 200
	g := spent(t)
	passes := make([]*threeCalls, n)
	for i := range passes {
		passes[i] = &threeCalls{uid: fmt.Sprintf("rest-%d", i), left: 3}
		passes[i].due, _ = g.ask(start, passes[i].uid, Rest)
	}
	asked, count := 0, 0
	for now := start; count < n; now = now.Add(10 * time.Millisecond) {
		for i, p := range passes {
			did, begun := p.ask(g, now)
			if did {
				asked++
			}
			if !begun {
				continue
			}
			count++
			if late := count - i; late > 20 || late < -20 {
				t.Errorf("pass %d is the %dth to begin", i, count)
			}
		}
	}
	t.Logf("%d passes of three calls asked %d times", n, asked)
}

func TestAnAbandonedTurnBlocksNobodyForLong(t *testing.T) {
	g := newGate(start, Rate{PerSecond: 1, Burst: 1})
	goes(t, g, start, "a", Rest)
	waits(t, g, start, "gone", Rest, time.Second)
	waits(t, g, start, "b", Rest, 2*time.Second)
	goes(t, g, at(2*time.Second), "b", Rest)
}

func TestATokenIsLeftToWhoIsUrgentAndAboutToCome(t *testing.T) {
	g := newGate(start, Rate{PerSecond: 1, Burst: 1})
	goes(t, g, start, "a", Rest)
	waits(t, g, start, "b", Rest, time.Second)
	waits(t, g, start, "edit", Urgent, time.Second)
	waits(t, g, at(time.Second), "b", Rest, 2*time.Second)
	goes(t, g, at(time.Second), "edit", Urgent)
	goes(t, g, at(2*time.Second), "b", Rest)
	waits(t, g, at(2*time.Second), "gone", Urgent, 3*time.Second)
	waits(t, g, at(2*time.Second), "c", Rest, 4*time.Second)
	goes(t, g, at(4*time.Second), "c", Rest)
}

func TestNothingGoesWhileClosedAndThenInOrder(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Rest, 200*time.Millisecond)
	g.close(at(30 * time.Second))
	waits(t, g, at(time.Second), "a", Rest, 30*time.Second)
	waits(t, g, at(time.Second), "edit", Urgent, 30*time.Second)
	for i := range 12 {
		g.ask(at(time.Second), fmt.Sprintf("rest-%d", i), Rest)
	}
	waits(t, g, at(29*time.Second), "last", Rest, 30*time.Second+5*200*time.Millisecond)
	g.close(at(10 * time.Second)) // an answer that comes late does not open it
	waits(t, g, at(29*time.Second), "a", Rest, 30*time.Second)
	goes(t, g, at(30*time.Second), "a", Rest)
	goes(t, g, at(30*time.Second), "edit", Urgent)
}

func TestAnotherPaceKeepsTheTokens(t *testing.T) {
	g := newGate(start, Rate{PerSecond: 10, Burst: 10})
	for i := range 5 {
		goes(t, g, start, fmt.Sprintf("first-%d", i), Rest)
	}
	g.setPace(start, time.Second, 8)
	if n := g.tokens(start); n != 5 {
		t.Fatalf("%d tokens after the pace changed, want the 5 there were", n)
	}
	g.setPace(start, time.Second, 3)
	if n := g.tokens(start); n != 3 {
		t.Fatalf("%d tokens in a bucket of 3", n)
	}
}

func TestTheSmallestRateAskedIsTheRate(t *testing.T) {
	gates := newGates()
	project := func(object, host string, r Rate) Project {
		return Project{Credentials: Credentials{BaseURL: "https://" + host, ProjectID: "project-test-1"}, Object: object, Rate: r}
	}
	e := gates.join(start, project("a/p", "test.stytch.com", Rate{PerSecond: 20, Burst: 5}))
	if same := gates.join(start, project("b/p", "TEST.stytch.com", Rate{PerSecond: 2, Burst: 50})); same != e {
		t.Fatal("one project ID and host has two gates")
	}
	pace := func(e *sharedGate, interval time.Duration, burst int) {
		t.Helper()
		if e.gate.interval != interval || e.gate.burst != burst {
			t.Fatalf("the gate goes at one per %s, burst %d; want %s and %d", e.gate.interval, e.gate.burst, interval, burst)
		}
	}
	pace(e, 500*time.Millisecond, 5)
	gates.join(start, project("b/p", "test.stytch.com", Rate{PerSecond: 4, Burst: 50}))
	pace(e, 250*time.Millisecond, 5)
	gates.join(start, project("a/p", "login.example.com", Rate{PerSecond: 20, Burst: 5}))
	pace(e, 250*time.Millisecond, 50)
	gates.leave(start, "b/p")
	gates.leave(start, "nobody")
	gates.join(start, project("c/p", "test.stytch.com", Rate{}))
	pace(e, 200*time.Millisecond, 10)
}

func BenchmarkGateWithFiveThousandWaiting(b *testing.B) {
	g := newGate(start, Rate{})
	for i := range 5000 {
		g.ask(start, fmt.Sprintf("rest-%d", i), Rest)
	}
	for b.Loop() {
		g.ask(start, "another", Rest)
	}
}
