package stytch

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// A failed read is retried after minBackoff, which doubles up to maxBackoff.
	minBackoff = 2 * time.Second
	maxBackoff = 5 * time.Minute
)

// observation is the cached value of one thing at Stytch and the time of its read:
// the SSO connections of an organization, its SCIM connection, the groups of that
// connection, an organization's ID and roles, or the roles of a project's policy.
//
//	read(since):  a value requested at or after since? ──▶ the cached value
//	              failed, and not yet to be retried? ────▶ ReadError
//	              exclusive lock, both once more; then a turn, then the call
//
// Writes hold the lock shared, so that no list overlaps a write and shows half of
// it. They update the cached value by their response. A returned value never changes.
type observation[T any] struct {
	lock lock

	mu        sync.Mutex
	value     T
	valid     bool
	readAt    time.Time  // when the last successful read was requested, even if its value was dropped
	readError *ReadError // of the current run of failures
	deniedTo  *[32]byte  // the member's session that failed, where readError is about it: another one is not kept waiting
	backoff   time.Duration

	usedAt time.Time // guarded by the cache
}

// snapshot is a value and the time at which it was requested.
type snapshot[T any] struct {
	value  T
	readAt time.Time
}

// cached returns the value or error that needs no call, if there is one.
func (o *observation[T]) cached(now, since time.Time, session [32]byte) (none snapshot[T], known bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.valid && !o.readAt.Before(since) {
		return snapshot[T]{value: o.value, readAt: o.readAt}, true, nil
	}
	if o.readError != nil && now.Before(o.readError.Until) && (o.deniedTo == nil || *o.deniedTo == session) {
		return none, true, o.readError
	}
	return none, false, nil
}

// read returns a value that was requested at or after since. A call needs a turn,
// which is taken under the lock: of all concurrent readers only the first needs one.
// Session is the member's session that reads.
func (o *observation[T]) read(ctx context.Context, now func() time.Time, since time.Time, session [32]byte, turn func(context.Context) error, fetch func(context.Context) (T, error)) (snapshot[T], error) {
	if seen, known, err := o.cached(now(), since, session); known {
		return seen, err
	}
	var none snapshot[T]
	if err := o.lock.lockExclusive(ctx); err != nil {
		return none, err
	}
	defer o.lock.unlockExclusive()
	if seen, known, err := o.cached(now(), since, session); known {
		return seen, err
	}
	if err := turn(ctx); err != nil {
		return none, err
	}
	readAt := now()
	value, err := fetch(ctx)
	if err != nil {
		return none, o.cacheError(ctx, err, session)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.value, o.valid, o.readAt, o.readError, o.deniedTo, o.backoff = value, true, readAt, nil, nil, 0
	return snapshot[T]{value: value, readAt: readAt}, nil
}

// cacheError makes a failure the answer until its retry time. The end of the
// caller's context says nothing about Stytch and is not cached, nor is *NotYet, which
// has a time of its own.
func (o *observation[T]) cacheError(ctx context.Context, err error, session [32]byte) error {
	failed, ok := errors.AsType[*Error](err)
	if !ok || ctx.Err() != nil {
		return err
	}
	wait := failed.RetryAfter
	o.mu.Lock()
	defer o.mu.Unlock()
	if failed.Class != Throttled {
		o.backoff = min(max(2*o.backoff, minBackoff), maxBackoff)
		wait = o.backoff
	}
	since := failed.Time
	if o.readError != nil {
		since = o.readError.Since
	}
	o.readError, o.deniedTo = &ReadError{Err: failed, Since: since, Until: failed.Time.Add(wait)}, nil
	if failed.byMember() {
		o.deniedTo = &session
	}
	return o.readError
}

// update replaces the cached value by f of it, if there is one. readAt stays: one
// entry is newer, the others are not.
func (o *observation[T]) update(f func(T) T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.valid {
		o.value = f(o.value)
	}
}

// forget drops the cached value.
func (o *observation[T]) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	var none T
	o.value, o.valid = none, false
}

// lastRead returns when the last successful read was requested, or zero.
func (o *observation[T]) lastRead() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.readAt
}
