package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// publishDetails writes what the identity provider's side has to know into the manifest's ConfigMap, which goes with the manifest.
// The owner blocks no deletion, because that right is more than the operator needs.
func (s *shared) publishDetails(ctx context.Context, o v1alpha1.Connection, name string, step connection.Step) error {
	key := inNamespace(o, name)
	object, err := s.configMap(ctx, key)
	if err != nil {
		return fmt.Errorf("reading ConfigMap %s: %w", name, err)
	}
	if object == nil {
		object = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: name}, Data: map[string]string{}}
		if err := controllerutil.SetControllerReference(o, object, s.client.Scheme(), controllerutil.WithBlockOwnerDeletion(false)); err != nil {
			return fmt.Errorf("making ConfigMap %s the manifest's: %w", name, err)
		}
		setData(object, step)
		return unwritten(name, s.client.Create(ctx, object))
	}
	if !connection.OwnsConfigMap(object, o.GetUID()) {
		return connection.Finding{Reason: v1alpha1.ReasonInvalid, Message: connection.ForeignConfigMap(name)}
	}
	patch := client.MergeFromWithOptions(object.DeepCopy(), client.MergeFromWithOptimisticLock{})
	setData(object, step)
	return unwritten(name, s.client.Patch(ctx, object, patch))
}

// setData makes a ConfigMap's data what a step says; what is to be empty is taken out.
func setData(object *corev1.ConfigMap, step connection.Step) {
	if object.Data == nil {
		object.Data = map[string]string{}
	}
	for key, value := range connection.DetailsIn(step) {
		object.Data[key] = value
		if value == "" {
			delete(object.Data, key)
		}
	}
}

// unwritten says what to do about a ConfigMap that the API server does not let the operator write.
func unwritten(name string, err error) error {
	switch {
	case apierrors.IsAlreadyExists(err):
		return errAgain
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
		return connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf("ConfigMap %s cannot be written: %v.", name, err)}
	case err != nil && !apierrors.IsConflict(err):
		return fmt.Errorf("writing ConfigMap %s: %w", name, err)
	}
	return err
}
