package stytch

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	// inline is how long each further call of a pass waits for its turn before it gives up
	// the worker.
	inline = 2 * time.Second
	// resolved is for how long the ID behind a slug or external ID is believed. Both
	// can be given to another organization.
	resolved = 10 * time.Minute
)

// Pass is one pass of one object. Its first call is made if its turn has come,
// else it returns *NotYet at once; its further calls are urgent and wait at most
// 2 seconds each before they do. What is answered from memory is no call.
//
// The errors of its methods are *NotYet, *Kept (readings only) and *Error.
type Pass struct {
	session  *Session
	uid      string
	lane     Lane
	called   bool // it made a call, or has the turn for one
	reserved bool
	looked   time.Time
}

// Reserve takes the turn of the pass's next call, which then does not ask for
// one. It is for what must not stop halfway: the call still returns *NotYet when
// a 429 has closed the gate meanwhile.
func (p *Pass) Reserve(ctx context.Context) error {
	if p.reserved {
		return nil
	}
	if err := p.turn(ctx, "Reserve", p.uid); err != nil {
		return err
	}
	p.reserved = true
	return nil
}

// Organization returns the organization ID behind an organization ID, slug or
// external ID (GET /v1/b2b/organizations/{organization_id}). One call answers
// all who ask within 10 minutes; whom memory answers gets a zero Request.
func (p *Pass) Organization(ctx context.Context, idSlugOrExternalID string) (string, Request, error) {
	const operation = "GetOrganization"
	o := p.session.organization(idSlugOrExternalID)
	var request Request
	seen, err := see(ctx, p, o, operation, idSlugOrExternalID, p.now().Add(-resolved), func(ctx context.Context) (string, error) {
		r, made, err := do[organizationReply](ctx, p.session.account, call{
			operation: operation, method: http.MethodGet, path: []string{"v1", "b2b", "organizations", idSlugOrExternalID},
		})
		request = made
		switch {
		case err != nil:
			return "", err
		case r.Organization.OrganizationID == "":
			return "", incomplete(made, "an organization")
		}
		return r.Organization.OrganizationID, nil
	})
	return seen.what, request, err
}

// Begun returns when the list was begun that SSO or SCIM last returned to this
// pass; zero if none did. Session.Looked may by now speak of a newer one.
func (p *Pass) Begun() time.Time { return p.looked }

func (p *Pass) now() time.Time { return p.session.account.service.now() }

// turn gets the pass's next call, known at the gate by name, through the gate.
func (p *Pass) turn(ctx context.Context, operation, name string) error {
	if p.reserved {
		p.reserved = false
		return nil
	}
	lane := p.lane
	if p.called {
		lane = Urgent
	}
	at, ok := p.session.account.entrance.ask(p.now(), name, lane)
	switch {
	case ok:
		p.called = true
		return nil
	case !p.called:
		return &NotYet{At: at}
	}
	return p.wait(ctx, operation, name, at)
}

// wait waits for a turn, but not for long.
func (p *Pass) wait(ctx context.Context, operation, name string, at time.Time) error {
	for left := inline; ; {
		pause := max(at.Sub(p.now()), time.Millisecond)
		if pause > left {
			return &NotYet{At: at}
		}
		left -= pause
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return p.ended(operation, ctx.Err())
		}
		var ok bool
		if at, ok = p.session.account.entrance.ask(p.now(), name, Urgent); ok {
			return nil
		}
	}
}

// ended is the Error of a call that its pass did not live to make.
func (p *Pass) ended(operation string, cause error) *Error {
	return unbegun(operation, p.now(), "", cause)
}

// see reads something through its observation.
func see[T any](ctx context.Context, p *Pass, o *observation[T], operation, name string, since time.Time, read func(context.Context) (T, error)) (sight[T], error) {
	turn := func(ctx context.Context) error { return p.turn(ctx, operation, p.session.shared(operation, name)) }
	seen, err := o.see(ctx, p.now, since, turn, read)
	_, failed := errors.AsType[*Error](err)
	_, notYet := errors.AsType[*NotYet](err)
	if err == nil || failed || notYet {
		return seen, err
	}
	return seen, p.ended(operation, err) // while it waited for another's reading
}

// list is see for the connections of an organization.
func list[T any](ctx context.Context, p *Pass, o *observation[T], operation, organizationID string, since time.Time, read func(context.Context) (T, error)) (T, error) {
	seen, err := see(ctx, p, o, operation, organizationID, since, read)
	if err == nil {
		p.looked = seen.begun
	}
	return seen.what, err
}

// write makes a call that changes something, while nobody reads the list that it
// changes. What came of it is laid into the list: gone takes out what Stytch
// says is not there. If nobody knows what came of it, the list is forgotten.
func write[R reply, T any](ctx context.Context, p *Pass, o *observation[T], c call, gone func(T, string) T, done func(R, Request) error) (Request, error) {
	if err := o.lock.share(ctx); err != nil {
		return Request{}, p.ended(c.operation, err)
	}
	defer o.lock.unshare()
	if err := p.turn(ctx, c.operation, p.uid); err != nil {
		return Request{}, err
	}
	answer, request, err := do[R](ctx, p.session.account, c)
	if err == nil {
		err = done(answer, request)
	}
	failed, is := errors.AsType[*Error](err)
	switch {
	case !is:
	case failed.Unknown():
		o.forget()
	case failed.Class == NotFound:
		o.change(func(held T) T { return gone(held, failed.ErrorType) })
	}
	return request, err
}

// wire is a connection as Stytch sends it.
type wire[C any] interface{ connection() C }

// put is a write that is answered with the connection as it is then.
func put[W wire[C], C identified, T any](ctx context.Context, p *Pass, o *observation[T], c call, gone func(T, string) T, place func(T, C) T) (C, Request, error) {
	var is C
	request, err := write(ctx, p, o, c, gone, func(r connectionReply[W], request Request) error {
		var err error
		is, err = answered(o, c, r, request, place)
		return err
	})
	return is, request, err
}

// answered lays the connection that a write was answered with into what is held.
// An update may be answered without it, as no schema of Stytch requires it: what
// is held is out of date then, and who asks next gets a new list.
func answered[W wire[C], C identified, T any](o *observation[T], c call, r connectionReply[W], request Request, place func(T, C) T) (C, error) {
	var none C
	switch {
	case r.Connection == nil && c.connection != "":
		o.forget()
		return none, nil
	case r.Connection == nil:
		return none, incomplete(request, "a connection")
	}
	is := (*r.Connection).connection()
	if id := is.key(); id == "" || c.connection != "" && id != c.connection {
		return none, incomplete(request, "the connection it is about")
	}
	o.change(func(held T) T { return place(held, is) })
	return is, nil
}

// remove is a write after which something is gone.
func remove[T any](ctx context.Context, p *Pass, o *observation[T], c call, gone func(T, string) T) (Request, error) {
	return write(ctx, p, o, c, gone, func(envelope, Request) error {
		o.change(func(held T) T { return gone(held, "") })
		return nil
	})
}
