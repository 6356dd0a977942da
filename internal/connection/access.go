package connection

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Access is what a project lets the connections of one kind in one namespace do. The zero Access is none at all.
//
// Grants add up, for each organization separately: a manifest may do what any grant allows that covers its namespace, its kind and the
// organization. So it may assign a role that one of them allows, and its connection is retained where all of them say so. A source has to
// be in the very grant that has the organization.
type Access struct {
	project    v1alpha1.ProjectRef
	kind       string
	everything bool             // there are no grants to ask
	grants     []v1alpha1.Grant // that cover the namespace and the kind
}

// AccessOf is the access to a project from a namespace with these labels, for a kind of connections. The labels are asked for only where
// TrustsLabels says that they matter.
func AccessOf(project v1alpha1.Project, namespace string, namespaceLabels map[string]string, kind string) Access {
	switch p := project.(type) {
	case *v1alpha1.StytchProject:
		a := Access{project: v1alpha1.ProjectRef{Kind: v1alpha1.NamespacedProject, Name: p.Name}, kind: kind}
		if p.Namespace != namespace {
			return a
		}
		a.everything = len(p.Spec.Organizations) == 0
		a.grants = []v1alpha1.Grant{ownGrant(p.Spec.Organizations)}
		return a
	case *v1alpha1.ClusterStytchProject:
		a := Access{project: v1alpha1.ProjectRef{Kind: v1alpha1.ClusterProject, Name: p.Name}, kind: kind}
		for _, g := range p.Spec.Grants {
			if isFor(g, namespace, namespaceLabels) && ofKind(g, kind) {
				a.grants = append(a.grants, g)
			}
		}
		return a
	}
	return Access{}
}

// ownGrant is what a StytchProject that names its organizations lets its own namespace do.
func ownGrant(organizations []string) v1alpha1.Grant {
	var g v1alpha1.Grant
	for _, organization := range organizations {
		g.Organizations = append(g.Organizations, v1alpha1.GrantedOrganization(organization))
	}
	g.Sources = g.Organizations
	return g
}

// TrustsLabels says that the labels of namespaces decide about the access to a project.
func TrustsLabels(project v1alpha1.Project) bool {
	cluster, isCluster := project.(*v1alpha1.ClusterStytchProject)
	return isCluster && slices.ContainsFunc(cluster.Spec.Grants, func(g v1alpha1.Grant) bool { return g.NamespaceSelector != nil })
}

// isFor says that a grant is for a namespace. A selector counts only where labels are trusted, and never where it is empty: that selects
// everything elsewhere in Kubernetes.
func isFor(g v1alpha1.Grant, namespace string, namespaceLabels map[string]string) bool {
	if all(g.Namespaces) || slices.Contains(g.Namespaces, v1alpha1.GrantedNamespace(namespace)) {
		return namespace != ""
	}
	if g.NamespaceSelector == nil || !g.TrustNamespaceLabels {
		return false
	}
	selector, err := selectorOf(*g.NamespaceSelector)
	return err == nil && !selector.Empty() && selector.Matches(labels.Set(namespaceLabels))
}

func selectorOf(s v1alpha1.NamespaceSelector) (labels.Selector, error) {
	out := metav1.LabelSelector{MatchLabels: map[string]string{}}
	for key, value := range s.MatchLabels {
		out.MatchLabels[key] = string(value)
	}
	for _, r := range s.MatchExpressions {
		requirement := metav1.LabelSelectorRequirement{Key: r.Key, Operator: metav1.LabelSelectorOperator(r.Operator)}
		for _, value := range r.Values {
			requirement.Values = append(requirement.Values, string(value))
		}
		out.MatchExpressions = append(out.MatchExpressions, requirement)
	}
	return metav1.LabelSelectorAsSelector(&out)
}

func ofKind(g v1alpha1.Grant, kind string) bool {
	return len(g.Kinds) == 0 || slices.Contains(g.Kinds, v1alpha1.ConnectionKind(kind))
}

// all says that a list of a grant is * alone.
func all[S ~string](list []S) bool { return len(list) == 1 && list[0] == v1alpha1.Everything }

func has(list []v1alpha1.GrantedOrganization, id string) bool {
	return all(list) || slices.Contains(list, v1alpha1.GrantedOrganization(id))
}

// covering are the grants that cover an organization. Nothing but a full ID is ever granted: whose a slug is, only Stytch can tell.
func (a Access) covering(organization string) []v1alpha1.Grant {
	if !stytch.IsOrganizationID(organization) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.grants), func(g v1alpha1.Grant) bool { return !has(g.Organizations, organization) })
}

// Organization says whether an organization may be touched.
func (a Access) Organization(id string) bool { return a.everything || len(a.covering(id)) > 0 }

// Source says whether External connections of an organization may use the connections of another one.
func (a Access) Source(organization, source string) bool {
	return a.everything || slices.ContainsFunc(a.covering(organization), func(g v1alpha1.Grant) bool {
		return stytch.IsOrganizationID(source) && has(g.Sources, source)
	})
}

// Guarded says that not everything is granted.
func (a Access) Guarded() bool { return !a.everything }

// Retains says that connections of an organization stay in Stytch when their manifests go.
func (a Access) Retains(organization string) bool {
	covering := a.covering(organization)
	return !a.everything && len(covering) > 0 &&
		!slices.ContainsFunc(covering, func(g v1alpha1.Grant) bool { return g.Deletion != v1alpha1.GrantRetain })
}

// overrules is said of a manifest whose deletionPolicy does not decide, before that is a surprise.
func (a Access) overrules(o v1alpha1.Connection, organization string) string {
	if Retains(o) || !a.Retains(organization) {
		return ""
	}
	return fmt.Sprintf("deletionPolicy: Delete has no effect: the connection stays in Stytch when this manifest is deleted, because the grants of %s have deletion: Retain.", a.project)
}

// Role says whether connections of an organization may assign a role.
func (a Access) Role(organization, role string) bool {
	return a.everything || slices.ContainsFunc(a.covering(organization), func(g v1alpha1.Grant) bool {
		return g.Roles == nil || slices.Contains(g.Roles, v1alpha1.GrantedRole(role))
	})
}

// NotGranted is said of a manifest whose organization is not granted. It is the same whatever there is at Stytch, which is not asked.
func (a Access) NotGranted() Finding {
	if a.project.Kind == v1alpha1.NamespacedProject {
		return ungranted(fmt.Sprintf("spec.organization is not in spec.organizations of %s. Add the full ID of the organization there, or apply a manifest with the full ID of one that is there.", a.project))
	}
	return ungranted(fmt.Sprintf("%s does not grant spec.organization to %ss in this namespace. Ask for a grant, or apply a manifest for an organization that is granted.", a.project, a.kind))
}

// SourceNotGranted is said in the same way of an External connection whose source is not granted.
func (a Access) SourceNotGranted() Finding {
	if a.project.Kind == v1alpha1.NamespacedProject {
		return ungranted(fmt.Sprintf("The organization of the source is not in spec.organizations of %s. Add its full ID there, or apply a manifest with a source of an organization that is there.", a.project))
	}
	return ungranted(fmt.Sprintf("%s does not grant the organization of the source to %ss of spec.organization in this namespace. Ask for a grant, or apply a manifest with a source that is granted.", a.project, a.kind))
}

func ungranted(message string) Finding {
	return Finding{Reason: v1alpha1.ReasonNotGranted, Message: message + " Nothing is sent to Stytch."}
}

// withholdRoles takes the lists out of what is wanted that assign a role which is not granted, and says which.
func withholdRoles(want Settings, may func(role string) bool, project v1alpha1.ProjectRef) []Problem {
	if may == nil {
		return nil
	}
	var refused []string
	for field, value := range want {
		list, _ := value.Send.([]RoleAssignment)
		for _, r := range list {
			if !may(r.RoleID) {
				refused = AddOnce(refused, r.RoleID)
				delete(want, field)
			}
		}
	}
	if len(refused) == 0 {
		return nil
	}
	slices.Sort(refused)
	return []Problem{{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
		"%s does not grant these roles: %s. Lists of roles that have one of them are not sent to Stytch. Remove them, or ask for a grant.", project, namesOf(refused, maxUnknownRoles))}}
}

// Using is a connection that uses a project, as far as grants ask for it.
type Using struct{ Namespace, Kind, Organization string }

// GrantsUsed says of each grant which of the connections it covers, given the labels of all namespaces there are.
func GrantsUsed(grants []v1alpha1.Grant, namespaces map[string]map[string]string, connections []Using) []v1alpha1.GrantStatus {
	var used []v1alpha1.GrantStatus
	for _, g := range grants {
		granted := map[string]bool{}
		for namespace, namespaceLabels := range namespaces {
			if isFor(g, namespace, namespaceLabels) {
				granted[namespace] = true
			}
		}
		used = append(used, grantUsed(g, granted, connections))
	}
	return used
}

// grantUsed says which connections in the namespaces of a grant that covers.
func grantUsed(g v1alpha1.Grant, namespaces map[string]bool, connections []Using) v1alpha1.GrantStatus {
	if len(namespaces) == 0 {
		return v1alpha1.GrantStatus{State: v1alpha1.GrantNoNamespace}
	}
	organizations := map[string]bool{}
	for _, organization := range g.Organizations {
		organizations[string(organization)] = true
	}
	status := v1alpha1.GrantStatus{State: v1alpha1.GrantNoConnection}
	for _, c := range connections {
		if namespaces[c.Namespace] && ofKind(g, c.Kind) && (organizations[c.Organization] || all(g.Organizations)) {
			status.State = v1alpha1.GrantInUse
			status.Connections++
		}
	}
	return status
}
