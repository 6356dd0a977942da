package stytch

import "time"

// Lane says whose turn comes first.
type Lane int

// The lanes.
const (
	// Rest is for what nobody waits for: drift checks, first creations, resyncs.
	// Every turn ahead of it counts.
	Rest Lane = iota
	// Urgent is for what somebody waits for: deletions, edits, and the further calls
	// of a pass already begun. Only urgent turns ahead of it count.
	Urgent
)

const (
	defaultPerSecond = 5
	defaultBurst     = 10
	// turnKept is how long after its time a turn is kept for whoever asked for it.
	turnKept = time.Minute
	// turnExpected is how long after its time a token is left to an urgent one.
	turnExpected = time.Second
)

// gate decides when calls of one project may go. It is a token bucket with a
// book of promised turns:
//
//	         ask(uid, lane)
//	              │
//	in the book? ─┼─ no ──▶ a token beyond those of the turns ahead? ─ yes ─▶ go
//	              │                       └─ no ─▶ into the book, at the time when there will be
//	              └─ yes ─▶ early? ─▶ the same time again
//	                        late? ──▶ a token, not about to be fetched by somebody urgent? ─ yes ─▶ go
//	                                     └─ no ─▶ a new time, at the same place in the row
//
// Nobody waits in it and it starts nothing: time comes in as an argument. After
// a 429 it is closed for a while. It is not safe for concurrent use.
type gate struct {
	interval time.Duration // in which the bucket gains a token
	burst    int           // tokens it holds at most

	// empty is when the bucket held no token: it holds (now - empty) / interval. In
	// whole nanoseconds, so that who comes at the promised time finds the token.
	empty  time.Time
	closed time.Time // nothing goes before

	turns  map[string]*turn
	urgent int    // of them
	last   uint64 // place given last
	swept  time.Time
}

// turn is a promise: at that time there will be a token, unless somebody more
// urgent came between.
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

// pace returns the rate as a bucket counts it.
func (r Rate) pace() (interval time.Duration, burst int) {
	if r.PerSecond <= 0 {
		r.PerSecond = defaultPerSecond
	}
	if r.Burst <= 0 {
		r.Burst = defaultBurst
	}
	return max(time.Duration(float64(time.Second)/r.PerSecond), 1), r.Burst
}

// keep goes on at another pace, with as many tokens as there are.
func (g *gate) keep(now time.Time, interval time.Duration, burst int) {
	g.fill(now)
	if interval != g.interval {
		tokens := float64(now.Sub(g.empty)) / float64(g.interval)
		g.empty = now.Add(-time.Duration(tokens * float64(interval)))
	}
	g.interval, g.burst = interval, burst
	g.fill(now)
}

// ask says whether the call of uid may go now, and if not, when to ask again.
func (g *gate) ask(now time.Time, uid string, lane Lane) (at time.Time, ok bool) {
	g.sweep(now)
	g.fill(now)
	t, booked := g.turns[uid]
	if booked && now.After(t.at.Add(turnKept)) {
		g.strike(uid)
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
	switch shut := now.Before(g.closed); {
	case now.Before(t.at) && !t.at.Before(g.closed):
		return t.at, false
	case !now.Before(t.at) && !shut && g.tokens(now) > g.expected(now, t):
		g.strike(uid)
		g.empty = g.empty.Add(g.interval)
		return now, true
	}
	t.at = g.when(now, t)
	return t.at, false
}

// admit answers whoever has no turn.
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

// expected is how many tokens are for others who are about to come: before a
// turn that is not urgent, the urgent ones whose time has just been.
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

// close sends nothing until then.
func (g *gate) close(until time.Time) {
	if until.After(g.closed) {
		g.closed = until
	}
}

// when is the time of a turn in the book.
func (g *gate) when(now time.Time, t *turn) time.Time {
	ahead := 0
	for _, other := range g.turns {
		if other.lane > t.lane || other.lane == t.lane && other.place < t.place {
			ahead++
		}
	}
	return g.after(now, ahead)
}

// after is when there will be a token beyond so many.
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

// full is empty, moved so that the bucket holds no more than it can at that time.
func (g *gate) full(now time.Time) time.Time {
	if brim := now.Add(-time.Duration(g.burst) * g.interval); brim.After(g.empty) {
		return brim
	}
	return g.empty
}

func (g *gate) fill(now time.Time) { g.empty = g.full(now) }

func (g *gate) tokens(now time.Time) int { return int(now.Sub(g.empty) / g.interval) }

// strike takes a turn out of the book.
func (g *gate) strike(uid string) {
	if g.turns[uid].lane == Urgent {
		g.urgent--
	}
	delete(g.turns, uid)
}

// sweep strikes what nobody came for: an object deleted meanwhile, or answered
// from memory. Once a second is enough, and is nothing beside the calls.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < time.Second {
		return
	}
	g.swept = now
	for uid, t := range g.turns {
		if now.After(t.at.Add(turnKept)) {
			g.strike(uid)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
