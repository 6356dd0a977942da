package main

import (
	"context"
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// drift lets slots come and go with nothing changed anywhere. Every organization has its own moment in the interval, so that any
// window of one interval holds one look at each, as long as no look falls on the window's edge: the window is laid so that its
// edges lie in the longest gap between looks.
func (l *lab) drift(ctx context.Context) (outcome, error) {
	if err := l.restartManager(ctx, l.interval); err != nil {
		return outcome{}, err
	}
	if err := l.awaitPasses(ctx); err != nil {
		return outcome{}, err
	}
	from := time.Now()
	if err := sleep(ctx, 2*l.interval+still); err != nil {
		return outcome{}, err
	}
	calls := between(l.sim.Calls(), from, time.Now())
	peak, err := l.manager.peak()
	if err != nil {
		return outcome{}, err
	}
	var looks []time.Time
	for _, call := range calls {
		looks = append(looks, call.Time)
	}
	begin := window(looks, from, l.interval)
	found := outcome{took: l.interval, of: "is the interval", peak: peak, calls: between(calls, begin, begin.Add(l.interval))}
	if err := l.restartManager(ctx, endless); err != nil {
		return outcome{}, err
	}
	return found, l.awaitPasses(ctx)
}

// between are the calls that arrived at or after one time and before another.
func between(calls []stytchsim.Call, from, to time.Time) []stytchsim.Call {
	kept := []stytchsim.Call{}
	for _, call := range calls {
		if !call.Time.Before(from) && call.Time.Before(to) {
			kept = append(kept, call)
		}
	}
	return kept
}

// window is the first time at or after a given one that lies in the middle of the longest gap between times, when those are
// wound up on a circle as long as an interval.
func window(times []time.Time, from time.Time, interval time.Duration) time.Time {
	if len(times) == 0 {
		return from
	}
	var round []time.Duration
	for _, at := range times {
		round = append(round, at.Sub(from)%interval)
	}
	slices.Sort(round)
	round = append(round, round[0]+interval)
	var begin, longest time.Duration
	for i, at := range round[1:] {
		if gap := at - round[i]; gap > longest {
			begin, longest = round[i]+gap/2, gap
		}
	}
	return from.Add(begin % interval)
}
