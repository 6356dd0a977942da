package controllers

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/listing"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func samlEngine(s *shared) *engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection] {
	return &engine[*v1alpha1.SAMLConnection, stytch.SAMLConnection]{
		shared: s, kindName: kindSAML, kind: saml.Kind(), remote: samlRemote{s},
		newObject: func() *v1alpha1.SAMLConnection { return &v1alpha1.SAMLConnection{} },
		newList:   func() client.ObjectList { return &v1alpha1.SAMLConnectionList{} },
	}
}

// samlRemote makes the calls for SAML connections.
type samlRemote struct{ shared *shared }

func (samlRemote) list(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]stytch.SAMLConnection, error) {
	return listing.SAML(ctx, caller, organization, since)
}

func (samlRemote) read(context.Context, *stytch.Caller, *v1alpha1.SAMLConnection, time.Time, *connection.Inputs) error {
	return nil
}

func (samlRemote) create(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SAMLConnection, body stytch.Fields) (stytch.SAMLConnection, stepResult, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := caller.CreateSAML(ctx, connection.RecordOf(o).Organization, body)
	return r, stepResult{Request: request}, err
}

func (s samlRemote) perform(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SAMLConnection, step connection.Step) (a stepResult, err error) {
	organization, id := connection.RecordOf(o).Organization, connection.RecordOf(o).ID
	switch step.Action {
	case saml.DeleteCertificate, saml.FreeCertificate:
		a.Request, err = ignoreGone(caller.DeleteVerificationCertificate(ctx, organization, id, step.Target))
	case saml.DeleteEncryptionKey:
		a.Request, err = ignoreGone(caller.DeleteEncryptionKey(ctx, organization, id, step.Target))
	case saml.ReadMetadata:
		_, a.Request, err = caller.UpdateSAMLFromURL(ctx, organization, id, o.Spec.MetadataURL)
	case details.Publish:
		err = s.shared.publishDetails(ctx, o, o.Spec.DetailsConfigMapName, o.Spec.DetailsTemplate, step)
	case details.ApplyTemplate:
		err = s.shared.stampDetails(ctx, o, o.Spec.DetailsConfigMapName, step)
	default:
		_, a.Request, err = caller.UpdateSAML(ctx, organization, id, step.Fields())
	}
	return a, err
}

func (s samlRemote) remove(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SAMLConnection, since time.Time) (stytch.Request, error) {
	return s.shared.removeSource(ctx, caller, kindSAML, o, since, func(ctx context.Context, organization, id string) (stytch.Request, error) {
		_, request, err := caller.UpdateSAML(ctx, organization, id, nil)
		return request, err
	})
}
