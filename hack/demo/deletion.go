package main

import (
	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// deletion: with Delete the connection goes, and the Secret is emptied.
func (s *story) deletion() {
	seq := s.Seq()
	s.edit(s.crashed, `{"deletionPolicy":"Delete"}`)
	s.Show("delete", s.crashed.name(), "--wait=false")
	s.awaitGone(s.crashed)
	s.changesSince(seq).expect("DeleteSCIMConnection")
	s.Show("get", s.crashed.tokenSecret(), "--show-labels")
	secret := s.read(s.crashed.tokenSecret())
	left, label := s.scimAt(s.crashed), secret.Metadata.Labels["connections.stytch-operator.dev/connection"]
	if len(left) > 0 || len(secret.Data) > 0 || label != "released" {
		lab.Failf("under Delete %v is left, and the Secret has %d keys and the label %q", left, len(secret.Data), label)
	}
	s.Seen("%s is gone from Stytch, by one DELETE; the Secret is emptied and released", s.crashed.Status.ConnectionID)
}
