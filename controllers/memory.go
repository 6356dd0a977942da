package controllers

import (
	"maps"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// memory is what a process knows that no manifest says. A restart loses it, which costs calls but no correctness.
type memory struct {
	mu sync.Mutex
	// reserving guards reserved. It is held while claims are looked up, which mu is not.
	reserving sync.Mutex
	reserved  map[string]reservation // of connections that manifests are about to take over, by ID
	started   time.Time              // the first pass of this process, so certainly after it became leader
	objects   map[types.UID]objectMemory
	uids      map[objectKey]types.UID // UIDs of the manifests in objects
	healed    time.Time               // the last moment given to a manifest whose record is to be written
	proofs    map[types.UID]string    // by UID of a Secret, the resourceVersion after the last write that proved it writable
	hashKey   []byte                  // of the hashes of values in Secrets
	lists     map[listKey][]string    // IDs of the connections on the last list of each organization
}

// objectKey names a manifest of any kind.
type objectKey struct {
	kind string
	types.NamespacedName
}

// objectMemory is what is remembered about one manifest.
type objectMemory struct {
	// lastWrite is the resourceVersion in the answer to this process's last write of the manifest.
	lastWrite string
	// released says that this process removed the finalizer. The cache may still show the manifest for a moment.
	released bool
	// listedAt is when the list that the last pass is based on was started.
	listedAt time.Time
	// waits says that the last pass had its list, and ended because a call after it had to wait for its turn.
	waits bool
	// unchecked says that the last pass ended because its StytchProject was about to be checked.
	unchecked bool
	// questions are when the manifest asked for a list that is not older.
	questions connection.Questions
	// claimsMoved says that other manifests have claimed other connections than before, since this process saw this one.
	claimsMoved bool
	// noCreateInFlight says that no create request of an earlier process can still be in flight: this process wrote the finalizer
	// itself, or Stytch gave a definite answer to a create request.
	noCreateInFlight bool
	// begunSeen is when this process first saw the manifest's finalizer; zero while the manifest has none.
	begunSeen time.Time
	// record is this process's last write of the record, and heal, when a settled manifest's is due.
	record recordWrite
	heal   time.Time
	// values are what is known of the values in Secrets that entries of the manifest name, by the path of the entry.
	values map[string]knownValue
	// createUnknownAt is when the outcome of a create request of this process was last unknown; zero if it never was.
	createUnknownAt time.Time
	// repairs are how many passes of this process repaired drift.
	repairs int
}

// firstPass returns the time of the first pass of this process, which is now if there was none before.
func (m *memory) firstPass(now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started.IsZero() {
		m.started = now
	}
	return m.started
}

// startedAt returns the time of the first pass of this process; zero if there was none yet.
func (m *memory) startedAt() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.started
}

func (m *memory) of(uid types.UID) objectMemory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.objects[uid]
}

func (m *memory) update(uid types.UID, change func(*objectMemory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects == nil {
		m.objects = map[types.UID]objectMemory{}
	}
	known := m.objects[uid]
	change(&known)
	m.objects[uid] = known
}

// seeBegun notes when this process first saw that a manifest has the finalizer: from then on another process may have sent a create
// request, even if that is long after this process became leader.
func (m *memory) seeBegun(uid types.UID, begun bool, now time.Time) {
	m.update(uid, func(known *objectMemory) {
		switch {
		case !begun:
			known.begunSeen = time.Time{}
		case known.begunSeen.IsZero():
			known.begunSeen = now
		}
	})
}

// healAt is when the record of a settled manifest may be written: one after the other.
func (m *memory) healAt(uid types.UID, now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.objects[uid]
	if known.heal.IsZero() {
		if next := m.healed.Add(healInterval); next.After(now) {
			m.healed = next
		} else {
			m.healed = now
		}
		known.heal = m.healed
		m.objects[uid] = known
	}
	return known.heal
}

// seeAsked notes since when a manifest asks what it asks. That is when the watch brought it, or a pass that was sooner.
func (m *memory) seeAsked(o v1alpha1.Connection, now time.Time) {
	m.update(o.GetUID(), func(known *objectMemory) { known.questions = known.questions.Brought(o, now) })
}

// rememberKey notes which UID a manifest has, so that forget finds it once only the name is known.
func (m *memory) rememberKey(key objectKey, uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.uids == nil {
		m.uids = map[objectKey]types.UID{}
	}
	m.uids[key] = uid
}

// forget drops what is remembered about a manifest that is gone.
func (m *memory) forget(key objectKey) {
	m.mu.Lock()
	uid := m.uids[key]
	delete(m.objects, uid)
	delete(m.uids, key)
	m.mu.Unlock()
	m.reserving.Lock()
	defer m.reserving.Unlock()
	maps.DeleteFunc(m.reserved, func(_ string, r reservation) bool { return r.uid == uid })
}

// listKey names the list of the connections of a kind in an organization.
type listKey struct{ kind, project, organization string }

// keepList remembers what connections the last list of an organization had.
func (m *memory) keepList(key listKey, ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lists == nil {
		m.lists = map[listKey][]string{}
	}
	m.lists[key] = ids
}

func (m *memory) list(key listKey) ([]string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids, known := m.lists[key]
	return ids, known
}

// reservation says which manifest is about to take over a connection.
type reservation struct {
	uid types.UID
	at  time.Time
}

// reservationTime is how long a manifest has to record a connection that it reserved, until the cache shows that.
const reservationTime = time.Minute

// reserve lets one manifest take over a connection, if it is free and nobody else is about to do so. That is asked and noted at once.
func (m *memory) reserve(id string, uid types.UID, now time.Time, free func() bool) bool {
	m.reserving.Lock()
	defer m.reserving.Unlock()
	known, is := m.reserved[id]
	if is && known.uid != uid && now.Sub(known.at) < reservationTime || !free() {
		return false
	}
	if m.reserved == nil {
		m.reserved = map[string]reservation{}
	}
	m.reserved[id] = reservation{uid, now}
	return true
}

// keepProof remembers the version of a Secret after a write that proved it writable.
func (m *memory) keepProof(secret metav1.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.proofs == nil {
		m.proofs = map[types.UID]string{}
	}
	m.proofs[secret.GetUID()] = secret.GetResourceVersion()
}

// isProof says that nobody has written a Secret since this process proved it writable.
func (m *memory) isProof(secret metav1.Object) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	version, known := m.proofs[secret.GetUID()]
	return known && version == secret.GetResourceVersion()
}

// dropProof forgets a Secret that is gone.
func (m *memory) dropProof(secret metav1.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.proofs, secret.GetUID())
}
