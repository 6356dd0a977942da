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
		goes(t, g, start, fmt.Sprintf("first-%d", i), Drift)
	}
	return g
}

// by is the question of a call that occupies no place, of one namespace.
func by(uid string, lane Lane) question {
	return question{who: who{lane: lane, namespace: "team"}, name: uid}
}

func goes(t *testing.T, g *gate, now time.Time, uid string, lane Lane) {
	t.Helper()
	if at, ok := g.ask(now, by(uid, lane)); !ok {
		t.Fatalf("%s at %s is told to wait until %s, want go", uid, now.Sub(start), at.Sub(start))
	}
}

func waits(t *testing.T, g *gate, now time.Time, uid string, lane Lane, until time.Duration) {
	t.Helper()
	at, ok := g.ask(now, by(uid, lane))
	if ok {
		t.Fatalf("%s at %s goes, want a turn at %s", uid, now.Sub(start), until)
	}
	if !at.Equal(start.Add(until)) {
		t.Fatalf("%s at %s gets its turn at %s, want %s", uid, now.Sub(start), at.Sub(start), until)
	}
}

func TestABurstGoesAtOnceAndTheNextWaitForTokens(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Drift, 200*time.Millisecond)
	waits(t, g, start, "b", Drift, 400*time.Millisecond)
	goes(t, g, at(200*time.Millisecond), "a", Drift)
	goes(t, g, at(400*time.Millisecond), "b", Drift)
	waits(t, g, at(400*time.Millisecond), "c", Drift, 600*time.Millisecond)
}

func TestATurnAskedEarlyIsTheSameTurn(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Drift, 200*time.Millisecond)
	waits(t, g, start, "b", Drift, 400*time.Millisecond)
	for _, early := range []time.Duration{0, 100 * time.Millisecond, 399 * time.Millisecond} {
		waits(t, g, at(early), "b", Drift, 400*time.Millisecond)
	}
}

func TestATurnAskedLateGoesIfThereIsAToken(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Drift, 200*time.Millisecond)
	goes(t, g, at(30*time.Second), "a", Drift)
}

func TestATurnWhoseTokenWasTakenGetsANewTime(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Drift, 200*time.Millisecond)
	goes(t, g, at(200*time.Millisecond), "urgent", Urgent)
	waits(t, g, at(200*time.Millisecond), "a", Drift, 400*time.Millisecond)
	goes(t, g, at(400*time.Millisecond), "a", Drift)
}

func TestATurnNotTakenUpWithinAMinuteIsDropped(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Drift, 200*time.Millisecond)
	waits(t, g, start, "b", Drift, 400*time.Millisecond)
	g.ask(at(time.Minute+300*time.Millisecond), by("c", Drift))
	if len(g.book.byName) != 1 || g.book.byName["b"] == nil {
		t.Fatalf("turns held after a's minute: %v, want only b's", g.book.byName)
	}
	goes(t, g, at(time.Minute+300*time.Millisecond), "a", Drift)
}

func TestATurnDroppedBetweenTwoSweepsIsDroppedAllTheSame(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Drift, 200*time.Millisecond)
	g.ask(at(time.Minute), by("sweeper", Drift))
	g.close(at(2 * time.Minute))
	waits(t, g, at(time.Minute+201*time.Millisecond), "a", Drift, 2*time.Minute)
	if len(g.book.byName) != 1 {
		t.Fatalf("turns held: %v", g.book.byName)
	}
}

func TestATurnThatBecomesUrgentComesEarlier(t *testing.T) {
	g := spent(t)
	for i := range 20 {
		g.ask(start, by(fmt.Sprintf("rest-%d", i), Drift))
	}
	waits(t, g, start, "a", Drift, 21*200*time.Millisecond)
	waits(t, g, start, "a", Urgent, 200*time.Millisecond)
	waits(t, g, start, "a", Drift, 200*time.Millisecond)
	goes(t, g, at(200*time.Millisecond), "a", Drift)
	if len(g.book.lanes[Urgent].turns) != 0 {
		t.Fatalf("%d urgent turns are counted when none is left", len(g.book.lanes[Urgent].turns))
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
	lane := Drift
	if p.left < 3 {
		lane = Urgent
	}
	next, ok := g.ask(now, by(p.uid, lane))
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
		passes[i].due, _ = g.ask(start, by(passes[i].uid, Drift))
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
	goes(t, g, start, "a", Drift)
	waits(t, g, start, "gone", Drift, time.Second)
	waits(t, g, start, "b", Drift, 2*time.Second)
	goes(t, g, at(2*time.Second), "b", Drift)
}

func TestATokenIsLeftToWhoIsUrgentAndAboutToCome(t *testing.T) {
	g := newGate(start, Rate{PerSecond: 1, Burst: 1})
	goes(t, g, start, "a", Drift)
	waits(t, g, start, "b", Drift, time.Second)
	waits(t, g, start, "edit", Urgent, time.Second)
	waits(t, g, at(time.Second), "b", Drift, 2*time.Second)
	goes(t, g, at(time.Second), "edit", Urgent)
	goes(t, g, at(2*time.Second), "b", Drift)
	waits(t, g, at(2*time.Second), "gone", Urgent, 3*time.Second)
	waits(t, g, at(2*time.Second), "c", Drift, 4*time.Second)
	goes(t, g, at(4*time.Second), "c", Drift)
}

func TestNothingGoesWhileClosedAndThenInOrder(t *testing.T) {
	g := spent(t)
	waits(t, g, start, "a", Drift, 200*time.Millisecond)
	g.close(at(30 * time.Second))
	waits(t, g, at(time.Second), "a", Drift, 30*time.Second)
	waits(t, g, at(time.Second), "edit", Urgent, 30*time.Second)
	for i := range 12 {
		g.ask(at(time.Second), by(fmt.Sprintf("rest-%d", i), Drift))
	}
	waits(t, g, at(29*time.Second), "last", Drift, 30*time.Second+5*200*time.Millisecond)
	g.close(at(10 * time.Second)) // an answer that comes late does not open it
	waits(t, g, at(29*time.Second), "a", Drift, 30*time.Second)
	goes(t, g, at(30*time.Second), "a", Drift)
	goes(t, g, at(30*time.Second), "edit", Urgent)
}

func TestAnotherPaceKeepsTheTokens(t *testing.T) {
	g := newGate(start, Rate{PerSecond: 10, Burst: 10})
	for i := range 5 {
		goes(t, g, start, fmt.Sprintf("first-%d", i), Drift)
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
		g.ask(start, by(fmt.Sprintf("rest-%d", i), Drift))
	}
	for b.Loop() {
		g.ask(start, by("another", Drift))
	}
}
