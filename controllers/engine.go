package controllers

import (
	"cmp"
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// remote is how one kind talks: O is its manifest, R its object at Stytch. Errors of Stytch are *stytch.Error, *stytch.ReadError or
// *stytch.NotYet, whatever else they are wrapped in.
type remote[O v1alpha1.Connection, R any] interface {
	// list shows every connection of the kind in an organization, by a list that was begun at or after since.
	list(ctx context.Context, to *stytch.Caller, organization string, since time.Time) ([]R, error)
	// read adds to the inputs of a wish what only this kind needs.
	read(ctx context.Context, to *stytch.Caller, o O, since time.Time, in *connection.Inputs) error
	// create makes a connection. Where it returns one, the connection is there, even beside an error: what should have followed
	// its creation then did not happen, and the next pass mends it.
	create(ctx context.Context, to *stytch.Caller, o O, body stytch.Fields) (R, stytch.Request, error)
	// perform takes one step of a plan on the connection of o. What ends with a connection.Unsent certainly was
	// not sent.
	perform(ctx context.Context, to *stytch.Caller, o O, step connection.Step) (answer, error)
	// remove deletes the connection of o and what belongs to it. One that is gone already is removed.
	remove(ctx context.Context, to *stytch.Caller, o O) (stytch.Request, error)
}

// answer is what came of a step: the call to Stytch, if there was one, and Stytch's warning.
type answer struct {
	stytch.Request
	warning string
}

// engine keeps connections of one kind as their manifests say.
type engine[O v1alpha1.Connection, R any] struct {
	*desk
	name      string // the kind's name, as manifests spell it
	kind      connection.Kind[O, R]
	remote    remote[O, R]
	blank     func() O
	blankList func() client.ObjectList
}

// pass is one look at one manifest.
type pass[O v1alpha1.Connection, R any] struct {
	*engine[O, R]
	was      O // as the API server has it
	o        O // the same, with what this pass learned
	now      time.Time
	interval time.Duration
	slots    connection.Slots
	since    time.Time // lists begun before this are too old

	session session
	to      *stytch.Caller
	report  connection.Report
	unseen  error // why it could not be seen who holds a connection: what was found then does not count

	happened []happening
}

// Reconcile takes one pass.
func (e *engine[O, R]) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	o, err := e.read(ctx, req.NamespacedName)
	if apierrors.IsNotFound(err) {
		e.recall.forget(name{e.name, req.NamespacedName})
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	p := e.begin(o)
	switch {
	case !o.GetDeletionTimestamp().IsZero():
		return p.conclude(ctx, p.remove(ctx))
	case p.settled(ctx):
		return p.warn(ctx)
	case o.CommonSpec().Management == v1alpha1.ManagementPaused:
		return p.conclude(ctx, connection.Finding{Reason: v1alpha1.ReasonPaused, Message: "management is Paused: the connection is not looked at."})
	}
	return p.conclude(ctx, p.certain(p.keep(ctx)))
}

// certain is how a pass ended, unless that rests on what could not be seen.
func (p *pass[O, R]) certain(end error) error {
	if p.unseen != nil {
		return p.unseen
	}
	return end
}

// keep makes the connection as its manifest says, or under Observe finds out what that would take.
func (p *pass[O, R]) keep(ctx context.Context) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	if err := p.readFirst(ctx); err != nil {
		return err
	}
	identity, err := p.identify(ctx)
	if err != nil {
		return err
	}
	if identity.Verdict == connection.None {
		if connection.Observing(p.o) {
			return p.imagine(ctx)
		}
		err = p.create(ctx)
		identity.ID = connection.RecordOf(p.o).ID
	} else {
		err = p.hold(ctx, identity.ID)
	}
	if err != nil {
		return err
	}
	return p.converge(ctx, identity)
}

// readFirst reads what has to be known before the connection is looked for.
func (p *pass[O, R]) readFirst(ctx context.Context) error {
	var in connection.Inputs
	if err := p.remote.read(ctx, p.to, p.o, p.since, &in); err != nil {
		return err
	}
	p.kind.Note(p.o, connection.Event[R]{Type: connection.InputsRead, Inputs: in, Now: p.now})
	return nil
}

// read gets a manifest from the cache, unless this process wrote a version of it that the cache has not seen.
func (e *engine[O, R]) read(ctx context.Context, key types.NamespacedName) (O, error) {
	o := e.blank()
	if err := e.client.Get(ctx, key, o); err != nil {
		return o, err
	}
	known := e.recall.of(o.GetUID())
	if known.written == "" {
		return o, nil
	}
	if order, err := resourceversion.CompareResourceVersion(o.GetResourceVersion(), known.written); err == nil && order >= 0 && !known.released {
		return o, nil
	}
	o = e.blank()
	return o, e.live.Get(ctx, key, o)
}

func (e *engine[O, R]) begin(o O) *pass[O, R] {
	now := e.Now()
	e.recall.start(now)
	e.recall.meet(name{e.name, client.ObjectKeyFromObject(o)}, o.GetUID())
	spec := o.CommonSpec()
	interval := e.ResyncInterval
	if spec.ResyncInterval != nil {
		interval = spec.ResyncInterval.Duration
	}
	p := &pass[O, R]{engine: e, was: copyOf(o), o: o, now: now, interval: interval}
	p.cutSlots()
	return p
}

// cutSlots finds the slots of what is listed together. Before a manifest's project and organization are pinned they go by name.
func (p *pass[O, R]) cutSlots() {
	spec, record := p.o.CommonSpec(), connection.RecordOf(p.o)
	p.slots = connection.SlotsOf(p.interval, cmp.Or(record.Project, spec.Project()), cmp.Or(record.Organization, spec.Organization), string(p.kind.API))
	p.since = p.slots.Start(p.now)
}

// settled says that nothing has happened since the last pass found the manifest's wish met.
func (p *pass[O, R]) settled(ctx context.Context) bool {
	return p.kind.Settled(p.o, p.slots, p.looked(), p.now, func() bool { return p.sameInputs(ctx) })
}

// looked is when Stytch was last looked at for this manifest. A process that starts counts the current slot as looked at, so
// that a restart adds no call.
func (p *pass[O, R]) looked() time.Time {
	if looked := p.recall.of(p.o.GetUID()).looked; !looked.IsZero() {
		return looked
	}
	return p.recall.start(p.now)
}

// enter opens the project and pins what the manifest belongs to.
func (p *pass[O, R]) enter(ctx context.Context) error {
	spec := p.o.CommonSpec()
	session, err := p.desk.session(ctx, p.o.GetNamespace(), spec.Project())
	if err != nil {
		return err
	}
	p.session = session
	p.to = session.Caller(string(p.o.GetUID()), p.lane(ctx))
	project := session.project.Spec.ProjectID
	for _, problem := range []*connection.Problem{
		connection.SameProject(p.o, project), connection.SameEnvironment(project, spec.Organization, spec.ConnectionID),
	} {
		if problem != nil {
			return connection.Finding{Reason: problem.Reason, Message: problem.Message}
		}
	}
	organization, err := p.organization(ctx)
	if err != nil {
		return err
	}
	record := p.kind.ReadRecord(p.o)
	record.Project, record.Organization = project, organization
	p.kind.WriteRecord(p.o, record)
	p.cutSlots()
	return nil
}

// organization is the ID that spec.organization was resolved to once.
func (p *pass[O, R]) organization(ctx context.Context) (string, error) {
	if pinned := connection.RecordOf(p.o).Organization; pinned != "" {
		return pinned, nil
	}
	named := p.o.CommonSpec().Organization
	if connection.IsOrganizationID(named) {
		return named, nil
	}
	id, _, err := p.to.Organization(ctx, named)
	return id, err
}

// lane of a pass: what somebody waits for goes before what is done in the background.
func (p *pass[O, R]) lane(ctx context.Context) stytch.Lane {
	if connection.Urgent(p.o, func() bool { return p.sameInputs(ctx) }) {
		return stytch.Urgent
	}
	return stytch.Rest
}

// identify finds out which connection is the manifest's. A verdict that ends the pass comes as an error.
func (p *pass[O, R]) identify(ctx context.Context) (connection.Identity, error) {
	believable := p.believable()
	identity, err := p.look(ctx, p.since, believable)
	if err == nil && identity.Settle(p.now, believable) {
		identity, err = p.look(ctx, believable, believable)
	}
	if err != nil {
		return identity, err
	}
	return identity, identity.End(p.o, believable)
}

// look lists the organization and identifies the manifest's connection in it.
func (p *pass[O, R]) look(ctx context.Context, since, believable time.Time) (connection.Identity, error) {
	record := connection.RecordOf(p.o)
	list, err := p.remote.list(ctx, p.to, record.Organization, since)
	if err != nil {
		return connection.Identity{}, err
	}
	begun := p.to.ListedAt()
	p.recall.note(p.o.GetUID(), func(r *recollection) { r.looked = begun })
	seen := make([]connection.Candidate, 0, len(list))
	for _, r := range list {
		seen = append(seen, p.kind.Candidate(p.o, r))
	}
	return connection.Identify(connection.Situation{
		UID: p.o.GetUID(), Recorded: record.ID, Named: p.o.CommonSpec().ConnectionID,
		Seen: seen, Begun: begun, Believable: believable,
		Holder: p.holder(ctx), Rivalry: p.kind.Rivalry, Shared: p.kind.Shared,
	}), nil
}

// believable is the time from which a list that shows nothing proves that nothing is on its way.
func (p *pass[O, R]) believable() time.Time {
	known := p.recall.of(p.o.GetUID())
	return connection.Attempt{
		UnknownAt: known.lost, Certain: known.certain, Begun: controllerutil.ContainsFinalizer(p.o, v1alpha1.Finalizer), Started: p.recall.start(p.now),
	}.Believable(p.SettleTime)
}

func (p *pass[O, R]) later(at time.Time) ctrl.Result {
	return ctrl.Result{RequeueAfter: max(at.Sub(p.now), time.Millisecond)}
}
