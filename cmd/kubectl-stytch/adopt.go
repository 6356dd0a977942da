package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	yamlv3 "go.yaml.in/yaml/v3"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

func (c *cli) adoptCommand() *cobra.Command {
	var flags planFlags
	cmd := &cobra.Command{
		Use:   "adopt -f FILE | NAME | KIND/NAME...",
		Short: "Have manifests in Conflict take over the connection that is in their way",
		Long: `Have manifests in Conflict take over the connection that is in their way, by its ID in connectionID.

With -f, the ID is written into the files. Nothing else in them changes: comments and order stay. For connections of the
cluster, the command that patches them is printed. Neither Stytch nor the cluster is changed.

Credentials are found as for plan.`,
		Example: `  # Write the IDs into the files, and look at what would change
  kubectl stytch adopt -f manifests/
  kubectl stytch plan -f manifests/

  # Print the command that patches a connection of the cluster
  kubectl stytch adopt samlconnection/acme-okta`,
		ValidArgsFunction: c.completeNames(kinds()...),
		RunE:              func(cmd *cobra.Command, names []string) error { return c.adopt(cmd.Context(), flags, names) },
	}
	flags.add(cmd)
	return cmd
}

func (c *cli) adopt(ctx context.Context, flags planFlags, names []string) error {
	switch {
	case len(flags.files) > 0 == (len(names) > 0):
		return errors.New("give either -f or names of connections in the cluster")
	case slices.Contains(flags.files, "-"):
		return errors.New("-f must be files, because the connectionID is written into them")
	}
	all, err := c.planAll(ctx, flags, names)
	if err != nil {
		return err
	}
	var paths map[string]string
	if len(flags.files) > 0 {
		if paths, err = c.paths(flags); err != nil {
			return err
		}
	}
	var wrong []error
	for _, one := range all {
		if err := unclear(one, all); err != nil {
			wrong = append(wrong, err)
			continue
		}
		switch {
		case one.InTheWay != "" && paths != nil:
			err = c.adoptInFile(paths[one.ref()], one)
		case one.InTheWay != "":
			_, err = fmt.Fprintf(c.Out, "kubectl patch -n %s %s --type=merge -p '{\"spec\":{\"connectionID\":%q}}'\n", one.Namespace, one.ref(), one.InTheWay)
		case one.failed():
			err = fmt.Errorf("%s: %s", one.ref(), one.headline())
		case len(names) > 0:
			err = fmt.Errorf("%s is not in conflict with a connection: %s", one.ref(), one.headline())
		default:
			_, err = fmt.Fprintf(c.ErrOut, "%s: not in conflict: %s\n", one.ref(), one.headline())
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// unclear says why nobody but a person can say which connection a manifest takes over; nil where that is clear.
func unclear(one planned, all []planned) error {
	if len(one.Rivals) > 0 {
		return fmt.Errorf("%s: several connections may be meant: %s. Write the connectionID of one of them into its spec",
			one.ref(), strings.Join(append([]string{one.InTheWay}, one.Rivals...), ", "))
	}
	same := func(other planned) bool {
		return one.InTheWay != "" && other.InTheWay == one.InTheWay && (other.ref() != one.ref() || other.Namespace != one.Namespace)
	}
	if at := slices.IndexFunc(all, same); at >= 0 {
		return fmt.Errorf("%s and %s would take over the same connection. Write connectionID: %s into spec of the one that is meant", one.ref(), all[at].ref(), one.InTheWay)
	}
	return nil
}

// paths are the files of manifests, by kind and name. A manifest that is in several namespaces is in none.
func (c *cli) paths(flags planFlags) (map[string]string, error) {
	infos, err := c.readInfos(flags)
	paths := map[string]string{}
	for _, info := range infos {
		ref := strings.ToLower(info.Object.GetObjectKind().GroupVersionKind().Kind) + "/" + info.Name
		if _, twice := paths[ref]; twice {
			paths[ref] = ""
			continue
		}
		paths[ref] = info.Source
	}
	return paths, err
}

// adoptInFile writes the ID into the file of a manifest.
func (c *cli) adoptInFile(path string, one planned) error {
	if path == "" {
		return fmt.Errorf("%s is in the files for several namespaces: write connectionID: %s into the one that is meant", one.ref(), one.InTheWay)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the file is the user's choice
	if err != nil {
		return err
	}
	adopted, found := withConnectionID(text, one)
	if !found {
		return fmt.Errorf("%s has the manifest in a form that is not edited: write connectionID: %s into spec of %s", path, one.InTheWay, one.ref())
	}
	if err := replaceFile(path, adopted); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.Out, "%s: %s: connectionID: %s\n", one.ref(), path, one.InTheWay)
	return err
}

// withConnectionID adds a line to the spec of a manifest, after that of the organization. It is false where that is not in lines of its
// own.
func withConnectionID(text []byte, one planned) ([]byte, bool) {
	for documents := yamlv3.NewDecoder(bytes.NewReader(text)); ; {
		var document yamlv3.Node
		if err := documents.Decode(&document); errors.Is(err, io.EOF) || err != nil {
			return nil, false
		}
		if !isManifest(&document, one) {
			continue
		}
		spec := child(document.Content[0], "spec")
		key, value := entry(spec, "organization")
		if value == nil || spec.Style&yamlv3.FlowStyle != 0 || child(spec, "connectionID") != nil || value.Line != key.Line || value.Style&(yamlv3.LiteralStyle|yamlv3.FoldedStyle) != 0 {
			return nil, false
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		line := lines[key.Line-1]
		end := "\n"
		if bytes.HasSuffix(line, []byte("\r\n")) {
			end = "\r\n"
		}
		added := strings.Repeat(" ", key.Column-1) + "connectionID: " + one.InTheWay + end
		if !bytes.HasSuffix(line, []byte("\n")) { // it is the last one
			added = end + strings.TrimSuffix(added, end)
		}
		lines = slices.Insert(lines, key.Line, []byte(added))
		return bytes.Join(lines, nil), true
	}
}

// isManifest says that a document is the manifest of a plan.
func isManifest(document *yamlv3.Node, one planned) bool {
	if len(document.Content) != 1 {
		return false
	}
	root := document.Content[0]
	kind, version, name := child(root, "kind"), child(root, "apiVersion"), child(child(root, "metadata"), "name")
	return kind != nil && version != nil && name != nil &&
		kind.Value == one.Kind && version.Value == v1alpha1.GroupVersion.String() && name.Value == one.Name
}

// child is the value of a key; nil where there is none.
func child(mapping *yamlv3.Node, name string) *yamlv3.Node {
	_, value := entry(mapping, name)
	return value
}

func entry(mapping *yamlv3.Node, name string) (key, value *yamlv3.Node) {
	if mapping == nil || mapping.Kind != yamlv3.MappingNode {
		return nil, nil
	}
	for n := 0; n+1 < len(mapping.Content); n += 2 {
		if mapping.Content[n].Value == name {
			return mapping.Content[n], mapping.Content[n+1]
		}
	}
	return nil, nil
}
