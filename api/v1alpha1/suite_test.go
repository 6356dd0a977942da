package v1alpha1_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/test/controlplane"
)

// The API server that every test asks: a real one, with the CRDs as they are committed.
var (
	apiServer *rest.Config
	api       client.Client
	minor     int // of its version, which is 1.36 in "make test"
)

// crds is where the CRDs stand.
const crds = "../../config/crd/bases"

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	environment, config, err := controlplane.Start(controlplane.CRDs(crds))
	defer func() {
		if stopped := environment.Stop(); stopped != nil && err == nil {
			code, err = 1, fmt.Errorf("stopping the control plane: %w", stopped)
		}
	}()
	if err != nil {
		return 1, err
	}
	apiServer = config
	apiServer.QPS = -1
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return 1, err
	}
	if api, err = client.New(apiServer, client.Options{Scheme: scheme}); err != nil {
		return 1, err
	}
	if minor, err = minorOf(apiServer); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func minorOf(config *rest.Config) (int, error) {
	asking, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return 0, err
	}
	version, err := asking.ServerVersion()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(version.Minor)
}

// manifest reads a manifest as kubectl would.
func manifest(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	object.SetAPIVersion(v1alpha1.GroupVersion.String())
	object.SetNamespace("default")
	return object
}

// stand creates an object for the time of a test.
func stand(t *testing.T, object client.Object) {
	t.Helper()
	if err := api.Create(t.Context(), object); err != nil {
		t.Fatalf("creating %s: %v", object.GetName(), err)
	}
	t.Cleanup(func() { remove(t, object) })
}

func remove(t *testing.T, object client.Object) {
	t.Helper()
	if err := api.Delete(context.WithoutCancel(t.Context()), object); err != nil {
		t.Errorf("deleting %s: %v", object.GetName(), err)
	}
}

// reload reads an object as it is now.
func reload(t *testing.T, object client.Object) {
	t.Helper()
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatalf("reading %s: %v", object.GetName(), err)
	}
}
