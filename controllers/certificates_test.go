package controllers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// newCertificate makes a certificate in PEM.
func newCertificate(name string) string { return certificateUntil(name, time.Now().AddDate(2, 0, 0)) }

// newCertificates makes several.
func newCertificates(names ...string) []string {
	GinkgoHelper()
	var certificates []string
	for _, name := range names {
		certificates = append(certificates, newCertificate(name))
	}
	return certificates
}

// certificateUntil makes a certificate that expires at a time.
func certificateUntil(name string, expires time.Time) string {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: expires}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	Expect(err).NotTo(HaveOccurred())
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// expiredCertificate makes a certificate that has ended.
func expiredCertificate(name string) string {
	GinkgoHelper()
	return certificateUntil(name, time.Now().AddDate(0, 0, -1))
}

// strangeCertificate has the shape of a certificate and is none that Stytch takes, however often it is sent.
func strangeCertificate() string {
	GinkgoHelper()
	der, err := asn1.Marshal(struct {
		Content   asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{
		asn1.RawValue{FullBytes: []byte{0x30, 0x03, 0x02, 0x01, 0x07}},
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}},
		asn1.BitString{Bytes: []byte(time.Now().String()), BitLength: 64},
	})
	Expect(err).NotTo(HaveOccurred())
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// sha is the SHA-256 of a certificate's DER, as status has it.
func sha(certificate string) string {
	GinkgoHelper()
	block, _ := pem.Decode([]byte(certificate))
	Expect(block).NotTo(BeNil())
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}

func shas(certificates ...string) []string {
	GinkgoHelper()
	list := []string{}
	for _, c := range certificates {
		list = append(list, sha(c))
	}
	return list
}

// specCertificates are certificates as a manifest holds them.
func specCertificates(certificates ...string) []v1alpha1.VerificationCertificate {
	var list []v1alpha1.VerificationCertificate
	for _, c := range certificates {
		list = append(list, v1alpha1.VerificationCertificate{PEM: c})
	}
	return list
}

// anyOf makes a list of texts what a connection that is made by hand takes.
func anyOf(texts ...string) []any {
	list := []any{}
	for _, text := range texts {
		list = append(list, text)
	}
	return list
}

// installed are the certificates that Stytch has of a connection.
func (w *world) installed(id string) []string {
	GinkgoHelper()
	remote, found := w.sim.Connection(id)
	Expect(found).To(BeTrue(), "there is no connection %s", id)
	var certificates []string
	for _, c := range remote.Fields["verification_certificates"].([]any) {
		certificates = append(certificates, c.(map[string]any)["certificate"].(string))
	}
	return certificates
}

// expectInstalled expects that Stytch has exactly these certificates of a connection, each once.
func (w *world) expectInstalled(o *v1alpha1.SAMLConnection, certificates ...string) {
	GinkgoHelper()
	w.reload(o)
	Expect(shas(w.installed(o.Status.ConnectionID)...)).To(ConsistOf(shas(certificates...)), "%+v", o.Status)
}

// rsaKeys are made once, because making one takes long, and are told apart by their number.
var rsaKeys = struct {
	sync.Mutex
	made []*rsa.PrivateKey
}{}

func rsaKey(n int) *rsa.PrivateKey {
	GinkgoHelper()
	rsaKeys.Lock()
	defer rsaKeys.Unlock()
	for len(rsaKeys.made) <= n {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		Expect(err).NotTo(HaveOccurred())
		rsaKeys.made = append(rsaKeys.made, key)
	}
	return rsaKeys.made[n]
}

// pkcs1 is a key as Stytch takes it.
func pkcs1(n int) string {
	GinkgoHelper()
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey(n))}))
}

// pkcs8 is the same key as most tools write it.
func pkcs8(n int) string {
	GinkgoHelper()
	return pkcs8Of(rsaKey(n))
}

func pkcs8Of(key any) string {
	GinkgoHelper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	Expect(err).NotTo(HaveOccurred())
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// spki is the SHA-256 of a key's public half, as status has it.
func spki(n int) string {
	GinkgoHelper()
	public, err := x509.MarshalPKIXPublicKey(rsaKey(n).Public())
	Expect(err).NotTo(HaveOccurred())
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:])
}

func spkis(numbers ...int) []string {
	GinkgoHelper()
	list := []string{}
	for _, n := range numbers {
		list = append(list, spki(n))
	}
	return list
}

// encryptionKeys are the public keys that Stytch decrypts with for a connection.
func (w *world) encryptionKeys(id string) []string {
	GinkgoHelper()
	list := []string{}
	for _, key := range w.encryptionKeysByID(id) {
		list = append(list, key)
	}
	slices.Sort(list)
	return list
}

func (w *world) encryptionKeysByID(id string) map[string]string {
	GinkgoHelper()
	remote, found := w.sim.Connection(id)
	Expect(found).To(BeTrue(), "there is no connection %s", id)
	byID := map[string]string{}
	for _, entry := range remote.Fields["encryption_private_keys"].([]any) {
		key := entry.(map[string]any)
		byID[key["private_key_id"].(string)] = key["public_key_sha256"].(string)
	}
	return byID
}

// signingKeys are the public keys of the certificates that Stytch signs with for a connection, the oldest first.
func (w *world) signingKeys(id string) []string {
	GinkgoHelper()
	remote, found := w.sim.Connection(id)
	Expect(found).To(BeTrue(), "there is no connection %s", id)
	var list []string
	for _, entry := range remote.Fields["signing_certificates"].([]any) {
		block, _ := pem.Decode([]byte(entry.(map[string]any)["certificate"].(string)))
		parsed, err := x509.ParseCertificate(block.Bytes)
		Expect(err).NotTo(HaveOccurred())
		sum := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
		list = append(list, hex.EncodeToString(sum[:]))
	}
	return list
}

// expectNoKey expects that not a line of these keys, in whichever form, stands in a manifest, an event or the log.
func (w *world) expectNoKey(numbers ...int) {
	GinkgoHelper()
	var lines []string
	for _, n := range numbers {
		for line := range strings.SplitSeq(pkcs1(n)+pkcs8(n), "\n") {
			if len(line) > 32 && !strings.HasPrefix(line, "-----") {
				lines = append(lines, line[:32])
			}
		}
	}
	for _, o := range w.connections() {
		text, err := json.Marshal(o)
		Expect(err).NotTo(HaveOccurred())
		expectNone(lines, string(text), "manifest "+o.GetName())
	}
	var events eventsv1.EventList
	Expect(api.List(w.ctx, &events, client.InNamespace(w.namespace))).To(Succeed())
	text, err := json.Marshal(events.Items)
	Expect(err).NotTo(HaveOccurred())
	expectNone(lines, string(text), "the events")
	expectNone(lines, w.log.String(), "the log")
}

// endOf is the end of a certificate's validity; far away where it cannot be read.
func endOf(certificate string) time.Time {
	GinkgoHelper()
	block, _ := pem.Decode([]byte(certificate))
	Expect(block).NotTo(BeNil())
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Now().AddDate(100, 0, 0)
	}
	return parsed.NotAfter
}

// restarted is the process after a crash: it has the same caches, an empty memory and no call in flight.
func (p *process) restarted() *process {
	GinkgoHelper()
	f := p.life
	f.mu.Lock()
	f.events, f.reads, f.dieAt, f.dieOn, f.ended = nil, nil, 0, "", false
	f.mu.Unlock()
	was := p.shared
	options := was.Options
	options.Stytch = stytch.New(stytch.Options{Transport: f.wrap("stytch")(http.DefaultTransport), UserAgent: "stytch-operator/test", Now: options.Now})
	d := &shared{
		Options: options, client: was.client, cached: was.cached, live: was.live, recorder: was.recorder,
		projectEvents: make(chan event.GenericEvent, maxProjectEvents),
	}
	return &process{world: p.world, life: f, cache: p.cache, metrics: p.metrics, freeze: p.freeze, reconcilers: reconcilersOf(d)}
}

// settleOnCache takes passes of an object, without waiting for the caches, until one does nothing and asks for none before the
// next slot, or the process is dead.
func (p *process) settleOnCache(o v1alpha1.Connection) {
	GinkgoHelper()
	var got outcome
	for range 40 {
		got = p.again(o)
		switch {
		case p.life.dead(), got.quiet() && p.done(o):
			return
		case got.err != nil:
			p.world.clock.advance(firstRetry)
		case !p.done(o):
			p.world.clock.advance(got.result.RequeueAfter)
		}
	}
	Fail(fmt.Sprintf("%s is not settled after 40 passes: %+v", o.GetName(), got))
}

// crashSeries is a flow that many manifests go through in one world. For each of them the process dies at another call or write
// of the flow, before or after its effect.
type crashSeries struct {
	switches func(*stytchsim.Switches)
	// refused says that the flow ends with what Stytch does not take, which is tried again at each look.
	refused bool
	// arrange makes what the manifest names and returns it: not yet created, where the flow begins with its creation.
	arrange func(w *world, p *process, name string) *v1alpha1.SAMLConnection
	ask     func(w *world, o *v1alpha1.SAMLConnection)
	// expect what must hold once a process has come to rest.
	expect func(w *world, o *v1alpha1.SAMLConnection)
}

// run takes one manifest through the flow without a death, to count, and then one for each death. Another process finishes what
// the dead ones began, and a third finds nothing to do.
func (s crashSeries) run(ctx context.Context) {
	GinkgoHelper()
	var switches []func(*stytchsim.Switches)
	if s.switches != nil {
		switches = append(switches, s.switches)
	}
	w := newWorld(ctx, switches...)
	p := w.start()
	p.check()
	p.catchUp()
	whole := s.arrange(w, p, "whole")
	s.ask(w, whole)
	p.catchUp()
	p = p.restarted()
	s.resume(p, whole)
	count := p.life.eventCount()
	s.expect(w, whole)
	Expect(count).To(BeNumerically(">=", 2))

	var manifests []*v1alpha1.SAMLConnection
	for n := 1; n <= count; n++ {
		for _, when := range []string{"before", "after"} {
			manifests = append(manifests, s.arrange(w, p, fmt.Sprintf("dies-%s-%d", when, n)))
		}
	}
	for _, o := range manifests {
		s.ask(w, o)
	}
	p.catchUp()
	for i, o := range manifests {
		p = p.restarted()
		p.life.dieAtEvent(i/2+1, i%2 == 1)
		s.resume(p, o)
		Expect(p.life.dead()).To(BeTrue(), "the process of %s did not come to its %d. call or write of %d", o.Name, i/2+1, count)
	}
	p = p.restarted()
	p.catchUp()
	for _, o := range manifests {
		By("going on with " + o.Name)
		s.resume(p, o)
		s.expect(w, o)
	}
	w.expectHonest()
	last := w.start()
	last.catchUp()
	for _, o := range append(manifests, whole) {
		if s.refused {
			continue
		}
		Expect(last.again(o).quiet()).To(BeTrue(), o.Name)
	}
}

func (s crashSeries) resume(p *process, o v1alpha1.Connection) {
	GinkgoHelper()
	if s.refused {
		p.again(o)
		return
	}
	p.settleOnCache(o)
}
