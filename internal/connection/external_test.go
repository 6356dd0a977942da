package connection_test

import (
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestAnExternalConnectionToAnotherSourceIsInvalid(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*stytch.ExternalConnection)
	}{
		{"another connection", func(r *stytch.ExternalConnection) { r.ExternalConnectionID = "saml-connection-live-other" }},
		{"another organization", func(r *stytch.ExternalConnection) { r.ExternalOrganizationID = "organization-live-other" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := externalRemote()
			test.edit(&r)
			plan, problems := planFor(connection.External(), externalManifest(), r, connection.Inputs{})
			noSteps(t, plan)
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
				t.Fatalf("the problems are %+v, want one that is Invalid", problems)
			}
			contains(t, problems[0].Message, r.ExternalConnectionID, r.ExternalOrganizationID, "delete this manifest", "connectionID")
		})
	}
}

func TestAnExternalConnectionIsCreatedWithItsSourceAlone(t *testing.T) {
	same(t, "the body", connection.External().Creation(externalManifest()), stytch.Fields{
		"external_organization_id": "organization-live-9", "external_connection_id": samlID,
	})
}

func TestOnlyAnExternalConnectionToTheSameSourceIsARival(t *testing.T) {
	external := connection.External()
	for name, test := range map[string]struct {
		edit  func(*stytch.ExternalConnection)
		rival bool
	}{
		"the same source":       {func(*stytch.ExternalConnection) {}, true},
		"another name":          {func(r *stytch.ExternalConnection) { r.DisplayName = "x" }, true},
		"another organization":  {func(r *stytch.ExternalConnection) { r.ExternalOrganizationID = "x" }, false},
		"another connection":    {func(r *stytch.ExternalConnection) { r.ExternalConnectionID = "x" }, false},
		"nothing but its names": {func(r *stytch.ExternalConnection) { *r = stytch.ExternalConnection{Connection: r.Connection} }, false},
	} {
		r := externalRemote()
		test.edit(&r)
		same(t, name, external.Rival(externalManifest(), r), test.rival)
	}
	if external.Shared {
		t.Error("two manifests may have one source")
	}
	same(t, "what it refers to", external.References(externalManifest()), []connection.Reference(nil))
	same(t, "what it lacks", external.Lacks(externalRemote()), []string(nil))
}

func TestRolesThatAreAbsentAreNotWantedAndEmptyOnesAre(t *testing.T) {
	external := connection.External()
	names := func(o *v1alpha1.ExternalConnection) []string {
		want, _ := external.Want(o, externalID, connection.Inputs{})
		var named []string
		for _, field := range []string{"external_connection_implicit_role_assignments", "external_group_implicit_role_assignments"} {
			if v, is := want.Settings[field]; is {
				named = append(named, field+"="+v.Same)
			}
		}
		return named
	}
	o := externalManifest()
	o.Spec.ImplicitRoles, o.Spec.GroupImplicitRoles = nil, nil
	same(t, "absent", names(o), []string(nil))
	o.Spec.ImplicitRoles, o.Spec.GroupImplicitRoles = []string{}, []v1alpha1.GroupRole{}
	same(t, "empty", names(o), []string{"external_connection_implicit_role_assignments=[]", "external_group_implicit_role_assignments=[]"})
}

func TestPublishingAnExternalConnectionAddsNothing(t *testing.T) {
	o := externalManifest()
	before := inJSON(t, o)
	connection.External().Publish(o, externalRemote(), connection.State{})
	same(t, "the manifest", inJSON(t, o), before)
}

func TestASourceOfAnotherEnvironmentThanTheProjectIsInvalid(t *testing.T) {
	o := &v1alpha1.ExternalConnection{}
	o.Spec.Source = &v1alpha1.ExternalSource{OrganizationID: "organization-live-1", ConnectionID: "saml-connection-live-1"}
	o.Status.ProjectID = "project-test-1"
	_, problems := connection.External().Want(o, "", connection.Inputs{})
	if reason, message := connection.Worst(problems); reason != v1alpha1.ReasonInvalid || !strings.Contains(message, "organization-live-1 is of another environment") {
		t.Errorf("got %q: %q", reason, message)
	}
	o.Status.ProjectID = "project-live-1"
	if _, problems := connection.External().Want(o, "", connection.Inputs{}); len(problems) > 0 {
		t.Errorf("the project's own environment: %v", problems)
	}
}
