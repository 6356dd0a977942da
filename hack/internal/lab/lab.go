// Package lab runs the operator's real parts on one machine: etcd, kube-apiserver, the simulated Stytch and the manager, each a
// process of its own that listens on loopback only. The demo and the bench use it.
//
//	              kubectl                      control endpoints
//	                 │  apply, patch, delete     │  drift, faults, journal
//	                 ▼                           ▼
//	etcd ◀── kube-apiserver ◀── manager ──▶ stytch-sim
//
// It knows the operator only from outside: manifests, status, events, metrics, calls. So it imports nothing of it but the words of
// the simulator's control endpoints.
//
//	lab         Run, Up, Join, Down: a directory with everything that a run leaves
//	fail        how a step ends that cannot go on
//	process     the processes, and the ledger by which none is left behind
//	await       waiting for a condition
//	parts       control plane, simulator, manager
//	kubectl     what a user asks of the API server
//	simulator   what the simulator is asked, and its journal
//	metrics     what a page of metrics says
//	terminal    where all of it is shown
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Lab is the parts of a run and how to talk to them. Everything that it writes is in one directory.
type Lab struct {
	*Terminal

	Poll    time.Duration // how often Await checks its condition
	Sim     Simulator
	Manager *Process // the one that was started last
	Metrics string   // URL of its metrics
	Assets  string   // directory of etcd, kube-apiserver and kubectl

	ctx    context.Context //nolint:containedctx // as a test has one: what a step asks for ends with the run
	dir    string
	ledger *ledger
	server string // URL of kube-apiserver
}

// ErrInterrupted is how a run ends that somebody interrupted.
var ErrInterrupted = errors.New("interrupted")

// ExitCode is the exit code of a program whose run ended with an error.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrInterrupted):
		return 130
	default:
		return 1
	}
}

// Run creates a lab in a directory and calls do. However that ends, every process that was started is stopped. Processes that an
// earlier run left behind in the directory, because it was killed, are stopped first.
func Run(dir string, t *Terminal, do func(*Lab)) error {
	return locked(dir, t, func(l *Lab) error {
		for _, p := range l.ledger.running() {
			t.Note("Stopping %s (%d), left behind by an earlier run.", p.Name, p.PID)
		}
		if err := l.ledger.stop(); err != nil {
			return err
		}
		return l.create(false, do)
	})
}

// Up is Run that leaves the processes running where do succeeds. It refuses to start them twice.
func Up(dir string, t *Terminal, do func(*Lab)) error {
	return locked(dir, t, func(l *Lab) error {
		if n := len(l.ledger.running()); n > 0 {
			return fmt.Errorf("already up: %d processes, KUBECONFIG=%s/kubeconfig; stop them with make demo-down", n, dir)
		}
		return l.create(true, do)
	})
}

// Join calls do with the lab that Up left running. However that ends, the processes stay.
func Join(dir string, t *Terminal, do func(*Lab)) error {
	return locked(dir, t, func(l *Lab) error {
		if len(l.ledger.running()) == 0 {
			return errors.New("nothing is up: run make demo-up first")
		}
		return l.try(do)
	})
}

// Down stops what Up left running and removes the directory. It returns how many processes that were.
func Down(dir string, t *Terminal) (stopped int, err error) {
	return stopped, locked(dir, t, func(l *Lab) error {
		stopped = len(l.ledger.running())
		if err := l.ledger.stop(); err != nil {
			return err
		}
		return os.RemoveAll(dir)
	})
}

// locked calls do with the lab of the directory's last run, while no other run uses the directory. Ctrl-C and its like interrupt it
// in order; so does SIGPIPE, by which a reader goes away.
func locked(dir string, t *Terminal, do func(*Lab) error) error {
	if _, err := os.Stat("go.mod"); err != nil {
		return errors.New("run this from the top of the repository, with make")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a directory of our own
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // closing it gives the lock back, and so does the end of the process
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another run uses %s", dir)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	earlier, err := readLedger(dir)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	return do(&Lab{Terminal: t, Poll: 250 * time.Millisecond, ctx: ctx, dir: dir, ledger: earlier})
}

// create calls do with a lab whose directory is emptied, and in which nothing runs yet.
func (l *Lab) create(keep bool, do func(*Lab)) (err error) {
	if err := errors.Join(os.RemoveAll(l.dir), os.MkdirAll(l.dir, 0o700)); err != nil {
		return err
	}
	l.ledger.list = nil
	succeeded := false // which it has not where do panics either
	defer func() {
		if !keep || !succeeded {
			err = errors.Join(err, l.ledger.stop())
		}
	}()
	err = l.try(do)
	succeeded = err == nil
	return err
}

// try calls do, and explains how it failed.
func (l *Lab) try(do func(*Lab)) error { return l.explain(Try(func() { do(l) })) }

// explain adds to a failure the manager's last warnings and errors, which may be its reason, and where the logs are.
func (l *Lab) explain(err error) error {
	if err == nil {
		return nil
	}
	if l.ctx.Err() != nil {
		return ErrInterrupted
	}
	if l.Manager != nil {
		if last := tail(l.Manager.Log, 8, "level=WARN", "level=ERROR", `"level":"WARN"`, `"level":"ERROR"`); last != "" {
			err = fmt.Errorf("%w\n    the manager's last warnings and errors:\n%s", err, last)
		}
	}
	return fmt.Errorf("%w\n    the logs of all processes: %s", err, relative(l.dir))
}

// Context ends when the run is interrupted.
func (l *Lab) Context() context.Context { return l.ctx }

// Path is a path in the lab's directory.
func (l *Lab) Path(names ...string) string {
	return filepath.Join(append([]string{l.dir}, names...)...)
}

// Write writes a file in the lab's directory, as a secret is written, and returns its path.
func (l *Lab) Write(name, text string) string {
	path := l.Path(name)
	Check(os.MkdirAll(filepath.Dir(path), 0o700))
	Check(os.WriteFile(path, []byte(text), 0o600))
	return path
}
