package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is one part of a lab.
type Process struct {
	Name string   `json:"name"`
	PID  int      `json:"pid"`
	Args []string `json:"args"` // with the program first; a process with another command line is not ours
	Log  string   `json:"log"`

	exited chan struct{} // closed when it has exited; nil where another run started it
}

// ledger lists the processes that were started, in that order. It is a file too, so that another run can stop what a run left
// behind that was killed, or left running on purpose.
type ledger struct {
	file string
	list []*Process
}

// ledgerName is the name of a ledger's file in its directory. It is there while something runs.
const ledgerName = "processes.json"

func readLedger(dir string) (*ledger, error) {
	l := &ledger{file: filepath.Join(dir, ledgerName)}
	data, err := os.ReadFile(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &l.list)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.file, err)
	}
	return l, nil
}

func (l *ledger) write() error {
	data, err := json.MarshalIndent(l.list, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(l.file, data, 0o600)
}

// start starts a program in a session of its own: a Ctrl-C reaches this process alone, which then stops the others in order.
// The program writes to NAME.log in the lab's directory.
func (l *Lab) start(name string, env []string, program string, args ...string) *Process {
	path := l.Path(name + ".log")
	log := Must(os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)) //nolint:gosec // in a directory of our own
	defer log.Close()                                                          //nolint:errcheck // the process has it open for itself

	cmd := exec.Command(program, args...) //nolint:gosec,noctx // a part of the lab, which is stopped in order
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	Check(cmd.Start())
	p := &Process{Name: name, PID: cmd.Process.Pid, Args: cmd.Args, Log: path, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its log says why
		close(p.exited)
	}()
	l.ledger.list = append(l.ledger.list, p)
	Check(l.ledger.write())
	return p
}

// running are those that have not exited.
func (l *ledger) running() []*Process {
	return slices.DeleteFunc(slices.Clone(l.list), func(p *Process) bool { return !p.running() })
}

// exited is the error of the first process that has exited unasked.
func (l *ledger) exited() error {
	for _, p := range l.list {
		if !p.running() {
			return fmt.Errorf("%s exited unexpectedly; the end of %s:\n%s", p.Name, relative(p.Log), tail(p.Log, 10))
		}
	}
	return nil
}

// stop stops all processes, the last one first.
func (l *ledger) stop() error {
	var errs []error
	for _, p := range slices.Backward(l.list) {
		errs = append(errs, p.stop(syscall.SIGTERM))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	l.list = nil
	return os.RemoveAll(l.file)
}

// remove stops a process by a signal and takes it out of the ledger: that it is gone is no failure.
func (l *ledger) remove(p *Process, s syscall.Signal) error {
	if err := p.stop(s); err != nil {
		return err
	}
	l.list = slices.DeleteFunc(l.list, func(other *Process) bool { return other == p })
	return l.write()
}

// running says whether the process is there and is ours.
func (p *Process) running() bool {
	if p.exited != nil {
		select {
		case <-p.exited:
			return false
		default:
			return true
		}
	}
	return p.PID > 1 && slices.Equal(commandLine(p.PID), strings.Fields(strings.Join(p.Args, " ")))
}

// commandLine is the command line of a process, word by word; nil where there is none, or none that still runs.
func commandLine(pid int) []string {
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if _, none := os.Stat("/proc/self/cmdline"); none != nil {
		line, err = exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec,noctx // a number; and it answers at once
	}
	if err != nil {
		return nil
	}
	return strings.Fields(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
}

// patience is how long a process may take to exit before it is killed.
const patience = 10 * time.Second

// stop sends a signal, and kills the process where that does not help.
func (p *Process) stop(s syscall.Signal) error {
	for _, s := range []syscall.Signal{s, syscall.SIGKILL} {
		p.Signal(s)
		p.Signal(syscall.SIGCONT) // one that is stopped would not hear the first
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if !p.running() {
				return nil
			}
		}
	}
	return fmt.Errorf("%s (%d) does not exit", p.Name, p.PID)
}

// Signal sends a signal to the process if it runs.
func (p *Process) Signal(s syscall.Signal) {
	if p.running() {
		_ = syscall.Kill(p.PID, s) // it may have exited meanwhile
	}
}

// tail is the end of a log: the last lines, or the last of those that contain one of the marks.
func tail(path string, lines int, marks ...string) string {
	data, err := os.ReadFile(path) //nolint:gosec // a log of our own
	if err != nil {
		return err.Error()
	}
	all := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(data)), "\n"), func(line string) bool {
		return len(marks) > 0 && !slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(line, mark) })
	})
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
