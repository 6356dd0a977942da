package controllers

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/listing"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func scimEngine(s *shared) *engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	return &engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{
		shared: s, kindName: "SCIMConnection", kind: scim.Kind(), remote: scimRemote{s},
		newObject: func() *v1alpha1.SCIMConnection { return &v1alpha1.SCIMConnection{} },
		newList:   func() client.ObjectList { return &v1alpha1.SCIMConnectionList{} },
	}
}

// scimRemote makes the calls for SCIM connections, and keeps their tokens in Secrets. Stytch shows a token only once. So a write proves
// that the Secret can be written before the token is requested, and the token is written there as soon as the response arrives.
type scimRemote struct{ shared *shared }

func (scimRemote) list(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]stytch.SCIMConnection, error) {
	return listing.SCIM(ctx, caller, organization, since)
}

// read lists the connection's groups if the manifest names some.
func (s scimRemote) read(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, since time.Time, in *connection.Inputs) error {
	var err error
	in.Groups, err = listing.Groups(ctx, caller, o, connection.RecordOf(o).Organization, in.ID, since)
	return err
}

func (s scimRemote) create(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, body stytch.Fields) (stytch.SCIMConnection, stepResult, error) {
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.SCIMConnection{}, stepResult{}, err
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := caller.CreateSCIM(post, connection.RecordOf(o).Organization, body)
	done := stepResult{Request: request}
	if err != nil {
		return stytch.SCIMConnection{}, done, err
	}
	if err := s.storeToken(ctx, proved, r.ConnectionID, v1alpha1.SecretKeyToken, r.BearerToken, r.BaseURL); err != nil {
		return r, done, err
	}
	done.note = fmt.Sprintf("stored the bearer token in Secret %s", proved.Name)
	return r, done, nil
}

func (s scimRemote) perform(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, step connection.Step) (a stepResult, err error) {
	organization, id := connection.RecordOf(o).Organization, connection.RecordOf(o).ID
	switch step.Action {
	case token.StartRotation:
		a.Request, err = s.startRotation(ctx, caller, o)
	case token.CompleteRotation:
		a.Request, err = s.completeRotation(ctx, caller, o, step)
	case token.CancelRotation:
		_, a.Request, err = caller.CancelRotation(ctx, organization, id)
		err = token.Contradicted(err)
	case token.PublishToken, token.PromoteToken, token.RecoverToken:
		err = s.updateSecret(ctx, o, step)
	case token.ApplyTemplate:
		err = s.stampSecret(ctx, o, step)
	default:
		_, a.Request, err = caller.UpdateSCIM(ctx, organization, id, step.Fields())
	}
	return a, err
}

// startRotation requests the next token, and writes it into the Secret in addition to the current one.
func (s scimRemote) startRotation(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection) (stytch.Request, error) {
	if err := caller.Reserve(ctx); err != nil {
		return stytch.Request{}, err
	}
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.Request{}, connection.Unsent{Err: err}
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := caller.StartRotation(post, connection.RecordOf(o).Organization, connection.RecordOf(o).ID)
	if err != nil {
		return request, err
	}
	if r.NextBearerToken.LastFour() == r.BearerTokenLastFour {
		return request, errAgain // the two cannot be told apart: the rotation is canceled and another started, as for a lost token
	}
	return request, s.storeToken(ctx, proved, connection.RecordOf(o).ID, v1alpha1.SecretKeyNextToken, r.NextBearerToken, r.BaseURL)
}

// completeRotation makes the next token the only one, after a write has proved that the Secret holds it and can be written.
func (s scimRemote) completeRotation(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, step connection.Step) (stytch.Request, error) {
	if err := caller.Reserve(ctx); err != nil {
		return stytch.Request{}, err
	}
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.Request{}, err
	}
	if !token.HoldsNext(proved.Data, step) {
		return stytch.Request{}, errAgain
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	_, request, err := caller.CompleteRotation(post, connection.RecordOf(o).Organization, connection.RecordOf(o).ID)
	return request, token.Contradicted(err)
}

func (s scimRemote) remove(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, _ time.Time) (stytch.Request, error) {
	request, err := ignoreGone(caller.DeleteSCIM(ctx, connection.RecordOf(o).Organization, connection.RecordOf(o).ID))
	if err != nil {
		return request, err
	}
	return request, s.releaseSecret(ctx, o)
}
