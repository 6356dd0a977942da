package controllers

import (
	"context"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// remote makes the calls to Stytch for one kind. O is the type of its manifest, R the type of its connection in Stytch. Errors
// that come from Stytch are or wrap a *stytch.Error, *stytch.ReadError, *stytch.NotYet or *stytch.NotGranted.
type remote[O v1alpha1.Connection, R any] interface {
	// list returns every connection of the kind in an organization, from a list that was started at or after since.
	list(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]R, error)
	// read adds to the inputs of the desired state what only this kind needs.
	read(ctx context.Context, caller *stytch.Caller, o O, since time.Time, in *connection.Inputs) error
	// create creates a connection. If it returns one, the connection exists even if there is an error too: then what should have
	// followed the creation failed, and the next pass repairs it.
	create(ctx context.Context, caller *stytch.Caller, o O, body stytch.Fields) (R, stepResult, error)
	// perform takes one step of a plan on the connection of o. A connection.Unsent says that the step was certainly not sent.
	perform(ctx context.Context, caller *stytch.Caller, o O, step connection.Step) (stepResult, error)
	// remove deletes the connection of o and what belongs to it. That it is gone already is no error. What keeps it from being deleted
	// is told by a list that was started at or after since.
	remove(ctx context.Context, caller *stytch.Caller, o O, since time.Time) (stytch.Request, error)
}

// stepResult is the result of a step: the call to Stytch, if there was one, Stytch's warning, and what else was done, for the event.
type stepResult struct {
	stytch.Request
	warning string
	note    string
}

const (
	kindExternal = "ExternalConnection"
	kindOIDC     = string(v1alpha1.SourceOIDC)
	kindSAML     = string(v1alpha1.SourceSAML)
)

// ignoreGone takes the response to a deletion for success if the connection, or its organization, is gone already.
func ignoreGone(request stytch.Request, err error) (stytch.Request, error) {
	if connection.GoneAlready(err) {
		return request, nil
	}
	return request, err
}
