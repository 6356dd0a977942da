package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// +kubebuilder:rbac:groups=connections.stytch-operator.dev,resources=stytchprojects,verbs=list;watch
// +kubebuilder:rbac:groups=connections.stytch-operator.dev,resources=scimconnections;samlconnections;oidcconnections;externalconnections,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=connections.stytch-operator.dev,resources=stytchprojects/status;scimconnections/status;samlconnections/status;oidcconnections/status;externalconnections/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets;configmaps,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// inFlight is how many passes of one kind run at once. The gate sets the pace of calls; this only hides their latency.
const inFlight = 10

// Failed passes are retried with a back-off between these.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// reconcilers are the reconcilers of all kinds, and what they share.
type reconcilers struct {
	shared   *shared
	projects *projectChecker
	external *engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection]
	oidc     *engine[*v1alpha1.OIDCConnection, stytch.OIDCConnection]
	saml     *engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection]
	scim     *engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection]
}

// Setup adds the controllers of every kind to a manager.
func Setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	r, err := newReconcilers(ctx, mgr, options)
	if err != nil {
		return err
	}
	if err := errors.Join(metrics.Registry.Register(r.expiries()), metrics.Registry.Register(r.rotations())); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	return errors.Join(
		r.projects.setup(mgr),
		r.external.setup(mgr, r.external.watchSources),
		r.oidc.setup(mgr, r.oidc.watchDependants),
		r.saml.setup(mgr, r.saml.watchDependants),
		r.scim.setup(mgr),
	)
}

// expiries returns the collector of the expiry times of all kinds.
func (r *reconcilers) expiries() *expiries {
	e := &expiries{}
	e.kinds = append(e.kinds, r.external.expiries, r.oidc.expiries, r.saml.expiries, r.scim.expiries)
	return e
}

// rotations returns the collector of the rotations of SCIM tokens.
func (r *reconcilers) rotations() *rotations { return &rotations{r.scim.listManifests} }

// newReconcilers makes the reconcilers of all kinds, and adds the indexes that they use to the cache.
func newReconcilers(ctx context.Context, c cluster.Cluster, options Options) (*reconcilers, error) {
	s := &shared{
		Options: options,
		client:  c.GetClient(), cached: c.GetCache(), live: c.GetAPIReader(), recorder: c.GetEventRecorder(eventSource),
		projectEvents: make(chan event.GenericEvent, maxProjectEvents),
	}
	r := &reconcilers{
		shared: s, projects: &projectChecker{s},
		external: externalEngine(s), oidc: oidcEngine(s), saml: samlEngine(s), scim: scimEngine(s),
	}
	indexer := c.GetFieldIndexer()
	return r, errors.Join(r.projects.index(ctx, indexer),
		r.external.index(ctx, indexer), r.oidc.index(ctx, indexer), r.saml.index(ctx, indexer), r.scim.index(ctx, indexer))
}

// maxProjectEvents is how many StytchProjects may wait for a new check because their credentials were rejected.
const maxProjectEvents = 64

// setup adds the controller of a kind. It is woken by a change of the manifest, its project, an object that the manifest names, or a
// manifest that it is in conflict with. Writes of status wake nobody.
func (e *engine[O, R]) setup(mgr ctrl.Manager, further ...func(*builder.Builder)) error {
	b := builder.ControllerManagedBy(mgr).
		For(e.newObject(), builder.WithPredicates(desiredStateChanged())).
		Watches(e.newObject(), handler.EnqueueRequestsFromMapFunc(e.inConflict), builder.WithPredicates(claimsChanged())).
		Watches(&v1alpha1.StytchProject{}, handler.EnqueueRequestsFromMapFunc(e.ofProject), builder.WithPredicates(credentialsChanged())).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(e.referring(connection.KindSecret)), builder.WithPredicates(e.shared.secretChanged())).
		WatchesMetadata(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(e.referring(connection.KindConfigMap))).
		WithOptions(controllerOptions())
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
		MaxConcurrentReconciles: inFlight,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
	}
}

// referring finds the manifests that name an object in their namespace.
func (e *engine[O, R]) referring(kind string) handler.MapFunc {
	return func(ctx context.Context, object client.Object) []reconcile.Request {
		return e.requests(ctx, client.InNamespace(object.GetNamespace()), client.MatchingFields{indexReference: referenceValue(kind, object.GetName())})
	}
}

// ofProject finds the manifests of a StytchProject.
func (e *engine[O, R]) ofProject(ctx context.Context, project client.Object) []reconcile.Request {
	return e.requests(ctx, client.InNamespace(project.GetNamespace()), client.MatchingFields{indexProject: project.GetName()})
}

// deletedSources finds the manifests whose deletion may wait for an ExternalConnection.
func (e *engine[O, R]) deletedSources(ctx context.Context, object client.Object) []reconcile.Request {
	external, ok := object.(*v1alpha1.ExternalConnection)
	if !ok {
		return nil
	}
	if ref := external.Spec.SourceRef; ref != nil {
		if string(ref.Kind) != e.kindName {
			return nil
		}
		return []reconcile.Request{{NamespacedName: inNamespace(external, ref.Name)}}
	}
	return e.requests(ctx, client.InNamespace(external.Namespace), client.MatchingFields{indexClaim: external.Spec.Source.ConnectionID})
}

// inConflict finds the manifests whose Synced says Conflict.
func (e *engine[O, R]) inConflict(ctx context.Context, _ client.Object) []reconcile.Request {
	return e.requests(ctx, client.MatchingFields{indexConflict: indexedAsTrue})
}

func (e *engine[O, R]) requests(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	found, err := e.listManifests(ctx, options...)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding whom to wake", "kind", e.kindName)
		return nil
	}
	var requests []reconcile.Request
	for _, o := range found {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)})
	}
	return requests
}

// desiredStateChanged passes changes of a manifest's spec and of the annotations that the operator reads, and its deletion.
func desiredStateChanged() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return !slices.Equal(connection.AnnotationsOf(e.ObjectOld), connection.AnnotationsOf(e.ObjectNew))
	}})
}

// secretChanged passes every change of a Secret except the writes of this process that prove it writable.
func (s *shared) secretChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return !s.memory.isProof(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return !s.memory.isProof(e.ObjectNew) },
		DeleteFunc: func(e event.DeleteEvent) bool {
			s.memory.dropProof(e.Object)
			return true
		},
	}
}

// sourceChanged passes what an ExternalConnection may wait for: a source is created or deleted, gets its connection, or becomes active.
func sourceChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, isConnection := e.ObjectOld.(v1alpha1.Connection)
		after, both := e.ObjectNew.(v1alpha1.Connection)
		return isConnection && both && (connection.RecordOf(before).ID != connection.RecordOf(after).ID ||
			before.CommonStatus().State != after.CommonStatus().State)
	}}
}

// dependantGone passes the deletion of an ExternalConnection.
func dependantGone() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetDeletionTimestamp().IsZero() && !e.ObjectNew.GetDeletionTimestamp().IsZero()
		},
	}
}

// claimsChanged passes what may end a conflict: a manifest is deleted, or claims another connection than before.
func claimsChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, isConnection := e.ObjectOld.(v1alpha1.Connection)
			after, both := e.ObjectNew.(v1alpha1.Connection)
			return isConnection && both && !slices.Equal(claimed(before), claimed(after))
		},
	}
}

// credentialsChanged passes what may change the session of a StytchProject: it is created, deleted or edited, or a check has another
// result than the last.
func credentialsChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, isProject := e.ObjectOld.(*v1alpha1.StytchProject)
		after, both := e.ObjectNew.(*v1alpha1.StytchProject)
		return isProject && both && (before.Generation != after.Generation ||
			!equality.Semantic.DeepEqual(before.Status.Conditions, after.Status.Conditions) || !slices.Equal(before.Status.Inputs, after.Status.Inputs))
	}}
}

func (c *projectChecker) index(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &v1alpha1.StytchProject{}, indexSecret, func(object client.Object) []string {
		return []string{object.(*v1alpha1.StytchProject).Spec.SecretRef.Name} //nolint:forcetypeassert // the index is on this kind
	})
}

// setup adds the controller of StytchProjects. It is woken by a change of the manifest or its Secret, and by a pass of a connection in
// which the credentials were rejected.
func (c *projectChecker) setup(mgr ctrl.Manager) error {
	return builder.ControllerManagedBy(mgr).
		For(&v1alpha1.StytchProject{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(c.referring)).
		WatchesRawSource(source.Channel(c.shared.projectEvents, &handler.EnqueueRequestForObject{})).
		WithOptions(controllerOptions()).
		Complete(c)
}

// referring finds the StytchProjects that name a Secret.
func (c *projectChecker) referring(ctx context.Context, secret client.Object) []reconcile.Request {
	var projects v1alpha1.StytchProjectList
	err := c.shared.client.List(ctx, &projects, client.InNamespace(secret.GetNamespace()), client.MatchingFields{indexSecret: secret.GetName()})
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "finding the StytchProjects of a Secret")
		return nil
	}
	var requests []reconcile.Request
	for i := range projects.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&projects.Items[i])})
	}
	return requests
}
