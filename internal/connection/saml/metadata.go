package saml

import (
	"fmt"
	"slices"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

const fieldMetadataURL = "metadata_url"

// ReadMetadata has Stytch take settings and certificates from a document.
var ReadMetadata = connection.Action{Name: "ReadMetadata", Event: "MetadataRead", Fetches: true} //nolint:gochecknoglobals // Go has no constants of this type

// topicMetadata is the topic of a document: one that cannot be read holds no other change up, and no refused one holds its reading up.
var topicMetadata = connection.Topic{Name: "metadata"} //nolint:gochecknoglobals // Go has no constants of this type

// lastRead is what status records of the document that the manifest names; blank where it records nothing.
func lastRead(o manifest) *v1alpha1.MetadataStatus {
	if read := connection.RecordAt(o, recorded(o)).Metadata; read != nil && o.Spec.MetadataURL != "" && read.MetadataURL == o.Spec.MetadataURL {
		return read
	}
	return &v1alpha1.MetadataStatus{}
}

// wantedMetadata says where Stytch takes settings and certificates from, and which certificates it took from there, or from another
// document, when it read one last.
func wantedMetadata(o manifest) (*connection.Metadata, []connection.Certificate) {
	if o.Spec.MetadataURL == "" {
		return nil, nil
	}
	read := connection.RecordAt(o, recorded(o)).Metadata
	if read == nil {
		return &connection.Metadata{URL: o.Spec.MetadataURL, Due: true}, nil
	}
	due := read.MetadataURL != o.Spec.MetadataURL || refresh(o) != "" && read.Refresh != refresh(o)
	return &connection.Metadata{URL: o.Spec.MetadataURL, Was: read.MetadataURL, Due: due}, recordedCertificates(read)
}

// metadataTakenOver is what is recorded of a connection that the manifest did not have in status before: that of this very document and
// what it gave, if what Stytch shows is that, and else what is there. A new connection has its metadata still to be read.
func metadataTakenOver(o manifest, was connection.Record, r remote) *v1alpha1.MetadataStatus {
	if o.Spec.MetadataURL == "" || was.Metadata != nil || was.Read == connection.NothingRead || connection.IsNew(o, r.DisplayName) {
		return was.Metadata
	}
	found := whatIsThere(o.Spec.MetadataURL, r)
	found.Refresh = refresh(o)
	if connection.MetadataHash(found) != was.Read {
		found.Origin = v1alpha1.MetadataFound
	}
	return &found
}

// metadataProblem says that the document was not read for this connection.
func metadataProblem(o manifest) []connection.Problem {
	read := lastRead(o)
	if read.Origin != v1alpha1.MetadataFound || refresh(o) != "" && read.Refresh != refresh(o) {
		return nil
	}
	return []connection.Problem{{Reason: v1alpha1.ReasonMetadataUnread, Message: fmt.Sprintf(
		"spec.metadataURL was not read for this connection, because it was taken over, or the status of this manifest was restored. The identity provider that was found in Stytch is kept (entity ID %q). To have Stytch read the metadata, set a new value for the annotation %s.",
		connection.Cut(read.IDPEntityID), v1alpha1.AnnotationRefreshMetadata)}}
}

// recordedCertificates are those that were taken from the metadata: nobody else's stay next to them.
func recordedCertificates(read *v1alpha1.MetadataStatus) []connection.Certificate {
	var certificates []connection.Certificate
	for _, sha := range read.Certificates {
		certificates = append(certificates, connection.Certificate{Certificate: pki.Certificate{SHA256: sha}})
	}
	return certificates
}

// unread stands for the URL while no metadata has been read.
const unread = "none"

// beforeAnyMetadata is what is there before metadata is read for the first time: after a crash nothing else would tell which
// certificates are another identity provider's. Nil where there are none.
func beforeAnyMetadata(r remote) *v1alpha1.MetadataStatus {
	if len(r.VerificationCertificates) == 0 {
		return nil
	}
	is := whatIsThere(unread, r)
	return &is
}

// whatIsThere is what Stytch shows, as if it were from the metadata of a URL.
func whatIsThere(url string, r remote) v1alpha1.MetadataStatus {
	is := v1alpha1.MetadataStatus{MetadataURL: url, IDPEntityID: connection.Recordable(r.IDPEntityID), IDPSSOURL: connection.Recordable(r.IDPSSOURL)}
	for _, c := range r.VerificationCertificates {
		if c.SHA256 != "" {
			is.Certificates = append(is.Certificates, c.SHA256)
		}
	}
	slices.Sort(is.Certificates)
	is.Certificates = slices.Compact(is.Certificates)
	return is
}

// refresh is the value of the annotation that asks for the metadata to be read again.
func refresh(o manifest) string {
	if value, asked := o.Annotations[v1alpha1.AnnotationRefreshMetadata]; asked {
		return connection.Hash(value)
	}
	return ""
}

// metadataThatWasRead is what Stytch took from the metadata that it just read. Stytch does not say where a certificate comes from,
// and may have added those of the document to those that were there, or have put them in their place. So one counts as taken
// from there that
//
//	was not there before the document was read;
//	or was there, and had been taken from a document before, or nobody knows where from.
//
// The second does not hold where the document speaks of another identity provider than before and brought certificates: those
// that were there are the other one's then. Before is what was recorded: it may have been read already by a process that died
// before it could write that down, and then what nothing is recorded of came from it.
func metadataThatWasRead(o manifest, was *v1alpha1.MetadataStatus, before, after remote) *v1alpha1.MetadataStatus {
	counts := fromMetadata(was, before, after)
	var taken, all []string
	for _, c := range after.VerificationCertificates {
		if c.SHA256 == "" || slices.Contains(all, c.SHA256) {
			continue
		}
		all = append(all, c.SHA256)
		if counts(c) {
			taken = append(taken, c.SHA256)
		}
	}
	if len(taken) == 0 {
		taken = all
	}
	slices.Sort(taken)
	return &v1alpha1.MetadataStatus{
		MetadataURL: o.Spec.MetadataURL, Refresh: refresh(o),
		IDPEntityID: connection.Recordable(after.IDPEntityID), IDPSSOURL: connection.Recordable(after.IDPSSOURL), Certificates: taken,
	}
}

// fromMetadata says which certificates count as taken from the metadata of a URL.
func fromMetadata(was *v1alpha1.MetadataStatus, before, after remote) func(stytch.Certificate) bool {
	fresh := func(c stytch.Certificate) bool { // it, or a second copy of it
		return slices.ContainsFunc(after.VerificationCertificates, func(a stytch.Certificate) bool {
			return a.SHA256 == c.SHA256 && !slices.ContainsFunc(before.VerificationCertificates, func(b stytch.Certificate) bool { return b.ID == a.ID })
		})
	}
	recorded := func(c stytch.Certificate) bool { return was != nil && slices.Contains(was.Certificates, c.SHA256) }
	brought := slices.ContainsFunc(after.VerificationCertificates, fresh)
	another := before.IDPEntityID != after.IDPEntityID && brought ||
		was != nil && was.IDPEntityID != "" && was.IDPEntityID != after.IDPEntityID
	return func(c stytch.Certificate) bool {
		switch {
		case fresh(c):
			return true
		case another:
			return !brought && !recorded(c)
		}
		return was == nil || recorded(c)
	}
}

// planReading has the metadata read where that is due: at the end, because a document that cannot be read holds nothing else up
// then.
func planReading(m *connection.Metadata, steps []connection.Step) []connection.Step {
	read := slices.ContainsFunc(steps, func(s connection.Step) bool { return s.Action == ReadMetadata })
	if m == nil || !m.Due || read {
		return nil
	}
	return []connection.Step{reading(m)}
}

// reading of the identity provider's metadata.
func reading(m *connection.Metadata) connection.Step {
	was := m.Was
	if was == m.URL {
		was = "" // what it gave is out of date
	}
	return connection.Step{Action: ReadMetadata, Changes: []connection.Change{{Field: fieldMetadataURL, Topic: topicMetadata, Have: connection.Text(was), Want: connection.Text(m.URL)}}}
}
