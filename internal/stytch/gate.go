package stytch

import "time"

const (
	defaultPerSecond = 5
	defaultBurst     = 10
	// turnKept is how long after its time a turn stays reserved for its uid.
	turnKept = time.Minute
	// turnExpected is how long after the time of a turn a token is held back for it from the
	// turns that come after it.
	turnExpected = time.Second
)

// gate decides when calls of one project may be sent. It is a token bucket with a
// book of turns, and has places for the calls in flight:
//
//	ask(name, lane, namespace)
//	     │
//	 booked, and before its time? ─ yes ─▶ the same time again
//	     │ no
//	     ▼
//	 a token and a place beyond those that turns before it are about to take? ─ yes ─▶ go
//	     │ no
//	     ▼
//	 book a turn, unless there is one ─▶ the time at which there will be a token
//
// A time that is given is the earliest: turns that are booked later may come before.
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

	book     *book
	inFlight [places]int // calls that have a place
	swept    time.Time
}

// place is what a call occupies while it is in flight.
type place int

const (
	// noPlace is for a call that follows another, and has its place.
	noPlace place = iota
	// onePlace is for any other call.
	onePlace
	// fetchPlace is for a call that makes Stytch fetch a document from a server of
	// somebody else, which can take long.
	fetchPlace
	places
)

const (
	// maxInFlight is how many calls of a project are in flight at once, and maxFetches
	// how many of them make Stytch fetch a document.
	maxInFlight = 10
	maxFetches  = 2
	// placeExpected and fetchExpected are after how long a call that found all of these places
	// taken asks again, and how much later for each lot of turns as large that comes before it.
	placeExpected = 50 * time.Millisecond
	fetchExpected = time.Second
)

func placeOf(fetches bool) place {
	if fetches {
		return fetchPlace
	}
	return onePlace
}

// question is what a call asks the gate.
type question struct {
	who
	name  string // whose turn it is: one name has one turn at most
	place place
}

func newGate(now time.Time, r Rate) *gate {
	g := &gate{book: newBook(), swept: now}
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

// ask reports whether the call may be sent now and, if not, when to ask again. A call
// that may be sent has taken its token, and a place until release.
func (g *gate) ask(now time.Time, q question) (at time.Time, ok bool) {
	g.sweep(now)
	g.fill(now)
	t := g.booked(now, q)
	if t != nil && now.Before(t.at) && !t.at.Before(g.closed) {
		return t.at, false
	}
	ahead := g.ahead(t, q.who)
	if g.mayGo(now, q.place, ahead) {
		g.take(t, q)
		return now, true
	}
	if t == nil {
		t = g.book.add(now, q.who, q.name)
		t.place = q.place
	}
	t.at = g.when(now, t, ahead)
	return t.at, false
}

// booked returns the turn of a name, where it comes earliest; nil if it has none.
func (g *gate) booked(now time.Time, q question) *turn {
	t, found := g.book.byName[q.name]
	if !found {
		return nil
	}
	if now.After(t.at.Add(turnKept)) {
		g.book.drop(t)
		return nil
	}
	if moved := g.book.improve(t, q.who); moved != t {
		t = moved
		t.at = earlier(t.at, g.when(now, t, g.book.ahead(t)))
	}
	t.place = q.place
	return t
}

// ahead returns how many turns come before t or, if that is nil, before one that would be booked now.
func (g *gate) ahead(t *turn, w who) int {
	if t == nil {
		return g.book.aheadOf(w)
	}
	return g.book.ahead(t)
}

// mayGo says whether there is a token and a place for a call, beyond those for the turns that
// come before it and are about to be taken.
func (g *gate) mayGo(now time.Time, p place, ahead int) bool {
	if now.Before(g.closed) || g.tokens(now) == 0 || p != noPlace && g.occupied() >= maxInFlight {
		return false
	}
	due, fetches := g.about(now, ahead)
	return g.tokens(now) > due && (p != fetchPlace || g.inFlight[fetchPlace]+fetches < maxFetches)
}

// about counts the first turns that are about to be taken: those whose time has just come. Those
// that wait for a fetchPlace have to ask for it again and again, and count meanwhile.
func (g *gate) about(now time.Time, first int) (due, fetches int) {
	for _, t := range g.book.byName {
		come := !now.Before(t.at)
		if now.Sub(t.at) >= turnExpected || !come && t.place != fetchPlace || g.book.ahead(t) >= first {
			continue
		}
		if come {
			due++
		}
		if t.place == fetchPlace {
			fetches++
		}
	}
	return due, fetches
}

func (g *gate) occupied() int { return g.inFlight[onePlace] + g.inFlight[fetchPlace] }

// take gives a call its token and place, and uses up its turn if it has one.
func (g *gate) take(t *turn, q question) {
	if t != nil {
		g.book.take(t)
	} else {
		g.book.pass(q.who)
	}
	g.empty = g.empty.Add(g.interval)
	if q.place != noPlace {
		g.inFlight[q.place]++
	}
}

// release gives back the place of a call.
func (g *gate) release(p place) { g.inFlight[p]-- }

// close lets nothing be sent before until.
func (g *gate) close(until time.Time) {
	if until.After(g.closed) {
		g.closed = until
	}
}

// when is the earliest time of a booked turn that so many come before.
func (g *gate) when(now time.Time, t *turn, ahead int) time.Time {
	at := g.after(now, ahead)
	if t.place != noPlace && g.occupied() >= maxInFlight {
		at = later(at, now.Add(placeExpected+placeExpected*time.Duration(ahead)/maxInFlight))
	}
	if t.place == fetchPlace && g.inFlight[fetchPlace] >= maxFetches {
		_, fetches := g.about(now, ahead)
		at = later(at, now.Add(fetchExpected+fetchExpected*time.Duration(fetches)/maxFetches))
	}
	return at
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

// sweep drops turns that were not used: the object was deleted in the meantime, or
// answered from the cache. Once a second is enough.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < time.Second {
		return
	}
	g.swept = now
	for _, t := range g.book.byName {
		if now.After(t.at.Add(turnKept)) {
			g.book.drop(t)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
