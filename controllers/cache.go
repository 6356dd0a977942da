package controllers

import (
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// CacheOptions are the options of the cache that the controllers read from. It holds of Secrets and ConfigMaps only what tells their
// versions apart, and of manifests neither managedFields nor what kubectl applied last.
func CacheOptions() cache.Options { return cache.Options{DefaultTransform: slim} }

// ClientOptions are those of the client that reads from that cache.
func ClientOptions() client.Options {
	return client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}}}
}

// slim takes away what nobody reads of an object, before the cache keeps it. What kubectl applied last has the values of Secrets in it.
func slim(object any) (any, error) {
	switch o := object.(type) {
	case *metav1.PartialObjectMetadata:
		kept := ours(o.Labels)
		if o.Kind == kindNamespace {
			kept = o.Labels // which grants may select by
		}
		return &metav1.PartialObjectMetadata{TypeMeta: o.TypeMeta, ObjectMeta: metav1.ObjectMeta{
			Name: o.Name, Namespace: o.Namespace, UID: o.UID, ResourceVersion: o.ResourceVersion, Labels: kept,
		}}, nil
	case client.Object:
		o.SetManagedFields(nil)
		// The key stays: a patch that adds an annotation must not take this for a manifest without any.
		if _, applied := o.GetAnnotations()[corev1.LastAppliedConfigAnnotation]; applied {
			o.GetAnnotations()[corev1.LastAppliedConfigAnnotation] = ""
		}
	}
	return object, nil
}

// ours are the labels with the prefix of the operator.
func ours(labels map[string]string) map[string]string {
	kept := maps.Clone(labels)
	maps.DeleteFunc(kept, func(key, _ string) bool { return !strings.HasPrefix(key, v1alpha1.AnnotationPrefix) })
	return kept
}
