package saml

import (
	"cmp"
	"maps"
	"slices"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Short names: of what a manifest says, of what Stytch has, and of one setting of either.
type (
	manifest = *v1alpha1.SAMLConnection
	remote   = stytch.SAMLConnection
	value    = connection.Value
)

// Kind is how SAML connections are decided about.
func Kind() connection.Kind[manifest, remote] {
	return connection.Kind[manifest, remote]{
		API:    stytch.APISSO,
		Common: func(r remote) stytch.Connection { return r.Connection },
		Rival: func(o manifest, r remote) bool {
			return r.DisplayName == connection.RealName(o)
		},
		Rivalry:     "The organization already has a SAML connection with this display name that belongs to no manifest",
		Shared:      true,
		Bare:        bare,
		Likeness:    likeness,
		LikenessOf:  func(r remote) []string { return likenesses("entity ID", r.IDPEntityID) },
		Contradicts: contradicts,
		References:  references,
		Settings:    settings(),
		Want:        wantState,
		Have:        haveState,
		Plan:        plan,
		Problems: func(o manifest, want, have connection.State) []connection.Problem {
			return slices.Concat(details.Problems(o.Spec.DetailsConfigMapName, want, detailsOf(want.Signing, have)), findProblems(o, want, have))
		},
		Creation: func(o manifest) stytch.Fields {
			return connection.WithProvider(string(o.Spec.IdentityProvider))
		},
		MissingToActivate: missingToActivate,
		Recorded:          recorded,
		Record:            record,
		Remember:          remember,
		Publish:           publish,
		Undo:              undo,
		Expiries:          expiries,
		Due:               doubtOver,
		Settle:            connection.SettleTime,
	}
}

// likeness is the identity provider's entity ID, or where the manifest takes that from.
func likeness(o manifest) []string {
	return append(likenesses("entity ID", o.Spec.IDPEntityID), likenesses("metadata", o.Spec.MetadataURL)...)
}

func contradicts(o manifest, r remote) bool {
	return connection.Contradict(string(o.Spec.IdentityProvider), r.IdentityProvider) || connection.Contradict(o.Spec.IDPEntityID, r.IDPEntityID)
}

func likenesses(what, value string) []string {
	if value == "" {
		return nil
	}
	return []string{what + " " + value}
}

func references(o manifest) []connection.Reference {
	var r connection.References
	for _, c := range o.Spec.VerificationCertificates {
		if c.SecretKeyRef != nil {
			r.Add(connection.KindSecret, c.SecretKeyRef.Name)
		}
		if c.ConfigMapKeyRef != nil {
			r.Add(connection.KindConfigMap, c.ConfigMapKeyRef.Name)
		}
	}
	if ref := o.Spec.SigningPrivateKeyRef; ref != nil {
		r.Add(connection.KindSecret, ref.Name)
	}
	for _, ref := range o.Spec.EncryptionPrivateKeyRefs {
		r.Add(connection.KindSecret, ref.Name)
	}
	if name := o.Spec.DetailsConfigMapName; name != "" {
		r.Add(connection.KindConfigMap, name)
	}
	return r
}

func wantState(o manifest, in connection.Inputs) (connection.State, []connection.Problem) {
	var want connection.State
	var certificates, keys, published []connection.Problem
	want.Certificates, certificates = wantedCertificates(o.Spec.VerificationCertificates, in)
	want.Incomplete, want.Refused = len(certificates) > 0, o.Status.RefusedCertificate
	if metadata, taken := wantedMetadata(o); metadata != nil {
		want.Metadata, want.Certificates = metadata, taken
	}
	want.Signing, keys = wantedSigning(o.Spec.SigningPrivateKeyRef, in)
	if sent := o.Status.SigningKeySentAt; sent != nil {
		want.SigningSentAt = sent.Time
	}
	problems := slices.Concat(certificates, keys)
	want.Encryption, keys = wantedEncryption(o, in)
	published = details.Wanted(&want, o, o.Spec.DetailsConfigMapName, o.Spec.DetailsTemplate, in)
	return want, slices.Concat(problems, keys, published, connection.PaddedGroupRoles(o.Spec.GroupImplicitRoles))
}

func haveState(r remote) connection.State {
	var have connection.State
	for _, c := range r.VerificationCertificates {
		have.Certificates = append(have.Certificates, connection.Certificate{ID: c.ID, Certificate: pki.Certificate{SHA256: c.SHA256, PEM: c.PEM, ExpiresAt: c.ExpiresAt}})
	}
	for _, c := range r.SigningCertificates { // the newest first, and as new as that only where they were made at once
		if c.SPKISHA256 != "" && c.CreatedAt.Equal(r.SigningCertificates[0].CreatedAt) {
			have.Signing = append(have.Signing, connection.Key{SPKISHA256: c.SPKISHA256, Certificate: c.PEM})
		}
	}
	have.Encryption = &connection.Encryption{IDs: r.EncryptionKeyIDs}
	have.Details = map[string]string{v1alpha1.DetailsKeyACSURL: r.ACSURL, v1alpha1.DetailsKeyAudienceURI: r.AudienceURI}
	if len(r.SigningCertificates) > 0 {
		have.Details[v1alpha1.DetailsKeySigningCertificate] = r.SigningCertificates[0].PEM
	}
	return have
}

// plan is what makes have equal to want, in the order in which it is done. After each step the answer is the new have and the
// plan is made again, so a later step is only ever taken on what was read back.
//
//	                                        steps
//	details are not as Stytch says          publish them; last where the signing key changes before
//	settings differ, certificates missing   one Update with all of it and the first certificate: see planCertificates
//	encryption keys missing or not wanted   add each, then delete: see planEncryption
//	metadata to be read                     read it: see planReading
func plan(_ manifest, want, have connection.State) []connection.Step {
	newKey := signing(want, have.Signing)
	remote := slices.Concat(
		planCertificates(want, have, append(connection.Differences(want.Settings, have.Settings), newKey...)),
		planEncryption(want, cmp.Or(have.Encryption, &connection.Encryption{})),
	)
	remote = append(remote, planReading(want.Metadata, remote)...)
	published := details.Plan(want, detailsOf(want.Signing, have))
	if len(newKey) > 0 {
		return slices.Concat(remote, published)
	}
	return slices.Concat(published, remote)
}

// detailsOf are the details as Stytch says. Of several certificates that it may sign with, because it made them within one second, it
// is the one of the wanted key.
func detailsOf(signing []connection.Key, have connection.State) map[string]string {
	if len(signing) == 0 {
		return have.Details
	}
	for _, key := range have.Signing {
		if key.SPKISHA256 == signing[0].SPKISHA256 && key.Certificate != "" {
			published := maps.Clone(have.Details)
			published[v1alpha1.DetailsKeySigningCertificate] = key.Certificate
			return published
		}
	}
	return have.Details
}
