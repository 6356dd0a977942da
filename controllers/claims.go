package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// claimed are the connection IDs that a manifest claims, in order.
func claimed(o v1alpha1.Connection) []string { return slices.Sorted(maps.Keys(connection.ClaimsOf(o))) }

// standing are the claims of a manifest that may count.
func standing(o v1alpha1.Connection) []string {
	synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced)
	if !connection.Stands(o) || synced != nil && synced.Reason == v1alpha1.ReasonNotGranted {
		return nil
	}
	return claimed(o)
}

// unknownHolder is the holder of a connection while claims cannot be listed. No user reads it, since claimsErr ends the pass.
const unknownHolder = "a manifest that could not be read"

// holder returns which other manifest of the kind holds a connection; "" if none does.
func (p *pass[O, R]) holder(ctx context.Context) func(id string) string {
	return func(id string) string {
		claimants, err := p.claimants(ctx, id)
		if err != nil {
			return unknownHolder
		}
		holder, found := connection.Holder(connection.ClaimsOn(id, p.counting(ctx, claimants)))
		if !found || holder.UID == p.o.GetUID() {
			return ""
		}
		return holder.Describe(p.o.GetNamespace())
	}
}

// claimed says whether any other manifest of the kind claims a connection.
func (p *pass[O, R]) claimed(ctx context.Context) func(id string) bool {
	return func(id string) bool {
		claimants, err := p.claimants(ctx, id)
		return err != nil || len(claimants) > 1
	}
}

// counting are those whose claims count: this manifest, and others of its project and organization to which that is granted.
func (p *pass[O, R]) counting(ctx context.Context, claimants []O) []O {
	record := connection.RecordOf(p.o)
	return slices.DeleteFunc(slices.Clone(claimants), func(o O) bool {
		return o.GetUID() != p.o.GetUID() && (!connection.Counts(o, record.Project, record.Organization) || !p.engine.granted(ctx, o))
	})
}

// kin returns what this manifest has in common with the one that holds a connection.
func (p *pass[O, R]) kin(ctx context.Context) func(id string) connection.Kin {
	return func(id string) connection.Kin {
		claimants, err := p.claimants(ctx, id)
		holder, found := connection.Holder(connection.ClaimsOn(id, p.counting(ctx, claimants)))
		if err != nil || !found {
			return connection.Kin{}
		}
		at := slices.IndexFunc(claimants, func(o O) bool { return o.GetUID() == holder.UID })
		return p.engine.kind.Kin(p.o, claimants[at])
	}
}

// claimants are the manifests of the kind that claim a connection, as the cache has them: they are only read. This one is taken from
// the pass, since the cache may not show it yet. Where they cannot be listed, claimsErr ends the pass.
func (p *pass[O, R]) claimants(ctx context.Context, id string) ([]O, error) {
	others, err := p.engine.listManifests(ctx, client.MatchingFields{indexClaim: id}, client.UnsafeDisableDeepCopy)
	if err != nil {
		p.claimsErr = fmt.Errorf("finding the other manifests of connection %s: %w", id, err)
	}
	others = slices.DeleteFunc(others, func(o O) bool { return o.GetUID() == p.o.GetUID() })
	return append(others, p.base), err
}
