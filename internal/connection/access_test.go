package connection_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

const (
	orgA = "organization-live-aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	orgB = "organization-live-bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
	orgC = "organization-test-cccccccc-cccc-4ccc-8ccc-cccccccccccc"
)

type (
	organizations = []v1alpha1.GrantedOrganization
	namespaces    = []v1alpha1.GrantedNamespace
	rolesGranted  = []v1alpha1.GrantedRole
	kindsGranted  = []v1alpha1.ConnectionKind
)

// clusterProject is a ClusterStytchProject with these grants.
func clusterProject(grants ...v1alpha1.Grant) *v1alpha1.ClusterStytchProject {
	p := &v1alpha1.ClusterStytchProject{ObjectMeta: metav1.ObjectMeta{Name: "shared"}}
	p.Spec.Grants = grants
	return p
}

func byLabel(key, value string) *v1alpha1.NamespaceSelector {
	return &v1alpha1.NamespaceSelector{MatchLabels: map[string]v1alpha1.NamespaceLabelValue{key: v1alpha1.NamespaceLabelValue(value)}}
}

func byTier(operator v1alpha1.NamespaceOperator, values ...v1alpha1.NamespaceLabelValue) *v1alpha1.NamespaceSelector {
	return &v1alpha1.NamespaceSelector{MatchExpressions: []v1alpha1.NamespaceRequirement{{Key: "tier", Operator: operator, Values: values}}}
}

// trusting is a grant of A for namespaces with these labels.
func trusting(selector *v1alpha1.NamespaceSelector) v1alpha1.Grant {
	return v1alpha1.Grant{NamespaceSelector: selector, TrustNamespaceLabels: true, Organizations: organizations{orgA}}
}

func TestAGrantCoversNamespaceKindAndOrganization(t *testing.T) {
	everything := v1alpha1.Grant{Namespaces: namespaces{"*"}, Organizations: organizations{"*"}}
	acme := v1alpha1.Grant{Namespaces: namespaces{"acme"}, Organizations: organizations{orgA}}
	gold := map[string]string{"tier": "gold"}
	with := func(g v1alpha1.Grant, change func(*v1alpha1.Grant)) v1alpha1.Grant {
		change(&g)
		return g
	}
	for _, test := range []struct {
		name         string
		project      v1alpha1.Project
		namespace    string
		labels       map[string]string
		kind         string
		organization string
		want         bool
	}{
		{name: "no grant", project: clusterProject()},
		{name: "the namespace and the organization", project: clusterProject(acme), want: true},
		{name: "another namespace", project: clusterProject(acme), namespace: "acme-2"},
		{name: "a namespace whose name only begins so", project: clusterProject(acme), namespace: "acm"},
		{name: "another organization", project: clusterProject(acme), organization: orgB},
		{name: "a slug", project: clusterProject(acme), organization: "acme"},
		{name: "a slug where everything is granted", project: clusterProject(everything), organization: "acme"},
		{name: "something like an ID where everything is granted", project: clusterProject(everything), organization: orgA + "0"},
		{name: "no organization where everything is granted", project: clusterProject(everything), organization: "-"},
		{name: "everything", project: clusterProject(everything), namespace: "any", organization: orgC, want: true},
		{name: "* that is not alone is a name", project: clusterProject(with(everything, func(g *v1alpha1.Grant) { g.Namespaces = namespaces{"*", "b"} }))},
		{name: "* that is not alone is an ID", project: clusterProject(with(everything, func(g *v1alpha1.Grant) { g.Organizations = organizations{"*", orgB} }))},
		{name: "no namespaces at all", project: clusterProject(with(everything, func(g *v1alpha1.Grant) { g.Namespaces = nil }))},
		{name: "empty namespaces", project: clusterProject(with(everything, func(g *v1alpha1.Grant) { g.Namespaces = namespaces{} }))},
		{name: "no organizations at all", project: clusterProject(with(everything, func(g *v1alpha1.Grant) { g.Organizations = nil }))},
		{name: "empty organizations", project: clusterProject(with(everything, func(g *v1alpha1.Grant) { g.Organizations = organizations{} }))},
		{name: "the organization of one grant, the namespace of another", project: clusterProject(acme,
			v1alpha1.Grant{Namespaces: namespaces{"other"}, Organizations: organizations{orgB}}), organization: orgB},
		{name: "the second grant", project: clusterProject(v1alpha1.Grant{Namespaces: namespaces{"other"}, Organizations: organizations{orgB}}, acme), want: true},
		{name: "two grants of one namespace add up", project: clusterProject(acme, v1alpha1.Grant{Namespaces: namespaces{"acme"}, Organizations: organizations{orgB}}), organization: orgB, want: true},

		{name: "the kind", project: clusterProject(with(acme, func(g *v1alpha1.Grant) { g.Kinds = kindsGranted{"SAMLConnection", "OIDCConnection"} })), want: true},
		{name: "another kind", project: clusterProject(with(acme, func(g *v1alpha1.Grant) { g.Kinds = kindsGranted{"SCIMConnection"} }))},

		{name: "a trusted label", project: clusterProject(trusting(byLabel("tier", "gold"))), labels: gold, want: true},
		{name: "a label that is not trusted", project: clusterProject(with(trusting(byLabel("tier", "gold")), func(g *v1alpha1.Grant) { g.TrustNamespaceLabels = false })), labels: gold},
		{name: "a trusted label with another value", project: clusterProject(trusting(byLabel("tier", "iron"))), labels: gold},
		{name: "a trusted label that is missing", project: clusterProject(trusting(byLabel("tier", "gold")))},
		{name: "an empty selector", project: clusterProject(trusting(&v1alpha1.NamespaceSelector{})), labels: gold},
		{name: "an empty map of labels", project: clusterProject(trusting(&v1alpha1.NamespaceSelector{MatchLabels: map[string]v1alpha1.NamespaceLabelValue{}})), labels: gold},
		{name: "one of some values", project: clusterProject(trusting(byTier("In", "gold", "silver"))), labels: gold, want: true},
		{name: "none of some values", project: clusterProject(trusting(byTier("NotIn", "gold", "silver"))), labels: gold},
		{name: "none of some values, and the label is missing", project: clusterProject(trusting(byTier("NotIn", "gold"))), want: true},
		{name: "the label exists", project: clusterProject(trusting(byTier("Exists"))), labels: gold, want: true},
		{name: "the label does not exist", project: clusterProject(trusting(byTier("DoesNotExist"))), labels: gold},
		{name: "a key that no label can have", project: clusterProject(trusting(byLabel("a b", "gold"))), labels: map[string]string{"a b": "gold"}},
		{name: "In without values", project: clusterProject(trusting(byTier("In"))), labels: gold},
		{name: "an operator that there is not", project: clusterProject(trusting(byTier("Equals", "gold"))), labels: gold},

		{name: "a StytchProject", project: own(), organization: "acme", want: true},
		{name: "a StytchProject of another namespace", project: own(), namespace: "other"},
		{name: "a StytchProject that names the organization", project: own(orgB, orgA), want: true},
		{name: "a StytchProject that names others", project: own(orgB)},
		{name: "a slug under a StytchProject that names organizations", project: own(orgA), organization: "acme"},
	} {
		t.Run(test.name, func(t *testing.T) {
			or := func(s, otherwise string) string { return map[bool]string{true: s, false: otherwise}[s != ""] }
			access := connection.AccessOf(test.project, or(test.namespace, "acme"), test.labels, or(test.kind, "SAMLConnection"))
			organization := strings.TrimPrefix(or(test.organization, orgA), "-")
			Same(t, "granted", access.Organization(organization), test.want)
		})
	}
	Same(t, "what the zero Access grants", connection.Access{}.Organization(orgA), false)
}

// own is a StytchProject of the namespace acme.
func own(organizations ...string) *v1alpha1.StytchProject {
	p := &v1alpha1.StytchProject{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "default"}}
	p.Spec.Organizations = organizations
	return p
}

func TestGrantsAddUpForEachOrganizationByItself(t *testing.T) {
	of := func(grants ...v1alpha1.Grant) connection.Access {
		for i := range grants {
			grants[i].Namespaces = namespaces{"acme"}
		}
		return connection.AccessOf(clusterProject(grants...), "acme", nil, "ExternalConnection")
	}
	for _, test := range []struct {
		name                     string
		access                   connection.Access
		sources, roles, retained string // of A and of B: what of B, C; of editor, viewer; is it retained
	}{
		{"nothing", of(), "; ", "; ", "false false"},
		{
			"without limits", of(v1alpha1.Grant{Organizations: organizations{orgA}}),
			"; ", "editor viewer; ", "false false",
		},
		{
			"sources are not what is managed, and belong to their grant",
			of(v1alpha1.Grant{Organizations: organizations{orgA, orgB}, Sources: organizations{orgC}}, v1alpha1.Grant{Organizations: organizations{orgB}, Sources: organizations{orgB}}),
			"C; B C", "editor viewer; editor viewer", "false false",
		},
		{
			"every source", of(v1alpha1.Grant{Organizations: organizations{orgA}, Sources: organizations{"*"}}),
			"B C; ", "editor viewer; ", "false false",
		},
		{
			"roles of two grants, of which one has all of them",
			of(v1alpha1.Grant{Organizations: organizations{orgA, orgB}, Roles: rolesGranted{"viewer"}}, v1alpha1.Grant{Organizations: organizations{orgB}}),
			"; ", "viewer; editor viewer", "false false",
		},
		{
			"roles of two grants", of(v1alpha1.Grant{Organizations: organizations{orgA}, Roles: rolesGranted{"viewer"}},
				v1alpha1.Grant{Organizations: organizations{"*"}, Roles: rolesGranted{"editor"}}),
			"; ", "editor viewer; editor", "false false",
		},
		{"no role", of(v1alpha1.Grant{Organizations: organizations{orgA}, Roles: rolesGranted{}}), "; ", "; ", "false false"},
		{
			"retained by every grant, and by one of two",
			of(v1alpha1.Grant{Organizations: organizations{orgA, orgB}, Deletion: v1alpha1.GrantRetain}, v1alpha1.Grant{Organizations: organizations{orgB}}),
			"; ", "editor viewer; editor viewer", "true false",
		},
		{"a StytchProject", connection.AccessOf(own(), "acme", nil, "ExternalConnection"), "B C; B C", "editor viewer; editor viewer", "false false"},
		{"a StytchProject with organizations", connection.AccessOf(own(orgA, orgB), "acme", nil, "ExternalConnection"), "B; B", "editor viewer; editor viewer", "false false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var sources, roles [2][]string
			for i, organization := range []string{orgA, orgB} {
				for _, source := range []struct{ name, id string }{{"B", orgB}, {"C", orgC}} {
					if test.access.Source(organization, source.id) {
						sources[i] = append(sources[i], source.name)
					}
				}
				for _, role := range []string{"editor", "viewer"} {
					if test.access.Role(organization, role) {
						roles[i] = append(roles[i], role)
					}
				}
			}
			Same(t, "sources", strings.Join(sources[0], " ")+"; "+strings.Join(sources[1], " "), test.sources)
			Same(t, "roles", strings.Join(roles[0], " ")+"; "+strings.Join(roles[1], " "), test.roles)
			Same(t, "retained", fmt.Sprint(test.access.Retains(orgA), test.access.Retains(orgB)), test.retained)
		})
	}
	Same(t, "a source that is a slug", of(v1alpha1.Grant{Organizations: organizations{"*"}, Sources: organizations{"*"}}).Source(orgA, "acme"), false)
}

// What a tenant cannot find out by looking at the manifest is said before it matters, and to whom to turn.
func TestTheMessageMentionsWhatAProjectOfSomebodyElseDecides(t *testing.T) {
	const (
		overruled = "deletionPolicy: Delete has no effect: the connection stays in Stytch when this manifest is deleted, because the grants of ClusterStytchProject shared have deletion: Retain."
		ask       = "If you cannot change ClusterStytchProject shared, ask whoever manages it."
	)
	shared := v1alpha1.ProjectRef{Kind: v1alpha1.ClusterProject, Name: "shared"}
	retained := connection.AccessOf(clusterProject(v1alpha1.Grant{
		Namespaces: namespaces{"*"}, Organizations: organizations{orgA}, Deletion: v1alpha1.GrantRetain,
	}), "acme", nil, "SAMLConnection")
	for _, test := range []struct {
		name   string
		ref    v1alpha1.ProjectRef
		policy v1alpha1.DeletionPolicy
		access connection.Access
		reason string
		want   string
	}{
		{"Delete, retained", shared, v1alpha1.DeletionDelete, retained, v1alpha1.ReasonInSync, overruled},
		{"Delete, retained, and rejected", shared, v1alpha1.DeletionDelete, retained, v1alpha1.ReasonCredentialsRejected, overruled + " " + ask},
		{"Retain, retained", shared, v1alpha1.DeletionRetain, retained, v1alpha1.ReasonInSync, ""},
		{"Delete, before grants are asked", shared, v1alpha1.DeletionDelete, connection.Access{}, v1alpha1.ReasonInputMissing, ""},
		{"denied", shared, v1alpha1.DeletionRetain, retained, v1alpha1.ReasonPermissionDenied, ask},
		{"throttled", shared, v1alpha1.DeletionRetain, retained, v1alpha1.ReasonThrottled, ask},
		{"Delete, of a StytchProject, and rejected", v1alpha1.ProjectRef{}, v1alpha1.DeletionDelete, connection.AccessOf(own(), "acme", nil, "SAMLConnection"), v1alpha1.ReasonCredentialsRejected, ""},
	} {
		o := SAMLManifest()
		o.Spec.ProjectRef, o.Spec.DeletionPolicy = test.ref, test.policy
		Same(t, test.name, connection.Mentioned(o, test.access, orgA, test.reason), test.want)
	}
}

// A failure is said of a manifest and of its project, whichever kind that is.
func TestAFailureIsWordedForBothKindsOfProjects(t *testing.T) {
	for _, class := range []stytch.Class{stytch.CredentialsRejected, stytch.Throttled, stytch.OrganizationNotFound} {
		_, message := connection.Failure(answerOf(class, 400, "some_error"))
		Contains(t, message, "StytchProject or ClusterStytchProject")
	}
}

func TestLabelsAreAskedForWhereAGrantHasASelector(t *testing.T) {
	Same(t, "a selector", connection.TrustsLabels(clusterProject(v1alpha1.Grant{}, trusting(byLabel("a", "b")))), true)
	Same(t, "names alone", connection.TrustsLabels(clusterProject(v1alpha1.Grant{Namespaces: namespaces{"*"}})), false)
	Same(t, "a StytchProject", connection.TrustsLabels(own(orgA)), false)
}

// What is said of a manifest without a grant names nothing that only Stytch knows.
func TestNotGrantedIsOneSentenceWhateverThereIs(t *testing.T) {
	access := connection.AccessOf(clusterProject(), "acme", nil, "SAMLConnection")
	Same(t, "the finding", access.NotGranted(), connection.Finding{
		Reason:  v1alpha1.ReasonNotGranted,
		Message: "ClusterStytchProject shared does not grant spec.organization to SAMLConnections in this namespace. Ask for a grant, or apply a manifest for an organization that is granted. Nothing is sent to Stytch.",
	})
	own := connection.AccessOf(own(orgB), "acme", nil, "SAMLConnection")
	Same(t, "the finding of a StytchProject", own.NotGranted().Message,
		"spec.organization is not in spec.organizations of StytchProject default. Add the full ID of the organization there, or apply a manifest with the full ID of one that is there. Nothing is sent to Stytch.")
}

// A list of roles with one that is not granted is left as it is at Stytch; the others, and all other fields, are sent.
func TestAListOfRolesThatIsNotGrantedIsLeftOutAndNamed(t *testing.T) {
	o := SAMLManifest()
	o.Spec.ProjectRef = v1alpha1.ProjectRef{Kind: v1alpha1.ClusterProject, Name: "shared"}
	o.Spec.DisplayName, o.Spec.ImplicitRoles = "Acme", []string{"viewer", "admin", "root"}
	o.Spec.GroupImplicitRoles = []v1alpha1.GroupRole{{Group: "eng", Role: "editor"}}
	may := func(role string) bool { return role != "admin" && role != "root" }
	want, problems := saml.Kind().Anew(o, connection.Inputs{Role: may, Now: Noon})
	_, implicit := want.Settings["saml_connection_implicit_role_assignments"]
	_, ofGroups := want.Settings["saml_group_implicit_role_assignments"]
	Same(t, "the lists that are wanted", fmt.Sprint(implicit, ofGroups), "false true")
	Same(t, "the name that is wanted", want.Settings[connection.FieldDisplayName].Same, "Acme")
	Same(t, "the problems", problems, []connection.Problem{{
		Reason:  v1alpha1.ReasonInvalid,
		Message: `ClusterStytchProject shared does not grant these roles: "admin", "root". Lists of roles that have one of them are not sent to Stytch. Remove them, or ask for a grant.`,
	}})
}

func TestGrantsSayWhatTheyAreUsedFor(t *testing.T) {
	there := map[string]map[string]string{"acme": {"tier": "gold"}, "other": nil}
	using := []connection.Using{{"acme", "SAMLConnection", orgA}, {"acme", "SCIMConnection", orgB}, {"other", "SAMLConnection", orgA}}
	for _, test := range []struct {
		name  string
		grant v1alpha1.Grant
		want  v1alpha1.GrantStatus
	}{
		{"all", v1alpha1.Grant{Namespaces: namespaces{"*"}, Organizations: organizations{"*"}}, v1alpha1.GrantStatus{State: v1alpha1.GrantInUse, Connections: 3}},
		{"one namespace", v1alpha1.Grant{Namespaces: namespaces{"acme", "gone"}, Organizations: organizations{orgA, orgA}}, v1alpha1.GrantStatus{State: v1alpha1.GrantInUse, Connections: 1}},
		{"by label", trusting(byLabel("tier", "gold")), v1alpha1.GrantStatus{State: v1alpha1.GrantInUse, Connections: 1}},
		{"another organization", v1alpha1.Grant{Namespaces: namespaces{"*"}, Organizations: organizations{orgC}}, v1alpha1.GrantStatus{State: v1alpha1.GrantNoConnection}},
		{"another kind", v1alpha1.Grant{Namespaces: namespaces{"*"}, Organizations: organizations{"*"}, Kinds: kindsGranted{"OIDCConnection"}}, v1alpha1.GrantStatus{State: v1alpha1.GrantNoConnection}},
		{"no such namespace", v1alpha1.Grant{Namespaces: namespaces{"amce"}, Organizations: organizations{"*"}}, v1alpha1.GrantStatus{State: v1alpha1.GrantNoNamespace}},
		{"no such label", trusting(byLabel("tier", "iron")), v1alpha1.GrantStatus{State: v1alpha1.GrantNoNamespace}},
	} {
		t.Run(test.name, func(t *testing.T) {
			Same(t, "the grant", connection.GrantsUsed([]v1alpha1.Grant{test.grant}, there, using), []v1alpha1.GrantStatus{test.want})
		})
	}
}
