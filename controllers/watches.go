package controllers

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// referring finds the manifests that name an object in their namespace.
func (e *engine[O, R]) referring(kind string) handler.MapFunc {
	return func(ctx context.Context, object client.Object) []reconcile.Request {
		return e.requests(ctx, client.InNamespace(object.GetNamespace()), client.MatchingFields{indexReference: referenceValue(kind, object.GetName())})
	}
}

// ofProject finds the manifests of a StytchProject, or of a ClusterStytchProject.
func (e *engine[O, R]) ofProject(ctx context.Context, object client.Object) []reconcile.Request {
	project, is := object.(v1alpha1.Project)
	if !is {
		return nil
	}
	return e.requests(ctx, client.InNamespace(project.GetNamespace()), inProject(project))
}

// awaitingSession finds the manifests of a StytchProject for which another session of its member may change something: a JWT is renewed
// every few minutes, and what waits for something else is not to be sent again each time.
func (e *engine[O, R]) awaitingSession(ctx context.Context, object client.Object) []reconcile.Request {
	project, is := object.(v1alpha1.Project)
	if !is {
		return nil
	}
	all := e.woken(ctx, client.InNamespace(project.GetNamespace()), inProject(project))
	return requestsOf(slices.DeleteFunc(all, func(o O) bool {
		return !connection.AwaitsSession(o) && !e.shared.memory.of(o.GetUID()).unchecked
	}))
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

// claimsMoved wakes the manifests that are in conflict about connections which another manifest claims, or claimed before. Whose those
// are has changed, so that the manifests are not left as they are.
func (e *engine[O, R]) claimsMoved() handler.EventHandler {
	wake := func(ctx context.Context, ids []string, q queue) {
		for _, request := range e.inConflict(ctx, ids) {
			q.Add(request)
		}
	}
	return handler.Funcs{
		UpdateFunc: func(ctx context.Context, ev event.UpdateEvent, q queue) {
			wake(ctx, movedBetween(ev.ObjectOld, ev.ObjectNew), q)
		},
		DeleteFunc: func(ctx context.Context, ev event.DeleteEvent, q queue) { wake(ctx, movedBetween(ev.Object, nil), q) },
	}
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// movedBetween are the connection IDs that one of two versions of a manifest claims and the other does not.
func movedBetween(before, after client.Object) []string {
	claims := func(object client.Object) []string {
		o, isConnection := object.(v1alpha1.Connection)
		if !isConnection {
			return nil
		}
		return standing(o)
	}
	was, is := claims(before), claims(after)
	return append(
		slices.DeleteFunc(slices.Clone(was), func(id string) bool { return slices.Contains(is, id) }),
		slices.DeleteFunc(is, func(id string) bool { return slices.Contains(was, id) })...)
}

// inConflict finds the manifests that are in conflict about one of these connections.
func (e *engine[O, R]) inConflict(ctx context.Context, ids []string) []reconcile.Request {
	var found []O
	for _, id := range ids {
		found = append(found, e.woken(ctx, client.MatchingFields{indexConflict: id})...)
	}
	for _, o := range found {
		e.shared.memory.update(o.GetUID(), func(m *objectMemory) { m.claimsMoved = true })
	}
	return requestsOf(found)
}

func (e *engine[O, R]) requests(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	return requestsOf(e.woken(ctx, options...))
}

// woken lists the manifests that a change wakes.
func (e *engine[O, R]) woken(ctx context.Context, options ...client.ListOption) []O {
	found, err := e.listManifests(ctx, options...)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Failed to list the manifests to reconcile", "kind", e.kindName)
		return nil
	}
	return found
}

func requestsOf[O client.Object](manifests []O) []reconcile.Request {
	var requests []reconcile.Request
	for _, o := range manifests {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)})
	}
	return requests
}

// brought passes what desiredStateChanged does, and notes of every manifest since when it asks what it asks.
func (e *engine[O, R]) brought() predicate.Predicate {
	note := func(object client.Object) bool {
		if o, isConnection := object.(v1alpha1.Connection); isConnection {
			e.seeAsked(o, e.shared.Now())
		}
		return true
	}
	return predicate.And(predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return note(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return note(e.ObjectNew) },
	}, desiredStateChanged())
}

// desiredStateChanged passes changes of a manifest's spec and of the annotations that the operator reads, its deletion, and that
// somebody took its finalizer, its record or its connection's status away.
func desiredStateChanged() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return !slices.Equal(connection.AnnotationsOf(e.ObjectOld), connection.AnnotationsOf(e.ObjectNew)) || recordLost(e)
	}})
}

// recordLost says that somebody took a manifest's finalizer, record or connection away, or had it name another connection.
func recordLost(e event.UpdateEvent) bool {
	before, isConnection := e.ObjectOld.(v1alpha1.Connection)
	after, both := e.ObjectNew.(v1alpha1.Connection)
	return isConnection && both && connection.RecordLost(before, after)
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

// sourceChanged passes what an ExternalConnection may wait for: a source is created or deleted, gets its connection, or becomes
// active.
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

// credentialsChanged passes what may change the session or the grants of a project: it is created, deleted or edited, gets its finalizer, or a
// check has another result than the last. Another session of its member alone is sessionRenewed.
func credentialsChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, isProject := e.ObjectOld.(v1alpha1.Project)
		after, both := e.ObjectNew.(v1alpha1.Project)
		return isProject && both && projectChanged(before, after) && !sessionRenewed(before, after)
	}}
}

func projectChanged(before, after v1alpha1.Project) bool {
	was, is := before.CommonStatus(), after.CommonStatus()
	return before.GetGeneration() != after.GetGeneration() || isHeld(before) != isHeld(after) ||
		!equality.Semantic.DeepEqual(was.Conditions, is.Conditions) || !slices.Equal(was.Inputs, is.Inputs)
}

// sessionRenewed says that nothing is new of a project but the version of the Secret with its member's session.
func sessionRenewed(before, after v1alpha1.Project) bool {
	was, is := before.CommonStatus().Inputs, after.CommonStatus().Inputs
	if len(was) != 2 || len(is) != 2 || was[0] != is[0] || was[1] == is[1] {
		return false
	}
	same := copyOf(after)
	same.CommonStatus().Inputs = was
	return !projectChanged(before, same)
}

// updates passes updates of a project that are of a kind, and nothing else.
func updates(are func(before, after v1alpha1.Project) bool) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, isProject := e.ObjectOld.(v1alpha1.Project)
			after, both := e.ObjectNew.(v1alpha1.Project)
			return isProject && both && are(before, after)
		},
	}
}
