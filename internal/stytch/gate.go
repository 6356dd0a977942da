package stytch

import "time"

// Lane is the priority of a call at the gate.
type Lane int

// The lanes.
const (
	// Rest is for calls that nobody waits for: drift checks, first creations, resyncs.
	// Turns of both lanes go before a new one.
	Rest Lane = iota
	// Urgent is for calls that somebody waits for: deletions, edits, and all but the
	// first call of a Caller. Only other urgent turns go before a new one.
	Urgent
)

const (
	defaultPerSecond = 5
	defaultBurst     = 10
	// turnKept is how long after its time a turn stays reserved for its uid.
	turnKept = time.Minute
	// turnExpected is how long after the time of an urgent turn a token is held back
	// for it.
	turnExpected = time.Second
)

// gate decides when calls of one project may be sent. It is a token bucket with a
// queue of booked turns:
//
//	      ask(uid, lane)
//	           │
//	booked? ───┼─ no ──▶ more tokens than turns ahead? ─ yes ─▶ go
//	           │                       └─ no ─▶ book a turn, for when there will be a token
//	           └─ yes ─▶ before its time? ─▶ the same time again
//	                     after it? ──▶ a token that no urgent turn is about to take? ─ yes ─▶ go
//	                                      └─ no ─▶ a new time, at the same place in the queue
//
// It never blocks and starts no goroutine: time is an argument. After a 429 it is
// closed for a while. It is not safe for concurrent use; sharedGate is.
type gate struct {
	interval time.Duration // after which the bucket gains a token
	burst    int           // most tokens it holds

	// empty is the time at which the bucket held no token: it holds (now - empty) /
	// interval tokens. A time is exact where a number of tokens would be rounded: a
	// call that asks again at its booked time finds its token.
	empty  time.Time
	closed time.Time // nothing is sent before

	turns  map[string]*turn
	urgent int    // number of turns in the Urgent lane
	last   uint64 // the last place given out
	swept  time.Time
}

// turn is a booked call: at its time there will be a token, unless an urgent turn
// was booked in between.
type turn struct {
	lane  Lane
	place uint64
	at    time.Time
}

func newGate(now time.Time, r Rate) *gate {
	g := &gate{turns: map[string]*turn{}, swept: now}
	g.interval, g.burst = r.pace()
	g.empty = now.Add(-time.Duration(g.burst) * g.interval)
	return g
}

// pace returns the rate as the interval between tokens and the size of the bucket.
func (r Rate) pace() (interval time.Duration, burst int) {
	if r.PerSecond <= 0 {
		r.PerSecond = defaultPerSecond
	}
	if r.Burst <= 0 {
		r.Burst = defaultBurst
	}
	return max(time.Duration(float64(time.Second)/r.PerSecond), 1), r.Burst
}

// setPace changes the pace and keeps the tokens that are in the bucket.
func (g *gate) setPace(now time.Time, interval time.Duration, burst int) {
	g.fill(now)
	if interval != g.interval {
		tokens := float64(now.Sub(g.empty)) / float64(g.interval)
		g.empty = now.Add(-time.Duration(tokens * float64(interval)))
	}
	g.interval, g.burst = interval, burst
	g.fill(now)
}

// ask reports whether the call of uid may be sent now and, if not, when to ask
// again. A call that may be sent has taken its token.
func (g *gate) ask(now time.Time, uid string, lane Lane) (at time.Time, ok bool) {
	g.sweep(now)
	g.fill(now)
	t, booked := g.turns[uid]
	if booked && now.After(t.at.Add(turnKept)) {
		g.drop(uid)
		booked = false
	}
	if !booked {
		return g.admit(now, uid, lane)
	}
	if lane > t.lane {
		t.lane = lane
		g.urgent++
		t.at = earlier(t.at, g.when(now, t))
	}
	switch closed := now.Before(g.closed); {
	case now.Before(t.at) && !t.at.Before(g.closed):
		return t.at, false
	case !now.Before(t.at) && !closed && g.tokens(now) > g.expected(now, t):
		g.drop(uid)
		g.empty = g.empty.Add(g.interval)
		return now, true
	}
	t.at = g.when(now, t)
	return t.at, false
}

// admit answers a call without a turn: it takes a token or books a turn.
func (g *gate) admit(now time.Time, uid string, lane Lane) (time.Time, bool) {
	ahead := len(g.turns)
	if lane == Urgent {
		ahead = g.urgent
	}
	if !now.Before(g.closed) && g.tokens(now) > ahead {
		g.empty = g.empty.Add(g.interval)
		return now, true
	}
	g.last++
	t := &turn{lane: lane, place: g.last}
	g.turns[uid] = t
	if lane == Urgent {
		g.urgent++
	}
	t.at = g.after(now, ahead)
	return t.at, false
}

// expected is how many tokens are held back from t: for a turn in the Rest lane,
// one for each urgent turn whose time has just come.
func (g *gate) expected(now time.Time, t *turn) int {
	if t.lane == Urgent || g.urgent == 0 {
		return 0
	}
	n := 0
	for _, other := range g.turns {
		if other.lane == Urgent && !now.Before(other.at) && now.Sub(other.at) < turnExpected {
			n++
		}
	}
	return n
}

// close lets nothing be sent before until.
func (g *gate) close(until time.Time) {
	if until.After(g.closed) {
		g.closed = until
	}
}

// when is the time of a booked turn.
func (g *gate) when(now time.Time, t *turn) time.Time {
	ahead := 0
	for _, other := range g.turns {
		if other.lane > t.lane || other.lane == t.lane && other.place < t.place {
			ahead++
		}
	}
	return g.after(now, ahead)
}

// after is the time at which there will be a token beyond those of the turns ahead.
func (g *gate) after(now time.Time, ahead int) time.Time {
	from := now
	if from.Before(g.closed) {
		from = g.closed
	}
	at := g.full(from).Add(time.Duration(ahead+1) * g.interval)
	if at.Before(from) {
		return from
	}
	return at
}

// full is empty, moved forward if needed so that the bucket holds at most burst
// tokens at now.
func (g *gate) full(now time.Time) time.Time {
	if full := now.Add(-time.Duration(g.burst) * g.interval); full.After(g.empty) {
		return full
	}
	return g.empty
}

func (g *gate) fill(now time.Time) { g.empty = g.full(now) }

func (g *gate) tokens(now time.Time) int { return int(now.Sub(g.empty) / g.interval) }

// drop removes a booked turn.
func (g *gate) drop(uid string) {
	if g.turns[uid].lane == Urgent {
		g.urgent--
	}
	delete(g.turns, uid)
}

// sweep drops turns that were not used: the object was deleted in the meantime, or
// answered from the cache. Once a second is enough.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < time.Second {
		return
	}
	g.swept = now
	for uid, t := range g.turns {
		if now.After(t.at.Add(turnKept)) {
			g.drop(uid)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
