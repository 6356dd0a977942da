package controllers

import (
	"cmp"
	"context"
	"slices"
	"strings"
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

// engine reconciles the connections of one kind with their manifests.
type engine[O v1alpha1.Connection, R any] struct {
	shared    *shared
	kindName  string // as manifests spell it
	kind      connection.Kind[O, R]
	remote    remote[O, R]
	newObject func() O
	newList   func() client.ObjectList
	source    func(O) *v1alpha1.ExternalSourceStatus // whose connection a manifest uses, as far as it is known; nil for a kind that uses none
}

// pass is one reconciliation of one manifest.
type pass[O v1alpha1.Connection, R any] struct {
	engine         *engine[O, R]
	shared         *shared
	base           O // the manifest as the API server has it: what patches are made against
	o              O // the manifest with what this pass has learned
	now            time.Time
	resyncInterval time.Duration
	slots          connection.Slots
	since          time.Time // lists started before are too old for this pass

	access  connection.Access // what the project lets the manifest do; set by openProject
	session session           // set by openProject
	stytch  *stytch.Caller    // makes the calls of this pass; set by openProject

	report    connection.Report // what Judge makes the conditions from
	repaired  bool              // drift was repaired
	audited   stytch.Request    // the last call in the audit log
	claimsErr error             // why claims could not be listed; the result of the pass then does not count
	events    []passEvent
}

// Reconcile takes one pass, unless this process may not begin one now.
func (e *engine[O, R]) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if e.shared.Begin != nil {
		end, wait, ok := e.shared.Begin()
		if !ok {
			return ctrl.Result{RequeueAfter: wait}, nil
		}
		defer end()
	}
	return e.takePass(ctx, req)
}

func (e *engine[O, R]) takePass(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	o, err := e.readManifest(ctx, req.NamespacedName)
	if apierrors.IsNotFound(err) {
		e.shared.memory.forget(objectKey{e.kindName, req.NamespacedName})
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	p := e.newPass(o)
	defer func() { p.stytch.Close() }()
	switch {
	case !o.GetDeletionTimestamp().IsZero():
		return p.conclude(ctx, p.remove(ctx))
	case p.settled(ctx):
		return p.rest(ctx)
	case o.CommonSpec().Management == v1alpha1.ManagementPaused:
		return p.conclude(ctx, connection.Finding{Reason: v1alpha1.ReasonPaused, Message: "management is Paused, so the connection is not read or changed."})
	}
	return p.conclude(ctx, p.claimsErrOr(p.keep(ctx)))
}

// claimsErrOr returns the result of a pass, unless that was found without knowing who else claims the connection.
func (p *pass[O, R]) claimsErrOr(err error) error {
	if p.claimsErr != nil {
		return p.claimsErr
	}
	return err
}

// keep makes the connection match its manifest or, under Observe, finds out what that would change.
func (p *pass[O, R]) keep(ctx context.Context) error {
	if err := p.openProject(ctx); err != nil {
		return err
	}
	if err := p.takeRequest(); err != nil {
		return err
	}
	if err := p.readFirst(ctx); err != nil {
		return err
	}
	if err := p.askGrantOfSource(); err != nil {
		return err
	}
	identity, err := p.identify(ctx)
	if err != nil {
		return err
	}
	identity.KeepTwins(p.base)
	p.report.Twins = identity.Twins
	known := p.base.CommonStatus().ProbableTwins
	if identity.Verdict == connection.None {
		if connection.Observing(p.o) {
			return p.planCreation(ctx)
		}
		err = p.create(ctx)
		identity.ID = connection.RecordOf(p.o).ID
	} else {
		if p.recordReplaced() && connection.Written(p.base) != "" {
			identity.Note = strings.TrimSpace(connection.RecordReplaced + " " + identity.Note)
		}
		err = p.adopt(ctx, identity)
	}
	if err != nil {
		return err
	}
	if slices.ContainsFunc(identity.Twins, func(id string) bool { return !slices.Contains(known, id) }) {
		p.addWarning("ProbableTwin", connection.TwinsNote(identity.Twins))
	}
	return p.converge(ctx, identity)
}

// readFirst reads what the kind needs before its connection can be identified.
func (p *pass[O, R]) readFirst(ctx context.Context) error {
	var in connection.Inputs
	if err := p.engine.remote.read(ctx, p.stytch, p.o, p.since, &in); err != nil {
		return err
	}
	p.engine.kind.Note(p.o, connection.Event[R]{Type: connection.InputsRead, Inputs: in, Now: p.now})
	return nil
}

// readManifest reads a manifest from the cache, or from the API server while the cache does not show the last write of this
// process.
func (e *engine[O, R]) readManifest(ctx context.Context, key types.NamespacedName) (O, error) {
	o := e.newObject()
	if err := e.shared.client.Get(ctx, key, o); err != nil {
		return o, err
	}
	known := e.shared.memory.of(o.GetUID())
	if known.lastWrite == "" {
		return o, nil
	}
	order, err := resourceversion.CompareResourceVersion(o.GetResourceVersion(), known.lastWrite)
	if err == nil && order >= 0 && !known.released {
		return o, nil
	}
	o = e.newObject()
	return o, e.shared.live.Get(ctx, key, o)
}

// newPass begins a pass of a manifest.
func (e *engine[O, R]) newPass(o O) *pass[O, R] {
	now := e.shared.Now()
	e.shared.memory.firstPass(now)
	e.seeAsked(o, now)
	e.shared.memory.seeBegun(o.GetUID(), controllerutil.ContainsFinalizer(o, v1alpha1.Finalizer), now)
	p := &pass[O, R]{engine: e, shared: e.shared, base: copyOf(o), o: o, now: now, resyncInterval: e.resyncInterval(o)}
	e.kind.WriteRecord(o, e.kind.ReadRecord(o)) // what status lost, the annotation may have
	p.setSlots()
	return p
}

// resyncInterval is how often the connection of a manifest is compared with it.
func (e *engine[O, R]) resyncInterval(o O) time.Duration {
	if own := o.CommonSpec().ResyncInterval; own != nil {
		return own.Duration
	}
	return e.shared.ResyncInterval
}

// seeAsked notes since when a manifest asks what it asks.
func (e *engine[O, R]) seeAsked(o v1alpha1.Connection, now time.Time) {
	e.shared.memory.rememberKey(objectKey{e.kindName, client.ObjectKeyFromObject(o)}, o.GetUID())
	e.shared.memory.seeAsked(o, now)
}

// setSlots computes the resync slots, which all manifests share whose connections come from one list. As long as status does not
// record the project and organization, their names in spec stand in for them.
func (p *pass[O, R]) setSlots() {
	spec, record := p.o.CommonSpec(), connection.RecordOf(p.o)
	project, organization := cmp.Or(record.Project, spec.Project().Name), cmp.Or(record.Organization, spec.Organization)
	p.slots = connection.SlotsOf(p.resyncInterval, project, organization, string(p.engine.kind.API))
	p.since = p.slots.Start(p.now)
	// While a call waits for its turn a slot may begin: then the list is not read again, whose call would wait as long.
	known := p.shared.memory.of(p.o.GetUID())
	if known.waits && known.listedAt.Before(p.since) && p.now.Sub(known.listedAt) < waitingTime {
		p.since = known.listedAt
	}
}

// waitingTime is how long a list counts for a pass that waits for its turn: as long as the gate keeps one.
const waitingTime = time.Minute

// settled says that nothing has changed since the last pass found the connection in the desired state. A manifest whose finalizer
// somebody took away is not settled, and none to which its organization is not granted.
func (p *pass[O, R]) settled(ctx context.Context) bool {
	begun := controllerutil.ContainsFinalizer(p.base, v1alpha1.Finalizer)
	return (begun || !p.keepsRecord()) && connection.CluesOf(p.base, p.o).Other == "" && p.engine.kind.Settled(p.o, p.slots, p.listedAt(), p.now, func() bool {
		return p.inputsUnchanged(ctx) && p.engine.granted(ctx, p.o)
	})
}

// listedAt is when the list that the last pass of this manifest is based on was started. Before its first pass it is when the
// process started, so that a restart adds no call.
func (p *pass[O, R]) listedAt() time.Time {
	if listedAt := p.shared.memory.of(p.o.GetUID()).listedAt; !listedAt.IsZero() {
		return listedAt
	}
	return p.shared.memory.firstPass(p.now)
}
