package controllers

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/test/controlplane"
)

// The control plane that every spec runs against: a real API server and etcd.
var (
	apiServer  *rest.Config
	kubeconfig []byte // an administrator's
	scheme     = runtime.NewScheme()
	// api is an administrator's client, read and written past every cache.
	api client.Client
	// sharedCluster is the cache of all processes, each of which sees its own namespace of it: specs start thousands of
	// processes.
	sharedCluster cluster.Cluster
	// apiLedger has all writes to the API server, and how many of them the shared cache shows.
	apiLedger = &ledger{namespaces: map[string]*namespaceLedger{}}
)

// patience is how long a spec waits for what takes no time of its own: other packages' tests may keep the machine busy.
const patience = 2 * time.Minute

func TestControllers(t *testing.T) {
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewTextHandler(GinkgoWriter, nil)))
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(patience)
	RunSpecs(t, "controllers")
}

// The first of the processes that specs run in starts the control plane of all of them.
var _ = SynchronizedBeforeSuite(func() []byte {
	environment, _, err := controlplane.Start(controlplane.CRDs("../config/crd/bases"))
	DeferCleanup(environment.Stop) // of what runs although the start fails, too
	Expect(err).NotTo(HaveOccurred())
	return environment.KubeConfig
}, func(administrator []byte) {
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme, eventsv1.AddToScheme, metav1.AddMetaToScheme} {
		Expect(add(scheme)).To(Succeed())
	}
	kubeconfig = administrator
	var err error
	apiServer, err = clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	apiServer.QPS = -1
	apiServer.Wrap(apiLedger.record)
	api, err = client.New(apiServer, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	DeferCleanup(cancel)
	sharedCluster, err = cluster.New(apiServer, clusterOptions())
	Expect(err).NotTo(HaveOccurred())
	_, err = newReconcilers(ctx, sharedCluster, Options{}) // for their indexes
	Expect(err).NotTo(HaveOccurred())
	launch(ctx, sharedCluster, nil, apiLedger.handler())
})
