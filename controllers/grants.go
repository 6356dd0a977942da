package controllers

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

const kindNamespace = "Namespace"

// countAfter is how long after a change the connections of grants are counted: many changes that come together cost one count.
const countAfter = 5 * time.Second

// writeGrants puts into the status of a ClusterStytchProject what its grants are used for.
func (c *projectChecker) writeGrants(ctx context.Context, project v1alpha1.Project) error {
	cluster, is := project.(*v1alpha1.ClusterStytchProject)
	if !is {
		return nil
	}
	namespaces, err := c.namespaces(ctx)
	if err != nil {
		return err
	}
	var using []connection.Using
	for _, kind := range c.kinds {
		manifests, err := kind.ofProject(ctx, project)
		if err != nil {
			return err
		}
		for _, o := range manifests {
			using = append(using, connection.Using{Namespace: o.GetNamespace(), Kind: kind.name, Organization: connection.MeantOrganization(o)})
		}
	}
	cluster.Status.Grants = connection.GrantsUsed(cluster.Spec.Grants, namespaces, using)
	return nil
}

// namespaces are the labels of all namespaces, by name.
func (c *projectChecker) namespaces(ctx context.Context) (map[string]map[string]string, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(metadataOf(kindNamespace).GroupVersionKind())
	if err := c.shared.cached.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the namespaces: %w", err)
	}
	labels := map[string]map[string]string{}
	for i := range list.Items {
		labels[list.Items[i].Name] = list.Items[i].Labels
	}
	return labels, nil
}

// watchCovered has the connections of grants counted when one comes or goes, and when a namespace does or is labelled.
func (c *projectChecker) watchCovered(b *builder.Builder) {
	for _, kind := range c.kinds {
		b.Watches(kind.object, handler.Funcs{
			CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { countSoon(e.Object, q) },
			DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { countSoon(e.Object, q) },
		})
	}
	all := func(ctx context.Context, q queue) {
		for _, request := range c.all(ctx) {
			q.AddAfter(request, countAfter)
		}
	}
	b.WatchesMetadata(&corev1.Namespace{}, handler.Funcs{
		CreateFunc: func(ctx context.Context, _ event.CreateEvent, q queue) { all(ctx, q) },
		UpdateFunc: func(ctx context.Context, _ event.UpdateEvent, q queue) { all(ctx, q) },
		DeleteFunc: func(ctx context.Context, _ event.DeleteEvent, q queue) { all(ctx, q) },
	}, builder.WithPredicates(labelsChanged()))
}

// countSoon has the connections of a manifest's ClusterStytchProject counted.
func countSoon(object client.Object, q queue) {
	if o, is := object.(v1alpha1.Connection); is && o.CommonSpec().Project().Kind == v1alpha1.ClusterProject {
		q.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Name: o.CommonSpec().Project().Name}}, countAfter)
	}
}

// all are the ClusterStytchProjects.
func (c *projectChecker) all(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	var projects v1alpha1.ClusterStytchProjectList
	if err := c.shared.client.List(ctx, &projects, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Failed to list the ClusterStytchProjects")
		return nil
	}
	var requests []reconcile.Request
	for i := range projects.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&projects.Items[i])})
	}
	return requests
}

// clusterReferring finds the ClusterStytchProjects that name a Secret.
func (c *projectChecker) clusterReferring(ctx context.Context, secret client.Object) []reconcile.Request {
	if secret.GetNamespace() != c.shared.ClusterResourceNamespace {
		return nil
	}
	return c.all(ctx, client.MatchingFields{indexSecret: secret.GetName()})
}

// watchClusterProjects wakes the manifests of ClusterStytchProjects when those change, or the labels of their namespace.
func (e *engine[O, R]) watchClusterProjects(b *builder.Builder) {
	b.Watches(newClusterStytchProject(), handler.EnqueueRequestsFromMapFunc(e.ofProject), builder.WithPredicates(credentialsChanged()))
	relabelled := predicate.And(labelsChanged(), predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	})
	b.WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(e.inNamespace), builder.WithPredicates(relabelled))
}

// inNamespace finds the manifests of a namespace that use ClusterStytchProjects.
func (e *engine[O, R]) inNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	var found []O
	for _, o := range e.woken(ctx, client.InNamespace(namespace.GetName())) {
		if o.CommonSpec().Project().Kind == v1alpha1.ClusterProject {
			found = append(found, o)
		}
	}
	return requestsOf(found)
}

// labelsChanged passes every change of a namespace's labels.
func labelsChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return !maps.Equal(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels())
	}}
}
