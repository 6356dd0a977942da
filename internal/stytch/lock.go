package stytch

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxHolders is how many may hold the shared lock at once.
	maxHolders = 32
	// maxWaiters is how many may wait for the lock, so that a call that takes long in one
	// organization does not keep the workers from the others.
	maxWaiters = 4
	// busyPause is after how long those ask again who did not get the lock.
	busyPause = time.Second
)

// errBusy says that a lock was not had: too many wait for it, or it took too long.
var errBusy = errors.New("somebody else reads or changes the list")

// lock is like sync.RWMutex, but waiting for it ends: with a context, after maxTurnWait, or at
// once where enough others wait. While somebody waits for the exclusive lock, nobody new gets the shared
// one. It is named by sharing, since here writes share it and reads do not: see observation.
type lock struct {
	holders *semaphore.Weighted
	waiters *semaphore.Weighted
}

func newLock() lock {
	return lock{holders: semaphore.NewWeighted(maxHolders), waiters: semaphore.NewWeighted(maxWaiters)}
}

// lockShared waits until nobody holds the exclusive lock.
func (l lock) lockShared(ctx context.Context) error { return l.acquire(ctx, 1) }

func (l lock) unlockShared() { l.holders.Release(1) }

// lockExclusive waits until nobody holds the lock.
func (l lock) lockExclusive(ctx context.Context) error { return l.acquire(ctx, maxHolders) }

func (l lock) unlockExclusive() { l.holders.Release(maxHolders) }

func (l lock) acquire(ctx context.Context, n int64) error {
	if l.holders.TryAcquire(n) {
		return nil
	}
	if !l.waiters.TryAcquire(1) {
		return errBusy
	}
	defer l.waiters.Release(1)
	short, cancel := context.WithTimeoutCause(ctx, maxTurnWait, errBusy)
	defer cancel()
	if l.holders.Acquire(short, n) != nil {
		return context.Cause(short)
	}
	return nil
}
