package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// inNamespace is the key of an object in the namespace of o.
func inNamespace(o client.Object, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: name}
}

// readInputs reads the objects that the desired state depends on in addition to the manifest, and reports their versions.
func (p *pass[O, R]) readInputs(ctx context.Context, id string) (connection.Inputs, error) {
	in := connection.Inputs{
		ID: id, Now: p.now, Secrets: map[string]*corev1.Secret{}, ConfigMaps: map[string]*corev1.ConfigMap{},
		Unsendable: map[string]bool{}, LabelRequired: p.shared.RequireSendLabel,
	}
	if p.access.Guarded() {
		in.Role = func(id string) bool { return p.access.Role(connection.MeantOrganization(p.o), id) }
	}
	in.Unchanged = func(entry connection.KeyRef, was v1alpha1.Input) bool {
		return p.shared.memory.unchanged(p.o.GetUID(), entry, in.Secrets[entry.Name], was)
	}
	if err := p.engine.remote.read(ctx, p.stytch, p.o, p.since, &in); err != nil {
		return in, err
	}
	versions := []v1alpha1.Input{}
	for _, ref := range p.engine.kind.Names(p.o) {
		version, err := p.readInput(ctx, ref, &in)
		if err != nil {
			return in, fmt.Errorf("reading %s %s: %w", ref.Kind, ref.Name, err)
		}
		versions = append(versions, version)
	}
	p.report.Inputs = append(versions, connection.AnnotationsOf(p.o)...)
	return in, nil
}

// readInput reads one object into the inputs, and returns its version.
func (p *pass[O, R]) readInput(ctx context.Context, ref connection.Reference, in *connection.Inputs) (v1alpha1.Input, error) {
	key := inNamespace(p.o, ref.Name)
	version := v1alpha1.Input{Kind: ref.Kind, Name: ref.Name}
	switch ref.Kind {
	case connection.KindSecret:
		secret, err := p.shared.secret(ctx, key)
		if err != nil || secret == nil {
			return version, err
		}
		ofProject, err := p.shared.ofProject(ctx, secret)
		if err != nil {
			return version, err
		}
		in.Secrets[ref.Name], in.Unsendable[ref.Name] = secret, !connection.Sendable(secret, ofProject, in.LabelRequired)
		return connection.InputOf(ref.Kind, secret.ObjectMeta), nil
	case connection.KindConfigMap:
		configMap, err := p.shared.configMap(ctx, key)
		if err != nil || configMap == nil {
			return version, err
		}
		in.ConfigMaps[ref.Name] = configMap
		return connection.InputOf(ref.Kind, configMap.ObjectMeta), nil
	}
	if in.Source != nil {
		version.UID = string(in.Source.GetUID())
	}
	return version, nil
}

// ofProject says that a Secret is that of a StytchProject, or stands where those of ClusterStytchProjects do.
func (s *shared) ofProject(ctx context.Context, secret *corev1.Secret) (bool, error) {
	if s.ClusterProjects && secret.Namespace == s.ClusterResourceNamespace {
		return true, nil
	}
	projects, err := s.projectsWith(ctx, secret)
	return len(projects) > 0, err
}

// inputsUnchanged says that the cache shows the same versions of all inputs as the last pass used.
func (p *pass[O, R]) inputsUnchanged(ctx context.Context) bool {
	var inputs []v1alpha1.Input
	for _, ref := range p.engine.kind.Names(p.o) {
		version, err := p.shared.cachedInput(ctx, inNamespace(p.o, ref.Name), ref.Kind)
		if err != nil {
			return false
		}
		inputs = append(inputs, version)
	}
	return slices.Equal(append(inputs, connection.AnnotationsOf(p.o)...), p.o.CommonStatus().Inputs)
}

// cachedInput returns the version of an object in the cache.
func (s *shared) cachedInput(ctx context.Context, key types.NamespacedName, kind string) (v1alpha1.Input, error) {
	missing := v1alpha1.Input{Kind: kind, Name: key.Name}
	if source := newSource(kind); source != nil {
		if err := s.cached.Get(ctx, key, source); err != nil {
			return missing, client.IgnoreNotFound(err)
		}
		missing.UID = string(source.GetUID())
		return missing, nil
	}
	object := metadataOf(kind)
	if err := s.cached.Get(ctx, key, object); err != nil {
		return missing, client.IgnoreNotFound(err)
	}
	return connection.InputOf(kind, object.ObjectMeta), nil
}

// metadataOf returns an empty object of a core kind of which the cache has only the metadata.
func metadataOf(kind string) *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	return object
}

// secret reads a Secret from the API server; nil if there is none.
func (s *shared) secret(ctx context.Context, key types.NamespacedName) (*corev1.Secret, error) {
	var secret corev1.Secret
	if err := s.live.Get(ctx, key, &secret); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return &secret, nil
}

// configMap reads a ConfigMap from the API server; nil if there is none.
func (s *shared) configMap(ctx context.Context, key types.NamespacedName) (*corev1.ConfigMap, error) {
	var configMap corev1.ConfigMap
	if err := s.live.Get(ctx, key, &configMap); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return &configMap, nil
}
