package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// Indexes of the cache, by which manifests are listed.
const (
	indexClaim     = "claim"     // the connection IDs that a manifest records or names
	indexConflict  = "conflict"  // "true" if the reason of Synced is Conflict
	indexProject   = "project"   // the StytchProject of a connection
	indexReference = "reference" // the other objects that a manifest names, as kind/name
	indexSecret    = "secret"    // the Secret of a StytchProject
	indexedAsTrue  = "true"
)

// index adds the indexes of the kind to the cache.
func (e *engine[O, R]) index(ctx context.Context, indexer client.FieldIndexer) error {
	for field, values := range map[string]func(O) []string{
		indexClaim:   func(o O) []string { return claimed(o) },
		indexProject: func(o O) []string { return []string{o.CommonSpec().Project()} },
		indexReference: func(o O) []string {
			var values []string
			for _, ref := range e.kind.Names(o) {
				values = append(values, referenceValue(ref.Kind, ref.Name))
			}
			return values
		},
		indexConflict: func(o O) []string {
			if synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced); synced != nil && synced.Reason == v1alpha1.ReasonConflict {
				return []string{indexedAsTrue}
			}
			return nil
		},
	} {
		err := indexer.IndexField(ctx, e.newObject(), field, func(object client.Object) []string {
			return values(object.(O)) //nolint:forcetypeassert // the index is on this kind
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func referenceValue(kind, name string) string { return kind + "/" + name }

// claimed are the connection IDs that a manifest records or names.
func claimed(o v1alpha1.Connection) []string {
	var ids []string
	for _, id := range []string{connection.RecordOf(o).ID, o.CommonSpec().ConnectionID} {
		if id != "" && (len(ids) == 0 || ids[0] != id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// unknownHolder is the holder of a connection while claims cannot be listed. No user reads it, since claimsErr ends the pass.
const unknownHolder = "a manifest that could not be read"

// holder returns which other manifest of the kind holds a connection; "" if none does.
func (p *pass[O, R]) holder(ctx context.Context) func(id string) string {
	return func(id string) string {
		claims, err := p.claims(ctx, id)
		if err != nil {
			p.claimsErr = fmt.Errorf("finding who else holds %s: %w", id, err)
			return unknownHolder
		}
		holder, found := connection.Holder(claims)
		if !found || holder.UID == p.o.GetUID() {
			return ""
		}
		return holder.Describe(p.o.GetNamespace())
	}
}

// claims lists the claims of all manifests of the kind on a connection. This manifest's own is taken from the pass, since the cache
// may not show it yet.
func (p *pass[O, R]) claims(ctx context.Context, id string) ([]connection.Claim, error) {
	others, err := p.engine.listManifests(ctx, client.MatchingFields{indexClaim: id})
	if err != nil {
		return nil, err
	}
	var claims []connection.Claim
	for _, o := range append(others, p.o) {
		if o.GetUID() == p.o.GetUID() && any(o) != any(p.o) {
			continue
		}
		for _, claimedID := range claimed(o) {
			if claimedID == id {
				claims = append(claims, connection.Claim{
					Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Created: o.GetCreationTimestamp().Time,
					Recorded: connection.RecordOf(o).ID == id,
				})
			}
		}
	}
	return claims, nil
}

// listManifests lists manifests of the kind from the cache.
func (e *engine[O, R]) listManifests(ctx context.Context, options ...client.ListOption) ([]O, error) {
	list := e.newList()
	if err := e.shared.client.List(ctx, list, options...); err != nil {
		return nil, err
	}
	var found []O
	err := meta.EachListItem(list, func(object runtime.Object) error {
		found = append(found, object.(O)) //nolint:forcetypeassert // the list is of this kind
		return nil
	})
	return found, err
}
