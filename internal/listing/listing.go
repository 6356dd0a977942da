// Package listing reads from Stytch what the kinds of connections are decided on: the connections of an organization, the groups that
// a manifest names, the roles that there are. The manager and kubectl-stytch read with it, so that both decide on the same.
//
// It decides nothing, and changes nothing.
package listing

import (
	"context"
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// List lists the connections of one kind in an organization, from a list that was begun at or after since.
type List[R any] func(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]R, error)

// SAML lists SAML connections. The SSO connections of an organization come in one list.
func SAML(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]stytch.SAMLConnection, error) {
	all, err := caller.SSO(ctx, organization, since)
	return all.SAML, err
}

// OIDC lists OIDC connections.
func OIDC(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]stytch.OIDCConnection, error) {
	all, err := caller.SSO(ctx, organization, since)
	return all.OIDC, err
}

// External lists External connections.
func External(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]stytch.ExternalConnection, error) {
	all, err := caller.SSO(ctx, organization, since)
	return all.External, err
}

// SCIM lists the SCIM connection.
func SCIM(ctx context.Context, caller *stytch.Caller, organization string, since time.Time) ([]stytch.SCIMConnection, error) {
	return caller.SCIM(ctx, organization, since)
}

// Groups reads the groups of a SCIM connection, if its manifest names some.
func Groups(ctx context.Context, caller *stytch.Caller, o *v1alpha1.SCIMConnection, organization, id string, since time.Time) ([]stytch.SCIMGroup, error) {
	if id == "" || !scim.NamesGroups(o) {
		return nil, nil
	}
	groups, err := caller.SCIMGroups(ctx, organization, id, since)
	if err != nil {
		return nil, err
	}
	list, err := caller.SCIM(ctx, organization, since)
	r, _ := stytch.Find(list, id)
	return scim.KnownGroups(groups, r), err
}

// Roles returns the roles that Stytch has, as far as they are needed to say which of some roles it does not have.
func Roles(ctx context.Context, caller *stytch.Caller, organization string, roles []string) ([]string, error) {
	if len(roles) == 0 {
		return nil, nil
	}
	known, err := caller.PolicyRoles(ctx)
	if err == nil && slices.ContainsFunc(roles, func(r string) bool { return !slices.Contains(known, r) }) {
		var custom []string
		custom, err = caller.CustomRoles(ctx, organization)
		known = slices.Concat(known, custom)
	}
	if err != nil {
		return nil, err
	}
	return known, nil
}
