package controllers

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Indexes of the cache, by which manifests are listed.
const (
	indexClaim     = "claim"     // the connection IDs that a manifest records or names
	indexConflict  = "conflict"  // the connection IDs that a manifest whose Synced says Conflict claims or is in conflict about
	indexProject   = "project"   // the project of a connection, as kind/name
	indexReference = "reference" // the other objects that a manifest names, as kind/name
	indexSecret    = "secret"    // the Secrets of a project
)

// index adds the indexes of the kind to the cache.
func (e *engine[O, R]) index(ctx context.Context, indexer client.FieldIndexer) error {
	for field, values := range map[string]func(O) []string{
		indexClaim:   func(o O) []string { return claimed(o) },
		indexProject: func(o O) []string { return []string{projectValue(o.CommonSpec().Project())} },
		indexReference: func(o O) []string {
			var values []string
			for _, ref := range e.kind.Names(o) {
				values = append(values, referenceValue(ref.Kind, ref.Name))
			}
			return values
		},
		indexConflict: func(o O) []string {
			if synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced); synced != nil && synced.Reason == v1alpha1.ReasonConflict {
				return slices.Compact(slices.Sorted(slices.Values(append(claimed(o), o.CommonStatus().ConflictingConnectionID))))
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

func projectValue(ref v1alpha1.ProjectRef) string { return referenceValue(string(ref.Kind), ref.Name) }

// listManifests lists manifests of the kind from the cache.
func (e *engine[O, R]) listManifests(ctx context.Context, options ...client.ListOption) ([]O, error) {
	return e.listFrom(ctx, e.shared.client, options...)
}

// listFrom lists manifests of the kind from the cache or the API server.
func (e *engine[O, R]) listFrom(ctx context.Context, from client.Reader, options ...client.ListOption) ([]O, error) {
	list := e.newList()
	if err := from.List(ctx, list, options...); err != nil {
		return nil, err
	}
	var found []O
	err := meta.EachListItem(list, func(object runtime.Object) error {
		found = append(found, object.(O)) //nolint:forcetypeassert // the list is of this kind
		return nil
	})
	return found, err
}
