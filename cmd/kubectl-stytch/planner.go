package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// planner is what plans are made from: the files, the cluster, and one view of Stytch. What is read from Stytch is read once per
// organization, by a list that was begun after the command was.
type planner struct {
	flags    planFlags
	cluster  *cluster // nil with --offline
	files    []client.Object
	applied  []v1alpha1.Connection // those of the files, as the cluster would have them; nil until they are asked for
	began    time.Time
	pace     pace
	service  *stytch.Service
	sessions map[string]session               // by project
	known    map[string][]v1alpha1.Connection // of each kind, whose claims count
	granted  map[string]granting              // by namespace, project and kind
}

func (c *cli) newPlanner(ctx context.Context, flags planFlags) (*planner, error) {
	p := &planner{
		flags: flags, began: c.now(), pace: pace{c.now, c.ErrOut}, sessions: map[string]session{}, known: map[string][]v1alpha1.Connection{}, granted: map[string]granting{},
		service: stytch.New(stytch.Options{
			UserAgent: "kubectl-stytch/" + version + " (+https://github.com/stytch-operator/stytch-operator)", Now: c.now, KeepPEM: flags.keepPEM,
		}),
	}
	if !flags.offline {
		var err error
		if p.cluster, err = c.connect(); err != nil {
			return nil, err
		}
	}
	if len(flags.files) == 0 {
		return p, nil
	}
	namespace, _, err := c.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	p.files, err = c.readFiles(flags, namespace)
	return p, errors.Join(err, ctx.Err())
}

// unknownError is what a plan would have to guess, because the cluster is not asked.
type unknownError struct{ what string }

func (u unknownError) Error() string {
	return "without the cluster, " + u.what + " is not known"
}

// get reads an object that a manifest refers to: from the files or, where it is not there, from the cluster. It is false where there
// is none.
func (p *planner) get(ctx context.Context, key client.ObjectKey, into client.Object) (bool, error) {
	for _, file := range p.files {
		if gvkOf(file) == gvkOf(into) && client.ObjectKeyFromObject(file) == key {
			reflect.ValueOf(into).Elem().Set(reflect.ValueOf(file.DeepCopyObject()).Elem())
			return true, p.recognize(ctx, into)
		}
	}
	if p.cluster == nil {
		return false, unknownError{fmt.Sprintf("%s %s", gvkOf(into).Kind, key.Name)}
	}
	err := p.cluster.Get(ctx, key, into)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// recognize gives a Secret of a file the version of the one in the cluster, if both have the same values: then nothing has changed.
func (p *planner) recognize(ctx context.Context, o client.Object) error {
	secret, ok := o.(*corev1.Secret)
	if !ok || p.cluster == nil {
		return nil
	}
	var is corev1.Secret
	err := p.cluster.Get(ctx, client.ObjectKeyFromObject(o), &is)
	if err == nil && reflect.DeepEqual(is.Data, secret.Data) {
		secret.UID, secret.ResourceVersion = is.UID, is.ResourceVersion
	}
	if apierrors.IsForbidden(err) {
		return nil // then it counts as another one
	}
	return client.IgnoreNotFound(err)
}

// inputs reads what the desired state of a manifest depends on.
func (p *planner) inputs(ctx context.Context, o v1alpha1.Connection, names []connection.Reference, id string) (connection.Inputs, error) {
	in := connection.Inputs{
		ID: id, Now: p.began, Secrets: map[string]*corev1.Secret{}, ConfigMaps: map[string]*corev1.ConfigMap{},
		Unsendable: map[string]bool{}, LabelRequired: p.flags.requireSendLabel,
	}
	for _, ref := range names {
		if err := p.input(ctx, o, ref, &in); err != nil {
			return in, err
		}
	}
	return in, nil
}

// input reads one object. What the operator writes itself may be unknown without the cluster: then it counts as not there yet.
func (p *planner) input(ctx context.Context, o v1alpha1.Connection, ref connection.Reference, in *connection.Inputs) error {
	key := client.ObjectKey{Namespace: o.GetNamespace(), Name: ref.Name}
	var found bool
	var err error
	switch ref.Kind {
	case connection.KindSecret:
		secret := &corev1.Secret{}
		if found, err = p.get(ctx, key, secret); found {
			var ofProject bool
			ofProject, err = p.ofProject(ctx, secret)
			in.Secrets[ref.Name], in.Unsendable[ref.Name] = secret, !connection.Sendable(secret, ofProject, in.LabelRequired)
		}
	case connection.KindConfigMap:
		configMap := &corev1.ConfigMap{}
		if found, err = p.get(ctx, key, configMap); found {
			in.ConfigMaps[ref.Name] = configMap
		}
	default:
		in.Source, err = p.source(ctx, ref.Kind, key)
	}
	if _, unknown := errors.AsType[unknownError](err); unknown && isWritten(o, ref) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s %s: %w", ref.Kind, ref.Name, err)
	}
	return nil
}

// isWritten says that a manifest names an object for the operator to write.
func isWritten(o v1alpha1.Connection, ref connection.Reference) bool {
	switch o := o.(type) {
	case *v1alpha1.SCIMConnection:
		return ref == connection.Reference{Kind: connection.KindSecret, Name: o.Spec.BearerToken.SecretName}
	case *v1alpha1.SAMLConnection:
		return ref == connection.Reference{Kind: connection.KindConfigMap, Name: o.Spec.DetailsConfigMapName}
	case *v1alpha1.OIDCConnection:
		return ref == connection.Reference{Kind: connection.KindConfigMap, Name: o.Spec.DetailsConfigMapName}
	}
	return false
}

// source reads the manifest that an ExternalConnection names; nil where there is none.
func (p *planner) source(ctx context.Context, kindName string, key client.ObjectKey) (v1alpha1.Connection, error) {
	for _, k := range kinds() {
		o := k.object()
		if gvkOf(o).Kind != kindName {
			continue
		}
		if found, err := p.get(ctx, key, o); err != nil || !found {
			return nil, err
		}
		is, err := p.merged(ctx, o)
		if err != nil {
			return nil, err
		}
		return p.taken(ctx, is)
	}
	return nil, nil //nolint:nilnil // there is none of a kind that does not exist
}

// taken is the manifest of a source as it is once the operator has taken over the connection that it names.
func (p *planner) taken(ctx context.Context, o v1alpha1.Connection) (v1alpha1.Connection, error) {
	spec := o.CommonSpec()
	if connection.RecordOf(o).ID != "" || spec.ConnectionID == "" {
		return o, nil
	}
	opened, err := p.open(ctx, o.GetNamespace(), spec.Project())
	if err != nil {
		return nil, err
	}
	caller := opened.Caller(o.GetNamespace(), string(o.GetUID()), stytch.Urgent)
	defer caller.Close()
	organization, err := paced(ctx, p.pace, func() (string, error) {
		if stytch.IsOrganizationID(spec.Organization) {
			return spec.Organization, nil
		}
		id, _, err := caller.Organization(ctx, spec.Organization)
		return id, err
	})
	if err != nil {
		return nil, p.explainedCall(err)
	}
	all, err := paced(ctx, p.pace, func() (stytch.SSOConnections, error) { return caller.SSO(ctx, organization, p.began) })
	if err != nil {
		return nil, p.explainedCall(err)
	}
	saml, isSAML := stytch.Find(all.SAML, spec.ConnectionID)
	oidc, isOIDC := stytch.Find(all.OIDC, spec.ConnectionID)
	if status := o.CommonStatus(); isSAML || isOIDC {
		status.ProjectID, status.OrganizationID, status.ConnectionID = opened.projectID, organization, spec.ConnectionID
		status.State = cmp.Or(saml.Status, oidc.Status)
	}
	return o, nil
}

// ofProject says that a Secret is that of a StytchProject.
func (p *planner) ofProject(ctx context.Context, secret *corev1.Secret) (bool, error) {
	uses := func(project *v1alpha1.StytchProject) bool {
		return project.Namespace == secret.Namespace && slices.Contains(connection.SecretNames(project), secret.Name)
	}
	for _, file := range p.files {
		if project, ok := file.(*v1alpha1.StytchProject); ok && uses(project) {
			return true, nil
		}
	}
	if p.cluster == nil {
		return false, nil
	}
	var list v1alpha1.StytchProjectList
	if err := p.cluster.List(ctx, &list, client.InNamespace(secret.Namespace)); err != nil {
		return false, err
	}
	return slices.ContainsFunc(list.Items, func(project v1alpha1.StytchProject) bool { return uses(&project) }), nil
}

// others are the manifests of a kind that may claim a connection: those of the files, and those of the cluster that are not in a file.
func (p *planner) others(ctx context.Context, k kind) ([]v1alpha1.Connection, error) {
	if known, ok := p.known[k.name]; ok {
		return known, nil
	}
	all, err := p.manifests(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(o v1alpha1.Connection) bool { return kindOf(o).name != k.name })
	if p.cluster != nil {
		there, err := p.cluster.every(ctx, "", k)
		if apierrors.IsForbidden(err) {
			there, err = p.cluster.every(ctx, p.cluster.namespace, k)
		}
		if err != nil {
			return nil, err
		}
		for _, o := range there {
			if !slices.ContainsFunc(all, func(known v1alpha1.Connection) bool { return known.GetUID() == o.GetUID() }) {
				all = append(all, o)
			}
		}
	}
	p.known[k.name] = all
	return all, nil
}

// merged is a manifest of a file as the cluster would have it once it is applied: with what the cluster knows of it.
func (p *planner) merged(ctx context.Context, o v1alpha1.Connection) (v1alpha1.Connection, error) {
	if o.GetUID() != "" {
		return o, nil // it is the cluster's
	}
	is := kindOf(o).object()
	if p.cluster != nil {
		err := p.cluster.Get(ctx, client.ObjectKeyFromObject(o), is)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	if is.GetUID() == "" {
		is.SetUID(notApplied(o))
		is.SetNamespace(o.GetNamespace())
		is.SetName(o.GetName())
	}
	return applied(o, is)
}
