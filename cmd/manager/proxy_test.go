package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// proxyPassword is what must not be seen anywhere.
const proxyPassword = "proxy-password"

// A manager behind a proxy that is down, that requires authentication, that refuses and that inspects TLS with a CA nobody told it of says each
// in the condition of the StytchProject, and what to do. Then the proxy leads to Stytch, whose certificate is of the CA in SSL_CERT_FILE.
func TestAManagerBehindAProxySaysWhatKeepsItFromStytch(t *testing.T) {
	l := startLab(t)
	s := l.emptyStage(t)
	known, unknown := newCA(t, "Corp CA"), newCA(t, "Inspection CA")
	stytch, inspected := s.secureStytch(known), s.secureStytch(unknown)
	address := freeAddress(t)
	t.Setenv("HTTPS_PROXY", "http://operator:"+proxyPassword+"@"+address)
	t.Setenv("SSL_CERT_FILE", known.file)
	project := &v1alpha1.StytchProject{ObjectMeta: s.meta("default")}
	s.reload(project)
	project.Spec.BaseURL = ""
	if err := s.api.Update(t.Context(), project); err != nil {
		t.Fatal(err)
	}
	direct := httptest.NewServer(s.forwarder())
	t.Cleanup(direct.Close)
	s.first = s.startManager(direct.URL)

	says := func(status metav1.ConditionStatus, sentences ...string) {
		t.Helper()
		s.eventually("Ready says "+strings.Join(sentences, " "), func() bool {
			s.reload(project)
			ready := meta.FindStatusCondition(project.Status.Conditions, v1alpha1.ConditionReady)
			for _, sentence := range sentences {
				if ready == nil || ready.Status != status || !strings.Contains(ready.Message, sentence) {
					return false
				}
			}
			return ready != nil
		})
	}
	says(metav1.ConditionFalse, "the proxy cannot be reached: connection refused. Stytch is not the cause: check the proxy")
	var status atomic.Int32
	var target atomic.Pointer[string]
	status.Store(http.StatusProxyAuthRequired)
	target.Store(&inspected)
	startProxy(t, address, &status, &target)
	says(metav1.ConditionFalse, "the proxy requires authentication (407). Stytch is not the cause: set the current user and password")
	status.Store(http.StatusForbidden)
	says(metav1.ConditionFalse, "the proxy did not connect to Stytch (403). Stytch may not be the cause: check that the proxy permits the host")
	status.Store(http.StatusOK)
	says(metav1.ConditionFalse, "issued by an unknown authority (CN=Inspection CA). Stytch is not the cause", "SSL_CERT_FILE")
	target.Store(&stytch)
	says(metav1.ConditionTrue, "Stytch accepts the credentials")

	if strings.Contains(s.first.output.String(), proxyPassword) {
		t.Errorf("the password of the proxy stands in the log:\n%s", s.first.output)
	}
	for _, call := range s.sim.Calls() {
		if call.Operation == "" {
			t.Errorf("a call that was not for Stytch: %+v", call)
		}
	}
}

func TestAProxyURLThatIsInvalidEndsTheManagerAndIsNotQuoted(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://operator:"+proxyPassword+"%zz@proxy.example.com")
	s := &stage{t: t}
	m := s.startManager("http://127.0.0.1:1", "--leader-elect=false")
	<-m.ended
	text := m.output.String()
	if strings.Contains(text, proxyPassword) || !strings.Contains(text, "the environment variable HTTPS_PROXY is not the URL of a proxy") || m.ProcessState.ExitCode() != 1 {
		t.Errorf("the manager ended with %d and said:\n%s", m.ProcessState.ExitCode(), text)
	}
}

func TestTheURLOfAProxyMayHaveAnyFormThatGoTakes(t *testing.T) {
	for value, valid := range map[string]bool{
		"": true, "proxy.example.com:3128": true, "http://proxy.example.com": true, "https://u:p%40ss@proxy.example.com:443": true, "socks5://10.0.0.1:1080": true,
		"http://": false, "ftp://proxy.example.com": false, "http://u:p%zz@proxy.example.com": false, "http://proxy.example.com:port": false,
	} {
		t.Setenv("http_proxy", value)
		if err := checkProxy(); (err == nil) != valid {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// secureStytch serves the pretended Stytch with a certificate for the hosts of the real one. It returns its address.
func (s *stage) secureStytch(ca authority) string {
	s.t.Helper()
	server := httptest.NewUnstartedServer(s.sim)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(s.t, "test.stytch.com")}, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	s.t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// startProxy starts a proxy that answers a CONNECT with a status and, if that is 200, connects to a target, whatever it is asked for.
func startProxy(t *testing.T, address string, status *atomic.Int32, target *atomic.Pointer[string]) {
	t.Helper()
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(status.Load()))
		if status.Load() != http.StatusOK {
			return
		}
		to, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", *target.Load())
		from, buffered, hijackErr := http.NewResponseController(w).Hijack()
		if err != nil || hijackErr != nil {
			t.Errorf("%v, %v", err, hijackErr)
			return
		}
		go func() {
			_, _ = io.Copy(to, buffered)
			_ = to.Close()
		}()
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Listener = listener
	proxy.Start()
	t.Cleanup(proxy.Close)
}

// authority is a CA, whose certificate is in a file.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string
}

func newCA(t *testing.T, name string) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{certificate: template, key: key, file: filepath.Join(t.TempDir(), "ca.pem")}
	der := a.sign(t, template, key)
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a authority) issue(t *testing.T, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{PrivateKey: key, Certificate: [][]byte{a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, key)}}
}

func (a authority) sign(t *testing.T, template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
