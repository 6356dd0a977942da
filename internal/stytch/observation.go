package stytch

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// A list that could not be read is tried again after this, doubling up to that.
	firstPause = 2 * time.Second
	lastPause  = 5 * time.Minute
	// unused is how long an observation that nobody asks for is kept.
	unused = 24 * time.Hour
)

// observation is what is known of one thing at Stytch and since when: the SSO
// connections of an organization, its SCIM connection, the groups of that, or the
// ID of an organization named otherwise.
//
//	see(since):  held, and begun at or after since? ─▶ from memory
//	             failed, and not yet to be tried? ───▶ ReadError
//	             alone under the lock, once more; then a turn, then the call
//
// Writes share the lock, so that no list overlaps one and shows half of it, and
// lay their answer into what is held. A value once handed out never changes.
type observation[T any] struct {
	lock lock

	mu     sync.Mutex
	held   T
	holds  bool
	begun  time.Time  // of the last successful reading, whether still held or not
	failed *ReadError // the current run of failures
	pause  time.Duration

	used time.Time // guarded by the shelf
}

// sight is what was seen, and when the look at it was begun.
type sight[T any] struct {
	what  T
	begun time.Time
}

// recall returns what can be said without a call, if anything can.
func (o *observation[T]) recall(now, since time.Time) (s sight[T], known bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.holds && !o.begun.Before(since) {
		return sight[T]{what: o.held, begun: o.begun}, true, nil
	}
	if o.failed != nil && now.Before(o.failed.Until) {
		return s, true, o.failed
	}
	return s, false, nil
}

// see returns what was begun at or after since. Reading needs a turn, which is
// taken under the lock: of all who ask at once only the first needs one.
func (o *observation[T]) see(ctx context.Context, now func() time.Time, since time.Time, turn func(context.Context) error, read func(context.Context) (T, error)) (sight[T], error) {
	if seen, known, err := o.recall(now(), since); known {
		return seen, err
	}
	var none sight[T]
	if err := o.lock.exclude(ctx); err != nil {
		return none, err
	}
	defer o.lock.unexclude()
	if seen, known, err := o.recall(now(), since); known {
		return seen, err
	}
	if err := turn(ctx); err != nil {
		return none, err
	}
	begun := now()
	held, err := read(ctx)
	if err != nil {
		return none, o.keep(ctx, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held, o.holds, o.begun, o.failed, o.pause = held, true, begun, nil, 0
	return sight[T]{what: held, begun: begun}, nil
}

// keep makes a failure the answer for a while. That a caller went away says
// nothing about Stytch and is not kept, nor is a closed window, which has a time
// of its own.
func (o *observation[T]) keep(ctx context.Context, err error) error {
	failure, ok := errors.AsType[*Error](err)
	if !ok || ctx.Err() != nil {
		return err
	}
	wait := failure.RetryAfter
	o.mu.Lock()
	defer o.mu.Unlock()
	if failure.Class != Throttled {
		o.pause = min(max(2*o.pause, firstPause), lastPause)
		wait = o.pause
	}
	since := failure.Time
	if o.failed != nil {
		since = o.failed.Since
	}
	o.failed = &ReadError{Err: failure, Since: since, Until: failure.Time.Add(wait)}
	return o.failed
}

// change replaces what is held by what f makes of it, if anything is held. It
// keeps its age: one entry is newer, the others are not.
func (o *observation[T]) change(f func(T) T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.holds {
		o.held = f(o.held)
	}
}

// forget drops what is held.
func (o *observation[T]) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	var none T
	o.held, o.holds = none, false
}

// looked returns when the last reading was begun, or zero.
func (o *observation[T]) looked() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.begun
}

// subject is what an observation is of. Credentials are part of it: what one
// secret may see is not shown to the holder of another.
type subject struct {
	baseURL    string
	credential [32]byte
	name       string // organization ID, or what it is called; of groups, the connection ID too
}

// shelf holds the observations of one sort.
type shelf[T any] struct {
	mu     sync.Mutex
	of     map[subject]*observation[T]
	tidied time.Time
}

func (s *shelf[T]) observation(now time.Time, of subject) *observation[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy(now)
	o, found := s.of[of]
	if !found {
		if s.of == nil {
			s.of = map[subject]*observation[T]{}
		}
		o = &observation[T]{lock: newLock()}
		s.of[of] = o
	}
	o.used = now
	return o
}

// tidy throws away what belongs to credentials and organizations of the past.
func (s *shelf[T]) tidy(now time.Time) {
	if now.Sub(s.tidied) < time.Hour {
		return
	}
	s.tidied = now
	for of, o := range s.of {
		if now.Sub(o.used) > unused {
			delete(s.of, of)
		}
	}
}
