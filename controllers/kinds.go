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

// The engine of each kind. A new kind is one function here.

func externalEngine(d *desk) *engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	return &engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection]{
		desk: d, name: kindExternal, kind: connection.External(), remote: external{d},
		blank:     func() *v1alpha1.ExternalConnection { return &v1alpha1.ExternalConnection{} },
		blankList: func() client.ObjectList { return &v1alpha1.ExternalConnectionList{} },
	}
}

func samlEngine(d *desk) *engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection] {
	return &engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection]{
		desk: d, name: kindSAML, kind: connection.SAML(), remote: saml{d},
		blank:     func() *v1alpha1.SAMLConnection { return &v1alpha1.SAMLConnection{} },
		blankList: func() client.ObjectList { return &v1alpha1.SAMLConnectionList{} },
	}
}

func oidcEngine(d *desk) *engine[*v1alpha1.OIDCConnection, stytch.OIDCConnection] {
	return &engine[*v1alpha1.OIDCConnection, stytch.OIDCConnection]{
		desk: d, name: kindOIDC, kind: connection.OIDC(), remote: oidc{d},
		blank:     func() *v1alpha1.OIDCConnection { return &v1alpha1.OIDCConnection{} },
		blankList: func() client.ObjectList { return &v1alpha1.OIDCConnectionList{} },
	}
}

func scimEngine(d *desk) *engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	return &engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{
		desk: d, name: "SCIMConnection", kind: connection.SCIM(), remote: scim{d},
		blank:     func() *v1alpha1.SCIMConnection { return &v1alpha1.SCIMConnection{} },
		blankList: func() client.ObjectList { return &v1alpha1.SCIMConnectionList{} },
	}
}

const (
	kindExternal = "ExternalConnection"
	kindOIDC     = string(v1alpha1.SourceOIDC)
	kindSAML     = string(v1alpha1.SourceSAML)
)

// external talks about External connections.
type external struct{ *desk }

func (external) list(ctx context.Context, to *stytch.Caller, organization string, since time.Time) ([]stytch.ExternalConnection, error) {
	all, err := to.SSO(ctx, organization, since)
	return all.External, err
}

// read finds the source's manifest where the connection names one.
func (e external) read(ctx context.Context, _ *stytch.Caller, o *v1alpha1.ExternalConnection, _ time.Time, in *connection.Inputs) error {
	if ref := o.Spec.SourceRef; ref != nil {
		source := blankSource(string(ref.Kind))
		err := e.client.Get(ctx, keyOf(o, ref.Name), source)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("reading %s %s: %w", ref.Kind, ref.Name, err)
		}
		if err == nil {
			in.Source = source
		}
	}
	return nil
}

func (external) create(ctx context.Context, to *stytch.Caller, o *v1alpha1.ExternalConnection, body stytch.Fields) (stytch.ExternalConnection, stytch.Request, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	return to.CreateExternal(ctx, connection.RecordOf(o).Organization, body)
}

func (external) perform(ctx context.Context, to *stytch.Caller, o *v1alpha1.ExternalConnection, step connection.Step) (answer, error) {
	_, request, err := to.UpdateExternal(ctx, connection.RecordOf(o).Organization, connection.RecordOf(o).ID, step.Fields())
	return answer{Request: request}, err
}

func (external) remove(ctx context.Context, to *stytch.Caller, o *v1alpha1.ExternalConnection) (stytch.Request, error) {
	record := connection.RecordOf(o)
	return forgiven(to.DeleteSSO(ctx, record.Organization, record.ID))
}

// saml talks about SAML connections.
type saml struct{ *desk }

func (saml) list(ctx context.Context, to *stytch.Caller, organization string, since time.Time) ([]stytch.SAMLConnection, error) {
	all, err := to.SSO(ctx, organization, since)
	return all.SAML, err
}

func (saml) read(context.Context, *stytch.Caller, *v1alpha1.SAMLConnection, time.Time, *connection.Inputs) error {
	return nil
}

func (saml) create(ctx context.Context, to *stytch.Caller, o *v1alpha1.SAMLConnection, body stytch.Fields) (stytch.SAMLConnection, stytch.Request, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	return to.CreateSAML(ctx, connection.RecordOf(o).Organization, body)
}

func (s saml) perform(ctx context.Context, to *stytch.Caller, o *v1alpha1.SAMLConnection, step connection.Step) (a answer, err error) {
	organization, id := connection.RecordOf(o).Organization, connection.RecordOf(o).ID
	switch step.Action {
	case connection.DeleteCertificate, connection.FreeCertificate:
		a.Request, err = forgiven(to.DeleteVerificationCertificate(ctx, organization, id, step.Target))
	case connection.DeleteEncryptionKey:
		a.Request, err = forgiven(to.DeleteEncryptionKey(ctx, organization, id, step.Target))
	case connection.ReadMetadata:
		_, a.Request, err = to.UpdateSAMLFromURL(ctx, organization, id, o.Spec.MetadataURL)
	case connection.PublishDetails:
		err = s.publishDetails(ctx, o, o.Spec.DetailsConfigMapName, step)
	default:
		_, a.Request, err = to.UpdateSAML(ctx, organization, id, step.Fields())
	}
	return a, err
}

func (s saml) remove(ctx context.Context, to *stytch.Caller, o *v1alpha1.SAMLConnection) (stytch.Request, error) {
	return s.removeSource(ctx, to, kindSAML, o)
}

// oidc talks about OIDC connections.
type oidc struct{ *desk }

func (oidc) list(ctx context.Context, to *stytch.Caller, organization string, since time.Time) ([]stytch.OIDCConnection, error) {
	all, err := to.SSO(ctx, organization, since)
	return all.OIDC, err
}

func (oidc) read(context.Context, *stytch.Caller, *v1alpha1.OIDCConnection, time.Time, *connection.Inputs) error {
	return nil
}

func (oidc) create(ctx context.Context, to *stytch.Caller, o *v1alpha1.OIDCConnection, body stytch.Fields) (stytch.OIDCConnection, stytch.Request, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	return to.CreateOIDC(ctx, connection.RecordOf(o).Organization, body)
}

func (s oidc) perform(ctx context.Context, to *stytch.Caller, o *v1alpha1.OIDCConnection, step connection.Step) (a answer, err error) {
	if step.Action == connection.PublishDetails {
		return a, s.publishDetails(ctx, o, o.Spec.DetailsConfigMapName, step)
	}
	_, a.warning, a.Request, err = to.UpdateOIDC(ctx, connection.RecordOf(o).Organization, connection.RecordOf(o).ID, step.Fields())
	return a, err
}

func (s oidc) remove(ctx context.Context, to *stytch.Caller, o *v1alpha1.OIDCConnection) (stytch.Request, error) {
	return s.removeSource(ctx, to, kindOIDC, o)
}

// removeSource deletes a SAML or OIDC connection, once no External connection of its namespace re-uses it.
func (d *desk) removeSource(ctx context.Context, to *stytch.Caller, kind string, o v1alpha1.Connection) (stytch.Request, error) {
	var all v1alpha1.ExternalConnectionList
	if err := d.live.List(ctx, &all, client.InNamespace(o.GetNamespace())); err != nil {
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
	return forgiven(to.DeleteSSO(ctx, record.Organization, record.ID))
}
