package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// claimed are the connection IDs that a manifest claims, in order.
func claimed(o v1alpha1.Connection) []string { return slices.Sorted(maps.Keys(connection.ClaimsOf(o))) }

// unknownHolder is the holder of a connection while claims cannot be listed. No user reads it, since claimsErr ends the pass.
const unknownHolder = "a manifest that could not be read"

// holder returns which other manifest of the kind holds a connection; "" if none does.
func (p *pass[O, R]) holder(ctx context.Context) func(id string) string {
	return func(id string) string {
		claims, err := p.claims(ctx, id)
		if err != nil {
			p.claimsErr = fmt.Errorf("finding the other manifests of connection %s: %w", id, err)
			return unknownHolder
		}
		holder, found := connection.Holder(claims)
		if !found || holder.UID == p.o.GetUID() {
			return ""
		}
		return holder.Describe(p.o.GetNamespace())
	}
}

// claims lists the claims of all manifests of the kind on a connection. This manifest's own is taken from the pass, since the
// cache may not show it yet.
func (p *pass[O, R]) claims(ctx context.Context, id string) ([]connection.Claim, error) {
	others, err := p.engine.listManifests(ctx, client.MatchingFields{indexClaim: id})
	if err != nil {
		return nil, err
	}
	var claims []connection.Claim
	for _, o := range append(others, p.base) {
		if o.GetUID() == p.o.GetUID() && any(o) != any(p.base) {
			continue
		}
		if claim, found := connection.ClaimsOf(o)[id]; found {
			claims = append(claims, claim)
		}
	}
	return claims, nil
}
