package connection

import (
	"cmp"
	"fmt"
	"time"

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
			source := o.Status.Source
			return source != nil && r.ExternalOrganizationID == source.OrganizationID && r.ExternalConnectionID == source.ConnectionID
		},
		Rivalry:    "The organization already has an External connection to this source, and Stytch allows one",
		References: externalReferences,
		Want:       externalWant,
		Have:       externalHave,
		Creation:   externalCreation,
		Lacks:      func(stytch.ExternalConnection) []string { return nil },
		Publish:    func(*v1alpha1.ExternalConnection, stytch.ExternalConnection, State) {},
		Doubts:     externalDoubts,
		Prepare:    func(*v1alpha1.ExternalConnection, stytch.ExternalConnection, Step, time.Time) bool { return false },
		Learn: func(*v1alpha1.ExternalConnection, stytch.ExternalConnection, stytch.ExternalConnection, *Step, time.Time) {
		},
		Undo:     func(*v1alpha1.ExternalConnection, Step, string) *Step { return nil },
		Expiries: func(*v1alpha1.ExternalConnection) []Expiry { return nil },
		Due:      func(*v1alpha1.ExternalConnection) time.Time { return time.Time{} },
		Rotating: func(State, State) (string, string) { return "", "" },
	}
}

func externalReferences(o *v1alpha1.ExternalConnection) []Reference {
	if o.Spec.SourceRef == nil {
		return nil
	}
	return []Reference{{string(o.Spec.SourceRef.Kind), o.Spec.SourceRef.Name}}
}

// Resolve puts into status which connection is re-used: as the manifest gives it, or as the manifest that it names says. What keeps
// it from being known is a problem.
func Resolve(o *v1alpha1.ExternalConnection, source v1alpha1.Connection) []Problem {
	if by := o.Spec.Source; by != nil {
		o.Status.Source = &v1alpha1.ExternalSourceStatus{OrganizationID: by.OrganizationID, ConnectionID: by.ConnectionID}
		return nil
	}
	ref := o.Spec.SourceRef
	waiting := func(format string, args ...any) []Problem {
		return []Problem{{Halts: true, Reason: v1alpha1.ReasonSourceNotReady, Message: fmt.Sprintf("%s %s, which spec.sourceRef names, ", ref.Kind, ref.Name) +
			fmt.Sprintf(format, args...) + ". It goes on by itself."}}
	}
	if source == nil {
		return waiting("is not in this namespace")
	}
	status := source.CommonStatus()
	switch {
	case status.ConnectionID == "":
		return waiting("has no connection yet")
	case o.Status.ConnectionID == "" && !source.GetDeletionTimestamp().IsZero():
		return waiting("is being deleted")
	case o.Status.ProjectID != "" && status.ProjectID != o.Status.ProjectID:
		return sourceInvalid(ref, "belongs to another Stytch project (%s)", status.ProjectID)
	case status.OrganizationID == o.Status.OrganizationID:
		return sourceInvalid(ref, "is a connection of the same organization (%s)", status.OrganizationID)
	}
	o.Status.Source = &v1alpha1.ExternalSourceStatus{OrganizationID: status.OrganizationID, ConnectionID: status.ConnectionID}
	if o.Status.ConnectionID == "" && status.State != stateActive {
		return waiting("is not active yet: Stytch calls it %s", cmp.Or(status.State, "nothing so far"))
	}
	return nil
}

func sourceInvalid(ref *v1alpha1.ExternalSourceRef, format string, args ...any) []Problem {
	return []Problem{{Halts: true, Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf("%s %s, which spec.sourceRef names, ", ref.Kind, ref.Name) +
		fmt.Sprintf(format, args...) + ": delete this manifest and apply one that names another source."}}
}

// DependsOn says whether an External connection that exists re-uses the connection of a source's manifest, so that deleting that
// would break it.
func DependsOn(o *v1alpha1.ExternalConnection, kind string, source v1alpha1.Connection) bool {
	if !o.DeletionTimestamp.IsZero() || o.Status.ConnectionID == "" || o.Namespace != source.GetNamespace() {
		return false
	}
	if ref := o.Spec.SourceRef; ref != nil && string(ref.Kind) == kind && ref.Name == source.GetName() {
		return true
	}
	if by := o.Spec.Source; by != nil { // status says it only after the pass that recorded the connection
		return by.ConnectionID == source.CommonStatus().ConnectionID
	}
	return o.Status.Source != nil && o.Status.Source.ConnectionID == source.CommonStatus().ConnectionID
}

func externalWant(o *v1alpha1.ExternalConnection, _ string, in Inputs) (State, []Problem) {
	problems := Resolve(o, in.Source)
	if source := o.Status.Source; source != nil {
		if problem := SameEnvironment(o.Status.ProjectID, source.OrganizationID, source.ConnectionID); problem != nil {
			problems = append(problems, *problem)
		}
	}
	s := Settings{}
	s.set("external_connection_implicit_role_assignments", o.Spec.ImplicitRoles != nil, roles(o.Spec.ImplicitRoles))
	s.set("external_group_implicit_role_assignments", o.Spec.GroupImplicitRoles != nil, wantedGroupRoles(o.Spec.GroupImplicitRoles))
	return State{Settings: s, Now: in.Now}, problems
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
		fieldSourceOrganization: o.Status.Source.OrganizationID,
		fieldSourceConnection:   o.Status.Source.ConnectionID,
	}
}

// externalDoubts reports a connection that was taken over and re-uses another source: Stytch cannot change that, and a role that
// is meant for the members of one organization must not be given to those of another.
func externalDoubts(o *v1alpha1.ExternalConnection, _, have State) []Problem {
	source := o.Status.Source
	if source == nil {
		return nil
	}
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
