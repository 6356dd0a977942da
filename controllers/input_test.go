package controllers

import (
	"context"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// byteOrderMark is what some editors put in front of UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

var _ = Describe("Input as people give it", func() {
	It("is taken without a byte order mark and CRLF, and to the byte otherwise: secrets of a project and a client", func(ctx context.Context) {
		const secret = " aB~%2F:+\"\\ü=; #x "
		w := newWorld(ctx)
		edit(w, w.secret("stytch", nil), func(s *corev1.Secret) {
			s.Data["secret"] = []byte(byteOrderMark + stytchsim.DefaultSecret + "\r\n")
		})
		o := w.oidc("entra")
		o.Spec.ClientSecretRef.Key = "odd"
		edit(w, w.secret("entra-client", nil), func(s *corev1.Secret) { s.Data["odd"] = []byte(byteOrderMark + secret + "\r\n") })
		w.create(o)
		w.start().settle(o)
		w.reload(o)
		Expect(w.field(o, "client_secret_sha256")).To(Equal(connectiontest.SHA256Of(secret)))
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(
			ContainSubstring("starts or ends with white space or an invisible character, which is sent"))
	})

	It("says that the project's secret is UTF-16", func(ctx context.Context) {
		w := newWorld(ctx)
		edit(w, w.secret("stytch", nil), func(s *corev1.Secret) { s.Data["secret"] = []byte("\xff\xfea\x00b\x00c\x00") })
		o := w.oidc("entra")
		w.create(o)
		w.start().rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(ContainSubstring(
			`StytchProject default is not ready: spec.secretRef (Secret stytch, key "secret") is encoded in UTF-16. Store it in UTF-8: convert it with "iconv -f UTF-16LE -t UTF-8".`))
	})

	for _, shown := range []string{"plain", "masked", "empty"} {
		It("is not sent again when the Secret was touched without a change of its value, with the secret shown "+shown, func(ctx context.Context) {
			w := newWorld(ctx, func(s *stytchsim.Switches) { s.ClientSecret = shown })
			o := w.oidc("entra")
			w.create(o)
			p := w.start()
			p.settle(o)
			seq := w.seq()
			touch := func(value string) {
				edit(w, w.secret("entra-client", nil), func(s *corev1.Secret) { s.Annotations = map[string]string{"touched": value} })
			}
			for _, value := range []string{"1", "2", "3", "4", "5", "6"} {
				touch(value)
				p.settle(o)
			}
			Expect(w.sentSince(seq)).To(BeEmpty())
			w.expectKept(o)

			next := w.start()
			next.settle(o)
			touch("7")
			next.settle(o)
			Expect(len(w.sentSince(seq))).To(BeNumerically("<=", 1), "a new process has not read the version that was sent")
			touch("8")
			next.settle(o)
			Expect(len(w.sentSince(seq))).To(BeNumerically("<=", 1))
		})
	}

	It("is sent without the issuers of a chain, which are named, and is in order without them", func(ctx context.Context) {
		w := newWorld(ctx)
		chain := connectiontest.IssueChain(&testing.T{}, time.Now().AddDate(1, 0, 0), "leaf", "intermediate", "root")
		m := w.withCertificates("chain", []string{newCertificate("old")}, []string{chain[0].PEM})
		w.create(w.secret("idp", map[string]string{"tls.crt": chain[0].PEM + chain[1].PEM + chain[2].PEM}))
		m.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{SecretKeyRef: &v1alpha1.SecretKeyRef{Name: "idp", Key: "tls.crt"}}}
		w.create(m)
		p := w.start()
		p.rest(m)
		Expect(w.expectCondition(m, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(ContainSubstring(
			`(Secret idp, key "tls.crt") contains certificates that issued another one there and are not sent: "CN=intermediate", "CN=root".`))
		Expect(w.installed(m.Spec.ConnectionID)).To(HaveLen(2))
		edit(w, w.secret("idp", nil), func(s *corev1.Secret) {
			s.Data["tls.crt"] = []byte(byteOrderMark + strings.ReplaceAll(chain[0].PEM, "\n", "\r\n"))
		})
		p.rest(m)
		w.expectCondition(m, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		w.expectInstalled(m, chain[0].PEM)
	})

	It("is a certificate that has expired: it is sent, and that it has expired is said", func(ctx context.Context) {
		w := newWorld(ctx)
		expired := expiredCertificate("expired")
		m := w.withCertificates("expired", []string{expiredCertificate("old")}, []string{expired})
		w.create(m)
		p := w.start()
		p.rest(m)
		w.expectCondition(m, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		Expect(w.expectCondition(m, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpired)).To(ContainSubstring("CN=expired"))
		w.expectInstalled(m, expired)
		p.expectQuiet(m)
	})

	It("is DER in a Secret and under binaryData", func(ctx context.Context) {
		w := newWorld(ctx)
		a := connectiontest.IssueChain(&testing.T{}, time.Now().AddDate(1, 0, 0), "a")[0]
		b := connectiontest.IssueChain(&testing.T{}, time.Now().AddDate(1, 0, 0), "b")[0]
		m := w.withCertificates("der", []string{newCertificate("old")}, []string{a.PEM})
		w.create(&corev1.Secret{ObjectMeta: w.meta("der"), Data: map[string][]byte{"idp.cer": a.DER}})
		w.create(&corev1.ConfigMap{ObjectMeta: w.meta("der"), BinaryData: map[string][]byte{"idp.cer": b.DER}})
		m.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{
			{SecretKeyRef: &v1alpha1.SecretKeyRef{Name: "der", Key: "idp.cer"}}, {ConfigMapKeyRef: &v1alpha1.ConfigMapKeyRef{Name: "der", Key: "idp.cer"}},
		}
		w.create(m)
		w.start().rest(m)
		w.expectCondition(m, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		w.expectInstalled(m, a.PEM, b.PEM)
	})

	It("names an organization by an external ID with a vertical bar", func(ctx context.Context) {
		w := newWorld(ctx)
		organization, err := w.sim.AddOrganization(stytchsim.Organization{Slug: "crm", Name: "crm", ExternalID: "crm|0017"})
		Expect(err).NotTo(HaveOccurred())
		o := w.scim("directory")
		o.Spec.Organization = "crm|0017"
		w.create(o)
		w.start().settle(o)
		w.reload(o)
		Expect(o.Status.OrganizationID).To(Equal(organization.ID))
	})
})
