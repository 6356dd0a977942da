package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func externalEngine(s *shared) *engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	return &engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection]{
		shared: s, kindName: kindExternal, kind: connection.External(), remote: external{s},
		newObject: func() *v1alpha1.ExternalConnection { return &v1alpha1.ExternalConnection{} },
		newList:   func() client.ObjectList { return &v1alpha1.ExternalConnectionList{} },
	}
}

func samlEngine(s *shared) *engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection] {
	return &engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection]{
		shared: s, kindName: kindSAML, kind: connection.SAML(), remote: saml{s},
		newObject: func() *v1alpha1.SAMLConnection { return &v1alpha1.SAMLConnection{} },
		newList:   func() client.ObjectList { return &v1alpha1.SAMLConnectionList{} },
	}
}

func oidcEngine(s *shared) *engine[*v1alpha1.OIDCConnection, stytch.OIDCConnection] {
	return &engine[*v1alpha1.OIDCConnection, stytch.OIDCConnection]{
		shared: s, kindName: kindOIDC, kind: connection.OIDC(), remote: oidc{s},
		newObject: func() *v1alpha1.OIDCConnection { return &v1alpha1.OIDCConnection{} },
		newList:   func() client.ObjectList { return &v1alpha1.OIDCConnectionList{} },
	}
}

func scimEngine(s *shared) *engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	return &engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{
		shared: s, kindName: "SCIMConnection", kind: connection.SCIM(), remote: scim{s},
		newObject: func() *v1alpha1.SCIMConnection { return &v1alpha1.SCIMConnection{} },
		newList:   func() client.ObjectList { return &v1alpha1.SCIMConnectionList{} },
	}
}

const (
	kindExternal = "ExternalConnection"
	kindOIDC     = string(v1alpha1.SourceOIDC)
	kindSAML     = string(v1alpha1.SourceSAML)
)

// external makes the calls for External connections.
type external struct{ shared *shared }

func (external) list(ctx context.Context, caller *stytch.Pass, organization string, since time.Time) ([]stytch.ExternalConnection, error) {
	all, err := caller.SSO(ctx, organization, since)
	return all.External, err
}

// read reads the source's manifest if the connection refers to one.
func (e external) read(ctx context.Context, _ *stytch.Pass, o *v1alpha1.ExternalConnection, _ time.Time, in *connection.Inputs) error {
	if ref := o.Spec.SourceRef; ref != nil {
		source := newSource(string(ref.Kind))
		err := e.shared.client.Get(ctx, inNamespace(o, ref.Name), source)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("reading %s %s: %w", ref.Kind, ref.Name, err)
		}
		if err == nil {
			in.Source = source
		}
	}
	return nil
}

func (external) create(ctx context.Context, caller *stytch.Pass, o *v1alpha1.ExternalConnection, body stytch.Fields) (stytch.ExternalConnection, stytch.Request, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	return caller.CreateExternal(ctx, connection.RecordOf(o).Organization, body)
}

func (external) perform(ctx context.Context, caller *stytch.Pass, o *v1alpha1.ExternalConnection, step connection.Step) (stepResult, error) {
	_, request, err := caller.UpdateExternal(ctx, connection.RecordOf(o).Organization, connection.RecordOf(o).ID, step.Fields())
	return stepResult{Request: request}, err
}

func (external) remove(ctx context.Context, caller *stytch.Pass, o *v1alpha1.ExternalConnection) (stytch.Request, error) {
	record := connection.RecordOf(o)
	return ignoreGone(caller.DeleteSSO(ctx, record.Organization, record.ID))
}

// saml makes the calls for SAML connections.
type saml struct{ shared *shared }

func (saml) list(ctx context.Context, caller *stytch.Pass, organization string, since time.Time) ([]stytch.SAMLConnection, error) {
	all, err := caller.SSO(ctx, organization, since)
	return all.SAML, err
}

func (saml) read(context.Context, *stytch.Pass, *v1alpha1.SAMLConnection, time.Time, *connection.Inputs) error {
	return nil
}

func (saml) create(ctx context.Context, caller *stytch.Pass, o *v1alpha1.SAMLConnection, body stytch.Fields) (stytch.SAMLConnection, stytch.Request, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	return caller.CreateSAML(ctx, connection.RecordOf(o).Organization, body)
}

func (s saml) perform(ctx context.Context, caller *stytch.Pass, o *v1alpha1.SAMLConnection, step connection.Step) (a stepResult, err error) {
	organization, id := connection.RecordOf(o).Organization, connection.RecordOf(o).ID
	switch step.Action {
	case connection.DeleteCertificate, connection.FreeCertificate:
		a.Request, err = ignoreGone(caller.DeleteVerificationCertificate(ctx, organization, id, step.Target))
	case connection.DeleteEncryptionKey:
		a.Request, err = ignoreGone(caller.DeleteEncryptionKey(ctx, organization, id, step.Target))
	case connection.ReadMetadata:
		_, a.Request, err = caller.UpdateSAMLFromURL(ctx, organization, id, o.Spec.MetadataURL)
	case connection.PublishDetails:
		err = s.shared.publishDetails(ctx, o, o.Spec.DetailsConfigMapName, step)
	default:
		_, a.Request, err = caller.UpdateSAML(ctx, organization, id, step.Fields())
	}
	return a, err
}

func (s saml) remove(ctx context.Context, caller *stytch.Pass, o *v1alpha1.SAMLConnection) (stytch.Request, error) {
	return s.shared.removeSource(ctx, caller, kindSAML, o)
}

// oidc makes the calls for OIDC connections.
type oidc struct{ shared *shared }

func (oidc) list(ctx context.Context, caller *stytch.Pass, organization string, since time.Time) ([]stytch.OIDCConnection, error) {
	all, err := caller.SSO(ctx, organization, since)
	return all.OIDC, err
}

func (oidc) read(context.Context, *stytch.Pass, *v1alpha1.OIDCConnection, time.Time, *connection.Inputs) error {
	return nil
}

func (oidc) create(ctx context.Context, caller *stytch.Pass, o *v1alpha1.OIDCConnection, body stytch.Fields) (stytch.OIDCConnection, stytch.Request, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	return caller.CreateOIDC(ctx, connection.RecordOf(o).Organization, body)
}

func (s oidc) perform(ctx context.Context, caller *stytch.Pass, o *v1alpha1.OIDCConnection, step connection.Step) (a stepResult, err error) {
	if step.Action == connection.PublishDetails {
		return a, s.shared.publishDetails(ctx, o, o.Spec.DetailsConfigMapName, step)
	}
	_, a.warning, a.Request, err = caller.UpdateOIDC(ctx, connection.RecordOf(o).Organization, connection.RecordOf(o).ID, step.Fields())
	return a, err
}

func (s oidc) remove(ctx context.Context, caller *stytch.Pass, o *v1alpha1.OIDCConnection) (stytch.Request, error) {
	return s.shared.removeSource(ctx, caller, kindOIDC, o)
}

// removeSource deletes a SAML or OIDC connection, unless an ExternalConnection in its namespace depends on it.
func (s *shared) removeSource(ctx context.Context, caller *stytch.Pass, kind string, o v1alpha1.Connection) (stytch.Request, error) {
	var all v1alpha1.ExternalConnectionList
	if err := s.live.List(ctx, &all, client.InNamespace(o.GetNamespace())); err != nil {
		return stytch.Request{}, fmt.Errorf("finding the ExternalConnections that re-use the connection: %w", err)
	}
	var names []string
	for i := range all.Items {
		if connection.DependsOn(&all.Items[i], kind, o) {
			names = append(names, all.Items[i].Name)
		}
	}
	if len(names) > 0 {
		return stytch.Request{}, connection.Finding{Reason: v1alpha1.ReasonDeletionBlocked, Message: fmt.Sprintf(
			"Members of another organization sign in through this connection, by ExternalConnection %s: delete that first.", strings.Join(names, ", "))}
	}
	record := connection.RecordOf(o)
	return ignoreGone(caller.DeleteSSO(ctx, record.Organization, record.ID))
}
