// Command bench counts what the operator does, next to what it could not do with less.
//
//	make bench N=100 M=10
//
// It runs the real manager against a real API server and the simulated Stytch (package lab), with N SAML connections in M
// organizations, and counts from outside: the calls to Stytch in the simulator's journal, the requests to Kubernetes in the API
// server's own metrics. Nothing that the manager says about itself is counted. The floors are those of docs/design and follow from
// Stytch's API. Counts are exact; times and memory are this machine's. Neither is asserted: the command fails only where something
// could not be measured.
//
//	phases      what is done
//	manifests   to what
//	count       what it took
//	table       how it is shown
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// bench is all parts of a run, and what was counted in it.
type bench struct {
	*lab.Lab
	options

	api     client.Client
	seen    cache.Cache // what is in the API server, by one watch of each kind
	own     tally       // what the bench itself asked of the API server
	orgs    []string    // IDs of the organizations
	results []result
}

// options are what the flags say.
type options struct {
	connections   int           // N
	organizations int           // M
	latency       time.Duration // of each call to Stytch
}

// touched is how many manifests are edited, and how many are deleted.
func (o options) touched() int { return min(10, o.connections) }

const (
	quiet    = 15 * time.Second     // how long rest is watched
	interval = 15 * time.Second     // the manager's --resync-interval while drift checks are counted
	endless  = 365 * 24 * time.Hour // one in which no resync comes due, so that what is counted has another cause
	// saturating is one at which more drift checks come due than may be sent.
	saturating = time.Second
	ample      = 1000             // calls a second, far above what is asked for
	limit      = 15 * time.Minute // for anything, before it counts as not measured
)

func main() {
	var o options
	flag.IntVar(&o.connections, "n", 100, "Number of SAML connections.")
	flag.IntVar(&o.organizations, "m", 10, "Number of organizations. Each has its share of the SAML connections, and one SCIM connection.")
	flag.DurationVar(&o.latency, "latency", 50*time.Millisecond, "Duration of each call to the simulated Stytch.")
	flag.Parse()
	if flag.NArg() > 0 || o.organizations < 1 || o.connections < o.organizations {
		fmt.Fprintln(os.Stderr, "bench: set -m to 1 or more and -n to -m or more; there are no arguments")
		os.Exit(2)
	}
	ctrl.SetLogger(logr.Discard()) // of client and cache
	b := &bench{options: o, own: tally{}}
	if err := lab.Run("bin/bench/run", lab.NewTerminal(os.Stderr), b.run); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(lab.ExitCode(err))
	}
}

func (b *bench) run(l *lab.Lab) {
	b.Lab, l.Poll = l, 20*time.Millisecond
	l.StartControlPlane()
	l.StartSimulator("--latency="+b.latency.String(), "--default-connection=by-hand") // a default connection could not be deleted
	b.addOrganizations()
	b.connect()
	b.phases()
	b.print(os.Stdout)
}

// connect begins the watches that show how far the manager is.
func (b *bench) connect() {
	config := lab.Must(clientcmd.BuildConfigFromFlags("", b.Path("kubeconfig")))
	config.QPS = -1
	scheme := runtime.NewScheme()
	lab.Check(errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)))
	b.api = lab.Must(client.New(config, client.Options{Scheme: scheme}))
	b.seen = lab.Must(cache.New(config, cache.Options{Scheme: scheme, DefaultTransform: cache.TransformStripManagedFields()}))
	go func() { _ = b.seen.Start(b.Context()) }() // ends with the run
	for _, object := range []client.Object{&v1alpha1.SAMLConnection{}, &v1alpha1.SCIMConnection{}} {
		lab.Must(b.seen.GetInformer(b.Context(), object))
	}
	if !b.seen.WaitForCacheSync(b.Context()) {
		lab.Failf("the watches do not begin")
	}
}
