package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// What the samples' identity providers have and their administrators hand over. All of it is made just now.

// Lifetimes of certificates: one that is no trouble, and one that ends within the manager's --expiry-warning.
const (
	twoYears = 2 * 365 * 24 * time.Hour
	tenDays  = 10 * 24 * time.Hour
)

// publish makes what the samples speak of outside the cluster: organizations at Stytch, and the documents of their identity providers.
func (p *parts) publish(ctx context.Context, all []object) error {
	for _, o := range all {
		switch {
		case o.Spec.MetadataURL != "":
			certificate, err := newCertificate("login.microsoftonline.com", twoYears)
			if err != nil {
				return err
			}
			if err := p.sim.metadata(ctx, o, certificate); err != nil {
				return err
			}
		case o.Spec.Issuer != "" && o.Spec.TokenURL == "":
			err := p.sim.document(ctx, stytchsim.Document{
				URL:                   o.Spec.Issuer + "/.well-known/openid-configuration",
				AuthorizationEndpoint: o.Spec.Issuer + "/authorize", TokenEndpoint: o.Spec.Issuer + "/token",
				UserinfoEndpoint: o.Spec.Issuer + "/userinfo", JWKSURI: o.Spec.Issuer + "/keys",
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// entityID is whom the metadata speaks of.
const entityID = "https://sts.windows.net/demo/"

// metadata is the SAML metadata that stands at a sample's URL.
func (s *simulator) metadata(ctx context.Context, o object, certificates ...string) error {
	return s.document(ctx, stytchsim.Document{
		URL: o.Spec.MetadataURL, IDPEntityID: entityID, IDPSSOURL: "https://login.microsoftonline.com/demo/saml2", Certificates: certificates,
	})
}

func (s *simulator) document(ctx context.Context, d stytchsim.Document) error {
	return s.ask(ctx, http.MethodPost, "/__sim/metadata", d, nil)
}

// makeInputs makes the Secrets and the ConfigMap that the samples name, as their comments say.
func (p *parts) makeInputs(ctx context.Context) error {
	soon, err := newCertificate("Google", tenDays)
	if err != nil {
		return err
	}
	later, err := newCertificate("sso.umbrella.example", twoYears)
	if err != nil {
		return err
	}
	signing, encryption, err := twoKeys()
	if err != nil {
		return err
	}
	for _, in := range []struct {
		args  []string
		files map[string]string
	}{
		{[]string{"secret", "generic", "acme-okta-client"}, map[string]string{"client-secret": rand.Text()}},
		{[]string{"secret", "generic", "initech-entra-client"}, map[string]string{"client-secret": rand.Text()}},
		{[]string{"secret", "generic", "hooli-google-client"}, map[string]string{"client-secret": rand.Text()}},
		{[]string{"secret", "generic", "umbrella-client"}, map[string]string{"client-secret": rand.Text()}},
		{[]string{"secret", "generic", "umbrella-idp"}, map[string]string{"tls.crt": later}},
		{[]string{"secret", "generic", "umbrella-saml-keys"}, map[string]string{"signing.pem": signing.text, "encryption.pem": encryption.text}},
		{[]string{"configmap", "hooli-google-certificates"}, map[string]string{"certificates.pem": soon}},
	} {
		args := append([]string{"create"}, in.args...)
		for key, value := range in.files {
			file, err := p.keep(in.args[len(in.args)-1]+"-"+key, value)
			if err != nil {
				return err
			}
			args = append(args, "--from-file="+key+"="+file)
		}
		if _, err := p.kubectl.run(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// keep writes a file for kubectl, in the demo's own directory.
func (p *parts) keep(name, text string) (string, error) {
	if err := os.MkdirAll(p.path("inputs"), 0o700); err != nil {
		return "", err
	}
	path := p.path("inputs", name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// newCertificate is an identity provider's signing certificate, in PEM.
func newCertificate(subject string, lifetime time.Duration) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: subject},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

// newCertificates are several that end one after another.
func newCertificates(subject string, n int) ([]string, error) {
	var all []string
	for i := range n {
		certificate, err := newCertificate(fmt.Sprintf("%s %d", subject, i+1), twoYears+time.Duration(i)*tenDays)
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
	return all, nil
}

// readCertificate is a certificate in PEM, with the SHA-256 that it is known by.
func readCertificate(text string) (*x509.Certificate, string, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, "", fmt.Errorf("this is no certificate: %q", text)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, "", err
	}
	return c, fingerprint(c.Raw), nil
}

// private is an RSA key as a Secret holds it.
type private struct {
	text   string   // PEM, PKCS#8 as cert-manager and openssl write it
	public string   // SHA-256 of the public key
	traces []string // a line of the key as the Secret has it, and one as Stytch takes it
}

func newKey() (private, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return private{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return private{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return private{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	sent := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return private{text: string(text), public: fingerprint(public), traces: []string{secretLine(text), secretLine(sent)}}, nil
}

func twoKeys() (signing, encryption private, err error) {
	if signing, err = newKey(); err != nil {
		return signing, encryption, err
	}
	encryption, err = newKey()
	return signing, encryption, err
}

// secretLine is a line of PEM from its second half, where of an RSA key only the secret part stands.
func secretLine(text []byte) string {
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return lines[len(lines)*3/4]
}

func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
