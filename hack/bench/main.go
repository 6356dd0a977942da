// Command bench counts what the operator does, beside what it could not do with less.
//
//	go run ./hack/bench -n 100 -m 10
//
// It runs the real manager against a real API server and the pretended Stytch, with N SAML connections in M organizations, and
// looks from outside: the calls to Stytch stand in the simulator's journal, the requests to Kubernetes in the API server's own
// metrics. Nothing that the manager says about itself is counted. The floors are those of docs/design and follow from Stytch's
// API. Counts are exact, times and memory are this machine's; neither is asserted: the command fails only where something could
// not be measured.
//
//	lab       the parts: etcd, API server, simulator (in this process), manager (a process of its own)
//	phases    what is done with them
//	count     what that took
//	table     how it is shown
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	connections   int           // N
	organizations int           // M
	scim          int           // K
	latency       time.Duration // of each call to Stytch
	quiet         time.Duration // how long rest is watched
	interval      time.Duration // of the drift check
	limit         time.Duration // for what is awaited
}

// touched is how many manifests are edited, and how many are deleted.
func (o options) touched() int { return min(10, o.connections) }

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&o.connections, "n", 100, "SAML connections.")
	flags.IntVar(&o.organizations, "m", 10, "Organizations that they are spread over.")
	flags.IntVar(&o.scim, "k", 0, "SCIM connections, one for each organization at most. 0: as many as there are organizations.")
	flags.DurationVar(&o.latency, "latency", 50*time.Millisecond, "How long the pretended Stytch takes for each call.")
	flags.DurationVar(&o.quiet, "quiet", 15*time.Second, "How long rest is watched, and a restart after it.")
	flags.DurationVar(&o.interval, "interval", 15*time.Second, "The manager's --resync-interval while drift checks are counted.")
	flags.DurationVar(&o.limit, "limit", 15*time.Minute, "How long anything may take before it counts as not measured.")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.scim == 0 {
		o.scim = o.organizations
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.organizations < 1 || o.connections < o.organizations:
		return o, fmt.Errorf("-m %d of -n %d: give at least one organization, and a connection for each", o.organizations, o.connections)
	case o.scim < 1 || o.scim > o.organizations:
		return o, fmt.Errorf("-k %d of -m %d: an organization has one SCIM connection at most", o.scim, o.organizations)
	case o.interval < time.Second || o.quiet < time.Second:
		return o, errors.New("-interval and -quiet take at least 1s")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ctrl.SetLogger(logr.Discard()) // of the libraries that start the control plane
	l := &lab{options: o, progress: stderr, began: time.Now()}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.open(ctx); err != nil {
		return l.explained(ctx, err)
	}
	if err := l.phases(ctx); err != nil {
		return l.explained(ctx, err)
	}
	return l.print(stdout)
}
