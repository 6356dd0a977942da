// Package process runs the manager for tests, as a process of its own, and asks until something holds.
package process

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Patience is how long a test waits for what takes no time of its own: other packages' tests may keep the machine busy.
const Patience = 2 * time.Minute

// Manager is a manager that was started.
type Manager struct {
	command *exec.Cmd
	output  bytes.Buffer
	end     sync.Once
}

// Run starts a program that is the manager, and returns when both of its probes answer. When the test ends, it is stopped.
func Run(t *testing.T, program, kubeconfig string, args ...string) *Manager {
	t.Helper()
	probes := FreeAddress(t)
	args = append(args, "--health-probe-bind-address="+probes, "--allow-insecure-loopback")
	command := exec.CommandContext(context.WithoutCancel(t.Context()), program, args...) //nolint:gosec // a test names its own
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	m := &Manager{command: command}
	command.Stdout, command.Stderr = &m.output, &m.output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Stop(t) })
	for _, probe := range []string{"/healthz", "/readyz"} {
		if !Eventually(t, func() bool { return answers(t, "http://"+probes+probe) }) {
			t.Fatalf("%s does not answer", probe)
		}
	}
	return m
}

// Stop terminates the manager, and fails the test if it does not exit cleanly. It does nothing if the manager has exited already.
func (m *Manager) Stop(t *testing.T) {
	t.Helper()
	m.end.Do(func() {
		kill := time.AfterFunc(Patience, func() { _ = m.command.Process.Kill() })
		err := errors.Join(m.command.Process.Signal(syscall.SIGTERM), m.command.Wait())
		kill.Stop()
		if err != nil || t.Failed() {
			t.Errorf("the manager ended with %v and said:\n%s", err, &m.output)
		}
	})
}

// Kill ends the manager as a lost node does: it releases nothing.
func (m *Manager) Kill(t *testing.T) {
	t.Helper()
	m.end.Do(func() {
		if err := m.command.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = m.command.Wait() // it says that it was killed
	})
}

// Eventually asks again until something holds, or Patience ends.
func Eventually(t *testing.T, holds func() bool) bool {
	t.Helper()
	return wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, Patience, true, func(context.Context) (bool, error) {
		return holds(), nil
	}) == nil
}

// FreeAddress is an address on loopback that nobody listens on.
func FreeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nothing was written
	return listener.Addr().String()
}

// answers says that a URL is answered with 200.
func answers(t *testing.T, url string) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: time.Second}).Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	return response.StatusCode == http.StatusOK
}
