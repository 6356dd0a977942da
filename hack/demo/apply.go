package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// apply: every sample Ready, the table as kubectl prints it, the calls beside the floor.
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
	return s.compareWithFloor(all, took)
}

// applySamples puts the project's secret into a Secret, and applies the samples: the ExternalConnection last, since its source
// is the SAML connection that is made here.
func (s *story) applySamples(ctx context.Context) error {
	for _, slug := range s.samples.organizations() {
		if err := s.sim.organization(ctx, slug); err != nil {
			return err
		}
	}
	s.terminal.note("At Stytch are the organizations %s. The samples, filled in, are in %s.", strings.Join(s.samples.organizations(), " and "), relative(s.path("samples")))
	secret := s.path("project-secret")
	if err := os.WriteFile(secret, []byte(s.sim.Secret), 0o600); err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "create", "secret", "generic", "stytch", "--from-file=secret="+secret); err != nil {
		return err
	}
	if _, err := s.kubectl.show(ctx, "apply", "-k", s.samples.first); err != nil {
		return err
	}
	if err := s.awaitInForce(ctx, "project, SCIM and SAML to be Ready", 30*time.Second, s.samples.project.name(), s.samples.scim.name(), s.samples.saml.name()); err != nil {
		return err
	}
	saml, err := s.kubectl.get(ctx, kindSAML, s.samples.saml.Metadata.Name)
	if err != nil {
		return err
	}
	if err := s.samples.fillSource(saml); err != nil {
		return err
	}
	s.terminal.note("The SAML connection stands, so that another organization can re-use it.")
	if _, err := s.kubectl.show(ctx, "apply", "-k", s.samples.second); err != nil {
		return err
	}
	return s.awaitInForce(ctx, "every sample to be Ready", 30*time.Second)
}

// floor is what the API asks for at least, by what the manifests say: a whoami per project, a lookup per organization that is
// not written as its ID, a list per organization and API, and per connection a POST and a PUT, with one PUT more per further
// certificate.
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
		f.changes += 2 + max(0, len(o.Spec.VerificationCertificates)-1)
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
	s.terminal.seen("%d calls; the floor is %d: %d whoami + %d lookups + %d lists + 2 × %d connections", len(all), f.sum(), f.whoami, f.lookups, f.lists, len(s.samples.connections()))
	if more := len(lists) - f.lists; more > 0 {
		s.terminal.note("%d of the lists were drift checks: their interval ended meanwhile.", more)
	}
	return nil
}

// absences says that the only refusals are answers that an organization has no SCIM connection yet.
func absences(refused calls) bool {
	return len(refused.named("GetSCIMConnection")) == len(refused)
}
