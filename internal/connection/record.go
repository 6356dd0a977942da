package connection

import (
	"slices"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Record is what is known of a connection and cannot be read back from Stytch: which one it is, which of its keys is which, and
// what its identity provider's documents gave. It is kept twice: in status, which counts, and in an annotation, which survives where
// status is lost. Only this file and written.go know where: RecordAt is its one reader, and WriteRecord its one writer.
type Record struct {
	// Project and Organization that the manifest was pinned to, and the connection's ID; empty while there are none.
	Project, Organization, ID string
	// Mark that the connection is created with; empty where it is not known any more.
	Mark string
	// Keys that Stytch decrypts with and that were added through the manifest.
	Keys []v1alpha1.EncryptionKeyStatus
	// Metadata is what the SAML metadata gave, and Discovered, what the OIDC issuer's document did. Nil: nothing was read.
	Metadata   *v1alpha1.MetadataStatus
	Discovered *v1alpha1.DiscoveredStatus
	// Read says, where both are nil, what is known of it all the same: the hash of what was read, NothingRead, or "" where nobody knows.
	Read string
}

// NothingRead says that no document was read yet, and that the manifest may have one read: its connection is not one that was found.
const NothingRead = "none"

// Recorded is where a kind keeps its part of the Record; nil for what it does not have.
type Recorded struct {
	Keys       *[]v1alpha1.EncryptionKeyStatus
	Metadata   **v1alpha1.MetadataStatus
	Discovered **v1alpha1.DiscoveredStatus
}

// RecordOf is the record of any manifest's connection, without what only some kinds have.
func RecordOf(o v1alpha1.Connection) Record { return RecordAt(o, Recorded{}) }

// MeantOrganization is the organization of a manifest as far as it is known without asking Stytch.
func MeantOrganization(o v1alpha1.Connection) string {
	if pinned := RecordOf(o).Organization; stytch.IsOrganizationID(pinned) {
		return pinned
	}
	return o.CommonSpec().Organization
}

// ReadRecord is the record of a manifest's connection.
func (k Kind[O, R]) ReadRecord(o O) Record { return RecordAt(o, k.recorded(o)) }

func (k Kind[O, R]) recorded(o O) Recorded {
	if k.Recorded == nil {
		return Recorded{}
	}
	return k.Recorded(o)
}

// RecordAt is the one reader: everything else that is about the connection asks it. Where status has no connection, the annotation
// counts, if it was written for this very manifest.
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
	kept, state := readWritten(o)
	switch {
	case state == writtenHere:
		r.Mark, r.Read = kept.Mark, kept.Read
		if r.ID == "" && kept.isOf(o) {
			r.Project, r.Organization, r.ID = kept.Project, kept.Organization, kept.ID
			r.Keys = kept.keys()
		}
	case r.ID != "": // by a version without an annotation, or the annotation was lost
		r.Read = NothingRead
	}
	return r
}

// StatusID is the connection that status has; RecordOf may know it from the annotation alone.
func StatusID(o v1alpha1.Connection) string { return o.CommonStatus().ConnectionID }

// WriteRecord puts the record into status, and into the annotation as it is to be written.
func (k Kind[O, R]) WriteRecord(o O, r Record) {
	at := k.recorded(o)
	writeRecordAt(o, at, r)
}

func writeRecordAt(o v1alpha1.Connection, at Recorded, r Record) {
	status := o.CommonStatus()
	status.ProjectID, status.OrganizationID, status.ConnectionID = r.Project, r.Organization, r.ID
	if at.Keys != nil {
		*at.Keys = r.Keys
	}
	if at.Metadata != nil {
		*at.Metadata = r.Metadata
	}
	if at.Discovered != nil {
		*at.Discovered = r.Discovered
	}
	write(o, r)
}
