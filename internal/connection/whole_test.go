package connection_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// CertificatePool are a few certificates. The first four are those of identity providers' metadata; the last three have ended.
var CertificatePool = sync.OnceValue(func() []IssuedCertificate {
	var made []IssuedCertificate
	for i, years := range []int{1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, -1, -2, 0} {
		made = append(made, IssueCertificate(&testing.T{}, fmt.Sprintf("idp-%d", i), YearsOn(years)))
	}
	return made
})

func MetadataCertificates(document int) []IssuedCertificate {
	return CertificatePool()[2*document : 2*document+2]
}

func Written() []IssuedCertificate { return CertificatePool()[4:11] }

func OtherCertificates() []IssuedCertificate { return CertificatePool()[4:] }

// Among are some of a list, in any order.
func Among[T any](random *rand.Rand, list []T, least, most int) []T {
	mixed := slices.Clone(list)
	random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed[:least+random.Intn(most-least+1)]
}

// Objects are the Secrets and ConfigMaps beside a manifest.
type Objects struct {
	Secrets    map[string]*corev1.Secret
	configMaps map[string]*corev1.ConfigMap
}

func NewObjects() *Objects {
	return &Objects{Secrets: map[string]*corev1.Secret{}, configMaps: map[string]*corev1.ConfigMap{}}
}

// Put writes a Secret, or a ConfigMap, and returns the name of the key.
func (s *Objects) Put(kind, name, value string) string {
	if kind == connection.KindSecret {
		s.Secrets[name] = SecretOf(name, map[string]string{"key": value})
	} else {
		s.configMaps[name] = ConfigMapOf(name, map[string]string{"key": value})
	}
	return "key"
}

// certificates spreads certificates over a manifest, as they may be written: inline or in bundles.
func (s *Objects) certificates(random *rand.Rand, list []IssuedCertificate) []v1alpha1.VerificationCertificate {
	var entries []v1alpha1.VerificationCertificate
	for i := 0; len(list) > 0; i++ {
		take := 1 + random.Intn(len(list))
		var bundle strings.Builder
		for _, c := range list[:take] {
			bundle.WriteString(c.PEM + Pick(random, "", "\n", "  \n\n"))
		}
		text := bundle.String() + Pick(random, "", list[0].PEM) // one of them twice
		name := fmt.Sprintf("bundle-%d", i)
		switch random.Intn(3) {
		case 0:
			entries = append(entries, v1alpha1.VerificationCertificate{PEM: list[0].PEM})
			take = 1
		case 1:
			entries = append(entries, v1alpha1.VerificationCertificate{SecretKeyRef: &v1alpha1.SecretKeyRef{Name: name, Key: s.Put(connection.KindSecret, name, text)}})
		default:
			entries = append(entries, v1alpha1.VerificationCertificate{ConfigMapKeyRef: &v1alpha1.ConfigMapKeyRef{Name: name, Key: s.Put(connection.KindConfigMap, name, text)}})
		}
		list = list[take:]
	}
	return entries
}

// Key is a reference to a private key.
func (s *Objects) Key(random *rand.Rand, p KeyPair) v1alpha1.SecretKeyRef {
	name := "key-" + p.SPKISHA256[:8]
	return v1alpha1.SecretKeyRef{Name: name, Key: s.Put(connection.KindSecret, name, Pick(random, p.PKCS1, p.PKCS8, "\n"+p.PKCS8+"\n"))}
}

var MetadataURLs = []string{"https://idp.example.com/metadata", "https://other.example.com/metadata"}

// EditSAML edits a manifest into any other, with everything that a SAML connection may carry.
func EditSAML(random *rand.Rand, o *v1alpha1.SAMLConnection, s *Objects) {
	o.Spec = RandomSAML(random).Spec
	switch random.Intn(4) {
	case 0:
	case 1:
		o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.MetadataURL = "", "", Pick(random, MetadataURLs...)
		o.Annotations = Pick(random, nil, map[string]string{v1alpha1.AnnotationRefreshMetadata: Pick(random, "1", "2")})
	default:
		o.Spec.VerificationCertificates = s.certificates(random, Among(random, Written(), 1, 5))
	}
	if Maybe(random) {
		o.Spec.SigningPrivateKeyRef = new(s.Key(random, Pick(random, KeyPairs()...)))
	}
	if Maybe(random) {
		o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{}
		for _, p := range Among(random, KeyPairs(), 0, 3) {
			o.Spec.EncryptionPrivateKeyRefs = append(o.Spec.EncryptionPrivateKeyRefs, s.Key(random, p))
		}
	}
	o.Spec.DetailsConfigMapName = Pick(random, "", "details")
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
	switch random.Intn(6) {
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
	}
}

// forgetUnder takes a document's certificates from a connection to another identity provider: they count as that one's, and go.
func forgetUnder(remote *Remote, url string) {
	if read, is := remote.Metadata[url]; is && read.EntityID != remote.IDPEntityID {
		remote.Certificates = slices.DeleteFunc(slices.Clone(remote.Certificates), func(c RemoteCertificate) bool {
			return slices.ContainsFunc(read.Certificates, func(d IssuedCertificate) bool { return d.SHA256 == c.SHA256 })
		})
	}
}

func (s *Objects) inputs(remote *Remote, o v1alpha1.Connection) connection.Inputs {
	in := connection.Inputs{Now: Noon, Secrets: s.Secrets, ConfigMaps: map[string]*corev1.ConfigMap{}, Groups: remote.Groups}
	maps.Copy(in.ConfigMaps, s.configMaps)
	if remote.Details != nil {
		in.ConfigMaps["details"] = DetailsOf(o.GetUID(), remote.Details)
	}
	return in
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

// Equal fails the test where a pass did not end with everything as it should be.
func (s *Stage[O, R]) Equal(t *testing.T, seed int64, out Outcome) {
	t.Helper()
	if out.Err != nil || len(out.Plan) > 0 || len(out.Stuck) > 0 || len(out.Problems) > 0 {
		t.Fatalf("seed %d: %s ended with %v, the plan %q, stuck %s, problems %q", seed, InJSON(t, s.Held), out.Err, Story(out.Plan), InJSON(t, out.Stuck), ProblemWords(out.Problems))
	}
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

// EditOIDC edits a manifest into any other.
func EditOIDC(random *rand.Rand, o *v1alpha1.OIDCConnection, s *Objects) {
	o.Spec = RandomOIDC(random).Spec
	o.Spec.Issuer = Pick(random, "", "https://a", "https://b", "https://unreadable")
	if ref := o.Spec.ClientSecretRef; ref != nil {
		object := SecretOf(ref.Name, map[string]string{ref.Key: Pick(random, ClientSecret, "another-secret", " "+ClientSecret+"\n")})
		object.ResourceVersion = fmt.Sprint(random.Intn(1 << 30))
		s.Secrets[ref.Name] = object
	}
	o.Spec.DetailsConfigMapName = Pick(random, "", "details")
}

// AnyOIDC is the stage of an OIDC connection that anybody may have left at Stytch, and the objects beside its manifest.
func AnyOIDC(random *rand.Rand) (*Stage[*v1alpha1.OIDCConnection, stytch.OIDCConnection], *Objects) {
	remote, beside := AnyRemote(random), NewObjects()
	o := &v1alpha1.OIDCConnection{ObjectMeta: Meta("entra")}
	o.Status.ConnectionID = OIDCID
	s := &Stage[*v1alpha1.OIDCConnection, stytch.OIDCConnection]{Kind: oidc.Kind(), Held: o, Remote: remote}
	s.Shows = func() stytch.OIDCConnection { return remote.AsOIDC(random) }
	s.Inputs = func() connection.Inputs { return beside.inputs(remote, s.Held) }
	return s, beside
}

func TestAnyOIDCConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(400) {
		random := rand.New(rand.NewSource(seed))
		s, beside := AnyOIDC(random)
		for range 5 {
			EditOIDC(random, s.Held, beside)
			becomesOIDC(t, s, seed)
			s.Remote.Drift(random)
			becomesOIDC(t, s, seed)
		}
	}
}

// becomesOIDC fails the test where passes do not end as they should: equal, or with a discovery that failed.
func becomesOIDC(t *testing.T, s *oidcStage, seed int64) {
	t.Helper()
	out := s.Settle(t)
	o := s.Held
	if reason, message := connection.Worst(out.Problems); reason != "" {
		Same(t, "the reason", reason, v1alpha1.ReasonDiscoveryFailed)
		Contains(t, message, o.Spec.Issuer)
		out.Problems = nil
	}
	s.Equal(t, seed, out)
	is, spec := s.Remote.Document, o.Spec
	for _, side := range []struct{ what, desired, is string }{
		{"client ID", spec.ClientID, is.ClientID},
		{"issuer", spec.Issuer, is.Issuer},
		{"authorization URL", spec.AuthorizationURL, is.AuthorizationURL},
		{"token URL", spec.TokenURL, is.TokenURL},
		{"userinfo URL", spec.UserinfoURL, is.UserinfoURL},
		{"JWKS URL", spec.JWKSURL, is.JWKSURL},
	} {
		if side.desired != "" && side.desired != side.is {
			t.Fatalf("seed %d: the %s is %s, want %s", seed, side.what, side.is, side.desired)
		}
	}
	if d := o.Status.Discovered; d != nil {
		for url, is := range map[string]string{d.AuthorizationURL: is.AuthorizationURL, d.TokenURL: is.TokenURL, d.UserinfoURL: is.UserinfoURL, d.JWKSURL: is.JWKSURL} {
			if url != "" && url != is {
				t.Fatalf("seed %d: %s was discovered and %s is there", seed, url, is)
			}
		}
	}
	if spec.ClientSecretRef != nil && is.ClientSecret != strings.TrimSpace(string(s.Inputs().Secrets["entra"].Data["client-secret"])) {
		t.Fatalf("seed %d: the client secret is %q", seed, is.ClientSecret)
	}
	if spec.DetailsConfigMapName != "" {
		Same(t, "the details", s.Remote.Details, map[string]string{"redirect-url": RedirectURL})
	}
}

// AnyExternal is the stage of an External connection that anybody may have left at Stytch, and whose source is given by name, or by ID.
func AnyExternal(random *rand.Rand, byName bool) *Stage[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	source := SAMLManifest()
	source.Status.OrganizationID, source.Status.State = "organization-live-9", "active"
	remote := AnyRemote(random)
	o := &v1alpha1.ExternalConnection{ObjectMeta: Meta("parent")}
	o.Status.ConnectionID, o.Status.OrganizationID = ExternalID, "organization-live-1"
	if byName {
		o.Spec.SourceRef = &v1alpha1.ExternalSourceRef{Kind: v1alpha1.SourceSAML, Name: "okta"}
	}
	s := &Stage[*v1alpha1.ExternalConnection, stytch.ExternalConnection]{Kind: external.Kind(), Held: o, Remote: remote}
	s.Shows = func() stytch.ExternalConnection { return remote.Noisy(random).External() }
	s.Inputs = func() connection.Inputs { return connection.Inputs{Now: Noon, Source: source} }
	return s
}

// EditExternal edits a manifest into any other with the same source.
func EditExternal(random *rand.Rand, o *v1alpha1.ExternalConnection) {
	ref := o.Spec.SourceRef
	o.Spec = RandomExternal(random).Spec
	if ref != nil {
		o.Spec.Source, o.Spec.SourceRef = nil, ref
	}
}

func TestAnyExternalConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(200) {
		random := rand.New(rand.NewSource(seed))
		s := AnyExternal(random, Maybe(random))
		for range 4 {
			EditExternal(random, s.Held)
			s.Equal(t, seed, s.Settle(t))
			s.Remote.Drift(random)
			s.Equal(t, seed, s.Settle(t))
		}
	}
}

func TestAnySCIMConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(400) {
		random := rand.New(rand.NewSource(seed))
		remote := AnyRemote(random)
		remote.Token, remote.Secret = RemoteToken{LastFour: "wxyz"}, SecretWith(SCIMID, "some-token-wxyz").Secrets["acme-scim"]
		s := NewSCIM(random, remote)
		for range 4 {
			s.Held.Spec = RandomSCIM(random).Spec
			if len(s.Held.Spec.GroupImplicitRoles) > 0 {
				s.Held.Spec.GroupImplicitRoles = append(s.Held.Spec.GroupImplicitRoles,
					v1alpha1.SCIMGroupRole{GroupName: Pick(random, "Engineering", "Ops", "Contractors"), Role: "viewer"},
					v1alpha1.SCIMGroupRole{GroupName: Pick(random, "Engineering", "Ops"), Role: "editor"})
			}
			for range 3 {
				remote.Groups = Among(random, []stytch.SCIMGroup{{ID: "g1", Name: "Engineering"}, {ID: "g3", Name: "Ops"}, {ID: "g4", Name: "Ops"}, {ID: "g5", Name: "Finance"}}, 0, 4)
				out := s.Settle(t)
				if reason, _ := connection.Worst(out.Problems); reason == v1alpha1.ReasonGroupsPending || reason == v1alpha1.ReasonInvalid {
					out.Problems = nil
				}
				s.Equal(t, seed, out)
				remote.Drift(random)
			}
		}
	}
}
