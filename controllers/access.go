package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func newStytchProject() v1alpha1.Project { return &v1alpha1.StytchProject{} }

func newClusterStytchProject() v1alpha1.Project { return &v1alpha1.ClusterStytchProject{} }

// isCluster says that a project, or its key, is of the kind that belongs to no namespace.
func isCluster(namespace string) bool { return namespace == "" }

// refOf is the reference to a project.
func refOf(project v1alpha1.Project) v1alpha1.ProjectRef {
	kind := v1alpha1.NamespacedProject
	if isCluster(project.GetNamespace()) {
		kind = v1alpha1.ClusterProject
	}
	return v1alpha1.ProjectRef{Kind: kind, Name: project.GetName()}
}

// secretOf is the key of a Secret that a project references.
func (s *shared) secretOf(project v1alpha1.Project, name string) types.NamespacedName {
	key := inNamespace(project, name)
	if isCluster(project.GetNamespace()) {
		key.Namespace = s.ClusterResourceNamespace
	}
	return key
}

// projectOf returns the project of a manifest, as the cache has it: it is only read, since its grants may be long and are asked at each
// call.
func (s *shared) projectOf(ctx context.Context, o v1alpha1.Connection) (v1alpha1.Project, error) {
	ref := o.CommonSpec().Project()
	project, key, place := newStytchProject(), inNamespace(o, ref.Name), " in this namespace"
	if ref.Kind == v1alpha1.ClusterProject {
		if !s.ClusterProjects {
			cause := fmt.Sprintf("%s cannot be used, because the manager does not serve ClusterStytchProjects.", ref)
			return nil, connection.Finding{Reason: v1alpha1.ReasonInputMissing, Cause: cause, Message: cause +
				" Start the manager with --cluster-projects and without --namespaces, or apply a manifest that references a StytchProject."}
		}
		project, key, place = newClusterStytchProject(), types.NamespacedName{Name: ref.Name}, ""
	}
	err := s.client.Get(ctx, key, project, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		cause := fmt.Sprintf("%s does not exist%s.", ref, place)
		return nil, connection.Finding{Reason: v1alpha1.ReasonInputMissing, Cause: cause, Message: cause + " Create it, and the Secret that it references."}
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	return project, nil
}

// accessTo is what a project lets the manifests of a kind in a namespace do, as the caches show it. A namespace that the cache does not show
// yet is waited for, where its labels matter: without them nothing would be granted.
func (s *shared) accessTo(ctx context.Context, project v1alpha1.Project, namespace, kind string) (connection.Access, error) {
	var labels map[string]string
	if connection.TrustsLabels(project) {
		object := metadataOf(kindNamespace)
		err := s.cached.Get(ctx, client.ObjectKey{Name: namespace}, object)
		if apierrors.IsNotFound(err) {
			return connection.Access{}, errAgain
		}
		if err != nil {
			return connection.Access{}, fmt.Errorf("reading the labels of namespace %s: %w", namespace, err)
		}
		labels = object.Labels
	}
	return connection.AccessOf(project, namespace, labels, kind), nil
}

// access is what the project of a manifest lets it do.
func (e *engine[O, R]) access(ctx context.Context, o v1alpha1.Connection) (connection.Access, error) {
	project, err := e.shared.projectOf(ctx, o)
	if err != nil {
		return connection.Access{}, err
	}
	return e.shared.accessTo(ctx, project, o.GetNamespace(), e.kindName)
}

// liveGrants are what the project of a manifest grants at the moment at which they are asked. What cannot be found out is not granted.
type liveGrants func() connection.Access

func (g liveGrants) Organization(id string) bool { return g().Organization(id) }

func (g liveGrants) Source(organization, source string) bool { return g().Source(organization, source) }

func (e *engine[O, R]) grantsOf(ctx context.Context, o O) stytch.Grants {
	ctx = context.WithoutCancel(ctx) // a creation goes on while the process is being stopped
	return liveGrants(func() connection.Access {
		access, err := e.access(ctx, o)
		if err != nil {
			return connection.Access{}
		}
		return access
	})
}

// granted says whether a manifest's project grants its organization and its source. One whose project cannot be read is not judged.
func (e *engine[O, R]) granted(ctx context.Context, o O) bool {
	access, err := e.access(ctx, o)
	return err != nil || access.Organization(connection.MeantOrganization(o)) && e.sourceGranted(o, access)
}

func (e *engine[O, R]) sourceGranted(o O, access connection.Access) bool {
	if e.source == nil {
		return true
	}
	source := e.source(o)
	return source == nil || access.Source(connection.MeantOrganization(o), source.OrganizationID)
}

// askGrants ends the pass of a manifest whose organization is not granted, before anything is asked about that.
func (p *pass[O, R]) askGrants(ctx context.Context, project v1alpha1.Project) error {
	access, err := p.shared.accessTo(ctx, project, p.o.GetNamespace(), p.engine.kindName)
	if err != nil {
		return err
	}
	if !access.Organization(connection.MeantOrganization(p.o)) {
		return access.NotGranted()
	}
	p.access = access
	return nil
}

// askGrantOfSource ends the pass of a manifest whose source is not granted.
func (p *pass[O, R]) askGrantOfSource() error {
	if !p.engine.sourceGranted(p.o, p.access) {
		return p.access.SourceNotGranted()
	}
	return nil
}

// verifySource ends a pass in which an External connection would be created whose source is not one of the organization that is granted:
// the connection's ID alone decides at Stytch, and may be that of any organization.
func (p *pass[O, R]) verifySource(ctx context.Context) error {
	if p.engine.source == nil || !p.access.Guarded() {
		return nil
	}
	source := p.engine.source(p.o)
	for _, since := range []time.Time{p.since, p.now} { // what is on an older list is there; what is not may be new
		list, err := p.stytch.SourceSSO(ctx, connection.MeantOrganization(p.o), source.OrganizationID, since)
		if err != nil {
			return err
		}
		_, isSAML := stytch.Find(list.SAML, source.ConnectionID)
		_, isOIDC := stytch.Find(list.OIDC, source.ConnectionID)
		if isSAML || isOIDC {
			return nil
		}
	}
	return connection.Finding{Reason: v1alpha1.ReasonSourceNotReady, Message: fmt.Sprintf(
		"Organization %s has no connection %s. Create the source connection, or apply a manifest with another source. Retrying at the next resync.", source.OrganizationID, source.ConnectionID)}
}

// keptByGrants says why the connection of a manifest that is being deleted stays in Stytch whatever its deletionPolicy says; "" if it need
// not. While the project cannot be read nothing is known.
func (p *pass[O, R]) keptByGrants(ctx context.Context) (string, error) {
	access, err := p.engine.access(ctx, p.o)
	if _, missing := errors.AsType[connection.Finding](err); missing {
		return "", nil
	}
	ref := p.o.CommonSpec().Project()
	switch organization := connection.MeantOrganization(p.o); {
	case err != nil:
		return "", err
	case !access.Organization(organization):
		return fmt.Sprintf("%s does not grant its organization.", ref), nil
	case access.Retains(organization):
		return fmt.Sprintf("The grants of %s have deletion: Retain.", ref), nil
	}
	return "", nil
}
