package stytch

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// Lane is the priority of a call at the gate.
type Lane int

// The lanes. While calls of all three wait, of 16 turns 12 are urgent, 3 are creations
// and one is a drift check. A lane that nobody waits in leaves its turns to the others.
const (
	// Drift is for calls that nobody waits for: drift checks and resyncs.
	Drift Lane = iota
	// Creation is for the first call of an object that has no connection yet.
	Creation
	// Urgent is for calls that somebody waits for: deletions, edits, and all but the
	// first call of a Caller.
	Urgent
	lanes
)

// costs are the inverse of the weights of the lanes: how far a turn moves its lane on.
var costs = [lanes]int64{Drift: 12, Creation: 4, Urgent: 1} //nolint:gochecknoglobals // Go has no constants of this type

// who is whose a turn is, as far as the order of turns depends on it.
type who struct {
	lane      Lane
	namespace string
}

// turn is a booked call. At its time there will be a token, unless a turn that comes
// before it was booked in between.
type turn struct {
	who
	name  string
	place place
	round int64  // of its lane
	order uint64 // within the round
	at    time.Time
	since time.Time // when it was booked
}

// book orders turns by weighted fair queueing, the lanes by their weights and within a
// lane the namespaces by rounds, of which each has one turn in each:
//
//	urgent    a b   a b   a …        each turn costs 1
//	creation  a     a     a …                        4
//	drift     a b c   a c   a …                     12
//	          └─┬─┘ └─┬─┘
//	       one round  the next
//
// The lane whose next turn ends first, by what its turns have cost, is next.
type book struct {
	byName map[string]*turn
	lanes  [lanes]queue
	now    int64  // where the turn that was taken last ended: a lane that was empty begins there
	orders uint64 // the last order given out
}

// queue holds the turns of a lane in order.
type queue struct {
	turns []*turn
	next  int64 // where its next turn begins
	round int64 // of the turn that was taken last
	last  map[string]int64
}

func newBook() *book {
	b := &book{byName: map[string]*turn{}}
	for lane := range b.lanes {
		b.lanes[lane].last = map[string]int64{}
	}
	return b
}

// offer returns the round of the next turn that a namespace would get.
func (q *queue) offer(namespace string) int64 { return max(q.round, q.last[namespace]) + 1 }

// find returns the place of a turn in the order of its queue.
func (q *queue) find(t *turn) int {
	return sort.Search(len(q.turns), func(i int) bool { return !inOrder(q.turns[i], t) })
}

func inOrder(a, b *turn) bool {
	return cmp.Or(cmp.Compare(a.round, b.round), cmp.Compare(a.order, b.order)) < 0
}

// add books a turn for a name that has none.
func (b *book) add(now time.Time, w who, name string) *turn {
	q := &b.lanes[w.lane]
	if len(q.turns) == 0 {
		q.next = max(q.next, b.now)
	}
	b.orders++
	t := &turn{who: w, name: name, round: q.offer(w.namespace), order: b.orders, since: now}
	q.last[w.namespace] = t.round
	q.turns = slices.Insert(q.turns, q.find(t), t)
	b.byName[name] = t
	return t
}

// improve moves a turn to where another who would have it, if it comes earlier there:
// a read may be wanted by several.
func (b *book) improve(t *turn, w who) *turn {
	if w.lane < t.lane || w.lane == t.lane && b.lanes[w.lane].offer(w.namespace) >= t.round {
		return t
	}
	b.drop(t)
	moved := b.add(t.since, w, t.name)
	moved.at = t.at
	return moved
}

// drop removes a turn that is not taken.
func (b *book) drop(t *turn) {
	q := &b.lanes[t.lane]
	i := q.find(t)
	q.turns = slices.Delete(q.turns, i, i+1)
	delete(b.byName, t.name)
	if q.last[t.namespace] == t.round {
		q.last[t.namespace] = q.round // its next turn is not to be late for one that was not taken
		for _, other := range q.turns[:i] {
			if other.namespace == t.namespace {
				q.last[t.namespace] = other.round
			}
		}
	}
}

// take removes a turn that is taken.
func (b *book) take(t *turn) {
	q := &b.lanes[t.lane]
	i := q.find(t)
	q.turns = slices.Delete(q.turns, i, i+1)
	delete(b.byName, t.name)
	b.charge(q, t.lane, t.round)
}

// pass takes a turn that was not booked.
func (b *book) pass(w who) {
	q := &b.lanes[w.lane]
	if len(q.turns) == 0 {
		q.next = max(q.next, b.now)
	}
	round := q.offer(w.namespace)
	q.last[w.namespace] = round
	b.charge(q, w.lane, round)
}

func (b *book) charge(q *queue, lane Lane, round int64) {
	q.next += costs[lane]
	b.now = max(b.now, q.next)
	q.round = max(q.round, round-1)
}

// ahead returns how many turns come before a turn.
func (b *book) ahead(t *turn) int { return b.before(t.lane, b.lanes[t.lane].find(t)) }

// aheadOf returns how many turns would come before one that is about to be booked.
func (b *book) aheadOf(w who) int {
	q := &b.lanes[w.lane]
	return b.before(w.lane, q.find(&turn{round: q.offer(w.namespace), order: b.orders + 1}))
}

// before returns how many turns come before the turn of this rank in its lane.
func (b *book) before(lane Lane, rank int) int {
	end := b.begin(lane) + int64(rank+1)*costs[lane]
	n := rank
	for other := range lanes {
		if other == lane {
			continue
		}
		span := end - b.begin(other)
		if other < lane { // of two turns that end together the one of the higher lane is first
			span--
		}
		n += int(min(max(span/costs[other], 0), int64(len(b.lanes[other].turns))))
	}
	return n
}

// begin is where the next turn of a lane begins.
func (b *book) begin(lane Lane) int64 {
	q := &b.lanes[lane]
	if len(q.turns) == 0 {
		return max(q.next, b.now)
	}
	return q.next
}
