package controllers

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Options configure the controllers.
type Options struct {
	// Stytch makes all calls to Stytch and keeps their pace. A process has one.
	Stytch *stytch.Service
	// Endpoints are the URLs of Stytch that a StytchProject may name.
	Endpoints connection.Endpoints
	// ResyncInterval is the interval at which a connection is compared with its manifest unless spec.resyncInterval is set.
	ResyncInterval time.Duration
	// SettleTime is the time after a create request of unknown outcome, or after the process became leader, from which a list
	// without the connection proves that no create request is still in flight.
	SettleTime time.Duration
	// ExpiryWarning is the time before the expiry of a token or certificate at which ExpiringSoon is set.
	ExpiryWarning time.Duration
	// Now returns the current time.
	Now func() time.Time
}

// DefaultSettleTime covers the longest time after which a create request may take effect whose sender was killed.
const DefaultSettleTime = 60 * time.Second

// shared is what the engines of all kinds share.
type shared struct {
	Options
	client   client.Client // reads from the cache, but Secrets and ConfigMaps from the API server
	cached   client.Reader // reads from the cache, which has of Secrets and ConfigMaps the metadata alone
	live     client.Reader // reads from the API server
	recorder events.EventRecorder
	sessions sessions
	memory   memory
	// projectEvents wakes the controller of StytchProjects for those whose credentials Stytch rejected in a pass of a connection, and
	// recheck holds which those are.
	projectEvents chan event.GenericEvent
	recheck       keySet
}

// keySet is a set of object keys.
type keySet struct {
	mu  sync.Mutex
	set map[types.NamespacedName]bool
}

func (k *keySet) add(key types.NamespacedName) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.set == nil {
		k.set = map[types.NamespacedName]bool{}
	}
	k.set[key] = true
}

// drop removes a key, and says whether it was in the set.
func (k *keySet) drop(key types.NamespacedName) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.set[key]
	delete(k.set, key)
	return was
}

// memory is what a process knows that no manifest says. A restart loses it, which costs calls but no correctness.
type memory struct {
	mu      sync.Mutex
	started time.Time // the first pass of this process, so certainly after it became leader
	objects map[types.UID]objectMemory
	uids    map[objectKey]types.UID // UIDs of the manifests in objects
	proofs  map[types.UID]string    // by UID of a Secret, the resourceVersion after the last write that proved it writable
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
	// noCreateInFlight says that no create request of an earlier process can still be in flight: this process wrote the finalizer
	// itself, or Stytch gave a definite answer to a create request.
	noCreateInFlight bool
	// createUnknownAt is when the outcome of a create request of this process was last unknown; zero if it never was.
	createUnknownAt time.Time
}

// firstPass returns the time of the first pass of this process, which is now if there was none before.
func (m *memory) firstPass(now time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started.IsZero() {
		m.started = now
		m.objects, m.uids = map[types.UID]objectMemory{}, map[objectKey]types.UID{}
	}
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
	known := m.objects[uid]
	change(&known)
	m.objects[uid] = known
}

// rememberKey notes which UID a manifest has, so that forget finds it once only the name is known.
func (m *memory) rememberKey(key objectKey, uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uids[key] = uid
}

// forget drops what is remembered about a manifest that is gone.
func (m *memory) forget(key objectKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, m.uids[key])
	delete(m.uids, key)
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

// copyOf is a deep copy of a manifest.
func copyOf[O client.Object](o O) O {
	return o.DeepCopyObject().(O) //nolint:forcetypeassert // a copy has its original's type
}

// Time limits, while the process is being stopped, of a call that must not be repeated and of the writes that store its result. Their
// sum is below the graceful shutdown timeout of the manager.
const (
	creationTime = 12 * time.Second
	recordTime   = 10 * time.Second
)

// outlive returns a context that the shutdown of the process does not cancel.
func outlive(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}
