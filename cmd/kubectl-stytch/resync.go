package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

func (c *cli) resyncCommand() *cobra.Command {
	var w waiting
	all := false
	cmd := &cobra.Command{
		Use:   "resync NAME | KIND/NAME... | --all",
		Short: "Have the operator compare connections with Stytch now",
		Long: `Have the operator compare connections with Stytch now, for example after a change in the Stytch dashboard. It sets the
annotation ` + v1alpha1.AnnotationResyncRequested + `, and waits until the operator has handled it.`,
		Example: `  # One connection
  kubectl stytch resync acme-okta

  # All connections of the namespace, without waiting
  kubectl stytch resync --all --wait=false`,
		ValidArgsFunction: c.completeNames(kinds()...),
		RunE: func(cmd *cobra.Command, names []string) error {
			if all == (len(names) > 0) {
				return errors.New("give either names or --all")
			}
			return c.resync(cmd.Context(), w, names)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "All connections of the namespace, except those that are Paused or being deleted.")
	w.addFlags(cmd.Flags())
	return cmd
}

// resync asks for all before it waits for the first: those of one organization then share a list.
func (c *cli) resync(ctx context.Context, w waiting, names []string) error {
	of, err := c.connect()
	if err != nil {
		return err
	}
	targets, err := of.resyncTargets(ctx, names)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		_, _ = fmt.Fprintf(c.ErrOut, "There are no connections to compare in namespace %q.\n", of.namespace)
		return nil
	}
	value := c.now().UTC().Format(time.RFC3339Nano)
	for _, o := range targets {
		if err := of.annotate(ctx, o, v1alpha1.AnnotationResyncRequested, value); err != nil {
			return err
		}
		if !w.wait {
			_, _ = fmt.Fprintf(c.Out, "%s: requested\n", refOf(o))
		}
	}
	if !w.wait {
		return nil
	}
	var failed []error
	until := w.until(c.now())
	for _, o := range targets {
		failed = append(failed, of.await(ctx, o, until, func(is v1alpha1.Connection) (bool, error) {
			if is.CommonStatus().LastHandledResync != connection.Echo(value) {
				return false, nil
			}
			_, _ = fmt.Fprintf(c.Out, "%s: %s\n", refOf(is), syncedOf(is))
			return true, nil
		}))
	}
	return errors.Join(failed...)
}

// resyncTargets are the connections that are named, or all of the namespace. One that would not be read is an error only if it is named.
func (c *cluster) resyncTargets(ctx context.Context, names []string) ([]v1alpha1.Connection, error) {
	if len(names) == 0 {
		all, err := c.every(ctx, c.namespace, kinds()...)
		var targets []v1alpha1.Connection
		for _, o := range all {
			if unread(o) == "" {
				targets = append(targets, o)
			}
		}
		return targets, err
	}
	targets, err := c.find(ctx, names, kinds()...)
	for _, o := range targets {
		if why := unread(o); why != "" {
			return nil, fmt.Errorf("%s %s, so it would not be compared with Stytch", refOf(o), why)
		}
	}
	return targets, err
}

// unread says why the operator would not read a connection from Stytch; empty if it would.
func unread(o v1alpha1.Connection) string {
	switch {
	case !o.GetDeletionTimestamp().IsZero():
		return "is being deleted"
	case o.CommonSpec().Management == v1alpha1.ManagementPaused:
		return "has management: Paused"
	}
	return ""
}

// syncedOf is what Synced says.
func syncedOf(o v1alpha1.Connection) string {
	synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced)
	if synced == nil {
		return "not processed yet"
	}
	return synced.Reason + ": " + synced.Message
}
