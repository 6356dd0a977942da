package connection

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// Record is what is known of a connection and cannot be read back from Stytch: which one it is, which of its keys is which, and
// what its identity provider's documents gave. It is kept in status, which only this file knows: readRecord is its one reader, and
// WriteRecord its one writer (Patch writes the same where nothing else may be written).
type Record struct {
	// Project and Organization that the manifest was pinned to, and the connection's ID; empty while there are none.
	Project, Organization, ID string
	// Keys that Stytch decrypts with and that were added through the manifest.
	Keys []v1alpha1.EncryptionKeyStatus
	// Metadata is what the SAML metadata gave, and Discovered, what the OIDC issuer's document did. Nil: nothing was read.
	Metadata   *v1alpha1.MetadataStatus
	Discovered *v1alpha1.DiscoveredStatus
}

// Recorded is where a kind keeps its part of the Record; nil for what it does not have.
type Recorded struct {
	Keys       *[]v1alpha1.EncryptionKeyStatus
	Metadata   **v1alpha1.MetadataStatus
	Discovered **v1alpha1.DiscoveredStatus
}

// RecordOf is the record of any manifest's connection, without what only some kinds have.
func RecordOf(o v1alpha1.Connection) Record { return RecordAt(o, Recorded{}) }

// ReadRecord is the record of a manifest's connection.
func (k Kind[O, R]) ReadRecord(o O) Record {
	if k.Recorded == nil {
		return RecordOf(o)
	}
	return RecordAt(o, k.Recorded(o))
}

// RecordAt is the one reader: everything else that is about the connection asks it.
func RecordAt(o v1alpha1.Connection, at Recorded) Record {
	status := o.CommonStatus()
	r := Record{Project: status.ProjectID, Organization: status.OrganizationID, ID: status.ConnectionID}
	if at.Keys != nil {
		r.Keys = slices.Clone(*at.Keys)
	}
	if at.Metadata != nil {
		r.Metadata = (*at.Metadata).DeepCopy()
	}
	if at.Discovered != nil {
		r.Discovered = (*at.Discovered).DeepCopy()
	}
	return r
}

// WriteRecord puts the record into status.
func (k Kind[O, R]) WriteRecord(o O, r Record) {
	status := o.CommonStatus()
	status.ProjectID, status.OrganizationID, status.ConnectionID = r.Project, r.Organization, r.ID
	if k.Recorded == nil {
		return
	}
	at := k.Recorded(o)
	if at.Keys != nil {
		*at.Keys = r.Keys
	}
	if at.Metadata != nil {
		*at.Metadata = r.Metadata
	}
	if at.Discovered != nil {
		*at.Discovered = r.Discovered
	}
}

// Patch is the JSON patch of a manifest's status that records a connection's ID, and what it belongs to: only where the manifest
// is the one that was read and no ID stands, so that two processes cannot record two.
func (r Record) Patch(uid types.UID) []map[string]any {
	return []map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": uid},
		{"op": "test", "path": "/status/connectionID", "value": nil},
		{"op": "add", "path": "/status/projectID", "value": r.Project},
		{"op": "add", "path": "/status/organizationID", "value": r.Organization},
		{"op": "add", "path": "/status/connectionID", "value": r.ID},
	}
}
