package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// errWatchEnded ends a watch that the API server ended.
var errWatchEnded = errors.New("the API server ended the watch: start again")

// watchStatus lists what needs a person, and again whenever that has changed, until it is interrupted or nobody reads it any more.
func (c *cli) watchStatus(ctx context.Context, of *cluster, flags statusFlags, names []string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	changed, err := of.changes(ctx, stop, flags.all)
	if err != nil {
		return err
	}
	gone := readerGone(c.Out)
	var shown []need
	for first := true; ; first = false {
		found, checked, err := c.needs(ctx, of, flags, names)
		if err != nil {
			return err
		}
		if first || !reflect.DeepEqual(found, shown) {
			if err := c.printAgain(flags, found, checked, first); err != nil {
				return err
			}
			shown = found
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-gone:
			// The write ends the process as it does everywhere else: by SIGPIPE.
			_, err := io.WriteString(c.Out, "\n")
			return err
		case <-changed:
		}
	}
}

// printAgain prints a list, with the time above it where there was one before that people have read.
func (c *cli) printAgain(flags statusFlags, found []need, checked int, first bool) error {
	if !first && (flags.output == "" || flags.output == "wide") {
		if _, err := fmt.Fprintf(c.Out, "\n%s\n", c.now().Format(time.TimeOnly)); err != nil {
			return err
		}
	}
	return c.print(flags, found, checked)
}

// changes tells of a change of any connection or project, several at a time as one. It calls stop when a watch ends.
func (c *cluster) changes(ctx context.Context, stop context.CancelCauseFunc, all bool) (<-chan struct{}, error) {
	namespace := client.InNamespace(c.namespace)
	if all {
		namespace = ""
	}
	lists := []client.ObjectList{&v1alpha1.StytchProjectList{}}
	for _, k := range kinds() {
		lists = append(lists, k.list())
	}
	changed := make(chan struct{}, 1)
	for _, list := range lists {
		events, err := c.Watch(ctx, list, namespace)
		if err != nil {
			return nil, err
		}
		go func() {
			defer stop(errWatchEnded)
			for range events.ResultChan() {
				select {
				case changed <- struct{}{}:
				default: // one is waiting already
				}
			}
		}()
	}
	return changed, nil
}
