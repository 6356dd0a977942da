package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// request is a kind of request to the API server, in the words of its metrics.
type request struct {
	verb, resource, subresource string
	code                        int
}

func (r request) String() string {
	name := r.resource
	if r.subresource != "" {
		name += "/" + r.subresource
	}
	if r.code >= http.StatusBadRequest {
		return fmt.Sprintf("%s %s → %d", r.verb, name, r.code)
	}
	return r.verb + " " + name
}

func (r request) reads() bool { return r.verb == "GET" || r.verb == "LIST" }

func (r request) writes() bool {
	return slices.Contains([]string{"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"}, r.verb)
}

// counted are the groups and resources whose requests are counted. The lease, and what every client asks when it starts, are not.
func counted(group, resource string) bool {
	switch group {
	case v1alpha1.GroupVersion.Group:
		return true
	case "":
		return resource == "secrets" || resource == "configmaps" || resource == "events"
	default:
		return resource == "events"
	}
}

// tally is how many requests of each kind there were.
type tally map[request]int

// minus takes away what another tally has.
func (t tally) minus(other tally) tally {
	left := maps.Clone(t)
	for r, n := range other {
		left[r] -= n
	}
	maps.DeleteFunc(left, func(_ request, n int) bool { return n == 0 })
	return left
}

// sum is how many requests there were that match.
func (t tally) sum(matches func(request) bool) int {
	total := 0
	for r, n := range t {
		if matches(r) {
			total += n
		}
	}
	return total
}

// ledger counts what the bench itself asks of the API server, so that it can be taken off what the API server counted.
type ledger struct {
	mu       sync.Mutex
	requests tally
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (l *ledger) count(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		if err == nil {
			l.note(r, response.StatusCode)
		}
		return response, err
	})
}

func (l *ledger) note(r *http.Request, code int) {
	group, made := asks(r)
	if made.code = code; !counted(group, made.resource) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests == nil {
		l.requests = tally{}
	}
	l.requests[made]++
}

func (l *ledger) read() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.requests)
}

// asks reads a request as the API server's metrics name it: /api/v1/… or /apis/GROUP/VERSION/…, then
// [namespaces/NAMESPACE/]RESOURCE[/NAME[/SUBRESOURCE]].
func asks(r *http.Request) (group string, made request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	skip := 2
	if parts[0] == "apis" {
		skip = 3
	}
	if len(parts) <= skip {
		return "", request{}
	}
	if skip == 3 {
		group = parts[1]
	}
	parts = parts[skip:]
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	parts = append(parts, "", "")
	made = request{verb: r.Method, resource: parts[0], subresource: parts[2]}
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Get("watch") != "":
		made.verb = "WATCH"
	case r.Method == http.MethodGet && parts[1] == "":
		made.verb = "LIST"
	case r.Method == http.MethodDelete && parts[1] == "":
		made.verb = "DELETECOLLECTION"
	}
	return group, made
}

// sample is one line of a page of metrics.
type sample struct {
	labels map[string]string
	value  int
}

var label = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)

// parseSample reads a line of a page of metrics, if it is one of the metric that is asked for.
func parseSample(line, metric string) (sample, bool) {
	rest, found := strings.CutPrefix(line, metric+"{")
	end := strings.LastIndex(rest, "} ")
	if !found || end < 0 {
		return sample{}, false
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(rest[end+2:]), 64)
	if err != nil {
		return sample{}, false
	}
	s := sample{labels: map[string]string{}, value: int(value)}
	for _, match := range label.FindAllStringSubmatch(rest[:end], -1) {
		s.labels[match[1]] = match[2]
	}
	return s, true
}

// asked is what everybody asked of the API server so far, as it says itself.
func asked(ctx context.Context, config *rest.Config) (tally, error) {
	config = rest.CopyConfig(config)
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	connection, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, err
	}
	text, err := connection.Get().AbsPath("/metrics").Do(ctx).Raw()
	if err != nil {
		return nil, fmt.Errorf("reading the API server's metrics: %w", err)
	}
	all := tally{}
	for line := range strings.Lines(string(text)) {
		s, isSample := parseSample(line, "apiserver_request_total")
		if !isSample || !counted(s.labels["group"], s.labels["resource"]) {
			continue
		}
		code, err := strconv.Atoi(s.labels["code"])
		if err != nil {
			return nil, fmt.Errorf("reading the API server's metrics: %w", err)
		}
		all[request{s.labels["verb"], s.labels["resource"], s.labels["subresource"], code}] += s.value
	}
	return all, nil
}

// count is what the manager did so far.
type count struct {
	calls    int // the journal's length
	requests tally
}

func (c count) equal(other count) bool {
	return c.calls == other.calls && maps.Equal(c.requests, other.requests)
}

func (l *lab) count(ctx context.Context) (count, error) {
	all, err := asked(ctx, l.admin)
	if err != nil {
		return count{}, err
	}
	return count{calls: len(l.sim.Calls()), requests: all.minus(l.own.read())}, nil
}

// still is how long nothing must have happened for a count to be final: the API server counts a request after its answer.
const still = 2 * time.Second

// settled is the count when nothing changes any more.
func (l *lab) settled(ctx context.Context) (count, error) {
	var last count
	var since time.Time
	err := l.await(ctx, "nothing to happen any more", func(ctx context.Context) (string, bool, error) {
		now, err := l.count(ctx)
		if err != nil {
			return "", false, err
		}
		if since.IsZero() || !now.equal(last) {
			last, since = now, time.Now()
		}
		return fmt.Sprintf("%d calls", now.calls), time.Since(since) >= still, sleep(ctx, still/8)
	})
	return last, err
}

// sortedByCount lists what is counted, the most frequent first.
func sortedByCount[K cmp.Ordered](counts map[K]int) []K {
	return slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}
