package lab

import (
	"time"
)

// Condition says whether something holds, and what was seen: for the progress, and for the failure.
type Condition func() (seen string, holds bool)

// Await waits until a condition holds. After the limit it fails with what was seen last. It does not wait for a process that has
// exited.
func (l *Lab) Await(what string, limit time.Duration, condition Condition) {
	began := time.Now()
	for {
		seen, holds := condition()
		switch {
		case holds:
			l.waited()
			return
		case time.Since(began) > limit:
			l.waited()
			Failf("waited %s for %s; last seen: %s", limit, what, seen)
		}
		Check(l.ledger.exited())
		l.waiting(what, seen, began)
		l.Sleep(l.Poll)
	}
}

// Sleep waits, unless the run is interrupted.
func (l *Lab) Sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-l.ctx.Done():
		Check(l.ctx.Err())
	}
}
