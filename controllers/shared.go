package controllers

import (
	"sync"
	"time"

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
	// Begin begins a pass; end is called when it is over. It is false in a process that must not begin one now, but perhaps after
	// wait, if that is not zero. Nil means that every pass may begin.
	Begin func() (end func(), wait time.Duration, ok bool)
	// SettleTime is the time after a request of unknown outcome that adds something, or after the process became leader, from which
	// a list without that proves that no such request is still in flight.
	SettleTime time.Duration
	// ExpiryWarning is the time before the expiry of a token or certificate at which ExpiringSoon is set.
	ExpiryWarning time.Duration
	// InputPatience is how long it is normal that an object is missing that a manifest refers to; zero for ever.
	InputPatience time.Duration
	// RequireSendLabel says that a value of a Secret is sent to Stytch only if the Secret has a label for that.
	RequireSendLabel bool
	// AuditAnnotations are annotations of manifests whose values the audit log has, in addition to those of known tools.
	AuditAnnotations []string
	// ClusterProjects says that ClusterStytchProjects are served. Their Secrets are in ClusterResourceNamespace.
	ClusterProjects          bool
	ClusterResourceNamespace string
	// Now returns the current time.
	Now func() time.Time
}

// DefaultSettleTime is the settle time of every process but those of tests.
const DefaultSettleTime = connection.SettleTime

// shared is what the engines of all kinds share.
type shared struct {
	Options
	client   client.Client // reads from the cache, but Secrets and ConfigMaps from the API server
	cached   client.Reader // reads from the cache, which has only the metadata of Secrets and ConfigMaps
	live     client.Reader // reads from the API server
	recorder events.EventRecorder
	sessions sessions
	siblings siblings
	memory   memory
	// projectEvents wakes the controller of StytchProjects for those whose credentials Stytch rejected in a pass of a connection,
	// clusterProjectEvents that of ClusterStytchProjects, and recheck holds which those are.
	projectEvents        chan event.GenericEvent
	clusterProjectEvents chan event.GenericEvent
	recheck              keySet // a ClusterStytchProject has no namespace
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
