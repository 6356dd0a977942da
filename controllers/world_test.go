package controllers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// resync is the interval of the specs. Time passes only where a spec lets it.
const resync = 10 * time.Minute

// expiryWarning is how long before an end it is said in the specs.
const expiryWarning = 30 * 24 * time.Hour

// inputPatience is how long a missing input is normal in the specs.
const inputPatience = 5 * time.Minute

// world is one namespace, one Stytch and one clock.
type world struct {
	ctx       context.Context
	namespace string
	sim       *stytchsim.Sim
	url       string
	clock     *clock
	log       *lockedBuffer
	acme      stytchsim.Organization
	partner   stytchsim.Organization
	kept      *corev1.Secret // a Secret that a spec puts away
	before    string         // what a spec notes before it asks for something
	issued    *issued        // the tokens that Stytch ever showed to anybody
	values    []string       // that may stand only in Secrets, when the world was last found to be honest
	honest    honesty        // when that was
	fence     stytch.Fence   // of the process that is started next; nil for none
	observe   func()         // called at each moment at which a process has made a call or a write
	ends      []func()       // of its processes
	shared    *sharing       // what a world with a ClusterStytchProject has in addition; nil for none
}

// newWorld makes a namespace with a StytchProject whose credentials are good, and a Stytch with two organizations.
func newWorld(ctx context.Context, switches ...func(*stytchsim.Switches)) *world {
	w := &world{ctx: ctx, clock: newClock(), log: &lockedBuffer{}, issued: &issued{}, observe: func() {}}
	options := stytchsim.Options{Now: w.clock.Now}
	for _, change := range switches {
		change(&options.Switches)
	}
	w.sim = stytchsim.New(options)
	server := httptest.NewServer(w.sim)
	w.ends = append(w.ends, server.Close)
	w.url = server.URL
	DeferCleanup(w.end)
	w.acme = w.organization("acme")
	w.partner = w.organization("partner")
	w.settleIn()
	return w
}

// newEarlyWorld makes a world in which no slot of acme's connections ends within minutes: a spec that lets some pass is not to see the
// next slot, unless it lets time pass until then. Its clock is ahead of the API server's.
func newEarlyWorld(ctx context.Context) *world {
	w := newWorld(ctx)
	now, longest := w.clock.Now(), time.Duration(0)
	var wait time.Duration
	for after := time.Duration(0); after < resync; after += time.Second {
		left, at := resync, now.Add(after)
		for _, api := range []stytch.API{stytch.APISSO, stytch.APISCIM} {
			left = min(left, connection.SlotsOf(resync, stytchsim.DefaultProjectID, w.acme.ID, string(api)).Next(at).Sub(at))
		}
		if left > longest {
			longest, wait = left, after
		}
	}
	w.clock.advance(wait)
	return w
}

// settleIn makes the namespace of a world, with a StytchProject whose credentials are good.
func (w *world) settleIn() {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "spec-"}}
	Expect(api.Create(w.ctx, namespace)).To(Succeed())
	w.namespace = namespace.Name
	apiLedger.open(w.namespace)
	w.ends = append(w.ends, func() { apiLedger.close(w.namespace) })
	w.create(w.secret("stytch", map[string]string{"secret": stytchsim.DefaultSecret}))
	w.create(w.project())
}

// end ends the processes of the world, and then its Stytch. A spec that needs many worlds ends each when it is done with it.
func (w *world) end() {
	for _, end := range slices.Backward(w.ends) {
		end()
	}
	w.ends = nil
}

func (w *world) organization(slug string) stytchsim.Organization {
	organization, err := w.sim.AddOrganization(stytchsim.Organization{Slug: slug, Name: slug})
	Expect(err).NotTo(HaveOccurred())
	return organization
}

func (w *world) secret(name string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: w.meta(name), StringData: data}
}

func (w *world) project() *v1alpha1.StytchProject {
	return &v1alpha1.StytchProject{ObjectMeta: w.meta("default"), Spec: v1alpha1.StytchProjectSpec{ProjectSpec: v1alpha1.ProjectSpec{
		ProjectID: stytchsim.DefaultProjectID, BaseURL: w.url,
		SecretRef: v1alpha1.SecretKeyRef{Name: "stytch", Key: "secret"},
		RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 1000},
	}}}
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.namespace, Name: name}
}

func (w *world) create(object client.Object) { Expect(api.Create(w.ctx, object)).To(Succeed()) }

func (w *world) delete(object client.Object) { Expect(api.Delete(w.ctx, object)).To(Succeed()) }

// reload reads an object as it is now.
func (w *world) reload(object client.Object) {
	GinkgoHelper()
	Expect(w.get(object)).To(Succeed())
}

// get reads a manifest from the shared cache, which is asked once it shows all that was written, and anything else from the API
// server.
func (w *world) get(object client.Object) error {
	GinkgoHelper()
	key := client.ObjectKeyFromObject(object)
	if _, manifest := object.(v1alpha1.Connection); !manifest || object.GetNamespace() != w.namespace {
		return api.Get(w.ctx, key, object)
	}
	Expect(apiLedger.wait(w.namespace)).To(Succeed())
	return sharedCluster.GetCache().Get(w.ctx, key, object)
}

// writesOf is how often somebody wrote objects of these resources.
func (w *world) writesOf(resources ...string) int { return apiLedger.writes(w.namespace, resources...) }

// edit changes an object as kubectl would.
func edit[O client.Object](w *world, object O, change func(O)) {
	GinkgoHelper()
	w.reload(object)
	before := object.DeepCopyObject().(O)
	change(object)
	Expect(api.Patch(w.ctx, object, client.MergeFrom(before))).To(Succeed())
}

// exists says whether an object is still there.
func (w *world) exists(object client.Object) bool {
	GinkgoHelper()
	err := w.get(object)
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	return err == nil
}

// process is one life of the operator: its own memory and clients, and a cache. It can die at any call or write.
type process struct {
	*reconcilers
	world *world
	life  *life
	cache cache.Cache
	alone bool // with a cache of its own
	// metrics is the registry of its calls to Stytch.
	metrics *prometheus.Registry
	// freeze stops a cache of its own: what happens from then on the process does not see.
	freeze func()
}

// start begins a life of the operator, whose cache is its world's window to the shared one.
func (w *world) start() *process {
	GinkgoHelper()
	if w.shared != nil {
		return w.startAlone()
	}
	p := w.begin(func(o *cluster.Options) {
		o.MapperProvider = func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return sharedCluster.GetRESTMapper(), nil }
		o.NewCache = func(*rest.Config, cache.Options) (cache.Cache, error) {
			return window{sharedCluster.GetCache(), w.namespace}, nil
		}
	})
	p.catchUp()
	return p
}

// startFenced begins a life of the operator whose calls that change something ask a fence.
func (w *world) startFenced(fence stytch.Fence) *process {
	GinkgoHelper()
	w.fence = fence
	defer func() { w.fence = nil }()
	return w.start()
}

// startAlone begins a life of the operator with a cache of its own, which can be frozen.
func (w *world) startAlone() *process {
	GinkgoHelper()
	p := w.begin(func(*cluster.Options) {})
	p.alone = true
	return p
}

func (w *world) begin(option cluster.Option) *process {
	GinkgoHelper()
	f := &life{world: w}
	config := rest.CopyConfig(apiServer)
	config.Wrap(f.wrap("kubernetes"))
	Identify(config, "test")
	c, err := cluster.New(config, clusterOptions(w.namespaces()...), func(o *cluster.Options) { o.Logger = w.logger() }, option)
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(w.ctx)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	w.ends = append(w.ends, cancel, transport.CloseIdleConnections)
	registry := prometheus.NewRegistry()
	r, err := newReconcilers(ctx, c, w.shared.options(Options{
		Stytch:         stytch.New(stytch.Options{Transport: f.wrap("stytch")(transport), UserAgent: "stytch-operator/test", Metrics: registry, Now: w.clock.Now, Fence: w.fence}),
		Endpoints:      connection.Endpoints{InsecureLoopback: true},
		ResyncInterval: resync, SettleTime: DefaultSettleTime, ExpiryWarning: expiryWarning, InputPatience: inputPatience, Now: w.clock.Now,
	}))
	Expect(err).NotTo(HaveOccurred())
	launch(ctx, c, w.shared.cached())
	return &process{reconcilers: r, world: w, life: f, cache: c.GetCache(), metrics: registry, freeze: cancel}
}

func (w *world) logger() logr.Logger {
	return Log(logr.FromSlogHandler(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

// catchUp waits until the process's cache shows what the API server has.
func (p *process) catchUp() {
	GinkgoHelper()
	if !p.alone {
		Expect(apiLedger.wait(p.world.namespace)).To(Succeed())
		return
	}
	lists := []client.ObjectList{&v1alpha1.StytchProjectList{}, metadataList(connection.KindSecret), metadataList(connection.KindConfigMap)}
	for _, kind := range kindsOfSpecs() {
		lists = append(lists, kind.list)
	}
	for _, list := range lists {
		for _, namespace := range p.world.namespaces() {
			want := versions(p.world.ctx, api, list.DeepCopyObject().(client.ObjectList), namespace)
			Eventually(func() map[types.UID]string {
				return versions(p.world.ctx, p.cache, list.DeepCopyObject().(client.ObjectList), namespace)
			}).WithPolling(2*time.Millisecond).Should(Equal(want), "the cache does not catch up")
		}
	}
	p.catchUpWithSharing()
}

func metadataList(kind string) *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind + "List"))
	return list
}

func versions(ctx context.Context, from client.Reader, list client.ObjectList, namespace string) map[types.UID]string {
	GinkgoHelper()
	Expect(from.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
	found := map[types.UID]string{}
	Expect(meta.EachListItem(list, func(item runtime.Object) error {
		object := item.(client.Object)
		found[object.GetUID()] = object.GetResourceVersion()
		return nil
	})).To(Succeed())
	return found
}

// outcome is what one pass came to.
type outcome struct {
	result ctrl.Result
	err    error
	calls  []string // to Stytch
	writes []string // to the API server, events left out
}

func (o outcome) quiet() bool { return o.err == nil && len(o.calls) == 0 && len(o.writes) == 0 }

// pass takes one pass of an object, and of its project before.
func (p *process) pass(object client.Object) outcome {
	GinkgoHelper()
	p.catchUp()
	p.check()
	p.catchUp()
	got := p.again(object)
	p.world.expectHonest()
	return got
}

// again takes a pass of an object on what the caches happen to show.
func (p *process) again(object client.Object) outcome {
	GinkgoHelper()
	before := p.life.eventCount()
	result, err := p.reconciler(object).Reconcile(logr.NewContext(p.world.ctx, p.world.logger()), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(object)})
	calls, writes := p.life.since(before)
	return outcome{result, err, calls, writes}
}

// check takes a pass of the StytchProjects of the world's namespaces, and of its ClusterStytchProjects.
func (p *process) check() {
	GinkgoHelper()
	for _, namespace := range p.world.namespaces() {
		var projects v1alpha1.StytchProjectList
		Expect(p.cache.List(p.world.ctx, &projects, client.InNamespace(namespace))).To(Succeed())
		for i := range projects.Items {
			_, err := p.projects.Reconcile(logr.NewContext(p.world.ctx, p.world.logger()), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&projects.Items[i])})
			if err != nil {
				GinkgoLogr.Info("checking the project", "error", err.Error())
			}
		}
	}
	p.checkSharing()
}

func (p *process) reconciler(object client.Object) reconcile.Reconciler {
	for _, kind := range kindsOfSpecs() {
		if reflect.TypeOf(kind.object) == reflect.TypeOf(object) {
			return kind.reconciler(p)
		}
	}
	panic(fmt.Sprintf("no reconciler for %T", object))
}

// settle takes passes until one does nothing and asks for none before the next slot, letting time pass where a pass asks for it.
// It returns all that was done.
func (p *process) settle(object client.Object) outcome {
	GinkgoHelper()
	var all outcome
	for range 30 {
		o := p.pass(object)
		all.calls, all.writes = append(all.calls, o.calls...), append(all.writes, o.writes...)
		all.result, all.err = o.result, o.err
		if o.quiet() && (o.result.RequeueAfter == 0 || p.done(object)) {
			return all
		}
		if p.life.dead() {
			return all
		}
		switch {
		case o.err != nil:
			p.world.clock.advance(firstRetry)
		case !p.done(object):
			p.world.clock.advance(o.result.RequeueAfter)
		}
	}
	Fail(fmt.Sprintf("not quiet after 30 passes: calls %v, writes %v, last error %v", all.calls, all.writes, all.err))
	return all
}

// done says that the object is gone, or that no pass has anything left to do for it, be it in sync or waiting for somebody.
func (p *process) done(object client.Object) bool {
	o := object.DeepCopyObject().(v1alpha1.Connection)
	if !p.world.exists(o) {
		return true
	}
	scim, isSCIM := o.(*v1alpha1.SCIMConnection)
	starting := isSCIM && scim.Status.BearerToken != nil && scim.Status.BearerToken.Phase == v1alpha1.TokenRotating && scim.Status.BearerToken.NextLastFour == ""
	return !isTrue(o, v1alpha1.ConditionReconciling) && !starting && o.CommonStatus().ObservedGeneration == o.GetGeneration()
}

func isTrue(o v1alpha1.Connection, condition string) bool {
	return slices.ContainsFunc(o.CommonStatus().Conditions, func(c metav1.Condition) bool {
		return c.Type == condition && c.Status == metav1.ConditionTrue
	})
}

// life counts the calls and writes of a process, and ends the process at one of them.
type life struct {
	world  *world
	mu     sync.Mutex
	reads  []string // of the API server, watches left out
	events []string // each "stytch POST /v1/…" or "kubernetes PATCH /apis/…"
	dieAt  int      // index in events; counted from 1, 0 for never
	dieOn  string   // or the beginning of an event
	after  bool     // die after its effect, rather than before
	ended  bool
	// givesUp ends the wait for the response of the call to Stytch that is under way, which goes on on the wire.
	givesUp <-chan struct{}
}

var errDead = errors.New("the process is dead")

// dieAtEvent arranges the end of the process at its n-th call or write from now on.
func (f *life) dieAtEvent(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events, f.dieAt, f.after = nil, n, after
}

// dieOnEvent arranges the end of the process at an event that begins so, after its effect.
func (f *life) dieOnEvent(event string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dieOn, f.after = event, true
}

// end ends the process now: no call or write of its own can follow, and no answer reaches it.
func (f *life) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
}

func (f *life) dead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

func (f *life) eventCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

func (f *life) since(n int) (calls, writes []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, event := range f.events[n:] {
		if call, isCall := strings.CutPrefix(event, "stytch "); isCall {
			calls = append(calls, call)
		} else {
			writes = append(writes, strings.TrimPrefix(event, "kubernetes "))
		}
	}
	return calls, writes
}

func (f *life) read(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads = append(f.reads, path)
}

// readSince are the reads of the API server after the first n, and how many there are now.
func (f *life) readSince(n int) ([]string, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads[n:], len(f.reads)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (f *life) wrap(side string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if side == "kubernetes" && r.Method == http.MethodGet && r.URL.Query().Get("watch") == "" {
				f.read(r.URL.Path)
			}
			counts := side == "stytch" || (r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events"))
			before, after := f.countEvent(counts, side+" "+r.Method+" "+r.URL.Path)
			if before {
				return nil, errDead
			}
			if side == "stytch" && f.givesUp != nil {
				return unlessGivenUp(next, r, f.givesUp)
			}
			response, err := next.RoundTrip(r)
			if side == "stytch" && err == nil {
				f.world.issued.note(response)
			}
			if counts {
				f.world.observe()
			}
			if (after || f.dead()) && err == nil {
				_, err = io.Copy(io.Discard, response.Body)
				return nil, errors.Join(errDead, err, response.Body.Close())
			}
			return response, err
		})
	}
}

// unlessGivenUp makes a call whose sender may give up on it.
func unlessGivenUp(next http.RoundTripper, r *http.Request, givesUp <-chan struct{}) (*http.Response, error) {
	type answer struct {
		response *http.Response
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		response, err := next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context()))) //nolint:bodyclose // whoever takes the answer closes it
		answers <- answer{response, err}
	}()
	select {
	case got := <-answers:
		return got.response, got.err
	case <-givesUp:
		return nil, context.DeadlineExceeded
	}
}

// countEvent counts an event and says whether the process dies before it, or after it.
func (f *life) countEvent(counts bool, event string) (before, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return true, false
	}
	if !counts {
		return false, false
	}
	f.events = append(f.events, event)
	if len(f.events) != f.dieAt && (f.dieOn == "" || !strings.HasPrefix(event, f.dieOn)) {
		return false, false
	}
	f.ended = true
	return !f.after, f.after
}

// clock stands still but for a tick at each look, and moves when it is told to: nothing in a spec depends on how fast the
// machine is.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// issued are the bearer tokens that Stytch showed, whether or not a process lived to keep them.
type issued struct {
	mu     sync.Mutex
	tokens []string
}

// note takes the tokens out of an answer, which can be read all the same.
func (i *issued) note(response *http.Response) {
	body, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		Connection struct {
			Token string `json:"bearer_token"`
			Next  string `json:"next_bearer_token"`
		} `json:"connection"`
	}
	if err != nil || json.Unmarshal(body, &answer) != nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, token := range []string{answer.Connection.Token, answer.Connection.Next} {
		if token != "" {
			i.tokens = append(i.tokens, token)
		}
	}
}

func (i *issued) all() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.tokens)
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Len()
}

// Since is what was written after the first n bytes.
func (b *lockedBuffer) Since(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.buffer.Bytes()[n:])
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
