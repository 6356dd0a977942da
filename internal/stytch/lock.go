package stytch

import "context"

// lock is a sync.RWMutex whose waiting ends with a context. Whoever waits to be
// alone is not overtaken by those who would share.
type lock struct {
	door   chan struct{} // held by whoever is alone, and in passing by whoever enters
	inside chan struct{} // one for each who shares
}

// sharers is how many may share at once.
const sharers = 32

func newLock() lock {
	return lock{door: make(chan struct{}, 1), inside: make(chan struct{}, sharers)}
}

// share waits until nobody is alone inside.
func (l lock) share(ctx context.Context) error {
	if err := enter(ctx, l.door); err != nil {
		return err
	}
	defer func() { <-l.door }()
	return enter(ctx, l.inside)
}

func (l lock) unshare() { <-l.inside }

// exclude waits until nobody is inside.
func (l lock) exclude(ctx context.Context) error {
	if err := enter(ctx, l.door); err != nil {
		return err
	}
	for n := range sharers {
		if err := enter(ctx, l.inside); err != nil {
			l.empty(n)
			<-l.door
			return err
		}
	}
	l.empty(sharers) // nobody can take their places before the door opens
	return nil
}

func (l lock) unexclude() { <-l.door }

func (l lock) empty(n int) {
	for range n {
		<-l.inside
	}
}

func enter(ctx context.Context, room chan<- struct{}) error {
	select {
	case room <- struct{}{}:
		return nil
	default:
	}
	select {
	case room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
