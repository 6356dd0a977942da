package main

import (
	"net/http"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// deletion: with Delete the connection goes, and the Secret is emptied.
func (s *story) deletion() {
	seq := s.Seq()
	s.edit(s.crashed, `{"deletionPolicy":"Delete"}`)
	s.remove(s.crashed)
	s.awaitGone(s.crashed)
	s.changesSince(seq).expect("DeleteSCIMConnection")
	s.Show("get", s.crashed.tokenSecret(), "--show-labels")
	secret := s.read(s.crashed.tokenSecret())
	left, label := s.scimAt(s.crashed), secret.Metadata.Labels["connections.stytch-operator.dev/connection"]
	if len(left) > 0 || len(secret.Data) > 0 || label != "released" {
		lab.Failf("under Delete %v is left, and the Secret has %d keys and the label %q", left, len(secret.Data), label)
	}
	s.Seen("%s is gone from Stytch, by one DELETE; the Secret is emptied and released", s.crashed.Status.ConnectionID)
	s.inOrder()
}

// inOrder: a source is not deleted from Stytch while a manifest reuses it that is to stay.
func (s *story) inOrder() {
	s.edit(s.saml, `{"deletionPolicy":"Delete"}`)
	s.edit(s.external, `{"deletionPolicy":"Delete"}`)
	source, oidc := s.get(s.saml), s.get(s.oidc)
	// Stytch keeps an organization's default connection, so that has to be another.
	another := map[string]string{"sso_default_connection_id": oidc.Status.ConnectionID}
	s.Ask(http.MethodPatch, "/organizations/"+source.Status.OrganizationID, another, nil)
	seq := s.Seq()
	external := s.get(s.external)
	s.remove(source)
	s.awaitReason(source, "DeletionBlocked", "Stalled")
	s.showConditions(source, "Synced")
	s.Note("So that one is deleted first:")
	s.remove(external)
	s.awaitGone(external, source)
	sent := s.changesSince(seq)
	sent.expect("DeleteSSOConnection", "DeleteSSOConnection")
	sent.about(external).expect("DeleteSSOConnection")
	sent.about(source).expect("DeleteSSOConnection")
	s.Seen("the source waited, named the connection that reuses it, and was deleted once that one was being deleted")
}

// remove deletes a manifest.
func (s *story) remove(o object) { s.Show("delete", o.name(), "--wait=false") }
