package controllers

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/listing"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func externalEngine(s *shared) *engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	return &engine[*v1alpha1.ExternalConnection, stytch.ExternalConnection]{
		shared: s, kindName: kindExternal, kind: external.Kind(), remote: externalRemote{s},
		newObject: func() *v1alpha1.ExternalConnection { return &v1alpha1.ExternalConnection{} },
		newList:   func() client.ObjectList { return &v1alpha1.ExternalConnectionList{} },
		source:    external.Source,
	}
}

// externalRemote makes the calls for External connections.
type externalRemote struct{ shared *shared }

func (externalRemote) list(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]stytch.ExternalConnection, error) {
	return listing.External(ctx, caller, organization, since)
}

// read reads the source's manifest if the connection refers to one.
func (e externalRemote) read(ctx context.Context, _ *stytch.Caller, o *v1alpha1.ExternalConnection, _ time.Time, in *connection.Inputs) error {
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

func (externalRemote) create(ctx context.Context, caller *stytch.Caller, o *v1alpha1.ExternalConnection, body stytch.Fields) (stytch.ExternalConnection, stepResult, error) {
	ctx, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := caller.CreateExternal(ctx, connection.RecordOf(o).Organization, body)
	return r, stepResult{Request: request}, err
}

func (externalRemote) perform(ctx context.Context, caller *stytch.Caller, o *v1alpha1.ExternalConnection, step connection.Step) (stepResult, error) {
	_, request, err := caller.UpdateExternal(ctx, connection.RecordOf(o).Organization, connection.RecordOf(o).ID, step.Fields())
	return stepResult{Request: request}, err
}

func (externalRemote) remove(ctx context.Context, caller *stytch.Caller, o *v1alpha1.ExternalConnection, _ time.Time) (stytch.Request, error) {
	record := connection.RecordOf(o)
	return ignoreGone(caller.DeleteSSO(ctx, record.Organization, record.ID))
}
