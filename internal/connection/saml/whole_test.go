package saml_test

import (
	"errors"
	"math/rand"
	"slices"
	"strings"
	"testing"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
)

// forgetUnder takes a document's certificates from a connection to another identity provider: they count as that one's, and go.
func forgetUnder(remote *Remote, url string) {
	if read, is := remote.Metadata[url]; is && read.EntityID != remote.IDPEntityID {
		remote.Certificates = slices.DeleteFunc(slices.Clone(remote.Certificates), func(c RemoteCertificate) bool {
			return slices.ContainsFunc(read.Certificates, func(d IssuedCertificate) bool { return d.SHA256 == c.SHA256 })
		})
	}
}

func TestAnySAMLConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(150) {
		random := rand.New(rand.NewSource(seed))
		s := newRollover(random)
		for range 4 {
			EditSAML(random, s.Held, s.beside)
			forgetUnder(s.Remote, s.Held.Spec.MetadataURL)
			s.becomes(t, seed)
			s.Remote.Drift(random)
			s.becomes(t, seed)
		}
	}
}

// becomes fails the test where passes do not end with everything as it should be.
func (r *rollover) becomes(t *testing.T, seed int64) {
	t.Helper()
	out := r.Settle(t)
	if full := RefusalError("too_many_sso_verification_certificates"); errors.Is(out.Err, full) && Story(r.Log) == "ReadMetadata" && len(r.Remote.Certificates) > 2 {
		r.Remote.Certificates = r.Remote.Certificates[:1] // as the message says
		out = r.Settle(t)
	}
	r.Equal(t, seed, out)
	r.checkSAML(t, seed)
}

// checkSAML compares the connection with its manifest.
func (r *rollover) checkSAML(t *testing.T, seed int64) {
	t.Helper()
	o := r.Held
	fail := func(what string) {
		t.Helper()
		t.Fatalf("seed %d: %s: %s at %s %v %v %+v\n%s", seed, what, InJSON(t, o), InJSON(t, r.Remote.Document), r.Remote.Certificates, r.Remote.Keys, r.Remote.Habits, strings.Join(r.Told, "\n"))
	}
	var is, want []string
	for _, c := range r.Remote.Certificates {
		is = append(is, c.SHA256)
	}
	desired, _ := WantOf(saml.Kind(), o, SAMLID, r.Inputs())
	for _, c := range desired.Certificates {
		want = append(want, c.SHA256)
	}
	if desired.Certificates != nil && !sameSet(is, want) {
		fail("certificates")
	}
	if url := o.Spec.MetadataURL; url != "" {
		read := r.Remote.Metadata[url]
		if r.Remote.IDPEntityID != read.EntityID || r.Remote.IDPSSOURL != read.SSOURL || len(is) == 0 {
			fail("metadata")
		}
		for _, c := range read.Certificates {
			if !slices.Contains(is, c.SHA256) {
				fail("a certificate of the metadata")
			}
		}
	}
	if len(desired.Signing) > 0 && r.Remote.Signing[len(r.Remote.Signing)-1].SPKISHA256 != desired.Signing[0].SPKISHA256 {
		fail("the signing key")
	}
	var keys, wanted []string
	for _, k := range r.Remote.Keys {
		keys = append(keys, k.SPKISHA256)
	}
	if desired.Encryption != nil {
		for _, k := range desired.Encryption.Keys {
			wanted = append(wanted, k.SPKISHA256)
		}
		if slices.Sort(keys); !sameSet(keys, wanted) || len(slices.Compact(keys)) != len(r.Remote.Keys) {
			fail("encryption keys")
		}
	}
	if o.Spec.DetailsConfigMapName != "" {
		Same(t, "the details", r.Remote.Details, map[string]string{
			"acs-url": o.Status.ACSURL, "audience-uri": o.Status.AudienceURI, "signing-certificate.pem": r.Remote.Signing[len(r.Remote.Signing)-1].PEM,
		})
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
