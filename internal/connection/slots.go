package connection

import (
	"hash/fnv"
	"time"
)

// Slots cut time into intervals, so that all connections of one organization are read together, organizations at different times,
// and a restart moves nothing: nothing about them is stored.
type Slots struct {
	Interval time.Duration
	offset   time.Duration
}

// SlotsOf are the slots of an organization. The key is what is listed together: project, organization, and sso or scim.
func SlotsOf(interval time.Duration, key ...string) Slots {
	h := fnv.New64a()
	for _, part := range key {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return Slots{Interval: interval, offset: time.Duration(h.Sum64() % uint64(interval))} //nolint:gosec // an interval is positive, and what is below it fits
}

// Start of the slot that a time lies in.
func (s Slots) Start(t time.Time) time.Time {
	into := time.Duration(t.UnixNano()%int64(s.Interval)) - (s.Interval - s.offset) // a sum could overflow
	if into < 0 {
		into += s.Interval
	}
	return t.Add(-into)
}

// Next is the start of the slot after the one that a time lies in.
func (s Slots) Next(t time.Time) time.Time { return s.Start(t).Add(s.Interval) }

// Due says whether a look is due: the last one was in another slot than now.
func (s Slots) Due(listedAt, now time.Time) bool { return listedAt.Before(s.Start(now)) }
