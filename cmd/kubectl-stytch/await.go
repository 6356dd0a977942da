package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// waiting is how long a command waits for the operator.
type waiting struct {
	wait    bool
	timeout time.Duration
}

func (w *waiting) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&w.wait, "wait", true, "Wait until the operator has done it.")
	flags.DurationVar(&w.timeout, "timeout", 2*time.Minute, "How long to wait.")
}

// until is when waiting ends that begins now.
func (w *waiting) until(now time.Time) time.Time { return now.Add(w.timeout) }

// await watches a connection until done says so, or fails. What the operator says meanwhile is passed to done as well.
func (c *cluster) await(ctx context.Context, o v1alpha1.Connection, until time.Time, done func(v1alpha1.Connection) (bool, error)) error {
	waiting, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for {
		ended, err := c.follow(waiting, o, done)
		switch {
		case ended || err != nil && waiting.Err() == nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case waiting.Err() != nil:
			return fmt.Errorf("%s: the operator has not done it in time. Check that it runs, and that it watches namespace %q. The request stays: the operator follows it when it can",
				refOf(o), o.GetNamespace())
		}
	}
}

// follow is one watch of a connection; it may end before anything is decided. The connection as it is comes first.
func (c *cluster) follow(ctx context.Context, o v1alpha1.Connection, done func(v1alpha1.Connection) (bool, error)) (ended bool, err error) {
	k := kindOf(o)
	events, err := c.Watch(ctx, k.list(), client.InNamespace(o.GetNamespace()), client.MatchingFields{"metadata.name": o.GetName()})
	if err != nil {
		return false, err
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		switch event.Type {
		case watch.Error:
			return false, ignoreExpired(apierrors.FromObject(event.Object))
		case watch.Deleted:
			return false, fmt.Errorf("%s was deleted", refOf(o))
		case watch.Added, watch.Modified, watch.Bookmark:
		}
		is, ok := event.Object.(v1alpha1.Connection)
		if !ok || is.GetUID() != o.GetUID() {
			continue
		}
		if ended, err := done(is); ended || err != nil {
			return ended, err
		}
	}
	return false, nil
}

// ignoreExpired ignores the end of a watch that only has to be begun again.
func ignoreExpired(err error) error {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
