package controllers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// projectChecker checks the credentials of StytchProjects, or of ClusterStytchProjects: once for each version of the manifest and of its Secret, and again
// when they were rejected in a pass of a connection. The connections of a project wait for the result. It keeps a StytchProject that is
// being deleted until no connection uses it (use.go), and says of a ClusterStytchProject what its grants are used for (grants.go).
type projectChecker struct {
	shared     *shared
	newProject func() v1alpha1.Project
	kinds      []usingKind
}

// Reconcile checks one StytchProject. If somebody else wrote it meanwhile, it is checked again soon.
func (c *projectChecker) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	result, err := c.checkOrKeep(ctx, req)
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: retrySoon}, nil
	}
	return result, err
}

func (c *projectChecker) checkOrKeep(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	project := c.newProject()
	err := c.shared.client.Get(ctx, req.NamespacedName, project)
	if apierrors.IsNotFound(err) {
		c.shared.recheck.drop(req.NamespacedName)
		c.shared.closeSession(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if project.GetDeletionTimestamp().IsZero() {
		if err := c.hold(ctx, project); err != nil {
			return ctrl.Result{}, err
		}
		return c.checkIfDue(ctx, project, nil)
	}
	users, err := c.release(ctx, project)
	if err != nil || len(users) == 0 {
		return ctrl.Result{}, err
	}
	return c.checkIfDue(ctx, project, users)
}

// checkIfDue checks the credentials unless nothing has changed since they were accepted. Users are those that keep the project, which is
// being deleted.
func (c *projectChecker) checkIfDue(ctx context.Context, project v1alpha1.Project, users []connection.User) (ctrl.Result, error) {
	versions, err := c.shared.cachedSecrets(ctx, project)
	if err != nil {
		return ctrl.Result{}, err
	}
	recheck := c.shared.recheck.drop(client.ObjectKeyFromObject(project))
	status := project.CommonStatus()
	if incomplete(versions) || recheck || status.ObservedGeneration != project.GetGeneration() || !accepted(project) || !slices.Equal(status.Inputs, versions) {
		return c.check(ctx, project, users, recheck)
	}
	if err := c.remember(ctx, project, versions); err != nil && !errors.Is(err, errProjectUnchecked) { // its Secret has changed, and wakes it
		return ctrl.Result{}, err
	}
	return c.writeStatus(ctx, project, connection.ProjectReport{Users: users})
}

// driftLate says that drift checks wait for longer at the gate than they are apart.
func (c *projectChecker) driftLate(project v1alpha1.Project) bool {
	known, opened := c.shared.knownSession(project)
	return opened && known.stytch.DriftOverdue() > c.shared.ResyncInterval
}

// accepted says that Stytch accepted the credentials at the last check.
func accepted(project v1alpha1.Project) bool {
	return meta.IsStatusConditionTrue(project.CommonStatus().Conditions, v1alpha1.ConditionReady)
}

// check asks Stytch which project the credentials belong to. Credentials that Stytch accepted before are not new because their Secret
// was written, or because there is another session of the member; they are only asked about again where Stytch rejected them since.
func (c *projectChecker) check(ctx context.Context, project v1alpha1.Project, users []connection.User, rejected bool) (ctrl.Result, error) {
	credentials, at, problem, err := c.shared.credentials(ctx, project)
	if err != nil {
		return ctrl.Result{}, err
	}
	member, of, unusable, err := c.shared.member(ctx, project)
	if err != nil {
		return ctrl.Result{}, err
	}
	report := connection.ProjectReport{Inputs: inputsOf(at, of), Environment: connection.Environment(project.CommonSpec().ProjectID), Users: users}
	if problem = cmp.Or(problem, unusable); problem != nil {
		report.Reason, report.Message = problem.Reason, problem.Message
		return c.writeStatus(ctx, project, report)
	}
	if !rejected && accepted(project) && c.shared.acceptedBefore(project, credentials, at) {
		return c.verified(ctx, project, credentials, member, report)
	}
	identity, request, err := c.shared.Stytch.Whoami(ctx, project.GetNamespace(), credentials)
	report.Request, report.Name = request, identity.Name
	if notYet, ok := errors.AsType[*stytch.NotYet](err); ok {
		return ctrl.Result{RequeueAfter: notYet.At.Sub(c.shared.Now())}, nil
	}
	if failed, ok := errors.AsType[*stytch.Error](err); ok {
		report.Request = failed.Request
		report.Reason, report.Message = connection.Failure(failed)
		if _, err := c.writeStatus(ctx, project, report); err != nil {
			return ctrl.Result{}, err
		}
		return c.requeueFailed(failed)
	}
	switch {
	case err != nil:
		return ctrl.Result{}, err
	case identity.ProjectID != project.CommonSpec().ProjectID:
		report.Reason, report.Message = v1alpha1.ReasonInvalid, fmt.Sprintf(
			"The secret belongs to the project %s. Store the secret of %s in the Secret, or apply a %s for the other project.", identity.ProjectID, project.CommonSpec().ProjectID, refOf(project).Kind)
		return c.writeStatus(ctx, project, report)
	}
	return c.verified(ctx, project, credentials, member, report)
}

// verified opens the session with credentials that Stytch accepts.
func (c *projectChecker) verified(ctx context.Context, project v1alpha1.Project, credentials stytch.Credentials, member stytch.Member, report connection.ProjectReport) (ctrl.Result, error) {
	report.Reason = v1alpha1.ReasonVerified
	if _, err := c.shared.putSession(ctx, project, credentials, member, report.Inputs); err != nil {
		return ctrl.Result{}, err
	}
	return c.writeStatus(ctx, project, report)
}

// requeueFailed has a failed check repeated.
func (c *projectChecker) requeueFailed(failed *stytch.Error) (ctrl.Result, error) {
	switch again := connection.After(failed); {
	case again.BackOff:
		return ctrl.Result{}, failed
	case !again.At.IsZero():
		return ctrl.Result{RequeueAfter: max(again.At.Sub(c.shared.Now()), time.Millisecond)}, nil
	}
	return ctrl.Result{RequeueAfter: c.shared.ResyncInterval}, nil
}

// writeStatus computes the conditions from the check, and writes status if it has changed. It returns when to reconcile
// again: at the next resync, or when a Secret has been missing for as long as Options.InputPatience allows.
func (c *projectChecker) writeStatus(ctx context.Context, project v1alpha1.Project, report connection.ProjectReport) (ctrl.Result, error) {
	now := c.shared.Now()
	report.Patience, report.DriftLate = c.shared.InputPatience, c.driftLate(project)
	changed := copyOf(project)
	*changed.CommonStatus() = connection.JudgeProject(*project.CommonStatus(), project.GetGeneration(), report, now)
	if err := c.writeGrants(ctx, changed); err != nil {
		return ctrl.Result{}, err
	}
	fit(changed)
	next := ctrl.Result{}
	if accepted(changed) {
		next.RequeueAfter = c.shared.ResyncInterval
	}
	if end := connection.PatienceEnds(changed.CommonStatus().WaitingSince, report.Patience); end.After(now) {
		next.RequeueAfter = end.Sub(now)
	}
	if equality.Semantic.DeepEqual(project, changed) {
		return next, nil
	}
	if err := c.shared.client.Status().Patch(ctx, changed, client.MergeFromWithOptions(project, client.MergeFromWithOptimisticLock{})); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := meta.FindStatusCondition(project.CommonStatus().Conditions, v1alpha1.ConditionStalled)
	stalled := meta.FindStatusCondition(changed.CommonStatus().Conditions, v1alpha1.ConditionStalled)
	if stalled != nil && (before == nil || before.Reason != stalled.Reason) {
		c.shared.recorder.Eventf(project, nil, corev1.EventTypeWarning, stalled.Reason, eventAction, "%s", truncateNote(stalled.Message))
	}
	return next, nil
}

func (c *projectChecker) index(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, c.newProject(), indexSecret, func(object client.Object) []string {
		return connection.SecretNames(object.(v1alpha1.Project)) //nolint:forcetypeassert // the index is on this kind
	})
}

// setup adds the controller of one kind of projects. It is woken by a change of the manifest or its Secrets, by a connection that begins or
// ceases to use it, and by a pass of a connection in which the credentials were rejected.
func (c *projectChecker) setup(mgr ctrl.Manager, events chan event.GenericEvent, referring handler.MapFunc, watch func(*builder.Builder)) error {
	b := builder.ControllerManagedBy(mgr).
		For(c.newProject(), builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, finalizerChanged(v1alpha1.FinalizerInUse)))).
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(referring)).
		WatchesRawSource(source.Channel(events, &handler.EnqueueRequestForObject{})).
		WithOptions(controllerOptions())
	watch(b)
	return b.Complete(c)
}

// referring finds the StytchProjects that name a Secret.
func (c *projectChecker) referring(ctx context.Context, secret client.Object) []reconcile.Request {
	projects, err := c.shared.projectsWith(ctx, secret)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Failed to list the StytchProjects that reference a Secret")
		return nil
	}
	var requests []reconcile.Request
	for i := range projects {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&projects[i])})
	}
	return requests
}

// projectsWith lists the StytchProjects that reference a Secret.
func (s *shared) projectsWith(ctx context.Context, secret client.Object) ([]v1alpha1.StytchProject, error) {
	var projects v1alpha1.StytchProjectList
	err := s.client.List(ctx, &projects, client.InNamespace(secret.GetNamespace()), client.MatchingFields{indexSecret: secret.GetName()})
	return projects.Items, err
}
