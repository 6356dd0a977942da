package stytch

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	// inline is how long each further call of a Caller waits for its turn before it
	// returns *NotYet and frees the worker.
	maxTurnWait = 2 * time.Second
	// organizationTTL is how long the ID of a slug or external ID is cached. Both can
	// be moved to another organization.
	organizationTTL = 10 * time.Minute
)

// Caller makes the calls of one reconcile pass over one object. The first call
// is sent if its turn has come; otherwise it returns *NotYet at once. All further
// calls take the Urgent lane and wait up to 2 seconds each for their turn before
// they return *NotYet. A read that is answered from the cache is not a call.
//
// The errors of its methods are *NotYet, *ReadError (reads only) and *Error.
type Caller struct {
	session  *Session
	uid      string
	lane     Lane
	called   bool // it made a call, or has the turn for one
	reserved int  // turns that were taken in advance
	listedAt time.Time
	// confirmed is when that was read which the next call that changes something is based on; zero if it does not matter.
	confirmed time.Time
}

// Reserve takes the turn of the next call in advance: that call then does not
// wait. Use it before a sequence that must not stop halfway. The call still
// returns *NotYet if a 429 or the fence has stopped it in the meantime.
func (c *Caller) Reserve(ctx context.Context) error { return c.ReserveTurns(ctx, 1) }

// ReserveTurns is Reserve for that many next calls, which must follow each other.
func (c *Caller) ReserveTurns(ctx context.Context, turns int) error {
	if held := c.session.account.service.fenced(c.now()); held != nil {
		return held
	}
	for c.reserved < turns {
		if err := c.ask(ctx, "Reserve", c.uid); err != nil {
			return err
		}
		c.reserved++
	}
	return nil
}

// Organization returns the organization ID behind an organization ID, slug or
// external ID (GET /v1/b2b/organizations/{organization_id}). The answer is cached
// for 10 minutes; an answer from the cache has a zero Request.
func (c *Caller) Organization(ctx context.Context, idSlugOrExternalID string) (string, Request, error) {
	seen, request, err := c.organization(ctx, idSlugOrExternalID, c.now().Add(-organizationTTL))
	return seen.id, request, err
}

// organization returns what is kept of an organization, requested at or after since.
func (c *Caller) organization(ctx context.Context, name string, since time.Time) (organization, Request, error) {
	const operation = "GetOrganization"
	var request Request
	seen, err := read(ctx, c, c.session.organization(name), operation, name, since, func(ctx context.Context) (organization, error) {
		r, made, err := do[organizationReply](ctx, c.session.account, call{
			operation: operation, method: http.MethodGet, path: []string{"v1", "b2b", "organizations", name},
		})
		request = made
		switch {
		case err != nil:
			return organization{}, err
		case r.Organization.OrganizationID == "":
			return organization{}, incompleteError(made, "the organization")
		}
		return organization{id: r.Organization.OrganizationID, customRoles: roles(r.Organization.CustomRoles)}, nil
	})
	return seen.value, request, err
}

// ListedAt returns the time at which the list that SSO or SCIM last returned to
// this Caller was requested, or zero if none was returned. [Session.ListedAt] may
// already refer to a newer list.
func (c *Caller) ListedAt() time.Time { return c.listedAt }

func (c *Caller) now() time.Time { return c.session.account.service.now() }

// turn waits for the turn of the next call, which the gate knows by name.
func (c *Caller) turn(ctx context.Context, operation, name string) error {
	if c.reserved > 0 {
		c.reserved--
		return nil
	}
	return c.ask(ctx, operation, name)
}

// ask asks the gate for a turn, and waits for it.
func (c *Caller) ask(ctx context.Context, operation, name string) error {
	lane := c.lane
	if c.called {
		lane = Urgent
	}
	at, ok := c.session.account.gate.ask(c.now(), name, lane)
	switch {
	case ok:
		c.called = true
		return nil
	case !c.called:
		return &NotYet{At: at}
	}
	return c.wait(ctx, operation, name, at)
}

// wait waits for a turn, at most maxTurnWait.
func (c *Caller) wait(ctx context.Context, operation, name string, at time.Time) error {
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
		if at, ok = c.session.account.gate.ask(c.now(), name, Urgent); ok {
			return nil
		}
	}
}

// contextEnded is the Error of a call that was not sent because its context had ended.
func (c *Caller) contextEnded(operation string, cause error) *Error {
	return notSentError(operation, c.now(), "", cause)
}

// read reads something through its observation.
func read[T any](ctx context.Context, c *Caller, o *observation[T], operation, name string, since time.Time, fetch func(context.Context) (T, error)) (snapshot[T], error) {
	turn := func(ctx context.Context) error { return c.turn(ctx, operation, c.session.sharedTurn(operation, name)) }
	seen, err := o.read(ctx, c.now, since, turn, fetch)
	_, failed := errors.AsType[*Error](err)
	_, notYet := errors.AsType[*NotYet](err)
	if err == nil || failed || notYet {
		return seen, err
	}
	return seen, c.contextEnded(operation, err) // while it waited for another caller's read
}

// list is read for the connections of an organization.
func list[T any](ctx context.Context, c *Caller, o *observation[T], operation, organizationID string, since time.Time, fetch func(context.Context) (T, error)) (T, error) {
	seen, err := read(ctx, c, o, operation, organizationID, since, fetch)
	if err == nil {
		c.listedAt = seen.readAt
	}
	return seen.value, err
}
