package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
)

// rotateFlags are what the flags of rotate say.
type rotateFlags struct {
	waiting
	acknowledge, cancel, showToken bool
}

func (c *cli) rotateCommand() *cobra.Command {
	var flags rotateFlags
	scimAlone := kinds()[:1]
	cmd := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Replace the bearer token of a SCIMConnection",
		Long: `Replace the bearer token of a SCIMConnection, in two steps. The first one has Stytch create the next token, which the
operator stores in the Secret. When somebody is ready to enter it at the identity provider, --acknowledge completes the
rotation: the next token replaces the current one at that moment. --cancel ends the rotation without a change.

A request that the operator would not follow is refused, with the reason. A token is shown only with --show-token, alone on
standard output: the next one or, after --acknowledge, the one that is now the current one.`,
		Example: `  # Have the next token created
  kubectl stytch rotate acme-scim

  # Complete the rotation, and copy the token, which works from now on
  kubectl stytch rotate acme-scim --acknowledge --show-token | pbcopy

  # Or end the rotation without a change
  kubectl stytch rotate acme-scim --cancel`,
		Args: func(_ *cobra.Command, names []string) error {
			if len(names) != 1 {
				return errors.New("give the name of one SCIMConnection")
			}
			return nil
		},
		ValidArgsFunction: c.completeOneName(scimAlone...),
		RunE: func(cmd *cobra.Command, names []string) error {
			switch {
			case flags.acknowledge && flags.cancel:
				return errors.New("--acknowledge cannot be combined with --cancel")
			case flags.showToken && (flags.cancel || !flags.wait):
				return errors.New("--show-token cannot be combined with --cancel, nor with --wait=false")
			}
			of, err := c.connect()
			if err != nil {
				return err
			}
			found, err := of.find(cmd.Context(), names, scimAlone...)
			if err != nil {
				return err
			}
			o, ok := found[0].(*v1alpha1.SCIMConnection)
			if !ok {
				return fmt.Errorf("%s is no SCIMConnection", refOf(found[0]))
			}
			return c.rotate(cmd.Context(), of, flags, o)
		},
	}
	cmd.Flags().BoolVar(&flags.acknowledge, "acknowledge", false, "Complete the rotation: the next token replaces the current one.")
	cmd.Flags().BoolVar(&flags.cancel, "cancel", false, "Cancel the rotation: the current token stays.")
	cmd.Flags().BoolVar(&flags.showToken, "show-token", false, "Print the token on standard output.")
	flags.addFlags(cmd.Flags())
	return cmd
}

// request is what is asked of the operator: by which annotation, and what it does then.
type request struct {
	annotation, value string
	action            connection.Action
	reached           func(*v1alpha1.SCIMBearerTokenStatus) bool
}

// requestOf is what the flags ask for, about the tokens that status shows.
func requestOf(flags rotateFlags, known v1alpha1.SCIMBearerTokenStatus, now time.Time) request {
	next := known.NextLastFour
	switch {
	case flags.acknowledge:
		return request{v1alpha1.AnnotationAcknowledgeToken, next, token.CompleteRotation, func(is *v1alpha1.SCIMBearerTokenStatus) bool {
			return is.LastFour == next && is.NextLastFour == ""
		}}
	case flags.cancel:
		return request{v1alpha1.AnnotationCancelRotation, next, token.CancelRotation, func(is *v1alpha1.SCIMBearerTokenStatus) bool {
			return is.LastFour == known.LastFour && is.NextLastFour == "" && is.Phase == v1alpha1.TokenIdle
		}}
	}
	// What follows the hyphen makes it another request for the same token.
	value := known.LastFour + "-" + now.UTC().Format("20060102T150405.000Z")
	return request{v1alpha1.AnnotationRotateToken, value, token.StartRotation, func(is *v1alpha1.SCIMBearerTokenStatus) bool {
		return is.NextLastFour != ""
	}}
}

func (c *cli) rotate(ctx context.Context, of *cluster, flags rotateFlags, o *v1alpha1.SCIMConnection) error {
	if err := rotatable(o, flags); err != nil {
		return err
	}
	secret, err := of.tokenSecret(ctx, o, flags.showToken)
	if err != nil {
		return err
	}
	r := requestOf(flags, *o.Status.BearerToken, c.now())
	if err := followed(o, r, secret, c.now()); err != nil {
		return err
	}
	if err := of.annotate(ctx, o, r.annotation, r.value); err != nil {
		return err
	}
	if !flags.wait {
		_, _ = fmt.Fprintf(c.Out, "%s: requested\n", refOf(o))
		return nil
	}
	if err := c.awaitRotation(ctx, of, flags, o, r); err != nil {
		return err
	}
	if flags.showToken {
		if err := c.showToken(ctx, of, o, flags.acknowledge); err != nil {
			return err
		}
	}
	if flags.acknowledge || flags.cancel {
		return of.withdrawRotation(ctx, o)
	}
	return nil
}

// withdrawRotation removes the annotations of a rotation that has come to its end: the operator would report that they have no effect.
func (c *cluster) withdrawRotation(ctx context.Context, o *v1alpha1.SCIMConnection) error {
	for _, annotation := range []string{v1alpha1.AnnotationRotateToken, v1alpha1.AnnotationAcknowledgeToken, v1alpha1.AnnotationCancelRotation} {
		if err := c.withdraw(ctx, o, annotation); err != nil {
			return fmt.Errorf("the rotation is over, but its annotations are still set: %w", err)
		}
	}
	return nil
}

// rotatable says why the state of a manifest keeps any request from being followed; nil if it does not.
func rotatable(o *v1alpha1.SCIMConnection, flags rotateFlags) error {
	known, management := o.Status.BearerToken, o.Spec.Management
	synced := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionSynced)
	switch {
	case !o.DeletionTimestamp.IsZero():
		return fmt.Errorf("%s is being deleted, so its token is not rotated", refOf(o))
	case management == v1alpha1.ManagementObserve || management == v1alpha1.ManagementPaused:
		return fmt.Errorf("%s has management: %s, so its token is not rotated", refOf(o), management)
	case synced != nil && slices.Contains(keptFromStytch(), synced.Reason):
		return fmt.Errorf("%s cannot be changed in Stytch, so its token is not rotated. %s", refOf(o), syncedOf(o))
	case known == nil || known.LastFour == "":
		return fmt.Errorf("%s has no connection with a token yet. %s", refOf(o), syncedOf(o))
	case (flags.acknowledge || flags.cancel) && known.NextLastFour == "":
		return fmt.Errorf("%s: no rotation is in progress", refOf(o))
	case !flags.acknowledge && !flags.cancel && known.NextLastFour != "":
		return fmt.Errorf("%s: a rotation is in progress already (next token ending in %s). Complete it with --acknowledge, or cancel it with --cancel",
			refOf(o), known.NextLastFour)
	}
	return nil
}

// keptFromStytch are the reasons of Synced with which a pass ends before it comes to the token.
func keptFromStytch() []string {
	return []string{
		v1alpha1.ReasonNotGranted, v1alpha1.ReasonConflict, v1alpha1.ReasonCreationInDoubt, v1alpha1.ReasonRemoteMissing,
		v1alpha1.ReasonCredentialsRejected, v1alpha1.ReasonPermissionDenied,
	}
}

// followed asks the operator's own decision whether it would follow a request; the error has its words. Without the Secret, which not
// everybody may read, it goes by what status says of it.
func followed(o *v1alpha1.SCIMConnection, r request, secret *corev1.Secret, now time.Time) error {
	known := o.Status.BearerToken
	current := &connection.Token{LastFour: known.LastFour, NextLastFour: known.NextLastFour}
	if known.ExpiresAt != nil {
		current.ExpiresAt = known.ExpiresAt.Time
	}
	stored, problems := &connection.Token{LastFour: known.SecretLastFour}, []connection.Problem(nil)
	switch rotating := trueCondition(o.Status.Conditions, v1alpha1.ConditionRotating); {
	case secret != nil:
		stored, problems = token.InSecret(o, o.Status.ConnectionID, secret)
	case rotating != nil && (rotating.Reason == v1alpha1.ReasonAwaitingAcknowledgement || rotating.Reason == v1alpha1.ReasonOverlapping):
		stored.NextLastFour = known.NextLastFour
	}
	asking := o.DeepCopy()
	metav1.SetMetaDataAnnotation(&asking.ObjectMeta, r.annotation, r.value)
	d := token.Decide(asking, connection.State{Token: stored, Now: now, Settle: connection.SettleTime}, connection.State{Token: current})
	if d.Step != nil && slices.Contains([]connection.Action{r.action, token.PublishToken, token.PromoteToken}, d.Step.Action) {
		return nil
	}
	said := connection.Sentences(append(problems, d.Problems...))
	return fmt.Errorf("%s: the operator would not follow this now. %s", refOf(o), strings.TrimSpace(said+" "+d.Message))
}

// tokenSecret reads the Secret of the token; nil where there is none, or where the user may not read it and does not have to.
func (c *cluster) tokenSecret(ctx context.Context, o *v1alpha1.SCIMConnection, toShow bool) (*corev1.Secret, error) {
	var secret corev1.Secret
	err := c.Get(ctx, client.ObjectKey{Namespace: o.Namespace, Name: o.Spec.BearerToken.SecretName}, &secret)
	switch {
	case apierrors.IsForbidden(err) && toShow:
		return nil, fmt.Errorf("you may not read Secret %s, so its token cannot be shown and is not rotated. Without --show-token it is rotated (%w)",
			o.Spec.BearerToken.SecretName, err)
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, nil //nolint:nilnil // the one who asks goes on without
	case err != nil:
		return nil, err
	}
	return &secret, nil
}

// awaitRotation waits until the operator has done what was requested, and tells of it. It ends with an error where a pass has seen the
// request and ended without having followed it.
func (c *cli) awaitRotation(ctx context.Context, of *cluster, flags rotateFlags, o *v1alpha1.SCIMConnection, r request) error {
	told := ""
	return of.await(ctx, o, flags.until(c.now()), func(now v1alpha1.Connection) (bool, error) {
		is, ok := now.(*v1alpha1.SCIMConnection)
		if !ok || is.Status.BearerToken == nil {
			return false, nil
		}
		seen := sawAnnotations(is)
		synced := meta.FindStatusCondition(is.Status.Conditions, v1alpha1.ConditionSynced)
		switch {
		case seen && r.reached(is.Status.BearerToken):
			_, _ = fmt.Fprint(c.ErrOut, outcome(is, flags))
			return true, nil
		case seen && synced != nil && synced.Status == metav1.ConditionFalse && trueCondition(is.Status.Conditions, v1alpha1.ConditionStalled) != nil:
			return false, fmt.Errorf("%s: the operator has not followed the request. %s", refOf(is), syncedOf(is))
		}
		if said := progress(is); said != told {
			_, _ = fmt.Fprintf(c.ErrOut, "%s: %s\n", refOf(is), said)
			told = said
		}
		return false, nil
	})
}

// sawAnnotations reports whether the operator has completed a pass with the current annotations.
func sawAnnotations(o v1alpha1.Connection) bool {
	return !slices.ContainsFunc(connection.AnnotationsOf(o), func(input v1alpha1.Input) bool {
		return !slices.Contains(o.CommonStatus().Inputs, input)
	})
}

// progress is what the operator says while it has not done what was requested.
func progress(o *v1alpha1.SCIMConnection) string {
	if rotating := trueCondition(o.Status.Conditions, v1alpha1.ConditionRotating); rotating != nil && rotating.Reason == v1alpha1.ReasonStarting {
		return rotating.Message
	}
	synced := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionSynced)
	if synced == nil || synced.Status == metav1.ConditionTrue {
		return "waiting for the operator"
	}
	return syncedOf(o)
}

// outcome says what has happened, and what to do now.
func outcome(o *v1alpha1.SCIMConnection, flags rotateFlags) string {
	known, secret := o.Status.BearerToken, o.Spec.BearerToken.SecretName
	read := func(key string) string {
		return fmt.Sprintf("  kubectl get secret -n %s %s -o jsonpath='{.data.%s}' | base64 -d\n", o.Namespace, secret, key)
	}
	switch {
	case flags.cancel:
		return fmt.Sprintf("The rotation is canceled. The token ending in %s is still the current one. An identity provider that has the next token already needs it again.\n", known.LastFour)
	case flags.acknowledge:
		return fmt.Sprintf("The token ending in %s is now the current one, and the old one has stopped working. Enter the new one at the identity provider now: until then, nothing is provisioned. It is in Secret %s under the key %s:\n%s",
			known.LastFour, secret, v1alpha1.SecretKeyToken, read(v1alpha1.SecretKeyToken))
	}
	return fmt.Sprintf("The next token (ending in %s) is in Secret %s under the key %s. The current one (ending in %s) continues to work:\n%s"+
		"Stytch documents that the next token works only once it has replaced the current one. When you are ready to enter it at the identity provider, complete the rotation, and enter it immediately:\n"+
		"  kubectl stytch rotate -n %s %s --acknowledge\n",
		known.NextLastFour, secret, v1alpha1.SecretKeyNextToken, known.LastFour, read(v1alpha1.SecretKeyNextToken), o.Namespace, o.Name)
}

// showToken prints the next token, or the current one, and nothing else.
func (c *cli) showToken(ctx context.Context, of *cluster, o *v1alpha1.SCIMConnection, current bool) error {
	var secret corev1.Secret
	if err := of.Get(ctx, client.ObjectKey{Namespace: o.Namespace, Name: o.Spec.BearerToken.SecretName}, &secret); err != nil {
		return fmt.Errorf("reading the token: %w", err)
	}
	key := v1alpha1.SecretKeyNextToken
	if current {
		key = v1alpha1.SecretKeyToken
	}
	if len(secret.Data[key]) == 0 {
		return fmt.Errorf("secret %s has no key %s any more", secret.Name, key)
	}
	_, err := fmt.Fprintln(c.Out, string(secret.Data[key]))
	return err
}
