package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// imported: connections that somebody made by hand become manifests, by the plugin of kubectl, and are then managed without a change.
func (s *story) imported() {
	token := rand.Text() + rand.Text()
	scim := s.makeByHand(token)
	s.Show("apply", "-f", s.Write("project.yaml", fmt.Sprintf(gitProject, s.Sim.ProjectID, s.Sim.URL)))
	dir, loopback := s.Path("imported"), "--allow-insecure-loopback"
	s.Show("stytch", "import", "--all", "--output-dir", dir, loopback)
	seq := s.Seq()
	s.Show("stytch", "plan", "-f", dir, loopback) // it ends with 0 only if nothing differs
	s.Show("apply", "-k", dir)
	s.Note("The manifest of %s says how to supply its token, which Stytch does not show:", scim.ID)
	file := lab.Must(filepath.Glob(filepath.Join(dir, "*people*")))[0]
	name := strings.TrimSuffix(filepath.Base(file), ".yaml") + "-token"
	s.Create("secret generic", name, map[string]string{"token": token})
	s.Show("label", "secret", name, "connections.stytch-operator.dev/connection="+scim.ID)

	s.Command("sed -i '/^  management: Observe$/d' imported/*.yaml")
	for _, file := range lab.Must(filepath.Glob(filepath.Join(dir, "*.yaml"))) {
		text := lab.Must(os.ReadFile(file)) //nolint:gosec // it was written just now
		s.Write(filepath.Join("imported", filepath.Base(file)), strings.Replace(string(text), "  management: Observe\n", "", 1))
	}
	s.Show("apply", "-k", dir)
	s.awaitApplied(soon)
	s.Show("get", "stytch")
	for _, o := range s.list("stytch") {
		if o.isConnection() && (o.condition("Synced").Reason != "InSync" || o.Metadata.Generation != 2) {
			lab.Failf("%s should be InSync as it is managed: %s", o.name(), o.summary())
		}
	}
	s.changesSince(seq).expect()
	s.Seen("all are InSync and managed; the operator has read, and changed nothing in Stytch")
	s.searchFor(bearerToken(token))
}

// makeByHand makes a connection of each kind, as somebody did in the dashboard, and returns the one with a token.
func (s *story) makeByHand(token string) (scim stytchsim.Connection) {
	type fields map[string]any
	byHand := func(organization string, kind stytchsim.Kind, of fields) (made stytchsim.Connection) {
		s.Ask(http.MethodPost, "/connections", fields{"organization": organization, "kind": kind, "fields": of}, &made)
		return made
	}
	s.addOrganization("cyberdyne")
	s.addOrganization("tyrell")
	const idp = "https://idp.cyberdyne.example"
	saml := byHand("cyberdyne", stytchsim.SAML, fields{
		"display_name": "Okta", "idp_entity_id": idp, "idp_sso_url": idp + "/sso", "attribute_mapping": fields{"email": "NameID", "full_name": "cn"},
		"verification_certificates": []string{lab.NewCertificate("idp.cyberdyne.example", twoYears)},
	})
	byHand("cyberdyne", stytchsim.OIDC, fields{
		"display_name": "Entra – ☂", "client_id": "cyberdyne", "client_secret": rand.Text(), "issuer": idp, "authorization_url": idp + "/a",
		"token_url": idp + "/t", "userinfo_url": idp + "/u", "jwks_url": idp + "/k",
	})
	byHand("tyrell", stytchsim.External, fields{"external_organization_id": saml.OrganizationID, "external_connection_id": saml.ID})
	s.Note("Somebody has made four connections in Stytch's dashboard, in two organizations.")
	return byHand("cyberdyne", stytchsim.SCIM, fields{"display_name": "People", "bearer_token": token})
}
