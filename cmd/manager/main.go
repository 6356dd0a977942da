// Command manager runs the controllers that keep Stytch connections as their manifests say.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/controllers"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/fence"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

var version = "dev"

// gracefulTime is how long a process that is being stopped goes on with what must not be cut short: a creation, the writing of
// its token, the record of its ID. The pod's terminationGracePeriodSeconds is longer.
const gracefulTime = 28 * time.Second

func main() {
	os.Exit(exitCode(command(os.Args[1:], os.Stderr), os.Stderr))
}

// command does what the arguments ask for: it runs the controllers, unless the first one names something else.
func command(args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == applyCommand {
		return runApply(args[1:], out)
	}
	return run(args, out, realTimes())
}

// exitCode says how a run ended, unless the log has said it, and returns the exit code of the process.
func exitCode(err error, out io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case !errors.Is(err, errLeaseLost):
		_, _ = fmt.Fprintln(out, "manager:", err)
	}
	return 1
}

// options are what the flags say.
type options struct {
	leaderElect          bool
	leaderElectNamespace string
	metricsAddress       string
	metricsSecure        bool
	metricsCerts         string
	probeAddress         string
	resyncInterval       time.Duration
	expiryWarning        time.Duration
	inputPatience        time.Duration
	allowedHosts         string
	insecureLoopback     bool
	requireSendLabel     bool
	namespaces           string
	clusterProjects      bool
	resourceNamespace    string
	auditAnnotations     string
	logFormat            string
	logLevel             slog.Level
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.BoolVar(&o.leaderElect, "leader-elect", true, "Use leader election, so that only one of several managers is active.")
	flags.StringVar(&o.leaderElectNamespace, "leader-election-namespace", "", "Namespace of the leader election lease. If empty, the namespace of the manager is used.")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080", "Address on which metrics are served. 0 disables metrics.")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", false, "Serve metrics over HTTPS, and only to those who may get /metrics by RBAC. This needs further rights.")
	flags.StringVar(&o.metricsCerts, "metrics-cert-dir", "", "Directory with the certificate of --metrics-secure, in the files tls.crt and tls.key. If empty, a self-signed certificate is used.")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "Address on which /healthz and /readyz are served.")
	flags.DurationVar(&o.resyncInterval, "resync-interval", 10*time.Minute, "How often a connection is compared with Stytch if its manifest does not set resyncInterval. At least 1s.")
	flags.DurationVar(&o.expiryWarning, "expiry-warning", 30*24*time.Hour, "Set the condition ExpiringSoon this long before a token or certificate expires.")
	flags.DurationVar(&o.inputPatience, "input-patience", 5*time.Minute, "How long an object that a manifest refers to may be missing before the condition Stalled replaces Reconciling. 0: Stalled is never set for that.")
	flags.StringVar(&o.allowedHosts, "allowed-base-url-hosts", "", "Comma-separated list of hosts that a StytchProject may use in spec.baseURL, in addition to the hosts of Stytch.")
	flags.BoolVar(&o.insecureLoopback, "allow-insecure-loopback", false, "Allow a StytchProject to use http on a loopback address in spec.baseURL. For tests and demonstrations only.")
	flags.BoolVar(&o.requireSendLabel, "require-send-label", false, "Send a client secret or private key to Stytch only from a Secret with the label "+v1alpha1.LabelMayBeSent+"=true.")
	flags.StringVar(&o.namespaces, "namespaces", "", "Comma-separated list of namespaces to watch. If empty, all namespaces are watched.")
	flags.BoolVar(&o.clusterProjects, "cluster-projects", false, "Serve ClusterStytchProjects. This needs further rights, and has no effect together with --namespaces.")
	flags.StringVar(&o.resourceNamespace, "cluster-resource-namespace", "", "Namespace of the Secrets that ClusterStytchProjects reference. If empty, the namespace of the manager is used.")
	flags.StringVar(&o.auditAnnotations, "audit-annotations", "", "Comma-separated list of annotations of manifests whose values the audit log has, in addition to those of Argo CD, Flux and Helm.")
	flags.StringVar(&o.logFormat, "log-format", "text", "Log format: text or json.")
	flags.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "Log level: debug, info, warn or error.")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.resyncInterval < time.Second:
		return o, fmt.Errorf("--resync-interval is %s, but must be at least 1s", o.resyncInterval)
	case o.expiryWarning < 0:
		return o, fmt.Errorf("--expiry-warning is %s, but must be 0 or more", o.expiryWarning)
	case o.inputPatience < 0:
		return o, fmt.Errorf("--input-patience is %s, but must be 0 or more", o.inputPatience)
	case o.logFormat != "text" && o.logFormat != "json":
		return o, fmt.Errorf("--log-format is %q, but must be text or json", o.logFormat)
	}
	return o, checkAuditAnnotations(list(o.auditAnnotations))
}

// maxAuditAnnotations is how many annotations the audit log may have in addition.
const maxAuditAnnotations = 16

// checkAuditAnnotations refuses annotations that say nothing about who applied a manifest, or that may contain a token.
func checkAuditAnnotations(keys []string) error {
	if len(keys) > maxAuditAnnotations {
		return fmt.Errorf("--audit-annotations has %d annotations, but must have at most %d", len(keys), maxAuditAnnotations)
	}
	for _, key := range keys {
		prefix, _, _ := strings.Cut(key, "/")
		if key == corev1.LastAppliedConfigAnnotation || prefix == v1alpha1.Domain || strings.HasSuffix(prefix, "."+v1alpha1.Domain) {
			return fmt.Errorf("--audit-annotations has %q, but must not have annotations of %s, nor that of kubectl", key, v1alpha1.Domain)
		}
	}
	return nil
}

func run(args []string, out io.Writer, t times) error {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	ctrl.SetLogger(controllers.Log(logger(o, out)))
	saveMemory()
	limitMemory(memlimit.FromCgroup, ctrl.Log)
	if err := checkProxy(); err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("loading the Kubernetes client configuration: %w", err)
	}
	controllers.Identify(config, version)
	ctx, stop := context.WithCancel(ctrl.SetupSignalHandler())
	defer stop()
	ctrl.Log.Info("Starting", "version", version)
	if err := checkReaders(ctx, config, o, ctrl.Log); err != nil {
		return err
	}
	n, err := probeAll(ctx, config, o, metrics.Registry)
	if err != nil {
		return fmt.Errorf("probing the namespaces: %w", err)
	}
	if err := n.report(config, o); err != nil {
		return fmt.Errorf("reporting the namespaces that are left out: %w", err)
	}
	go func() {
		defer stop()
		n.awaitServable(ctx, t.probe)
	}()
	if n.none() {
		return standStill(ctx, config, o)
	}
	return work(ctx, config, o, n.served, t)
}

// work runs the controllers, in these namespaces; in all if there are none.
func work(ctx context.Context, config *rest.Config, o options, served []string, t times) error {
	lease, err := newLease(config, o, t)
	if err != nil {
		return fmt.Errorf("setting up leader election: %w", err)
	}
	options := managerOptions(o)
	if len(served) > 0 {
		options.Cache.DefaultNamespaces = map[string]cache.Config{}
		for _, namespace := range served {
			options.Cache.DefaultNamespaces[namespace] = cache.Config{}
		}
	}
	electBy(lease, t, &options)
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		return fmt.Errorf("creating the manager: %w", err)
	}
	told := controllerOptions(o, lease, t)
	if told.ClusterResourceNamespace, err = clusterResourceNamespace(o); err != nil {
		return err
	}
	told.ClusterProjects = told.ClusterResourceNamespace != ""
	caches, err := controllers.CachesOf(ctx, mgr.GetCache(), told)
	if err != nil {
		return fmt.Errorf("setting up the caches: %w", err)
	}
	if err := controllers.Setup(ctx, mgr, told); err != nil {
		return fmt.Errorf("setting up the controllers: %w", err)
	}
	if err := addProbes(mgr, readyOnce(caches.Filled)); err != nil {
		return err
	}
	return serve(ctx, mgr, lease, caches.Filled, ctrl.Log)
}

// standStill serves probes and metrics alone, until a namespace can be served.
func standStill(ctx context.Context, config *rest.Config, o options) error {
	mgr, err := ctrl.NewManager(config, managerOptions(o))
	if err != nil {
		return fmt.Errorf("creating the manager: %w", err)
	}
	if err := addProbes(mgr, notReady); err != nil {
		return err
	}
	ctrl.Log.Info("None of the namespaces can be served. Nothing is reconciled")
	return serve(ctx, mgr, nil, func() bool { return true }, ctrl.Log)
}

// errFilling is why a process that still fills its caches is not ready.
var errFilling = errors.New("the caches are not filled yet")

// readyOnce is the check of readiness. It does not ask who leads: a rolling update waits for a process that stands by.
func readyOnce(filled func() bool) healthz.Checker {
	return func(*http.Request) error {
		if !filled() {
			return errFilling
		}
		return nil
	}
}

func addProbes(mgr ctrl.Manager, ready healthz.Checker) error {
	if err := errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("caches", ready)); err != nil {
		return fmt.Errorf("setting up the probes: %w", err)
	}
	return nil
}

func controllerOptions(o options, lease *fence.Fence, t times) controllers.Options {
	return controllers.Options{
		Stytch: stytch.New(stytch.Options{
			UserAgent: "stytch-operator/" + version + " (+https://github.com/stytch-operator/stytch-operator)",
			Metrics:   metrics.Registry, Now: time.Now, Fence: askOf(lease),
		}),
		Endpoints:        connection.Endpoints{AllowedHosts: list(o.allowedHosts), InsecureLoopback: o.insecureLoopback},
		ResyncInterval:   o.resyncInterval,
		Begin:            lease.Begin,
		SettleTime:       t.settle,
		ExpiryWarning:    o.expiryWarning,
		InputPatience:    o.inputPatience,
		RequireSendLabel: o.requireSendLabel,
		AuditAnnotations: list(o.auditAnnotations),
		Now:              time.Now,
	}
}

func logger(o options, out io.Writer) logr.Logger {
	handlerOptions := &slog.HandlerOptions{Level: o.logLevel}
	if o.logFormat == "json" {
		return logr.FromSlogHandler(slog.NewJSONHandler(out, handlerOptions))
	}
	return logr.FromSlogHandler(slog.NewTextHandler(out, handlerOptions))
}

// managerOptions keep the caches small: managed fields are stripped, and Secrets and ConfigMaps are watched by their metadata alone.
func managerOptions(o options) ctrl.Options {
	graceful := gracefulTime
	return ctrl.Options{
		Scheme:                  newScheme(),
		Metrics:                 metricsOptions(o),
		HealthProbeBindAddress:  o.probeAddress,
		GracefulShutdownTimeout: &graceful,
		Cache:                   controllers.CacheOptions(),
		Client:                  controllers.ClientOptions(),
	}
}

func metricsOptions(o options) metricsserver.Options {
	options := metricsserver.Options{BindAddress: o.metricsAddress}
	if o.metricsSecure {
		options.SecureServing, options.CertDir, options.FilterProvider = true, o.metricsCerts, onlyReaders
	}
	return options
}

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(metav1.AddMetaToScheme(scheme))
	return scheme
}

// list splits a flag's value at its commas.
func list(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}
