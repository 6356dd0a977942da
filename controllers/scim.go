package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func scimEngine(s *shared) *engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection] {
	return &engine[*v1alpha1.SCIMConnection, stytch.SCIMConnection]{
		shared: s, kindName: "SCIMConnection", kind: connection.SCIM(), remote: scim{s},
		newObject: func() *v1alpha1.SCIMConnection { return &v1alpha1.SCIMConnection{} },
		newList:   func() client.ObjectList { return &v1alpha1.SCIMConnectionList{} },
	}
}

// scim makes the calls for SCIM connections, and keeps their tokens in Secrets. Stytch shows a token only once. So a write proves that
// the Secret can be written before the token is requested, and the token is written there as soon as the response arrives.
type scim struct{ shared *shared }

func (scim) list(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]stytch.SCIMConnection, error) {
	return caller.SCIM(ctx, organization, since)
}

// read lists the connection's groups if the manifest names some.
func (s scim) read(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, since time.Time, in *connection.Inputs) error {
	if in.ID == "" || !connection.NamesGroups(o) {
		return nil
	}
	groups, err := caller.SCIMGroups(ctx, connection.RecordOf(o).Organization, in.ID, since)
	if err != nil {
		return err
	}
	list, err := s.list(ctx, caller, connection.RecordOf(o).Organization, since)
	r, _ := stytch.Find(list, in.ID)
	in.Groups = connection.Groups(groups, r)
	return err
}

func (s scim) create(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, body stytch.Fields) (stytch.SCIMConnection, stytch.Request, error) {
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.SCIMConnection{}, stytch.Request{}, err
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	r, request, err := caller.CreateSCIM(post, connection.RecordOf(o).Organization, body)
	if err != nil {
		return stytch.SCIMConnection{}, request, err
	}
	if err := s.storeToken(ctx, proved, r.ConnectionID, v1alpha1.SecretKeyToken, r.BearerToken, r.BaseURL); err != nil {
		return r, request, err
	}
	s.shared.recorder.Eventf(o, nil, corev1.EventTypeNormal, "TokenIssued", eventAction, "The bearer token is in Secret %s.", proved.Name)
	return r, request, nil
}

func (s scim) perform(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, step connection.Step) (a stepResult, err error) {
	organization, id := connection.RecordOf(o).Organization, connection.RecordOf(o).ID
	switch step.Action {
	case connection.StartRotation:
		a.Request, err = s.startRotation(ctx, caller, o)
	case connection.CompleteRotation:
		a.Request, err = s.completeRotation(ctx, caller, o, step)
	case connection.CancelRotation:
		_, a.Request, err = caller.CancelRotation(ctx, organization, id)
		err = connection.Contradicted(err)
	case connection.PublishToken, connection.PromoteToken, connection.RecoverToken:
		err = s.updateSecret(ctx, o, step)
	default:
		_, a.Request, err = caller.UpdateSCIM(ctx, organization, id, step.Fields())
	}
	return a, err
}

// startRotation requests the next token, and writes it into the Secret in addition to the current one.
func (s scim) startRotation(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection) (stytch.Request, error) {
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
func (s scim) completeRotation(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, step connection.Step) (stytch.Request, error) {
	if err := caller.Reserve(ctx); err != nil {
		return stytch.Request{}, err
	}
	proved, err := s.prove(ctx, o)
	if err != nil {
		return stytch.Request{}, err
	}
	if !connection.HoldsNext(proved.Data, step) {
		return stytch.Request{}, errAgain
	}
	post, cancel := outlive(ctx, creationTime)
	defer cancel()
	_, request, err := caller.CompleteRotation(post, connection.RecordOf(o).Organization, connection.RecordOf(o).ID)
	return request, connection.Contradicted(err)
}

func (s scim) remove(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection) (stytch.Request, error) {
	request, err := ignoreGone(caller.DeleteSCIM(ctx, connection.RecordOf(o).Organization, connection.RecordOf(o).ID))
	if err != nil {
		return request, err
	}
	return request, s.releaseSecret(ctx, o)
}
