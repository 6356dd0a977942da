package main

import (
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// drift lets resyncs come and go with nothing changed anywhere. Every organization has its own moment in the interval, so that any
// window of one interval holds one list of each, as long as no list falls on the window's edge: the window is laid so that its
// edges are in the longest gap between lists.
func (b *bench) drift() outcome {
	b.restartManager(interval)
	b.awaitPasses()
	from, seq := time.Now(), b.Seq()
	b.Sleep(2*interval + still)
	calls := b.Calls(seq)
	found := outcome{took: interval, of: "is the interval", peak: b.peak(), calls: []stytchsim.Call{}}
	begin := window(calls, from, interval)
	for _, call := range calls {
		if !call.Time.Before(begin) && call.Time.Before(begin.Add(interval)) {
			found.calls = append(found.calls, call)
		}
	}
	b.restartManager(endless)
	b.awaitPasses()
	return found
}

// window is the first time at or after a given one that is in the middle of the longest gap between calls, when these are wound up
// on a circle as long as an interval.
func window(calls []stytchsim.Call, from time.Time, interval time.Duration) time.Time {
	if len(calls) == 0 {
		return from
	}
	var round []time.Duration
	for _, call := range calls {
		round = append(round, call.Time.Sub(from)%interval)
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
