package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// manager is one life of the manager, as a process of its own.
type manager struct {
	cmd     *exec.Cmd
	log     string // where it writes what it says
	probes  string // address of its probes
	metrics string // address of its metrics, which say how far it is and are counted nowhere
	done    chan struct{}
}

// endless is a --resync-interval in which no slot begins while a bench runs, so that what is counted has another cause.
const endless = 365 * 24 * time.Hour

func buildManager(ctx context.Context, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./cmd/manager") //nolint:gosec // a directory of our own
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")                                                             // as make build has it, and so much of it in the build cache
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the manager: %w\n%s", err, out)
	}
	return nil
}

// startManager starts a life of the manager, and returns when it is ready to be asked.
func (l *lab) startManager(ctx context.Context, interval time.Duration) error {
	kubeconfig, err := l.kubeconfig()
	if err != nil {
		return err
	}
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return err
	}
	m := &manager{log: filepath.Join(l.dir, "manager.log"), probes: "127.0.0.1:" + ports[0], metrics: "127.0.0.1:" + ports[1], done: make(chan struct{})}
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the process has it open for itself
	// An interruption does not kill the manager: it is ended in order, by stop.
	m.cmd = exec.CommandContext(context.WithoutCancel(ctx), l.binary(), //nolint:gosec // built a moment ago
		"--allow-insecure-loopback", "--resync-interval="+interval.String(), "--leader-election-namespace="+namespace,
		"--health-probe-bind-address="+m.probes, "--metrics-bind-address="+m.metrics)
	m.cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	m.cmd.Stdout, m.cmd.Stderr = log, log
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C reaches the bench alone
	if err := m.cmd.Start(); err != nil {
		return fmt.Errorf("starting the manager: %w", err)
	}
	go func() {
		_ = m.cmd.Wait() // how it ended stands in its log
		close(m.done)
	}()
	l.manager = m
	l.later(m.stop)
	return l.await(ctx, "the manager", func(ctx context.Context) (string, bool, error) {
		_, err := fetch(ctx, "http://"+m.probes+"/readyz")
		return fmt.Sprint(err), err == nil, nil
	})
}

// kubeconfig writes one for a user of the manager's own.
func (l *lab) kubeconfig() (string, error) {
	path := filepath.Join(l.dir, "kubeconfig")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	user, err := l.plane.AddUser(envtest.User{Name: "manager", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return "", fmt.Errorf("adding the manager's user: %w", err)
	}
	text, err := user.KubeConfig()
	if err != nil {
		return "", fmt.Errorf("adding the manager's user: %w", err)
	}
	return path, os.WriteFile(path, text, 0o600)
}

// restartManager ends a life of the manager as a rollout does, and begins another.
func (l *lab) restartManager(ctx context.Context, interval time.Duration) error {
	if err := l.manager.stop(); err != nil {
		return err
	}
	return l.startManager(ctx, interval)
}

func (m *manager) ended() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// stop ends the manager, first kindly. It may take as long as a creation in flight may take.
func (m *manager) stop() error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if m.ended() {
			return nil
		}
		if err := m.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("ending the manager: %w", err)
		}
		select {
		case <-m.done:
			return nil
		case <-time.After(30 * time.Second):
		}
	}
	return fmt.Errorf("the manager (%d) does not end", m.cmd.Process.Pid)
}

// passes is how many passes the manager has ended, by kind: so the bench knows when it has looked at everything.
func (m *manager) passes(ctx context.Context) (map[string]int, error) {
	text, err := fetch(ctx, "http://"+m.metrics+"/metrics")
	if err != nil {
		return nil, err
	}
	passes := map[string]int{}
	for line := range strings.Lines(text) {
		if s, isSample := parseSample(line, "controller_runtime_reconcile_total"); isSample {
			passes[s.labels["controller"]] += s.value
		}
	}
	return passes, nil
}

// peak is the most memory that the manager held so far, in MiB, as the kernel says; 0 where there is no /proc.
func (m *manager) peak() (float64, error) {
	file, err := os.Open(filepath.Join("/proc", strconv.Itoa(m.cmd.Process.Pid), "status"))
	if _, none := os.Stat("/proc/self/status"); none != nil {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the manager's memory: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var kilobytes float64
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %f kB", &kilobytes); n == 1 {
			return kilobytes / 1024, nil
		}
	}
	return 0, errors.New("the kernel does not say how much memory the manager held")
}

// fetch reads a page of the manager.
func fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	return read((&http.Client{}).Do(request))
}

// read reads an answer whole. One that is not OK is an error.
func read(response *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(body), err
}

// freePorts finds ports of the loopback address that nobody listens on.
func freePorts(ctx context.Context, n int) ([]string, error) {
	var ports []string
	for range n {
		var listen net.ListenConfig
		listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() //nolint:errcheck // it only keeps the port from being found twice
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// tail is the end of a file.
func tail(path string, lines int) string {
	text, err := os.ReadFile(path) //nolint:gosec // a log of our own
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
