package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// parts are the processes of the demo and how to talk to them. All that they leave stands in one directory.
type parts struct {
	dir      string
	assets   string // etcd, kube-apiserver and kubectl
	server   string // the API server's address
	probes   string // where the manager says that it is ready
	metrics  string // where the manager's metrics are
	terminal *terminal
	ledger   *ledger
	kubectl  *kubectl
	sim      *simulator
	manager  *process
}

// resync is the manager's --resync-interval: short, so that the story needs no patience.
const resync = 15 * time.Second

// Where everything stands. Two runs at once would stand in each other's way; a run and what up left running do not.
const (
	stateDir = "bin/demo"
	runDir   = stateDir + "/run"
	upDir    = stateDir + "/up"
)

// alone takes a directory's lock. It is held until the process ends.
func alone(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a directory of our own
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another demo is at work in %s", dir), lock.Close())
	}
	return lock, nil
}

// newParts empties the directory and starts nothing. Nothing of an earlier run may be standing.
func newParts(dir string, t *terminal) (*parts, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &parts{dir: dir, terminal: t, ledger: &ledger{file: filepath.Join(dir, ledgerName)}}, nil
}

func (p *parts) path(names ...string) string {
	return filepath.Join(append([]string{p.dir}, names...)...)
}

// start starts every part.
func (p *parts) start(ctx context.Context) (err error) {
	if p.assets, err = assets(ctx); err != nil {
		return err
	}
	p.kubectl = &kubectl{program: filepath.Join(p.assets, "kubectl"), terminal: p.terminal, env: []string{
		"KUBECONFIG=" + p.path("kubeconfig"), "KUBECACHEDIR=" + p.path("cache"), "KUBERC=off",
	}}
	if err := p.startControlPlane(ctx); err != nil {
		return err
	}
	p.terminal.seen("etcd and kube-apiserver at %s", p.server)
	if err := p.startSimulator(ctx); err != nil {
		return err
	}
	p.terminal.seen("stytch-sim at %s, called $SIM below", p.sim.URL)
	if err := p.grantRights(ctx); err != nil {
		return err
	}
	return p.startManager(ctx)
}

// await is the terminal's, with an eye on the parts: it does not wait for one that has ended.
func (p *parts) await(ctx context.Context, what string, limit time.Duration, at look) error {
	return p.terminal.await(ctx, what, limit, func(ctx context.Context) (string, bool, error) {
		if err := p.ledger.fallen(); err != nil {
			return "", false, err
		}
		return at(ctx)
	})
}

func (p *parts) startSimulator(ctx context.Context) error {
	process, err := p.ledger.start(ctx, "stytch-sim", nil, program("stytch-sim"), "--listen=127.0.0.1:0", "--project-name=Demo")
	if err != nil {
		return err
	}
	p.sim = &simulator{terminal: p.terminal}
	return p.await(ctx, "the simulator", 10*time.Second, func(context.Context) (string, bool, error) {
		line, err := os.ReadFile(process.Log) // its first line says where it is
		return string(line), err == nil && json.Unmarshal(line, p.sim) == nil, nil
	})
}

// startManager starts the manager as its ServiceAccount, and returns when it is ready to be asked; whether it may act is the
// lease's to say.
func (p *parts) startManager(ctx context.Context) error {
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return err
	}
	p.probes, p.metrics = "127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1]
	p.manager, err = p.ledger.start(ctx, "manager", []string{"KUBECONFIG=" + p.path("manager.kubeconfig")}, program("manager"),
		"--leader-elect", "--leader-election-namespace="+systemNamespace, "--resync-interval="+resync.String(), "--allow-insecure-loopback",
		"--health-probe-bind-address="+p.probes, "--metrics-bind-address="+p.metrics, "--log-level=debug")
	if err != nil {
		return err
	}
	return p.await(ctx, "the manager", 30*time.Second, func(ctx context.Context) (string, bool, error) {
		body, err := fetch(ctx, "http://"+p.probes+"/readyz")
		return body, err == nil, nil
	})
}

// endManager ends the manager as a rollout does: it may finish what it is at, and gives the lease back.
func (p *parts) endManager() error {
	if !p.manager.end() {
		return errors.New("the manager does not end")
	}
	return p.ledger.strike(p.manager)
}

// end ends every part, and looks whether it has.
func (p *parts) end() error {
	if err := p.ledger.end(); err != nil {
		return err
	}
	return p.ledger.write()
}

func program(name string) string {
	path, err := filepath.Abs(filepath.Join("bin", name))
	if err != nil {
		return name
	}
	return path
}

// fetch reads a page of a part.
func fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := (&http.Client{}).Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %d", url, response.StatusCode)
	}
	return string(text), err
}
