package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// mostRefusals is after how many 429 in a row a command gives up.
const mostRefusals = 3

// pace is what waiting for Stytch needs: the time, and where it is said that a command waits because Stytch asks for that.
type pace struct {
	now    func() time.Time
	errOut io.Writer
}

// paced makes a call to Stytch at the pace of the project: it waits for its turn, and where Stytch asks for that.
func paced[T any](ctx context.Context, p pace, call func() (T, error)) (T, error) {
	for refusals := 0; ; {
		value, err := call()
		held, waits := errors.AsType[*stytch.NotYet](err)
		failed, refused := errors.AsType[*stytch.Error](err)
		var until time.Time
		switch {
		case waits:
			until = held.At
		case refused && failed.Class == stytch.Throttled && refusals < mostRefusals:
			refusals++
			until = failed.Time.Add(failed.RetryAfter + time.Millisecond)
			_, _ = fmt.Fprintf(p.errOut, "Stytch returned 429 (too many requests). Waiting for %s, as it asks.\n", failed.RetryAfter.Round(time.Second))
		default:
			return value, err
		}
		select {
		case <-ctx.Done():
			return value, ctx.Err()
		case <-time.After(max(until.Sub(p.now()), time.Millisecond)):
		}
	}
}
