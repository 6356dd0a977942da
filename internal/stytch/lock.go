package stytch

import "context"

// lock is like sync.RWMutex, but waiting for it ends with a context. While somebody
// waits for the exclusive lock, nobody new gets the shared one. It is named by
// sharing, since here writes share it and reads do not: see observation.
type lock struct {
	entry   chan struct{} // one slot: held for as long as the exclusive lock, and for a moment by lockShared
	holders chan struct{} // one slot for each holder of the shared lock
}

// maxHolders is how many may hold the shared lock at once.
const maxHolders = 32

func newLock() lock {
	return lock{entry: make(chan struct{}, 1), holders: make(chan struct{}, maxHolders)}
}

// lockShared waits until nobody holds the exclusive lock.
func (l lock) lockShared(ctx context.Context) error {
	if err := acquire(ctx, l.entry); err != nil {
		return err
	}
	defer func() { <-l.entry }()
	return acquire(ctx, l.holders)
}

func (l lock) unlockShared() { <-l.holders }

// lockExclusive waits until nobody holds the lock.
func (l lock) lockExclusive(ctx context.Context) error {
	if err := acquire(ctx, l.entry); err != nil {
		return err
	}
	for n := range maxHolders {
		if err := acquire(ctx, l.holders); err != nil {
			l.release(n)
			<-l.entry
			return err
		}
	}
	l.release(maxHolders) // nobody takes these slots while entry is held
	return nil
}

func (l lock) unlockExclusive() { <-l.entry }

func (l lock) release(n int) {
	for range n {
		<-l.holders
	}
}

func acquire(ctx context.Context, slots chan<- struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
