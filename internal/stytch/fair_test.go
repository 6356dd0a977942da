package stytch

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// hall asks a gate for turns as controllers do: each member asks again when it was told to.
type hall struct {
	gate *gate
	now  time.Time
	came []string
	due  map[string]time.Time
	asks map[string]question
	went []string // names, in order
	// takes is how long the call of a member is in flight.
	takes map[string]time.Duration
	ends  map[string]time.Time
}

func newHall(r Rate) *hall {
	return &hall{
		gate: newGate(start, r), now: start, due: map[string]time.Time{}, asks: map[string]question{},
		takes: map[string]time.Duration{}, ends: map[string]time.Time{},
	}
}

// come has a member ask from now on, and again as soon as its call has ended.
func (c *hall) come(q question) {
	c.came = append(c.came, q.name)
	c.asks[q.name], c.due[q.name] = q, c.now
}

func (c *hall) comeAll(n int, name, namespace string, lane Lane) {
	for i := range n {
		c.come(question{who: who{lane: lane, namespace: namespace}, name: fmt.Sprint(name, "-", i)})
	}
}

// pass lets time pass in steps. Those whose turn came ask no more if once is true.
func (c *hall) pass(d, step time.Duration, once bool) {
	for end := c.now.Add(d); c.now.Before(end); c.now = c.now.Add(step) {
		for _, name := range slices.Sorted(maps.Keys(c.ends)) {
			if !c.now.Before(c.ends[name]) {
				c.gate.release(c.asks[name].place)
				delete(c.ends, name)
				c.due[name] = c.now
			}
		}
		for _, name := range c.came {
			if due, asks := c.due[name]; !asks || c.now.Before(due) {
				continue
			}
			at, ok := c.gate.ask(c.now, c.asks[name])
			switch {
			case !ok:
				c.due[name] = at
			case once:
				delete(c.due, name)
			case c.takes[name] > 0:
				delete(c.due, name)
				c.ends[name] = c.now.Add(c.takes[name])
			}
			if ok {
				c.went = append(c.went, name)
			}
		}
	}
}

// share counts the turns of a window by what of says of a name.
func (c *hall) share(of func(question) string) map[string]int {
	n := map[string]int{}
	for _, name := range c.went {
		n[of(c.asks[name])]++
	}
	return n
}

func laneOf(q question) string { return [...]string{"drift", "creation", "urgent"}[q.lane] }

func TestOfSixteenTurnsTwelveAreUrgentThreeCreateAndOneChecks(t *testing.T) {
	for name, tc := range map[string]struct {
		waiting map[Lane]int
		want    map[string]int
	}{
		"all wait":            {map[Lane]int{Urgent: 40, Creation: 40, Drift: 40}, map[string]int{"urgent": 120, "creation": 30, "drift": 10}},
		"however many":        {map[Lane]int{Urgent: 40, Creation: 40, Drift: 2000}, map[string]int{"urgent": 120, "creation": 30, "drift": 10}},
		"no edits":            {map[Lane]int{Creation: 40, Drift: 40}, map[string]int{"creation": 120, "drift": 40}},
		"edits and creations": {map[Lane]int{Urgent: 40, Creation: 40}, map[string]int{"urgent": 128, "creation": 32}},
		"drift checks alone":  {map[Lane]int{Drift: 40}, map[string]int{"drift": 160}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newHall(Rate{PerSecond: 10, Burst: 1})
			for lane, n := range tc.waiting {
				for i := range n {
					c.comeAll(1, fmt.Sprint(lane, "-", i), fmt.Sprint("team-", i%5), lane)
				}
			}
			c.pass(time.Second, 10*time.Millisecond, false)
			c.went = nil
			c.pass(16*time.Second, 10*time.Millisecond, false)
			got := c.share(laneOf)
			for lane, want := range tc.want {
				if n := got[lane]; n < want-2 || n > want+2 {
					t.Errorf("turns: %v, want %v", got, tc.want)
				}
			}
		})
	}
}

func TestTenThousandOfOneNamespaceDelayNobodyOfAnother(t *testing.T) {
	for lane := range lanes {
		c := newHall(Rate{PerSecond: 100, Burst: 1})
		c.comeAll(10000, "many", "crowded", lane)
		c.pass(time.Second, 10*time.Millisecond, true)
		c.went = nil
		c.comeAll(3, "one", "calm", lane)
		c.pass(100*time.Millisecond, 10*time.Millisecond, true)
		if got := c.share(func(q question) string { return q.namespace }); got["calm"] != 3 || got["crowded"] < 3 {
			t.Errorf("in lane %d, of the first turns: %v, want 3 of calm", lane, got)
		}
	}
}

// Two teams of one gate, of which the one edits without pause: what the other wants of each lane it gets by its share.
func TestEditsWithoutPauseOfOneNamespaceTakeNoMoreThanItsShare(t *testing.T) {
	for lane, atLeast := range map[Lane]int{Urgent: 95, Creation: 35, Drift: 12} { // of 200 turns: a half, a fifth and a thirteenth
		c := newHall(Rate{PerSecond: 10, Burst: 1})
		c.comeAll(500, "edited", "restless", Urgent)
		c.pass(30*time.Second, 10*time.Millisecond, false)
		c.went = nil
		c.comeAll(1, "one", "calm", lane)
		c.pass(20*time.Second, 10*time.Millisecond, false)
		if got := c.share(func(q question) string { return q.namespace }); got["calm"] < atLeast {
			t.Errorf("in lane %d, of the turns: %v, want at least %d of calm", lane, got, atLeast)
		}
	}
}

func TestANamespaceThatCameOnceIsNotKeptBackForWhatItHad(t *testing.T) {
	c := newHall(Rate{PerSecond: 10, Burst: 1})
	c.comeAll(1000, "gone", "crowded", Drift)
	c.pass(time.Second, 10*time.Millisecond, true)
	clear(c.due) // all its manifests are deleted
	c.comeAll(30, "calm", "calm", Drift)
	c.pass(4*time.Minute, 100*time.Millisecond, true)
	c.went = nil
	c.comeAll(30, "calm", "calm", Drift)
	c.comeAll(30, "again", "crowded", Drift)
	c.pass(2*time.Second, 10*time.Millisecond, true)
	if got := c.share(func(q question) string { return q.namespace }); got["crowded"] < 8 {
		t.Errorf("turns: %v, want as many of each", got)
	}
}

func TestEditsWithoutPauseDoNotKeepCreationsFromBeginning(t *testing.T) {
	c := newHall(Rate{PerSecond: 5, Burst: 10})
	c.comeAll(10, "edited", "restless", Urgent)
	c.pass(30*time.Second, 10*time.Millisecond, false)
	c.went = nil
	for i := range 5 {
		c.come(question{who: who{lane: Creation, namespace: "new"}, name: fmt.Sprint("created-", i)})
	}
	c.pass(10*time.Second, 10*time.Millisecond, false)
	if got := c.share(laneOf); got["creation"] < 8 {
		t.Errorf("turns in 10 s: %v, want a creation each second", got)
	}
}

func TestAReadThatSeveralWantHasTheTurnOfWhoComesFirst(t *testing.T) {
	g := newGate(start, Rate{PerSecond: 1, Burst: 1})
	goes(t, g, start, "first", Drift)
	for i := range 50 {
		g.ask(start, by(fmt.Sprint("many-", i), Drift))
	}
	list := question{who: who{lane: Drift, namespace: "team"}, name: "the list"}
	if at, _ := g.ask(start, list); !at.Equal(start.Add(51 * time.Second)) {
		t.Errorf("the list is read after %s", at.Sub(start))
	}
	list.namespace = "calm"
	if at, _ := g.ask(start, list); at.After(start.Add(2 * time.Second)) {
		t.Errorf("for another namespace the list is read after %s", at.Sub(start))
	}
	list.namespace = "team"
	if at, _ := g.ask(start, list); at.After(start.Add(2 * time.Second)) {
		t.Errorf("asked for again, the list is read after %s", at.Sub(start))
	}
}

func TestTenCallsAreInFlightAndTwoThatFetch(t *testing.T) {
	for place, want := range map[place]int{onePlace: maxInFlight, fetchPlace: maxFetches} {
		g := newGate(start, Rate{PerSecond: 1000, Burst: 1000})
		n := 0
		for i := range 50 {
			if _, ok := g.ask(start, question{name: fmt.Sprint(i), place: place}); ok {
				n++
			}
		}
		if n != want {
			t.Errorf("%d calls of place %d are in flight, want %d", n, place, want)
		}
		g.release(place)
		if _, ok := g.ask(at(2*time.Second), question{name: fmt.Sprint(want), place: place}); !ok {
			t.Errorf("a place of kind %d that was given back is not given out", place)
		}
	}
}

// Forty manifests of one team name documents of a server that never answers. Each such call takes ten seconds.
func TestDocumentsThatStallKeepNobodyFromHisTurn(t *testing.T) {
	c := newHall(Rate{PerSecond: 5, Burst: 10})
	for i := range 40 {
		q := question{who: who{lane: Urgent, namespace: "stalled"}, name: fmt.Sprint("stalled-", i), place: fetchPlace}
		c.come(q)
		c.takes[q.name] = 10 * time.Second
	}
	c.pass(35*time.Second, 10*time.Millisecond, false)
	c.went = nil
	c.come(question{who: who{lane: Urgent, namespace: "calm"}, name: "edit", place: onePlace})
	c.come(question{who: who{lane: Urgent, namespace: "calm"}, name: "document", place: fetchPlace})
	c.takes["edit"], c.takes["document"] = time.Second, time.Second
	c.pass(500*time.Millisecond, 10*time.Millisecond, false)
	if !slices.Contains(c.went, "edit") {
		t.Error("an edit of another team waits for them")
	}
	c.pass(11*time.Second, 10*time.Millisecond, false)
	if !slices.Contains(c.went, "document") {
		t.Error("a document of another team waits for more than the one in flight")
	}
}
