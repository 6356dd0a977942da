package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// readers asks the API server who may read metrics. controller-runtime has a filter that does the same with k8s.io/apiserver, which makes the
// program half as large again, and an idle manager need 20 MiB more.
type readers struct {
	authentication authenticationclient.TokenReviewInterface
	authorization  authorizationclient.SubjectAccessReviewInterface
	now            func() time.Time

	mu      sync.Mutex
	allowed map[[sha256.Size]byte]time.Time // until when, by token
}

const (
	// readerTime is how long an answer of the API server counts, and reviewTime how long one may take.
	readerTime = time.Minute
	reviewTime = 10 * time.Second
	// maxReaders is of how many tokens answers are kept. Only those are kept whose owner may read metrics.
	maxReaders = 64
	// reviewQPS and reviewBurst limit what is asked, so that nobody can keep the API server busy, or the manager from it, with tokens.
	reviewQPS   = 5
	reviewBurst = 10
	metricsPath = "/metrics"
)

// notReaderError is why somebody may not read metrics, with the status of the response.
type notReaderError struct {
	status int
	reason string
}

func (e notReaderError) Error() string { return e.reason }

func newReaders(config *rest.Config, now func() time.Time) (*readers, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.RateLimiter = reviewQPS, reviewBurst, nil
	authentication, err := authenticationclient.NewForConfig(config)
	authorization, authorizationErr := authorizationclient.NewForConfig(config)
	if err := errors.Join(err, authorizationErr); err != nil {
		return nil, fmt.Errorf("creating the clients that ask who may read metrics: %w", err)
	}
	return &readers{
		authentication: authentication.TokenReviews(), authorization: authorization.SubjectAccessReviews(), now: now,
		allowed: map[[sha256.Size]byte]time.Time{},
	}, nil
}

// onlyReaders is the filter of --metrics-secure.
func onlyReaders(config *rest.Config, _ *http.Client) (metricsserver.Filter, error) {
	r, err := newReaders(config, time.Now)
	if err != nil {
		return nil, err
	}
	return r.filter, nil
}

func (r *readers) filter(log logr.Logger, handler http.Handler) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		err := r.check(request)
		refused, is := errors.AsType[notReaderError](err)
		switch {
		case err == nil:
			handler.ServeHTTP(w, request)
		case is:
			http.Error(w, refused.reason, refused.status)
		default:
			log.Error(err, "Failed to ask the API server who reads the metrics")
			http.Error(w, "The manager failed to ask the API server. Its log says why", http.StatusInternalServerError)
		}
	}), nil
}

// check returns why a request may not read metrics; nil if it may.
func (r *readers) check(request *http.Request) error {
	token, is := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	if token = strings.TrimSpace(token); !is || token == "" {
		return notReaderError{http.StatusUnauthorized, "A bearer token is required"}
	}
	key := sha256.Sum256([]byte(token))
	if r.known(key) {
		return nil
	}
	ctx, cancel := context.WithTimeout(request.Context(), reviewTime)
	defer cancel()
	user, err := r.owner(ctx, token)
	if err != nil {
		return err
	}
	if err := r.mayRead(ctx, user); err != nil {
		return err
	}
	r.keep(key)
	return nil
}

// owner is whose a token is.
func (r *readers) owner(ctx context.Context, token string) (authenticationv1.UserInfo, error) {
	review, err := r.authentication.Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	if err != nil {
		return authenticationv1.UserInfo{}, err
	}
	if !review.Status.Authenticated {
		return authenticationv1.UserInfo{}, notReaderError{http.StatusUnauthorized, "The API server does not accept the bearer token"}
	}
	return review.Status.User, nil
}

func (r *readers) mayRead(ctx context.Context, user authenticationv1.UserInfo) error {
	extra := map[string]authorizationv1.ExtraValue{}
	for key, value := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(value)
	}
	review, err := r.authorization.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: metricsPath, Verb: "get"},
	}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if !review.Status.Allowed || review.Status.Denied {
		return notReaderError{http.StatusForbidden, "RBAC does not permit to get " + metricsPath}
	}
	return nil
}

// known says that the owner of a token might read metrics a moment ago.
func (r *readers) known(key [sha256.Size]byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now().Before(r.allowed[key])
}

func (r *readers) keep(key [sha256.Size]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.allowed) >= maxReaders {
		clear(r.allowed)
	}
	r.allowed[key] = r.now().Add(readerTime)
}

// probe says which rights the manager lacks to ask who reads metrics. It asks about a token that nobody has, and about a user without a name.
func (r *readers) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reviewTime)
	defer cancel()
	_, ownerErr := r.owner(ctx, "no token")
	readErr := r.mayRead(ctx, authenticationv1.UserInfo{Username: "nobody"})
	var lacking []error
	for _, err := range []error{ownerErr, readErr} {
		if apierrors.IsForbidden(err) {
			lacking = append(lacking, err)
		}
	}
	return errors.Join(lacking...)
}

// checkReaders logs what the manager lacks for --metrics-secure. It works without, but nobody can read its metrics.
func checkReaders(ctx context.Context, config *rest.Config, o options, log logr.Logger) error {
	if !o.metricsSecure || o.metricsAddress == "0" {
		return nil
	}
	r, err := newReaders(config, time.Now)
	if err != nil {
		return err
	}
	if err := r.probe(ctx); err != nil {
		log.Error(err, "Nobody can read the metrics, because the manager may not ask the API server who reads them. Apply config/metrics-secure, or set --metrics-secure=false")
	}
	return nil
}
