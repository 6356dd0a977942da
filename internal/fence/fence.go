package fence

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Clock returns the time by the monotonic clock, counted from any start, and by the wall clock. The monotonic clock stops while
// the machine is suspended. The wall clock can be set back.
type Clock func() (monotonic time.Duration, wall time.Time)

// ClockOf makes a Clock of time.Now.
func ClockOf(now func() time.Time) Clock {
	start := now()
	return func() (time.Duration, time.Time) {
		t := now()
		return t.Sub(start), t.Round(0)
	}
}

// Options configure a Fence.
type Options struct {
	// Lock is the Lease, as client-go's leader election uses it.
	Lock resourcelock.Interface
	// RenewDeadline is the age of the last renewal from which nothing passes. It must be shorter than the lease duration, and is
	// that of the leader election.
	RenewDeadline time.Duration
	// RetryPeriod is the time between two renewals.
	RetryPeriod time.Duration
	// Clock is the clock by which renewals age.
	Clock Clock
	// Metrics is the registry of the metrics; nil for none.
	Metrics prometheus.Registerer
}

// Fence is a lock for leader election that knows when it was last renewed. A nil *Fence is that of a process without leader
// election: everything passes, and it is never lost.
type Fence struct {
	resourcelock.Interface
	options Options
	metrics metrics

	mu       sync.Mutex
	renewed  *instant // the begin of the last successful renewal; nil while the Lease is not ours
	holder   string   // another process that the Lease named when it was last read, and that had not released it
	tookOver time.Time
	lost     chan struct{}
	isLost   bool
	inFlight int
	idle     *sync.Cond
}

// instant is a moment on both clocks.
type instant struct {
	monotonic time.Duration
	wall      time.Time
}

// New returns a Fence around a lock. Nothing passes before the first renewal.
func New(o Options) *Fence {
	f := &Fence{Interface: o.Lock, options: o, lost: make(chan struct{})}
	f.idle = sync.NewCond(&f.mu)
	f.metrics = newMetrics(o.Metrics, f)
	return f
}

func (f *Fence) now() instant {
	monotonic, wall := f.options.Clock()
	return instant{monotonic, wall}
}

// since is the time that has passed since an instant, by the clock that says more.
func (i instant) since(earlier instant) time.Duration {
	return max(i.monotonic-earlier.monotonic, i.wall.Sub(earlier.wall))
}

// Get reads the Lease. If it names another holder, a process that was the leader has lost it.
func (f *Fence) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := f.Interface.Get(ctx)
	if err == nil && record.HolderIdentity != f.Identity() {
		f.taken(record.HolderIdentity)
	}
	return record, raw, err
}

// Create creates the Lease, which is a renewal.
func (f *Fence) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return f.renew(ctx, record, f.Interface.Create)
}

// Update renews the Lease, or releases it.
func (f *Fence) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return f.renew(ctx, record, f.Interface.Update)
}

// renew notes when a renewal began that succeeded. A process that releases the Lease is not the leader from the moment on at which
// it asks for that.
func (f *Fence) renew(ctx context.Context, record resourcelock.LeaderElectionRecord, write func(context.Context, resourcelock.LeaderElectionRecord) error) error {
	begun := f.now()
	if record.HolderIdentity != f.Identity() {
		f.setRenewed(nil)
		return write(ctx, record)
	}
	err := write(ctx, record)
	if err == nil {
		f.setRenewed(&begun)
	}
	return err
}

// setRenewed notes a renewal; nil if the Lease is released. The first one takes the Lease, perhaps from a process that ended without
// releasing it.
func (f *Fence) setRenewed(at *instant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewed = at
	if at != nil && f.holder != "" {
		f.holder, f.tookOver = "", at.wall
	}
}

// takeover is when this process took the Lease from one that had not released it; zero if it did not.
func (f *Fence) takeover() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tookOver
}

// taken notes that the Lease names another holder, or nobody.
func (f *Fence) taken(holder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.renewed != nil
	f.renewed, f.holder = nil, holder
	if was && holder != "" {
		f.lose()
	}
}

// Lose says that leader election has ended without having been asked to.
func (f *Fence) Lose() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewed = nil
	f.lose()
}

func (f *Fence) lose() {
	if f.isLost {
		return
	}
	f.isLost = true
	f.metrics.lost.Inc()
	close(f.lost)
}

// Lost is closed when another process has taken the Lease.
func (f *Fence) Lost() <-chan struct{} {
	if f == nil {
		return nil
	}
	return f.lost
}

// May says whether a call that changes something may be sent now and, if not, how long to wait for the next renewal.
func (f *Fence) May() (wait time.Duration, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open() {
		return 0, true
	}
	f.metrics.withheld.Inc()
	return f.options.RetryPeriod, false
}

// open says that this process is certainly the leader. It is called with mu held.
func (f *Fence) open() bool {
	return !f.isLost && f.renewed != nil && f.now().since(*f.renewed) < f.options.RenewDeadline
}

// age is the age of the last renewal; zero for none.
func (f *Fence) age() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.renewed == nil {
		return 0
	}
	return f.now().since(*f.renewed)
}

// Begin begins a pass, which is in flight until end is called. None begins while this process is not certainly the leader: what it
// remembers of Stytch may be older than what another process has done since. Wait is how long the next renewal is to be waited for;
// zero after the Lease was lost, which nothing ends.
func (f *Fence) Begin() (end func(), wait time.Duration, ok bool) {
	if f == nil {
		return func() {}, 0, true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.isLost:
		return nil, 0, false
	case !f.open():
		return nil, f.options.RetryPeriod, false
	}
	f.inFlight++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inFlight--
		f.idle.Broadcast()
	}, 0, true
}

// Drain waits until no pass is in flight, or until ctx ends. It returns how many still are.
func (f *Fence) Drain(ctx context.Context) int {
	stop := context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.idle.Broadcast()
	})
	defer stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.inFlight > 0 && ctx.Err() == nil {
		f.idle.Wait()
	}
	return f.inFlight
}
