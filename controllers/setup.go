package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// +kubebuilder:rbac:groups=connections.stytch-operator.dev,resources=stytchprojects,verbs=list;watch;patch
// +kubebuilder:rbac:groups=connections.stytch-operator.dev,resources=scimconnections;samlconnections;oidcconnections;externalconnections,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=connections.stytch-operator.dev,resources=stytchprojects/status;scimconnections/status;samlconnections/status;oidcconnections/status;externalconnections/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets;configmaps,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// workers is the number of concurrent reconciles of one kind. The rate limiter limits the calls in flight, and a reconcile that has to wait
// for a call returns.
const workers = 32

// Failed passes are retried with a back-off between these.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// Identify names the operator to the API server, which records that name as the manager of every field that the operator writes: in
// manifests, Secrets, ConfigMaps, events and the lease. Without it the name is that of the program's file.
func Identify(config *rest.Config, version string) { config.UserAgent = eventSource + "/" + version }

// reconcilers are the reconcilers of all kinds, and what they share.
type reconcilers struct {
	shared          *shared
	projects        *projectChecker
	clusterProjects *projectChecker
	external        *engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection]
	oidc            *engine[*v1alpha1.OIDCConnection, stytch.OIDCConnection]
	saml            *engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection]
	scim            *engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection]
}

// Setup adds the controllers of every kind to a manager.
func Setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	r, err := newReconcilers(ctx, mgr, options)
	if err != nil {
		return err
	}
	for _, collector := range r.collectors() {
		if err := metrics.Registry.Register(collector); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	if options.ClusterProjects {
		c := r.clusterProjects
		if err := c.setup(mgr, r.shared.clusterProjectEvents, c.clusterReferring, c.watchCovered); err != nil {
			return err
		}
	}
	return errors.Join(
		r.projects.setup(mgr, r.shared.projectEvents, r.projects.referring, r.projects.watchUsers),
		r.external.setup(mgr, r.external.watchSources, r.external.watchSiblings),
		r.oidc.setup(mgr, r.oidc.watchDependants, r.oidc.watchSiblings),
		r.saml.setup(mgr, r.saml.watchDependants, r.saml.watchSiblings),
		r.scim.setup(mgr),
	)
}

// newReconcilers makes the reconcilers of all kinds, and adds the indexes that they use to the cache.
func newReconcilers(ctx context.Context, c cluster.Cluster, options Options) (*reconcilers, error) {
	s := &shared{
		Options: options,
		client:  c.GetClient(), cached: c.GetCache(), live: c.GetAPIReader(), recorder: c.GetEventRecorder(eventSource),
		projectEvents: make(chan event.GenericEvent, maxProjectEvents), clusterProjectEvents: make(chan event.GenericEvent, maxProjectEvents),
	}
	r := reconcilersOf(s)
	indexer := c.GetFieldIndexer()
	if options.ClusterProjects {
		if err := r.clusterProjects.index(ctx, indexer); err != nil {
			return nil, err
		}
	}
	return r, errors.Join(r.projects.index(ctx, indexer),
		r.external.index(ctx, indexer), r.oidc.index(ctx, indexer), r.saml.index(ctx, indexer), r.scim.index(ctx, indexer))
}

// reconcilersOf makes the reconcilers of all kinds, on what they share.
func reconcilersOf(s *shared) *reconcilers {
	r := &reconcilers{
		shared:   s,
		external: externalEngine(s), oidc: oidcEngine(s), saml: samlEngine(s), scim: scimEngine(s),
	}
	r.saml.kind.Settle, r.scim.kind.Settle = s.SettleTime, s.SettleTime
	kinds := []usingKind{r.external.using(), r.oidc.using(), r.saml.using(), r.scim.using()}
	r.projects = &projectChecker{s, newStytchProject, kinds}
	r.clusterProjects = &projectChecker{s, newClusterStytchProject, kinds}
	return r
}

// maxProjectEvents is how many projects of a kind may wait for a new check because their credentials were rejected.
const maxProjectEvents = 64

// setup adds the controller of a kind. It is woken by a change of the manifest, its project, an object that the manifest names,
// or a manifest that it is in conflict with. A pass that writes status does not wake its own manifest.
func (e *engine[O, R]) setup(mgr ctrl.Manager, further ...func(*builder.Builder)) error {
	b := builder.ControllerManagedBy(mgr).
		For(e.newObject(), builder.WithPredicates(e.brought())).
		Watches(e.newObject(), e.claimsMoved()).
		Watches(&v1alpha1.StytchProject{}, handler.EnqueueRequestsFromMapFunc(e.ofProject), builder.WithPredicates(credentialsChanged())).
		Watches(&v1alpha1.StytchProject{}, handler.EnqueueRequestsFromMapFunc(e.awaitingSession), builder.WithPredicates(updates(sessionRenewed))).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(e.referring(connection.KindSecret)), builder.WithPredicates(e.shared.secretChanged())).
		WatchesMetadata(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(e.referring(connection.KindConfigMap))).
		WithOptions(controllerOptions())
	if e.shared.ClusterProjects {
		e.watchClusterProjects(b)
	}
	for _, watch := range further {
		watch(b)
	}
	return b.Complete(e)
}

// watchSources wakes ExternalConnections when their source changes.
func (e *engine[O, R]) watchSources(b *builder.Builder) {
	for _, kind := range []string{kindSAML, kindOIDC} {
		b.Watches(newSource(kind), handler.EnqueueRequestsFromMapFunc(e.referring(kind)), builder.WithPredicates(sourceChanged()))
	}
}

// watchDependants wakes sources whose deletion waits for an ExternalConnection.
func (e *engine[O, R]) watchDependants(b *builder.Builder) {
	b.Watches(&v1alpha1.ExternalConnection{}, handler.EnqueueRequestsFromMapFunc(e.deletedSources), builder.WithPredicates(dependantGone()))
}

func controllerOptions() controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: workers,
		EnableWarmup:            new(true), // a process that stands by has its queue ready; its passes begin once it leads
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
	}
}
