package fence

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

const (
	me       = "me"
	deadline = 10 * time.Second
	retry    = 2 * time.Second
)

// world is a Lease in memory, and a Fence around it whose clocks the test moves.
type world struct {
	*Fence
	t *testing.T

	holder    string
	err       error         // what the API server answers
	takes     time.Duration // how long it takes for that
	monotonic time.Duration
	wall      time.Time
	registry  *prometheus.Registry
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, wall: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), registry: prometheus.NewRegistry()}
	w.Fence = New(Options{
		Lock: lease{w}, RenewDeadline: deadline, RetryPeriod: retry, Metrics: w.registry,
		Clock: func() (time.Duration, time.Time) { return w.monotonic, w.wall },
	})
	return w
}

// pass moves both clocks.
func (w *world) pass(d time.Duration) { w.monotonic, w.wall = w.monotonic+d, w.wall.Add(d) }

func (w *world) renewNow() {
	w.t.Helper()
	if err := w.Update(w.t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: me}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) expect(open bool, when string) {
	w.t.Helper()
	wait, ok := w.May()
	if ok != open {
		w.t.Fatalf("%s: may is %t, want %t", when, ok, open)
	}
	if !ok && wait != retry {
		w.t.Errorf("%s: wait %s, want until the next renewal", when, wait)
	}
}

// metric is the value of a metric.
func (w *world) metric(name string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetCounter().GetValue() + family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	w.t.Fatalf("there is no metric %s", name)
	return 0
}

type lease struct{ *world }

func (l lease) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	l.pass(l.takes)
	return &resourcelock.LeaderElectionRecord{HolderIdentity: l.holder}, nil, l.err
}

func (l lease) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	return l.Update(ctx, r)
}

func (l lease) Update(_ context.Context, r resourcelock.LeaderElectionRecord) error {
	l.pass(l.takes)
	if l.err == nil {
		l.holder = r.HolderIdentity
	}
	return l.err
}
func (lease) RecordEvent(string) {}
func (lease) Identity() string   { return me }
func (lease) Describe() string   { return "lease" }

func TestNothingPassesBeforeTheFirstRenewal(t *testing.T) {
	w := newWorld(t)
	w.expect(false, "at the start")
	w.renewNow()
	w.expect(true, "after a renewal")
}

func TestCreatingTheLeaseIsARenewal(t *testing.T) {
	w := newWorld(t)
	if err := w.Create(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: me}); err != nil {
		t.Fatal(err)
	}
	w.expect(true, "after the creation")
}

func TestARenewalAges(t *testing.T) {
	w := newWorld(t)
	w.renewNow()
	w.pass(deadline - 1)
	w.expect(true, "just before the renew deadline")
	w.pass(1)
	w.expect(false, "at the renew deadline")
	w.renewNow()
	w.expect(true, "after another renewal")
}

func TestAProcessThatWasSuspendedAgesByTheWallClock(t *testing.T) {
	w := newWorld(t)
	w.renewNow()
	w.wall = w.wall.Add(deadline)
	w.expect(false, "with a monotonic clock that stood still")
}

func TestAWallClockThatIsSetBackDoesNotKeepARenewalYoung(t *testing.T) {
	w := newWorld(t)
	w.renewNow()
	w.pass(deadline)
	w.wall = w.wall.Add(-time.Hour)
	w.expect(false, "with a wall clock that was set back")
}

func TestARenewalCountsFromWhenItBegan(t *testing.T) {
	w := newWorld(t)
	w.takes = deadline
	w.renewNow()
	w.expect(false, "after a renewal that took as long as the renew deadline")
}

func TestARenewalThatFailsIsNone(t *testing.T) {
	w := newWorld(t)
	w.renewNow()
	w.pass(deadline - 1)
	w.err = errors.New("the API server does not answer")
	if err := w.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: me}); err == nil {
		t.Fatal("the error is lost")
	}
	if _, _, err := w.Get(t.Context()); err == nil {
		t.Fatal("the error is lost")
	}
	w.expect(true, "while the last renewal is young enough")
	w.pass(1)
	w.expect(false, "when it is not")
	select {
	case <-w.Lost():
		t.Fatal("a renewal that fails ends no process")
	default:
	}
}

func TestAReleaseIsNoRenewal(t *testing.T) {
	w := newWorld(t)
	w.renewNow()
	w.err = errors.New("the answer was lost")
	_ = w.Update(t.Context(), resourcelock.LeaderElectionRecord{})
	w.expect(false, "after a release, whatever its answer was")
}

func TestOnlyAnotherHolderEndsTheProcess(t *testing.T) {
	for _, c := range []struct {
		name          string
		leads         bool
		holder        string
		open, mayLead bool
	}{
		{"a standby sees the leader", false, "other", false, true},
		{"the leader sees itself", true, me, true, true},
		{"the leader sees that nobody holds it", true, "", false, true},
		{"the leader sees another", true, "other", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.leads {
				w.renewNow()
			}
			w.holder = c.holder
			if _, _, err := w.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.expect(c.open, "then")
			lost := false
			select {
			case <-w.Lost():
				lost = true
			default:
			}
			if lost == c.mayLead {
				t.Errorf("lost is %t", lost)
			}
			w.renewNow()
			w.expect(c.mayLead, "after a renewal: a process that lost the lease never leads again")
		})
	}
}

func TestAProcessThatLostItsLeaseBeginsNothingAndFinishesWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.renewNow()
		end, _, ok := w.Begin()
		if !ok {
			t.Fatal("a leader begins no pass")
		}
		w.Lose()
		w.Lose() // client-go may say so after a Get did
		if _, _, ok := w.Begin(); ok {
			t.Error("a pass has begun after the lease was lost")
		}
		w.expect(false, "after the lease was lost")
		time.AfterFunc(5*time.Second, end)
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 22*time.Second)
		defer cancel()
		if left := w.Drain(ctx); left != 0 || time.Since(begun) != 5*time.Second {
			t.Errorf("%d are left after %s", left, time.Since(begun))
		}
	})
}

func TestAPassBeginsOnlyWhileTheLeaseWasRenewedRecently(t *testing.T) {
	w := newWorld(t)
	begins := func(want bool, when string) {
		t.Helper()
		end, wait, ok := w.Begin()
		if ok != want || !ok && wait != retry {
			t.Errorf("%s a pass begins: %t, after %s", when, ok, wait)
		}
		if ok {
			end()
		}
	}
	begins(false, "before the first renewal")
	w.renewNow()
	begins(true, "after a renewal")
	w.pass(deadline - 1)
	begins(true, "right before it is too old")
	w.pass(1)
	begins(false, "once it is too old")
	w.renewNow()
	begins(true, "after the next one")
}

func TestDrainEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.renewNow()
		if _, _, ok := w.Begin(); !ok {
			t.Fatal("no pass has begun")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 22*time.Second)
		defer cancel()
		if left := w.Drain(ctx); left != 1 {
			t.Errorf("%d are left, want 1", left)
		}
	})
}

func TestMetricsSayThatTheLeaseAgesAndWasLost(t *testing.T) {
	w := newWorld(t)
	if age := w.metric("stytch_fence_renewal_age_seconds"); age != 0 {
		t.Errorf("the age without a renewal is %g", age)
	}
	w.renewNow()
	w.pass(deadline)
	if age := w.metric("stytch_fence_renewal_age_seconds"); age != deadline.Seconds() {
		t.Errorf("the age is %g", age)
	}
	w.expect(false, "then")
	w.Lose()
	if withheld, lost := w.metric("stytch_fence_withheld_calls_total"), w.metric("stytch_fence_lost_total"); withheld != 1 || lost != 1 {
		t.Errorf("withheld %g, lost %g", withheld, lost)
	}
}

func TestATakeoverIsOneOfALeaseThatWasNotReleased(t *testing.T) {
	for name, c := range map[string]struct {
		holder string
		want   bool
	}{
		"from a process that ended": {"another", true}, "of a Lease that was released": {"", false}, "of its own": {me, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.holder = c.holder
			if _, _, err := w.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
			if at := w.metric("stytch_fence_takeover_timestamp_seconds"); at != 0 {
				t.Errorf("before the Lease is taken: %g", at)
			}
			want := float64(0)
			if c.want {
				want = float64(w.wall.Unix())
			}
			for range 3 {
				w.renewNow()
				w.pass(retry)
				if at := w.metric("stytch_fence_takeover_timestamp_seconds"); at != want {
					t.Errorf("a takeover at %g, want %g", at, want)
				}
			}
		})
	}
}

func TestWithoutElectionEverythingBegins(t *testing.T) {
	var f *Fence
	end, _, ok := f.Begin()
	if !ok {
		t.Fatal("nothing begins")
	}
	end()
	f.Lose()
	if f.Lost() != nil {
		t.Error("there is a lease to lose")
	}
}

func TestTheClockOfAProcessGoesOnBothClocks(t *testing.T) {
	now := time.Now()
	clock := ClockOf(func() time.Time { return now })
	now = now.Add(time.Minute)
	if monotonic, wall := clock(); monotonic != time.Minute || wall != now.Round(0) {
		t.Errorf("%s, %s", monotonic, wall)
	}
}
