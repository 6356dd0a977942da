package controllers

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// siblings holds, by organization, the manifests whose connection Stytch may keep for now, because it is the organization's default and
// there are others. When all connections of an organization are deleted at once, the default one has to come last.
type siblings struct {
	mu      sync.Mutex
	waiting map[string]map[objectKey]bool
}

// add notes a manifest before its connection is asked to be deleted, so that a sibling which goes meanwhile is not missed.
func (s *siblings) add(organization string, key objectKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = map[string]map[objectKey]bool{}
	}
	if s.waiting[organization] == nil {
		s.waiting[organization] = map[objectKey]bool{}
	}
	s.waiting[organization][key] = true
}

func (s *siblings) drop(organization string, key objectKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting[organization], key)
	if len(s.waiting[organization]) == 0 {
		delete(s.waiting, organization)
	}
}

// of are the waiting manifests of a kind.
func (s *siblings) of(organization, kind string) []types.NamespacedName {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []types.NamespacedName
	for key := range s.waiting[organization] {
		if key.kind == kind {
			found = append(found, key.NamespacedName)
		}
	}
	return found
}

// watchSiblings wakes manifests whose connection is their organization's default when another SSO connection of it is gone.
func (e *engine[O, R]) watchSiblings(b *builder.Builder) {
	gone := predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
	for _, kind := range []client.Object{&v1alpha1.ExternalConnection{}, &v1alpha1.OIDCConnection{}, &v1alpha1.SAMLConnection{}} {
		b.Watches(kind, handler.EnqueueRequestsFromMapFunc(e.siblingsOf), builder.WithPredicates(gone))
	}
}

// siblingsOf finds the manifests that may wait for a connection of their organization to go.
func (e *engine[O, R]) siblingsOf(_ context.Context, object client.Object) []reconcile.Request {
	o, ok := object.(v1alpha1.Connection)
	if !ok {
		return nil
	}
	var requests []reconcile.Request
	for _, key := range e.shared.siblings.of(connection.RecordOf(o).Organization, e.kindName) {
		requests = append(requests, reconcile.Request{NamespacedName: key})
	}
	return requests
}
