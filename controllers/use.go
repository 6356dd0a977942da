package controllers

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// usingKind is a kind of connections, as the controllers of projects know it.
type usingKind struct {
	name   string
	object v1alpha1.Connection
	// ofProject are the manifests that reference a project, from the cache.
	ofProject func(ctx context.Context, project v1alpha1.Project) ([]v1alpha1.Connection, error)
	// users are the manifests that use a StytchProject, from the cache or the API server.
	users func(ctx context.Context, from client.Reader, project v1alpha1.Project, options ...client.ListOption) ([]connection.User, error)
}

func (e *engine[O, R]) using() usingKind {
	return usingKind{e.kindName, e.newObject(), e.manifestsOf, e.users}
}

func (e *engine[O, R]) manifestsOf(ctx context.Context, project v1alpha1.Project) ([]v1alpha1.Connection, error) {
	found, err := e.listManifests(ctx, inProject(project), client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("listing the %ss that use %s: %w", e.kindName, refOf(project), err)
	}
	var all []v1alpha1.Connection
	for _, o := range found {
		all = append(all, o)
	}
	return all, nil
}

// inProject lists the manifests that reference a project.
func inProject(project v1alpha1.Project) client.ListOption {
	return client.MatchingFields{indexProject: projectValue(refOf(project))}
}

func (e *engine[O, R]) users(ctx context.Context, from client.Reader, project v1alpha1.Project, options ...client.ListOption) ([]connection.User, error) {
	all, err := e.listFrom(ctx, from, append(options, client.InNamespace(project.GetNamespace()))...)
	if err != nil {
		return nil, fmt.Errorf("listing the %ss that use StytchProject %s: %w", e.kindName, project.GetName(), err)
	}
	var users []connection.User
	for _, o := range all {
		if o.CommonSpec().Project() == refOf(project) && connection.Uses(o) {
			users = append(users, connection.User{Kind: e.kindName, Name: o.GetName(), Leaving: !o.GetDeletionTimestamp().IsZero()})
		}
	}
	return users, nil
}

// cachedUsers are the manifests of all kinds that use a StytchProject, as the cache shows them.
func (c *projectChecker) cachedUsers(ctx context.Context, project v1alpha1.Project) ([]connection.User, error) {
	return c.users(ctx, c.shared.client, project, inProject(project), client.UnsafeDisableDeepCopy)
}

func (c *projectChecker) users(ctx context.Context, from client.Reader, project v1alpha1.Project, options ...client.ListOption) ([]connection.User, error) {
	var all []connection.User
	for _, kind := range c.kinds {
		users, err := kind.users(ctx, from, project, options...)
		if err != nil {
			return nil, err
		}
		all = append(all, users...)
	}
	return all, nil
}

// isKept says that a project is kept until no connection needs it any more: one that belongs to a namespace, whose people delete both.
func isKept(project client.Object) bool { return !isCluster(project.GetNamespace()) }

// isHeld says that a StytchProject cannot go before the connections that use it.
func isHeld(project v1alpha1.Project) bool {
	return controllerutil.ContainsFinalizer(project, v1alpha1.FinalizerInUse)
}

// hold puts the finalizer on a StytchProject that a connection uses. The connection waits for that: so whatever a crash falls on, there
// is no connection in Stytch whose StytchProject could go before it.
func (c *projectChecker) hold(ctx context.Context, project v1alpha1.Project) error {
	if !isKept(project) || isHeld(project) {
		return nil
	}
	users, err := c.cachedUsers(ctx, project)
	if err != nil || len(users) == 0 {
		return err
	}
	return c.patchFinalizer(ctx, project, controllerutil.AddFinalizer)
}

// release takes the finalizer from a StytchProject that is being deleted when no connection uses it any more. It returns those that do.
// The API server has the last word: a pass may have read its manifest there before the cache showed it.
func (c *projectChecker) release(ctx context.Context, project v1alpha1.Project) ([]connection.User, error) {
	if !isKept(project) {
		c.shared.closeSession(client.ObjectKeyFromObject(project))
		return nil, nil
	}
	users, err := c.cachedUsers(ctx, project)
	if err != nil || len(users) > 0 {
		return users, err
	}
	if users, err = c.users(ctx, c.shared.live, project); err != nil || len(users) > 0 {
		return users, err
	}
	c.shared.closeSession(client.ObjectKeyFromObject(project))
	if !isHeld(project) {
		return nil, nil
	}
	return nil, client.IgnoreNotFound(c.patchFinalizer(ctx, project, controllerutil.RemoveFinalizer))
}

// patchFinalizer writes a change of the finalizer, unless somebody else wrote the StytchProject meanwhile.
func (c *projectChecker) patchFinalizer(ctx context.Context, project v1alpha1.Project, change func(client.Object, string) bool) error {
	before := copyOf(project)
	change(project, v1alpha1.FinalizerInUse)
	if err := c.shared.client.Patch(ctx, project, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("writing the finalizer of StytchProject %s: %w", project.GetName(), err)
	}
	return nil
}

// remember opens the session of a StytchProject that connections use, in a process that has none yet: the Secret may be deleted before
// any of them needs it.
func (c *projectChecker) remember(ctx context.Context, project v1alpha1.Project, checked []v1alpha1.Input) error {
	if !isHeld(project) {
		return nil
	}
	_, err := c.shared.sessionFor(ctx, project, checked)
	return err
}

// missingSecret is what is said of a StytchProject that is being deleted and of which a Secret is gone. What is what stands in it.
func (s *shared) missingSecret(ctx context.Context, project v1alpha1.Project, ref v1alpha1.SecretKeyRef, what string) *connection.Problem {
	if _, known := s.knownSession(project); known {
		return missing("Secret %s does not exist. Connections are deleted with the credentials that Stytch accepted last.", ref.Name)
	}
	const kept = "set deletionPolicy: Retain on the connections, which keeps them in Stytch."
	if s.terminating(ctx, project.GetNamespace()) {
		return missing("Secret %s does not exist, and the manager was restarted since. Nothing can be created in this namespace, because it is being deleted. To delete the manifests, "+kept, ref.Name)
	}
	return missing("Secret %s does not exist, and the manager was restarted since. Create it again with %s under the key %q, or "+kept, ref.Name, what, ref.Key)
}

// terminating says that a namespace is being deleted, so that nothing can be created in it. One that cannot be read counts as one
// that is not: then a message names more than can be done.
func (s *shared) terminating(ctx context.Context, namespace string) bool {
	object := metadataOf(kindNamespace)
	err := s.live.Get(ctx, client.ObjectKey{Name: namespace}, object)
	return err == nil && !object.DeletionTimestamp.IsZero()
}

// watchUsers wakes a StytchProject when a connection begins to use it, and one that is being deleted when a connection uses it no more.
func (c *projectChecker) watchUsers(b *builder.Builder) {
	changed := predicate.Or(predicate.GenerationChangedPredicate{}, finalizerChanged(v1alpha1.Finalizer))
	for _, kind := range c.kinds {
		b.Watches(kind.object, handler.EnqueueRequestsFromMapFunc(c.usedBy), builder.WithPredicates(changed))
	}
}

// usedBy finds the StytchProject of a connection, where the connection may change what becomes of it.
func (c *projectChecker) usedBy(ctx context.Context, object client.Object) []reconcile.Request {
	o, ok := object.(v1alpha1.Connection)
	if !ok {
		return nil
	}
	ref := o.CommonSpec().Project()
	if ref.Kind != v1alpha1.NamespacedProject {
		return nil
	}
	var project v1alpha1.StytchProject
	key := inNamespace(o, ref.Name)
	if err := c.shared.client.Get(ctx, key, &project); err != nil {
		return nil // one that appears looks for its users
	}
	if project.DeletionTimestamp.IsZero() && (isHeld(&project) || !connection.Uses(o)) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: key}}
}

// finalizerChanged passes an update that adds or removes a finalizer.
func finalizerChanged(finalizer string) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return controllerutil.ContainsFinalizer(e.ObjectOld, finalizer) != controllerutil.ContainsFinalizer(e.ObjectNew, finalizer)
		},
	}
}
