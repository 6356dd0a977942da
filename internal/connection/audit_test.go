package connection_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestTheOutcomeOfACallIsDoneGoneRefusedOrUnknown(t *testing.T) {
	made := func(status int) stytch.Request {
		return stytch.Request{Operation: "UpdateSAMLConnection", StatusCode: status}
	}
	failed := func(status int, errorType string) error {
		return &stytch.Error{Request: stytch.Request{Operation: "UpdateSAMLConnection", StatusCode: status, ErrorType: errorType}}
	}
	for _, test := range []struct {
		name string
		made stytch.Request
		err  error
		want string
	}{
		{"accepted", made(200), nil, connection.OutcomeDone},
		{"accepted, and its result was not stored", made(200), errors.New("the Secret cannot be written"), connection.OutcomeDone},
		{"a deletion of what is gone", made(404), nil, connection.OutcomeGone},
		{"refused", stytch.Request{}, failed(400, "invalid"), connection.OutcomeRefused},
		{"a server error", stytch.Request{}, failed(503, ""), connection.OutcomeUnknown},
		{"no response", stytch.Request{}, failed(0, ""), connection.OutcomeUnknown},
		{"held back", stytch.Request{}, connection.Unsent{Err: errors.New("not yet")}, ""},
		{"held back, after a read that failed", stytch.Request{}, connection.Unsent{Err: failed(503, "")}, ""},
		{"a write of a Secret", stytch.Request{}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			outcome, request := connection.Outcome(test.made, test.err)
			Same(t, "the outcome", outcome, test.want)
			if outcome != "" {
				Same(t, "the operation", request.Operation, "UpdateSAMLConnection")
			}
		})
	}
}

func TestAStepNamesEachFieldOnce(t *testing.T) {
	step := connection.Step{Changes: []connection.Change{{Field: "x509_certificate"}, {Field: "idp_entity_id"}, {Field: "x509_certificate"}}}
	Same(t, "the fields", step.FieldNames(), []string{"idp_entity_id", "x509_certificate"})
}

func TestWhoAppliedAManifestIsToldByTheKeysOfTheTools(t *testing.T) {
	o := SAMLManifest()
	o.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "tenants", "team": "a", "meta.helm.sh/release-name": "no label of Helm's"}
	o.Annotations = map[string]string{
		"argocd.argoproj.io/tracking-id": "app:connections.stytch-operator.dev/SAMLConnection:a/okta", "meta.helm.sh/release-name": "acme",
		"example.com/ticket": "line 1\nline 2 " + strings.Repeat("x", 300), "example.com/other": "not told",
	}
	by := connection.AppliedBy(o, []string{"example.com/ticket", "example.com/absent"})
	ticket := by["example.com/ticket"]
	delete(by, "example.com/ticket")
	Same(t, "what the tools set", by, map[string]string{
		"kustomize.toolkit.fluxcd.io/name": "tenants", "meta.helm.sh/release-name": "acme",
		"argocd.argoproj.io/tracking-id": "app:connections.stytch-operator.dev/SAMLConnection:a/okta",
	})
	if len([]rune(ticket)) > 256 || !strings.HasPrefix(ticket, "line 1\ufffdline 2 x") {
		t.Errorf("a value is told as %q", ticket)
	}
}
