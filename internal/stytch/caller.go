package stytch

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	// maxTurnWait is how long each further call of a Caller waits for its turn, and any
	// call for a list that somebody else reads or changes, before it returns *NotYet and
	// frees the worker.
	maxTurnWait = 2 * time.Second
	// organizationTTL is how long the ID of a slug or external ID is cached. Both can
	// be moved to another organization.
	organizationTTL = 10 * time.Minute
)

// Caller makes the calls of one reconcile pass over one object. The first call
// is sent if its turn has come; otherwise it returns *NotYet at once. All further
// calls take the Urgent lane and wait up to 2 seconds each for their turn before
// they return *NotYet. A read that is answered from the cache is not a call. A Caller
// that reserved calls has to be closed.
//
// The errors of its methods are *NotYet, *NotGranted, *ReadError (reads only) and
// *Error.
type Caller struct {
	session *Session
	who
	uid      string
	called   bool  // it made a call, or has the turn for one
	reserved int   // turns that were taken in advance
	held     place // of the call that it makes, or that it reserved
	listedAt time.Time
	// confirmed is when that was read which the next call that changes something is based on; zero if it does not matter.
	confirmed time.Time
}

// Reserve takes the turn and place of the next call in advance: that call then does not
// wait. Use it before a sequence that must not stop halfway. The call still
// returns *NotYet if a 429 or the fence has stopped it in the meantime, or if the list
// of the connections is being read for long.
func (c *Caller) Reserve(ctx context.Context) error { return c.ReserveCalls(ctx, 1, false) }

// ReserveCalls is Reserve for that many next calls, which must follow each other, and
// of which some make Stytch fetch a document if fetches is true.
func (c *Caller) ReserveCalls(ctx context.Context, calls int, fetches bool) error {
	if held := c.session.account.service.fenced(c.now()); held != nil {
		return held
	}
	for c.reserved < calls {
		if err := c.ask(ctx, "Reserve", c.uid, placeOf(fetches)); err != nil {
			return err
		}
		c.reserved++
	}
	return nil
}

// Close gives back the place of calls that were reserved and not made. Closing twice, or a nil
// Caller, does nothing.
func (c *Caller) Close() {
	if c != nil {
		c.reserved = 0
		c.ended()
	}
}

// Organization returns the organization ID behind an organization ID, slug or
// external ID (GET /v1/b2b/organizations/{organization_id}). The answer is cached
// for 10 minutes; an answer from the cache has a zero Request.
func (c *Caller) Organization(ctx context.Context, idSlugOrExternalID string) (string, Request, error) {
	seen, request, err := c.organization(ctx, idSlugOrExternalID, c.now().Add(-organizationTTL))
	return seen.ID, request, err
}

// DescribeOrganization is Organization with the name and the slug.
func (c *Caller) DescribeOrganization(ctx context.Context, idSlugOrExternalID string) (Organization, error) {
	seen, _, err := c.organization(ctx, idSlugOrExternalID, c.now().Add(-organizationTTL))
	return seen.Organization, err
}

// organization returns what is kept of an organization, requested at or after since.
func (c *Caller) organization(ctx context.Context, name string, since time.Time) (organization, Request, error) {
	op := call{
		operation: "GetOrganization", method: http.MethodGet, path: []string{"v1", "b2b", "organizations", name}, organization: name,
	}
	var request Request
	seen, err := read(ctx, c, c.session.organization(name), op, name, since, func(ctx context.Context) (organization, error) {
		r, made, err := do[organizationReply](ctx, c.session.account, op)
		request = made
		switch {
		case err != nil:
			return organization{}, err
		case !IsOrganizationID(r.Organization.ID):
			return organization{}, incompleteError(made, "the organization's ID in its usual form")
		case IsOrganizationID(name) && r.Organization.ID != name:
			return organization{}, unusableError(made, "the response is about another organization")
		}
		return organization{r.Organization.organization(), roles(r.Organization.CustomRoles)}, nil
	})
	return seen.value, request, err
}

// ListedAt returns the time at which the list that SSO or SCIM last returned to
// this Caller was requested, or zero if none was returned. [Session.ListedAt] may
// already refer to a newer list.
func (c *Caller) ListedAt() time.Time { return c.listedAt }

func (c *Caller) now() time.Time { return c.session.account.service.now() }

// turn waits for the turn and place of the next call, which the gate knows by name. When it
// has been made, ended has to be called.
func (c *Caller) turn(ctx context.Context, operation, name string, p place) error {
	if c.reserved > 0 {
		c.reserved--
		return nil
	}
	return c.ask(ctx, operation, name, p)
}

// ended gives back the place of a call, unless another one that was reserved follows it.
func (c *Caller) ended() {
	if c.reserved == 0 && c.held != noPlace {
		c.session.account.gate.release(c.held)
		c.held = noPlace
	}
}

// ask asks the gate for a turn and a place, and waits for them. A Caller has one place at a time.
func (c *Caller) ask(ctx context.Context, operation, name string, p place) error {
	q := question{who: c.who, name: name, place: p}
	if c.called {
		q.lane = Urgent
	}
	if c.held != noPlace {
		q.place = noPlace
	}
	at, ok := c.session.account.gate.ask(c.now(), q)
	if !ok {
		if !c.called {
			return &NotYet{At: at}
		}
		if err := c.wait(ctx, operation, q, at); err != nil {
			return err
		}
	}
	c.called = true
	if q.place != noPlace {
		c.held = q.place
	}
	return nil
}

// wait waits for a turn, at most maxTurnWait.
func (c *Caller) wait(ctx context.Context, operation string, q question, at time.Time) error {
	for left := maxTurnWait; ; {
		pause := max(at.Sub(c.now()), time.Millisecond)
		if pause > left {
			return &NotYet{At: at}
		}
		left -= pause
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return c.contextEnded(operation, ctx.Err())
		}
		var ok bool
		if at, ok = c.session.account.gate.ask(c.now(), q); ok {
			return nil
		}
	}
}

// contextEnded is the Error of a call that was not sent because its context had ended.
func (c *Caller) contextEnded(operation string, cause error) *Error {
	return notSentError(operation, c.now(), "", cause)
}

// read reads something through its observation. Grants are asked of what is cached, too: others, with other grants, may
// have read it.
func read[T any](ctx context.Context, c *Caller, o *observation[T], op call, name string, since time.Time, fetch func(context.Context) (T, error)) (snapshot[T], error) {
	var none snapshot[T]
	if err := c.session.account.granted(op); err != nil {
		return none, err
	}
	turn := func(ctx context.Context) error {
		return c.turn(ctx, op.operation, c.session.sharedTurn(op.operation, name), onePlace)
	}
	seen, err := o.read(ctx, c.now, since, c.session.account.session, turn, func(ctx context.Context) (T, error) {
		defer c.ended()
		return fetch(ctx)
	})
	if refused := c.session.account.granted(op); refused != nil { // since it began to wait for another reader
		return none, refused
	}
	return seen, c.unlessBusy(op.operation, err)
}

// unlessBusy is what a caller is told where a list could not be locked.
func (c *Caller) unlessBusy(operation string, err error) error {
	_, failed := errors.AsType[*Error](err)
	switch {
	case err == nil || failed || HeldBack(err) != nil:
		return err
	case errors.Is(err, errBusy):
		return &NotYet{At: c.now().Add(busyPause)}
	}
	return c.contextEnded(operation, err)
}

// list is read for the connections of an organization.
func list[T any](ctx context.Context, c *Caller, o *observation[T], op call, since time.Time, fetch func(context.Context) (T, error)) (T, error) {
	seen, err := read(ctx, c, o, op, op.organization, since, fetch)
	if err == nil {
		c.listedAt = seen.readAt
	}
	return seen.value, err
}
