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

func (scim) list(ctx context.Context, to *stytch.Caller, organization string, since time.Time) ([]stytch.SCIMConnection, error) {
	return to.SCIM(ctx, organization, since)
}

// read lists the connection's groups where the manifest names some.
func (s scim) read(ctx context.Context, to *stytch.Caller, o *v1alpha1.SCIMConnection, since time.Time, in *connection.Inputs) error {
	if in.ID == "" || !connection.NamesGroups(o) {
		return nil
	}
	groups, err := to.SCIMGroups(ctx, connection.RecordOf(o).Organization, in.ID, since)
	if err != nil {
		return err
	}
	list, err := s.list(ctx, to, connection.RecordOf(o).Organization, since)
	r, _ := stytch.Find(list, in.ID)
	in.Groups = connection.Groups(groups, r)
	return err
}

func (s scim) create(ctx context.Context, to *stytch.Caller, o *v1alpha1.SCIMConnection, body stytch.Fields) (stytch.SCIMConnection, stytch.Request, error) {
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.SCIMConnection{}, stytch.Request{}, err
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := to.CreateSCIM(post, connection.RecordOf(o).Organization, body)
	if err != nil {
		return stytch.SCIMConnection{}, request, err
	}
	if err := s.keepToken(ctx, proved, r.ConnectionID, v1alpha1.SecretKeyToken, r.BearerToken, r.BaseURL); err != nil {
		return r, request, err
	}
	s.events.Eventf(o, nil, corev1.EventTypeNormal, "TokenIssued", eventAction, "The bearer token is in Secret %s.", proved.Name)
	return r, request, nil
}

func (s scim) perform(ctx context.Context, to *stytch.Caller, o *v1alpha1.SCIMConnection, step connection.Step) (a answer, err error) {
	organization, id := connection.RecordOf(o).Organization, connection.RecordOf(o).ID
	switch step.Action {
	case connection.StartRotation:
		a.Request, err = s.startRotation(ctx, to, o)
	case connection.CompleteRotation:
		a.Request, err = s.completeRotation(ctx, to, o, step)
	case connection.CancelRotation:
		_, a.Request, err = to.CancelRotation(ctx, organization, id)
		err = connection.Contradicted(err)
	case connection.PublishToken, connection.PromoteToken, connection.RecoverToken:
		err = s.publish(ctx, o, step)
	default:
		_, a.Request, err = to.UpdateSCIM(ctx, organization, id, step.Fields())
	}
	return a, err
}

// startRotation has a next token made and keeps it beside the current one.
func (s scim) startRotation(ctx context.Context, to *stytch.Caller, o *v1alpha1.SCIMConnection) (stytch.Request, error) {
	if err := to.Reserve(ctx); err != nil {
		return stytch.Request{}, err
	}
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.Request{}, connection.Unsent{Err: err}
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := to.StartRotation(post, connection.RecordOf(o).Organization, connection.RecordOf(o).ID)
	if err != nil {
		return request, err
	}
	if r.NextBearerToken.LastFour() == r.BearerTokenLastFour {
		return request, errAgain // the two could not be told apart: as if it were lost, it is canceled, and another is made
	}
	return request, s.keepToken(ctx, proved, connection.RecordOf(o).ID, v1alpha1.SecretKeyNextToken, r.NextBearerToken, r.BaseURL)
}

// completeRotation makes the next token the only one, once a write has proved that the Secret holds it and can be written.
func (s scim) completeRotation(ctx context.Context, to *stytch.Caller, o *v1alpha1.SCIMConnection, step connection.Step) (stytch.Request, error) {
	if err := to.Reserve(ctx); err != nil {
		return stytch.Request{}, err
	}
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.Request{}, err
	}
	if !connection.HoldsNext(proved.Data, step) {
		return stytch.Request{}, errAgain
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	_, request, err := to.CompleteRotation(post, connection.RecordOf(o).Organization, connection.RecordOf(o).ID)
	return request, connection.Contradicted(err)
}

func (s scim) remove(ctx context.Context, to *stytch.Caller, o *v1alpha1.SCIMConnection) (stytch.Request, error) {
	request, err := forgiven(to.DeleteSCIM(ctx, connection.RecordOf(o).Organization, connection.RecordOf(o).ID))
	if err != nil {
		return request, err
	}
	return request, s.releaseSecret(ctx, o)
}

// forgiven takes what is gone already, alone or with its organization, for deleted.
func forgiven(request stytch.Request, err error) (stytch.Request, error) {
	if connection.GoneAlready(err) {
		return request, nil
	}
	return request, err
}

// prove writes the Secret that a token is about to be kept in, so that what could refuse the token refuses this first. A proof
// holds as long as nobody writes the Secret: what fails after it is tried again without another, or each try would be news of the
// Secret and wake the next.
func (s scim) prove(ctx context.Context, o *v1alpha1.SCIMConnection) (*corev1.Secret, error) {
	name := o.Spec.BearerToken.SecretName
	secret, err := s.secret(ctx, keyOf(o, name))
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if secret == nil {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Namespace: o.Namespace, Name: name,
			Labels: map[string]string{v1alpha1.LabelConnection: labelOf(o)},
		}}
		return secret, s.proved(secret, s.client.Create(ctx, secret))
	}
	if !connection.OwnsSecret(secret, connection.RecordOf(o).ID, o.UID) {
		return nil, connection.Finding{Reason: v1alpha1.ReasonInvalid, Message: connection.ForeignSecret(name, connection.RecordOf(o).ID)}
	}
	if secret.Immutable != nil && *secret.Immutable {
		return nil, connection.Finding{Reason: v1alpha1.ReasonInvalid, Message: connection.ImmutableSecret(name, len(secret.Data) > 0)}
	}
	if s.recall.isProof(secret) {
		return secret, nil
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelConnection, labelOf(o))
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, v1alpha1.AnnotationProved, s.Now().UTC().Format(time.RFC3339Nano))
	return secret, s.proved(secret, s.client.Patch(ctx, secret, patch))
}

// proved remembers a proof that succeeded.
func (s scim) proved(secret *corev1.Secret, err error) error {
	if err == nil {
		s.recall.keepProof(secret)
	}
	return unwritable(secret.Name, err)
}

// labelOf is the label of a token's Secret: the connection's ID once it is known.
func labelOf(o *v1alpha1.SCIMConnection) string {
	if connection.RecordOf(o).ID == "" {
		return connection.MarkLabel(o.UID)
	}
	return connection.RecordOf(o).ID
}

// unwritable says what to do about a Secret that the API server does not let the operator write.
func unwritable(name string, err error) error {
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		return connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(
			"Secret %s cannot be written, and a token is shown only once, so nothing is done about one (%v): see what admission, quota or rights refuse about it.", name, withoutValues(err))}
	}
	if err != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("proving that Secret %s can be written: %w", name, withoutValues(err))
	}
	return err
}

// keepToken writes a token under a key with the answer in hand, on top of the write that proved it can be written.
func (s scim) keepToken(ctx context.Context, proved *corev1.Secret, id, key string, token stytch.Secret, baseURL string) error {
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
	kept.Data[key], kept.Data[v1alpha1.SecretKeyBaseURL] = []byte(token.Reveal()), []byte(baseURL)
	patch := client.MergeFromWithOptions(proved, client.MergeFromWithOptimisticLock{})
	passing := func(err error) bool {
		return !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil
	}
	var answer *corev1.Secret
	err := retry.OnError(retry.DefaultBackoff, passing, func() error {
		answer = kept.DeepCopy()
		return s.client.Patch(ctx, answer, patch)
	})
	if err == nil && string(answer.Data[key]) != token.Reveal() {
		err = apierrors.NewForbidden(corev1.Resource("secrets"), proved.Name, errors.New("admission took the token out"))
	}
	return withheld(proved.Name, err)
}

// withheld says what to do about a Secret that takes no token although it was written a moment ago.
func withheld(name string, err error) error {
	switch {
	case err == nil || apierrors.IsConflict(err):
		return err
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
		return connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(
			"Secret %s takes no token, although it can be written otherwise (%v): see what admission refuses about it. The token that was made for it is replaced at the next look.",
			name, withoutValues(err))}
	}
	return fmt.Errorf("writing the token into Secret %s: %w", name, withoutValues(err))
}

// withoutValues keeps of an API server's refusal only its reason: the message may quote what was sent.
func withoutValues(err error) error {
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		return fmt.Errorf("the API server answered %s", reason)
	}
	return err
}

// publish puts the Secret in order.
func (s scim) publish(ctx context.Context, o *v1alpha1.SCIMConnection, step connection.Step) error {
	secret, err := s.secret(ctx, keyOf(o, o.Spec.BearerToken.SecretName))
	if err != nil {
		return fmt.Errorf("reading Secret %s: %w", o.Spec.BearerToken.SecretName, err)
	}
	if secret == nil || !connection.OwnsSecret(secret, connection.RecordOf(o).ID, o.UID) {
		return errAgain
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelConnection, labelOf(o))
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	if !connection.PutInOrder(secret.Data, step) {
		return errAgain
	}
	err = s.client.Patch(ctx, secret, patch)
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		return connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(
			"Secret %s cannot be put in order (%v): see what admission refuses about it. Until then the token that Stytch accepts may stand there as %s.",
			secret.Name, withoutValues(err), v1alpha1.SecretKeyNextToken)}
	}
	return err
}

// releaseSecret takes the token of a deleted connection out of its Secret, and gives the Secret free.
func (s scim) releaseSecret(ctx context.Context, o *v1alpha1.SCIMConnection) error {
	secret, err := s.secret(ctx, keyOf(o, o.Spec.BearerToken.SecretName))
	if err != nil {
		return fmt.Errorf("reading Secret %s: %w", o.Spec.BearerToken.SecretName, err)
	}
	if secret == nil || !connection.OwnsSecret(secret, connection.RecordOf(o).ID, o.UID) {
		return nil
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelConnection, v1alpha1.LabelReleased)
	delete(secret.Data, v1alpha1.SecretKeyToken)
	delete(secret.Data, v1alpha1.SecretKeyNextToken)
	delete(secret.Data, v1alpha1.SecretKeyBaseURL)
	if err := s.client.Patch(ctx, secret, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("taking the token out of Secret %s: %w", secret.Name, err)
	}
	return nil
}
