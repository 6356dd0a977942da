package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// sessions holds the session of each project, so that each version of its Secret is read only once, and so that the connections of
// one that is being deleted can be deleted after its Secret.
type sessions struct {
	mu    sync.Mutex
	byUID map[types.UID]session
}

// session is a session with Stytch for one version of a StytchProject and its Secrets.
type session struct {
	stytch     *stytch.Session
	project    v1alpha1.Project
	generation int64
	secrets    []v1alpha1.Input
}

// errProjectUnchecked ends a pass without a status: the controller of StytchProjects is about to check the project, or to put its
// finalizer on it, and what it writes wakes the connections of the project.
var errProjectUnchecked = errors.New("the StytchProject is about to be checked")

// openSession returns the session of the project of a manifest, whose credentials were checked. A project that is being deleted serves
// deletions alone.
func (s *shared) openSession(ctx context.Context, project v1alpha1.Project, o v1alpha1.Connection) (session, error) {
	staying, leaving := o.GetDeletionTimestamp().IsZero(), !project.GetDeletionTimestamp().IsZero()
	if leaving && staying {
		return session{}, connection.Finding{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(
			"%s is being deleted, so nothing but deletions is sent to Stytch. Wait until it is deleted, and create it again. Its conditions name the connections that it is kept for.", refOf(project))}
	}
	versions, err := s.cachedSecrets(ctx, project)
	if err != nil {
		return session{}, err
	}
	if leaving && incomplete(versions) {
		return s.rememberedSession(ctx, project, versions)
	}
	if err := projectReady(project); err != nil {
		return session{}, err
	}
	if incomplete(versions) || !slices.Equal(versions, project.CommonStatus().Inputs) || staying && connection.Uses(o) && isKept(project) && !isHeld(project) {
		return session{}, errProjectUnchecked
	}
	return s.sessionFor(ctx, project, versions)
}

// rememberedSession returns the session with the credentials of a StytchProject that Stytch accepted last, for one that is being deleted
// and of which a Secret is gone.
func (s *shared) rememberedSession(ctx context.Context, project v1alpha1.Project, versions []v1alpha1.Input) (session, error) {
	if known, ok := s.knownSession(project); ok {
		known.project = project
		return s.inNameOf(ctx, known)
	}
	ref, what := project.CommonSpec().SecretRef, "the project's secret"
	if versions[0].UID != "" {
		ref, what = *project.MemberSession(), theSession
	}
	cause := fmt.Sprintf("%s is being deleted, its Secret %s does not exist, and the manager was restarted since.", refOf(project), ref.Name)
	return session{}, connection.Finding{Reason: v1alpha1.ReasonInputMissing, Cause: cause, Message: fmt.Sprintf(
		"%s Create the Secret again, with %s under the key %q.", cause, what, ref.Key)}
}

// knownSession returns the last session of a StytchProject; false if this process has had none.
func (s *shared) knownSession(project v1alpha1.Project) (session, bool) {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	known, ok := s.sessions.byUID[project.GetUID()]
	return known, ok
}

// projectReady returns why the connections of a StytchProject cannot be reconciled yet; nil if they can.
func projectReady(project v1alpha1.Project) error {
	status := project.CommonStatus()
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil || status.ObservedGeneration != project.GetGeneration():
		return errProjectUnchecked
	case ready.Status != metav1.ConditionTrue:
		return connection.Finding{
			Reason: ready.Reason, Message: fmt.Sprintf("%s is not ready: %s", refOf(project), ready.Message),
			Cause: fmt.Sprintf("%s is not ready (%s).", refOf(project), ready.Reason),
		}
	}
	return nil
}

// sessionFor returns the session for this version of the project and its Secrets; it reads the Secrets and makes one if there is
// none.
func (s *shared) sessionFor(ctx context.Context, project v1alpha1.Project, checked []v1alpha1.Input) (session, error) {
	if known, ok := s.knownSession(project); ok && known.generation == project.GetGeneration() && slices.Equal(known.secrets, checked) {
		known.project = project
		return known, nil
	}
	credentials, at, problem, err := s.credentials(ctx, project)
	if err != nil {
		return session{}, err
	}
	member, of, unusable, err := s.member(ctx, project)
	switch {
	case err != nil:
		return session{}, err
	case problem != nil || unusable != nil || !slices.Equal(inputsOf(at, of), checked):
		return session{}, errProjectUnchecked
	}
	return s.putSession(ctx, project, credentials, member, checked)
}

// putSession makes the session for a version of the project and its Secrets the current one. It closes that again if the StytchProject
// is gone from the cache: nobody else will, and its rate would slow down others of the same project in Stytch.
func (s *shared) putSession(ctx context.Context, project v1alpha1.Project, credentials stytch.Credentials, member stytch.Member, at []v1alpha1.Input) (session, error) {
	opened := s.openedSession(project, credentials, member, at)
	err := s.client.Get(ctx, client.ObjectKeyFromObject(project), copyOf(project))
	if apierrors.IsNotFound(err) {
		s.closeSession(client.ObjectKeyFromObject(project))
		return session{}, errProjectUnchecked
	}
	return opened, err
}

func (s *shared) openedSession(project v1alpha1.Project, credentials stytch.Credentials, member stytch.Member, at []v1alpha1.Input) session {
	opened := session{
		stytch: s.Stytch.Session(stytch.Project{
			Credentials: credentials, Member: member, Object: client.ObjectKeyFromObject(project).String(), Rate: rate(project.CommonSpec().RateLimit),
			Leads: isCluster(project.GetNamespace()),
		}),
		project: project, generation: project.GetGeneration(), secrets: at,
	}
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	if s.sessions.byUID == nil {
		s.sessions.byUID = map[types.UID]session{}
	}
	s.sessions.byUID[project.GetUID()] = opened
	return opened
}

// closeSession ends the session of a project that is gone, or that no connection needs any more.
func (s *shared) closeSession(project types.NamespacedName) {
	s.Stytch.Leave(project.String())
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	maps.DeleteFunc(s.sessions.byUID, func(_ types.UID, known session) bool { return client.ObjectKeyFromObject(known.project) == project })
}

func rate(limit *v1alpha1.RateLimit) stytch.Rate {
	if limit == nil {
		return stytch.Rate{}
	}
	return stytch.Rate{PerSecond: float64(limit.RequestsPerSecond), Burst: int(limit.Burst)}
}

// credentials reads the credentials of a StytchProject, and returns the version of its Secret. What is invalid or missing is
// returned as a problem.
func (s *shared) credentials(ctx context.Context, project v1alpha1.Project) (stytch.Credentials, v1alpha1.Input, *connection.Problem, error) {
	none := stytch.Credentials{}
	spec := project.CommonSpec()
	ref := spec.SecretRef
	at := v1alpha1.Input{Kind: connection.KindSecret, Name: ref.Name}
	base, problem := s.Endpoints.BaseURL(*spec)
	if problem != nil {
		return none, at, problem, nil
	}
	key := s.secretOf(project, ref.Name)
	secret, err := s.secret(ctx, key)
	if err != nil {
		return none, at, nil, fmt.Errorf("reading Secret %s: %w", ref.Name, err)
	}
	switch place := "this namespace"; {
	case secret == nil && !project.GetDeletionTimestamp().IsZero():
		return none, at, s.missingSecret(ctx, project, ref, "the project's secret"), nil
	case secret == nil:
		if isCluster(project.GetNamespace()) {
			place = "namespace " + key.Namespace
		}
		return none, at, missing("Secret %s does not exist in %s. Create it with the project's secret under the key %q.", ref.Name, place, ref.Key), nil
	}
	at = connection.InputOf(connection.KindSecret, secret.ObjectMeta)
	in := connection.Inputs{Secrets: map[string]*corev1.Secret{ref.Name: secret}}
	value, problem := connection.SecretKey("spec.secretRef", ref).ReadSecret(in, "Store the project's secret exactly as the Stytch dashboard shows it")
	if problem != nil {
		return none, at, problem, nil
	}
	return stytch.Credentials{BaseURL: base, ProjectID: spec.ProjectID, Secret: value}, at, nil, nil
}

func missing(format string, args ...any) *connection.Problem {
	return &connection.Problem{Reason: v1alpha1.ReasonInputMissing, Message: fmt.Sprintf(format, args...)}
}

// openProject opens a session of the project, under its grants, and records the project and the organization that the manifest belongs to.
func (p *pass[O, R]) openProject(ctx context.Context) error {
	spec := p.o.CommonSpec()
	object, err := p.shared.projectOf(ctx, p.o)
	if err != nil {
		return err
	}
	if err := p.askGrants(ctx, object); err != nil {
		return err
	}
	opened, err := p.shared.openSession(ctx, object, p.o)
	if err != nil {
		return err
	}
	opened.stytch = opened.stytch.Under(p.engine.grantsOf(ctx, p.o))
	p.session = opened
	p.stytch = opened.stytch.Caller(p.o.GetNamespace(), string(p.o.GetUID()), p.lane(ctx))
	project := opened.project.CommonSpec().ProjectID
	for _, problem := range []*connection.Problem{
		connection.SameProject(p.o, project), connection.SameEnvironment(project, spec.Organization, spec.ConnectionID),
	} {
		if problem != nil {
			return connection.Finding{Reason: problem.Reason, Message: problem.Message, Cause: problem.Cause}
		}
	}
	organization, err := p.organization(ctx)
	if err != nil {
		return err
	}
	record := p.engine.kind.ReadRecord(p.o)
	record.Project, record.Organization = project, organization
	p.engine.kind.WriteRecord(p.o, record) // before the mark: a copied one counts within its project and organization alone
	if record.Mark == "" {
		if record.ID == "" {
			record.Read = connection.NothingRead
		}
		if record.Mark, err = p.mark(ctx); err != nil {
			return err
		}
		p.engine.kind.WriteRecord(p.o, record)
	}
	p.setSlots()
	return nil
}

// organization returns the ID of the organization. A slug is resolved once: the recorded ID is used from then on. What earlier versions
// took for an ID and recorded is resolved all the same.
func (p *pass[O, R]) organization(ctx context.Context) (string, error) {
	if pinned := connection.RecordOf(p.o).Organization; stytch.IsOrganizationID(pinned) {
		return pinned, nil
	}
	named := p.o.CommonSpec().Organization
	if stytch.IsOrganizationID(named) {
		return named, nil
	}
	id, _, err := p.stytch.Organization(ctx, named)
	return id, err
}

// lane is the priority of the pass's calls: a change that somebody waits for goes before a resync.
func (p *pass[O, R]) lane(ctx context.Context) stytch.Lane {
	if connection.Urgent(p.o, func() bool { return p.inputsUnchanged(ctx) }) {
		return stytch.Urgent
	}
	if connection.RecordOf(p.o).ID == "" {
		return stytch.Creation
	}
	return stytch.Drift
}
