package saml_test

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// bundled is a manifest whose certificates stand elsewhere.
func bundled(kinds ...string) *v1alpha1.SAMLConnection {
	o := SAMLManifest()
	for _, kind := range kinds {
		entry := v1alpha1.VerificationCertificate{}
		if kind == connection.KindSecret {
			entry.SecretKeyRef = &v1alpha1.SecretKeyRef{Name: "idp", Key: "tls.crt"}
		} else {
			entry.ConfigMapKeyRef = &v1alpha1.ConfigMapKeyRef{Name: "idp", Key: "tls.crt"}
		}
		o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, entry)
	}
	return o
}

// both hold a text as a Secret and as a ConfigMap.
func both(text string) connection.Inputs {
	in := Holding(SecretOf("idp", map[string]string{"tls.crt": text}))
	in.ConfigMaps = map[string]*corev1.ConfigMap{"idp": ConfigMapOf("idp", map[string]string{"tls.crt": text})}
	return in
}

func shas(list []connection.Certificate) []string {
	var all []string
	for _, c := range list {
		all = append(all, c.SHA256)
	}
	return all
}

func TestABundleIsReadFromASecretOrAConfigMap(t *testing.T) {
	a, b, c := CertificatePool()[0], CertificatePool()[1], CertificatePool()[2]
	for _, kind := range []string{connection.KindSecret, connection.KindConfigMap} {
		for name, test := range map[string]struct {
			text string
			want []IssuedCertificate
		}{
			"one":                      {a.PEM, []IssuedCertificate{a}},
			"three":                    {a.PEM + b.PEM + c.PEM, []IssuedCertificate{a, b, c}},
			"with empty lines between": {a.PEM + "\n\n \t\n" + b.PEM + "\n", []IssuedCertificate{a, b}},
			"with CRLF":                {strings.ReplaceAll(a.PEM+b.PEM, "\n", "\r\n"), []IssuedCertificate{a, b}},
			"the same twice":           {a.PEM + b.PEM + a.PEM, []IssuedCertificate{a, b}},
			"an expired one":           {CertificatePool()[11].PEM, []IssuedCertificate{CertificatePool()[11]}},
			"five":                     {a.PEM + b.PEM + c.PEM + CertificatePool()[3].PEM + CertificatePool()[4].PEM, CertificatePool()[:5]},
			"five, and all again":      {strings.Repeat(a.PEM+b.PEM+c.PEM+CertificatePool()[3].PEM+CertificatePool()[4].PEM, 2), CertificatePool()[:5]},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				want, problems := WantOf(saml.Kind(), bundled(kind), SAMLID, both(test.text))
				Same(t, "problems", problems, []connection.Problem(nil))
				var is []connection.Certificate
				for _, c := range test.want {
					is = append(is, connection.Certificate{Certificate: pki.Certificate{SHA256: c.SHA256, PEM: c.PEM, ExpiresAt: c.Ends}, Where: "spec.verificationCertificates[0]"})
				}
				Same(t, "the certificates", want.Certificates, is)
				Same(t, "incomplete", want.Incomplete, false)
			})
		}
	}
}

func TestABadBundleIsSaidWithItsItem(t *testing.T) {
	a := CertificatePool()[0]
	for _, kind := range []string{connection.KindSecret, connection.KindConfigMap} {
		field := map[string]string{connection.KindSecret: "secretKeyRef", connection.KindConfigMap: "configMapKeyRef"}[kind]
		at := fmt.Sprintf("spec.verificationCertificates[0].%s (%s idp, key \"tls.crt\") ", field, kind)
		for _, test := range []struct {
			name   string
			in     connection.Inputs
			reason string
			says   string
		}{
			{"nothing by that name", connection.Inputs{}, v1alpha1.ReasonInputMissing, fmt.Sprintf("%s idp, referenced by spec.verificationCertificates[0].%s, does not exist in this namespace. Create it.", kind, field)},
			{"nothing there", connection.Inputs{Secrets: map[string]*corev1.Secret{"idp": nil}, ConfigMaps: map[string]*corev1.ConfigMap{"idp": nil}}, v1alpha1.ReasonInputMissing, "does not exist in this namespace"},
			{"an empty key", both(""), v1alpha1.ReasonInputMissing, kind + " idp has no value for the key \"tls.crt\". Add it, or fix spec.verificationCertificates[0]." + field + ".key."},
			{"white space", both(" \n\t"), v1alpha1.ReasonInputMissing, "has no value for the key \"tls.crt\""},
			{"a private key in it", both(a.PEM + KeyPairs()[0].PKCS8), v1alpha1.ReasonInvalid, at + "contains a private key. Leave only certificates there"},
			{"only a private key", both(KeyPairs()[0].PKCS1), v1alpha1.ReasonInvalid, at + "contains a private key"},
			{"text around it", both("subject=okta\n" + a.PEM), v1alpha1.ReasonInvalid, at + "contains text outside its PEM blocks"},
			{"no PEM", both("okta"), v1alpha1.ReasonInvalid, at + "is not PEM"},
			{"a page", both("<html>sign in</html>"), v1alpha1.ReasonInvalid, at + "is XML or HTML, such as SAML metadata, not a certificate"},
			{"a broken one behind a good one", both(a.PEM + CertificatePool()[1].PEM[:200]), v1alpha1.ReasonInvalid, at + "contains an incomplete or damaged PEM block"},
			{"a request", both(PEMBlock("CERTIFICATE REQUEST", a.DER)), v1alpha1.ReasonInvalid, at + "contains a PEM block of type \"CERTIFICATE REQUEST\", not \"CERTIFICATE\""},
			{"something else in a certificate's lines", both(PEMBlock("CERTIFICATE", []byte("hello"))), v1alpha1.ReasonInvalid, at + "is not a readable X.509 certificate"},
		} {
			t.Run(kind+" "+test.name, func(t *testing.T) {
				r := SAMLRemote()
				r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa"}}
				o := bundled(kind)
				o.Spec.IDPEntityID = "urn:x"
				o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: a.PEM})
				plan, problems := PlanFor(saml.Kind(), o, r, test.in)
				if len(problems) != 1 || problems[0].Reason != test.reason || problems[0].Halts {
					t.Fatalf("the problems are %s, want one that is %s", ProblemWords(problems), test.reason)
				}
				Contains(t, problems[0].Message, test.says)
				Lacks(t, problems[0].Message, append(KeyMaterial(KeyPairs()[0].PKCS1), append(KeyMaterial(KeyPairs()[0].PKCS8), KeyMaterial(a.PEM)...)...)...)
				Same(t, "what is sent all the same, and nothing is removed", Story(plan), "idp_entity_id&+"+a.SHA256)
			})
		}
	}
}

func TestTheKeyOfASecretThatIsMissingIsNotTakenFromAConfigMap(t *testing.T) {
	in := both(CertificatePool()[0].PEM)
	in.Secrets = nil
	_, problems := WantOf(saml.Kind(), bundled(connection.KindSecret), SAMLID, in)
	Same(t, "the problems", len(problems), 1)
}

func TestSixCertificatesAreTooManyAndNoneIsTouched(t *testing.T) {
	var all strings.Builder
	for _, c := range CertificatePool()[:6] {
		all.WriteString(c.PEM)
	}
	r := SAMLRemote()
	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa"}, {ID: "cert-2", SHA256: CertificatePool()[0].SHA256}}
	o := bundled(connection.KindSecret)
	o.Spec.IDPEntityID = "urn:x"
	plan, problems := PlanFor(saml.Kind(), o, r, both(all.String()))
	OneUpdate(t, plan, `{"idp_entity_id":"urn:x"}`)
	if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
		t.Fatalf("the problems are %s", ProblemWords(problems))
	}
	Contains(t, problems[0].Message, "contains 6 certificates, but Stytch allows 5", "Remove the certificates that")
}

func TestACertificateThatGoCannotReadIsWantedAllTheSame(t *testing.T) {
	// A serial number of no length, which Go's parser refuses and some identity providers write.
	odd := []byte{0x30, 0x0b, 0x30, 0x02, 0x05, 0x00, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x03, 0x02, 0x00, 0x00}
	odd[1] = byte(len(odd) - 2)
	want, problems := wantCertificates(PEMBlock("CERTIFICATE", odd))
	Same(t, "problems", problems, []connection.Problem(nil))
	Same(t, "the certificate", want.Certificates, []connection.Certificate{{
		Certificate: pki.Certificate{SHA256: SHA256Of(string(odd)), PEM: PEMBlock("CERTIFICATE", odd)}, Where: "spec.verificationCertificates[0]",
	}})
}

func TestAnExpiredCertificateIsNotSentAndWhatIsInItsPlaceStays(t *testing.T) {
	expired, valid := CertificatePool()[11], CertificatePool()[0]
	in := connection.Inputs{Now: Noon}
	o := SAMLManifest()
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: expired.PEM}, {PEM: valid.PEM}}
	r := SAMLRemote()
	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa", ExpiresAt: YearsOn(1)}}
	plan, problems := PlanFor(saml.Kind(), o, r, in)
	Same(t, "the plan", Story(plan), "+"+valid.SHA256)
	if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
		t.Fatalf("the problems are %s", ProblemWords(problems))
	}
	Contains(t, problems[0].Message, "spec.verificationCertificates[0] contains the certificate "+expired.SHA256[:16], "expired at 2025-03-04T12:00:00Z and is not sent")

	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: expired.SHA256, ExpiresAt: expired.Ends}, {ID: "cert-2", SHA256: valid.SHA256, ExpiresAt: valid.Ends}}
	plan, problems = PlanFor(saml.Kind(), o, r, in)
	NoSteps(t, plan)
	Same(t, "problems where it is there", problems, []connection.Problem(nil))

	in.Now = expired.Ends.Add(-1)
	r.VerificationCertificates = r.VerificationCertificates[1:]
	plan, problems = PlanFor(saml.Kind(), o, r, in)
	Same(t, "the plan a moment before it ended", Story(plan), "+"+expired.SHA256)
	Same(t, "problems a moment before it ended", problems, []connection.Problem(nil))
	in.Now = expired.Ends
	plan, _ = PlanFor(saml.Kind(), o, r, in)
	NoSteps(t, plan)
}

func TestWhereAllWantedCertificatesHaveExpiredTheOneThatExpiredLastIsSent(t *testing.T) {
	last, earlier := CertificatePool()[13], CertificatePool()[12]
	issued := func(list ...IssuedCertificate) []connection.Certificate {
		var made []connection.Certificate
		for _, c := range list {
			made = append(made, connection.Certificate{Certificate: pki.Certificate{SHA256: c.SHA256, PEM: c.PEM, ExpiresAt: c.Ends}, Where: "spec.verificationCertificates[0]"})
		}
		return made
	}
	isNotSent := "contains the certificate " + earlier.SHA256[:16] + ", which expired at"
	for _, test := range []struct {
		name    string
		want    []IssuedCertificate
		have    []connection.Certificate
		refused string
		story   string
		says    []string
	}{
		{"the only one", []IssuedCertificate{last}, nil, "", "+" + last.SHA256, nil},
		{"of two the one that expired last", []IssuedCertificate{earlier, last}, nil, "", "+" + last.SHA256, []string{isNotSent}},
		{"beside one that expired too, which goes then", []IssuedCertificate{last}, CertificatesAtStytch("old:1:-3"), "", "+" + last.SHA256 + " -1", nil},
		{
			"beside a valid one, which stays",
			[]IssuedCertificate{last},
			CertificatesAtStytch("old:1:-3", "valid:2:1"), "", "+" + last.SHA256 + " -1",
			[]string{"All desired certificates have expired. Kept the certificate valid in Stytch"},
		},
		{"it is there", []IssuedCertificate{last}, issued(last), "", "", nil},
		{
			"five slots taken free one that expired",
			[]IssuedCertificate{last},
			CertificatesAtStytch("a:1:1", "b:2:-1", "c:3:3", "d:4:4", "e:5:5"), "", "free:2 +" + last.SHA256,
			[]string{"Kept the certificate a in Stytch"},
		},
		{
			"five slots taken free none that is valid",
			[]IssuedCertificate{last},
			CertificatesAtStytch("a:1:1", "b:2:2", "c:3:3", "d:4:4", "e:5:5"), "", "",
			[]string{"which expired at " + connection.FormatTime(last.Ends) + " and is not sent"},
		},
		{"Stytch refused it before", []IssuedCertificate{last}, CertificatesAtStytch("old:1:-3"), last.SHA256, "", []string{"which Stytch rejected (invalid_x509_certificate)"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := connection.State{Certificates: issued(test.want...), Refused: test.refused, Now: Noon}
			have := connection.State{Certificates: test.have}
			Same(t, "the plan", Story(PlanOf(want, have)), test.story)
			_, message := connection.Worst(saml.Kind().Problems(SAMLManifest(), want, have))
			Contains(t, message, test.says...)
			if test.says == nil {
				Same(t, "what is said", message, "")
			}
		})
	}
}

func TestAChainIsRefusedButForTheCertificateAtItsEnd(t *testing.T) {
	chain := IssueChain(t, YearsOn(1), "leaf", "intermediate", "root")
	text := chain[0].PEM + chain[1].PEM + chain[2].PEM
	for _, kind := range []string{connection.KindSecret, connection.KindConfigMap} {
		r := SAMLRemote()
		r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: chain[2].SHA256, ExpiresAt: chain[2].Ends}}
		plan, problems := PlanFor(saml.Kind(), bundled(kind), r, both(text))
		Same(t, "what is sent, and nothing is removed", Story(plan), "+"+chain[0].SHA256)
		reason, message := connection.Worst(problems)
		Same(t, "the reason", reason, v1alpha1.ReasonInvalid)
		Contains(t, message, `(`+kind+` idp, key "tls.crt") contains certificates that issued another one there and are not sent: "CN=intermediate", "CN=root". `,
			"Leave only the certificates that the identity provider signs with.")
	}
	_, problems := wantCertificates(chain[0].PEM + chain[1].PEM)
	Contains(t, ProblemWords(problems), "spec.verificationCertificates[0].pem contains more than one certificate")
}

func TestACertificateInBinaryDataIsRead(t *testing.T) {
	c := CertificatePool()[0]
	in := connection.Inputs{ConfigMaps: map[string]*corev1.ConfigMap{"idp": {BinaryData: map[string][]byte{"tls.crt": c.DER}}}}
	want, problems := WantOf(saml.Kind(), bundled(connection.KindConfigMap), SAMLID, in)
	Same(t, "problems", problems, []connection.Problem(nil))
	Same(t, "the certificate", want.Certificates[0].SHA256, c.SHA256)
}

func TestTheOnlyValidCertificateStaysThoughNobodyWantsIt(t *testing.T) {
	expired := CertificatePool()[11]
	o := SAMLManifest()
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: expired.PEM}}
	r := SAMLRemote()
	r.VerificationCertificates = []stytch.Certificate{
		{ID: "cert-1", SHA256: expired.SHA256, ExpiresAt: expired.Ends}, {ID: "cert-2", SHA256: "valid", ExpiresAt: YearsOn(1)}, {ID: "cert-3", SHA256: "old", ExpiresAt: YearsOn(-3)},
	}
	plan, problems := PlanFor(saml.Kind(), o, r, connection.Inputs{Now: Noon})
	Same(t, "the plan", Story(plan), "-cert-3")
	if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
		t.Fatalf("the problems are %s", ProblemWords(problems))
	}
	Contains(t, problems[0].Message, "All desired certificates have expired", "Kept the certificate valid in Stytch", "to spec.verificationCertificates")

	o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: CertificatePool()[0].PEM})
	plan, problems = PlanFor(saml.Kind(), o, r, connection.Inputs{Now: Noon})
	Same(t, "the plan where a valid one is wanted", Story(plan), "+"+CertificatePool()[0].SHA256+" -cert-3 -cert-2")
	Same(t, "problems then", problems, []connection.Problem(nil))

	o = SAMLManifest()
	o.Spec.MetadataURL, o.Spec.IDPEntityID, o.Spec.IDPSSOURL = MetadataURLs[0], "", ""
	o.Status.FromMetadata = &v1alpha1.MetadataStatus{MetadataURL: MetadataURLs[0], Certificates: []string{expired.SHA256}}
	plan, problems = PlanFor(saml.Kind(), o, r, connection.Inputs{Now: Noon})
	Same(t, "the plan where the metadata gave the expired one", Story(plan), "-cert-3")
	Contains(t, ProblemWords(problems), "set a new value for the annotation connections.stytch-operator.dev/refresh-metadata")
}

func TestAManifestIsKnownToReferToEachObjectOnce(t *testing.T) {
	o := bundled(connection.KindSecret, connection.KindConfigMap, connection.KindSecret)
	o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: "x"})
	o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "signing", Key: "k"}
	o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: "signing", Key: "l"}, {Name: "encryption", Key: "k"}}
	o.Spec.DetailsConfigMapName = "details"
	Same(t, "the references", saml.Kind().References(o), []connection.Reference{
		{Kind: "Secret", Name: "idp"}, {Kind: "ConfigMap", Name: "idp"}, {Kind: "Secret", Name: "signing"}, {Kind: "Secret", Name: "encryption"}, {Kind: "ConfigMap", Name: "details"},
	})
}

// atStytch are certificates of the pool as Stytch shows them: with their text where the slots are taken.
func atStytch(list ...IssuedCertificate) []stytch.Certificate {
	var shown []stytch.Certificate
	for i, c := range list {
		s := stytch.Certificate{ID: fmt.Sprintf("cert-%d", i), SHA256: c.SHA256, ExpiresAt: c.Ends}
		if len(list) == 5 {
			s.PEM = c.PEM
		}
		shown = append(shown, s)
	}
	return shown
}

func TestACertificateThatMakesRoomIsWrittenDownBefore(t *testing.T) {
	kind := saml.Kind()
	o, r := SAMLManifest(), SAMLRemote()
	r.VerificationCertificates = atStytch(CertificatePool()[4:9]...)
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: CertificatePool()[0].PEM}}
	plan, _ := PlanFor(kind, o, r, connection.Inputs{Now: Noon})
	Same(t, "the first step", plan[0].Action, saml.FreeCertificate)
	Same(t, "whether it is written down", Begins(kind, o, r, plan[0], Noon), true)
	Same(t, "what is", o.Status.FreedCertificate, &v1alpha1.FreedCertificateStatus{SHA256: CertificatePool()[4].SHA256, PEM: CertificatePool()[4].PEM})
	for _, s := range plan[1:] {
		Same(t, "whether "+s.Action.Name+" is", Begins(kind, o, r, s, Noon), false)
	}

	want, have, _ := StatesOf(kind, o, r, connection.Inputs{Now: Noon})
	Publish(kind, o, r, want)
	Same(t, "what stands while it is there yet", o.Status.FreedCertificate, (*v1alpha1.FreedCertificateStatus)(nil))
	Begins(kind, o, r, plan[0], Noon)
	r.VerificationCertificates = r.VerificationCertificates[1:]
	Publish(kind, o, r, want)
	Same(t, "what stands while the new one is missing", o.Status.FreedCertificate.SHA256, CertificatePool()[4].SHA256)
	r.VerificationCertificates = append(r.VerificationCertificates, atStytch(CertificatePool()[0])...)
	Publish(kind, o, r, want)
	Same(t, "what stands once the new one is there", o.Status.FreedCertificate, (*v1alpha1.FreedCertificateStatus)(nil))

	have.Certificates[0].PEM = "" // what Stytch shows cannot be read
	free := PlanOf(want, have)[0]
	Same(t, "whether one without a text is written down", Begins(kind, o, r, free, Noon), false)
	Same(t, "what stands of it", o.Status.FreedCertificate, (*v1alpha1.FreedCertificateStatus)(nil))
}

func TestACertificateThatMadeRoomForOneThatIsRefusedIsPutBack(t *testing.T) {
	five := func() *rollover {
		r := newRollover(rand.New(rand.NewSource(1)))
		r.Remote.Certificates = nil
		for _, c := range CertificatePool()[4:9] {
			_ = r.Remote.Place(c, false)
		}
		r.Held.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: CertificatePool()[0].PEM}}
		r.Remote.Refuses = []string{CertificatePool()[0].SHA256}
		return r
	}
	is := func(r *rollover) string { return fmt.Sprint(len(r.Remote.Certificates), different(r.Remote)) }
	t.Run("at once", func(t *testing.T) {
		r := five()
		out := r.Pass(t)
		Same(t, "the refusal", out.Err, error(RefusalError("invalid_x509_certificate")))
		Same(t, "the steps", Story(r.Log), "free:"+r.Log[0].Target+" +"+CertificatePool()[0].SHA256+" +"+CertificatePool()[4].SHA256)
		Same(t, "the certificates", is(r), "5 5")
	})
	t.Run("by another process", func(t *testing.T) {
		r := five()
		r.Lose = func(s connection.Step) string {
			return map[bool]string{true: "unsent"}[s.Action == connection.Update]
		}
		Same(t, "the first pass", errors.Is(r.Pass(t).Err, ErrLost), true)
		Same(t, "the certificates then", is(r), "4 4")
		r.Lose = nil
		r.Pass(t)
		Same(t, "the certificates at the end", is(r), "5 5")
	})
	t.Run("and is not taken away again for the same one", func(t *testing.T) {
		r := five()
		r.Pass(t)
		out := r.Pass(t)
		Same(t, "the steps", Story(r.Log), "")
		Same(t, "the certificates", is(r), "5 5")
		reason, message := connection.Worst(out.Problems)
		Same(t, "the reason", reason, v1alpha1.ReasonRejected)
		Contains(t, message, "spec.verificationCertificates[0] contains the certificate "+CertificatePool()[0].SHA256[:16], "Stytch rejected", "not sent again")

		r.Held.Spec.VerificationCertificates = append(r.Held.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: CertificatePool()[1].PEM})
		r.Sends(t)
		Same(t, "the certificates with a good one beside it", is(r), "5 5")
		r.Held.Spec.VerificationCertificates = r.Held.Spec.VerificationCertificates[1:]
		_, out = r.Sends(t)
		r.Equal(t, 0, out)
		Same(t, "the certificates with the good one alone", is(r), "1 1")
		Same(t, "what status remembers then", r.Held.Status.RefusedCertificate, "")
	})
	t.Run("and is taken away again where Stytch does not say that it is the certificate", func(t *testing.T) {
		r := five()
		r.Vague = true
		r.Pass(t)
		r.Pass(t)
		Contains(t, Story(r.Log), "free:")
		Same(t, "the certificates", is(r), "5 5")
	})
	t.Run("where the metadata is refused", func(t *testing.T) {
		r := five()
		r.Held.Spec.VerificationCertificates, r.Held.Spec.MetadataURL = nil, MetadataURLs[0]
		r.Held.Status.FromMetadata = &v1alpha1.MetadataStatus{MetadataURL: MetadataURLs[0], Certificates: []string{CertificatePool()[0].SHA256, CertificatePool()[5].SHA256}}
		r.Remote.Metadata = nil
		out := r.Pass(t)
		Same(t, "the refusal", out.Err, error(RefusalError("invalid_xml_from_saml_metadata_url")))
		Same(t, "the certificates", is(r), "5 5")
	})
	t.Run("and nothing where nothing made room", func(t *testing.T) {
		kind, o := saml.Kind(), SAMLManifest()
		plan := PlanOf(connection.State{Certificates: WantedCertificates("a")}, connection.State{})
		Same(t, "the step", Refuse(kind, o, plan[0], "invalid_x509_certificate"), (*connection.Step)(nil))
		o.Status.FreedCertificate = &v1alpha1.FreedCertificateStatus{SHA256: "x", PEM: "pem"}
		Same(t, "the step of another refusal", Refuse(kind, o, UpdateOf([3]string{"idp_entity_id", "a", "b"}), "invalid_x509_certificate"), (*connection.Step)(nil))
		Same(t, "the body", Refuse(kind, o, plan[0], "invalid_x509_certificate").Fields(), stytch.Fields{"x509_certificate": "pem"})
	})
}

func TestACertificateThatStytchRefusedIsNotSentAgainAndNothingIsRemovedForIt(t *testing.T) {
	want := connection.State{Certificates: WantedCertificates("a", "b"), Refused: "a"}
	have := connection.State{Certificates: CertificatesAtStytch("b:1:1", "o:2:2")}
	NoSteps(t, PlanOf(want, have))
	want.Refused = ""
	Same(t, "the steps once it is wanted anew", Story(PlanOf(want, have)), "+a -2")

	o := SAMLManifest()
	o.Status.RefusedCertificate = "a"
	problems := saml.Kind().Problems(o, connection.State{Certificates: WantedCertificates("a"), Refused: "a"}, have)
	if reason, message := connection.Worst(problems); reason != v1alpha1.ReasonRejected || !strings.Contains(message, "which Stytch rejected (invalid_x509_certificate) and which is not sent again") {
		t.Errorf("%s: %s", reason, message)
	}
	Publish(saml.Kind(), o, SAMLRemote(), connection.State{Certificates: WantedCertificates("a")})
	Same(t, "noted while it is wanted", o.Status.RefusedCertificate, "a")
	Publish(saml.Kind(), o, SAMLRemote(), connection.State{Certificates: WantedCertificates("b")})
	Same(t, "noted when it is not wanted any more", o.Status.RefusedCertificate, "")
}

func TestCertificatesAreAddedBeforeOthersAreRemoved(t *testing.T) {
	for _, test := range []struct {
		name       string
		want       []connection.Certificate
		have       []connection.Certificate
		incomplete bool
		settings   bool // some setting differs too
		story      string
	}{
		{"nothing where the sets are equal, in any order", WantedCertificates("a", "b"), CertificatesAtStytch("b:1:1", "a:2:2"), false, false, ""},
		{"nothing where none are managed", nil, CertificatesAtStytch("x:1:1"), false, false, ""},
		{"the first ones", WantedCertificates("a", "b"), nil, false, false, "+a +b"},
		{"the first beside the settings", WantedCertificates("a", "b", "c"), nil, false, true, "idp_entity_id&+a +b +c"},
		{"settings alone", WantedCertificates("a"), CertificatesAtStytch("a:1:1"), false, true, "idp_entity_id"},
		{"a new one before the old one goes", WantedCertificates("b"), CertificatesAtStytch("a:1:1"), false, false, "+b -1"},
		{"settings before an old one goes", WantedCertificates("a"), CertificatesAtStytch("a:1:1", "x:2:1"), false, true, "idp_entity_id -2"},
		{"the old ones go by their ends", WantedCertificates("a"), CertificatesAtStytch("a:0:1", "z:1:3", "y:2:1", "x:3:2"), false, false, "-2 -3 -1"},
		{"of the same end by their IDs", WantedCertificates("a"), CertificatesAtStytch("a:0:1", "z:2:1", "y:1:1"), false, false, "-1 -2"},
		{"four slots taken free none", WantedCertificates("n"), CertificatesAtStytch("a:1:1", "b:2:2", "c:3:3", "d:4:4"), false, false, "+n -1 -2 -3 -4"},
		{
			"five slots taken free the unwanted one that ends first",
			WantedCertificates("n", "a"), CertificatesAtStytch("a:1:1", "b:2:4", "c:3:3", "d:4:5", "e:5:6"),
			false, true, "free:3 idp_entity_id&+n -2 -4 -5",
		},
		{
			"five slots taken free an expired one",
			WantedCertificates("n"), CertificatesAtStytch("a:1:1", "b:2:2", "c:3:-1", "d:4:4", "e:5:5"), false, false, "free:3 +n -1 -2 -4 -5",
		},
		{
			"five slots taken free an expired one before one of unknown end",
			WantedCertificates("n"), CertificatesAtStytch("a:1:?", "b:2:2", "c:3:-1", "d:4:4", "e:5:5"), false, false, "free:3 +n -2 -4 -5 -1",
		},
		{
			"five slots taken and nothing new free none early",
			WantedCertificates("a"), CertificatesAtStytch("a:1:9", "b:2:2", "c:3:3", "d:4:4", "e:5:5"), false, false, "-2 -3 -4 -5",
		},
		{"a second copy of a wanted one goes", WantedCertificates("a"), CertificatesAtStytch("a:1:1", "a:2:1"), false, false, "-2"},
		{
			"five slots taken free a second copy before the last of the others that ends later",
			WantedCertificates("a", "n"), CertificatesAtStytch("a:1:1", "a:2:1", "c:3:3", "d:4:4", "e:5:5"), false, false, "free:2 +n -3 -4 -5",
		},
		{"both copies of an unwanted one go", WantedCertificates("a"), CertificatesAtStytch("a:1:1", "x:2:1", "x:3:1"), false, false, "-2 -3"},
		{"one that cannot be read at Stytch goes", WantedCertificates("a"), CertificatesAtStytch("a:1:1", ":2:?"), false, false, "-2"},
		{"several that cannot be read go, once the wanted one is there", WantedCertificates("a"), CertificatesAtStytch(":1:?", ":2:?"), false, false, "+a -1 -2"},
		{"where one could not be read in the manifest none goes", WantedCertificates("a"), CertificatesAtStytch("x:1:1"), true, false, "+a"},
		{
			"where one could not be read in the manifest no slot is freed",
			WantedCertificates("n"), CertificatesAtStytch("a:1:1", "b:2:2", "c:3:3", "d:4:4", "e:5:5"), true, false, "+n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := connection.State{Certificates: test.want, Incomplete: test.incomplete, Settings: connection.Settings{}, Now: Noon}
			if test.settings {
				want.Settings["idp_entity_id"] = connection.Text("urn:x")
			}
			plan := PlanOf(want, connection.State{Certificates: test.have})
			Same(t, "the plan", Story(plan), test.story)
		})
	}
}

// One that was wanted and is freed because it had expired is not sent again: what is unwanted stays in its place, and the first plan
// says so, as the pass does once the slot is free.
func TestOneThatIsFreedThoughWantedLeavesTheUnwantedOnes(t *testing.T) {
	want := connection.State{Certificates: WantedCertificates("a", "b", "n"), Now: Noon}
	want.Certificates[0].ExpiresAt = YearsOn(-1)
	have := connection.State{Certificates: CertificatesAtStytch("a:1:-1", "b:2:2", "c:3:3", "d:4:4", "e:5:5")}
	Same(t, "the plan", Story(PlanOf(want, have)), "free:1 +n")
	have.Certificates = have.Certificates[1:]
	Same(t, "the plan once it is freed", Story(PlanOf(want, have)), "+n")
}

// A plan foresees that slots run out in the middle of it, as they do when its steps are taken.
func TestAPlanCountsSlotsThroughAllOfItsSteps(t *testing.T) {
	want := connection.State{Certificates: WantedCertificates("a", "n", "o", "p"), Now: Noon}
	have := connection.State{Certificates: CertificatesAtStytch("a:1:1", "b:2:2", "c:3:3")}
	Same(t, "one that nobody wants makes room", Story(PlanOf(want, have)), "+n +o free:2 +p -3")
	want.Certificates[0].ExpiresAt = YearsOn(-1)
	have.Certificates[0].ExpiresAt = YearsOn(-1)
	Same(t, "one that has expired makes room, and what is in its place stays", Story(PlanOf(want, have)), "+n +o free:1 +p")
}

func TestAnUpdateCarriesOneCertificateAsPEM(t *testing.T) {
	plan := PlanOf(connection.State{Certificates: WantedCertificates("a", "b")}, connection.State{})
	if len(plan) != 2 {
		t.Fatalf("the plan is %s, want two updates", Story(plan))
	}
	Same(t, "the first body", plan[0].Fields(), stytch.Fields{"x509_certificate": PEMOf("a")})
	Same(t, "the second body", plan[1].Fields(), stytch.Fields{"x509_certificate": PEMOf("b")})
}

func TestAPlanShowsCertificatesByFingerprint(t *testing.T) {
	added := IssueCertificate(t, "added", Noon.AddDate(1, 0, 0))
	o := SAMLManifest()
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: added.PEM}}
	r := SAMLRemote()
	for i := range 5 {
		r.VerificationCertificates = append(r.VerificationCertificates, stytch.Certificate{
			ID: fmt.Sprintf("cert-%d", i), SHA256: strings.Repeat(fmt.Sprint(i), 64), ExpiresAt: Noon,
		})
	}
	plan, _ := PlanFor(saml.Kind(), o, r, connection.Inputs{})
	Same(t, "the plan", Story(plan), "free:cert-0 +"+added.SHA256+" -cert-1 -cert-2 -cert-3 -cert-4")
	var sentences []string
	for _, s := range plan {
		sentences = append(sentences, s.Sentence())
	}
	said := strings.Join(sentences, "\n") + InJSON(t, connection.Show(plan)) + connection.Names(plan)
	body := strings.Split(added.PEM, "\n")[1]
	Lacks(t, said, "BEGIN", "CERTIFICATE", body, body[:20])
	Contains(t, said,
		"x509_certificate: added "+added.SHA256,
		"verification_certificates: removed "+strings.Repeat("0", 64))
	for _, c := range connection.Show(plan) {
		if utf8.RuneCountInString(c.Have) > 256 {
			t.Errorf("%d runes are shown", utf8.RuneCountInString(c.Have))
		}
	}
}
