package controllers

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

func TestTheCacheKeepsOfAnObjectWhatIsReadOfIt(t *testing.T) {
	full := metav1.ObjectMeta{
		Name: "a", Namespace: "team", UID: "u", ResourceVersion: "7", Generation: 2,
		Labels:          map[string]string{v1alpha1.LabelConnection: "c", "app": "x"},
		Annotations:     map[string]string{corev1.LastAppliedConfigAnnotation: `{"data":{"token":"secret"}}`, v1alpha1.AnnotationRecord: "{}"},
		OwnerReferences: []metav1.OwnerReference{{Name: "o"}}, Finalizers: []string{v1alpha1.Finalizer},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}
	kept, err := CacheOptions().DefaultTransform(&metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: "Secret"}, ObjectMeta: *full.DeepCopy()})
	want := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{
		Name: "a", Namespace: "team", UID: "u", ResourceVersion: "7", Labels: map[string]string{v1alpha1.LabelConnection: "c"},
	}}
	if err != nil || !reflect.DeepEqual(kept, want) {
		t.Errorf("of a Secret the cache keeps %+v, %v", kept, err)
	}
	manifest := &v1alpha1.SCIMConnection{ObjectMeta: *full.DeepCopy(), Spec: v1alpha1.SCIMConnectionSpec{IdentityProvider: "okta"}}
	slimmer := manifest.DeepCopy()
	slimmer.ManagedFields, slimmer.Annotations[corev1.LastAppliedConfigAnnotation] = nil, ""
	if kept, err := CacheOptions().DefaultTransform(manifest); err != nil || !reflect.DeepEqual(kept, slimmer) {
		t.Errorf("of a manifest the cache keeps %+v, %v", kept, err)
	}
}
