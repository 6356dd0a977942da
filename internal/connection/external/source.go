package external

import (
	"cmp"
	"fmt"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// resolveSource says which connection is re-used: as the manifest gives it, or as the manifest that it names says. Nil where that is
// not known yet. What keeps it from being re-used is a problem.
func resolveSource(o manifest, source v1alpha1.Connection) (*v1alpha1.ExternalSourceStatus, []connection.Problem) {
	if o.Spec.Source != nil {
		return Source(o), nil
	}
	ref := o.Spec.SourceRef
	waiting := func(format string, args ...any) []connection.Problem {
		return []connection.Problem{{Halts: true, Reason: v1alpha1.ReasonSourceNotReady, Message: fmt.Sprintf("%s %s, referenced by spec.sourceRef, ", ref.Kind, ref.Name) +
			fmt.Sprintf(format, args...) + ". The operator continues automatically when this changes."}}
	}
	if source == nil {
		return nil, waiting("does not exist in this namespace")
	}
	from := recordOfSource(o, source)
	switch {
	case from.ID == "" || from.Organization == "":
		return nil, waiting("has no connection yet")
	case connection.RecordOf(o).Project != "" && from.Project != connection.RecordOf(o).Project:
		return nil, sourceInvalid(ref, "belongs to another Stytch project (%s)", from.Project)
	case from.Organization == connection.RecordOf(o).Organization:
		return nil, sourceInvalid(ref, "belongs to the same organization (%s)", from.Organization)
	}
	found := &v1alpha1.ExternalSourceStatus{OrganizationID: from.Organization, ConnectionID: from.ID}
	created := connection.RecordOf(o).ID == "" && o.Spec.ConnectionID == "" // only then Stytch asks how the source is
	if created && !source.GetDeletionTimestamp().IsZero() {
		return found, waiting("is being deleted")
	}
	if created && source.CommonStatus().State != connection.StateActive {
		return found, waiting("is not active yet (state in Stytch: %s)", cmp.Or(source.CommonStatus().State, "unknown"))
	}
	return found, nil
}

// recordOfSource is which connection a source's manifest has. One that is only observed has no record: for a connection that exists,
// the one that it names will do, because findProblems compares it with what Stytch says.
func recordOfSource(o manifest, source v1alpha1.Connection) connection.Record {
	record := connection.RecordOf(source)
	if record.ID == "" && o.Spec.ConnectionID != "" {
		record.ID = source.CommonSpec().ConnectionID
	}
	return record
}

// Source is the connection that a manifest re-uses, as far as it is known without its source's manifest.
func Source(o manifest) *v1alpha1.ExternalSourceStatus {
	if by := o.Spec.Source; by != nil {
		return &v1alpha1.ExternalSourceStatus{OrganizationID: by.OrganizationID, ConnectionID: by.ConnectionID}
	}
	return o.Status.Source
}

func sourceInvalid(ref *v1alpha1.ExternalSourceRef, format string, args ...any) []connection.Problem {
	return []connection.Problem{{Halts: true, Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf("%s %s, referenced by spec.sourceRef, ", ref.Kind, ref.Name) +
		fmt.Sprintf(format, args...) + ". Delete this manifest, and apply one that references another source."}}
}

// DependsOn says whether an External connection that exists re-uses the connection of a source's manifest, so that deleting that
// would break it.
func DependsOn(o manifest, kind string, source v1alpha1.Connection) bool {
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

// findProblems reports a connection that was taken over and re-uses another source: Stytch cannot change that, and a role that
// is meant for the members of one organization must not be given to those of another.
func findProblems(o manifest, _, have connection.State) []connection.Problem {
	source := o.Status.Source
	if source == nil {
		return nil
	}
	if have.Settings[fieldSourceOrganization].Same == source.OrganizationID && have.Settings[fieldSourceConnection].Same == source.ConnectionID {
		return nil
	}
	ofConnection, ofOrganization := have.Settings[fieldSourceConnection].Same, have.Settings[fieldSourceOrganization].Same
	message := fmt.Sprintf(
		"The connection uses the source %s of %s, and Stytch cannot change the source of a connection. Delete this manifest, and apply one with this source or without connectionID.",
		ofConnection, ofOrganization)
	if ofConnection == "" || ofOrganization == "" {
		message = "Stytch reports no complete source for the connection, and cannot change the source of a connection. Delete this manifest, and apply one without connectionID, or with the ID of another connection."
	}
	return []connection.Problem{{Halts: true, Reason: v1alpha1.ReasonInvalid, Message: message}}
}
