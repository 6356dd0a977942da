package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// samples are config/samples/, with the demo's own values where a user puts theirs. They are filled in as their README says: by
// kustomize, so that a place that is not there any more is an error.
type samples struct {
	first, second string // directories for kubectl apply -k; the second names a source that the first makes
	project       object
	scim          object
	saml          object
	external      object
}

// set is one value of a manifest, put in by a JSON patch.
type set struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// fillSamples makes the directories. What the ExternalConnection re-uses is known once the SAML connection stands.
func (p *parts) fillSamples(ctx context.Context) (*samples, error) {
	certificate, err := newCertificate()
	if err != nil {
		return nil, err
	}
	s := &samples{first: p.path("samples", "acme"), second: p.path("samples", "partner")}
	files, err := filepath.Glob("config/samples/*.yaml")
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == "kustomization.yaml" })
	var first, second []string
	for _, file := range files {
		var o object
		if err := p.kubectl.read(ctx, &o, "create", "--dry-run=client", "--validate=false", "-f", file); err != nil {
			return nil, err
		}
		s.note(o)
		if o.Kind == kindExternal {
			second = append(second, file)
		} else {
			first = append(first, file)
		}
	}
	if err := copyInto(s.first, first); err != nil {
		return nil, err
	}
	if err := copyInto(s.second, second); err != nil {
		return nil, err
	}
	return s, fill(s.first, map[string][]set{
		kindProject: {{"replace", "/spec/projectID", p.sim.ProjectID}, {"add", "/spec/baseURL", p.sim.URL}},
		kindSAML: {
			{"replace", "/spec/verificationCertificates/0/pem", certificate},
			{"replace", "/spec/idpEntityID", "http://www.okta.com/exk1demo"},
			{"replace", "/spec/idpSSOURL", "https://acme.okta.com/app/exk1demo/sso/saml"},
		},
	})
}

// note keeps what a sample is about.
func (s *samples) note(o object) {
	switch o.Kind {
	case kindProject:
		s.project = o
	case kindSCIM:
		s.scim = o
	case kindSAML:
		s.saml = o
	case kindExternal:
		s.external = o
	}
}

// fillSource names the source of the ExternalConnection.
func (s *samples) fillSource(saml object) error {
	source := map[string]string{"organizationID": saml.Status.OrganizationID, "connectionID": saml.Status.ConnectionID}
	return fill(s.second, map[string][]set{kindExternal: {{"replace", "/spec/source", source}}})
}

// copyInto copies samples into a directory.
func copyInto(dir string, files []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // a sample
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600); err != nil { //nolint:gosec // beside its like
			return err
		}
	}
	return nil
}

// fill makes a directory of samples one that kubectl apply -k takes, with what is set in each kind.
func fill(dir string, values map[string][]set) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	var resources []string
	for _, file := range files {
		resources = append(resources, filepath.Base(file))
	}
	var patches []map[string]any
	for kind, sets := range values {
		patch, err := json.Marshal(sets)
		if err != nil {
			return err
		}
		patches = append(patches, map[string]any{"target": map[string]string{"kind": kind}, "patch": string(patch)})
	}
	return kustomization(dir, map[string]any{"resources": resources, "patches": patches})
}

// kustomization makes a directory one that kubectl apply -k takes.
func kustomization(dir string, content map[string]any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "kustomization.yaml"), text, 0o600)
}

// connections of the samples.
func (s *samples) connections() []object { return []object{s.scim, s.saml, s.external} }

// organizations that the samples name.
func (s *samples) organizations() []string {
	var names []string
	for _, o := range s.connections() {
		if !slices.Contains(names, o.Spec.Organization) {
			names = append(names, o.Spec.Organization)
		}
	}
	return names
}

// newCertificate is an identity provider's signing certificate, in PEM.
func newCertificate() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "acme.okta.com"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(2, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}
