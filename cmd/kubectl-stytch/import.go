package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// importFlags are what the flags of import say.
type importFlags struct {
	organizations    []string
	all              bool
	kinds            []string
	directory        string
	force            bool
	project          string
	allowedHosts     []string
	insecureLoopback bool
}

func (c *cli) importCommand() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:   "import --organization ORGANIZATION | --all",
		Short: "Write manifests of the connections that are in Stytch",
		Long: `Write manifests of the connections that are in Stytch, with their connectionID and management: Observe. They have every
value that Stytch shows. What it does not show, such as client secrets and keys, is in comments. Nothing in Stytch or in the
cluster is changed.

The credentials are those of the StytchProject "default" or --project, whose Secret is read with your rights; or those in the
environment variables STYTCH_PROJECT_ID and STYTCH_SECRET (and STYTCH_BASE_URL). They are written nowhere.

Without --output-dir, the manifests are printed. A file in that directory that already has the manifest of a connection is kept.
If it differs from what would be written, the exit code is 2; --force has it overwritten.`,
		Example: `  # All connections of an organization
  kubectl stytch import --organization acme

  # The SAML and OIDC connections of all organizations, one file for each
  kubectl stytch import --all --kind saml,oidc --output-dir manifests/`,
		Args: takesNothing(": name organizations with --organization"),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.importAll(cmd.Context(), flags) },
	}
	cmd.Flags().StringSliceVar(&flags.organizations, "organization", nil, "ID, slug or external ID of an organization. May be repeated.")
	cmd.Flags().BoolVar(&flags.all, "all", false, "All organizations of the project.")
	cmd.Flags().StringSliceVar(&flags.kinds, "kind", nil, "Kinds of connections: scim, saml, oidc, external. All by default.")
	cmd.Flags().StringVar(&flags.directory, "output-dir", "", "Directory for one file per connection and a kustomization.yaml, instead of standard output.")
	cmd.Flags().BoolVar(&flags.force, "force", false, "Overwrite files that differ.")
	cmd.Flags().StringVar(&flags.project, "project", "", "Name of the StytchProject with the credentials. The manifests name it, too.")
	cmd.Flags().StringSliceVar(&flags.allowedHosts, "allowed-base-url-hosts", nil, "Hosts to which the credentials may be sent, in addition to those of Stytch.")
	cmd.Flags().BoolVar(&flags.insecureLoopback, "allow-insecure-loopback", false, "Allow http on a loopback address. For tests and demonstrations only.")
	completeValues(cmd, "kind", "scim", "saml", "oidc", "external")
	return cmd
}

// importAll reads everything before it writes anything.
func (c *cli) importAll(ctx context.Context, flags importFlags) error {
	i, err := c.newImporter(ctx, flags)
	if err != nil {
		return err
	}
	if err := i.read(ctx); err != nil {
		return err
	}
	drafts, err := i.drafts()
	if err != nil {
		return err
	}
	differ := 0
	if flags.directory == "" {
		err = c.printDrafts(drafts)
	} else {
		differ, err = i.write(ctx, drafts)
	}
	if err != nil {
		return err
	}
	return i.conclude(drafts, differ)
}

// printDrafts prints manifests as one stream.
func (c *cli) printDrafts(drafts []draft) error {
	var b strings.Builder
	for n, d := range drafts {
		if n > 0 {
			b.WriteString("---\n")
		}
		b.Write(d.text)
	}
	_, err := io.WriteString(c.Out, b.String())
	return err
}

// conclude says what the manifests do not have, and by its error how the command ends.
func (i *importer) conclude(drafts []draft, differ int) error {
	tokens := 0
	for _, d := range drafts {
		if len(d.left) > 0 {
			_, _ = fmt.Fprintf(i.ErrOut, "%s: not imported, because no manifest may have these values: %s\n", refOf(d.object), strings.Join(d.left, ", "))
		}
		if _, ok := d.object.(*v1alpha1.SCIMConnection); ok {
			tokens++
		}
	}
	for _, problem := range i.problems {
		_, _ = fmt.Fprintln(i.ErrOut, problem)
	}
	_, _ = fmt.Fprintf(i.ErrOut, "%s.\n", counted(len(drafts), "connection"))
	if tokens > 0 {
		_, _ = fmt.Fprintf(i.ErrOut, "Stytch does not show the tokens of %s: supply or rotate them, as their manifests say.\n", counted(tokens, "SCIM connection"))
	}
	switch {
	case len(i.problems) > 0:
		return fmt.Errorf("not everything was imported: %s", counted(len(i.problems), "problem"))
	case differ > 0:
		_, _ = fmt.Fprintf(i.ErrOut, "Kept %s, different from what is in Stytch. Use --force to overwrite.\n", counted(differ, "file"))
		return errFound
	}
	return nil
}

// check checks flags, and returns the kinds that they name.
func (f importFlags) check() ([]kind, error) {
	switch {
	case f.all == (len(f.organizations) > 0):
		return nil, errors.New("give either --organization or --all")
	case f.force && f.directory == "":
		return nil, errors.New("--force needs --output-dir")
	}
	if len(f.kinds) == 0 {
		return kinds(), nil
	}
	var named []kind
	for _, word := range f.kinds {
		at := slices.IndexFunc(kinds(), func(k kind) bool { return k.called(word) || k.called(word+"connection") })
		if at < 0 {
			return nil, fmt.Errorf("--kind is %q, but must be scim, saml, oidc or external", word)
		}
		named = append(named, kinds()[at])
	}
	return named, nil
}

// projectRef is what the manifests say of their project.
func (f importFlags) projectRef() v1alpha1.ProjectRef {
	if cmp.Or(f.project, v1alpha1.DefaultProjectName) == v1alpha1.DefaultProjectName {
		return v1alpha1.ProjectRef{}
	}
	return v1alpha1.ProjectRef{Name: f.project}
}
