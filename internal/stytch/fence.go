package stytch

import (
	"context"
	"net/http/httptrace"
	"time"
)

// Fence says whether a call that changes something may be sent now and, if not, how
// long to wait before asking again. It is asked right before each such call is sent,
// and must answer at once.
type Fence func() (wait time.Duration, ok bool)

// confirmedFor is how long what was confirmed counts: see Caller.Confirm.
const confirmedFor = 5 * time.Second

// Confirm says that a call which changes something is based on what was read at a
// time. The next such call is sent only within 5 seconds of it; after that it returns
// *NotYet, so that it is decided again.
func (c *Caller) Confirm(at time.Time) { c.confirmed = at }

// permit returns why the next call that changes something may not be sent now; nil if
// it may. It uses up what was confirmed.
func (c *Caller) permit() func() error {
	service, confirmed := c.session.account.service, c.confirmed
	c.confirmed = time.Time{}
	return func() error {
		now := service.now()
		if !confirmed.IsZero() && elapsed(confirmed, now) >= confirmedFor {
			return &NotYet{At: now}
		}
		if held := service.fenced(now); held != nil {
			return held
		}
		return nil
	}
}

// fenced returns until when the fence lets no call pass; nil if it does.
func (s *Service) fenced(now time.Time) *NotYet {
	if s.fence == nil {
		return nil
	}
	if wait, ok := s.fence(); !ok {
		return &NotYet{At: now.Add(wait)}
	}
	return nil
}

// elapsed is the time from a to b by the monotonic or the wall clock, whichever says
// more: the monotonic clock stops while the machine is suspended, and the wall clock
// can be set back.
func elapsed(a, b time.Time) time.Duration {
	return max(b.Sub(a), b.Round(0).Sub(a.Round(0)))
}

// askOnConnection asks for permission once more when the call has a connection, and
// again if the transport repeats it on another: to get a connection takes time, as
// does a process that was stopped meanwhile. Without permission the connection is
// closed, so that nothing can be sent on it, and the context ends with the reason.
func askOnConnection(ctx context.Context, permit func() error) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if permit == nil {
		return ctx, cancel
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if held := permit(); held != nil {
			cancel(held)
			_ = got.Conn.Close() // what it says does not matter: nothing was written
		}
	}}), cancel
}
