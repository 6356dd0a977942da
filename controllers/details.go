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
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
)

// publishDetails writes what the identity provider has to be configured with into the ConfigMap that the manifest names. The
// ConfigMap is owned by the manifest, so that it is deleted with it. The owner reference does not block deletion, since that
// would need a permission which the operator does not have. One that is created has the labels and annotations of the template.
func (s *shared) publishDetails(ctx context.Context, o v1alpha1.Connection, name string, template *v1alpha1.ObjectTemplate, step connection.Step) error {
	key := inNamespace(o, name)
	object, err := s.configMap(ctx, key)
	if err != nil {
		return fmt.Errorf("reading ConfigMap %s: %w", name, err)
	}
	if object == nil {
		object = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: name}, Data: map[string]string{}}
		if err := s.own(object, o); err != nil {
			return err
		}
		setData(object, step)
		connection.Stamp(object, template)
		err := s.client.Create(ctx, object)
		if apierrors.IsAlreadyExists(err) {
			return errAgain
		}
		return refusedConfigMap(name, err)
	}
	owner := details.OwnerOf(object, o, connection.RecordOf(o).ID)
	if owner == connection.Others || owner == connection.Anybodys && !details.Adopts(step, object.Data) {
		return connection.Finding{Reason: v1alpha1.ReasonInvalid, Message: details.ForeignMessage(name)}
	}
	patch := client.MergeFromWithOptions(object.DeepCopy(), client.MergeFromWithOptimisticLock{})
	if err := s.own(object, o); err != nil {
		return err
	}
	setData(object, step)
	return refusedConfigMap(name, s.client.Patch(ctx, object, patch))
}

// stampDetails sets the labels and annotations of the template on the manifest's ConfigMap.
func (s *shared) stampDetails(ctx context.Context, o v1alpha1.Connection, name string, step connection.Step) error {
	object, err := s.configMap(ctx, inNamespace(o, name))
	if err != nil {
		return fmt.Errorf("reading ConfigMap %s: %w", name, err)
	}
	if object == nil || details.OwnerOf(object, o, connection.RecordOf(o).ID) != connection.Owned {
		return errAgain
	}
	patch := client.MergeFromWithOptions(object.DeepCopy(), client.MergeFromWithOptimisticLock{})
	connection.StampBy(step, object)
	err = s.client.Patch(ctx, object, patch)
	return refusedWrite(err, err, "The labels and annotations in spec.detailsTemplate cannot be set on ConfigMap "+name,
		"Fix spec.detailsTemplate, or check admission policies. Retrying at the next resync.")
}

// own makes a ConfigMap the manifest's: by its owner, and by the label of the connection, which a backup keeps.
func (s *shared) own(object *corev1.ConfigMap, o v1alpha1.Connection) error {
	metav1.SetMetaDataLabel(&object.ObjectMeta, v1alpha1.LabelConnection, connection.RecordOf(o).ID)
	err := controllerutil.SetControllerReference(o, object, s.client.Scheme(), controllerutil.WithBlockOwnerDeletion(false))
	if err != nil {
		return fmt.Errorf("setting the owner of ConfigMap %s: %w", object.Name, err)
	}
	return nil
}

// setData sets the keys of a ConfigMap to the values in a step, and removes those that are empty there.
func setData(object *corev1.ConfigMap, step connection.Step) {
	if object.Data == nil {
		object.Data = map[string]string{}
	}
	for key, value := range details.Entries(step) {
		object.Data[key] = value
		if value == "" {
			delete(object.Data, key)
		}
	}
}

// refusedConfigMap says what a failed write of a ConfigMap means.
func refusedConfigMap(name string, err error) error {
	return refusedWrite(err, err, "ConfigMap "+name+" cannot be written",
		"Check admission policies, quotas, permissions and spec.detailsTemplate. Retrying at the next resync.")
}
