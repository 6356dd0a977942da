package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// cli is what every subcommand is made of: where it reads and writes, which cluster it talks to, and what time it is.
type cli struct {
	genericiooptions.IOStreams
	flags *genericclioptions.ConfigFlags
	now   func() time.Time
}

// newCommand is the whole command.
func newCommand(streams genericiooptions.IOStreams, now func() time.Time) *cobra.Command {
	log.SetLogger(logr.Discard()) // controller-runtime's client would complain that it has none
	c := &cli{streams, genericclioptions.NewConfigFlags(true), now}
	root := &cobra.Command{
		Use:   "kubectl-stytch",
		Short: "See and change what the Stytch operator does with connections",
		Long: `See and change what the Stytch operator does with the SSO and SCIM connections of a Stytch project.

Names are those of objects in the cluster. A name alone is looked for among all kinds of connections; KIND/NAME
names one of a kind, such as samlconnection/acme-okta or samlconn/acme-okta.`,
		Annotations:  map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl stytch"},
		SilenceUsage: true,

		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		Args:                       isCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.ErrOut)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w. See %s --help", err, cmd.CommandPath())
	})
	c.flags.AddFlags(root.PersistentFlags())
	root.AddCommand(c.planCommand(), c.importCommand(), c.adoptCommand(), c.statusCommand(), c.resyncCommand(), c.rotateCommand(), c.versionCommand())
	completeNamespaces(root, c)
	return root
}

// isCommand says that there is no command of the name that was given, and which may be meant.
func isCommand(root *cobra.Command, words []string) error {
	if len(words) == 0 {
		return nil
	}
	if alike := root.SuggestionsFor(words[0]); len(alike) > 0 {
		return fmt.Errorf("unknown command %q. Did you mean %s?", words[0], strings.Join(alike, " or "))
	}
	return fmt.Errorf("unknown command %q. See %s --help", words[0], root.CommandPath())
}

// takesNothing is for a command without arguments, with advice for who gives one.
func takesNothing(advice string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, words []string) error {
		if len(words) == 0 {
			return nil
		}
		return fmt.Errorf("%s takes no arguments%s", cmd.CommandPath(), advice)
	}
}
