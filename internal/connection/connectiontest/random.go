package connectiontest

import (
	"fmt"
	"math/rand"
	"slices"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Maybe is true every other time.
func Maybe(random *rand.Rand) bool { return random.Intn(2) == 0 }

// Pick is one of some choices.
func Pick[T any](random *rand.Rand, choices ...T) T { return choices[random.Intn(len(choices))] }

// some is a list of up to three entries, or none at all.
func some[T any](random *rand.Rand, one func() T) []T {
	if random.Intn(3) == 0 {
		return nil
	}
	list := []T{}
	for range random.Intn(4) {
		list = append(list, one())
	}
	return list
}

func randomRole(random *rand.Rand) role {
	return role{RoleID: Pick(random, "viewer", "editor", "admin"), Group: Pick(random, "eng", "ops", "Ünï <&>")}
}

// RandomDocument is whatever may be at Stytch.
func RandomDocument(random *rand.Rand) Document {
	group := func() role { return randomRole(random) }
	plain := func() role { return role{RoleID: randomRole(random).RoleID} }
	byID := func() role { return role{RoleID: randomRole(random).RoleID, GroupID: Pick(random, "g1", "g2")} }
	return Document{
		DisplayName:      Pick(random, "", "Acme", "by hand", MarkedName("Acme", ManifestUID), MarkedName("x", OtherUID)),
		IdentityProvider: Pick(random, "", "generic", "okta"), IDPEntityID: Pick(random, "", "urn:a", "urn:b"), IDPSSOURL: Pick(random, "", "https://a", "https://b"),
		AttributeMapping: randomMapping[string](random), NameIDFormat: Pick(random, "", DefaultNameIDFormat, "urn:x"),
		Audience: Pick(random, "", "urn:a"), ACSURL: Pick(random, "", "https://a"), Disabled: Maybe(random), Gateway: Maybe(random),
		SAMLRoles: some(random, plain), SAMLGroups: some(random, group), ExternalRoles: some(random, plain),
		ExternalGroups: some(random, group), SCIMGroups: some(random, byID),
		ClientID: Pick(random, "", "a", "b"), ClientSecret: Pick(random, ClientSecret, "another-secret"), Issuer: Pick(random, "", "https://a", "https://b"),
		AuthorizationURL: Pick(random, "", "https://a/authorize", "https://b/authorize"), TokenURL: Pick(random, "", "https://a/token"),
		UserinfoURL: Pick(random, "", "https://a/userinfo"), JWKSURL: Pick(random, "", "https://a/jwks"), Scopes: Pick(random, "", "x", "x y", "y%20x"),
	}
}

func randomMapping[S ~string](random *rand.Rand) map[string]S {
	if random.Intn(3) == 0 {
		return nil
	}
	mapping := map[string]S{"email": Pick[S](random, "NameID", "mail")}
	if Maybe(random) {
		mapping["full_name"] = Pick[S](random, "displayName", "<cn>")
	}
	return mapping
}

func randomCommon(random *rand.Rand) v1alpha1.ConnectionSpec {
	return v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: Pick(random, "", "Acme", "Acme – Okta")}
}

func randomGroupRole(random *rand.Rand) func() v1alpha1.GroupRole {
	return func() v1alpha1.GroupRole {
		r := randomRole(random)
		return v1alpha1.GroupRole{Group: r.Group, Role: r.RoleID}
	}
}

func randomRoleID(random *rand.Rand) func() string {
	return func() string { return randomRole(random).RoleID }
}

// RandomTemplate has any labels and annotations, or none.
func RandomTemplate(random *rand.Rand) *v1alpha1.ObjectTemplate {
	return Pick(random, nil, &v1alpha1.ObjectTemplate{
		Labels:      Pick(random, nil, map[string]v1alpha1.LabelValue{}, map[string]v1alpha1.LabelValue{"team": Pick[v1alpha1.LabelValue](random, "", "a"), "other": "b"}),
		Annotations: Pick(random, nil, map[string]string{"note": Pick(random, "", `"x"`, "x")}),
	})
}

// RandomSAML is a manifest of any valid settings.
func RandomSAML(random *rand.Rand) *v1alpha1.SAMLConnection {
	return &v1alpha1.SAMLConnection{ObjectMeta: Meta("okta"), Spec: v1alpha1.SAMLConnectionSpec{
		ConnectionSpec:   randomCommon(random),
		IdentityProvider: Pick[v1alpha1.SSOIdentityProvider](random, "", "generic", "okta"),
		IDPEntityID:      Pick(random, "", "urn:a", "urn:b"), IDPSSOURL: Pick(random, "", "https://a", "https://b"),
		AttributeMapping: randomMapping[v1alpha1.Attribute](random), NameIDFormat: Pick(random, nil, new(""), new(DefaultNameIDFormat), new("urn:x")),
		AlternativeAudienceURI: Pick(random, nil, new(""), new("urn:a")), AlternativeACSURL: Pick(random, nil, new(""), new("https://a")),
		IDPInitiatedAuth: Pick[v1alpha1.Toggle](random, "", "Enabled", "Disabled"), GatewayCallback: Pick[v1alpha1.Permission](random, "", "Allowed", "Denied"),
		ImplicitRoles: some(random, randomRoleID(random)), GroupImplicitRoles: some(random, randomGroupRole(random)),
	}}
}

// RandomExternal is a manifest of any valid settings.
func RandomExternal(random *rand.Rand) *v1alpha1.ExternalConnection {
	return &v1alpha1.ExternalConnection{ObjectMeta: Meta("parent"), Spec: v1alpha1.ExternalConnectionSpec{
		ConnectionSpec: randomCommon(random), Source: ExternalManifest().Spec.Source,
		ImplicitRoles: some(random, randomRoleID(random)), GroupImplicitRoles: some(random, randomGroupRole(random)),
	}}
}

// RandomOIDC is a manifest of any valid settings.
func RandomOIDC(random *rand.Rand) *v1alpha1.OIDCConnection {
	return &v1alpha1.OIDCConnection{ObjectMeta: Meta("entra"), Spec: v1alpha1.OIDCConnectionSpec{
		ConnectionSpec:   randomCommon(random),
		IdentityProvider: Pick[v1alpha1.SSOIdentityProvider](random, "", "generic", "okta"),
		ClientID:         Pick(random, "", "a", "b"), ClientSecretRef: Pick(random, nil, OIDCManifest().Spec.ClientSecretRef),
		Issuer:           Pick(random, "", "https://a", "https://b"),
		AuthorizationURL: Pick(random, "", "https://a/authorize", "https://c/authorize"), TokenURL: Pick(random, "", "https://a/token", "https://b/token"),
		UserinfoURL: Pick(random, "", "https://a/userinfo"), JWKSURL: Pick(random, "", "https://a/jwks", "https://b/jwks"),
		CustomScopes: Pick(random, nil, []string{}, []string{"x"}, []string{"y", "x"}), AttributeMapping: randomMapping[v1alpha1.Attribute](random),
	}}
}

// RandomSCIM is a manifest of any valid settings.
func RandomSCIM(random *rand.Rand) *v1alpha1.SCIMConnection {
	return &v1alpha1.SCIMConnection{ObjectMeta: Meta("acme-scim"), Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec:   randomCommon(random),
		IdentityProvider: Pick[v1alpha1.SCIMIdentityProvider](random, "", "generic", "okta"),
		GroupImplicitRoles: some(random, func() v1alpha1.SCIMGroupRole {
			return v1alpha1.SCIMGroupRole{GroupID: Pick(random, "g1", "g2"), Role: randomRole(random).RoleID}
		}),
		BearerToken: v1alpha1.SCIMBearerToken{SecretName: "acme-scim"},
	}}
}

// EditCertificates asks for other certificates.
func EditCertificates(random *rand.Rand, s *Stage[*v1alpha1.SAMLConnection, stytch.SAMLConnection], beside *Objects) {
	s.Held.Spec.MetadataURL = ""
	s.Held.Spec.VerificationCertificates = beside.certificates(random, Among(random, OtherCertificates(), 1, 5))
	if random.Intn(6) == 0 {
		s.Held.Spec.VerificationCertificates = append(s.Held.Spec.VerificationCertificates[:1], v1alpha1.VerificationCertificate{PEM: "x"})
	}
	s.Remote.Refuses = nil
	if Maybe(random) {
		for _, c := range Among(random, OtherCertificates(), 0, 3) {
			if !slices.ContainsFunc(s.Remote.Certificates, func(h RemoteCertificate) bool { return h.SHA256 == c.SHA256 }) {
				s.Remote.Refuses = append(s.Remote.Refuses, c.SHA256)
			}
		}
	}
}

// Among are some of a list, in any order.
func Among[T any](random *rand.Rand, list []T, least, most int) []T {
	mixed := slices.Clone(list)
	random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed[:least+random.Intn(most-least+1)]
}

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
	o.Spec.DetailsConfigMapName, o.Spec.DetailsTemplate = randomDetails(random)
}

// randomDetails are a ConfigMap and its template, which there is not without it.
func randomDetails(random *rand.Rand) (name string, template *v1alpha1.ObjectTemplate) {
	if !Maybe(random) {
		return "", nil
	}
	return "details", RandomTemplate(random)
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
	o.Spec.DetailsConfigMapName, o.Spec.DetailsTemplate = randomDetails(random)
	o.Annotations = map[string]string{v1alpha1.AnnotationRetryDiscovery: Pick(random, "", "1", "2")}
}

// EditExternal edits a manifest into any other with the same source.
func EditExternal(random *rand.Rand, o *v1alpha1.ExternalConnection) {
	ref := o.Spec.SourceRef
	o.Spec = RandomExternal(random).Spec
	if ref != nil {
		o.Spec.Source, o.Spec.SourceRef = nil, ref
	}
}
