package connection

import (
	"slices"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// wantedMetadata says where Stytch takes settings and certificates from, and adds to the wish what it took from there when it
// read it last.
func wantedMetadata(o *v1alpha1.SAMLConnection, s Settings) (*Metadata, []Certificate) {
	if o.Spec.MetadataURL == "" {
		return nil, nil
	}
	read := o.Status.FromMetadata
	m := &Metadata{URL: o.Spec.MetadataURL}
	if read == nil || read.MetadataURL != o.Spec.MetadataURL {
		m.Due = true
		if read == nil {
			return m, nil
		}
		m.Was = read.MetadataURL
		return m, recordedCertificates(read)
	}
	m.Was, m.Due = read.MetadataURL, read.Refresh != refresh(o)
	s.set("idp_entity_id", read.IDPEntityID != "", Text(read.IDPEntityID))
	s.set("idp_sso_url", read.IDPSSOURL != "", Text(read.IDPSSOURL))
	return m, recordedCertificates(read)
}

// recordedCertificates are those that were taken from the metadata: nobody else's stay beside them.
func recordedCertificates(read *v1alpha1.MetadataStatus) []Certificate {
	var certificates []Certificate
	for _, sha := range read.Certificates {
		certificates = append(certificates, Certificate{SHA256: sha})
	}
	return certificates
}

// unread stands for the URL while no metadata has been read.
const unread = "none"

// prepareMetadata notes what is there before the metadata is read for the first time: after a crash nothing else would tell which
// certificates are another identity provider's.
func prepareMetadata(o *v1alpha1.SAMLConnection, r stytch.SAMLConnection) bool {
	if o.Status.FromMetadata != nil || len(r.VerificationCertificates) == 0 {
		return false
	}
	is := &v1alpha1.MetadataStatus{MetadataURL: unread, IDPEntityID: recordable(r.IDPEntityID), IDPSSOURL: recordable(r.IDPSSOURL)}
	for _, c := range r.VerificationCertificates {
		if c.SHA256 != "" && !slices.Contains(is.Certificates, c.SHA256) {
			is.Certificates = append(is.Certificates, c.SHA256)
		}
	}
	slices.Sort(is.Certificates)
	o.Status.FromMetadata = is
	return true
}

// refresh is the value of the annotation that asks for the metadata to be read again.
func refresh(o *v1alpha1.SAMLConnection) string {
	if value, asked := o.Annotations[v1alpha1.AnnotationRefreshMetadata]; asked {
		return hash(value)
	}
	return ""
}

// learnMetadata records what Stytch took from the metadata that it just read. Stytch does not say where a certificate comes from,
// and may have added those of the document to those that were there, or have put them in their place. So one counts as taken
// from there that
//
//	was not there before the document was read;
//	or was there, and had been taken from a document before, or nobody knows where from.
//
// The second does not hold where the document speaks of another identity provider than before and brought certificates: those
// that were there are the other one's then. Before is what was recorded: it may have been read already by a process that died
// before it could write that down, and then what nothing is recorded of came from it.
func learnMetadata(o *v1alpha1.SAMLConnection, before, after stytch.SAMLConnection) {
	counts := fromMetadata(o.Status.FromMetadata, before, after)
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
	o.Status.FromMetadata = &v1alpha1.MetadataStatus{
		MetadataURL: o.Spec.MetadataURL, Refresh: refresh(o),
		IDPEntityID: recordable(after.IDPEntityID), IDPSSOURL: recordable(after.IDPSSOURL), Certificates: taken,
	}
}

// fromMetadata says which certificates count as taken from the metadata of a URL.
func fromMetadata(was *v1alpha1.MetadataStatus, before, after stytch.SAMLConnection) func(stytch.Certificate) bool {
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

// maxRecorded is the longest value that status records to want it from then on.
const maxRecorded = 4096

// recordable is a value as status can record it. One that is too long is not recorded: half of it must not be wanted.
func recordable(s string) string {
	if len(s) > maxRecorded {
		return ""
	}
	return s
}
