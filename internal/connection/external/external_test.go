package external_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
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
			r := ExternalRemote()
			test.edit(&r)
			plan, problems := PlanFor(external.Kind(), ExternalManifest(), r, connection.Inputs{})
			NoSteps(t, plan)
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
				t.Fatalf("the problems are %+v, want one that is Invalid", problems)
			}
			Contains(t, problems[0].Message, r.ExternalConnectionID, r.ExternalOrganizationID, "Delete this manifest", "connectionID")
		})
	}
}

func TestAnExternalConnectionWithoutASourceIsSaidToHaveNone(t *testing.T) {
	for name, edit := range map[string]func(*stytch.ExternalConnection){
		"no source":       func(r *stytch.ExternalConnection) { r.ExternalConnectionID, r.ExternalOrganizationID = "", "" },
		"no connection":   func(r *stytch.ExternalConnection) { r.ExternalConnectionID = "" },
		"no organization": func(r *stytch.ExternalConnection) { r.ExternalOrganizationID = "" },
	} {
		r := ExternalRemote()
		edit(&r)
		plan, problems := PlanFor(external.Kind(), ExternalManifest(), r, connection.Inputs{})
		NoSteps(t, plan)
		Same(t, name, problems, []connection.Problem{{Halts: true, Reason: v1alpha1.ReasonInvalid, Message: "Stytch reports no complete source for the connection, and cannot " +
			"change the source of a connection. Delete this manifest, and apply one without connectionID, or with the ID of another connection."}})
	}
}

func TestAnExternalConnectionIsCreatedWithItsSourceAlone(t *testing.T) {
	Same(t, "the body", external.Kind().Creation(ExternalManifest()), stytch.Fields{
		"external_organization_id": "organization-live-9", "external_connection_id": SAMLID,
	})
}

func TestOnlyAnExternalConnectionToTheSameSourceIsARival(t *testing.T) {
	externalConn := external.Kind()
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
		r := ExternalRemote()
		test.edit(&r)
		Same(t, name, externalConn.Rival(ExternalManifest(), r), test.rival)
	}
	if externalConn.Shared {
		t.Error("two manifests may have one source")
	}
	Same(t, "what it refers to", externalConn.References(ExternalManifest()), []connection.Reference(nil))
	Same(t, "whether it may lack something", externalConn.MissingToActivate != nil, false)
}

func TestRolesThatAreAbsentAreNotWantedAndEmptyOnesAre(t *testing.T) {
	externalConn := external.Kind()
	names := func(o *v1alpha1.ExternalConnection) []string {
		want, _ := WantOf(externalConn, o, ExternalID, connection.Inputs{})
		var named []string
		for _, field := range []string{"external_connection_implicit_role_assignments", "external_group_implicit_role_assignments"} {
			if v, is := want.Settings[field]; is {
				named = append(named, field+"="+v.Same)
			}
		}
		return named
	}
	o := ExternalManifest()
	o.Spec.ImplicitRoles, o.Spec.GroupImplicitRoles = nil, nil
	Same(t, "absent", names(o), []string(nil))
	o.Spec.ImplicitRoles, o.Spec.GroupImplicitRoles = []string{}, []v1alpha1.GroupRole{}
	Same(t, "empty", names(o), []string{"external_connection_implicit_role_assignments=[]", "external_group_implicit_role_assignments=[]"})
}

func TestPublishingAnExternalConnectionAddsNothing(t *testing.T) {
	o := ExternalManifest()
	before := InJSON(t, o)
	Publish(external.Kind(), o, ExternalRemote(), connection.State{})
	Same(t, "the manifest", InJSON(t, o), before)
}

func TestASourceOfAnotherEnvironmentThanTheProjectIsInvalid(t *testing.T) {
	o := &v1alpha1.ExternalConnection{}
	o.Spec.Source = &v1alpha1.ExternalSource{OrganizationID: "organization-live-1", ConnectionID: "saml-connection-live-1"}
	o.Status.ProjectID = "project-test-1"
	_, problems := WantOf(external.Kind(), o, "", connection.Inputs{})
	if reason, message := connection.Worst(problems); reason != v1alpha1.ReasonInvalid || !strings.Contains(message, "organization-live-1 belongs to another environment") {
		t.Errorf("got %q: %q", reason, message)
	}
	o.Status.ProjectID = "project-live-1"
	if _, problems := WantOf(external.Kind(), o, "", connection.Inputs{}); len(problems) > 0 {
		t.Errorf("the project's own environment: %v", problems)
	}
}

// sourced is a manifest that names its source by manifest, and is not created yet.
func sourced() *v1alpha1.ExternalConnection {
	o := ExternalManifest()
	o.Spec.Source, o.Spec.SourceRef = nil, &v1alpha1.ExternalSourceRef{Kind: v1alpha1.SourceSAML, Name: "okta"}
	o.Status = v1alpha1.ExternalConnectionStatus{}
	o.Status.ProjectID, o.Status.OrganizationID = "project-live-1", "organization-live-1"
	return o
}

// source is the manifest that sourced names, with an active connection.
func source() *v1alpha1.SAMLConnection {
	s := SAMLManifest()
	s.Status.ProjectID, s.Status.OrganizationID, s.Status.ConnectionID, s.Status.State = "project-live-1", "organization-live-9", SAMLID, "active"
	return s
}

func TestASourceIsFollowedByItsManifest(t *testing.T) {
	found := &v1alpha1.ExternalSourceStatus{OrganizationID: "organization-live-9", ConnectionID: SAMLID}
	for _, test := range []struct {
		name   string
		edit   func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection
		reason string
		says   string
		source *v1alpha1.ExternalSourceStatus
	}{
		{"an active one", nil, "", "", found},
		{
			"one that is not there",
			func(*v1alpha1.ExternalConnection, *v1alpha1.SAMLConnection) v1alpha1.Connection { return nil },
			v1alpha1.ReasonSourceNotReady, "SAMLConnection okta, referenced by spec.sourceRef, does not exist in this namespace. The operator continues automatically when this changes.", nil,
		},
		{
			"one without a connection yet",
			func(_ *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				s.Status = v1alpha1.SAMLConnectionStatus{}
				return s
			},
			v1alpha1.ReasonSourceNotReady, "has no connection yet. The operator continues automatically when this changes.", nil,
		},
		{
			"a pending one",
			func(_ *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				s.Status.State = "pending"
				return s
			},
			v1alpha1.ReasonSourceNotReady, "is not active yet (state in Stytch: pending). The operator continues automatically when this changes.", found,
		},
		{
			"one that was only just made",
			func(_ *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				s.Status.State = ""
				return s
			},
			v1alpha1.ReasonSourceNotReady, "state in Stytch: unknown", found,
		},
		{
			"a pending one, of a connection that exists",
			func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				o.Status.ConnectionID, s.Status.State = ExternalID, "pending"
				return s
			},
			"", "", found,
		},
		{
			"one that is only observed and has no record, of a connection that is only observed, too",
			func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				o.Spec.ConnectionID, s.Spec.ConnectionID, s.Status.ConnectionID = ExternalID, SAMLID, ""
				return s
			},
			"", "", found,
		},
		{
			"one that names its connection and was not looked at yet, of a connection that is only observed",
			func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				o.Spec.ConnectionID, s.Spec.ConnectionID, s.Status = ExternalID, SAMLID, v1alpha1.SAMLConnectionStatus{}
				return s
			},
			v1alpha1.ReasonSourceNotReady, "has no connection yet", nil,
		},
		{
			"one that is only observed, of a connection that is to be created",
			func(_ *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				s.Spec.ConnectionID, s.Status.ConnectionID = SAMLID, ""
				return s
			},
			v1alpha1.ReasonSourceNotReady, "has no connection yet", nil,
		},
		{
			"a pending one, of a connection that is only observed",
			func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				o.Spec.ConnectionID, s.Status.State = ExternalID, "pending"
				return s
			},
			"", "", found,
		},
		{
			"one that is being deleted, of a connection that is only observed",
			func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				o.Spec.ConnectionID, s.DeletionTimestamp = ExternalID, new(metav1.NewTime(Noon))
				return s
			},
			"", "", found,
		},
		{
			"one that is being deleted",
			func(_ *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				s.DeletionTimestamp = new(metav1.NewTime(Noon))
				return s
			},
			v1alpha1.ReasonSourceNotReady, "is being deleted. The operator continues automatically when this changes.", found,
		},
		{
			"one that is being deleted, of a connection that exists",
			func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				o.Status.ConnectionID, s.DeletionTimestamp = ExternalID, new(metav1.NewTime(Noon))
				return s
			},
			"", "", found,
		},
		{
			"one of another project",
			func(_ *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				s.Status.ProjectID = "project-live-2"
				return s
			},
			v1alpha1.ReasonInvalid, "belongs to another Stytch project (project-live-2). Delete this manifest", nil,
		},
		{
			"one whose project cannot be compared yet",
			func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				o.Status.ProjectID = ""
				return s
			},
			"", "", found,
		},
		{
			"one of the same organization",
			func(_ *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				s.Status.OrganizationID = "organization-live-1"
				return s
			},
			v1alpha1.ReasonInvalid, "belongs to the same organization (organization-live-1). Delete this manifest", nil,
		},
		{
			"one that was made anew",
			func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) v1alpha1.Connection {
				o.Status.Source = &v1alpha1.ExternalSourceStatus{OrganizationID: "organization-live-9", ConnectionID: "saml-connection-live-old"}
				return s
			},
			"", "", found,
		},
		{
			"one that went away, which is remembered",
			func(o *v1alpha1.ExternalConnection, _ *v1alpha1.SAMLConnection) v1alpha1.Connection {
				o.Status.Source = found
				return nil
			},
			v1alpha1.ReasonSourceNotReady, "does not exist in this namespace", found,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, s := sourced(), source()
			var given v1alpha1.Connection = s
			if test.edit != nil {
				given = test.edit(o, s)
			}
			_, problems := WantOf(external.Kind(), o, o.Status.ConnectionID, connection.Inputs{Source: given})
			reason, message := connection.Worst(problems)
			Same(t, "the reason", reason, test.reason)
			Same(t, "whether it halts", connection.Halted(problems), test.reason != "")
			Contains(t, message, test.says)
			resolve(o, given)
			Same(t, "what is re-used", o.Status.Source, test.source)
			_, again := WantOf(external.Kind(), o, o.Status.ConnectionID, connection.Inputs{Source: given})
			Same(t, "the problems of another look", again, problems)
		})
	}
	o := ExternalManifest()
	o.Status.Source = nil
	_, problems := WantOf(external.Kind(), o, ExternalID, connection.Inputs{})
	Same(t, "problems of a source by its IDs", problems, []connection.Problem(nil))
	resolve(o, nil)
	Same(t, "what is re-used by its IDs", o.Status.Source, &v1alpha1.ExternalSourceStatus{OrganizationID: "organization-live-9", ConnectionID: SAMLID})
}

func TestNothingIsSentToAConnectionWhoseSourceWasMadeAnew(t *testing.T) {
	o, r := sourced(), ExternalRemote()
	o.Status.ConnectionID = ExternalID
	r.ExternalConnectionID, r.DisplayName = "saml-connection-live-old", "by hand"
	resolve(o, source())
	_, problems := PlanFor(external.Kind(), o, r, connection.Inputs{Source: source()})
	Same(t, "whether it halts", connection.Halted(problems), true)
	Contains(t, ProblemWords(problems), "saml-connection-live-old", "Stytch cannot change the source")

	o.Status.Source = nil
	want, have, _ := StatesOf(external.Kind(), o, r, connection.Inputs{})
	Same(t, "what is doubted while no source is known", external.Kind().Problems(o, want, have), []connection.Problem(nil))
	Same(t, "a rival while no source is known", external.Kind().Rival(o, r), false)
}

func TestAnExternalConnectionThatExistsDependsOnItsSource(t *testing.T) {
	byName, byIDs := sourced(), ExternalManifest()
	byName.Status.ConnectionID = ExternalID
	byIDs.Status.Source = nil // status says it only after the pass that recorded the connection
	for _, test := range []struct {
		name    string
		o       *v1alpha1.ExternalConnection
		edit    func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection)
		kind    string
		depends bool
	}{
		{"by name", byName, nil, "SAMLConnection", true},
		{"by its IDs", byIDs, nil, "SAMLConnection", true},
		{"by the ID that it was made with", byName, func(o *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) {
			s.Name, o.Status.Source = "renamed", &v1alpha1.ExternalSourceStatus{ConnectionID: SAMLID}
		}, "SAMLConnection", true},
		{"not before it exists", byName, func(o *v1alpha1.ExternalConnection, _ *v1alpha1.SAMLConnection) { o.Status.ConnectionID = "" }, "SAMLConnection", false},
		{"not while it is being deleted", byName, func(o *v1alpha1.ExternalConnection, _ *v1alpha1.SAMLConnection) {
			o.DeletionTimestamp = new(metav1.NewTime(Noon))
		}, "SAMLConnection", false},
		{"not across namespaces", byIDs, func(o *v1alpha1.ExternalConnection, _ *v1alpha1.SAMLConnection) { o.Namespace = "other" }, "SAMLConnection", false},
		{"not on another name", byName, func(_ *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) { s.Name = "other" }, "SAMLConnection", false},
		{"not on another kind of the same name", byName, nil, "OIDCConnection", false},
		{"not on another connection", byIDs, func(_ *v1alpha1.ExternalConnection, s *v1alpha1.SAMLConnection) { s.Status.ConnectionID = "other" }, "SAMLConnection", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, s := test.o.DeepCopy(), source()
			if test.edit != nil {
				test.edit(o, s)
			}
			Same(t, "it depends", external.DependsOn(o, test.kind, s), test.depends)
		})
	}
}

func TestAnExternalConnectionRefersToItsSourcesManifest(t *testing.T) {
	kind := external.Kind()
	Same(t, "its references", kind.References(sourced()), []connection.Reference{{Kind: "SAMLConnection", Name: "okta"}})
	o, r := ExternalManifest(), ExternalRemote()
	before := InJSON(t, o)
	Same(t, "what is written down before a step", Begins(kind, o, r, connection.Step{}, Noon), false)
	Same(t, "what is undone", Refuse(kind, o, connection.Step{}, "invalid_x509_certificate"), (*connection.Step)(nil))
	Learn(kind, o, r, r, nil, Noon)
	Same(t, "the manifest", InJSON(t, o), before)
}

// resolve has an External connection remember what it re-uses.
func resolve(o *v1alpha1.ExternalConnection, source v1alpha1.Connection) {
	external.Kind().Note(o, connection.Event[stytch.ExternalConnection]{Type: connection.InputsRead, Inputs: connection.Inputs{Source: source}, Now: Noon})
}

func TestAGroupWithWhiteSpaceAtAnEndIsMentioned(t *testing.T) {
	o := ExternalManifest()
	o.Spec.GroupImplicitRoles = []v1alpha1.GroupRole{{Group: "\u00a0Ops", Role: "editor"}}
	_, problems := WantOf(external.Kind(), o, "", connection.Inputs{})
	reason, message := connection.Worst(problems)
	Same(t, "the reason", reason, "")
	Contains(t, message, `which is a part of the name: "\u00a0Ops". If the identity provider`)
}
