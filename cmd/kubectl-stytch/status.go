package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// statusFlags are what the flags of status say.
type statusFlags struct {
	all    bool // namespaces
	within int  // days
	output string
	watch  bool

	namespace string // unless all of them
}

func (c *cli) statusCommand() *cobra.Command {
	var flags statusFlags
	cmd := &cobra.Command{
		Use:   "status [NAME | KIND/NAME]...",
		Short: "List what needs a person",
		Long: `List what needs a person: connections and projects that are not ready, with what to do; tokens and certificates that
expire soon; rotations that wait for somebody; deletions that cannot go on. Without names, all connections and
StytchProjects of the namespace count, and with -A also all ClusterStytchProjects.

The exit code is 0 if nothing needs a person, 2 if something does, and 1 after an error.`,
		Example: `  # What needs a person in the current namespace
  kubectl stytch status

  # In all namespaces, with everything that expires within 60 days
  kubectl stytch status -A --within 60

  # One connection, as JSON
  kubectl stytch status samlconnection/acme-okta -o json`,
		ValidArgsFunction: c.completeNames(kinds()...),
		RunE:              func(cmd *cobra.Command, names []string) error { return c.status(cmd.Context(), flags, names) },
	}
	cmd.Flags().BoolVarP(&flags.all, "all-namespaces", "A", false, "Include all namespaces.")
	cmd.Flags().IntVar(&flags.within, "within", 30, "List tokens and certificates that expire within this many days.")
	cmd.Flags().StringVarP(&flags.output, "output", "o", "", "Output format: wide, json or yaml.")
	cmd.Flags().BoolVarP(&flags.watch, "watch", "w", false, "List again whenever something changes, until interrupted.")
	completeValues(cmd, "output", "wide", "json", "yaml")
	return cmd
}

func (c *cli) status(ctx context.Context, flags statusFlags, names []string) error {
	switch {
	case !slices.Contains([]string{"", "wide", "json", "yaml"}, flags.output):
		return fmt.Errorf("--output is %q, but must be wide, json or yaml", flags.output)
	case flags.within < 0:
		return fmt.Errorf("--within is %d, but must be 0 or more", flags.within)
	case flags.all && len(names) > 0:
		return fmt.Errorf("names cannot be combined with --all-namespaces")
	}
	of, err := c.connect()
	if err != nil {
		return err
	}
	flags.namespace = of.namespace
	if flags.watch {
		return c.watchStatus(ctx, of, flags, names)
	}
	found, checked, err := c.needs(ctx, of, flags, names)
	if err != nil {
		return err
	}
	if err := c.print(flags, found, checked); err != nil {
		return err
	}
	if len(found) > 0 {
		return errFound
	}
	return nil
}

// need is one thing that needs a person.
type need struct {
	Kind      string       `json:"kind"`
	Namespace string       `json:"namespace,omitempty"`
	Name      string       `json:"name"`
	Reason    string       `json:"reason"`
	Message   string       `json:"message"`
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"` // of a token or certificate

	// Of a connection, as far as they are known.
	State        string `json:"state,omitempty"`
	Organization string `json:"organization,omitempty"`
	ConnectionID string `json:"connectionID,omitempty"`
}

// needs returns all that needs a person, and how many objects were asked about.
func (c *cli) needs(ctx context.Context, of *cluster, flags statusFlags, names []string) (found []need, checked int, err error) {
	connections, projects, err := c.objects(ctx, of, flags.all, names)
	if err != nil {
		return nil, 0, err
	}
	now, window := c.now(), time.Duration(flags.within)*24*time.Hour
	for _, o := range connections {
		found = append(found, needsOf(o, kindOf(o).expiries(o), window, now)...)
	}
	for _, p := range projects {
		found = append(found, needsOfProject(p)...)
	}
	slices.SortStableFunc(found, func(a, b need) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return found, len(connections) + len(projects), nil
}

// objects are those that are named, or all connections and projects of the namespace or of all namespaces.
func (c *cli) objects(ctx context.Context, of *cluster, all bool, names []string) ([]v1alpha1.Connection, []v1alpha1.Project, error) {
	if len(names) > 0 {
		connections, err := of.find(ctx, names, kinds()...)
		return connections, nil, err
	}
	namespace := of.namespace
	if all {
		namespace = ""
	}
	connections, err := of.every(ctx, namespace, kinds()...)
	if err != nil {
		return nil, nil, err
	}
	var namespaced v1alpha1.StytchProjectList
	if err := of.List(ctx, &namespaced, client.InNamespace(namespace)); err != nil {
		return nil, nil, err
	}
	var projects []v1alpha1.Project
	for i := range namespaced.Items {
		projects = append(projects, &namespaced.Items[i])
	}
	if !all {
		return connections, projects, nil
	}
	var shared v1alpha1.ClusterStytchProjectList
	switch err := of.List(ctx, &shared); {
	case apierrors.IsForbidden(err):
		_, _ = fmt.Fprintln(c.ErrOut, "warning: ClusterStytchProjects are left out, because you may not list them.")
	case err != nil:
		return nil, nil, err
	}
	for i := range shared.Items {
		projects = append(projects, &shared.Items[i])
	}
	return connections, projects, nil
}

// reasonNotProcessed is the one reason that is no reason of a condition.
const reasonNotProcessed = "NotProcessed"

// needsOf is what needs a person about a connection, from its status alone.
func needsOf(o v1alpha1.Connection, expiries []connection.Expiry, window time.Duration, now time.Time) []need {
	status := o.CommonStatus()
	found := needsOfConditions(o, status.Conditions, status.ObservedGeneration)
	if rotating := trueCondition(status.Conditions, v1alpha1.ConditionRotating); rotating != nil && waitsForSomebody(rotating.Reason) {
		found = append(found, needBy(o, *rotating))
	}
	for _, e := range expiries {
		if reason, message := connection.Expiring([]connection.Expiry{e}, window, now); reason != "" && o.GetDeletionTimestamp().IsZero() {
			n := needBy(o, metav1.Condition{Reason: reason, Message: message})
			n.ExpiresAt = connection.StatusTime(e.At)
			found = append(found, n)
		}
	}
	for i := range found {
		found[i].State, found[i].ConnectionID = status.State, status.ConnectionID
		found[i].Organization = cmp.Or(status.OrganizationID, o.CommonSpec().Organization)
	}
	return found
}

// needsOfProject is what needs a person about a project.
func needsOfProject(p v1alpha1.Project) []need {
	return needsOfConditions(p, p.CommonStatus().Conditions, p.CommonStatus().ObservedGeneration)
}

// needsOfConditions is what Ready, Synced and Stalled say of a need. While an object is being deleted only what holds the deletion up
// counts.
func needsOfConditions(o client.Object, conditions []metav1.Condition, observed int64) []need {
	stalled := trueCondition(conditions, v1alpha1.ConditionStalled)
	synced := meta.FindStatusCondition(conditions, v1alpha1.ConditionSynced)
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	var found []need
	switch {
	case !o.GetDeletionTimestamp().IsZero():
		if synced != nil && synced.Reason == v1alpha1.ReasonDeletionBlocked {
			return []need{needBy(o, *synced)}
		}
	case ready == nil || observed != o.GetGeneration():
		return []need{needBy(o, metav1.Condition{Reason: reasonNotProcessed, Message: fmt.Sprintf(
			"The operator has not processed generation %d. If this does not change within a minute, check that the manager runs, and that it watches the namespace.", o.GetGeneration(),
		)})}
	case ready.Status != metav1.ConditionTrue:
		found = append(found, needBy(o, *ready))
	}
	if stalled != nil && !slices.ContainsFunc(found, func(n need) bool { return n.Reason == stalled.Reason }) {
		found = append(found, needBy(o, *stalled))
	}
	return found
}

// trueCondition is a condition that is True; nil if it is not.
func trueCondition(conditions []metav1.Condition, name string) *metav1.Condition {
	if found := meta.FindStatusCondition(conditions, name); found != nil && found.Status == metav1.ConditionTrue {
		return found
	}
	return nil
}

// waitsForSomebody says that a rotation does not go on automatically.
func waitsForSomebody(reason string) bool {
	return reason != v1alpha1.ReasonOverlapping && reason != v1alpha1.ReasonStarting
}

func needBy(o client.Object, condition metav1.Condition) need {
	return need{Kind: gvkOf(o).Kind, Namespace: o.GetNamespace(), Name: o.GetName(), Reason: condition.Reason, Message: condition.Message}
}

// print prints a list in the format that the flags name.
func (c *cli) print(flags statusFlags, found []need, checked int) error {
	items := map[string][]need{"items": append([]need{}, found...)}
	switch flags.output {
	case "json":
		return printJSON(c.Out, items)
	case "yaml":
		return printYAML(c.Out, items)
	}
	if len(found) == 0 {
		where := fmt.Sprintf("in namespace %q", flags.namespace)
		if flags.all {
			where = "in all namespaces"
		}
		_, err := fmt.Fprintf(c.ErrOut, "Nothing needs a person (%d checked %s).\n", checked, where)
		return err
	}
	table := printers.GetNewTabWriter(c.Out)
	columns := []string{"NAME", "REASON", "MESSAGE"}
	if flags.output == "wide" {
		columns = []string{"NAME", "REASON", "STATE", "ORGANIZATION", "CONNECTION", "MESSAGE"}
	}
	if flags.all {
		columns = append([]string{"NAMESPACE"}, columns...)
	}
	if err := row(table, columns); err != nil {
		return err
	}
	for _, n := range found {
		cells := []string{strings.ToLower(n.Kind) + "/" + n.Name, n.Reason, n.Message}
		if flags.output == "wide" {
			cells = []string{cells[0], n.Reason, cmp.Or(n.State, "-"), cmp.Or(n.Organization, "-"), cmp.Or(n.ConnectionID, "-"), n.Message}
		}
		if flags.all {
			cells = append([]string{cmp.Or(n.Namespace, "-")}, cells...)
		}
		if err := row(table, cells); err != nil {
			return err
		}
	}
	return table.Flush()
}

// row prints a row of a table. What somebody else wrote cannot move the cursor of the terminal.
func row(table io.Writer, cells []string) error {
	for i, cell := range cells {
		if i > 0 {
			if _, err := io.WriteString(table, "\t"); err != nil {
				return err
			}
		}
		if err := printers.WriteEscaped(table, cell); err != nil {
			return err
		}
	}
	_, err := io.WriteString(table, "\n")
	return err
}
