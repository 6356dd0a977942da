// Package controlplane starts etcd and the API server for tests. It is more patient than envtest, because the tests of other packages may
// keep the machine busy.
package controlplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	patience = 4 * time.Minute
	attempts = 5 // envtest waits 5 seconds for the namespace default, and cannot be told to wait longer
)

// Start starts a control plane of the programs in KUBEBUILDER_ASSETS. The caller configures it, and stops it, also if there is an error.
func Start(configure func(*envtest.Environment)) (*envtest.Environment, *rest.Config, error) {
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets == "" {
		return &envtest.Environment{}, nil, errors.New("no control plane: run `make test`, or set KUBEBUILDER_ASSETS to what hack/control-plane.sh prints")
	}
	for attempt := 1; ; attempt++ {
		env := &envtest.Environment{ControlPlaneStartTimeout: patience, ControlPlaneStopTimeout: patience}
		env.CRDInstallOptions.MaxTime = patience
		configure(env)
		config, err := env.Start()
		if err == nil {
			return env, config, nil
		}
		if attempt == attempts {
			return env, nil, fmt.Errorf("starting the control plane: %w", err)
		}
		if err := env.Stop(); err != nil {
			return env, nil, fmt.Errorf("stopping the control plane: %w", err)
		}
	}
}

// For starts a control plane that is stopped when a test ends.
func For(t *testing.T, configure func(*envtest.Environment)) (*envtest.Environment, *rest.Config) {
	t.Helper()
	log.SetLogger(logr.Discard()) // envtest's
	env, config, err := Start(configure)
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Errorf("stopping the control plane: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return env, config
}

// Kubeconfig writes the kubeconfig of an administrator to a file.
func Kubeconfig(t *testing.T, env *envtest.Environment) (path string) {
	t.Helper()
	admin, err := env.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := admin.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// CRDs has the CRDs of a directory in a control plane.
func CRDs(dir string) func(*envtest.Environment) {
	return func(env *envtest.Environment) {
		env.CRDDirectoryPaths, env.ErrorIfCRDPathMissing = []string{dir}, true
	}
}
