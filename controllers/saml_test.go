package controllers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

func (w *world) saml(name string) *v1alpha1.SAMLConnection {
	GinkgoHelper()
	return &v1alpha1.SAMLConnection{ObjectMeta: w.meta(name), Spec: v1alpha1.SAMLConnectionSpec{
		ConnectionSpec:           v1alpha1.ConnectionSpec{Organization: w.acme.ID, DisplayName: "Okta of " + name},
		IdentityProvider:         "okta",
		IDPEntityID:              "https://idp.example.com/" + name,
		IDPSSOURL:                "https://idp.example.com/sso",
		VerificationCertificates: []v1alpha1.VerificationCertificate{{PEM: newCertificate(name)}},
		AttributeMapping:         map[string]v1alpha1.Attribute{"email": "NameID", "full_name": "name", "groups": "groups"},
		NameIDFormat:             new("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
		AlternativeAudienceURI:   new("urn:old:audience"),
		AlternativeACSURL:        new("https://old.example.com/acs"),
		IDPInitiatedAuth:         v1alpha1.ToggleDisabled,
		GatewayCallback:          v1alpha1.PermissionAllowed,
		ImplicitRoles:            []string{"viewer"},
		GroupImplicitRoles:       []v1alpha1.GroupRole{{Group: "eng", Role: "editor"}},
	}}
}

// configMap is a ConfigMap of the namespace.
func (w *world) configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: w.meta(name), Data: data}
}

// fromSecret and fromConfigMap are certificates that a manifest takes from elsewhere. The key of the Secret is the one of a TLS
// Secret.
func fromSecret(name string) v1alpha1.VerificationCertificate {
	return v1alpha1.VerificationCertificate{SecretKeyRef: &v1alpha1.SecretKeyRef{Name: name, Key: corev1.TLSCertKey}}
}

func fromConfigMap(name string) v1alpha1.VerificationCertificate {
	return v1alpha1.VerificationCertificate{ConfigMapKeyRef: &v1alpha1.ConfigMapKeyRef{Name: name, Key: "idp.pem"}}
}

// samlCalls are what a pass on a SAML connection calls, in short: PUT, DELETE of a certificate or key, PUT /url.
func samlCalls(calls []string) []string {
	out := []string{}
	for _, call := range short(calls) {
		call = strings.Replace(call, "/v1/b2b/sso/saml/organization/connections/saml-connection", "", 1)
		out = append(out, strings.TrimSpace(strings.Replace(call, "/v1/b2b/sso/organization", "", 1)))
	}
	return out
}

const (
	deletesCertificate = "DELETE /verification_certificates/saml-verification-key"
	deletesKey         = "DELETE /encryption_private_keys/saml-encryption-key"
	readsMetadata      = "PUT /url"
)

var _ = Describe("A SAMLConnection", func() {
	It("is created, configured and then left in peace", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		got := p.expectPass(o, "GET /v1/b2b/sso/organization", "POST /v1/b2b/sso/saml/organization", "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
		Expect(got.writes).To(HaveLen(3))
		w.reload(o)
		Expect(isTrue(o, v1alpha1.ConditionReady)).To(BeTrue(), "%+v", o.Status)
		Expect(o.Status.VerificationCertificates).To(HaveLen(1))
		Expect(o.Status.ACSURL).NotTo(BeEmpty())
		p.expectQuiet(o)
		w.start().expectQuiet(o)
	})
	It("shows in status the certificates at Stytch and the one that it signs with", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		ends := time.Now().AddDate(1, 0, 0).Truncate(time.Second)
		later := newCertificate("later")
		soon := certificateUntil("soon", ends)
		o.Spec.VerificationCertificates = specCertificates(later, soon)
		w.settled(o)
		Expect(o.Status.VerificationCertificates).To(HaveLen(2))
		first := o.Status.VerificationCertificates[0]
		Expect(first.SHA256).To(Equal(sha(soon)))
		Expect(first.Subject).To(Equal("CN=soon"))
		Expect(first.ExpiresAt.Time).To(BeTemporally("==", ends))
		Expect(first.CertificateID).To(HavePrefix("saml-verification-key-test-"))
		Expect(o.Status.VerificationCertificates[1].SHA256).To(Equal(sha(later)))
		Expect(o.Status.SigningCertificates).To(HaveLen(1))
		Expect(o.Status.SigningCertificates[0].SHA256).To(HaveLen(64))
		Expect(o.Status.SigningCertificates[0].ExpiresAt.Time).To(BeTemporally("~", time.Now().AddDate(10, 0, 0), time.Hour))
	})
})

var _ = Describe("Verification certificates", func() {
	It("come from the manifest, a Secret and a bundle in a ConfigMap alike, each once", func(ctx context.Context) {
		w := newWorld(ctx)
		a, b, c, d := newCertificate("a"), newCertificate("b"), newCertificate("c"), newCertificate("d")
		w.create(w.secret("idp-b", map[string]string{corev1.TLSCertKey: b}))
		w.create(w.configMap("idp-others", map[string]string{"idp.pem": "\n" + c + "\r\n" + d + b + "  \n"}))
		o := w.saml("okta")
		o.Spec.VerificationCertificates = append(specCertificates(a), fromSecret("idp-b"), fromConfigMap("idp-others"))
		w.create(o)
		p := w.start()
		Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"GET", "POST /v1/b2b/sso/saml/organization", "PUT", "PUT", "PUT", "PUT"}))
		w.expectKept(o)
		w.expectInstalled(o, a, b, c, d)
		p.expectQuiet(o)
		w.start().expectQuiet(o)
	})

	It("that a Secret is rotated to reach Stytch without an edit, the new before the old goes", func(ctx context.Context) {
		w := newWorld(ctx)
		before, after := newCertificate("before"), newCertificate("after")
		secret := w.secret("idp", map[string]string{corev1.TLSCertKey: before})
		w.create(secret)
		o := w.saml("okta")
		o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{fromSecret("idp")}
		w.settled(o)
		p := w.start()
		p.expectQuiet(o)
		edit(w, secret, func(s *corev1.Secret) { s.Data[corev1.TLSCertKey] = []byte(before + after) })
		Expect(p.saml.referring(connection.KindSecret)(ctx, secret)).To(ConsistOf(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)}), "the change wakes it")
		Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"GET", "PUT"}), "a bundle of both while the identity provider changes over")
		w.expectInstalled(o, before, after)
		edit(w, secret, func(s *corev1.Secret) { s.Data[corev1.TLSCertKey] = []byte(after) })
		Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{deletesCertificate}))
		w.expectInstalled(o, after)

		v := w.watchCertificates()
		v.note(o.Status.ConnectionID, "at first")
		at := newCertificate("at once")
		edit(w, secret, func(s *corev1.Secret) { s.Data[corev1.TLSCertKey] = []byte(at) })
		Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"PUT", deletesCertificate}))
		w.expectInstalled(o, at)
		v.expectNeverFewer(o.Status.ConnectionID, at)
		w.expectKept(o)
		Expect(o.Status.VerificationCertificates[0].Subject).To(Equal("CN=at once"))
		Expect(o.Generation).To(Equal(int64(1)))
		p.expectQuiet(o)
	})

	It("that a ConfigMap is changed to while the operator is down reach Stytch once it is up", func(ctx context.Context) {
		w := newWorld(ctx)
		before, after := newCertificate("before"), newCertificate("after")
		object := w.configMap("idp", map[string]string{"idp.pem": before})
		w.create(object)
		o := w.saml("okta")
		o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{fromConfigMap("idp")}
		w.settled(o)
		edit(w, object, func(m *corev1.ConfigMap) { m.Data["idp.pem"] = after })
		p := w.start()
		Expect(p.saml.referring(connection.KindConfigMap)(ctx, object)).To(HaveLen(1), "the change wakes it")
		Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"GET", "PUT", deletesCertificate}))
		w.expectInstalled(o, after)
		p.expectQuiet(o)
	})

	It("that are wrapped anew in their Secret are the same, and are not sent", func(ctx context.Context) {
		w := newWorld(ctx)
		certificate := newCertificate("same")
		secret := w.secret("idp", map[string]string{corev1.TLSCertKey: certificate})
		w.create(secret)
		o := w.saml("okta")
		o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{fromSecret("idp")}
		w.settled(o)
		edit(w, secret, func(s *corev1.Secret) {
			s.Data[corev1.TLSCertKey] = []byte(strings.ReplaceAll(certificate, "\n", "\r\n") + "\n\n" + certificate)
		})
		p := w.start()
		Expect(samlCalls(p.pass(o).calls)).To(Equal([]string{"GET"}))
		w.expectKept(o)
		p.expectQuiet(o)
	})

	It("stay at Stytch when the Secret that they came from is deleted, and the manifest says what is missing", func(ctx context.Context) {
		w := newWorld(ctx)
		certificate := newCertificate("idp")
		secret := w.secret("idp", map[string]string{corev1.TLSCertKey: certificate})
		w.create(secret)
		o := w.saml("okta")
		o.Spec.VerificationCertificates = append(specCertificates(newCertificate("inline")), fromSecret("idp"))
		w.settled(o)
		w.delete(secret)
		seq := w.seq()
		p := w.start()
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(w.sentSince(seq)).To(BeEmpty())
		Expect(w.installed(o.Status.ConnectionID)).To(HaveLen(2))
		w.create(w.secret("idp", map[string]string{corev1.TLSCertKey: certificate}))
		p.rest(o)
		w.expectKept(o)
		Expect(w.sentSince(seq)).To(BeEmpty())
	})
})

// bad is a row about a connection that was as its manifest said, which is then given something that cannot be meant, and another
// display name, which reaches Stytch all the same.
func bad(prepare func(w *world), spoil func(w *world, o *v1alpha1.SAMLConnection), reason, message string, mend func(w *world, o *v1alpha1.SAMLConnection)) row {
	r := row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.saml("okta")
			if prepare != nil {
				prepare(w)
			}
			w.settled(o)
			edit(w, o, func(o *v1alpha1.SAMLConnection) {
				o.Spec.DisplayName = "Renamed"
				spoil(w, o)
			})
			return o
		},
		synced: isFalseNow, reason: reason, ready: isFalseNow, readyReason: reason,
		remedy: stalled, kstatus: status.FailedStatus, message: message,
		lift: func(w *world, o v1alpha1.Connection) {
			remote, _ := w.sim.Connection(o.CommonStatus().ConnectionID)
			Expect(remote.DisplayName).To(Equal("Renamed"), "the other fields are applied")
			Expect(remote.Status).To(Equal("active"))
			mend(w, o.(*v1alpha1.SAMLConnection))
		},
	}
	if reason == v1alpha1.ReasonInputMissing {
		r.remedy, r.kstatus = reconciling, status.InProgressStatus
	}
	return r
}

// inSecret is a row about what a Secret holds that certificates are taken from.
func inSecret(content func() string, reason, message string) row {
	return bad(
		func(w *world) { w.create(w.secret("idp", map[string]string{corev1.TLSCertKey: content()})) },
		func(_ *world, o *v1alpha1.SAMLConnection) {
			o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, fromSecret("idp"))
		},
		reason, message,
		func(w *world, _ *v1alpha1.SAMLConnection) {
			edit(w, w.secret("idp", nil), func(s *corev1.Secret) { s.Data[corev1.TLSCertKey] = []byte(newCertificate("good")) })
		},
	)
}

// inManifest is a row about a certificate that stands in the manifest.
func inManifest(content func() string, message string) row {
	return bad(nil,
		func(_ *world, o *v1alpha1.SAMLConnection) {
			o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, specCertificates(content())...)
		},
		v1alpha1.ReasonInvalid, message,
		func(w *world, o *v1alpha1.SAMLConnection) {
			edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.VerificationCertificates[1].PEM = newCertificate("good") })
		},
	)
}

// asSigningKey and asEncryptionKey are rows about what a Secret holds that a key is taken from.
func asSigningKey(content func() string, message string) row {
	return inKeySecret(content, v1alpha1.ReasonInvalid, message, func(o *v1alpha1.SAMLConnection) {
		o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "keys", Key: "key.pem"}
	})
}

func asEncryptionKey(content func() string, reason, message string) row {
	return inKeySecret(content, reason, message, func(o *v1alpha1.SAMLConnection) {
		o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: "keys", Key: "key.pem"}}
	})
}

func inKeySecret(content func() string, reason, message string, name func(o *v1alpha1.SAMLConnection)) row {
	return bad(
		func(w *world) { w.create(w.secret("keys", map[string]string{"key.pem": content()})) },
		func(_ *world, o *v1alpha1.SAMLConnection) { name(o) },
		reason, message,
		func(w *world, _ *v1alpha1.SAMLConnection) {
			edit(w, w.secret("keys", nil), func(s *corev1.Secret) { s.Data["key.pem"] = []byte(pkcs8(0)) })
		},
	)
}

func ellipticKey() *ecdsa.PrivateKey {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	return key
}

var _ = DescribeTable("A certificate or key that cannot be used is named, with what to do, and holds nothing else up:",
	func(ctx context.Context, r row) { r.expectSaid(ctx) },

	Entry("a certificate that has expired", inManifest(func() string { return expiredCertificate("old") },
		"which expired at ")),
	Entry("a certificate with text around it", inManifest(func() string { return "Our certificate:\n" + newCertificate("good") },
		"spec.verificationCertificates[1].pem contains text outside its PEM blocks. Leave only the blocks, from the BEGIN line to the END line.")),
	Entry("half a certificate", inManifest(func() string { c := newCertificate("half"); return c[:len(c)/2] },
		"spec.verificationCertificates[1].pem contains an incomplete or damaged PEM block. Paste it again")),
	Entry("a certificate whose content is none", inManifest(func() string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("nothing of the sort")}))
	}, "spec.verificationCertificates[1].pem is not a readable X.509 certificate. Download it")),
	Entry("two certificates in one entry", inManifest(func() string { return newCertificate("one") + newCertificate("two") },
		"spec.verificationCertificates[1].pem contains more than one certificate. Give each certificate its own entry.")),
	Entry("a key in the place of a certificate", inManifest(func() string {
		public, err := x509.MarshalPKIXPublicKey(ellipticKey().Public())
		Expect(err).NotTo(HaveOccurred())
		return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	}, "spec.verificationCertificates[1].pem contains a PEM block of type \"PUBLIC KEY\", not \"CERTIFICATE\". Store")),
	Entry("a bundle that holds a private key", inSecret(func() string { return newCertificate("good") + pkcs8(0) }, v1alpha1.ReasonInvalid,
		"spec.verificationCertificates[1].secretKeyRef (Secret idp, key \"tls.crt\") contains a private key. Leave only certificates there.")),
	Entry("six certificates all together", inSecret(func() string {
		return strings.Join(newCertificates("1", "2", "3", "4", "5"), "")
	}, v1alpha1.ReasonInvalid, "spec.verificationCertificates contains 6 certificates, but Stytch allows 5. Remove the certificates that")),
	Entry("a Secret without the key", inSecret(func() string { return " " }, v1alpha1.ReasonInputMissing,
		"Secret idp has no value for the key \"tls.crt\". Add it, or fix spec.verificationCertificates[1].secretKeyRef.key.")),
	Entry("no such Secret", bad(nil,
		func(_ *world, o *v1alpha1.SAMLConnection) {
			o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{fromSecret("idp")}
		},
		v1alpha1.ReasonInputMissing, "Secret idp, referenced by spec.verificationCertificates[0].secretKeyRef, does not exist in this namespace. Create it.",
		func(w *world, _ *v1alpha1.SAMLConnection) {
			w.create(w.secret("idp", map[string]string{corev1.TLSCertKey: newCertificate("good")}))
		})),
	Entry("no such ConfigMap", bad(nil,
		func(_ *world, o *v1alpha1.SAMLConnection) {
			o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, fromConfigMap("idp"))
		},
		v1alpha1.ReasonInputMissing, "ConfigMap idp, referenced by spec.verificationCertificates[1].configMapKeyRef, does not exist in this namespace. Create it.",
		func(w *world, _ *v1alpha1.SAMLConnection) {
			w.create(w.configMap("idp", map[string]string{"idp.pem": newCertificate("good")}))
		})),

	Entry("a signing key that is not RSA", asSigningKey(func() string { return pkcs8Of(ellipticKey()) },
		"spec.signingPrivateKeyRef (Secret keys, key \"key.pem\") contains a key that is not RSA. Stytch accepts only RSA private keys. Create one, for example with \"openssl genrsa 2048\".")),
	Entry("a signing key in the form of an elliptic one", asSigningKey(func() string {
		der, err := x509.MarshalECPrivateKey(ellipticKey())
		Expect(err).NotTo(HaveOccurred())
		return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	}, "spec.signingPrivateKeyRef (Secret keys, key \"key.pem\") contains a PEM block of type \"EC PRIVATE KEY\". Stytch accepts only RSA")),
	Entry("a signing key under a passphrase", asSigningKey(func() string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("sealed")}))
	}, "is encrypted with a passphrase. Decrypt it")),
	Entry("a signing key with its certificate", asSigningKey(func() string { return pkcs8(0) + newCertificate("beside") },
		"contains more than one PEM block. Leave only the private key there.")),
	Entry("a signing key with text around it", asSigningKey(func() string { return "Bag Attributes\n" + pkcs8(0) },
		"contains text outside its PEM blocks")),
	Entry("half a signing key", asSigningKey(func() string { return pkcs1(0)[:600] }, "contains an incomplete or damaged PEM block")),
	Entry("a broken signing key", asSigningKey(func() string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("no key")}))
	}, "contains an RSA key that cannot be read. Create a new key")),
	Entry("a certificate in the place of an encryption key", asEncryptionKey(func() string { return newCertificate("wrong") }, v1alpha1.ReasonInvalid,
		"spec.encryptionPrivateKeyRefs[0] (Secret keys, key \"key.pem\") contains a PEM block of type \"CERTIFICATE\", not a private key.")),
	Entry("an encryption key that is not there yet", asEncryptionKey(func() string { return "" }, v1alpha1.ReasonInputMissing,
		"Secret keys has no value for the key \"key.pem\". Add it, or fix spec.encryptionPrivateKeyRefs[0].key.")),
	Entry("no such Secret of a signing key", bad(nil,
		func(_ *world, o *v1alpha1.SAMLConnection) {
			o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "keys", Key: "key.pem"}
		},
		v1alpha1.ReasonInputMissing, "Secret keys, referenced by spec.signingPrivateKeyRef, does not exist in this namespace. Create it.",
		func(w *world, _ *v1alpha1.SAMLConnection) {
			w.create(w.secret("keys", map[string]string{"key.pem": pkcs1(0)}))
		})),

	Entry("one of several, and nothing of the others goes", row{
		arrange: func(w *world) v1alpha1.Connection {
			o := w.saml("okta")
			w.settled(o)
			edit(w, o, func(o *v1alpha1.SAMLConnection) {
				o.Spec.VerificationCertificates = append(specCertificates(newCertificate("new")), fromSecret("idp"))
			})
			return o
		},
		synced: isFalseNow, reason: v1alpha1.ReasonInputMissing, ready: isFalseNow, readyReason: v1alpha1.ReasonInputMissing,
		remedy: reconciling, kstatus: status.InProgressStatus, message: "Secret idp",
		lift: func(w *world, o v1alpha1.Connection) {
			Expect(w.installed(o.CommonStatus().ConnectionID)).To(HaveLen(2), "the new one is added, the old one stays")
			w.create(w.secret("idp", map[string]string{corev1.TLSCertKey: newCertificate("late")}))
		},
	}),
)
