package external

import (
	"cmp"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

const (
	fieldSourceOrganization = "external_organization_id"
	fieldSourceConnection   = "external_connection_id"
)

// Short names: of what a manifest says, of what Stytch has, and of one setting of either.
type (
	manifest = *v1alpha1.ExternalConnection
	remote   = stytch.ExternalConnection
	value    = connection.Value
)

// Kind is how External connections are decided about.
func Kind() connection.Kind[manifest, remote] {
	return connection.Kind[manifest, remote]{
		API:     stytch.APISSO,
		Common:  func(r remote) stytch.Connection { return r.Connection },
		Rival:   hasSource,
		Rivalry: "The organization already has an External connection to this source, and Stytch allows only one",
		Bare: func(o manifest, r remote) bool {
			return hasSource(o, r) && len(r.ImplicitRoles)+len(r.GroupImplicitRoles) == 0
		},
		References: references,
		Settings:   settings(),
		Want:       wantState,
		Problems:   findProblems,
		Creation:   creation,
		Remember: func(o manifest, e connection.Event[remote]) {
			if e.Type != connection.InputsRead {
				return
			}
			if source, _ := resolveSource(o, e.Inputs.Source); source != nil {
				o.Status.Source = source
			}
		},
	}
}

// hasSource says that a connection has the source of a manifest.
func hasSource(o manifest, r remote) bool {
	source := o.Status.Source
	return source != nil && r.ExternalOrganizationID == source.OrganizationID && r.ExternalConnectionID == source.ConnectionID
}

func settings() []connection.Setting[manifest, remote] {
	return []connection.Setting[manifest, remote]{
		connection.Field("external_connection_implicit_role_assignments", connection.TopicMapping,
			func(o manifest) (value, bool) {
				return connection.Roles(o.Spec.ImplicitRoles), o.Spec.ImplicitRoles != nil
			},
			func(r remote) value { return connection.Roles(r.ImplicitRoles) }),
		connection.Field("external_group_implicit_role_assignments", connection.TopicMapping,
			func(o manifest) (value, bool) {
				return connection.WantedGroupRoles(o.Spec.GroupImplicitRoles), o.Spec.GroupImplicitRoles != nil
			},
			func(r remote) value { return connection.SeenGroupRoles(r.GroupImplicitRoles) }),
		connection.Field[manifest, remote](fieldSourceOrganization, connection.TopicEndpoint,
			nil,
			func(r remote) value { return connection.Text(r.ExternalOrganizationID) }),
		connection.Field[manifest, remote](fieldSourceConnection, connection.TopicEndpoint,
			nil,
			func(r remote) value { return connection.Text(r.ExternalConnectionID) }),
	}
}

func references(o manifest) []connection.Reference {
	if o.Spec.SourceRef == nil {
		return nil
	}
	return []connection.Reference{{Kind: string(o.Spec.SourceRef.Kind), Name: o.Spec.SourceRef.Name}}
}

// wantState has no state besides the roles. Where the source is not known now, it is the one that was known last.
func wantState(o manifest, in connection.Inputs) (connection.State, []connection.Problem) {
	source, problems := resolveSource(o, in.Source)
	if source = cmp.Or(source, o.Status.Source); source != nil {
		if problem := connection.SameEnvironment(connection.RecordOf(o).Project, source.OrganizationID, source.ConnectionID); problem != nil {
			problems = append(problems, *problem)
		}
	}
	return connection.State{}, append(problems, connection.PaddedGroupRoles(o.Spec.GroupImplicitRoles)...)
}

// creation leaves the roles to the update that follows: the creating endpoint has other names for them.
func creation(o manifest) stytch.Fields {
	return stytch.Fields{
		fieldSourceOrganization: o.Status.Source.OrganizationID,
		fieldSourceConnection:   o.Status.Source.ConnectionID,
	}
}
