package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// planFlags are what the flags of plan say.
type planFlags struct {
	files            []string
	recursive        bool
	project          string
	output           string
	offline          bool
	allowedHosts     []string
	insecureLoopback bool
	requireSendLabel bool
	keepPEM          bool // of import
}

func (c *cli) planCommand() *cobra.Command {
	var flags planFlags
	cmd := &cobra.Command{
		Use:   "plan -f FILE | [NAME | KIND/NAME]...",
		Short: "Show what the operator would change in Stytch",
		Long: `Show what the operator would change in Stytch for manifests of files, or for connections of the cluster, with
management: Manage. Nothing is changed. Secrets are shown as "changed", certificates by fingerprint and expiry.

What a manifest refers to is taken from the same files or, if it is not there, from the cluster. The credentials are those
of the StytchProject that --project or the manifest names, whose Secret is read with your rights; or those in the
environment variables STYTCH_PROJECT_ID and STYTCH_SECRET (and STYTCH_BASE_URL). They are written nowhere.

The exit code is 0 if nothing differs, 2 if something does, and 1 after an error, or if the operator would report one.`,
		Example: `  # What applying a directory would change
  kubectl stytch plan -f manifests/

  # For a comment on a pull request
  kubectl stytch plan -f manifests/ -R -o markdown

  # Of a connection of the cluster that is only observed
  kubectl stytch plan samlconnection/acme-okta`,
		ValidArgsFunction: c.completeNames(kinds()...),
		RunE:              func(cmd *cobra.Command, names []string) error { return c.plan(cmd.Context(), flags, names) },
	}
	flags.add(cmd)
	cmd.Flags().StringVarP(&flags.output, "output", "o", "", "Output format: json, yaml or markdown.")
	cmd.Flags().BoolVar(&flags.offline, "offline", false, "Do not ask the cluster. Needs -f, and credentials in the environment or in the files.")
	cmd.Flags().BoolVar(&flags.requireSendLabel, "require-send-label", false, "Decide like a manager with this flag.")
	completeValues(cmd, "output", "json", "yaml", "markdown")
	return cmd
}

// add adds the flags of everything that is made from a plan.
func (flags *planFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVarP(&flags.files, "filename", "f", nil, "Files or directories with manifests; - is standard input.")
	cmd.Flags().BoolVarP(&flags.recursive, "recursive", "R", false, "Include the directories in a directory.")
	cmd.Flags().StringVar(&flags.project, "project", "", "Name of the StytchProject with the credentials, instead of the one that each manifest names.")
	cmd.Flags().StringSliceVar(&flags.allowedHosts, "allowed-base-url-hosts", nil, "Hosts to which the credentials may be sent, in addition to those of Stytch.")
	cmd.Flags().BoolVar(&flags.insecureLoopback, "allow-insecure-loopback", false, "Allow http on a loopback address. For tests and demonstrations only.")
}

func (c *cli) plan(ctx context.Context, flags planFlags, names []string) error {
	switch {
	case !slices.Contains([]string{"", "json", "yaml", "markdown"}, flags.output):
		return fmt.Errorf("--output is %q, but must be json, yaml or markdown", flags.output)
	case len(flags.files) > 0 == (len(names) > 0):
		return errors.New("give either -f or names of connections in the cluster")
	case flags.offline && len(names) > 0:
		return errors.New("--offline needs -f")
	}
	all, err := c.planAll(ctx, flags, names)
	if err != nil {
		return err
	}
	return c.conclude(flags, all)
}

// planAll makes the plan of each connection that is named or, without names, of each that is in the files.
func (c *cli) planAll(ctx context.Context, flags planFlags, names []string) ([]planned, error) {
	p, err := c.newPlanner(ctx, flags)
	if err != nil {
		return nil, err
	}
	var connections []v1alpha1.Connection
	if len(flags.files) > 0 {
		connections, err = p.manifests(ctx)
	} else {
		connections, err = p.cluster.find(ctx, names, kinds()...)
	}
	if err != nil {
		return nil, err
	}
	var all []planned
	for _, o := range connections {
		one := kindOf(o).plan(ctx, p, o)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		one.Kind, one.Namespace, one.Name = gvkOf(o).Kind, o.GetNamespace(), o.GetName()
		all = append(all, one)
	}
	return all, nil
}

// conclude prints plans, and says by its error how the command ends.
func (c *cli) conclude(flags planFlags, all []planned) error {
	if err := c.printPlans(flags.output, all); err != nil {
		return err
	}
	failed, differs := 0, false
	for _, one := range all {
		differs = differs || one.Action != actionNone
		if one.failed() {
			failed++
		}
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d connections would not become as their manifests say", failed, len(all))
	case differs:
		return errFound
	}
	return nil
}
