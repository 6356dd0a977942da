package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/controllers"
)

// probeInterval is how often a namespace that is left out is probed again, and probeTime, how long a probe may take.
const (
	probeInterval = time.Minute
	probeTime     = 10 * time.Second
)

// namespaces are those that --namespaces lists. One that is gone, or in which the manager has no rights, would keep the caches of all
// others from being filled. So it is left out, until it can be served:
//
//	start ─▶ probe each ─▶ serve those that can be listed
//	  ▲                         │ each minute: probe those that are left out
//	  └──────── end cleanly ◀───┘ as soon as one of them can be listed
//
// A manager without --namespaces has none, and serves them all.
type namespaces struct {
	live    client.Client
	served  []string
	leftOut map[string]error // why
	gauge   *prometheus.GaugeVec
}

// probeAll finds out which of the namespaces that --namespaces lists can be served.
func probeAll(ctx context.Context, config *rest.Config, o options, registry prometheus.Registerer) (*namespaces, error) {
	n := &namespaces{leftOut: map[string]error{}, gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "stytch_namespace_served",
		Help: "1 for a namespace in --namespaces that is served, 0 for one that is left out because it does not exist or the manager has no rights in it.",
	}, []string{"namespace"})}
	names := list(o.namespaces)
	if len(names) == 0 {
		return n, nil
	}
	live, err := client.New(config, client.Options{Scheme: newScheme()})
	if err != nil {
		return nil, fmt.Errorf("creating the client that probes namespaces: %w", err)
	}
	if err := registry.Register(n.gauge); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	n.live = live
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := n.probe(ctx, name); err != nil {
			ctrl.Log.Info("A namespace cannot be served and is left out. It is probed again each minute", "namespace", name, "reason", err.Error())
			n.leftOut[name] = err
			n.gauge.WithLabelValues(name).Set(0)
			continue
		}
		n.served = append(n.served, name)
		n.gauge.WithLabelValues(name).Set(1)
	}
	return n, nil
}

// probe says why a namespace cannot be served; nil if it can. A namespace that is being deleted is served: its manifests have finalizers.
func (n *namespaces) probe(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	// The API server lists a namespace that does not exist as an empty one.
	if err := n.live.Get(ctx, client.ObjectKey{Name: name}, &corev1.Namespace{}); err != nil {
		return err
	}
	return controllers.CanList(ctx, n.live, name)
}

// none says that not one of the namespaces can be served.
func (n *namespaces) none() bool { return len(n.served) == 0 && len(n.leftOut) > 0 }

// errNone is why a process that serves no namespace is not ready.
var errNone = errors.New("none of the namespaces in --namespaces can be served")

func notReady(*http.Request) error { return errNone }

// awaitServable returns when a namespace that is left out can be served. It never returns if that does not happen before ctx ends.
func (n *namespaces) awaitServable(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for name := range n.leftOut {
			if n.probe(ctx, name) == nil {
				ctrl.Log.Info("A namespace can be served now. This process ends, and serves it after its restart", "namespace", name)
				return
			}
		}
	}
}

// report emits one event for all namespaces that are left out. It is about the Lease, which is where the manager runs: the right to
// create events there is that of the leader election.
func (n *namespaces) report(config *rest.Config, o options) error {
	if len(n.leftOut) == 0 || !o.leaderElect {
		return nil
	}
	namespace, err := leaseNamespace(o)
	if err != nil {
		return err
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("creating the client for events: %w", err)
	}
	var left []string
	for name, why := range n.leftOut {
		left = append(left, fmt.Sprintf("%s (%v)", name, why))
	}
	slices.Sort(left)
	lease := &corev1.ObjectReference{
		APIVersion: coordinationv1.SchemeGroupVersion.String(), Kind: "Lease", Namespace: namespace, Name: leaseName,
	}
	recorder(core).Eventf(lease, corev1.EventTypeWarning, "NamespaceLeftOut", "%s", cutNote(
		"Namespaces in --namespaces that cannot be served and are left out: "+strings.Join(left, ", ")+". Create them, and grant the manager its Role there."))
	return nil
}

// cutNote cuts the note of an event to what the API server accepts.
func cutNote(note string) string {
	const limit = 1024
	if len(note) <= limit {
		return note
	}
	return strings.ToValidUTF8(note[:limit-len("…")], "") + "…"
}
