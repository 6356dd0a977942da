package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// scim talks about SCIM connections, and keeps their tokens. A token is shown once: before it is asked for, a write proves that
// its Secret can be written, and it is written there with the answer in hand.
type scim struct{ *desk }

func (scim) list(ctx context.Context, to *stytch.Pass, organization string, since time.Time) ([]stytch.SCIMConnection, error) {
	return to.SCIM(ctx, organization, since)
}

// read lists the connection's groups where the manifest names some.
func (s scim) read(ctx context.Context, to *stytch.Pass, o *v1alpha1.SCIMConnection, id string, since time.Time, in *connection.Inputs) error {
	if id == "" || !connection.NamesGroups(o) {
		return nil
	}
	groups, err := to.SCIMGroups(ctx, o.Status.OrganizationID, id, since)
	if err != nil {
		return err
	}
	list, err := s.list(ctx, to, o.Status.OrganizationID, since)
	r, _ := stytch.Find(list, id)
	in.Groups = connection.Groups(groups, r)
	return err
}

func (s scim) create(ctx context.Context, to *stytch.Pass, o *v1alpha1.SCIMConnection, body stytch.Fields) (stytch.SCIMConnection, stytch.Request, error) {
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.SCIMConnection{}, stytch.Request{}, err
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := to.CreateSCIM(post, o.Status.OrganizationID, body)
	if err != nil {
		return stytch.SCIMConnection{}, request, err
	}
	if err := s.keepToken(ctx, proved, r.ConnectionID, r.BearerToken, r.BaseURL); err != nil {
		return r, request, err
	}
	s.events.Eventf(o, nil, corev1.EventTypeNormal, "TokenIssued", eventAction, "The bearer token is in Secret %s.", proved.Name)
	return r, request, nil
}

func (s scim) perform(ctx context.Context, to *stytch.Pass, o *v1alpha1.SCIMConnection, step connection.Step) (stytch.Request, error) {
	organization, id := o.Status.OrganizationID, o.Status.ConnectionID
	var request stytch.Request
	var err error
	switch step.Action {
	case connection.StartRotation:
		return s.replaceToken(ctx, to, o)
	case connection.CompleteRotation:
		_, request, err = to.CompleteRotation(ctx, organization, id)
	case connection.CancelRotation:
		_, request, err = to.CancelRotation(ctx, organization, id)
	case connection.PublishToken:
		return request, s.publish(ctx, o, step)
	default:
		_, request, err = to.UpdateSCIM(ctx, organization, id, step.Fields())
	}
	return request, err
}

// replaceToken starts a rotation and puts the next token in the place of one that was lost before anybody could use it.
func (s scim) replaceToken(ctx context.Context, to *stytch.Pass, o *v1alpha1.SCIMConnection) (stytch.Request, error) {
	if err := to.Reserve(ctx); err != nil {
		return stytch.Request{}, err
	}
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.Request{}, err
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := to.StartRotation(post, o.Status.OrganizationID, o.Status.ConnectionID)
	if err != nil {
		return request, err
	}
	return request, s.keepToken(ctx, proved, o.Status.ConnectionID, r.NextBearerToken, r.BaseURL)
}

func (s scim) remove(ctx context.Context, to *stytch.Pass, o *v1alpha1.SCIMConnection) (stytch.Request, error) {
	request, err := forgiven(to.DeleteSCIM(ctx, o.Status.OrganizationID, o.Status.ConnectionID))
	if err != nil {
		return request, err
	}
	return request, s.releaseSecret(ctx, o)
}

// forgiven takes what is gone already, alone or with its organization, for deleted.
func forgiven(request stytch.Request, err error) (stytch.Request, error) {
	var failed *stytch.Error
	if errors.As(err, &failed) && (failed.Class == stytch.NotFound || failed.Class == stytch.OrganizationNotFound) {
		return request, nil
	}
	return request, err
}

// prove writes the Secret that a token is about to be kept in, so that what could refuse the token refuses this first.
func (s scim) prove(ctx context.Context, o *v1alpha1.SCIMConnection) (*corev1.Secret, error) {
	name := o.Spec.BearerToken.SecretName
	secret, err := s.secret(ctx, keyOf(o, name))
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if secret == nil {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Namespace: o.Namespace, Name: name,
			Labels: map[string]string{v1alpha1.LabelConnection: connection.MarkLabel(o.UID)},
		}}
		return secret, unwritable(name, s.client.Create(ctx, secret))
	}
	if !connection.OwnsSecret(secret, o.Status.ConnectionID, o.UID) {
		return nil, finding{reason: v1alpha1.ReasonInvalid, message: connection.ForeignSecret(name, o.Status.ConnectionID)}
	}
	if secret.Immutable != nil && *secret.Immutable {
		return nil, finding{reason: v1alpha1.ReasonInvalid, message: fmt.Sprintf(
			"Secret %s is immutable, so that no token can be put into it: delete it.", name)}
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelConnection, labelOf(o))
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, v1alpha1.AnnotationProved, s.Now().UTC().Format(time.RFC3339Nano))
	return secret, unwritable(name, s.client.Patch(ctx, secret, patch))
}

// labelOf is the label of a token's Secret: the connection's ID once it is known.
func labelOf(o *v1alpha1.SCIMConnection) string {
	if o.Status.ConnectionID == "" {
		return connection.MarkLabel(o.UID)
	}
	return o.Status.ConnectionID
}

// unwritable says what to do about a Secret that the API server does not let the operator write.
func unwritable(name string, err error) error {
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		return finding{reason: v1alpha1.ReasonInputMissing, message: fmt.Sprintf(
			"Secret %s cannot be written, and a token is shown only once, so none is asked for: %v.", name, err)}
	}
	if err != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("proving that Secret %s can be written: %w", name, err)
	}
	return err
}

// keepToken writes a token with the answer in hand, on top of the write that proved it can be written.
func (s scim) keepToken(ctx context.Context, proved *corev1.Secret, id string, token stytch.Secret, baseURL string) error {
	if token == "" {
		return errors.New("the answer of Stytch that should have held the token holds none")
	}
	ctx, cancel := outlive(ctx, recordTime)
	defer cancel()
	kept := proved.DeepCopy()
	metav1.SetMetaDataLabel(&kept.ObjectMeta, v1alpha1.LabelConnection, id)
	if kept.Data == nil {
		kept.Data = map[string][]byte{}
	}
	kept.Data[v1alpha1.SecretKeyToken], kept.Data[v1alpha1.SecretKeyBaseURL] = []byte(token.Reveal()), []byte(baseURL)
	patch := client.MergeFromWithOptions(proved, client.MergeFromWithOptimisticLock{})
	passing := func(err error) bool {
		return !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil
	}
	err := retry.OnError(retry.DefaultBackoff, passing, func() error {
		return s.client.Patch(ctx, kept.DeepCopy(), patch)
	})
	if err != nil {
		return fmt.Errorf("writing the token into Secret %s: %w", proved.Name, withoutValues(err))
	}
	return nil
}

// withoutValues keeps of an API server's refusal only its reason: the message may quote what was sent.
func withoutValues(err error) error {
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		return fmt.Errorf("the API server answered %s", reason)
	}
	return err
}

// publish brings what Stytch says beside the token into the Secret.
func (s scim) publish(ctx context.Context, o *v1alpha1.SCIMConnection, step connection.Step) error {
	secret, err := s.secret(ctx, keyOf(o, o.Spec.BearerToken.SecretName))
	if err != nil || secret == nil {
		return err
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelConnection, labelOf(o))
	for _, change := range step.Changes {
		secret.Data[v1alpha1.SecretKeyBaseURL] = []byte(change.Want.Same)
	}
	return s.client.Patch(ctx, secret, patch)
}

// releaseSecret takes the token of a deleted connection out of its Secret, and gives the Secret free.
func (s scim) releaseSecret(ctx context.Context, o *v1alpha1.SCIMConnection) error {
	secret, err := s.secret(ctx, keyOf(o, o.Spec.BearerToken.SecretName))
	if err != nil {
		return fmt.Errorf("reading Secret %s: %w", o.Spec.BearerToken.SecretName, err)
	}
	if secret == nil || !connection.OwnsSecret(secret, o.Status.ConnectionID, o.UID) {
		return nil
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelConnection, v1alpha1.LabelReleased)
	delete(secret.Data, v1alpha1.SecretKeyToken)
	delete(secret.Data, v1alpha1.SecretKeyBaseURL)
	if err := s.client.Patch(ctx, secret, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("taking the token out of Secret %s: %w", secret.Name, err)
	}
	return nil
}
