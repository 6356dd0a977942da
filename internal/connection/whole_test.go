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

// pool are a few certificates. The first four are those of identity providers' metadata; the last three have ended.
var pool = sync.OnceValue(func() []issued {
	var made []issued
	for i, years := range []int{1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, -1, -2, 0} {
		made = append(made, issue(&testing.T{}, fmt.Sprintf("idp-%d", i), yearsOn(years)))
	}
	return made
})

func published(document int) []issued { return pool()[2*document : 2*document+2] }
func written() []issued               { return pool()[4:11] }
func anybodys() []issued              { return pool()[4:] }

// among are some of a list, in any order.
func among[T any](random *rand.Rand, list []T, least, most int) []T {
	mixed := slices.Clone(list)
	random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed[:least+random.Intn(most-least+1)]
}

// shelf are the Secrets and ConfigMaps beside a manifest.
type shelf struct {
	secrets    map[string]*corev1.Secret
	configMaps map[string]*corev1.ConfigMap
}

func newShelf() *shelf {
	return &shelf{secrets: map[string]*corev1.Secret{}, configMaps: map[string]*corev1.ConfigMap{}}
}

// put writes a Secret, or a ConfigMap, and returns the name of the key.
func (s *shelf) put(kind, name, value string) string {
	if kind == connection.KindSecret {
		s.secrets[name] = secretOf(name, map[string]string{"key": value})
	} else {
		s.configMaps[name] = configMapOf(name, map[string]string{"key": value})
	}
	return "key"
}

// certificates spreads certificates over a manifest, as they may be written: inline or in bundles.
func (s *shelf) certificates(random *rand.Rand, list []issued) []v1alpha1.VerificationCertificate {
	var entries []v1alpha1.VerificationCertificate
	for i := 0; len(list) > 0; i++ {
		take := 1 + random.Intn(len(list))
		var bundle strings.Builder
		for _, c := range list[:take] {
			bundle.WriteString(c.pem + pick(random, "", "\n", "  \n\n"))
		}
		text := bundle.String() + pick(random, "", list[0].pem) // one of them twice
		name := fmt.Sprintf("bundle-%d", i)
		switch random.Intn(3) {
		case 0:
			entries = append(entries, v1alpha1.VerificationCertificate{PEM: list[0].pem})
			take = 1
		case 1:
			entries = append(entries, v1alpha1.VerificationCertificate{SecretKeyRef: &v1alpha1.SecretKeyRef{Name: name, Key: s.put(connection.KindSecret, name, text)}})
		default:
			entries = append(entries, v1alpha1.VerificationCertificate{ConfigMapKeyRef: &v1alpha1.ConfigMapKeyRef{Name: name, Key: s.put(connection.KindConfigMap, name, text)}})
		}
		list = list[take:]
	}
	return entries
}

// key is a reference to a private key.
func (s *shelf) key(random *rand.Rand, p pair) v1alpha1.SecretKeyRef {
	name := "key-" + p.spki[:8]
	return v1alpha1.SecretKeyRef{Name: name, Key: s.put(connection.KindSecret, name, pick(random, p.pkcs1, p.pkcs8, "\n"+p.pkcs8+"\n"))}
}

var documents = []string{"https://idp.example.com/metadata", "https://other.example.com/metadata"}

// wholeSAML edits a manifest into any other, with everything that a SAML connection may carry.
func wholeSAML(random *rand.Rand, o *v1alpha1.SAMLConnection, s *shelf) {
	o.Spec = randomSAML(random).Spec
	switch random.Intn(4) {
	case 0:
	case 1:
		o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.MetadataURL = "", "", pick(random, documents...)
		o.Annotations = pick(random, nil, map[string]string{v1alpha1.AnnotationRefreshMetadata: pick(random, "1", "2")})
	default:
		o.Spec.VerificationCertificates = s.certificates(random, among(random, written(), 1, 5))
	}
	if maybe(random) {
		o.Spec.SigningPrivateKeyRef = new(s.key(random, pick(random, pairs()...)))
	}
	if maybe(random) {
		o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{}
		for _, p := range among(random, pairs(), 0, 3) {
			o.Spec.EncryptionPrivateKeyRefs = append(o.Spec.EncryptionPrivateKeyRefs, s.key(random, p))
		}
	}
	o.Spec.DetailsConfigMapName = pick(random, "", "details")
}

// wholeFar is a connection at Stytch, as anybody may have left it.
func wholeFar(random *rand.Rand) *far {
	f := &far{document: randomDocument(random), habits: habits{
		metadata: pick(random, "append", "append-all", "replace", "keep"), duplicates: maybe(random), signingStay: maybe(random),
		secretIs: pick(random, "shown", "masked", "empty"),
	}}
	f.metadata = map[string]farMetadata{
		documents[0]: {"urn:a", "https://a", among(random, published(0), 1, 2)},
		documents[1]: {pick(random, "urn:a", "urn:b"), "https://b", among(random, published(1), 1, 2)},
	}
	f.discovery = map[string]map[string]string{
		"https://a": {"authorization_url": "https://a/authorize", "token_url": "https://a/token", "userinfo_url": "https://a/userinfo", "jwks_url": "https://a/jwks"},
		"https://b": {"authorization_url": "https://b/authorize", "token_url": "https://b/token", "jwks_url": "https://b/jwks"},
	}
	for _, c := range among(random, anybodys(), 0, 2) {
		_ = f.place(c, false)
	}
	f.signing = []farSigning{{spki: "stytch", sha256: sumOf("stytch"), pem: "certificate of stytch", made: noon}}
	return f
}

// drift changes something at Stytch that nobody asked the operator for.
func (f *far) drift(random *rand.Rand) {
	switch random.Intn(6) {
	case 0:
		secret := f.ClientSecret
		f.document = randomDocument(random)
		if f.habits.secretIs != "shown" {
			f.ClientSecret = secret // what is not shown is not seen to drift
		}
	case 1:
		_ = f.place(pick(random, anybodys()...), false)
	case 2:
		if len(f.certificates) > 1 {
			f.certificates = f.certificates[1:]
		}
	case 3:
		f.keys = nil
	case 4:
		f.IDPEntityID, f.IDPSSOURL = "urn:evil", "https://evil"
	case 5:
		f.AuthorizationURL, f.TokenURL, f.JWKSURL = "https://evil/authorize", "https://evil/token", "https://evil/jwks"
	}
}

// forgetUnder takes a document's certificates from a connection to another identity provider: they count as that one's, and go.
func (f *far) forgetUnder(url string) {
	if read, is := f.metadata[url]; is && read.entity != f.IDPEntityID {
		f.certificates = slices.DeleteFunc(slices.Clone(f.certificates), func(c farCertificate) bool {
			return slices.ContainsFunc(read.certificates, func(d issued) bool { return d.sha256 == c.sha256 })
		})
	}
}

func (s *shelf) inputs(f *far, o v1alpha1.Connection) connection.Inputs {
	in := connection.Inputs{Now: noon, Secrets: s.secrets, ConfigMaps: map[string]*corev1.ConfigMap{}, Groups: f.groups}
	maps.Copy(in.ConfigMaps, s.configMaps)
	if f.details != nil {
		in.ConfigMaps["details"] = detailsOf(o.GetUID(), f.details)
	}
	return in
}

func TestAnySAMLConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(150) {
		random := rand.New(rand.NewSource(seed))
		s := newRollover(random)
		for range 4 {
			wholeSAML(random, s.held, s.beside)
			s.far.forgetUnder(s.held.Spec.MetadataURL)
			s.becomes(t, seed, s.checkSAML)
			s.far.drift(random)
			s.becomes(t, seed, s.checkSAML)
		}
	}
}

// becomes fails the test where passes do not end with everything as it should be.
func (s *stage[O, R]) becomes(t *testing.T, seed int64, check func(*testing.T, int64)) {
	t.Helper()
	out := s.settle(t)
	if full := refusal("too_many_sso_verification_certificates"); errors.Is(out.err, full) && story(s.log) == "ReadMetadata" && len(s.far.certificates) > 2 {
		s.far.certificates = s.far.certificates[:1] // as the message says
		out = s.settle(t)
	}
	s.equal(t, seed, out)
	check(t, seed)
}

// equal fails the test where a pass did not end with everything as it should be.
func (s *stage[O, R]) equal(t *testing.T, seed int64, out outcome) {
	t.Helper()
	if out.err != nil || len(out.plan) > 0 || len(out.stuck) > 0 || len(out.problems) > 0 {
		t.Fatalf("seed %d: %s ended with %v, the plan %q, stuck %s, problems %q", seed, inJSON(t, s.held), out.err, story(out.plan), inJSON(t, out.stuck), problemWords(out.problems))
	}
}

// checkSAML compares the connection with its manifest.
func (s *stage[O, R]) checkSAML(t *testing.T, seed int64) {
	t.Helper()
	o := any(s.held).(*v1alpha1.SAMLConnection)
	fail := func(what string) {
		t.Helper()
		t.Fatalf("seed %d: %s: %s at %s %v %v %+v\n%s", seed, what, inJSON(t, o), inJSON(t, s.far.document), s.far.certificates, s.far.keys, s.far.habits, strings.Join(s.told, "\n"))
	}
	var is, want []string
	for _, c := range s.far.certificates {
		is = append(is, c.sha256)
	}
	desired, _ := wantOf(saml.Kind(), o, samlID, s.inputs())
	for _, c := range desired.Certificates {
		want = append(want, c.SHA256)
	}
	if desired.Certificates != nil && !sameSet(is, want) {
		fail("certificates")
	}
	if url := o.Spec.MetadataURL; url != "" {
		read := s.far.metadata[url]
		if s.far.IDPEntityID != read.entity || s.far.IDPSSOURL != read.sso || len(is) == 0 {
			fail("metadata")
		}
		for _, c := range read.certificates {
			if !slices.Contains(is, c.sha256) {
				fail("a certificate of the metadata")
			}
		}
	}
	if len(desired.Signing) > 0 && s.far.signing[len(s.far.signing)-1].spki != desired.Signing[0].SPKISHA256 {
		fail("the signing key")
	}
	var keys, wanted []string
	for _, k := range s.far.keys {
		keys = append(keys, k.spki)
	}
	if desired.Encryption != nil {
		for _, k := range desired.Encryption.Keys {
			wanted = append(wanted, k.SPKISHA256)
		}
		if slices.Sort(keys); !sameSet(keys, wanted) || len(slices.Compact(keys)) != len(s.far.keys) {
			fail("encryption keys")
		}
	}
	if o.Spec.DetailsConfigMapName != "" {
		same(t, "the details", s.far.details, map[string]string{
			"acs-url": o.Status.ACSURL, "audience-uri": o.Status.AudienceURI, "signing-certificate.pem": s.far.signing[len(s.far.signing)-1].pem,
		})
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// wholeOIDC edits a manifest into any other.
func wholeOIDC(random *rand.Rand, o *v1alpha1.OIDCConnection, s *shelf) {
	o.Spec = randomOIDC(random).Spec
	o.Spec.Issuer = pick(random, "", "https://a", "https://b", "https://unreadable")
	if ref := o.Spec.ClientSecretRef; ref != nil {
		object := secretOf(ref.Name, map[string]string{ref.Key: pick(random, theSecret, "another-secret", " "+theSecret+"\n")})
		object.ResourceVersion = fmt.Sprint(random.Intn(1 << 30))
		s.secrets[ref.Name] = object
	}
	o.Spec.DetailsConfigMapName = pick(random, "", "details")
	o.Annotations = map[string]string{v1alpha1.AnnotationRetryDiscovery: pick(random, "", "1", "2")}
}

// anyOIDC is the stage of an OIDC connection that anybody may have left at Stytch, and the objects beside its manifest.
func anyOIDC(random *rand.Rand) (*stage[*v1alpha1.OIDCConnection, stytch.OIDCConnection], *shelf) {
	f, beside := wholeFar(random), newShelf()
	o := &v1alpha1.OIDCConnection{ObjectMeta: meta("entra")}
	o.Status.ConnectionID = oidcID
	s := &stage[*v1alpha1.OIDCConnection, stytch.OIDCConnection]{kind: oidc.Kind(), held: o, far: f}
	s.shows = func() stytch.OIDCConnection { return f.asOIDC(random) }
	s.inputs = func() connection.Inputs { return beside.inputs(f, s.held) }
	return s, beside
}

func TestAnyOIDCConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(400) {
		random := rand.New(rand.NewSource(seed))
		s, beside := anyOIDC(random)
		for range 5 {
			wholeOIDC(random, s.held, beside)
			s.becomesOIDC(t, seed)
			s.far.drift(random)
			s.becomesOIDC(t, seed)
		}
	}
}

// becomesOIDC fails the test where passes do not end as they should: equal, or with a discovery that failed.
func (s *stage[O, R]) becomesOIDC(t *testing.T, seed int64) {
	t.Helper()
	out := s.settle(t)
	o := any(s.held).(*v1alpha1.OIDCConnection)
	if reason, message := connection.Worst(out.problems); reason != "" {
		same(t, "the reason", reason, v1alpha1.ReasonDiscoveryFailed)
		contains(t, message, o.Spec.Issuer)
	} else if message != "" {
		contains(t, message, "These endpoints are not managed")
	}
	out.problems = nil
	s.equal(t, seed, out)
	is, spec := s.far.document, o.Spec
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
	if spec.ClientSecretRef != nil && is.ClientSecret != strings.TrimSpace(string(s.inputs().Secrets["entra"].Data["client-secret"])) {
		t.Fatalf("seed %d: the client secret is %q", seed, is.ClientSecret)
	}
	if spec.DetailsConfigMapName != "" {
		same(t, "the details", s.far.details, map[string]string{"redirect-url": theRedirect})
	}
}

// anyExternal is the stage of an External connection that anybody may have left at Stytch, and whose source is given by name, or by ID.
func anyExternal(random *rand.Rand, byName bool) *stage[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	source := samlManifest()
	source.Status.OrganizationID, source.Status.State = "organization-live-9", "active"
	f := wholeFar(random)
	o := &v1alpha1.ExternalConnection{ObjectMeta: meta("parent")}
	o.Status.ConnectionID, o.Status.OrganizationID = externalID, "organization-live-1"
	if byName {
		o.Spec.SourceRef = &v1alpha1.ExternalSourceRef{Kind: v1alpha1.SourceSAML, Name: "okta"}
	}
	s := &stage[*v1alpha1.ExternalConnection, stytch.ExternalConnection]{kind: external.Kind(), held: o, far: f}
	s.shows = func() stytch.ExternalConnection { return f.noisy(random).external() }
	s.inputs = func() connection.Inputs { return connection.Inputs{Now: noon, Source: source} }
	return s
}

// editExternal edits a manifest into any other with the same source.
func editExternal(random *rand.Rand, o *v1alpha1.ExternalConnection) {
	ref := o.Spec.SourceRef
	o.Spec = randomExternal(random).Spec
	if ref != nil {
		o.Spec.Source, o.Spec.SourceRef = nil, ref
	}
}

func TestAnyExternalConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(200) {
		random := rand.New(rand.NewSource(seed))
		s := anyExternal(random, maybe(random))
		for range 4 {
			editExternal(random, s.held)
			s.equal(t, seed, s.settle(t))
			s.far.drift(random)
			s.equal(t, seed, s.settle(t))
		}
	}
}

func TestAnySCIMConnectionBecomesWhatItsManifestSays(t *testing.T) {
	t.Parallel()
	for seed := range int64(400) {
		random := rand.New(rand.NewSource(seed))
		f := wholeFar(random)
		f.token, f.secret = farToken{lastFour: "wxyz"}, secretWith(scimID, "some-token-wxyz").Secrets["acme-scim"]
		s := newSCIM(random, f)
		for range 4 {
			s.held.Spec = randomSCIM(random).Spec
			if len(s.held.Spec.GroupImplicitRoles) > 0 {
				s.held.Spec.GroupImplicitRoles = append(s.held.Spec.GroupImplicitRoles,
					v1alpha1.SCIMGroupRole{GroupName: pick(random, "Engineering", "Ops", "Contractors"), Role: "viewer"},
					v1alpha1.SCIMGroupRole{GroupName: pick(random, "Engineering", "Ops"), Role: "editor"})
			}
			for range 3 {
				f.groups = among(random, []stytch.SCIMGroup{{ID: "g1", Name: "Engineering"}, {ID: "g3", Name: "Ops"}, {ID: "g4", Name: "Ops"}, {ID: "g5", Name: "Finance"}}, 0, 4)
				out := s.settle(t)
				if reason, _ := connection.Worst(out.problems); reason == v1alpha1.ReasonGroupsPending || reason == v1alpha1.ReasonInvalid {
					out.problems = nil
				}
				s.equal(t, seed, out)
				f.drift(random)
			}
		}
	}
}
