package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// begin writes the finalizer, and the record with the mark of the creation: from now on Stytch may have a connection of this manifest.
func (p *pass[O, R]) begin(ctx context.Context) error {
	begun := controllerutil.ContainsFinalizer(p.base, v1alpha1.Finalizer)
	if begun && connection.RecordKept(p.base, p.o) {
		return nil
	}
	if err := p.writeRecord(ctx); err != nil {
		return err
	}
	if !begun {
		p.shared.memory.update(p.o.GetUID(), func(m *objectMemory) { m.noCreateInFlight = true })
	}
	return nil
}

// writeRecord writes the finalizer and the record in one patch, unless somebody else wrote the manifest meanwhile.
func (p *pass[O, R]) writeRecord(ctx context.Context) error { return p.writeRecordOn(ctx, p.base) }

func (p *pass[O, R]) writeRecordOn(ctx context.Context, base O) error {
	changed := copyOf(base)
	controllerutil.AddFinalizer(changed, v1alpha1.Finalizer)
	connection.CopyRecord(p.o, changed)
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	if err := p.shared.client.Patch(ctx, changed, patch); err != nil {
		return fmt.Errorf("writing the finalizer and the record: %w", err)
	}
	p.tookRecord(changed)
	return nil
}

// tookRecord makes the answer to a write of the record the base of the next patch.
func (p *pass[O, R]) tookRecord(answer O) {
	replaced := p.recordReplaced()
	p.tookWrite(answer)
	p.shared.memory.update(p.o.GetUID(), func(m *objectMemory) {
		m.record.text = connection.Written(answer)
		if replaced {
			m.record.generation, m.record.slot = p.o.GetGeneration(), p.slots.Start(p.now)
		}
	})
}

// recordID writes the ID of a connection that was just created into the record: in a write of its own, before anything else can
// fail, even while the process is being stopped, and only if the record is the one that the creation began with. Where somebody
// changed that meanwhile, the manifest is read and judged again.
func (p *pass[O, R]) recordID(ctx context.Context, id string) error {
	ctx, cancel := outlive(ctx, recordTime)
	defer cancel()
	record := p.engine.kind.ReadRecord(p.o)
	record.ID = id
	p.engine.kind.WriteRecord(p.o, record)
	err := p.swapRecord(ctx)
	if err != nil && (apierrors.IsInvalid(err) || apierrors.IsConflict(err)) {
		err = p.recordAgain(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("recording the connection %s: %w", id, err)
	}
	return nil
}

// swapRecord replaces the record of the manifest that was read, as a JSON patch: a merge patch cannot test what was there.
func (p *pass[O, R]) swapRecord(ctx context.Context) error {
	const path = "/metadata/annotations/"
	key := path + strings.NewReplacer("~", "~0", "/", "~1").Replace(v1alpha1.AnnotationRecord)
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": p.o.GetUID()},
		{"op": "test", "path": key, "value": connection.Written(p.base)},
		{"op": "replace", "path": key, "value": connection.Written(p.o)},
	})
	if err != nil {
		return err
	}
	changed := copyOf(p.base)
	if err := p.shared.client.Patch(ctx, changed, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return err
	}
	p.tookRecord(changed)
	return nil
}

// errRecordedAnother says that another process recorded another connection for the manifest.
var errRecordedAnother = errors.New("another connection is recorded for the manifest")

// recordAgain reads the manifest and writes finalizer, record and ID on the version that it read, as often as somebody else is faster.
func (p *pass[O, R]) recordAgain(ctx context.Context, id string) error {
	for {
		live := p.engine.newObject()
		if err := p.shared.live.Get(ctx, client.ObjectKeyFromObject(p.o), live); err != nil {
			return err
		}
		known := connection.RecordOf(live).ID
		if live.GetUID() != p.o.GetUID() || known != "" && known != id {
			return errRecordedAnother
		}
		if err := p.writeRecordOn(ctx, live); !apierrors.IsConflict(err) {
			return err
		}
	}
}

// keepRecord has the annotation say what the record is. What somebody else writes there again and again is replaced once for each
// generation and slot, and is mentioned.
func (p *pass[O, R]) keepRecord(ctx context.Context) error {
	begun := controllerutil.ContainsFinalizer(p.base, v1alpha1.Finalizer)
	if begun && (connection.RecordKept(p.base, p.o) || !p.mayReplaceRecord()) {
		return nil
	}
	return p.writeRecord(ctx)
}

// recordWrite is the last write of a record by this process, and when it last replaced what somebody else had written.
type recordWrite struct {
	text       string
	generation int64
	slot       time.Time
}

// recordReplaced says that somebody else changed the record since this process wrote it.
func (p *pass[O, R]) recordReplaced() bool {
	last := p.shared.memory.of(p.o.GetUID()).record
	return last.text != "" && last.text != connection.Written(p.base)
}

func (p *pass[O, R]) mayReplaceRecord() bool {
	last := p.shared.memory.of(p.o.GetUID()).record
	return !p.recordReplaced() || last.generation != p.o.GetGeneration() || !last.slot.Equal(p.slots.Start(p.now))
}

// keepsRecord says that the manifest's record is kept: its connection is managed, and it is not being deleted.
func (p *pass[O, R]) keepsRecord() bool {
	spec := p.o.CommonSpec()
	managed := spec.Management != v1alpha1.ManagementObserve && spec.Management != v1alpha1.ManagementPaused
	return managed && p.o.GetDeletionTimestamp().IsZero() && connection.RecordOf(p.o).ID != ""
}

// healInterval is the pace at which the records of settled manifests are written: after an upgrade that is all of them.
const healInterval = 100 * time.Millisecond

// heal writes the record of a settled manifest that has none, or another. It returns when that is due; zero if it is done.
func (p *pass[O, R]) heal(ctx context.Context) (time.Time, error) {
	if !p.keepsRecord() || connection.RecordKept(p.base, p.o) || !p.mayReplaceRecord() {
		return time.Time{}, nil
	}
	if at := p.shared.memory.healAt(p.o.GetUID(), p.now); at.After(p.now) {
		return at, nil
	}
	return time.Time{}, p.writeRecord(ctx)
}

// mark is the mark that the manifest's connection is created with. That of a manifest which this one was before it was restored is
// used on: a connection may bear it.
func (p *pass[O, R]) mark(ctx context.Context) (string, error) {
	clues := connection.CluesOf(p.base, p.o)
	if clues.CopiedMark != "" && clues.Copied == "" {
		others, err := p.engine.listManifests(ctx)
		if err != nil {
			return "", fmt.Errorf("finding the manifest that this one is a copy of: %w", err)
		}
		for _, o := range others {
			if o.GetUID() == clues.CopiedFrom {
				return connection.Mark(p.session.stytch.Code(string(p.o.GetUID()))), nil
			}
		}
		return clues.CopiedMark, nil
	}
	return connection.Mark(p.session.stytch.Code(string(p.o.GetUID()))), nil
}
