package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/listing"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// What the operator would do with a connection.
const (
	actionNone   = "none"
	actionUpdate = "update"
	actionCreate = "create"
)

// reasonFailed is the reason of what could not be planned; any other is one of Synced.
const reasonFailed = "NotPlanned"

// planned is what the operator would do for one manifest.
type planned struct {
	Kind         string            `json:"kind"`
	Namespace    string            `json:"namespace"`
	Name         string            `json:"name"`
	Organization string            `json:"organization,omitempty"`
	ConnectionID string            `json:"connectionID,omitempty"`
	Action       string            `json:"action"`
	Changes      []v1alpha1.Change `json:"changes,omitempty"`
	Reason       string            `json:"reason"`
	Message      string            `json:"message,omitempty"`
	Unchecked    string            `json:"unchecked,omitempty"` // what could not be checked, and why
	InTheWay     string            `json:"-"`                   // the connection that a Conflict is about, if the manifest may take it over
	Rivals       []string          `json:"-"`                   // others that it may be about just as well
}

// failed says that the connection would not become as its manifest says.
func (p planned) failed() bool {
	return p.Reason != v1alpha1.ReasonInSync && p.Reason != v1alpha1.ReasonPlanPending
}

// pass is one plan: a manifest as an operator would see it that observes it, so that the operator's own decisions say what they would
// change, and change nothing.
type pass[O v1alpha1.Connection, R any] struct {
	*planner
	kind   connection.Kind[O, R]
	remote listing.List[R]
	base   O // the manifest as the cluster would have it
	o      O // with what the pass learns
	caller *stytch.Caller
	list   []R
	id     string // of the connection that is the manifest's
	rival  string // the connection that a Conflict is about, if the manifest may take it over
	rivals []string

	granting granting
}

// plan says what the operator would do for a manifest.
func plan[O v1alpha1.Connection, R any](ctx context.Context, p *planner, kind connection.Kind[O, R], remote listing.List[R], o O) planned {
	observed := func() O {
		c, _ := o.DeepCopyObject().(O)
		c.CommonSpec().Management = v1alpha1.ManagementObserve
		return c
	}
	this := &pass[O, R]{planner: p, kind: kind, remote: remote, base: observed(), o: observed()}
	report, err := this.take(ctx)
	record := connection.RecordOf(this.o)
	result := planned{
		Organization: cmp.Or(record.Organization, o.CommonSpec().Organization), ConnectionID: cmp.Or(this.id, record.ID), Action: actionNone, Changes: report.Plan,
		InTheWay: this.rival, Rivals: this.rivals,
	}
	found, ok := errors.AsType[connection.Finding](err)
	switch {
	case !ok:
		result.Reason, result.Message = reasonFailed, fmt.Sprint(err)
		return result
	case found.Reason == v1alpha1.ReasonPlanPending:
		result.Message = found.Note
	default:
		result.Message = found.Message
	}
	result.Reason = found.Reason
	if why := this.granting.unknown; why != "" && !result.failed() {
		result.Unchecked = "Grants were not checked: " + why + "."
	}
	switch {
	case found.Reason == v1alpha1.ReasonPlanPending && found.Absent:
		result.Action = actionCreate
	case len(report.Plan) > 0:
		result.Action = actionUpdate
	}
	return result
}

// take takes the pass. How it ends is an error, as in the operator: a Finding where there is something to say.
func (p *pass[O, R]) take(ctx context.Context) (report connection.Report, err error) {
	if !p.o.GetDeletionTimestamp().IsZero() {
		return report, errors.New("the manifest is being deleted")
	}
	if err := p.askGrants(ctx); err != nil {
		return report, err
	}
	if err := p.pin(ctx); err != nil {
		return report, err
	}
	defer p.caller.Close()
	in, err := p.read(ctx, "")
	if err != nil {
		return report, err
	}
	p.kind.Note(p.o, connection.Event[R]{Type: connection.InputsRead, Inputs: in, Now: p.began})
	if err := p.askGrantOfSource(); err != nil {
		return report, err
	}
	organization := connection.RecordOf(p.o).Organization
	p.list, err = paced(ctx, p.pace, func() ([]R, error) { return p.remote(ctx, p.caller, organization, p.began) })
	if err != nil {
		return report, p.explainedCall(err)
	}
	identity, holder, err := p.identify(ctx)
	if err != nil {
		return report, err
	}
	if identity.Verdict == connection.None {
		return p.foresee(ctx, in)
	}
	return p.converge(ctx, identity, holder)
}

// pin opens the project, and records project and organization.
func (p *pass[O, R]) pin(ctx context.Context) error {
	opened, err := p.open(ctx, p.o.GetNamespace(), p.o.CommonSpec().Project())
	if err != nil {
		return err
	}
	spec := p.o.CommonSpec()
	for _, problem := range []*connection.Problem{
		connection.SameProject(p.o, opened.projectID), connection.SameEnvironment(opened.projectID, spec.Organization, spec.ConnectionID),
	} {
		if problem != nil {
			return connection.Finding{Reason: problem.Reason, Message: problem.Message}
		}
	}
	p.caller = opened.Caller(p.o.GetNamespace(), string(p.o.GetUID()), stytch.Urgent)
	record := p.kind.ReadRecord(p.o)
	record.Project = opened.projectID
	if !stytch.IsOrganizationID(record.Organization) {
		record.Organization = spec.Organization
	}
	if !stytch.IsOrganizationID(record.Organization) {
		record.Organization, err = paced(ctx, p.pace, func() (string, error) {
			id, _, err := p.caller.Organization(ctx, spec.Organization)
			return id, err
		})
		if err != nil {
			return p.explainedCall(err)
		}
	}
	if record.ID == "" {
		record.Read = connection.NothingRead
	}
	p.kind.WriteRecord(p.o, record)
	return nil
}

// read reads what the desired state depends on.
func (p *pass[O, R]) read(ctx context.Context, id string) (connection.Inputs, error) {
	in, err := p.inputs(ctx, p.o, p.kind.Names(p.o), id)
	if err != nil {
		return in, err
	}
	in.Role = p.mayAssign()
	if o, ok := any(p.o).(*v1alpha1.SCIMConnection); ok {
		in.Groups, err = paced(ctx, p.pace, func() ([]stytch.SCIMGroup, error) {
			return listing.Groups(ctx, p.caller, o, connection.RecordOf(o).Organization, id, p.began)
		})
	}
	return in, p.explainedCall(err)
}

// identify finds the manifest's connection, and says who else holds one.
func (p *pass[O, R]) identify(ctx context.Context) (connection.Identity, func(id string) string, error) {
	record, spec := connection.RecordOf(p.o), p.o.CommonSpec()
	if p.cluster == nil && spec.ConnectionID == "" && !spec.Matching() {
		return connection.Identity{}, nil, unknownError{"whether this manifest has a connection, because it names none in connectionID,"}
	}
	all, err := p.others(ctx, kindOf(p.o))
	if err != nil {
		return connection.Identity{}, nil, err
	}
	others := slices.DeleteFunc(slices.Clone(all), func(o v1alpha1.Connection) bool { return o.GetUID() == p.o.GetUID() })
	counting, err := p.counting(ctx, others)
	if err != nil {
		return connection.Identity{}, nil, err
	}
	holding := func(id string) (connection.Claim, bool) {
		return connection.Holder(connection.ClaimsOn(id, append(slices.Clone(counting), p.base)))
	}
	holder := func(id string) string {
		if claim, found := holding(id); found && claim.UID != p.o.GetUID() {
			return claim.Describe(p.o.GetNamespace())
		}
		return ""
	}
	candidates := make([]connection.Candidate, 0, len(p.list))
	for _, r := range p.list {
		candidates = append(candidates, p.kind.Candidate(p.o, r))
	}
	identity := connection.Identify(connection.Situation{
		Marks: connection.Marks(p.o), Recorded: record.ID, Named: spec.ConnectionID,
		Clues: connection.CluesOf(p.base, p.o), Disputed: p.base.CommonStatus().ConflictingConnectionID,
		Seen: candidates, Begun: p.began, Matching: spec.Matching(), Contested: connection.Contested(p.base),
		Holder: holder, Claimed: func(id string) bool { return len(connection.ClaimsOn(id, others)) > 0 }, Kin: p.kin(holding, counting),
		Name: connection.RealName(p.o), Rivalry: p.kind.Rivalry, Shared: p.kind.Shared,
	})
	identity.KeepTwins(p.base)
	if identity.Verdict == connection.Conflict && record.ID == "" && spec.ConnectionID == "" {
		p.rival, p.rivals = identity.ID, rivals(identity.ID, candidates, holder)
	}
	return identity, holder, identity.End(p.o, p.began)
}

// counting are the manifests whose claims count.
func (p *pass[O, R]) counting(ctx context.Context, others []v1alpha1.Connection) ([]v1alpha1.Connection, error) {
	record := connection.RecordOf(p.o)
	var counting []v1alpha1.Connection
	for _, o := range others {
		if !connection.Counts(o, record.Project, record.Organization) {
			continue
		}
		claims, err := p.claims(ctx, o)
		if err != nil {
			return nil, err
		}
		if claims {
			counting = append(counting, o)
		}
	}
	return counting, nil
}

// rivals are the connections that nobody has and that are in the way of a manifest as one is, besides this one.
func rivals(id string, among []connection.Candidate, holder func(string) string) []string {
	var all []string
	for _, c := range among {
		if (c.Rival || c.Meant) && holder(c.ID) == "" {
			all = append(all, c.ID)
		}
	}
	if !slices.Contains(all, id) {
		return nil
	}
	slices.Sort(all)
	return slices.DeleteFunc(all, func(other string) bool { return other == id })
}

// kin returns what the manifest has in common with the one that holds a connection.
func (p *pass[O, R]) kin(holding func(string) (connection.Claim, bool), counting []v1alpha1.Connection) func(string) connection.Kin {
	return func(id string) connection.Kin {
		claim, found := holding(id)
		for _, o := range counting {
			if other, ok := o.(O); ok && found && o.GetUID() == claim.UID {
				return p.kind.Kin(p.o, other)
			}
		}
		return connection.Kin{}
	}
}

// foresee says what would be created.
func (p *pass[O, R]) foresee(ctx context.Context, in connection.Inputs) (connection.Report, error) {
	foreseen := p.kind.Foresee(p.o, in)
	roles, err := p.roles(ctx, foreseen.Roles)
	if err != nil {
		return connection.Report{}, err
	}
	want, _ := p.kind.Anew(p.o, in)
	return connection.Report{Plan: dated(foreseen.Plan, want)}, foreseen.Finding(roles)
}

// converge says what would be changed.
func (p *pass[O, R]) converge(ctx context.Context, identity connection.Identity, holder func(string) string) (connection.Report, error) {
	r := p.list[slices.IndexFunc(p.list, func(r R) bool { return p.kind.Common(r).ConnectionID == identity.ID })]
	if connection.StatusID(p.base) == "" {
		p.kind.WriteRecord(p.o, connection.TakeOver(p.base, p.kind.ReadRecord(p.o), identity.ID))
		p.kind.Note(p.o, connection.Event[R]{Type: connection.TakenOver, Remote: r, Now: p.began})
	}
	p.id = identity.ID
	in, err := p.read(ctx, identity.ID)
	if err != nil {
		return connection.Report{}, err
	}
	c := connection.Converge(p.kind, p.o, identity, holder, p.began)
	move := c.Next(r, p.caller.ListedAt(), in, p.began)
	for move.End == nil {
		if len(move.Roles) == 0 {
			return connection.Report{}, errors.New("the plan needs a newer list than the one that was just read")
		}
		roles, err := p.roles(ctx, move.Roles)
		if err != nil {
			return connection.Report{}, err
		}
		move = c.Known(roles)
	}
	want, have, _ := p.kind.States(p.o, r, in)
	report := c.Report(connection.Report{})
	report.Plan = dated(report.Plan, want, have)
	return report, move.End
}

// roles reads which of some roles there are.
func (p *pass[O, R]) roles(ctx context.Context, roles []string) ([]string, error) {
	known, err := paced(ctx, p.pace, func() ([]string, error) {
		return listing.Roles(ctx, p.caller, connection.RecordOf(p.o).Organization, roles)
	})
	return known, p.explainedCall(err)
}

// fingerprint is that of a certificate. A value may have several.
var fingerprint = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// dated adds the end of each certificate to its fingerprint.
func dated(changes []v1alpha1.Change, states ...connection.State) []v1alpha1.Change {
	ends := map[string]string{}
	for _, state := range states {
		for _, c := range state.Certificates {
			if !c.ExpiresAt.IsZero() {
				ends[c.SHA256] = fmt.Sprintf("%s (expires %s)", c.SHA256, connection.FormatTime(c.ExpiresAt))
			}
		}
	}
	withEnd := func(sum string) string { return cmp.Or(ends[sum], sum) }
	changes = slices.Clone(changes)
	for i := range changes {
		changes[i].Have = fingerprint.ReplaceAllStringFunc(changes[i].Have, withEnd)
		changes[i].Want = fingerprint.ReplaceAllStringFunc(changes[i].Want, withEnd)
	}
	return changes
}

// explainedCall says what a failed call means, and what to do about it: in the words of the operator, unless they are about the operator
// alone, which retries, and has no credentials of an environment.
func (p *planner) explainedCall(err error) error {
	if kept, ok := errors.AsType[*stytch.ReadError](err); ok {
		err = kept.Err
	}
	failed, ok := errors.AsType[*stytch.Error](err)
	if !ok {
		return err
	}
	reason, message := connection.Failure(failed)
	said := strings.TrimRight(failed.Error(), ".") + ". "
	switch {
	case failed.Class == stytch.CredentialsRejected && byEnvironment(p.flags.project):
		message = fmt.Sprintf("%sSet %s to the ID of a Stytch project, and %s to a current secret of it.", said, envProjectID, envSecret)
	case failed.Obstacle() != stytch.NoObstacle:
		message = said + "Stytch may not be the cause: check the proxy, HTTPS_PROXY and SSL_CERT_FILE."
	case failed.Class == stytch.Unavailable || failed.Class == stytch.Throttled:
		message = said + "Start the command again later."
	}
	return connection.Finding{Reason: reason, Message: strings.TrimSuffix(message, " Retrying at the next resync.")}
}
