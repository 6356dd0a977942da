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
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// prove writes the Secret that a token is to be stored in, so that whatever would refuse the token refuses this write first. A
// proof holds until somebody else writes the Secret: retries use it again, since another write would wake the next pass at once.
func (s scimRemote) prove(ctx context.Context, o *v1alpha1.SCIMConnection) (*corev1.Secret, error) {
	name := o.Spec.BearerToken.SecretName
	secret, err := s.shared.secret(ctx, inNamespace(o, name))
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	if secret == nil {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Namespace: o.Namespace, Name: name,
			Labels: map[string]string{v1alpha1.LabelConnection: connectionLabel(o)},
		}}
		connection.Stamp(secret, o.Spec.BearerToken.SecretTemplate)
		return secret, s.rememberProof(secret, s.shared.client.Create(ctx, secret))
	}
	if !token.Owns(secret, connection.RecordOf(o).ID, o) {
		return nil, connection.Finding{Reason: v1alpha1.ReasonInvalid, Message: token.ForeignMessage(name, connection.RecordOf(o).ID)}
	}
	if secret.Immutable != nil && *secret.Immutable {
		return nil, connection.Finding{Reason: v1alpha1.ReasonInvalid, Message: token.ImmutableMessage(name, len(secret.Data) > 0)}
	}
	if s.shared.memory.isProof(secret) {
		return secret, nil
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelConnection, connectionLabel(o))
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, v1alpha1.AnnotationProved, s.shared.Now().UTC().Format(time.RFC3339Nano))
	return secret, s.rememberProof(secret, s.shared.client.Patch(ctx, secret, patch))
}

// rememberProof remembers a proof that succeeded, and says what a failed one means.
func (s scimRemote) rememberProof(secret *corev1.Secret, err error) error {
	if err == nil {
		s.shared.memory.keepProof(secret)
	}
	return refusedWrite(err, withoutValues(err), "Secret "+secret.Name+" cannot be written",
		"Nothing is sent to Stytch, because Stytch shows a token only once. Check admission policies, quotas, permissions and spec.bearerToken.secretTemplate. Retrying at the next resync.")
}

// connectionLabel is the value of LabelConnection on a token's Secret: the connection's ID or, before there is one, the mark of
// its creation.
func connectionLabel(o *v1alpha1.SCIMConnection) string {
	if connection.RecordOf(o).ID == "" {
		return connection.MarkLabel(connection.MarkOf(o))
	}
	return connection.RecordOf(o).ID
}

// storeToken writes a token into the Secret under a key, as a patch on top of the write that proved the Secret writable.
func (s scimRemote) storeToken(ctx context.Context, proved *corev1.Secret, id, key string, bearer stytch.Secret, baseURL string) error {
	if bearer == "" {
		return errors.New("the response from Stytch does not contain a token")
	}
	ctx, cancel := outlive(ctx, recordTime)
	defer cancel()
	kept := proved.DeepCopy()
	metav1.SetMetaDataLabel(&kept.ObjectMeta, v1alpha1.LabelConnection, id)
	if kept.Data == nil {
		kept.Data = map[string][]byte{}
	}
	kept.Data[key], kept.Data[v1alpha1.SecretKeyBaseURL] = []byte(bearer.Reveal()), []byte(baseURL)
	patch := client.MergeFromWithOptions(proved, client.MergeFromWithOptimisticLock{})
	passing := func(err error) bool {
		return !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil
	}
	var answer *corev1.Secret
	err := retry.OnError(retry.DefaultBackoff, passing, func() error {
		answer = kept.DeepCopy()
		return s.shared.client.Patch(ctx, answer, patch)
	})
	if err == nil && string(answer.Data[key]) != bearer.Reveal() {
		err = apierrors.NewForbidden(corev1.Resource("secrets"), proved.Name, errors.New("admission removed the token"))
	}
	return refusedWrite(err, withoutValues(err), "Secret "+proved.Name+" can be written, but not with a token",
		"Check admission policies. The token that was created for it is replaced at the next resync.")
}

// ownSecret reads the Secret of the token. The pass is repeated if it is not the connection's any more.
func (s scimRemote) ownSecret(ctx context.Context, o *v1alpha1.SCIMConnection) (*corev1.Secret, error) {
	secret, err := s.shared.secret(ctx, inNamespace(o, o.Spec.BearerToken.SecretName))
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", o.Spec.BearerToken.SecretName, err)
	}
	if secret == nil || !token.Owns(secret, connection.RecordOf(o).ID, o) {
		return nil, errAgain
	}
	return secret, nil
}

// updateSecret changes the Secret as a step says.
func (s scimRemote) updateSecret(ctx context.Context, o *v1alpha1.SCIMConnection, step connection.Step) error {
	secret, err := s.ownSecret(ctx, o)
	if err != nil {
		return err
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelConnection, connectionLabel(o))
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	if !token.ApplyToSecret(secret.Data, step) {
		return errAgain
	}
	err = s.shared.client.Patch(ctx, secret, patch)
	return refusedWrite(err, withoutValues(err), "Secret "+secret.Name+" cannot be updated",
		"Check admission policies. Until then, the token that Stytch accepts may be under the key "+v1alpha1.SecretKeyNextToken+". Retrying at the next resync.")
}

// stampSecret sets the labels and annotations of the template on the Secret. What the Secret contains is not part of the write.
func (s scimRemote) stampSecret(ctx context.Context, o *v1alpha1.SCIMConnection, step connection.Step) error {
	secret, err := s.ownSecret(ctx, o)
	if err != nil {
		return err
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	connection.StampBy(step, secret)
	err = s.shared.client.Patch(ctx, secret, patch)
	return refusedWrite(err, withoutValues(err), "The labels and annotations in spec.bearerToken.secretTemplate cannot be set on Secret "+secret.Name,
		"Fix spec.bearerToken.secretTemplate, or check admission policies. Retrying at the next resync.")
}

// releaseSecret removes the token of a deleted connection from its Secret, and labels the Secret as free for another connection.
func (s scimRemote) releaseSecret(ctx context.Context, o *v1alpha1.SCIMConnection) error {
	secret, err := s.shared.secret(ctx, inNamespace(o, o.Spec.BearerToken.SecretName))
	if err != nil {
		return fmt.Errorf("reading Secret %s: %w", o.Spec.BearerToken.SecretName, err)
	}
	if secret == nil || !token.Owns(secret, connection.RecordOf(o).ID, o) {
		return nil
	}
	patch := client.MergeFromWithOptions(secret.DeepCopy(), client.MergeFromWithOptimisticLock{})
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelConnection, v1alpha1.LabelReleased)
	delete(secret.Data, v1alpha1.SecretKeyToken)
	delete(secret.Data, v1alpha1.SecretKeyNextToken)
	delete(secret.Data, v1alpha1.SecretKeyBaseURL)
	if err := s.shared.client.Patch(ctx, secret, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("removing the token from Secret %s: %w", secret.Name, err)
	}
	return nil
}
