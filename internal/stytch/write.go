package stytch

import (
	"context"
	"errors"
)

// write makes a call that changes something and updates the cached list. No list
// is read at the same time. If Stytch answers that the object is not there, drop
// removes it from the list. If the outcome is unknown, the list is dropped as a
// whole.
func write[R reply, T any](ctx context.Context, c *Caller, o *observation[T], op call, drop func(T, string) T, done func(R, Request) error) (Request, error) {
	if err := c.session.account.granted(op); err != nil {
		return Request{}, err
	}
	if err := o.lock.lockShared(ctx); err != nil {
		return Request{}, c.unlessBusy(op.operation, err)
	}
	defer o.lock.unlockShared()
	if err := c.turn(ctx, op.operation, c.uid, placeOf(op.fetches)); err != nil {
		return Request{}, err
	}
	defer c.ended()
	op.permit = c.permit()
	answer, request, err := do[R](ctx, c.session.account, op)
	if err == nil {
		err = done(answer, request)
	}
	failed, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
	case failed.Unknown():
		o.forget()
	case failed.Class == NotFound:
		o.update(func(cached T) T { return drop(cached, failed.ErrorType) })
	}
	return request, err
}

// wire is the JSON form of a connection.
type wire[C any] interface{ connection() C }

// put is a write whose response holds the connection in its new state.
func put[W wire[C], C identified, T any](ctx context.Context, c *Caller, o *observation[T], op call, drop func(T, string) T, replace func(T, C) T) (C, Request, error) {
	var current C
	request, err := write(ctx, c, o, op, drop, func(r connectionReply[W], request Request) error {
		var err error
		current, err = cacheAnswer(o, op, r, request, replace)
		return err
	})
	return current, request, err
}

// cacheAnswer returns the connection of the response to a write, and puts it into
// the cached list. The response to an update may lack the connection, as no
// schema of Stytch requires it: the cached list is out of date then and is
// dropped.
func cacheAnswer[W wire[C], C identified, T any](o *observation[T], op call, r connectionReply[W], request Request, replace func(T, C) T) (C, error) {
	var none C
	switch {
	case r.Connection == nil && op.connection != "":
		o.forget()
		return none, nil
	case r.Connection == nil:
		return none, incompleteError(request, "the connection")
	}
	current := (*r.Connection).connection()
	if problem := misplaced(current, op.organization); problem != "" {
		return none, unusableError(request, problem)
	}
	if op.connection != "" && current.key() != op.connection {
		return none, incompleteError(request, "the connection that was requested")
	}
	o.update(func(cached T) T { return replace(cached, current) })
	return current, nil
}

// remove is a write that removes something.
func remove[T any](ctx context.Context, c *Caller, o *observation[T], op call, drop func(T, string) T) (Request, error) {
	return write(ctx, c, o, op, drop, func(envelope, Request) error {
		o.update(func(cached T) T { return drop(cached, "") })
		return nil
	})
}
