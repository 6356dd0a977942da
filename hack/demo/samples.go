package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// samples are config/samples/, with the demo's own values where a user puts theirs. They are filled in as their README says: by
// kustomize, so that a place that is not there any more is an error.
type samples struct {
	dir string // for kubectl apply -k
	all []object

	project, scim, saml, oidc, external  object // those that the story is about,
	byMetadata, bundled, keyed, explicit object // and those that carry something special
}

// set is one value of a manifest, put in by a JSON patch.
type set struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// fillSamples makes the directory.
func (p *parts) fillSamples(ctx context.Context) (*samples, error) {
	certificate, err := newCertificate("acme.okta.com", twoYears)
	if err != nil {
		return nil, err
	}
	s := &samples{dir: p.path("samples")}
	files, err := filepath.Glob("config/samples/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		var o object
		if err := p.kubectl.read(ctx, &o, "create", "--dry-run=client", "--validate=false", "-f", file); err != nil {
			return nil, err
		}
		s.note(o)
	}
	if err := copyInto(s.dir, files); err != nil {
		return nil, err
	}
	return s, fill(s.dir, map[string][]set{
		s.project.name(): {{"replace", "/spec/projectID", p.sim.ProjectID}, {"add", "/spec/baseURL", p.sim.URL}},
		s.saml.name(): {
			{"replace", "/spec/verificationCertificates/0/pem", certificate},
			{"replace", "/spec/idpEntityID", "http://www.okta.com/exk1demo"},
			{"replace", "/spec/idpSSOURL", "https://acme.okta.com/app/exk1demo/sso/saml"},
		},
		s.scim.name(): {{"remove", "/spec/groupImplicitRoles", nil}}, // there are no groups yet: that is a step of its own
	})
}

// note keeps what a sample is about.
func (s *samples) note(o object) {
	s.all = append(s.all, o)
	for name, at := range map[string]*object{
		"stytchproject/default":                &s.project,
		"scimconnection/acme-scim":             &s.scim,
		"samlconnection/acme-okta":             &s.saml,
		"oidcconnection/acme-okta-oidc":        &s.oidc,
		"externalconnection/acme-partner-okta": &s.external,
		"samlconnection/initech-entra":         &s.byMetadata,
		"samlconnection/hooli-google":          &s.bundled,
		"samlconnection/umbrella-saml":         &s.keyed,
		"oidcconnection/umbrella-oidc":         &s.explicit,
	} {
		if o.name() == name {
			*at = o
		}
	}
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

// fill makes a directory of samples one that kubectl apply -k takes, with what is set in each.
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
	for object, sets := range values {
		patch, err := json.Marshal(sets)
		if err != nil {
			return err
		}
		_, name, _ := strings.Cut(object, "/")
		patches = append(patches, map[string]any{"target": map[string]string{"name": name}, "patch": string(patch)})
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
func (s *samples) connections() []object {
	return slices.DeleteFunc(slices.Clone(s.all), func(o object) bool { return !o.isConnection() })
}

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
