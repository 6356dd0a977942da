package main

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// managerOf is the field manager of an annotation. Each annotation has its own, so that applying one does not remove another. The
// name must not begin with "kubectl": Flux takes over whatever such a manager has set, and then removes what is not in Git.
func managerOf(annotation string) string {
	return "stytch-cli-" + strings.TrimPrefix(annotation, v1alpha1.AnnotationPrefix)
}

// annotate sets one annotation of an object that exists, whoever set it before. The UID keeps the write from making another object of
// that name, and o is then as the API server has it.
func (c *cluster) annotate(ctx context.Context, o v1alpha1.Connection, annotation, value string) error {
	return c.apply(ctx, o, annotation, map[string]string{annotation: value})
}

// withdraw removes an annotation that annotate has set, unless somebody else has set it, too.
func (c *cluster) withdraw(ctx context.Context, o v1alpha1.Connection, annotation string) error {
	return c.apply(ctx, o, annotation, nil)
}

func (c *cluster) apply(ctx context.Context, o v1alpha1.Connection, annotation string, annotations map[string]string) error {
	gvk := gvkOf(o)
	apply := &unstructured.Unstructured{}
	apply.SetAPIVersion(gvk.Group + "/" + gvk.Version)
	apply.SetKind(gvk.Kind)
	apply.SetNamespace(o.GetNamespace())
	apply.SetName(o.GetName())
	apply.SetUID(o.GetUID())
	apply.SetAnnotations(annotations)
	err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(apply), client.FieldOwner(managerOf(annotation)), client.ForceOwnership)
	if err != nil {
		return err
	}
	return c.Get(ctx, client.ObjectKeyFromObject(o), o)
}
