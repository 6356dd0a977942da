package details_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestDetailsAreWrittenAsStytchSays(t *testing.T) {
	r := SAMLRemote()
	r.ACSURL, r.AudienceURI = "https://acs", "urn:audience"
	r.SigningCertificates = []stytch.SigningCertificate{{SHA256: "new", PEM: "pem of new"}, {SHA256: "old", PEM: "pem of old"}}
	whole := map[string]string{"acs-url": "https://acs", "audience-uri": "urn:audience", "signing-certificate.pem": "pem of new"}
	for _, test := range []struct {
		name    string
		object  *corev1.ConfigMap
		entries map[string]string // that are written
	}{
		{"all of it where there is no ConfigMap", nil, whole},
		{"all of it into an empty one", DetailsOf(ManifestUID, nil), whole},
		{"nothing where it is so", DetailsOf(ManifestUID, whole), nil},
		{
			"what differs", DetailsOf(ManifestUID, map[string]string{"acs-url": "https://old", "audience-uri": "urn:audience", "signing-certificate.pem": "pem of old"}),
			map[string]string{"acs-url": "https://acs", "signing-certificate.pem": "pem of new"},
		},
		{
			"and what is too much is taken out", DetailsOf(ManifestUID, map[string]string{"acs-url": "https://acs", "audience-uri": "urn:audience", "signing-certificate.pem": "pem of new", "more": "x"}),
			map[string]string{"more": ""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := SAMLManifest()
			o.Spec.DetailsConfigMapName = "details"
			in := connection.Inputs{Now: Noon, ConfigMaps: map[string]*corev1.ConfigMap{"details": test.object}}
			before := InJSON(t, in)
			plan, problems := PlanFor(saml.Kind(), o, r, in)
			Same(t, "problems", problems, []connection.Problem(nil))
			Same(t, "the ConfigMap, which others read", InJSON(t, in), before)
			if test.entries == nil {
				NoSteps(t, plan)
				return
			}
			Same(t, "the steps", len(plan), 1)
			Same(t, "the action", plan[0].Action, details.Publish)
			Same(t, "the entries", details.Entries(plan[0]), test.entries)
		})
	}
	o := SAMLManifest()
	plan, _ := PlanFor(saml.Kind(), o, r, connection.Inputs{})
	NoSteps(t, plan)
}

func TestACertificateInTheDetailsIsShownByItsFingerprint(t *testing.T) {
	o, r := SAMLManifest(), SAMLRemote()
	o.Spec.DetailsConfigMapName = "details"
	r.SigningCertificates = []stytch.SigningCertificate{{PEM: CertificatePool()[0].PEM}}
	in := connection.Inputs{ConfigMaps: map[string]*corev1.ConfigMap{"details": DetailsOf(ManifestUID, map[string]string{"signing-certificate.pem": CertificatePool()[1].PEM})}}
	plan, _ := PlanFor(saml.Kind(), o, r, in)
	Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "details.signing-certificate.pem", Have: CertificatePool()[1].SHA256, Want: CertificatePool()[0].SHA256}})
	Same(t, "what is written", details.Entries(plan[0]), map[string]string{"signing-certificate.pem": CertificatePool()[0].PEM})
}

func TestACertificateThatSomebodyWrappedAnewInTheDetailsIsWrittenAsStytchHasIt(t *testing.T) {
	o, r := SAMLManifest(), SAMLRemote()
	o.Spec.DetailsConfigMapName = "details"
	r.SigningCertificates = []stytch.SigningCertificate{{PEM: CertificatePool()[0].PEM}}
	wrapped := strings.ReplaceAll(CertificatePool()[0].PEM, "\n", "\r\n")
	in := connection.Inputs{ConfigMaps: map[string]*corev1.ConfigMap{"details": DetailsOf(ManifestUID, map[string]string{"signing-certificate.pem": wrapped})}}
	plan, _ := PlanFor(saml.Kind(), o, r, in)
	Same(t, "the steps", len(plan), 1)
	Same(t, "what is written", details.Entries(plan[0]), map[string]string{"signing-certificate.pem": CertificatePool()[0].PEM})
}

func TestOfCertificatesAsNewAsEachOtherTheDetailsHaveThatOfTheWantedKey(t *testing.T) {
	r := SAMLRemote()
	r.SigningCertificates = []stytch.SigningCertificate{{SPKISHA256: "a", PEM: "pem of a", CreatedAt: Noon}, {SPKISHA256: "b", PEM: "pem of b", CreatedAt: Noon}}
	_, have, _ := StatesOf(saml.Kind(), SAMLManifest(), r, connection.Inputs{})
	before := InJSON(t, have)
	for key, certificate := range map[string]string{"a": "pem of a", "b": "pem of b", "c": "pem of a"} {
		want := connection.State{Details: map[string]string{}, Signing: []connection.Key{{SPKISHA256: key}}}
		plan := PlanOf(want, have)
		Same(t, "the certificate beside the key "+key, details.Entries(plan[len(plan)-1]), map[string]string{"signing-certificate.pem": certificate})
	}
	Same(t, "the state after it", InJSON(t, have), before)
}

func TestDetailsOfAnOIDCConnectionAreItsRedirectURL(t *testing.T) {
	o := OIDCManifest()
	o.Spec.DetailsConfigMapName = "details"
	plan, _ := PlanFor(oidc.Kind(), o, OIDCRemote(), OIDCInputs(ClientSecret))
	Same(t, "the entries", details.Entries(plan[0]), map[string]string{"redirect-url": RedirectURL})
	Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "details.redirect-url", Want: RedirectURL}})
}

func TestAConfigMapThatIsNotTheManifestsIsLeftAlone(t *testing.T) {
	someones := ConfigMapOf("details", map[string]string{"acs-url": "x"})
	owned := DetailsOf(OtherUID, nil)
	notController := DetailsOf(ManifestUID, nil)
	notController.OwnerReferences[0].Controller = nil
	for name, object := range map[string]*corev1.ConfigMap{"without an owner": someones, "of another manifest": owned, "not as its controller": notController} {
		t.Run(name, func(t *testing.T) {
			o, r := SAMLManifest(), SAMLRemote()
			o.Spec.DetailsConfigMapName = "details"
			r.IDPEntityID, r.ACSURL = "urn:x", "https://acs"
			plan, problems := PlanFor(saml.Kind(), o, r, connection.Inputs{ConfigMaps: map[string]*corev1.ConfigMap{"details": object}})
			OneUpdate(t, plan, `{"idp_entity_id":"https://idp.example.com/entity"}`)
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid || problems[0].Halts {
				t.Fatalf("the problems are %s", ProblemWords(problems))
			}
			Contains(t, problems[0].Message, "ConfigMap details", "not changed. Delete it, or set spec.detailsConfigMapName to another name")
		})
	}
	Same(t, "one of the manifest's own", details.Owns(DetailsOf(ManifestUID, nil), ManifestUID), true)
}
