package external

import (
	"cmp"
	"fmt"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

const (
	fieldSourceOrganization = "external_organization_id"
	fieldSourceConnection   = "external_connection_id"
)

// External is what is thought about External connections.
func Kind() connection.Kind[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	return connection.Kind[*v1alpha1.ExternalConnection, stytch.ExternalConnection]{
		API:    stytch.APISSO,
		Common: func(r stytch.ExternalConnection) stytch.Connection { return r.Connection },
		Rival: func(o *v1alpha1.ExternalConnection, r stytch.ExternalConnection) bool {
			source := o.Status.Source
			return source != nil && r.ExternalOrganizationID == source.OrganizationID && r.ExternalConnectionID == source.ConnectionID
		},
		Rivalry:    "The organization already has an External connection to this source, and Stytch allows one",
		References: references,
		Settings:   settings(),
		Want:       wantState,
		Problems:   findProblems,
		Creation:   creation,
		Remember: func(o *v1alpha1.ExternalConnection, e connection.Event[stytch.ExternalConnection]) {
			if e.Type != connection.InputsRead {
				return
			}
			if source, _ := resolveSource(o, e.Inputs.Source); source != nil {
				o.Status.Source = source
			}
		},
	}
}

func settings() []connection.Setting[*v1alpha1.ExternalConnection, stytch.ExternalConnection] {
	type o = *v1alpha1.ExternalConnection
	type r = stytch.ExternalConnection
	return []connection.Setting[o, r]{
		connection.Field("external_connection_implicit_role_assignments", connection.TopicMapping,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Roles(o.Spec.ImplicitRoles), o.Spec.ImplicitRoles != nil
			},
			func(r r) connection.Value { return connection.Roles(r.ImplicitRoles) }),
		connection.Field("external_group_implicit_role_assignments", connection.TopicMapping,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.WantedGroupRoles(o.Spec.GroupImplicitRoles), o.Spec.GroupImplicitRoles != nil
			},
			func(r r) connection.Value { return connection.SeenGroupRoles(r.GroupImplicitRoles) }),
		connection.Field[o, r](fieldSourceOrganization, connection.TopicEndpoint,
			nil,
			func(r r) connection.Value { return connection.Text(r.ExternalOrganizationID) }),
		connection.Field[o, r](fieldSourceConnection, connection.TopicEndpoint,
			nil,
			func(r r) connection.Value { return connection.Text(r.ExternalConnectionID) }),
	}
}

func references(o *v1alpha1.ExternalConnection) []connection.Reference {
	if o.Spec.SourceRef == nil {
		return nil
	}
	return []connection.Reference{{Kind: string(o.Spec.SourceRef.Kind), Name: o.Spec.SourceRef.Name}}
}

// resolveSource says which connection is re-used: as the manifest gives it, or as the manifest that it names says. Nil where that is
// not known yet. What keeps it from being re-used is a problem.
func resolveSource(o *v1alpha1.ExternalConnection, source v1alpha1.Connection) (*v1alpha1.ExternalSourceStatus, []connection.Problem) {
	if by := o.Spec.Source; by != nil {
		return &v1alpha1.ExternalSourceStatus{OrganizationID: by.OrganizationID, ConnectionID: by.ConnectionID}, nil
	}
	ref := o.Spec.SourceRef
	waiting := func(format string, args ...any) []connection.Problem {
		return []connection.Problem{{Halts: true, Reason: v1alpha1.ReasonSourceNotReady, Message: fmt.Sprintf("%s %s, which spec.sourceRef names, ", ref.Kind, ref.Name) +
			fmt.Sprintf(format, args...) + ". It goes on by itself."}}
	}
	if source == nil {
		return nil, waiting("is not in this namespace")
	}
	from := connection.RecordOf(source)
	switch {
	case from.ID == "":
		return nil, waiting("has no connection yet")
	case connection.RecordOf(o).ID == "" && !source.GetDeletionTimestamp().IsZero():
		return nil, waiting("is being deleted")
	case connection.RecordOf(o).Project != "" && from.Project != connection.RecordOf(o).Project:
		return nil, sourceInvalid(ref, "belongs to another Stytch project (%s)", from.Project)
	case from.Organization == connection.RecordOf(o).Organization:
		return nil, sourceInvalid(ref, "is a connection of the same organization (%s)", from.Organization)
	}
	found := &v1alpha1.ExternalSourceStatus{OrganizationID: from.Organization, ConnectionID: from.ID}
	if connection.RecordOf(o).ID == "" && source.CommonStatus().State != connection.StateActive {
		return found, waiting("is not active yet: Stytch calls it %s", cmp.Or(source.CommonStatus().State, "nothing so far"))
	}
	return found, nil
}

func sourceInvalid(ref *v1alpha1.ExternalSourceRef, format string, args ...any) []connection.Problem {
	return []connection.Problem{{Halts: true, Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf("%s %s, which spec.sourceRef names, ", ref.Kind, ref.Name) +
		fmt.Sprintf(format, args...) + ": delete this manifest and apply one that names another source."}}
}

// DependsOn says whether an External connection that exists re-uses the connection of a source's manifest, so that deleting that
// would break it.
func DependsOn(o *v1alpha1.ExternalConnection, kind string, source v1alpha1.Connection) bool {
	if !o.DeletionTimestamp.IsZero() || connection.RecordOf(o).ID == "" || o.Namespace != source.GetNamespace() {
		return false
	}
	if ref := o.Spec.SourceRef; ref != nil && string(ref.Kind) == kind && ref.Name == source.GetName() {
		return true
	}
	if by := o.Spec.Source; by != nil { // status says it only after the pass that recorded the connection
		return by.ConnectionID == connection.RecordOf(source).ID
	}
	return o.Status.Source != nil && o.Status.Source.ConnectionID == connection.RecordOf(source).ID
}

// externalWant has no state besides the roles. Where the source is not known now, it is the one that was known last.
func wantState(o *v1alpha1.ExternalConnection, in connection.Inputs) (connection.State, []connection.Problem) {
	source, problems := resolveSource(o, in.Source)
	if source = cmp.Or(source, o.Status.Source); source != nil {
		if problem := connection.SameEnvironment(connection.RecordOf(o).Project, source.OrganizationID, source.ConnectionID); problem != nil {
			problems = append(problems, *problem)
		}
	}
	return connection.State{}, problems
}

// externalCreation leaves the roles to the update that follows: the creating endpoint has other names for them.
func creation(o *v1alpha1.ExternalConnection) stytch.Fields {
	return stytch.Fields{
		fieldSourceOrganization: o.Status.Source.OrganizationID,
		fieldSourceConnection:   o.Status.Source.ConnectionID,
	}
}

// externalProblems reports a connection that was taken over and re-uses another source: Stytch cannot change that, and a role that
// is meant for the members of one organization must not be given to those of another.
func findProblems(o *v1alpha1.ExternalConnection, _, have connection.State) []connection.Problem {
	source := o.Status.Source
	if source == nil {
		return nil
	}
	if have.Settings[fieldSourceOrganization].Same == source.OrganizationID && have.Settings[fieldSourceConnection].Same == source.ConnectionID {
		return nil
	}
	return []connection.Problem{{Halts: true, Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
		"the connection re-uses %s of %s, and Stytch cannot change that: delete this manifest and apply one that names this source, or no connectionID.",
		have.Settings[fieldSourceConnection].Same, have.Settings[fieldSourceOrganization].Same)}}
}
