package connectiontest

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/rand"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Remote is one connection at Stytch, of whatever kind, as its endpoints are documented. It is written anew here, from the names of the
// fields on.
type Remote struct {
	Document
	Certificates []RemoteCertificate
	Signing      []RemoteSigningKey
	Keys         []RemoteKey
	Groups       []stytch.SCIMGroup
	Details      map[string]string // of the ConfigMap; nil while there is none
	DetailsMeta  metav1.ObjectMeta // labels and annotations of it
	Token        RemoteToken
	Secret       *corev1.Secret // that the token is kept in; nil while there is none

	Metadata  map[string]RemoteMetadata    // documents of identity providers, by URL
	Discovery map[string]map[string]string // and of issuers, by issuer
	Refuses   []string                     // fingerprints of certificates and keys that Stytch takes for wrong, and fields whose value it refuses
	Habits    Habits

	Made int
}

// Habits are what Stytch's documents leave open.
type Habits struct {
	Metadata      string // append (what is not there), append-all, replace (with new IDs), keep (replace, and keep the IDs)
	duplicates    bool   // a certificate that is there already is added once more
	signingStay   bool   // the certificate of the signing key before stays
	SecretIs      string // shown, masked or empty
	refuseExpired bool
	Ignores       string                     // a field that an update does not change
	Shows         func(sha256 string) string // how a certificate that is added reads back; nil: as it is
}

// RemoteCertificate is a verification certificate at Stytch.
type RemoteCertificate struct {
	IssuedCertificate
	ID    string
	Shown string // the fingerprint that it is shown with
}

// String is the certificate in a word, for a failing test.
func (c RemoteCertificate) String() string { return c.Shown[:min(len(c.Shown), 6)] + ":" + c.ID }

// RemoteSigningKey is the signing certificate that Stytch made of a private key.
type RemoteSigningKey struct {
	SPKISHA256, SHA256, PEM string
	made                    time.Time
}

// RemoteKey is an encryption key at Stytch.
type RemoteKey struct{ ID, SPKISHA256 string }

// RemoteMetadata is the metadata document of an identity provider.
type RemoteMetadata struct {
	EntityID, SSOURL string
	Certificates     []IssuedCertificate
}

// RefusalError is a 400 with this error type.
type RefusalError string

func (r RefusalError) Error() string { return string(r) }

func (remote *Remote) newID(kind string) string {
	remote.Made++
	return fmt.Sprintf("%s-%03d", kind, remote.Made)
}

// Take does what a step asks for. Stytch's warning comes with it.
func (remote *Remote) Take(t *testing.T, step connection.Step) (warning string, err error) {
	t.Helper()
	switch step.Action {
	case connection.Update, saml.AddEncryptionKey:
		return remote.update(t, step.Fields())
	case saml.ReadMetadata:
		return "", remote.readMetadata(step.Changes[0].Want.Same)
	case saml.DeleteCertificate, saml.FreeCertificate:
		remote.removeCertificate(t, step.Target)
		return "", nil
	case saml.DeleteEncryptionKey:
		at := slices.IndexFunc(remote.Keys, func(k RemoteKey) bool { return k.ID == step.Target })
		if at < 0 {
			t.Fatalf("the key %s is removed, which is not there", step.Target)
		}
		remote.Keys = slices.Delete(slices.Clone(remote.Keys), at, at+1)
	case details.Publish:
		if remote.Details == nil {
			remote.Details = map[string]string{}
		}
		for key, value := range details.Entries(step) {
			remote.Details[key] = value
			if value == "" {
				delete(remote.Details, key)
			}
		}
	case details.ApplyTemplate:
		if remote.Details == nil {
			t.Fatal("a ConfigMap that is not there gets labels and annotations")
		}
		connection.StampBy(step, &remote.DetailsMeta)
	default:
		remote.rotate(t, step)
	}
	return "", nil
}

// update changes everything or nothing.
func (remote *Remote) update(t *testing.T, body stytch.Fields) (warning string, err error) {
	t.Helper()
	plain, next := stytch.Fields{}, *remote
	for field, value := range Revealed(body) {
		switch field {
		case remote.refused(field):
			err = RefusalError("invalid_" + field)
		case "x509_certificate":
			err = next.addCertificate(t, value.(string))
		case "signing_private_key":
			err = next.sign(t, value.(string))
		case "saml_encryption_private_key":
			err = next.addKey(t, value.(string))
		default:
			plain[field] = value
		}
		if err != nil {
			return "", err
		}
	}
	if issuer, sent := body["issuer"]; sent && issuer != remote.Issuer {
		found, read := remote.Discovery[issuer.(string)]
		if !read {
			warning = "The metadata document could not be read."
		}
		for field, url := range found {
			if _, explicit := plain[field]; !explicit {
				plain[field] = url
			}
		}
	}
	delete(plain, remote.Habits.Ignores)
	next.Put(t, plain)
	*remote = next
	return warning, nil
}

// refused is the field if its values are refused.
func (remote *Remote) refused(field string) string {
	if slices.Contains(remote.Refuses, field) {
		return field
	}
	return ""
}

func (remote *Remote) addCertificate(t *testing.T, text string) error {
	t.Helper()
	added := read(t, text)
	if slices.Contains(remote.Refuses, added.SHA256) || remote.Habits.refuseExpired && !added.Ends.After(Noon) {
		return RefusalError("invalid_x509_certificate")
	}
	before := len(remote.Certificates)
	err := remote.Place(added, remote.Habits.duplicates)
	if remote.Habits.Shows != nil && len(remote.Certificates) > before {
		remote.Certificates[before].Shown = remote.Habits.Shows(added.SHA256)
	}
	return err
}

// reads remembers what was read before: the same few certificates and keys are read again and again.
type reads[T any] struct{ known sync.Map }

func (r *reads[T]) read(text string, parse func(text string) T) T {
	if known, is := r.known.Load(text); is {
		return known.(T)
	}
	parsed := parse(text)
	r.known.Store(text, parsed)
	return parsed
}

var (
	certificatesRead reads[IssuedCertificate]
	keysRead         reads[string]
)

// read reads a certificate as Stytch does, which may take one that Go's parser finds fault with.
func read(t *testing.T, text string) IssuedCertificate {
	t.Helper()
	return certificatesRead.read(text, func(text string) IssuedCertificate {
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
			t.Fatal("what is sent as a certificate is not one")
		}
		c := IssuedCertificate{DER: block.Bytes, PEM: text, SHA256: SHA256Of(string(block.Bytes))}
		if parsed, err := x509.ParseCertificate(block.Bytes); err == nil {
			c.Ends = parsed.NotAfter
		}
		return c
	})
}

// Place adds a certificate, where there is room for it. One that is there already is added once more, or not.
func (remote *Remote) Place(c IssuedCertificate, duplicates bool) error {
	there := slices.ContainsFunc(remote.Certificates, func(h RemoteCertificate) bool { return h.SHA256 == c.SHA256 })
	if there && !duplicates {
		return nil
	}
	if len(remote.Certificates) >= 5 {
		return RefusalError("too_many_sso_verification_certificates")
	}
	remote.Certificates = append(slices.Clone(remote.Certificates), RemoteCertificate{c, remote.newID("cert"), c.SHA256})
	return nil
}

func (remote *Remote) removeCertificate(t *testing.T, id string) {
	t.Helper()
	at := slices.IndexFunc(remote.Certificates, func(c RemoteCertificate) bool { return c.ID == id })
	if at < 0 || len(remote.Certificates) == 1 {
		t.Fatalf("the certificate %q of %d is removed", id, len(remote.Certificates))
	}
	remote.Certificates = slices.Delete(slices.Clone(remote.Certificates), at, at+1)
}

func (remote *Remote) readMetadata(url string) error {
	read, found := remote.Metadata[url]
	if !found {
		return RefusalError("invalid_xml_from_saml_metadata_url")
	}
	next := *remote
	next.IDPEntityID, next.IDPSSOURL = read.EntityID, read.SSOURL
	if remote.Habits.Metadata == "replace" {
		next.Certificates = nil
	}
	if remote.Habits.Metadata == "keep" {
		next.Certificates = slices.DeleteFunc(slices.Clone(remote.Certificates), func(c RemoteCertificate) bool {
			return !slices.ContainsFunc(read.Certificates, func(d IssuedCertificate) bool { return d.SHA256 == c.SHA256 })
		})
	}
	for _, c := range read.Certificates {
		if err := next.Place(c, remote.Habits.Metadata == "append-all"); err != nil {
			return err
		}
	}
	*remote = next
	return nil
}

// SPKIOf reads a private key as Stytch does, and says which it is.
func SPKIOf(t *testing.T, text string) string {
	t.Helper()
	return keysRead.read(text, func(text string) string {
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "RSA PRIVATE KEY" || len(rest) > 0 {
			t.Fatal("what is sent as a private key is not one PKCS#1 key")
		}
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return SHA256Of(string(spki))
	})
}

func (remote *Remote) sign(t *testing.T, text string) error {
	t.Helper()
	spki := SPKIOf(t, text)
	if slices.Contains(remote.Refuses, spki) {
		return RefusalError("saml_signing_private_key_invalid")
	}
	remote.Made++
	made := RemoteSigningKey{SPKISHA256: spki, SHA256: SHA256Of(spki), PEM: "certificate of " + spki[:8], made: Noon.Add(time.Duration(remote.Made) * time.Second)}
	if !remote.Habits.signingStay {
		remote.Signing = nil
	}
	remote.Signing = append(slices.Clone(remote.Signing), made)
	return nil
}

func (remote *Remote) addKey(t *testing.T, text string) error {
	t.Helper()
	spki := SPKIOf(t, text)
	if slices.Contains(remote.Refuses, spki) {
		return RefusalError("private_key_too_long")
	}
	if len(remote.Keys) >= 5 {
		return RefusalError("too_many_encryption_certificates")
	}
	remote.Keys = append(slices.Clone(remote.Keys), RemoteKey{remote.newID("key"), spki})
	return nil
}

// asSAML is what Stytch shows of a SAML connection, in one of the spellings that it may choose.
func (remote *Remote) asSAML(random *rand.Rand) stytch.SAMLConnection {
	r := remote.Noisy(random).SAML()
	r.ACSURL, r.AudienceURI = "https://api.stytch.com/acs/"+SAMLID, "https://api.stytch.com/audience/"+SAMLID
	for _, c := range remote.Certificates {
		shown := stytch.Certificate{ID: c.ID, SHA256: c.Shown, ExpiresAt: c.Ends, Subject: "CN=okta"}
		if len(remote.Certificates) >= 5 {
			shown.PEM = c.PEM
		}
		r.VerificationCertificates = append(r.VerificationCertificates, shown)
	}
	random.Shuffle(len(r.VerificationCertificates), func(i, j int) {
		list := r.VerificationCertificates
		list[i], list[j] = list[j], list[i]
	})
	for _, s := range slices.Backward(remote.Signing) {
		r.SigningCertificates = append(r.SigningCertificates, stytch.SigningCertificate{SHA256: s.SHA256, SPKISHA256: s.SPKISHA256, PEM: s.PEM, CreatedAt: s.made, ExpiresAt: YearsOn(3)})
	}
	for _, k := range remote.Keys {
		r.EncryptionKeyIDs = append(r.EncryptionKeyIDs, k.ID)
	}
	return r
}

// AsOIDC is what Stytch shows of an OIDC connection.
func (remote *Remote) AsOIDC(random *rand.Rand) stytch.OIDCConnection {
	r := remote.Noisy(random).OIDC()
	if remote.Habits.SecretIs == "masked" {
		r.ClientSecretMasked = r.ClientSecretSHA256 != ""
	}
	if remote.Habits.SecretIs != "shown" {
		r.ClientSecretSHA256 = ""
	}
	return r
}

// AnyRemote is a connection at Stytch, as anybody may have left it.
func AnyRemote(random *rand.Rand) *Remote {
	remote := &Remote{Document: RandomDocument(random), Habits: Habits{
		Metadata: Pick(random, "append", "append-all", "replace", "keep"), duplicates: Maybe(random), signingStay: Maybe(random),
		SecretIs: Pick(random, "shown", "masked", "empty"),
	}}
	remote.Metadata = map[string]RemoteMetadata{
		MetadataURLs[0]: {"urn:a", "https://a", Among(random, MetadataCertificates(0), 1, 2)},
		MetadataURLs[1]: {Pick(random, "urn:a", "urn:b"), "https://b", Among(random, MetadataCertificates(1), 1, 2)},
	}
	remote.Discovery = map[string]map[string]string{
		"https://a": {"authorization_url": "https://a/authorize", "token_url": "https://a/token", "userinfo_url": "https://a/userinfo", "jwks_url": "https://a/jwks"},
		"https://b": {"authorization_url": "https://b/authorize", "token_url": "https://b/token", "jwks_url": "https://b/jwks"},
	}
	for _, c := range Among(random, OtherCertificates(), 0, 2) {
		_ = remote.Place(c, false)
	}
	remote.Signing = []RemoteSigningKey{{SPKISHA256: "stytch", SHA256: SHA256Of("stytch"), PEM: "certificate of stytch", made: Noon}}
	return remote
}

// Drift changes something at Stytch that nobody asked the operator for.
func (remote *Remote) Drift(random *rand.Rand) {
	switch random.Intn(7) {
	case 0:
		secret := remote.ClientSecret
		remote.Document = RandomDocument(random)
		if remote.Habits.SecretIs != "shown" {
			remote.ClientSecret = secret // what is not shown is not seen to drift
		}
	case 1:
		_ = remote.Place(Pick(random, OtherCertificates()...), false)
	case 2:
		if len(remote.Certificates) > 1 {
			remote.Certificates = remote.Certificates[1:]
		}
	case 3:
		remote.Keys = nil
	case 4:
		remote.IDPEntityID, remote.IDPSSOURL = "urn:evil", "https://evil"
	case 5:
		remote.AuthorizationURL, remote.TokenURL, remote.JWKSURL = "https://evil/authorize", "https://evil/token", "https://evil/jwks"
	case 6:
		remote.DetailsMeta = metav1.ObjectMeta{Labels: map[string]string{"team": "theirs", "their": "own"}}
	}
}

// MarkedName is the name of a connection that is being created for a manifest of which nothing is recorded.
func MarkedName(name string, uid types.UID) string {
	return connection.ProvisionalName(name, connection.UIDMark(uid))
}
