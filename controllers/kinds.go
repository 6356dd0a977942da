package controllers

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// The engine of each kind. A new kind is one line here.

func externalEngine(d *desk) *engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	return &engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection]{
		desk: d, name: "ExternalConnection", kind: connection.External(), remote: external{},
		blank:     func() *v1alpha1.ExternalConnection { return &v1alpha1.ExternalConnection{} },
		blankList: func() client.ObjectList { return &v1alpha1.ExternalConnectionList{} },
	}
}

func samlEngine(d *desk) *engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection] {
	return &engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection]{
		desk: d, name: "SAMLConnection", kind: connection.SAML(), remote: saml{},
		blank:     func() *v1alpha1.SAMLConnection { return &v1alpha1.SAMLConnection{} },
		blankList: func() client.ObjectList { return &v1alpha1.SAMLConnectionList{} },
	}
}

func scimEngine(d *desk) *engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	return &engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{
		desk: d, name: "SCIMConnection", kind: connection.SCIM(), remote: scim{d},
		blank:     func() *v1alpha1.SCIMConnection { return &v1alpha1.SCIMConnection{} },
		blankList: func() client.ObjectList { return &v1alpha1.SCIMConnectionList{} },
	}
}

// external talks about External connections.
type external struct{}

func (external) list(ctx context.Context, to *stytch.Pass, organization string, since time.Time) ([]stytch.ExternalConnection, error) {
	all, err := to.SSO(ctx, organization, since)
	return all.External, err
}

func (external) create(ctx context.Context, to *stytch.Pass, o *v1alpha1.ExternalConnection, body stytch.Fields) (stytch.ExternalConnection, stytch.Request, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	return to.CreateExternal(ctx, o.Status.OrganizationID, body)
}

func (external) perform(ctx context.Context, to *stytch.Pass, o *v1alpha1.ExternalConnection, step connection.Step) (stytch.Request, error) {
	_, request, err := to.UpdateExternal(ctx, o.Status.OrganizationID, o.Status.ConnectionID, step.Fields())
	return request, err
}

func (external) remove(ctx context.Context, to *stytch.Pass, o *v1alpha1.ExternalConnection) (stytch.Request, error) {
	return removeSSO(ctx, to, o)
}

// saml talks about SAML connections.
type saml struct{}

func (saml) list(ctx context.Context, to *stytch.Pass, organization string, since time.Time) ([]stytch.SAMLConnection, error) {
	all, err := to.SSO(ctx, organization, since)
	return all.SAML, err
}

func (saml) create(ctx context.Context, to *stytch.Pass, o *v1alpha1.SAMLConnection, body stytch.Fields) (stytch.SAMLConnection, stytch.Request, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	return to.CreateSAML(ctx, o.Status.OrganizationID, body)
}

func (saml) perform(ctx context.Context, to *stytch.Pass, o *v1alpha1.SAMLConnection, step connection.Step) (stytch.Request, error) {
	if step.Action == connection.DeleteCertificate {
		request, err := to.DeleteVerificationCertificate(ctx, o.Status.OrganizationID, o.Status.ConnectionID, step.Target)
		return forgiven(request, err)
	}
	_, request, err := to.UpdateSAML(ctx, o.Status.OrganizationID, o.Status.ConnectionID, step.Fields())
	return request, err
}

func (saml) remove(ctx context.Context, to *stytch.Pass, o *v1alpha1.SAMLConnection) (stytch.Request, error) {
	return removeSSO(ctx, to, o)
}

// removeSSO deletes an SSO connection of any kind.
func removeSSO(ctx context.Context, to *stytch.Pass, o v1alpha1.Connection) (stytch.Request, error) {
	status := o.CommonStatus()
	return forgiven(to.DeleteSSO(ctx, status.OrganizationID, status.ConnectionID))
}
