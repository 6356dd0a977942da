package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// lab is all parts of a run, and what was counted in it.
type lab struct {
	options
	progress io.Writer
	began    time.Time
	dir      string // what the run leaves on disk, until its end

	plane   *envtest.Environment
	admin   *rest.Config // whose requests are not told from the manager's: for metrics only
	own     *ledger      // what the bench itself asked of the API server
	api     client.Client
	seen    cache.Cache // what stands in the API server, by one watch of each kind
	sim     *stytchsim.Sim
	url     string
	orgs    []string
	manager *manager

	results []result
	closers []func() error
}

// say tells how far the run is.
func (l *lab) say(format string, args ...any) {
	_, _ = fmt.Fprintf(l.progress, "%5.0fs  %s\n", time.Since(l.began).Seconds(), fmt.Sprintf(format, args...))
}

// open starts every part but the manager.
func (l *lab) open(ctx context.Context) error {
	var err error
	if l.dir, err = os.MkdirTemp("", "stytch-operator-bench-"); err != nil {
		return err
	}
	l.later(func() error { return os.RemoveAll(l.dir) })
	l.say("building the manager")
	if err := buildManager(ctx, l.binary()); err != nil {
		return err
	}
	l.say("starting etcd, the API server and the simulator")
	if err := l.startPlane(ctx); err != nil {
		return err
	}
	if err := l.startSimulator(ctx); err != nil {
		return err
	}
	return l.watch(ctx)
}

// later has something done when the lab is closed, before all that was asked for earlier.
func (l *lab) later(end func() error) { l.closers = append(l.closers, end) }

// close ends every part, the last one first.
func (l *lab) close() error {
	var errs []error
	for _, end := range slices.Backward(l.closers) {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// explained adds what the manager said last to an error, unless it was the caller who ended the run.
func (l *lab) explained(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if l.manager == nil {
		return err
	}
	return fmt.Errorf("%w\nThe manager's last words:\n%s", err, tail(l.manager.log, 20))
}

func (l *lab) binary() string { return filepath.Join(l.dir, "manager") }

// startPlane starts a control plane. Its programs must be there: a bench builds no Kubernetes.
func (l *lab) startPlane(ctx context.Context) error {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return errors.New("no control plane: run `make bench`, or set KUBEBUILDER_ASSETS to what hack/control-plane.sh prints")
	}
	l.plane = &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join("config", "crd", "bases")}, ErrorIfCRDPathMissing: true}
	l.later(l.plane.Stop)
	config, err := l.plane.Start()
	if err != nil {
		return fmt.Errorf("starting the control plane: %w", err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	config.QPS = -1
	l.admin, l.own = config, &ledger{}
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		return err
	}
	mine := rest.CopyConfig(config)
	mine.Wrap(l.own.count)
	if l.api, err = client.New(mine, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	l.seen, err = cache.New(mine, cache.Options{Scheme: scheme, DefaultTransform: cache.TransformStripManagedFields()})
	return err
}

// startSimulator serves a pretended Stytch with the organizations in this process.
func (l *lab) startSimulator(ctx context.Context) error {
	l.sim = stytchsim.New(stytchsim.Options{
		Latency:  l.latency,
		Switches: stytchsim.Switches{DefaultConnection: "by-hand"}, // a default connection could not be deleted
	})
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: l.sim, ReadHeaderTimeout: 10 * time.Second}
	l.later(server.Close)
	go func() { _ = server.Serve(listener) }() // ends with the lab
	l.url = "http://" + listener.Addr().String()
	for i := range l.organizations {
		organization, err := l.sim.AddOrganization(stytchsim.Organization{Slug: fmt.Sprintf("org-%d", i), Name: fmt.Sprintf("Organization %d", i)})
		if err != nil {
			return err
		}
		l.orgs = append(l.orgs, organization.ID)
	}
	return nil
}

// watch starts the watches by which the bench sees how far the manager is.
func (l *lab) watch(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- l.seen.Start(ctx) }()
	l.later(func() error {
		cancel()
		return <-done
	})
	for _, object := range []client.Object{&v1alpha1.SAMLConnection{}, &v1alpha1.SCIMConnection{}} {
		if _, err := l.seen.GetInformer(ctx, object); err != nil {
			return fmt.Errorf("watching: %w", err)
		}
	}
	if !l.seen.WaitForCacheSync(ctx) {
		return errors.New("the watches do not begin")
	}
	return nil
}

// await looks until something holds. It does not wait for a manager that has ended.
func (l *lab) await(ctx context.Context, what string, look func(ctx context.Context) (state string, holds bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, l.limit)
	defer cancel()
	said := time.Now()
	for {
		state, holds, err := look(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("waiting for %s: %w", what, err)
		case holds:
			return nil
		case l.manager != nil && l.manager.ended():
			return fmt.Errorf("waiting for %s: the manager has ended by itself", what)
		}
		if time.Since(said) > 10*time.Second {
			l.say("waiting for %s: %s", what, state)
			said = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s, at last %s: %w", what, state, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sleep waits, if nobody interrupts.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
