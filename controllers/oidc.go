package controllers

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/listing"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func oidcEngine(s *shared) *engine[*v1alpha1.OIDCConnection, stytch.OIDCConnection] {
	return &engine[*v1alpha1.OIDCConnection, stytch.OIDCConnection]{
		shared: s, kindName: kindOIDC, kind: oidc.Kind(), remote: oidcRemote{s},
		newObject: func() *v1alpha1.OIDCConnection { return &v1alpha1.OIDCConnection{} },
		newList:   func() client.ObjectList { return &v1alpha1.OIDCConnectionList{} },
	}
}

// oidcRemote makes the calls for OIDC connections.
type oidcRemote struct{ shared *shared }

func (oidcRemote) list(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]stytch.OIDCConnection, error) {
	return listing.OIDC(ctx, caller, organization, since)
}

func (oidcRemote) read(context.Context, *stytch.Caller, *v1alpha1.OIDCConnection, time.Time, *connection.Inputs) error {
	return nil
}

func (oidcRemote) create(ctx context.Context, caller *stytch.Caller, o *v1alpha1.OIDCConnection, body stytch.Fields) (stytch.OIDCConnection, stepResult, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := caller.CreateOIDC(ctx, connection.RecordOf(o).Organization, body)
	return r, stepResult{Request: request}, err
}

func (s oidcRemote) perform(ctx context.Context, caller *stytch.Caller, o *v1alpha1.OIDCConnection, step connection.Step) (a stepResult, err error) {
	switch step.Action {
	case details.Publish:
		err = s.shared.publishDetails(ctx, o, o.Spec.DetailsConfigMapName, o.Spec.DetailsTemplate, step)
	case details.ApplyTemplate:
		err = s.shared.stampDetails(ctx, o, o.Spec.DetailsConfigMapName, step)
	default:
		_, a.warning, a.Request, err = caller.UpdateOIDC(ctx, connection.RecordOf(o).Organization, connection.RecordOf(o).ID, step.Fields())
	}
	return a, err
}

func (s oidcRemote) remove(ctx context.Context, caller *stytch.Caller, o *v1alpha1.OIDCConnection, since time.Time) (stytch.Request, error) {
	return s.shared.removeSource(ctx, caller, kindOIDC, o, since, func(ctx context.Context, organization, id string) (stytch.Request, error) {
		_, _, request, err := caller.UpdateOIDC(ctx, organization, id, nil)
		return request, err
	})
}
