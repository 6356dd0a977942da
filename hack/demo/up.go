package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// up starts the parts, applies the samples, and leaves everything running.
func up(ctx context.Context, t *terminal) int {
	lock, err := alone(upDir)
	if err != nil {
		t.failed("%v", err)
		return 1
	}
	defer lock.Close() //nolint:errcheck // the end of the process gives it back too
	l, err := readLedger(upDir)
	if err != nil {
		t.failed("%v", err)
		return 1
	}
	if standing := l.standing(); len(standing) > 0 {
		t.failed("It is up already: %d processes, KUBECONFIG=%s/kubeconfig. make demo-down ends it.", len(standing), upDir)
		return 1
	}
	p, err := newParts(upDir, t)
	if err != nil {
		t.failed("%v", err)
		return 1
	}
	if err := p.settle(ctx); err != nil {
		t.failed("%v", reason(ctx, err))
		t.note("The logs of all parts are in %s.", upDir)
		return exitCode(ctx, err)
	}
	p.tryThis()
	return 0
}

// settle starts the parts and applies the samples. Where it does not get that far, whatever the reason, nothing is left running.
func (p *parts) settle(ctx context.Context) (err error) {
	settled := false
	defer func() {
		if !settled {
			err = errors.Join(err, p.end())
		}
	}()
	s := &story{parts: p}
	p.terminal.title("The parts: processes on this machine, listening on loopback only")
	if err := s.prepare(ctx); err != nil {
		return s.explain(err)
	}
	p.terminal.title("The samples")
	if err := s.applySamples(ctx); err != nil {
		return s.explain(err)
	}
	if _, err := p.kubectl.show(ctx, "get", "stytch"); err != nil {
		return err
	}
	if err := p.makeSpares(); err != nil {
		return err
	}
	settled = true
	return nil
}

// makeSpares makes certificates to roll over with: nobody should need openssl for it.
func (p *parts) makeSpares() error {
	six, err := newCertificates("Spare", 6)
	if err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"spare-one.pem": six[5], "spare-five.pem": strings.Join(six[:5], ""), "spare-key.pem": key.text,
	} {
		if _, err := p.keep(name, text); err != nil {
			return err
		}
	}
	return nil
}

// tryThis says how to go on.
func (p *parts) tryThis() {
	t := p.terminal
	t.title("It is up. In a shell:")
	for _, line := range []string{
		"export KUBECONFIG=" + p.path("kubeconfig"),
		"export SIM=" + p.sim.URL,
		"alias kubectl=" + filepath.Join(p.assets, "kubectl"),
		"bundle() { kubectl create configmap hooli-google-certificates --from-file=certificates.pem=$1 --dry-run=client -o yaml | kubectl replace -f -; }",
		"cd " + p.path("inputs"),
	} {
		t.say("  %s", t.paint(cyan, line))
	}
	t.title("What to try:")
	for _, try := range []struct{ what, line string }{
		{"the table, with reasons", "kubectl get stytch -o wide"},
		{"a plan, and nothing sent", `kubectl patch samlconn acme-okta --type=merge -p '{"spec":{"management":"Observe","displayName":"Okta"}}'; sleep 1; kubectl get samlconn acme-okta -o jsonpath='{.status.plan}{"\n"}'`},
		{"the plan carried out", `kubectl patch samlconn acme-okta --type=merge -p '{"spec":{"management":"Manage"}}'`},
		{"a change behind its back, repaired within " + resync.String(), `curl -X PATCH -d '{"display_name":"Renamed by hand"}' $SIM/__sim/connections/$(kubectl get samlconn acme-okta -o jsonpath='{.status.connectionID}')`},
		{"a certificate rolled over in its ConfigMap", "bundle spare-one.pem; sleep 1; kubectl events --for samlconnection/hooli-google"},
		{"five more, one after another, as Stytch takes them", "bundle spare-five.pem; sleep 3; kubectl get samlconn hooli-google -o jsonpath='{.status.verificationCertificates}'"},
		{"a private key among the certificates, said and not sent", "cat spare-one.pem spare-key.pem > both.pem; bundle both.pem; sleep 1; kubectl get samlconn hooli-google -o wide"},
		{"an issuer whose document nobody can read", `kubectl patch oidcconn acme-okta-oidc --type=merge -p '{"spec":{"issuer":"https://nobody.example.com"}}'; sleep 1; kubectl get oidcconn acme-okta-oidc -o wide`},
		{"metadata that is an HTML page", `curl -X POST -d "{\"url\":\"$(kubectl get samlconn initech-entra -o jsonpath='{.spec.metadataURL}')\",\"body\":\"<html>\"}" $SIM/__sim/metadata; kubectl annotate samlconn initech-entra connections.stytch-operator.dev/refresh-metadata=now; sleep 1; kubectl get samlconn initech-entra -o wide`},
		{"roles by group name, waiting for a push", `kubectl patch scimconn acme-scim --type=merge -p '{"spec":{"groupImplicitRoles":[{"groupName":"Engineering","role":"editor"}]}}'; sleep 1; kubectl get scimconn acme-scim -o wide`},
		{"the push, picked up within " + resync.String(), `curl -X POST -d "{\"group_name\":\"Engineering\",\"connection_id\":\"$(kubectl get scimconn acme-scim -o jsonpath='{.status.connectionID}')\"}" $SIM/__sim/groups`},
		{"somebody else's ConfigMap in the place of the details", `kubectl create configmap mine; kubectl patch oidcconn umbrella-oidc --type=merge -p '{"spec":{"detailsConfigMapName":"mine"}}'; sleep 1; kubectl get oidcconn umbrella-oidc -o wide`},
		{"what it did", "kubectl events --for samlconnection/acme-okta"},
		{"every call that Stytch saw", "curl $SIM/__sim/calls"},
		{"a deletion, which retains the connection and its token", "kubectl delete scimconn acme-scim; kubectl get secret acme-scim-token --show-labels"},
	} {
		t.note("%s", try.what)
		t.say("  %s", t.paint(cyan, try.line))
	}
	t.say("\nThe logs of all parts are in %s. make demo-down ends it.", upDir)
}

// down ends what up started, whole or in part.
func down(_ context.Context, t *terminal) int {
	lock, err := alone(upDir)
	if err != nil {
		t.failed("%v", err)
		return 1
	}
	defer lock.Close() //nolint:errcheck // the end of the process gives it back too
	l, err := readLedger(upDir)
	if err != nil {
		t.failed("%v", err)
		return 1
	}
	standing := len(l.standing())
	if err := l.end(); err != nil {
		t.failed("%v", err)
		return 1
	}
	if err := os.RemoveAll(upDir); err != nil {
		t.failed("%v", err)
		return 1
	}
	if standing == 0 {
		t.say("Nothing was up.")
		return 0
	}
	t.seen("ended %d processes", standing)
	return 0
}
