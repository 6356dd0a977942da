package controllers

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// cachedObjects are all that the controllers keep in caches, with what only ClusterStytchProjects need or without it.
func cachedObjects(clusterProjects bool) []client.Object {
	objects := []client.Object{
		&v1alpha1.StytchProject{}, &v1alpha1.ExternalConnection{}, &v1alpha1.OIDCConnection{}, &v1alpha1.SAMLConnection{}, &v1alpha1.SCIMConnection{},
		metadataOf(connection.KindSecret), metadataOf(connection.KindConfigMap),
	}
	if clusterProjects {
		objects = append(objects, newClusterStytchProject(), metadataOf(kindNamespace))
	}
	return objects
}

// Caches are the caches that the controllers read from.
type Caches struct{ informers []cache.Informer }

// CachesOf asks for all caches at once, so that a manager fills them before anything else, whether or not it leads.
func CachesOf(ctx context.Context, from cache.Cache, options Options) (Caches, error) {
	var c Caches
	for _, object := range cachedObjects(options.ClusterProjects) {
		informer, err := from.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			return c, fmt.Errorf("creating the cache of %T: %w", object, err)
		}
		c.informers = append(c.informers, informer)
	}
	return c, nil
}

// Filled says that the caches have held once what the API server has. They then never empty: what cannot be watched any more stays as it
// was seen last.
func (c Caches) Filled() bool {
	for _, informer := range c.informers {
		if !informer.HasSynced() {
			return false
		}
	}
	return len(c.informers) > 0
}

// CanList says why the objects of a namespace that are cached cannot be listed; nil if they can.
func CanList(ctx context.Context, live client.Client, namespace string) error {
	for _, object := range cachedObjects(false) {
		kind, err := live.GroupVersionKindFor(object)
		if err != nil {
			return fmt.Errorf("finding the kind of %T: %w", object, err)
		}
		list := &metav1.PartialObjectMetadataList{}
		kind.Kind += "List"
		list.SetGroupVersionKind(kind)
		if err := live.List(ctx, list, client.InNamespace(namespace), client.Limit(1)); err != nil {
			return err
		}
	}
	return nil
}
