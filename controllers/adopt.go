package controllers

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// identify finds out which connection is the manifest's. A verdict that ends the pass is returned as an error.
func (p *pass[O, R]) identify(ctx context.Context) (connection.Identity, error) {
	if p.rests(ctx) {
		return connection.Identity{}, errRested
	}
	believable := p.believable()
	identity, err := p.listAndIdentify(ctx, p.since, believable)
	if err == nil && identity.Settle(p.now, believable) {
		identity, err = p.listAndIdentify(ctx, believable, believable)
	}
	if questions := p.questions(); err == nil && questions.Outdated(p.base, identity.Verdict, p.stytch.ListedAt()) {
		if err = p.ask(questions.Edited); err == nil {
			identity, err = p.listAndIdentify(ctx, p.since, believable)
		}
	}
	if err == nil && identity.Matched && !p.seenBefore() {
		identity, err = p.match(ctx, believable)
	}
	if err == nil {
		err = p.reserve(ctx, identity)
	}
	if err != nil {
		return identity, err
	}
	p.report.Resync = connection.ResyncRequested(p.o)
	return identity, identity.End(p.o, believable)
}

// match finds the connection that the manifest means on a list that was begun after the question.
func (p *pass[O, R]) match(ctx context.Context, believable time.Time) (connection.Identity, error) {
	p.since = p.question()
	return p.listAndIdentify(ctx, p.since, believable)
}

// reserve lets this manifest alone take over a connection that is not recorded as its own. Two that could not come to the connection
// until now do not count for each other, and claims do not show yet what another pass is about to record.
func (p *pass[O, R]) reserve(ctx context.Context, identity connection.Identity) error {
	id := identity.ID
	if identity.Verdict != connection.Ours || connection.RecordOf(p.base).ID == id || connection.Observing(p.o) {
		return nil
	}
	free := func() bool { return p.holder(ctx)(id) == "" }
	if identity.Matched {
		free = func() bool { return !p.claimed(ctx)(id) }
	}
	if !p.shared.memory.reserve(id, p.o.GetUID(), p.now, free) {
		return errAgain
	}
	return nil
}

// question is when the manifest asked which connection matches it: what came together shares a list.
func (p *pass[O, R]) question() time.Time {
	if edited := p.questions().Edited; !edited.IsZero() {
		return edited
	}
	return p.now
}

// seenBefore says that an observed manifest was shown which connection matches it, and was not edited since.
func (p *pass[O, R]) seenBefore() bool { return connection.Observing(p.o) && connection.Met(p.base) }

// askedAnew says that nothing matches on a list that was begun after the question either, so that a connection may be created.
func (p *pass[O, R]) askedAnew(ctx context.Context) error {
	if !p.o.CommonSpec().Matching() || !p.stytch.ListedAt().Before(p.question()) {
		return nil
	}
	p.since = p.question()
	identity, err := p.identify(ctx)
	if err == nil && identity.Verdict != connection.None {
		return errAgain
	}
	return err
}

// listAndIdentify lists the connections of the organization and finds the manifest's among them.
func (p *pass[O, R]) listAndIdentify(ctx context.Context, since, believable time.Time) (connection.Identity, error) {
	record := connection.RecordOf(p.o)
	list, err := p.engine.remote.list(ctx, p.stytch, record.Organization, since)
	if err != nil {
		return connection.Identity{}, err
	}
	begun := p.stytch.ListedAt()
	p.shared.memory.update(p.o.GetUID(), func(m *objectMemory) { m.listedAt = begun })
	p.noteList(list)
	candidates := make([]connection.Candidate, 0, len(list))
	for _, r := range list {
		candidates = append(candidates, p.engine.kind.Candidate(p.o, r))
	}
	return connection.Identify(connection.Situation{
		Marks: connection.Marks(p.o), Recorded: record.ID, Named: p.o.CommonSpec().ConnectionID,
		Clues: connection.CluesOf(p.base, p.o), Disputed: p.base.CommonStatus().ConflictingConnectionID,
		Seen: candidates, Begun: begun, Believable: believable,
		Matching: p.o.CommonSpec().Matching(), Contested: connection.Contested(p.base),
		Holder: p.holder(ctx), Claimed: p.claimed(ctx), Kin: p.kin(ctx), Name: connection.RealName(p.o), Rivalry: p.engine.kind.Rivalry, Shared: p.engine.kind.Shared,
	}), nil
}

// believable is the time from which a list without the connection proves that no create request is still in flight.
func (p *pass[O, R]) believable() time.Time {
	known := p.shared.memory.of(p.o.GetUID())
	started := p.shared.memory.firstPass(p.now)
	if known.begunSeen.After(started) {
		started = known.begunSeen
	}
	return connection.Attempt{
		UnknownAt: known.createUnknownAt, Certain: known.noCreateInFlight,
		Begun: controllerutil.ContainsFinalizer(p.o, v1alpha1.Finalizer) || connection.CluesOf(p.base, p.o).CopiedMark != "", Started: started,
	}.Believable(p.shared.SettleTime)
}

// adopt records a connection that was found as the manifest's own. Of one that was not in status before, a kind remembers how it was
// found.
func (p *pass[O, R]) adopt(ctx context.Context, identity connection.Identity) error {
	id := identity.ID
	known, meant := connection.RecordOf(p.base).ID == id, identity.Matched || connection.IsNamed(p.base, id)
	if connection.StatusID(p.base) == "" {
		r, err := p.readConnection(ctx, id)
		if err != nil {
			return err
		}
		p.engine.kind.WriteRecord(p.o, connection.TakeOver(p.base, p.engine.kind.ReadRecord(p.o), id))
		p.engine.kind.Note(p.o, connection.Event[R]{Type: connection.TakenOver, Remote: r, Now: p.now})
	}
	if connection.Observing(p.o) {
		return nil
	}
	record := p.engine.kind.ReadRecord(p.o)
	record.ID = id
	p.engine.kind.WriteRecord(p.o, record)
	if err := p.keepRecord(ctx); err != nil || known {
		return err
	}
	if meant {
		p.addEvent("Adopted", fmt.Sprintf("Took over the existing connection %s.", id), false)
	} else {
		p.addEvent("Recovered", fmt.Sprintf("Recovered %s, which an earlier attempt created.", id), false)
	}
	return nil
}
