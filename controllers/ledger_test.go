package controllers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// cachedKinds are what a process has informers for.
func cachedKinds() []client.Object {
	cached := []client.Object{&v1alpha1.StytchProject{}, metadataOf(connection.KindSecret), metadataOf(connection.KindConfigMap)}
	for _, kind := range kindsOfSpecs() {
		cached = append(cached, kind.object)
	}
	return cached
}

// options of a process's cluster. It caches some namespaces, or all of them.
func clusterOptions(namespaces ...string) cluster.Option {
	return func(o *cluster.Options) {
		o.Scheme = scheme
		o.Cache = CacheOptions()
		for _, namespace := range namespaces {
			if o.Cache.DefaultNamespaces == nil {
				o.Cache.DefaultNamespaces = map[string]cache.Config{}
			}
			o.Cache.DefaultNamespaces[namespace] = cache.Config{}
		}
		o.Client = ClientOptions()
	}
}

// launch starts a cluster, which ends with the context, and waits until its caches are filled.
func launch(ctx context.Context, c cluster.Cluster, further []client.Object, handlers ...toolscache.ResourceEventHandler) {
	GinkgoHelper()
	go func() {
		defer GinkgoRecover()
		Expect(c.Start(ctx)).To(Succeed())
	}()
	var synced []func() bool
	for _, object := range append(cachedKinds(), further...) {
		informer, err := c.GetCache().GetInformer(ctx, object, cache.BlockUntilSynced(false))
		Expect(err).NotTo(HaveOccurred())
		synced = append(synced, informer.HasSynced)
		for _, handler := range handlers {
			_, err := informer.AddEventHandler(handler)
			Expect(err).NotTo(HaveOccurred())
		}
	}
	Eventually(func() bool {
		return !slices.ContainsFunc(synced, func(done func() bool) bool { return !done() })
	}).WithPolling(time.Millisecond).Should(BeTrue(), "the caches do not fill")
}

// window is what a process of one world sees of the cache that all processes share: its own namespace, as if it cached no other.
type window struct {
	cache.Cache
	namespace string
}

func (w window) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if key.Namespace != w.namespace {
		return fmt.Errorf("the process does not cache the namespace of %s", key)
	}
	return w.Cache.Get(ctx, key, object, options...)
}

func (w window) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if in := new(client.ListOptions).ApplyOptions(options).Namespace; in != "" && in != w.namespace {
		return fmt.Errorf("the process does not cache the namespace %s", in)
	}
	return w.Cache.List(ctx, list, append(slices.Clone(options), client.InNamespace(w.namespace))...)
}

// IndexField does nothing: the shared cache has every index since it began.
func (w window) IndexField(context.Context, client.Object, string, client.IndexerFunc) error {
	return nil
}

// Start does nothing: the shared cache runs.
func (w window) Start(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// ledger holds, of each namespace of a world, which versions of objects the API server was made to store by anybody in these
// specs, dead or alive, and which of them the shared cache shows. So a spec can wait for the cache without asking the API server
// what there is.
type ledger struct {
	mu         sync.Mutex
	namespaces map[string]*namespaceLedger
}

// namespaceLedger is one namespace of a ledger.
type namespaceLedger struct {
	written map[types.UID]string // versions; deleted for what is not there any more
	shown   map[types.UID]string
	writes  map[string]int // how many there were of each resource, events too
	news    chan struct{}  // closed at the next change of what is shown
}

// deleted stands for the version of an object that is not there any more.
const deleted = "deleted"

// open begins to keep a namespace.
func (l *ledger) open(namespace string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.namespaces[namespace] = &namespaceLedger{written: map[types.UID]string{}, shown: map[types.UID]string{}, writes: map[string]int{}, news: make(chan struct{})}
}

func (l *ledger) close(namespace string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.namespaces, namespace)
}

// writes is how often objects of these resources were written in a namespace.
func (l *ledger) writes(namespace string, resources ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, resource := range resources {
		n += l.namespaces[namespace].writes[resource]
	}
	return n
}

// wait waits until the shared cache shows all that was written in a namespace.
func (l *ledger) wait(namespace string) error {
	timeout := time.After(patience)
	for {
		behind, news := l.behind(namespace)
		if len(behind) == 0 {
			return nil
		}
		select {
		case <-news:
		case <-timeout:
			return fmt.Errorf("the cache does not catch up with %v", behind)
		}
	}
}

// behind are the versions that the shared cache does not show yet, and what is closed when it shows more.
func (l *ledger) behind(namespace string) (map[types.UID]string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.namespaces[namespace]
	behind := map[types.UID]string{}
	for uid, version := range p.written {
		if newest(p.shown[uid], version) != p.shown[uid] {
			behind[uid] = version
		}
	}
	return behind, p.news
}

// newest of two versions of an object.
func newest(a, b string) string {
	if a == deleted || b == "" {
		return a
	}
	if b == deleted || a == "" {
		return b
	}
	if order, err := resourceversion.CompareResourceVersion(a, b); err == nil && order >= 0 {
		return a
	}
	return b
}

// handler has the informers of the shared cache tell the ledger what they have taken in.
func (l *ledger) handler() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { l.show(object.(metav1.Object), false) },
		UpdateFunc: func(_, object any) { l.show(object.(metav1.Object), false) },
		DeleteFunc: func(object any) {
			if last, unknown := object.(toolscache.DeletedFinalStateUnknown); unknown {
				object = last.Obj
			}
			l.show(object.(metav1.Object), true)
		},
	}
}

func (l *ledger) show(object metav1.Object, isGone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, kept := l.namespaces[object.GetNamespace()]
	if !kept {
		return
	}
	version := object.GetResourceVersion()
	if isGone {
		version = deleted
	}
	p.shown[object.GetUID()] = newest(p.shown[object.GetUID()], version)
	close(p.news)
	p.news = make(chan struct{})
}

// record has a transport write down what the API server answers to writes. It is the innermost one, so that it sees what took
// effect even where a process did not live to see the answer.
func (l *ledger) record(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		if err != nil || r.Method == http.MethodGet || response.StatusCode >= http.StatusMultipleChoices || r.URL.Query().Has("dryRun") {
			return response, err
		}
		body, err := io.ReadAll(response.Body)
		response.Body = io.NopCloser(bytes.NewReader(body))
		return response, errors.Join(err, l.note(r, body))
	})
}

// note takes the answer to a write of something in a namespace that is kept.
func (l *ledger) note(r *http.Request, body []byte) error {
	_, path, _ := strings.Cut(r.URL.Path, "/namespaces/")
	namespace, path, _ := strings.Cut(path, "/")
	resource, _, _ := strings.Cut(path, "/")
	l.mu.Lock()
	defer l.mu.Unlock()
	p, kept := l.namespaces[namespace]
	if !kept {
		return nil
	}
	p.writes[resource]++
	if resource == "events" || resource == "" { // no process caches them, nor the namespace itself
		return nil
	}
	uid, version, err := stored(body)
	p.written[uid] = newest(p.written[uid], version)
	return err
}

// stored says which version of which object a write left, from the answer to it.
func stored(body []byte) (types.UID, string, error) {
	object, _, err := serializer.NewCodecFactory(scheme).UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return "", "", err
	}
	if status, ok := object.(*metav1.Status); ok && status.Details != nil {
		return status.Details.UID, deleted, nil
	}
	o, err := meta.Accessor(object)
	if err != nil {
		return "", "", err
	}
	if !o.GetDeletionTimestamp().IsZero() && len(o.GetFinalizers()) == 0 {
		return o.GetUID(), deleted, nil
	}
	return o.GetUID(), o.GetResourceVersion(), nil
}
