package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// newSource returns an empty manifest of a kind that an ExternalConnection may refer to; nil for any other kind.
func newSource(kind string) v1alpha1.Connection {
	switch v1alpha1.SourceKind(kind) {
	case v1alpha1.SourceSAML:
		return &v1alpha1.SAMLConnection{}
	case v1alpha1.SourceOIDC:
		return &v1alpha1.OIDCConnection{}
	}
	return nil
}

// removeSource deletes a SAML or OIDC connection, unless an ExternalConnection in its namespace depends on it. A connection that does
// not exist any more is there for nobody. A list without it does not prove that: the list may be wrong, and a deletion that relied on
// it would leave the connection without a manifest. So the connection is then called by its ID, with an update of nothing, and only a
// 404 from Stytch counts.
func (s *shared) removeSource(ctx context.Context, caller *stytch.Caller, kind string, o v1alpha1.Connection, since time.Time, updateNothing ask) (stytch.Request, error) {
	var all v1alpha1.ExternalConnectionList
	if err := s.live.List(ctx, &all, client.InNamespace(o.GetNamespace())); err != nil {
		return stytch.Request{}, fmt.Errorf("listing the ExternalConnections that use the connection: %w", err)
	}
	var names []string
	for i := range all.Items {
		if external.DependsOn(&all.Items[i], kind, o) {
			names = append(names, all.Items[i].Name)
		}
	}
	record := connection.RecordOf(o)
	if len(names) == 0 {
		return ignoreGone(caller.DeleteSSO(ctx, record.Organization, record.ID))
	}
	list, err := caller.SSO(ctx, record.Organization, since)
	if err != nil {
		return stytch.Request{}, err
	}
	_, isSAML := stytch.Find(list.SAML, record.ID)
	_, isOIDC := stytch.Find(list.OIDC, record.ID)
	if !isSAML && !isOIDC {
		if request, err := updateNothing(ctx, record.Organization, record.ID); err != nil {
			return ignoreGone(request, err)
		}
	}
	return stytch.Request{}, connection.Finding{Reason: v1alpha1.ReasonDeletionBlocked, Message: fmt.Sprintf(
		"Members of other organizations sign in through this connection. Delete these ExternalConnections first: %s.", strings.Join(names, ", "))}
}

// ask calls a connection by its ID and changes nothing. Stytch has no read of one SSO connection.
type ask func(ctx context.Context, organization, id string) (stytch.Request, error)
