package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// The sample's ConfigMap of verification certificates.
const (
	bundle    = "hooli-google-certificates"
	bundleKey = "certificates.pem"
)

// rollover: a certificate that expires soon is reported, and replaced in its ConfigMap; and a metadata document is read again.
func (s *story) rollover() {
	s.Note("The certificate in ConfigMap %s expires in ten days.", bundle)
	s.await(s.bundled, "to report ExpiringSoon and stay Ready", func(now object) bool {
		return now.condition("ExpiringSoon").Status == "True" && now.applied()
	})
	s.showConditions(s.bundled, "ExpiringSoon")
	s.Command("curl %s | grep stytch_connection_expiry_timestamp_seconds | grep %s", s.Metrics, s.bundled.Metadata.Name)
	for line := range strings.Lines(s.Fetch(s.Metrics)) {
		if strings.HasPrefix(line, "stytch_connection_expiry_timestamp_seconds{") && strings.Contains(line, s.bundled.Metadata.Name) {
			s.Answer(line)
		}
	}
	s.replaceCertificates()
	s.readAgain()
}

// replaceCertificates puts another one into the ConfigMap: no manifest is edited.
func (s *story) replaceCertificates() {
	s.Note("The next certificate replaces it in the ConfigMap:")
	next, seq := lab.NewCertificate("Google", twoYears), s.Seq()
	s.Replace("configmap", bundle, map[string]string{bundleKey: next})
	o := s.awaitCertificates(s.bundled, []string{fingerprintOf(next)})
	s.changesSince(seq).about(o).expect("UpdateSAMLConnection x509_certificate", "DeleteSAMLVerificationCertificate")
	s.await(s.bundled, "to report no ExpiringSoon", func(now object) bool {
		return now.condition("ExpiringSoon").Status == "absent"
	})
	s.Seen("the new one was added before the old one was removed, so logins worked all the time; ExpiringSoon is gone")
}

// awaitCertificates waits until a connection has exactly these certificates and its manifest is applied.
func (s *story) awaitCertificates(sample object, want []string) object {
	slices.Sort(want)
	return s.await(sample, fmt.Sprintf("to have %d certificates as desired", len(want)), func(now object) bool {
		var have []string
		for _, c := range now.Status.VerificationCertificates {
			have = append(have, c.SHA256)
		}
		slices.Sort(have)
		return now.applied() && slices.Equal(have, want)
	})
}

// readAgain: the identity provider publishes one more certificate, and an annotation makes Stytch read it.
func (s *story) readAgain() {
	o, next := s.get(s.byMetadata), lab.NewCertificate("login.microsoftonline.com", twoYears)
	s.Note("The metadata of %s now has another certificate. Stytch reads metadata once, so somebody asks for it:", o.name())
	s.publishMetadata(o, next)
	seq := s.Seq()
	s.annotate(o, "refresh-metadata=rolled-over")
	s.awaitCertificates(o, append(o.Status.FromMetadata.Certificates, fingerprintOf(next)))
	s.changesSince(seq).about(o).expect("UpdateSAMLConnectionByURL metadata_url")
	s.Seen("Stytch read it once and has both certificates; the old one stays because nobody says that it is no longer used")
}
