package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/stytch-operator/stytch-operator/controllers"
	"github.com/stytch-operator/stytch-operator/internal/fence"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// leaseName is the name of the Lease. The Role for leader election names it too.
const leaseName = "stytch-operator.connections.stytch-operator.dev"

// A leader renews its lease every retryPeriod. If it cannot for renewDeadline, it is the leader no more. Others take a lease that
// was not renewed for leaseDuration.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// times are those of leader election, of doubt about a create request, and between two probes of a namespace. Only tests have others than realTimes.
type times struct {
	lease, renewDeadline, retryPeriod, settle, probe time.Duration
}

func realTimes() times {
	return times{lease: leaseDuration, renewDeadline: renewDeadline, retryPeriod: retryPeriod, settle: controllers.DefaultSettleTime, probe: probeInterval}
}

// keepTime is how long a process that lost its lease goes on with what must not be cut short: a creation and the record of what
// it brought.
const keepTime = 22 * time.Second

// errLeaseLost is how a process ends that another one has taken the lease from. The log says so.
var errLeaseLost = errors.New("another process holds the lease")

// newLease returns the lock of the leader election; nil without leader election.
func newLease(config *rest.Config, o options, t times) (*fence.Fence, error) {
	if !o.leaderElect {
		ctrl.Log.Info("Leader election is disabled. Nothing keeps a second manager from changing the same connections: run only one")
		return nil, nil //nolint:nilnil // a nil Fence lets everything pass
	}
	namespace, err := leaseNamespace(o)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("finding the host name: %w", err)
	}
	config = leaseConfig(config, t)
	core, coreErr := corev1client.NewForConfig(config)
	coordination, coordinationErr := coordinationv1client.NewForConfig(config)
	if err := errors.Join(coreErr, coordinationErr); err != nil {
		return nil, fmt.Errorf("creating the clients for the lease: %w", err)
	}
	lock, err := resourcelock.New(resourcelock.LeasesResourceLock, namespace, leaseName, core, coordination, resourcelock.ResourceLockConfig{
		Identity: host + "_" + string(uuid.NewUUID()), EventRecorder: recorder(core),
	})
	if err != nil {
		return nil, fmt.Errorf("creating the lock: %w", err)
	}
	return fence.New(fence.Options{
		Lock: lock, RenewDeadline: t.renewDeadline, RetryPeriod: t.retryPeriod, Clock: fence.ClockOf(time.Now), Metrics: metrics.Registry,
	}), nil
}

// leaseNamespace is the namespace of the lease.
func leaseNamespace(o options) (string, error) {
	if o.leaderElectNamespace != "" {
		return o.leaderElectNamespace, nil
	}
	own, err := ownNamespace()
	if err != nil {
		return "", fmt.Errorf("finding the namespace of the lease, which --leader-election-namespace sets outside a cluster: %w", err)
	}
	return own, nil
}

// clusterResourceNamespace is the namespace of the Secrets of ClusterStytchProjects; empty if those are not served.
func clusterResourceNamespace(o options) (string, error) {
	switch {
	case !o.clusterProjects:
		return "", nil
	case o.namespaces != "":
		ctrl.Log.Info("ClusterStytchProjects are not served, because --namespaces is set")
		return "", nil
	case o.resourceNamespace != "":
		return o.resourceNamespace, nil
	}
	own, err := ownNamespace()
	if err != nil {
		return "", fmt.Errorf("finding the namespace of the Secrets of ClusterStytchProjects, which --cluster-resource-namespace sets outside a cluster: %w", err)
	}
	return own, nil
}

// ownNamespace is the namespace of this process, in a cluster.
func ownNamespace() (string, error) {
	mounted, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	return strings.TrimSpace(string(mounted)), err
}

// leaseConfig is the configuration of the clients for the lease alone: the timeout, without which one request without a response would
// lose the lease, would cut every watch of the others off.
func leaseConfig(config *rest.Config, t times) *rest.Config {
	own := rest.AddUserAgent(rest.CopyConfig(config), "leader-election")
	own.Timeout = max(t.renewDeadline/2, time.Second)
	return own
}

// recorder records the events of the Lease, by the old API for events: client-go's leader election knows no other.
func recorder(core *corev1client.CoreV1Client) resourcelock.EventRecorder {
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: core.Events("")})
	return broadcaster.NewRecorder(runtime.NewScheme(), corev1.EventSource{Component: "stytch-operator"})
}

// electBy has the manager elect its leader by a lock.
func electBy(lease *fence.Fence, t times, options *ctrl.Options) {
	if lease == nil {
		return
	}
	options.LeaderElection, options.LeaderElectionID = true, leaseName
	options.LeaderElectionResourceLockInterface = lease
	options.LeaderElectionReleaseOnCancel = true
	options.LeaseDuration, options.RenewDeadline, options.RetryPeriod = &t.lease, &t.renewDeadline, &t.retryPeriod
}

// askOf is the question that the client asks before each call that changes something; nil without leader election.
func askOf(lease *fence.Fence) stytch.Fence {
	if lease == nil {
		return nil
	}
	return lease.May
}

// serve runs a manager until it ends, or until ctx does. If it ends without having been told to, because it lost its lease, passes in
// flight keep what they have caused in Stytch.
func serve(ctx context.Context, mgr ctrl.Manager, lease *fence.Fence, begun func() bool, log logr.Logger) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	err := await(ctx, ended, lease, begun)
	if err == nil {
		return nil
	}
	lease.Lose()
	stop()
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	left := lease.Drain(keep)
	if errors.Is(err, errLeaseLost) {
		log.Info("Another process holds the lease. This process ends", "passesCutShort", left)
	}
	return err
}

// await returns how a manager ended. controller-runtime does not end one that still fills its caches, which may never succeed: it is left
// as it is, since it has not begun anything.
func await(ctx context.Context, ended <-chan error, lease *fence.Fence, begun func() bool) error {
	told := ctx.Done()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("running the manager: %w", err)
			}
			return nil
		case <-lease.Lost():
			return errLeaseLost
		case <-told:
			if !begun() {
				return nil
			}
			told = nil
		}
	}
}
