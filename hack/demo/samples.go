package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// samples are config/samples, with the demo's own values where a user puts theirs.
type samples struct {
	dir string // for kubectl apply -k
	all []object

	project, scim, saml, oidc, external  object // those that the story is about,
	byMetadata, bundled, keyed, explicit object // and those that have something special
}

// fillSamples fills in the samples as their README says. By kustomize, so that a field that is not there any more is an error.
func (s *story) fillSamples() {
	asJSON := s.Kubectl("create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "config/samples")
	decoder := json.NewDecoder(strings.NewReader(asJSON))
	for decoder.More() {
		var o object
		lab.Check(decoder.Decode(&o))
		s.all = append(s.all, o)
	}
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
		i := slices.IndexFunc(s.all, func(o object) bool { return o.name() == name })
		if i < 0 {
			lab.Failf("config/samples has no %s, which the demo is about", name)
		}
		*at = s.all[i]
	}
	s.dir = s.Path("samples")
	lab.Check(os.CopyFS(s.dir, os.DirFS("config/samples")))
	s.Write("samples/kustomization.yaml", s.kustomization())
}

// kustomization puts in the project, and what the identity provider of one SAML connection is called. Roles by
// group need a push of the identity provider, which nobody does here.
func (s *story) kustomization() string {
	type set map[string]any
	var files []string
	for _, file := range lab.Must(filepath.Glob("config/samples/*.yaml")) {
		files = append(files, filepath.Base(file))
	}
	var patches []set
	for o, sets := range map[*object][]set{
		&s.project: {
			{"op": "replace", "path": "/spec/projectID", "value": s.Sim.ProjectID},
			{"op": "add", "path": "/spec/baseURL", "value": s.Sim.URL},
		},
		&s.saml: {
			{"op": "replace", "path": "/spec/verificationCertificates/0/pem", "value": lab.NewCertificate("acme.okta.com", twoYears)},
			{"op": "replace", "path": "/spec/idpEntityID", "value": "http://www.okta.com/exk1demo"},
			{"op": "replace", "path": "/spec/idpSSOURL", "value": "https://acme.okta.com/app/exk1demo/sso/saml"},
		},
		&s.scim: {{"op": "remove", "path": "/spec/groupImplicitRoles"}},
	} {
		patch := lab.Must(json.Marshal(sets))
		patches = append(patches, set{"target": set{"kind": o.Kind, "name": o.Metadata.Name}, "patch": string(patch)})
	}
	return string(lab.Must(json.Marshal(set{"resources": files, "patches": patches})))
}

// connections are the samples without the project.
func (s *samples) connections() []object {
	return slices.DeleteFunc(slices.Clone(s.all), func(o object) bool { return !o.isConnection() })
}

// makeWorld makes what the samples refer to: organizations at Stytch, documents of identity providers, Secrets and a ConfigMap.
func (s *story) makeWorld() {
	known := map[string]bool{}
	for _, o := range s.connections() {
		if slug := o.Spec.Organization; !known[slug] {
			s.addOrganization(slug)
			known[slug] = true
		}
		if o.Spec.MetadataURL != "" {
			s.publishMetadata(o, lab.NewCertificate("login.microsoftonline.com", twoYears))
		}
		if issuer := o.Spec.Issuer; issuer != "" && o.Spec.TokenURL == "" {
			s.publish(stytchsim.Document{
				URL:                   issuer + "/.well-known/openid-configuration",
				AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token",
				UserinfoEndpoint: issuer + "/userinfo", JWKSURI: issuer + "/keys",
			})
		}
	}
	const secret = "secret generic"
	for _, name := range []string{"acme-okta-client", "initech-entra-client", "hooli-google-client", "umbrella-client"} {
		s.Create(secret, name, map[string]string{"client-secret": rand.Text()})
	}
	s.Create(secret, "umbrella-idp", map[string]string{"tls.crt": lab.NewCertificate("sso.umbrella.example", twoYears)})
	s.Create(secret, "umbrella-saml-keys", map[string]string{"signing.pem": newKey().text, "encryption.pem": newKey().text})
	s.Create("configmap", bundle, map[string]string{bundleKey: lab.NewCertificate("Google", tenDays)})
	s.Note("Certificates, keys and client secrets are new, and in the Secrets and the ConfigMap that the samples name.")
}

// addOrganization adds an organization at Stytch.
func (s *story) addOrganization(slug string) {
	s.Ask(http.MethodPost, "/organizations", stytchsim.Organization{Slug: slug, Name: slug}, nil)
}

// publish puts a document at a URL of an identity provider.
func (s *story) publish(d stytchsim.Document) { s.Ask(http.MethodPost, "/metadata", d, nil) }

// publishMetadata puts SAML metadata at the URL that a sample names.
func (s *story) publishMetadata(o object, certificates ...string) {
	s.publish(stytchsim.Document{
		URL: o.Spec.MetadataURL, Certificates: certificates,
		IDPEntityID: "https://sts.windows.net/demo/", IDPSSOURL: "https://login.microsoftonline.com/demo/saml2",
	})
}

// applySamples applies the samples, and waits until every one is Ready.
func (s *story) applySamples() {
	s.makeWorld()
	s.Show("apply", "-k", s.dir)
	s.awaitApplied(3 * soon)
	s.Show("get", "stytch")
}
