package main

import (
	"path/filepath"
	"strings"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// up starts the parts, applies the samples, and leaves everything running.
func up(t *lab.Terminal) error {
	return lab.Up(upDir, t, func(l *lab.Lab) {
		s := begin(l)
		s.Title("The samples")
		s.applySamples()
		s.makeSpares()
		s.tryThis()
	})
}

// makeSpares makes certificates to roll over with: nobody should need openssl for it.
func (s *story) makeSpares() {
	var five []string
	for range 5 {
		five = append(five, lab.NewCertificate("Spare", twoYears))
	}
	s.Write("inputs/spare-one.pem", lab.NewCertificate("Spare", twoYears))
	s.Write("inputs/spare-five.pem", strings.Join(five, ""))
	s.Write("inputs/spare-key.pem", newKey().text)
}

// tryThis shows what to do next.
func (s *story) tryThis() {
	s.Title("It is up. In a shell:")
	for _, line := range []string{
		"export KUBECONFIG=" + s.Path("kubeconfig"),
		"export SIM=" + s.Sim.URL,
		"alias kubectl=" + filepath.Join(s.Assets, "kubectl"),
		"bundle() { kubectl create configmap hooli-google-certificates --from-file=certificates.pem=$1 --dry-run=client -o yaml | kubectl replace -f -; }",
		"cd " + s.Path("inputs"),
	} {
		s.Say("  %s", line)
	}
	s.Title("What to try:")
	for _, try := range []struct{ what, line string }{
		{"the table, with reasons", "kubectl get stytch -o wide"},
		{"a plan, and nothing sent", `kubectl patch samlconn acme-okta --type=merge -p '{"spec":{"management":"Observe","displayName":"Okta"}}'; sleep 1; kubectl get samlconn acme-okta -o jsonpath='{.status.plan}{"\n"}'`},
		{"the plan carried out", `kubectl patch samlconn acme-okta --type=merge -p '{"spec":{"management":"Manage"}}'`},
		{"a change outside the operator, repaired within " + resync.String(), `curl -X PATCH -d '{"display_name":"Renamed by hand"}' $SIM/__sim/connections/$(kubectl get samlconn acme-okta -o jsonpath='{.status.connectionID}')`},
		{"a certificate rolled over in its ConfigMap", "bundle spare-one.pem; sleep 1; kubectl events --for samlconnection/hooli-google"},
		{"five more, one after another, as Stytch takes them", "bundle spare-five.pem; sleep 3; kubectl get samlconn hooli-google -o jsonpath='{.status.verificationCertificates}'"},
		{"a private key among the certificates, reported and not sent", "cat spare-one.pem spare-key.pem > both.pem; bundle both.pem; sleep 1; kubectl get samlconn hooli-google -o wide"},
		{"an issuer whose document cannot be read", `kubectl patch oidcconn acme-okta-oidc --type=merge -p '{"spec":{"issuer":"https://nobody.example.com"}}'; sleep 1; kubectl get oidcconn acme-okta-oidc -o wide`},
		{"metadata that is an HTML page", `curl -X POST -d "{\"url\":\"$(kubectl get samlconn initech-entra -o jsonpath='{.spec.metadataURL}')\",\"body\":\"<html>\"}" $SIM/__sim/metadata; kubectl annotate samlconn initech-entra connections.stytch-operator.dev/refresh-metadata=now; sleep 1; kubectl get samlconn initech-entra -o wide`},
		{"roles by group name, waiting for a push", `kubectl patch scimconn acme-scim --type=merge -p '{"spec":{"groupImplicitRoles":[{"groupName":"Engineering","role":"editor"}]}}'; sleep 1; kubectl get scimconn acme-scim -o wide`},
		{"the push, picked up within " + resync.String(), `curl -X POST -d "{\"group_name\":\"Engineering\",\"connection_id\":\"$(kubectl get scimconn acme-scim -o jsonpath='{.status.connectionID}')\"}" $SIM/__sim/groups`},
		{"a ConfigMap of somebody else in the place of the details", `kubectl create configmap mine; kubectl patch oidcconn umbrella-oidc --type=merge -p '{"spec":{"detailsConfigMapName":"mine"}}'; sleep 1; kubectl get oidcconn umbrella-oidc -o wide`},
		{"what the operator did", "kubectl events --for samlconnection/acme-okta"},
		{"every call that Stytch saw", "curl $SIM/__sim/calls"},
		{"a deletion, which retains the connection and its token", "kubectl delete scimconn acme-scim; kubectl get secret acme-scim-token --show-labels"},
	} {
		s.Note("# %s", try.what)
		s.Say("  %s", try.line)
	}
	s.Say("\nThe logs of all processes are in %s. make demo-down stops them.", upDir)
}
