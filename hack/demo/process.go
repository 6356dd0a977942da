package main

import (
	"bytes"
	"context"
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

// process is one part of the demo.
type process struct {
	Name string   `json:"name"`
	PID  int      `json:"pid"`
	Args []string `json:"args"` // with the program first; by them a process is known to be ours
	Log  string   `json:"log"`

	ended chan struct{} // closed when it has ended; nil where another run of the demo started it
}

// ledger is the list of processes that were started, in that order. It stands in a file too, so that what a run left behind that
// was killed, or left on purpose, can be ended by another.
type ledger struct {
	file string
	list []*process
}

// ledgerName is the name of a ledger's file in its directory.
const ledgerName = "processes.json"

// readLedger finds what an earlier run noted.
func readLedger(dir string) (*ledger, error) {
	l := &ledger{file: filepath.Join(dir, ledgerName)}
	data, err := os.ReadFile(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &l.list); err != nil {
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

// start starts a program in a session of its own, so that a Ctrl-C reaches the demo alone, which then ends its parts in order.
// What it says goes into NAME.log beside the ledger.
func (l *ledger) start(ctx context.Context, name string, env []string, program string, args ...string) (*process, error) {
	path := filepath.Join(filepath.Dir(l.file), name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // in a directory of our own
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has it open for itself
	// The end of the context ends no part: they are ended in order.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // a part of the demo
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{Name: name, PID: cmd.Process.Pid, Args: cmd.Args, Log: path, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(p.ended)
	}()
	l.list = append(l.list, p)
	return p, l.write()
}

// strike takes a process out that has ended as it was meant to.
func (l *ledger) strike(p *process) error {
	l.list = slices.DeleteFunc(l.list, func(other *process) bool { return other == p })
	return l.write()
}

// fallen is the first part that has ended by itself.
func (l *ledger) fallen() error {
	for _, p := range l.list {
		if !p.running() {
			return fmt.Errorf("%s has ended by itself; the end of %s:\n%s", p.Name, p.Log, tail(p.Log, 10))
		}
	}
	return nil
}

// standing are those that still run.
func (l *ledger) standing() []*process {
	return slices.DeleteFunc(slices.Clone(l.list), func(p *process) bool { return !p.running() })
}

// end ends all parts, the last one first.
func (l *ledger) end() error {
	var left []string
	for _, p := range slices.Backward(l.list) {
		if !p.end() {
			left = append(left, fmt.Sprintf("%s (%d)", p.Name, p.PID))
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("these would not end: %s", strings.Join(left, ", "))
	}
	l.list = nil
	return nil
}

// running says whether the process is there and is ours.
func (p *process) running() bool {
	if p.ended != nil {
		select {
		case <-p.ended:
			return false
		default:
			return true
		}
	}
	return p.PID > 1 && slices.Equal(commandLine(p.PID), strings.Fields(strings.Join(p.Args, " ")))
}

// commandLine is what the system says of a process, word by word; nil where there is none, or none that has not ended.
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

// patience is how long a part may take to end by itself.
const patience = 4 * time.Second

// end ends the process, first kindly. It is false where that did not help.
func (p *process) end() bool {
	if !p.running() {
		return true
	}
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGCONT)
	if p.gone(patience) {
		return true
	}
	p.signal(syscall.SIGKILL)
	return p.gone(patience)
}

// signal is sent to a process that is ours and runs.
func (p *process) signal(s syscall.Signal) {
	if p.running() {
		_ = syscall.Kill(p.PID, s) // one that ended meanwhile
	}
}

// gone waits for the end of the process.
func (p *process) gone(limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if !p.running() {
			return true
		}
	}
	return !p.running()
}

// tail is the end of a log: the last lines, or the last of those that hold one of the marks.
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
