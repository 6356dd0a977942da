package connection

import (
	"fmt"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

const (
	fieldSourceOrganization = "external_organization_id"
	fieldSourceConnection   = "external_connection_id"
)

// External is what is thought about External connections.
func External() Kind[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	return Kind[*v1alpha1.ExternalConnection, stytch.ExternalConnection]{
		API:    stytch.APISSO,
		Common: func(r stytch.ExternalConnection) stytch.Connection { return r.Connection },
		Rival: func(o *v1alpha1.ExternalConnection, r stytch.ExternalConnection) bool {
			return r.ExternalOrganizationID == o.Spec.Source.OrganizationID && r.ExternalConnectionID == o.Spec.Source.ConnectionID
		},
		Rivalry:  "The organization already has an External connection to this source, and Stytch allows one",
		Secrets:  func(*v1alpha1.ExternalConnection) []string { return nil },
		Want:     externalWant,
		Have:     externalHave,
		Creation: externalCreation,
		Lacks:    func(stytch.ExternalConnection) []string { return nil },
		Publish:  func(*v1alpha1.ExternalConnection, stytch.ExternalConnection, State) {},
		Doubts:   externalDoubts,
	}
}

func externalWant(o *v1alpha1.ExternalConnection, _ string, _ Secrets) (State, []Problem) {
	var problems []Problem
	if problem := SameEnvironment(o.Status.ProjectID, o.Spec.Source.OrganizationID, o.Spec.Source.ConnectionID); problem != nil {
		problems = []Problem{*problem}
	}
	s := Settings{}
	s.set("external_connection_implicit_role_assignments", o.Spec.ImplicitRoles != nil, roles(o.Spec.ImplicitRoles))
	s.set("external_group_implicit_role_assignments", o.Spec.GroupImplicitRoles != nil, wantedGroupRoles(o.Spec.GroupImplicitRoles))
	return State{Settings: s}, problems
}

func externalHave(r stytch.ExternalConnection) State {
	return State{Settings: Settings{
		"external_connection_implicit_role_assignments": roles(r.ImplicitRoles),
		"external_group_implicit_role_assignments":      groupRoles(r.GroupImplicitRoles),
		fieldSourceOrganization:                         Text(r.ExternalOrganizationID),
		fieldSourceConnection:                           Text(r.ExternalConnectionID),
	}}
}

// externalCreation leaves the roles to the update that follows: the creating endpoint has other names for them.
func externalCreation(o *v1alpha1.ExternalConnection) stytch.Fields {
	return stytch.Fields{
		fieldSourceOrganization: o.Spec.Source.OrganizationID,
		fieldSourceConnection:   o.Spec.Source.ConnectionID,
	}
}

// externalDoubts reports a connection that was taken over and re-uses another source: Stytch cannot change that, and a role that
// is meant for the members of one organization must not be given to those of another.
func externalDoubts(o *v1alpha1.ExternalConnection, _, have State) []Problem {
	source := o.Spec.Source
	if have.Settings[fieldSourceOrganization].Same == source.OrganizationID && have.Settings[fieldSourceConnection].Same == source.ConnectionID {
		return nil
	}
	return []Problem{{Halts: true, Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
		"the connection re-uses %s of %s, and Stytch cannot change that: delete this manifest and apply one that names this source, or no connectionID.",
		have.Settings[fieldSourceConnection].Same, have.Settings[fieldSourceOrganization].Same)}}
}

// wantedGroupRoles are a manifest's roles by group.
func wantedGroupRoles(list []v1alpha1.GroupRole) Value {
	return assignments(list, func(g v1alpha1.GroupRole) roleAssignment { return roleAssignment{RoleID: g.Role, Group: g.Group} })
}

// groupRoles are Stytch's roles by group.
func groupRoles(list []stytch.GroupRole) Value {
	return assignments(list, func(g stytch.GroupRole) roleAssignment { return roleAssignment{RoleID: g.RoleID, Group: g.Group} })
}
