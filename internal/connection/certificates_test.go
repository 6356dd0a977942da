package connection_test

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// bundled is a manifest whose certificates stand elsewhere.
func bundled(kinds ...string) *v1alpha1.SAMLConnection {
	o := samlManifest()
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
	in := holding(secretOf("idp", map[string]string{"tls.crt": text}))
	in.ConfigMaps = map[string]*corev1.ConfigMap{"idp": configMapOf("idp", map[string]string{"tls.crt": text})}
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
	a, b, c := pool()[0], pool()[1], pool()[2]
	for _, kind := range []string{connection.KindSecret, connection.KindConfigMap} {
		for name, test := range map[string]struct {
			text string
			want []issued
		}{
			"one":                      {a.pem, []issued{a}},
			"three":                    {a.pem + b.pem + c.pem, []issued{a, b, c}},
			"with empty lines between": {a.pem + "\n\n \t\n" + b.pem + "\n", []issued{a, b}},
			"with CRLF":                {strings.ReplaceAll(a.pem+b.pem, "\n", "\r\n"), []issued{a, b}},
			"the same twice":           {a.pem + b.pem + a.pem, []issued{a, b}},
			"an expired one":           {pool()[11].pem, []issued{pool()[11]}},
			"five":                     {a.pem + b.pem + c.pem + pool()[3].pem + pool()[4].pem, pool()[:5]},
			"five, and all again":      {strings.Repeat(a.pem+b.pem+c.pem+pool()[3].pem+pool()[4].pem, 2), pool()[:5]},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				want, problems := wantOf(saml.Kind(), bundled(kind), samlID, both(test.text))
				same(t, "problems", problems, []connection.Problem(nil))
				var is []connection.Certificate
				for _, c := range test.want {
					is = append(is, connection.Certificate{Certificate: pki.Certificate{SHA256: c.sha256, PEM: c.pem, ExpiresAt: c.ends}, Where: "spec.verificationCertificates[0]"})
				}
				same(t, "the certificates", want.Certificates, is)
				same(t, "incomplete", want.Incomplete, false)
			})
		}
	}
}

func TestABadBundleIsSaidWithItsItem(t *testing.T) {
	a := pool()[0]
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
			{"a private key in it", both(a.pem + pairs()[0].pkcs8), v1alpha1.ReasonInvalid, at + "contains a private key. Leave only certificates there"},
			{"only a private key", both(pairs()[0].pkcs1), v1alpha1.ReasonInvalid, at + "contains a private key"},
			{"text around it", both("subject=okta\n" + a.pem), v1alpha1.ReasonInvalid, at + "contains text outside its PEM blocks"},
			{"no PEM", both("okta"), v1alpha1.ReasonInvalid, at + "is not PEM"},
			{"a page", both("<html>sign in</html>"), v1alpha1.ReasonInvalid, at + "is not PEM"},
			{"a broken one behind a good one", both(a.pem + pool()[1].pem[:200]), v1alpha1.ReasonInvalid, at + "contains an incomplete or damaged PEM block"},
			{"a request", both(block("CERTIFICATE REQUEST", a.der)), v1alpha1.ReasonInvalid, at + "contains a PEM block of type \"CERTIFICATE REQUEST\", not \"CERTIFICATE\""},
			{"something else in a certificate's lines", both(block("CERTIFICATE", []byte("hello"))), v1alpha1.ReasonInvalid, at + "is not a readable X.509 certificate"},
		} {
			t.Run(kind+" "+test.name, func(t *testing.T) {
				r := samlRemote()
				r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa"}}
				o := bundled(kind)
				o.Spec.IDPEntityID = "urn:x"
				o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: a.pem})
				plan, problems := planFor(saml.Kind(), o, r, test.in)
				if len(problems) != 1 || problems[0].Reason != test.reason || problems[0].Halts {
					t.Fatalf("the problems are %s, want one that is %s", problemWords(problems), test.reason)
				}
				contains(t, problems[0].Message, test.says)
				lacks(t, problems[0].Message, append(keyMaterial(pairs()[0].pkcs1), append(keyMaterial(pairs()[0].pkcs8), keyMaterial(a.pem)...)...)...)
				same(t, "what is sent all the same, and nothing is removed", story(plan), "idp_entity_id&+"+a.sha256)
			})
		}
	}
}

func TestTheKeyOfASecretThatIsMissingIsNotTakenFromAConfigMap(t *testing.T) {
	in := both(pool()[0].pem)
	in.Secrets = nil
	_, problems := wantOf(saml.Kind(), bundled(connection.KindSecret), samlID, in)
	same(t, "the problems", len(problems), 1)
}

func TestSixCertificatesAreTooManyAndNoneIsTouched(t *testing.T) {
	var all strings.Builder
	for _, c := range pool()[:6] {
		all.WriteString(c.pem)
	}
	r := samlRemote()
	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa"}, {ID: "cert-2", SHA256: pool()[0].sha256}}
	o := bundled(connection.KindSecret)
	o.Spec.IDPEntityID = "urn:x"
	plan, problems := planFor(saml.Kind(), o, r, both(all.String()))
	oneUpdate(t, plan, `{"idp_entity_id":"urn:x"}`)
	if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
		t.Fatalf("the problems are %s", problemWords(problems))
	}
	contains(t, problems[0].Message, "contains 6 certificates, but Stytch allows 5", "Remove the certificates that")
}

func TestACertificateThatGoCannotReadIsWantedAllTheSame(t *testing.T) {
	// A serial number of no length, which Go's parser refuses and some identity providers write.
	odd := []byte{0x30, 0x0b, 0x30, 0x02, 0x05, 0x00, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x03, 0x02, 0x00, 0x00}
	odd[1] = byte(len(odd) - 2)
	want, problems := wantCertificates(block("CERTIFICATE", odd))
	same(t, "problems", problems, []connection.Problem(nil))
	same(t, "the certificate", want.Certificates, []connection.Certificate{{
		Certificate: pki.Certificate{SHA256: sumOf(string(odd)), PEM: block("CERTIFICATE", odd)}, Where: "spec.verificationCertificates[0]",
	}})
}

func TestAnExpiredCertificateIsNotSentAndWhatIsInItsPlaceStays(t *testing.T) {
	expired, valid := pool()[11], pool()[0]
	in := connection.Inputs{Now: noon}
	o := samlManifest()
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: expired.pem}, {PEM: valid.pem}}
	r := samlRemote()
	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa", ExpiresAt: yearsOn(1)}}
	plan, problems := planFor(saml.Kind(), o, r, in)
	same(t, "the plan", story(plan), "+"+valid.sha256)
	if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
		t.Fatalf("the problems are %s", problemWords(problems))
	}
	contains(t, problems[0].Message, "spec.verificationCertificates[0] contains the certificate "+expired.sha256[:16], "expired at 2025-03-04T12:00:00Z and is not sent")

	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: expired.sha256, ExpiresAt: expired.ends}, {ID: "cert-2", SHA256: valid.sha256, ExpiresAt: valid.ends}}
	plan, problems = planFor(saml.Kind(), o, r, in)
	noSteps(t, plan)
	same(t, "problems where it is there", problems, []connection.Problem(nil))

	in.Now = expired.ends.Add(-1)
	r.VerificationCertificates = r.VerificationCertificates[1:]
	plan, problems = planFor(saml.Kind(), o, r, in)
	same(t, "the plan a moment before it ended", story(plan), "+"+expired.sha256)
	same(t, "problems a moment before it ended", problems, []connection.Problem(nil))
	in.Now = expired.ends
	plan, _ = planFor(saml.Kind(), o, r, in)
	noSteps(t, plan)
}

func TestTheOnlyValidCertificateStaysThoughNobodyWantsIt(t *testing.T) {
	expired := pool()[11]
	o := samlManifest()
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: expired.pem}}
	r := samlRemote()
	r.VerificationCertificates = []stytch.Certificate{
		{ID: "cert-1", SHA256: expired.sha256, ExpiresAt: expired.ends}, {ID: "cert-2", SHA256: "valid", ExpiresAt: yearsOn(1)}, {ID: "cert-3", SHA256: "old", ExpiresAt: yearsOn(-3)},
	}
	plan, problems := planFor(saml.Kind(), o, r, connection.Inputs{Now: noon})
	same(t, "the plan", story(plan), "-cert-3")
	if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
		t.Fatalf("the problems are %s", problemWords(problems))
	}
	contains(t, problems[0].Message, "All desired certificates have expired", "Kept valid in Stytch", "to spec.verificationCertificates")

	o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: pool()[0].pem})
	plan, problems = planFor(saml.Kind(), o, r, connection.Inputs{Now: noon})
	same(t, "the plan where a valid one is wanted", story(plan), "+"+pool()[0].sha256+" -cert-3 -cert-2")
	same(t, "problems then", problems, []connection.Problem(nil))

	o = samlManifest()
	o.Spec.MetadataURL, o.Spec.IDPEntityID, o.Spec.IDPSSOURL = documents[0], "", ""
	o.Status.FromMetadata = &v1alpha1.MetadataStatus{MetadataURL: documents[0], Certificates: []string{expired.sha256}}
	plan, problems = planFor(saml.Kind(), o, r, connection.Inputs{Now: noon})
	same(t, "the plan where the metadata gave the expired one", story(plan), "-cert-3")
	contains(t, problemWords(problems), "set a new value for the annotation connections.stytch-operator.dev/refresh-metadata")
}

func TestAManifestIsKnownToReferToEachObjectOnce(t *testing.T) {
	o := bundled(connection.KindSecret, connection.KindConfigMap, connection.KindSecret)
	o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: "x"})
	o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "signing", Key: "k"}
	o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: "signing", Key: "l"}, {Name: "encryption", Key: "k"}}
	o.Spec.DetailsConfigMapName = "details"
	same(t, "the references", saml.Kind().References(o), []connection.Reference{
		{Kind: "Secret", Name: "idp"}, {Kind: "ConfigMap", Name: "idp"}, {Kind: "Secret", Name: "signing"}, {Kind: "Secret", Name: "encryption"}, {Kind: "ConfigMap", Name: "details"},
	})
}

// atStytch are certificates of the pool as Stytch shows them: with their text where the slots are taken.
func atStytch(list ...issued) []stytch.Certificate {
	var shown []stytch.Certificate
	for i, c := range list {
		s := stytch.Certificate{ID: fmt.Sprintf("cert-%d", i), SHA256: c.sha256, ExpiresAt: c.ends}
		if len(list) == 5 {
			s.PEM = c.pem
		}
		shown = append(shown, s)
	}
	return shown
}

func TestACertificateThatMakesRoomIsWrittenDownBefore(t *testing.T) {
	kind := saml.Kind()
	o, r := samlManifest(), samlRemote()
	r.VerificationCertificates = atStytch(pool()[4:9]...)
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: pool()[0].pem}}
	plan, _ := planFor(kind, o, r, connection.Inputs{Now: noon})
	same(t, "the first step", plan[0].Action, saml.FreeCertificate)
	same(t, "whether it is written down", begins(kind, o, r, plan[0], noon), true)
	same(t, "what is", o.Status.FreedCertificate, &v1alpha1.FreedCertificateStatus{SHA256: pool()[4].sha256, PEM: pool()[4].pem})
	for _, s := range plan[1:] {
		same(t, "whether "+s.Action.Name+" is", begins(kind, o, r, s, noon), false)
	}

	want, have, _ := statesOf(kind, o, r, connection.Inputs{Now: noon})
	publish(kind, o, r, want)
	same(t, "what stands while it is there yet", o.Status.FreedCertificate, (*v1alpha1.FreedCertificateStatus)(nil))
	begins(kind, o, r, plan[0], noon)
	r.VerificationCertificates = r.VerificationCertificates[1:]
	publish(kind, o, r, want)
	same(t, "what stands while the new one is missing", o.Status.FreedCertificate.SHA256, pool()[4].sha256)
	r.VerificationCertificates = append(r.VerificationCertificates, atStytch(pool()[0])...)
	publish(kind, o, r, want)
	same(t, "what stands once the new one is there", o.Status.FreedCertificate, (*v1alpha1.FreedCertificateStatus)(nil))

	have.Certificates[0].PEM = "" // what Stytch shows cannot be read
	free := planOf(want, have)[0]
	same(t, "whether one without a text is written down", begins(kind, o, r, free, noon), false)
	same(t, "what stands of it", o.Status.FreedCertificate, (*v1alpha1.FreedCertificateStatus)(nil))
}

func TestACertificateThatMadeRoomForOneThatIsRefusedIsPutBack(t *testing.T) {
	five := func() *rollover {
		r := newRollover(rand.New(rand.NewSource(1)))
		r.far.certificates = nil
		for _, c := range pool()[4:9] {
			_ = r.far.place(c, false)
		}
		r.held.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: pool()[0].pem}}
		r.far.refuses = []string{pool()[0].sha256}
		return r
	}
	is := func(r *rollover) string { return fmt.Sprint(len(r.far.certificates), different(r.far)) }
	t.Run("at once", func(t *testing.T) {
		r := five()
		out := r.pass(t)
		same(t, "the refusal", out.err, error(refusal("invalid_x509_certificate")))
		same(t, "the steps", story(r.log), "free:"+r.log[0].Target+" +"+pool()[0].sha256+" +"+pool()[4].sha256)
		same(t, "the certificates", is(r), "5 5")
	})
	t.Run("by another process", func(t *testing.T) {
		r := five()
		r.lose = func(s connection.Step) string {
			return map[bool]string{true: "unsent"}[s.Action == connection.Update]
		}
		same(t, "the first pass", errors.Is(r.pass(t).err, errLost), true)
		same(t, "the certificates then", is(r), "4 4")
		r.lose = nil
		r.pass(t)
		same(t, "the certificates at the end", is(r), "5 5")
	})
	t.Run("and is not taken away again for the same one", func(t *testing.T) {
		r := five()
		r.pass(t)
		out := r.pass(t)
		same(t, "the steps", story(r.log), "")
		same(t, "the certificates", is(r), "5 5")
		reason, message := connection.Worst(out.problems)
		same(t, "the reason", reason, v1alpha1.ReasonRejected)
		contains(t, message, "spec.verificationCertificates[0] contains the certificate "+pool()[0].sha256[:16], "Stytch rejected", "not sent again")

		r.held.Spec.VerificationCertificates = append(r.held.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: pool()[1].pem})
		r.sends(t)
		same(t, "the certificates with a good one beside it", is(r), "5 5")
		r.held.Spec.VerificationCertificates = r.held.Spec.VerificationCertificates[1:]
		_, out = r.sends(t)
		r.equal(t, 0, out)
		same(t, "the certificates with the good one alone", is(r), "1 1")
		same(t, "what status remembers then", r.held.Status.RefusedCertificate, "")
	})
	t.Run("and is taken away again where Stytch does not say that it is the certificate", func(t *testing.T) {
		r := five()
		r.vague = true
		r.pass(t)
		r.pass(t)
		contains(t, story(r.log), "free:")
		same(t, "the certificates", is(r), "5 5")
	})
	t.Run("where the metadata is refused", func(t *testing.T) {
		r := five()
		r.held.Spec.VerificationCertificates, r.held.Spec.MetadataURL = nil, documents[0]
		r.held.Status.FromMetadata = &v1alpha1.MetadataStatus{MetadataURL: documents[0], Certificates: []string{pool()[0].sha256, pool()[5].sha256}}
		r.far.metadata = nil
		out := r.pass(t)
		same(t, "the refusal", out.err, error(refusal("invalid_xml_from_saml_metadata_url")))
		same(t, "the certificates", is(r), "5 5")
	})
	t.Run("and nothing where nothing made room", func(t *testing.T) {
		kind, o := saml.Kind(), samlManifest()
		plan := planOf(connection.State{Certificates: wanted("a")}, connection.State{})
		same(t, "the step", refuse(kind, o, plan[0], "invalid_x509_certificate"), (*connection.Step)(nil))
		o.Status.FreedCertificate = &v1alpha1.FreedCertificateStatus{SHA256: "x", PEM: "pem"}
		same(t, "the step of another refusal", refuse(kind, o, update([3]string{"idp_entity_id", "a", "b"}), "invalid_x509_certificate"), (*connection.Step)(nil))
		same(t, "the body", refuse(kind, o, plan[0], "invalid_x509_certificate").Fields(), stytch.Fields{"x509_certificate": "pem"})
	})
}

func TestACertificateThatStytchRefusedIsNotSentAgainAndNothingIsRemovedForIt(t *testing.T) {
	want := connection.State{Certificates: wanted("a", "b"), Refused: "a"}
	have := connection.State{Certificates: certificates("b:1:1", "o:2:2")}
	noSteps(t, planOf(want, have))
	want.Refused = ""
	same(t, "the steps once it is wanted anew", story(planOf(want, have)), "+a -2")

	o := samlManifest()
	o.Status.RefusedCertificate = "a"
	problems := saml.Kind().Problems(o, connection.State{Certificates: wanted("a"), Refused: "a"}, have)
	if reason, message := connection.Worst(problems); reason != v1alpha1.ReasonRejected || !strings.Contains(message, "which Stytch rejected (invalid_x509_certificate) and which is not sent again") {
		t.Errorf("%s: %s", reason, message)
	}
	publish(saml.Kind(), o, samlRemote(), connection.State{Certificates: wanted("a")})
	same(t, "noted while it is wanted", o.Status.RefusedCertificate, "a")
	publish(saml.Kind(), o, samlRemote(), connection.State{Certificates: wanted("b")})
	same(t, "noted when it is not wanted any more", o.Status.RefusedCertificate, "")
}
