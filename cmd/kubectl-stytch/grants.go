package main

import (
	"context"
	"errors"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
)

// granting is what the project of a manifest lets it do. Nil access is not known, and then unknown says why.
type granting struct {
	access  *connection.Access
	unknown string
}

// grants are those of the project that a manifest names, whatever credentials the plan is made with. They are read once for each kind and
// namespace.
func (p *planner) grants(ctx context.Context, o v1alpha1.Connection) (granting, error) {
	ref, kindName := o.CommonSpec().Project(), gvkOf(o).Kind
	key := o.GetNamespace() + "/" + ref.String() + "/" + kindName
	if known, ok := p.granted[key]; ok {
		return known, nil
	}
	found, err := p.readGrants(ctx, o.GetNamespace(), ref, kindName)
	if err == nil {
		p.granted[key] = found
	}
	return found, err
}

func (p *planner) readGrants(ctx context.Context, namespace string, ref v1alpha1.ProjectRef, kindName string) (granting, error) {
	var project v1alpha1.Project = &v1alpha1.StytchProject{}
	key := client.ObjectKey{Namespace: namespace, Name: ref.Name}
	if ref.Kind == v1alpha1.ClusterProject {
		project, key = &v1alpha1.ClusterStytchProject{}, client.ObjectKey{Name: ref.Name}
	}
	if found, err := p.get(ctx, key, project); err != nil || !found {
		return unjudged(err, ref.String())
	}
	var labels map[string]string
	if connection.TrustsLabels(project) {
		var found bool
		var err error
		if labels, found, err = p.labels(ctx, namespace); err != nil || !found {
			return unjudged(err, "Namespace "+namespace)
		}
	}
	access := connection.AccessOf(project, namespace, labels, kindName)
	return granting{access: &access}, nil
}

// labels are those that a namespace has once the files are applied: those that it has in the cluster and, over them, those of a file.
func (p *planner) labels(ctx context.Context, name string) (labels map[string]string, found bool, err error) {
	labels = map[string]string{corev1.LabelMetadataName: name} // the API server sets it
	if p.cluster != nil {
		var is corev1.Namespace
		err = p.cluster.Get(ctx, client.ObjectKey{Name: name}, &is)
		if client.IgnoreNotFound(err) != nil {
			return nil, false, err
		}
		found = err == nil
		maps.Copy(labels, is.Labels)
	}
	for _, file := range p.files {
		if namespace, ok := file.(*corev1.Namespace); ok && namespace.Name == name {
			found = true
			maps.Copy(labels, namespace.Labels)
		}
	}
	if !found && p.cluster == nil {
		return nil, false, unknownError{"Namespace " + name}
	}
	return labels, found, nil
}

// unjudged says why grants are not known, because of something that could not be read, or does not exist. An error that is about nothing of these stays one.
func unjudged(err error, what string) (granting, error) {
	without, unknown := errors.AsType[unknownError](err)
	switch {
	case unknown:
		return granting{unknown: without.Error()}, nil
	case apierrors.IsForbidden(err):
		return granting{unknown: "you may not read " + what}, nil
	case err == nil:
		return granting{unknown: what + " does not exist"}, nil
	}
	return granting{}, err
}

// sourceGranted says that an External connection may use its source, as far as that is known.
func sourceGranted(o v1alpha1.Connection, access connection.Access) bool {
	of, ok := o.(*v1alpha1.ExternalConnection)
	if !ok {
		return true
	}
	source := external.Source(of)
	return source == nil || access.Source(connection.MeantOrganization(o), source.OrganizationID)
}

// claims says that a manifest may claim a connection, as far as grants decide about that. One whose project is not known is not judged.
func (p *planner) claims(ctx context.Context, o v1alpha1.Connection) (bool, error) {
	is, err := p.grants(ctx, o)
	if err != nil || is.access == nil {
		return true, err
	}
	return is.access.Organization(connection.MeantOrganization(o)) && sourceGranted(o, *is.access), nil
}

// askGrants ends the pass of a manifest whose organization is not granted, before Stytch is asked anything.
func (p *pass[O, R]) askGrants(ctx context.Context) error {
	is, err := p.grants(ctx, p.o)
	if err != nil {
		return err
	}
	p.granting = is
	if is.access != nil && !is.access.Organization(connection.MeantOrganization(p.o)) {
		return is.access.NotGranted()
	}
	return nil
}

// askGrantOfSource ends the pass of a manifest whose source is not granted.
func (p *pass[O, R]) askGrantOfSource() error {
	if access := p.granting.access; access != nil && !sourceGranted(p.o, *access) {
		return access.SourceNotGranted()
	}
	return nil
}

// mayAssign is the decision about a role; nil where every role may be assigned, or nothing is known.
func (p *pass[O, R]) mayAssign() func(role string) bool {
	access := p.granting.access
	if access == nil || !access.Guarded() {
		return nil
	}
	return func(role string) bool { return access.Role(connection.MeantOrganization(p.o), role) }
}
