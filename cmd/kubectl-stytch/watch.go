package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// watchStatus lists what needs a person, and again whenever that has changed, until it is interrupted.
func (c *cli) watchStatus(ctx context.Context, of *cluster, flags statusFlags, names []string) error {
	changed, err := of.changes(ctx, flags.all)
	if err != nil {
		return err
	}
	var shown []need
	for first := true; ; first = false {
		found, checked, err := c.needs(ctx, of, flags, names)
		if err != nil {
			return err
		}
		if first || !reflect.DeepEqual(found, shown) {
			if !first && (flags.output == "" || flags.output == "wide") {
				_, _ = fmt.Fprintf(c.Out, "\n%s\n", c.now().Format(time.TimeOnly))
			}
			if err := c.print(flags, found, checked); err != nil {
				return err
			}
			shown = found
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, ok := <-changed:
			if !ok {
				return errors.New("the API server ended the watch: start again")
			}
		}
	}
}

// changes tells of a change of any connection or project, several at a time as one. It is closed when a watch ends.
func (c *cluster) changes(ctx context.Context, all bool) (<-chan struct{}, error) {
	namespace := client.InNamespace(c.namespace)
	if all {
		namespace = ""
	}
	lists := []client.ObjectList{&v1alpha1.StytchProjectList{}}
	for _, k := range kinds() {
		lists = append(lists, k.list())
	}
	ctx, stop := context.WithCancel(ctx)
	changed, ended := make(chan struct{}, 1), make(chan struct{}, len(lists))
	for _, list := range lists {
		events, err := c.Watch(ctx, list, namespace)
		if err != nil {
			stop()
			return nil, err
		}
		go func() {
			defer func() { ended <- struct{}{} }()
			for range events.ResultChan() {
				select {
				case changed <- struct{}{}:
				default: // one is waiting already
				}
			}
		}()
	}
	out := make(chan struct{})
	go func() {
		defer close(out)
		defer stop()
		for {
			select {
			case <-ended:
				return
			case <-changed:
				select {
				case out <- struct{}{}:
				case <-ended:
					return
				}
			}
		}
	}()
	return out, nil
}
