package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// apply: every sample Ready, the table as kubectl prints it, the calls beside the floor, and what the other side has to know.
func (s *story) apply(ctx context.Context) error {
	began := time.Now()
	if err := s.applySamples(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	if _, err := s.kubectl.show(ctx, "get", "stytch"); err != nil {
		return err
	}
	s.terminal.seen("every sample is Ready and in sync, in %s", took.Round(time.Second/10))
	all, err := s.sim.since(ctx, 0)
	if err != nil {
		return err
	}
	if err := s.compareWithFloor(all, took); err != nil {
		return err
	}
	if err := s.sourceFirst(ctx, all); err != nil {
		return err
	}
	return s.details(ctx)
}

// applySamples puts the project's secret into a Secret, and applies the samples.
func (s *story) applySamples(ctx context.Context) error {
	for _, slug := range s.samples.organizations() {
		if err := s.sim.organization(ctx, slug); err != nil {
			return err
		}
	}
	if err := s.publish(ctx, s.samples.all); err != nil {
		return err
	}
	if err := s.makeInputs(ctx); err != nil {
		return err
	}
	s.terminal.note("At Stytch are the organizations %s. The samples, filled in, are in %s.", strings.Join(s.samples.organizations(), ", "), relative(s.samples.dir))
	s.terminal.note("Certificates, keys and client secrets were made just now, and put into the Secrets and the ConfigMap that the samples name.")
	secret, err := s.keep("project-secret", s.sim.Secret)
	if err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "create", "secret", "generic", "stytch", "--from-file=secret="+secret); err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "apply", "-k", s.samples.dir); err != nil {
		return err
	}
	return s.awaitInForce(ctx, "every sample to be Ready", 45*time.Second)
}

// floor is what the API asks for at least, by what the manifests say: a whoami per project, a lookup per organization that is
// not written as its ID, a list per organization and API, and per connection a POST and a PUT, with one PUT more per further
// certificate, encryption key and metadata document.
type floor struct{ whoami, lookups, lists, changes int }

func (f floor) sum() int { return f.whoami + f.lookups + f.lists + f.changes }

func (s *samples) floor() floor {
	f := floor{whoami: 1}
	lookups, lists := map[string]bool{}, map[string]bool{}
	for _, o := range s.connections() {
		organization := o.Spec.Organization
		if !strings.HasPrefix(organization, "organization-") {
			lookups[organization] = true
		}
		api := "sso"
		if o.Kind == kindSCIM {
			api = "scim"
		}
		lists[api+" "+organization] = true
		f.changes += 2 + max(0, len(o.Spec.VerificationCertificates)-1) + len(o.Spec.EncryptionPrivateKeyRefs)
		if o.Spec.MetadataURL != "" {
			f.changes++
		}
	}
	f.lookups, f.lists = len(lookups), len(lists)
	return f
}

// compareWithFloor holds the journal against the floor. A list may come again only where its interval has ended meanwhile.
func (s *story) compareWithFloor(all calls, took time.Duration) error {
	f := s.samples.floor()
	s.terminal.note("The simulator's journal:")
	s.terminal.journal(all)
	refused := all.where(func(c stytchsim.Call) bool { return c.Status != http.StatusOK })
	lists := all.lists()
	rest := len(all) - len(lists)
	slots := 1 + int(math.Ceil(took.Seconds()/resync.Seconds()))
	switch {
	case len(refused) > 0 && !absences(refused):
		return fmt.Errorf("some calls were refused: %s", refused.counts())
	case len(all.named("Whoami")) != f.whoami, len(all.named("GetOrganization")) != f.lookups, len(all.changing()) != f.changes, rest != f.sum()-f.lists:
		return fmt.Errorf("the floor is %d whoami, %d lookups and %d changes, and the journal has %s", f.whoami, f.lookups, f.changes, all.counts())
	case len(lists) < f.lists || len(lists) > f.lists*slots:
		return fmt.Errorf("the floor is %d lists, and the journal has %d in %s", f.lists, len(lists), took)
	}
	n := len(s.samples.connections())
	s.terminal.seen("%d calls; the floor is %d: %d whoami + %d lookups + %d lists + 2 × %d connections + %d for a metadata document and an encryption key",
		len(all), f.sum(), f.whoami, f.lookups, f.lists, n, f.changes-2*n)
	if more := len(lists) - f.lists; more > 0 {
		s.terminal.note("%d of the lists were drift checks: their interval ended meanwhile.", more)
	}
	return nil
}

// absences says that the only refusals are answers that an organization has no SCIM connection yet.
func absences(refused calls) bool {
	return len(refused.named("GetSCIMConnection")) == len(refused)
}

// sourceFirst checks that the External connection, applied together with its source, was made when that was complete.
func (s *story) sourceFirst(ctx context.Context, all calls) error {
	source, err := s.kubectl.get(ctx, kindSAML, s.samples.saml.Metadata.Name)
	if err != nil {
		return err
	}
	made := slices.IndexFunc(all, func(c stytchsim.Call) bool { return c.Operation == "CreateExternalConnection" })
	complete := slices.IndexFunc(all, func(c stytchsim.Call) bool {
		return c.Operation == "UpdateSAMLConnection" && strings.Contains(c.Path, source.Status.ConnectionID)
	})
	if made < 0 || complete < 0 || made < complete {
		return fmt.Errorf("the source was completed by call %d, and the External connection made by call %d", complete, made)
	}
	s.terminal.seen("%s was applied together with its source, %s, and waited for that to be active", s.samples.external.name(), source.name())
	return nil
}

// details checks that each ConfigMap of details holds what Stytch says.
func (s *story) details(ctx context.Context) error {
	checked := 0
	for _, sample := range s.samples.connections() {
		if sample.Spec.DetailsConfigMapName == "" {
			continue
		}
		if err := s.detailsOf(ctx, sample); err != nil {
			return err
		}
		checked++
	}
	if _, err := s.kubectl.show(ctx, "get", "configmap", s.samples.oidc.Spec.DetailsConfigMapName, "-o", "jsonpath={.data}"); err != nil {
		return err
	}
	if checked == 0 {
		return errors.New("no sample has its details published")
	}
	s.terminal.seen("%d ConfigMaps hold what each identity provider's administrator needs, as Stytch says it", checked)
	return nil
}

func (s *story) detailsOf(ctx context.Context, sample object) error {
	o, err := s.kubectl.get(ctx, sample.Kind, sample.Metadata.Name)
	if err != nil {
		return err
	}
	remote, err := s.sim.connection(ctx, o)
	if err != nil {
		return err
	}
	data, err := s.dataOf(ctx, sample.Spec.DetailsConfigMapName)
	if err != nil {
		return err
	}
	for key, field := range map[string]string{"acs-url": "acs_url", "audience-uri": "audience_uri", "redirect-url": "redirect_url"} {
		if want, _ := remote.Fields[field].(string); data[key] != want {
			return fmt.Errorf("ConfigMap %s has %s %q, and Stytch says %q", sample.Spec.DetailsConfigMapName, key, data[key], want)
		}
	}
	return nil
}

// dataOf reads a ConfigMap.
func (s *story) dataOf(ctx context.Context, name string) (map[string]string, error) {
	var configMap struct{ Data map[string]string }
	err := s.kubectl.read(ctx, &configMap, "get", "configmap", name)
	return configMap.Data, err
}
